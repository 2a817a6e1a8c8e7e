"""Real networks whose answer is known by construction."""

from __future__ import annotations

import torch
from torch import nn

from msrnet_cli.networks.dmshn import DMSHN


@torch.no_grad()
def tinted_identity(gains):
    """A DMSHN of 12 channels that multiplies each colour by its gain, exactly.

    Strided convolutions move each 2x2 block of pixels into channels, transposed ones
    move them back; residual blocks add nothing; the coarse levels paint nothing.
    """
    network = DMSHN(12)
    for parameter in network.parameters():
        parameter.zero_()
    encoder, decoder = network.encoder1, network.decoder1
    for colour in range(3):
        encoder[0].weight[colour, colour, 1, 1] = 1
        decoder[8].weight[colour, colour, 1, 1] = gains[colour]
    for index, channels in ((3, 3), (6, 12)):
        _blocks_into_channels(encoder[index], channels)
    for index, channels in ((2, 12), (5, 3)):
        _channels_into_blocks(decoder[index], channels)
    return network


def _blocks_into_channels(conv: nn.Conv2d, channels: int) -> None:
    for row in range(2):
        for column in range(2):
            for c in range(channels):
                conv.weight[4 * c + 2 * row + column, c, 1 + row, 1 + column] = 1


def _channels_into_blocks(conv: nn.ConvTranspose2d, channels: int) -> None:
    for row in range(2):
        for column in range(2):
            for c in range(channels):
                conv.weight[4 * c + 2 * row + column, c, 1 + row, 1 + column] = 1


@torch.no_grad()
def constant_network(value):
    """A DMSHN of 4 channels that paints one value everywhere."""
    network = DMSHN(4)
    for parameter in network.parameters():
        parameter.zero_()
    network.decoder1[8].bias.fill_(value)
    return network


def published(network):
    """The state dict of a DMSHN in its authors' names."""
    layers = {
        "encoder": (1, 2, 3, 5, 6, 7, 9, 10, 11),
        "decoder": (13, 14, 16, 17, 18, 20, 21, 22, 24),
    }
    convs = {"conv1": ".0", "conv2": ".2"}
    state = {}
    for name, value in network.state_dict().items():
        part, index, *rest, kind = name.split(".")
        half, level = part[:-1], part[-1]
        conv = convs[rest[0]] if rest else ""
        theirs = f"{half}_lv{level}.layer{layers[half][int(index)]}{conv}.{kind}"
        state[theirs] = value
    return state
