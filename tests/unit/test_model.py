"""The networks against the paper's numbers and the authors' published results."""

import pytest
import torch
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.networks import build
from msrnet_cli.networks.dmshn import DMSHN, double, half
from msrnet_cli.networks.stacked import StackedDMSHN
from msrnet_cli.weights.file import load_network, load_weights
from msrnet_cli.weights.published import import_published
from networks import tinted_identity

COUNTS = {DMSHN: (5_424_393, 180, 684.03), StackedDMSHN: (10_848_786, 360, 1368.06)}


@pytest.mark.parametrize("kind", COUNTS)
def test_parameters_and_arithmetic_are_the_paper_s(kind):
    parameters, tensors, gigaflop = COUNTS[kind]
    with torch.device("meta"):
        network = kind()
        image = torch.empty(1, 3, 1024, 1024)
    with FlopCounterMode(display=False) as counter:
        assert network(image).shape == image.shape
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert len(network.state_dict()) == tensors
    assert counter.get_total_flops() / 1e9 == pytest.approx(gigaflop, abs=0.01)


def test_published_weights_give_the_published_pictures(shared, tmp_path):
    file = tmp_path / "dehaze.safetensors"
    source = shared / "reference" / "dmshn_dehaze_published.safetensors"
    card = import_published(source, file, WeightsCard())
    golden = load_file(shared / "reference" / "golden_io.safetensors")
    one = load_network(file)
    stacked = build(ModelConfig("stacked", card.model.channels))
    state = load_weights(file).state
    stacked.load_state_dict({f"{i}.{k}": v for i in (0, 1) for k, v in state.items()})
    with torch.no_grad():
        assert (one(golden["input"]) - golden["dmshn"]).abs().max() < 1e-5
        assert (stacked(golden["input"]) - golden["stacked_dmshn"]).abs().max() < 1e-5


def test_parameter_names_are_frozen():
    # Weights files are addressed by these names: changing one breaks them all.
    with torch.device("meta"):
        names = list(StackedDMSHN(4).state_dict())
    assert names[:4] == [
        "0.encoder1.0.weight",
        "0.encoder1.0.bias",
        "0.encoder1.1.conv1.weight",
        "0.encoder1.1.conv1.bias",
    ]
    assert names[-2:] == ["1.decoder3.8.weight", "1.decoder3.8.bias"]


def test_a_fresh_network_neither_explodes_nor_dies():
    output = StackedDMSHN(8)(torch.rand(1, 3, 64, 64))
    assert 1e-4 < output.abs().mean() < 2


def test_a_network_can_be_the_identity():
    image = torch.rand(2, 3, 32, 48)
    with torch.no_grad():
        assert torch.equal(tinted_identity((1, 1, 1))(image), image)


def test_halving_and_doubling_keep_a_flat_picture():
    flat = torch.full((1, 3, 8, 8), 0.3)
    assert torch.allclose(double(half(flat)), flat)


def test_halving_is_bilinear_without_aligned_corners():
    image = torch.rand(1, 3, 16, 32)
    reference = torch.nn.functional.interpolate(
        image, scale_factor=0.5, mode="bilinear"
    )
    assert torch.allclose(half(image), reference, atol=1e-6)
