"""A network that starts as the identity gives back its input, and still learns."""

import pytest
import torch

from msrnet_cli.networks.dmshn import DMSHN, initialise_identity
from msrnet_cli.networks.stacked import StackedDMSHN


@pytest.mark.parametrize("kind", [DMSHN, StackedDMSHN])
@pytest.mark.parametrize("channels", [12, 13, 32])
def test_the_output_is_the_input(kind, channels):
    network = kind(channels)
    initialise_identity(network)
    image = torch.rand(2, 3, 48, 64)
    with torch.no_grad():
        assert (network(image) - image).abs().max() < 1e-5


def test_too_few_channels_are_refused():
    with pytest.raises(ValueError, match="12"):
        initialise_identity(DMSHN(11))


def test_every_weight_learns_within_a_few_steps():
    network = DMSHN(16)
    initialise_identity(network)
    before = {name: value.clone() for name, value in network.named_parameters()}
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(4):
        optimizer.zero_grad()
        image = torch.rand(1, 3, 32, 32)
        (network(image) - image.flip(-1)).square().mean().backward()
        optimizer.step()
    assert len(before) > 50
    for name, value in network.named_parameters():
        changed = (value != before[name]).float().mean()
        assert changed > 0.5, name
