"""Networks that paint layers, and whose layers are known."""

from __future__ import annotations

import math

import torch
from torch import nn

from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.layers.camera import encode, lin
from msrnet_cli.networks import lightstage
from msrnet_cli.relight.relighter import Relighter

OUTPUTS = len(lightstage.OUTPUTS)


def card(channels=4, **more):
    return WeightsCard(model=ModelConfig("lightstage", channels), **more)


class Stored(nn.Module):
    """Paints the layers that it was given, whatever it sees; and reads a light.

    Args:
        layers: 9 3 H W.
        read: East, north and share, as in `layers.reading`.
    """

    def __init__(self, layers, read=(0.5, 0.5, 0.5)):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        more = torch.full((OUTPUTS - len(layers), *layers.shape[1:]), 0.5)
        more[-1] = torch.tensor(read)[:, None, None]
        self.outputs = torch.cat((layers, more)).flatten(0, 1)

    def forward(self, x):
        height, width = self.outputs.shape[-2:]
        rest = (0, x.shape[-1] - width, 0, x.shape[-2] - height)
        painted = nn.functional.pad(self.outputs, rest, value=0.5)
        return painted.expand(len(x), -1, -1, -1).to(x).clone()


class Pointwise(nn.Module):
    """Paints each pixel by what it is: darker or brighter, by layer and by colour."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        mean = x.mean(1, keepdim=True)
        painted = [
            encode(lin(x) * (0.6 + 0.4 * torch.cos(math.pi * place / 4 + 6 * mean)))
            for place in range(OUTPUTS)
        ]
        return torch.cat(painted, 1) * self.weight


def stage(network, **options):
    """A relighter of such a network, on the CPU, which sees pictures as they are.

    It sees them once: what these networks paint has nothing to do with a mirror.
    """
    usual = {"device": "cpu", "dtype": "fp32", "work_size": "full"}
    usual["self_ensemble"] = False
    return Relighter(network, card(), **(usual | options))
