"""Guards: never a wrong picture, and no weights that make no sense."""

import re

import pytest
import torch

from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.errors import PictureError, WeightsError
from msrnet_cli.networks import architecture
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.weights.file import save_weights
from relighters import relighter


class Sick(torch.nn.Module):
    """The identity, but in reduced precision it returns what a broken kernel might."""

    def __init__(self, poison, always=False):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.poison, self.always = poison, always

    def forward(self, x):
        sick = self.always or x.dtype != torch.float32
        return torch.full_like(x, self.poison) if sick else x


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 0.0])
def test_unsound_output_is_computed_again_in_float32(poison):
    image = torch.rand(3, 16, 16)
    result = relighter(Sick(poison), dtype="bf16", engine="eager").run([image])
    assert torch.equal(result.outputs[0], image)
    assert any("fp32" in note for note in result.notes)


@pytest.mark.parametrize("poison", [float("nan"), 0.0])
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_output_that_stays_unsound_fails_that_picture_only(poison, dtype):
    subject = relighter(Sick(poison, always=True), dtype=dtype)
    result = subject.run([torch.rand(3, 16, 16)])
    assert len(result.outputs) == 1
    assert isinstance(result.outputs[0], PictureError)
    with pytest.raises(PictureError, match="flat colour; check the weights"):
        subject.relight(torch.rand(3, 16, 16))


def saved(network, path, arch="dmshn"):
    card = WeightsCard(model=ModelConfig(arch, 4))
    save_weights(path, network.state_dict(), card)
    return path


@pytest.mark.parametrize("arch", ["dmshn", "stacked", "lightstage", "griddehazenet"])
@pytest.mark.parametrize(
    ("scale", "dtype"), [(30, "fp32"), (1e4, "bf16"), (1e15, "auto"), (0, "fp32")]
)
def test_finite_but_absurd_weights_are_refused_and_named(tmp_path, arch, scale, dtype):
    network = architecture(arch).build(4)
    painter = network.get_parameter(f"{architecture(arch).painter}.bias")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(scale)
        if not scale:
            painter.fill_(9.0)
    path = saved(network, tmp_path / "w.safetensors", arch)
    with pytest.raises(WeightsError, match=re.escape(str(path))) as caught:
        Relighter.load(path, device="cpu", dtype=dtype)
    assert "use other weights" in caught.value.remedy


@pytest.mark.parametrize("arch", ["dmshn", "stacked", "lightstage", "griddehazenet"])
@pytest.mark.parametrize("seed", range(3))
def test_weights_that_were_never_trained_are_taken(tmp_path, arch, seed):
    torch.manual_seed(seed)
    network = architecture(arch).build(4)
    path = saved(network, tmp_path / "w.safetensors", arch)
    assert Relighter.load(path, device="cpu", dtype="fp32").digest


def test_a_flat_picture_may_stay_flat(identity):
    black = torch.zeros(3, 20, 20)
    assert torch.equal(identity.relight(black), black)
