"""The feature networks have torchvision's layers, take its files, and refuse others."""

import hashlib
import os
import struct
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from msrnet_cli import perceptual
from msrnet_cli.errors import WeightsError
from msrnet_cli.perceptual import LPIPS, VGG16Features

VGG_CONVS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory):
    """A file as torchvision writes it, with weights by chance."""
    torch.manual_seed(0)
    state = {f"features.{k}": v for k, v in LPIPS().features.state_dict().items()}
    path = tmp_path_factory.mktemp("alexnet") / "alexnet.pth"
    torch.save({**state, "classifier.1.weight": torch.zeros(2)}, path)
    return path


def test_vgg16_has_torchvisions_names_and_size():
    network = VGG16Features()
    names = {f"features.{i}.{kind}" for i in VGG_CONVS for kind in ("weight", "bias")}
    assert network.state_dict().keys() == names
    assert sum(p.numel() for p in network.parameters()) == 14_714_688
    assert network(torch.rand(1, 3, 64, 96)).shape == (1, 512, 2, 3)


def test_weights_are_taken_from_either_kind_of_file(tmp_path):
    network = VGG16Features()
    state = dict(network.state_dict()) | {"head.fc.bias": torch.zeros(3)}
    save_file(state, tmp_path / "vgg.safetensors")
    torch.save(state, tmp_path / "vgg.pth")
    image = torch.rand(1, 3, 32, 32)
    for name in ("vgg.safetensors", "vgg.pth"):
        loaded = perceptual.load_vgg16(str(tmp_path / name))
        assert torch.equal(loaded(image), network(image))
        assert not any(p.requires_grad for p in loaded.parameters())


def test_a_fifo_in_the_place_of_weights_is_refused_and_not_waited_for(tmp_path):
    for name in ("a.pth", "a.safetensors"):
        os.mkfifo(tmp_path / name)
        for load in (perceptual.load_vgg16, perceptual.load_lpips):
            with pytest.raises(WeightsError, match="not a regular file"):
                load(str(tmp_path / name))


def test_absent_or_wrong_weights_say_how_to_get_them(tmp_path):
    with pytest.raises(WeightsError, match=r"timm/vgg16\.tv_in1k.*--no-perceptual"):
        perceptual.load_vgg16(str(tmp_path / "nothing.safetensors"))
    (tmp_path / "junk.pth").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="cannot be opened safely") as refused:
        perceptual.load_vgg16(str(tmp_path / "junk.pth"))
    assert "weights_only" not in str(refused.value)  # torch's advice to run the file
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="holds no VGG16"):
        perceptual.load_vgg16(str(tmp_path / "other.safetensors"))
    with pytest.raises(WeightsError, match="--alexnet"):
        perceptual.load_lpips(str(tmp_path / "nothing.pth"))


@pytest.mark.parametrize("value", [5, "text", [1.0], None, torch.zeros(2).to_sparse()])
def test_a_value_that_is_not_a_fitting_tensor_is_refused(tmp_path, value):
    torch.save({"features.0.weight": value}, tmp_path / "odd.pth")
    with pytest.raises(WeightsError, match=r"holds no AlexNet: 0\.weight does not fit"):
        perceptual.load_lpips(str(tmp_path / "odd.pth"))
    with pytest.raises(WeightsError, match=r"holds no VGG16: features\.0\.weight does"):
        perceptual.load_vgg16(str(tmp_path / "odd.pth"))


@pytest.mark.parametrize("change", [Tensor.to_sparse, Tensor.long, Tensor.cfloat])
def test_a_tensor_of_another_kind_is_refused(tmp_path, alexnet, change):
    state = torch.load(alexnet, weights_only=True)
    state["features.0.bias"] = change(state["features.0.bias"])
    torch.save(state, tmp_path / "odd.pth")
    with pytest.raises(WeightsError, match=r"holds no AlexNet: 0\.bias does not fit"):
        perceptual.load_lpips(str(tmp_path / "odd.pth"))


def test_lpips_is_a_distance(alexnet):
    lpips = perceptual.load_lpips(str(alexnet))
    x = torch.rand(2, 3, 64, 64)
    near, far = x + 0.02 * torch.randn_like(x), torch.rand_like(x)
    assert torch.equal(lpips(x, x), torch.zeros(2))
    assert torch.allclose(lpips(x, far), lpips(far, x))
    assert (lpips(x, near) < lpips(x, far)).all()


def test_lpips_has_the_published_heads_bit_by_bit(alexnet):
    """The digest is that of the floats of the authors' v0.1/alex.pth, little-endian."""
    heads = perceptual.load_lpips(str(alexnet)).heads
    assert [len(head) for head in heads] == [64, 192, 384, 256, 256]
    values = [value for head in heads for value in head.tolist()]
    digest = hashlib.sha256(struct.pack(f"<{len(values)}f", *values)).hexdigest()
    assert digest == "718a8b40b0d22f96192d34ab93c0db5c7943558ff6c2407f44812dce2f29b5f4"
    sums = [2.34953231, 16.14302748, 39.26843925, 27.19717844, 20.31717710]
    assert [sum(head.tolist()) for head in heads] == pytest.approx(sums, abs=1e-6)


def test_the_heads_lie_beside_their_licence_and_source():
    folder = Path(perceptual.__file__).parent / "lpips_heads"
    assert "Richard Zhang" in (folder / "LICENSE").read_text()
    with safe_open(str(folder / "alex.safetensors"), "pt") as file:
        told = file.metadata()
    assert "richzhang/PerceptualSimilarity" in told["source"]
    assert "BSD-2-Clause" in told["licence"]


def test_lpips_has_its_closed_form_for_one_layer(alexnet):
    """With all but the first head 0: weighted squares of unit features, averaged."""
    lpips = perceptual.load_lpips(str(alexnet))
    for head in list(lpips.heads)[1:]:
        head.zero_()
    x, y = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    shift = torch.tensor([-0.030, -0.088, -0.188])[:, None, None]
    scale = torch.tensor([0.458, 0.448, 0.450])[:, None, None]
    first = [lpips.features[:2](((2 * p - 1) - shift) / scale) for p in (x, y)]
    one, other = (f / f.norm(dim=1, keepdim=True) for f in first)
    expected = (lpips.heads[0][:, None, None] * (one - other) ** 2).sum(1).mean()
    assert lpips(x, y).item() == pytest.approx(expected.item(), rel=1e-4)
