"""GridDehazeNet, a baseline of the paper: a grid of 3 rows and 6 columns (ICCV 2019).

    picture -> X00 -> X01 -> X02 -> X03 -> X04 -> X05 -> picture      c/2, H   W
                |      |      |      ^      ^      ^
                v      v      v      |      |      |
               X10 -> X11 -> X12 -> X13 -> X14 -> X15                 c,   H/2 W/2
                |      |      |      ^      ^      ^
                v      v      v      |      |      |
               X20 -> X21 -> X22 -> X23 -> X24 -> X25                 2c,  H/4 W/4

Where two arrows meet, their features are added, each channel times a weight that is
learnt. Shapes are B C H W. There is no normalisation.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msrnet_cli.networks.spec import COLOURS, Architecture

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS = 3
COLUMNS = 6
_TURN = 3  # arrows lead down in the columns before, and up from here on
_LAYERS = 4  # of a dense block


class DenseBlock(nn.Module):
    """An arrow to the right: B C H W to the same shape.

    Each layer sees the block's input and what all layers before it have found; a 1x1
    convolution reads all of that, and is added to the input.

    Args:
        channels: C.
        growth: Channels that each layer adds.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        seen = [channels + growth * layer for layer in range(_LAYERS + 1)]
        self.layers = nn.ModuleList(
            nn.Conv2d(count, growth, 3, padding=1) for count in seen[:-1]
        )
        self.last = nn.Conv2d(seen[-1], channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        found = x
        for layer in self.layers:
            found = torch.cat((found, F.relu(layer(found))), 1)
        return x + self.last(found)


class Down(nn.Module):
    """An arrow down: B C H W to B P H/2 W/2, sides rounded up."""

    def __init__(self, channels: int, painted: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.widen = nn.Conv2d(channels, painted, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.widen(F.relu(self.reduce(x))))


class Up(nn.Module):
    """An arrow up: B C H/2 W/2 to B P H W, of the size that the row above has."""

    def __init__(self, channels: int, painted: int) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(channels, channels, 3, stride=2, padding=1)
        self.narrow = nn.Conv2d(channels, painted, 3, padding=1)

    def forward(self, x: Tensor, size: Sequence[int]) -> Tensor:
        enlarged = self.enlarge(x, output_size=list(size[-2:]))
        return F.relu(self.narrow(F.relu(enlarged)))


class GridDehazeNet(nn.Module):
    """The grid: B 3 H W to B 3 H W, of any size.

    That of its authors has 958,051 parameters. The initial weights are PyTorch's own.

    Args:
        channels: Of the middle row; the upper row, and each layer of a dense block, has
            half as many, the lower row twice as many. 32 are its authors' 16, 32, 64.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        widths = (max(1, channels // 2), channels, 2 * channels)
        thin = widths[0]
        # Of all nodes, as wide as the widest: most have no use for all of theirs.
        self.coefficient = nn.Parameter(torch.ones(ROWS, COLUMNS, 2, widths[-1]))
        self.conv_in = nn.Conv2d(COLOURS, thin, 3, padding=1)
        self.conv_out = nn.Conv2d(thin, COLOURS, 3, padding=1)
        self.block_in = DenseBlock(thin, thin)
        self.block_out = DenseBlock(thin, thin)
        # Arrows are named by the node to which they lead, and drawn in this order.
        self.right = nn.ModuleDict()
        self.down = nn.ModuleDict()
        self.up = nn.ModuleDict()
        for row, column in product(range(ROWS), range(1, COLUMNS)):
            self.right[f"{row}{column}"] = DenseBlock(widths[row], thin)
        for row, column in product((1, 2), range(_TURN)):
            self.down[f"{row}{column}"] = Down(widths[row - 1], widths[row])
        for row, column in product((1, 0), range(_TURN, COLUMNS)):
            self.up[f"{row}{column}"] = Up(widths[row + 1], widths[row])

    def forward(self, image: Tensor) -> Tensor:
        """Relight a batch.

        Args:
            image: B 3 H W, values in the range the weights were trained on; the
                authors' weights see [-1, 1].

        Returns:
            B 3 H W, at least 0, not clamped from above; 1 is white.
        """
        nodes = [self.block_in(self.conv_in(image))]
        for row in (1, 2):
            nodes.append(self.down[f"{row}0"](nodes[-1]))
        for column in range(1, _TURN):
            nodes = self._led_down(nodes, column)
        for column in range(_TURN, COLUMNS):
            nodes = self._led_up(nodes, column)
        return F.relu(self.conv_out(self.block_out(nodes[0])))

    def _led_down(self, left: list[Tensor], column: int) -> list[Tensor]:
        """The nodes of a column, top to bottom, for those of the one before."""
        nodes = [self.right[f"0{column}"](left[0])]
        for row in (1, 2):
            beside = self.right[f"{row}{column}"](left[row])
            above = self.down[f"{row}{column}"](nodes[-1])
            nodes.append(self._met(row, column, beside, above))
        return nodes

    def _led_up(self, left: list[Tensor], column: int) -> list[Tensor]:
        """As `_led_down`, but computed from the bottom."""
        nodes = [self.right[f"2{column}"](left[2])]
        for row in (1, 0):
            beside = self.right[f"{row}{column}"](left[row])
            below = self.up[f"{row}{column}"](nodes[0], beside.shape)
            nodes.insert(0, self._met(row, column, beside, below))
        return nodes

    def _met(self, row: int, column: int, beside: Tensor, other: Tensor) -> Tensor:
        """A node where two arrows meet."""
        used = self.coefficient[row, column, :, : beside.shape[1], None, None]
        lateral, vertical = used.to(beside.dtype)  # of autocast, where that is on
        return lateral * beside + vertical * other


IDENTITY_CHANNELS = 2 * COLOURS
"""Fewest channels that leave three to the upper row."""


@torch.no_grad()
def start_as_identity(network: nn.Module) -> None:
    """Start with each output equal to its picture, seen in [-1, 1], painted in [0, 1].

    Three channels of the upper row carry the picture. What is found is multiplied by 0
    before it is added to them, so these factors have a gradient from the first step on.
    All other channels start as usual. Above black the last ReLU passes all gradients,
    where after another start it may stop those of whole pictures.

    Args:
        network: Freshly initialised, with at least `IDENTITY_CHANNELS` channels.

    Raises:
        ValueError: It has fewer.
    """
    assert isinstance(network, GridDehazeNet)
    channels = len(network.conv_in.weight) * 2
    if channels < IDENTITY_CHANNELS:
        raise ValueError(f"{channels} channels; the identity needs {IDENTITY_CHANNELS}")
    stem, last = network.conv_in, network.conv_out
    for parameter in (*stem.parameters(), *last.parameters()):
        parameter[:COLOURS] = 0
    for colour in range(COLOURS):
        stem.weight[colour, colour, 1, 1] = 1
        last.weight[colour, colour, 1, 1] = 0.5
    network.get_parameter("conv_out.bias").fill_(0.5)
    along = [f"right.0{column}" for column in range(1, COLUMNS)]
    for block, kind in product(("block_in", *along, "block_out"), ("weight", "bias")):
        network.get_parameter(f"{block}.last.{kind}")[:COLOURS] = 0
    network.coefficient[0, _TURN:, 1, :COLOURS] = 0


ARCHITECTURE = Architecture(
    build=GridDehazeNet,
    multiple=4,  # it takes any size; but tiles must begin where the lowest row does
    reach=108,  # of the receptive field of 209 pixels, 105 lie to one side at most
    bytes_per_pixel={"fp32": 1160, "bf16": 780, "fp16": 780},
    painter="conv_out",
    start_as_identity=start_as_identity,
    identity_channels=IDENTITY_CHANNELS,
)
