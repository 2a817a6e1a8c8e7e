"""The network on a CPU, through the fused operators of oneDNN that torch carries.

A convolution with its ReLU, or with the sum of its residual block, is one operator. The
weights are laid out for oneDNN once. Nothing is compiled, so there is no wait.

Of a chain's feature maps only one exists at a time, whole, in memory that is kept.
Residual blocks change it in place, and an operator returns strips of its rows. The
result is that of whole maps, up to rounding.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from msrnet_cli.engines.onednn import FEWEST_CHANNELS, Conv, Up, on_blocks
from msrnet_cli.engines.rewiring import rewired
from msrnet_cli.networks.dmshn import Chain, Decoder, ResidualBlock, double

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STRIP = 2**25  # bytes that an operator returns, about: fewer take longer
_FEWEST_ROWS = 4
_SMALL = 2**22  # bytes of a map that needs no room
_KEPT = 2**28  # bytes of the largest room that outlives its pass


def is_supported(dtype: torch.dtype) -> bool:
    """Whether this build of torch, on this processor, has the operators."""
    if not (torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled):
        return False
    needed = ("_convolution_pointwise", "_is_mkldnn_bf16_supported")
    if not all(hasattr(torch.ops.mkldnn, name) for name in needed):
        return False
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32


def covers(network: nn.Module) -> bool:
    """Whether all weights of a network lie in chains, which have fused operators."""
    chains = [m for m in network.modules() if isinstance(m, Chain)]
    fused = {id(weight) for chain in chains for weight in chain.parameters()}
    has_all = fused.issuperset(map(id, network.parameters()))
    return has_all and all(map(_can_share_memory, chains))


def _can_share_memory(chain: Chain) -> bool:
    """Whether each convolution inside halves or doubles its map; see `_Step`."""
    for part in list(chain)[1:-1]:
        if isinstance(part, nn.Conv2d):
            channels = (2 * part.in_channels, part.out_channels)
        elif isinstance(part, nn.ConvTranspose2d):
            channels = (part.in_channels, 2 * part.out_channels)
        else:
            continue
        if channels[0] != channels[1] or part.stride != (2, 2):
            return False
    return True


def fuse(network: nn.Module) -> Fused:
    """A network that computes the same with fused operators.

    Args:
        network: One that is covered, on the CPU, in a format that `is_supported`.

    Returns:
        A module that takes and gives float32: pictures are reduced, enlarged and added
        in full precision, only features are in the network's format. The module gives
        no gradients. It has weights of its own, and leaves the network alone.
    """
    with torch.no_grad():
        rooms = _Rooms()
        return Fused(rewired(network, Chain, partial(_Chain, rooms=rooms)), rooms)


class Fused(nn.Module):
    """A network whose chains are fused. To ask it for gradients fails.

    Args:
        network: With fused chains.
        rooms: Of all its chains.
    """

    def __init__(self, network: nn.Module, rooms: _Rooms) -> None:
        super().__init__()
        self._network = network
        self._rooms = rooms
        chains = (m for m in network.modules() if isinstance(m, _Chain))
        self._values = max(chain.values for chain in chains)

    def forward(self, *tensors: Tensor) -> Tensor:
        # A room for the finest level at once, not one for each level.
        self._rooms.least = int(self._values * tensors[0][0, 0].numel())
        with torch.no_grad():
            return self._network(*tensors)

    def release(self) -> None:
        """Free the memory that is kept between passes."""
        self._rooms.clear()


class _Rooms:
    """Memory for feature maps: a room for each chain that is running.

    Rooms are kept because glibc does not reuse a freed block for an aligned block of
    the same size: it looks for some bytes more. Maps would come to lie side by side.
    """

    def __init__(self) -> None:
        self.least = 0
        self._kept: list[Tensor] = []

    def clear(self) -> None:
        """Free the rooms that no chain uses."""
        self._kept.clear()

    @contextmanager
    def take(self, count: int, dtype: torch.dtype) -> Iterator[Tensor]:
        """A flat tensor of so many values, not initialised."""
        try:
            room = self._kept.pop()
        except IndexError:
            room = torch.empty(0, dtype=dtype)
        if len(room) < count:
            del room  # before there is another
            room = torch.empty(max(count, self.least), dtype=dtype)
        yield room[:count]
        if room.nbytes <= _KEPT:
            self._kept.append(room)


class _Chain(nn.Module):
    """An encoder, a decoder, or another chain.

    Args:
        chain: The plain one.
        rooms: Where its feature maps lie.
    """

    def __init__(self, chain: nn.Module, rooms: _Rooms) -> None:
        super().__init__()
        self._dtype = next(chain.parameters()).dtype
        self._paints = isinstance(chain, Decoder)
        self._parts = [_fused(part) for part in chain.children()]
        self._rooms = rooms

    @property
    def values(self) -> float:
        """Of the largest map, for each pixel of the finest map."""
        shapes = self._shapes(torch.Size((1, 1, 256, 256)))
        finest = max(shape[2:].numel() for shape in shapes)
        return max(shape.numel() for shape in shapes[1:]) / finest

    def forward(self, x: Tensor, coarser: Tensor | None = None) -> Tensor:
        """See `Chain`. Pictures are float32, features are channels last."""
        *shapes, shape = self._shapes(x.shape)
        last = torch.channels_last
        made = (
            torch.empty(shape)
            if self._paints
            else torch.empty(shape, dtype=self._dtype, memory_format=last)
        )
        # Together as many pictures as fit into a strip.
        largest = max(map(math.prod, shapes)) * self._dtype.itemsize
        together = max(1, len(x) * _STRIP // max(largest, 1))
        for start in range(0, len(x), together):
            here = slice(start, start + together)
            self._run(x[here], None if coarser is None else coarser[here], made[here])
        return made

    def _run(self, x: Tensor, coarser: Tensor | None, made: Tensor) -> None:
        """Run all parts; large maps lie at the start of one room, one after another."""
        *parts, last = self._parts
        given, *shapes, _ = self._shapes(x.shape)
        count = max(map(math.prod, shapes), default=0)
        with self._rooms.take(count, self._dtype) as room:
            if isinstance(self._parts[0], _Block):  # works in place, not on the input
                total = _placed(room, given)
                x = total.copy_(x) if coarser is None else _summed(x, coarser, total)
            elif coarser is not None:  # pictures are added in full precision
                x = _summed(x, coarser, torch.empty_like(x))
            for part, shape in zip(parts, shapes, strict=True):
                x = part(x, _placed(room, shape))
            y = last(x, made)
            if y is not made:
                made.copy_(y)

    def _shapes(self, shape: torch.Size) -> list[torch.Size]:
        """Of the input, and of what each part makes of it."""
        shapes = [shape]
        for part in self._parts:
            shapes.append(part.shape(shapes[-1]))
        return shapes


class _Part(Protocol):
    """A part of a chain."""

    def shape(self, given: torch.Size) -> torch.Size:
        """The shape of the output for that of an input."""
        ...

    def __call__(self, x: Tensor, target: Tensor, /) -> Tensor:
        """Compute the output for a map.

        Args:
            x: B C H W; more than one picture only where each map is one strip.
            target: Takes the output. It may begin where `x` begins.

        Returns:
            `target`; a tensor of its own, if that is small; `x`, changed in place.
        """
        ...


class _Step:
    """A convolution between residual blocks, in strips of rows.

    What is read and what is written may share memory: a map that is halved is written
    from the top, one that is doubled from the bottom, so that no row is lost before it
    is read. (Both have the same number of values in a row: see `covers`.)

    Args:
        convolve: Gives the output for a map.
        channels: Of the output.
        down: Rows of the map that it takes at a time.
        up: Rows of the output that they give.
    """

    def __init__(
        self, convolve: Callable[[Tensor], Tensor], channels: int, down: int, up: int
    ) -> None:
        self._convolve = convolve
        self._channels = channels
        self._down = down
        self._up = up

    def shape(self, given: torch.Size) -> torch.Size:
        """The shape of the output for that of an input."""
        height, width = (side // self._down * self._up for side in given[2:])
        return torch.Size((given[0], self._channels, height, width))

    def __call__(self, x: Tensor, target: Tensor) -> Tensor:
        """Compute the output for a map; see `_Part`."""
        if target.nbytes <= _SMALL:
            return self._convolve(x)
        row = max(x[:, :, : self._down].nbytes, target[:, :, : self._up].nbytes)
        cuts = _cuts(x.shape[2] // self._down, row)
        for top, bottom in reversed(cuts) if self._up > self._down else cuts:
            self._strip(x, target, top, bottom)
        return target

    def _strip(self, x: Tensor, target: Tensor, top: int, bottom: int) -> None:
        first = max(0, top - 1)  # a neighbour; what is computed there is left out
        y = self._convolve(x[:, :, self._down * first : self._down * (bottom + 1)])
        rows = y[:, :, self._up * (top - first) :][:, :, : self._up * (bottom - top)]
        target[:, :, self._up * top : self._up * bottom] = rows


class _Block:
    """A residual block, in place, and in strips of rows.

    A row of the output needs three rows of what lies between the convolutions. The last
    two of a strip are kept for the first of the next.
    """

    def __init__(self, block: ResidualBlock) -> None:
        self._conv1 = Conv(block.conv1.weight, block.conv1.bias)
        self._conv2 = Conv(block.conv2.weight, block.conv2.bias)

    def shape(self, given: torch.Size) -> torch.Size:
        """The shape of the output for that of an input."""
        return given

    def __call__(self, x: Tensor, _target: Tensor, /) -> Tensor:
        """Change a map in place, and return it; see `_Part`."""
        cuts = _cuts(x.shape[2], x[:, :, 0].nbytes)
        if len(cuts) == 1:
            self._conv2.add_to(x, self._conv1(x, "relu"))
            return x
        outside = torch.zeros_like(x[:, :, :1])
        before = outside
        for top, bottom in cuts:
            before = self._strip(x, before, top, bottom)
        self._conv2.add_to(x[:, :, -1:], torch.cat((before, outside), 2), 0)
        return x

    def _strip(self, x: Tensor, before: Tensor, top: int, bottom: int) -> Tensor:
        """Add to the rows of `x` whose neighbours are known; give the last two."""
        y = self._between(x, top, bottom)
        seam = torch.cat((before, y[:, :, :2]), 2)
        self._conv2.add_to(x[:, :, top + 3 - seam.shape[2] : top + 1], seam, 0)
        self._conv2.add_to(x[:, :, top + 1 : bottom - 1], y, 0)
        return y[:, :, -2:].clone()

    def _between(self, x: Tensor, top: int, bottom: int) -> Tensor:
        """Rows of what lies between the convolutions."""
        if top > 0 and bottom < x.shape[2]:
            return self._conv1(x[:, :, top - 1 : bottom + 1], "relu", 0)
        first = max(0, top - 1)
        y = self._conv1(x[:, :, first : bottom + 1], "relu")
        return y[:, :, top - first :][:, :, : bottom - top]


def _summed(x: Tensor, coarser: Tensor, total: Tensor) -> Tensor:
    """Write x + double(coarser) into `total`, in strips of rows."""
    for top, bottom in _cuts(coarser.shape[2], total[:, :, :2].nbytes):
        first = max(0, top - 1)
        doubled = double(coarser[:, :, first : bottom + 1])[:, :, 2 * (top - first) :]
        rows = slice(2 * top, 2 * bottom)
        doubled = doubled[:, :, : 2 * (bottom - top)]
        torch.add(x[:, :, rows], doubled, out=total[:, :, rows])
    return total


def _fused(part: nn.Module) -> _Part:
    if isinstance(part, ResidualBlock):
        return _Block(part)
    assert isinstance(part, nn.Conv2d | nn.ConvTranspose2d)  # see `covers`
    channels, stride = part.out_channels, part.stride[0]
    if isinstance(part, nn.ConvTranspose2d):
        return _Step(Up(part), channels, 1, stride)
    if stride == 1 and 4 * channels <= FEWEST_CHANNELS:
        return _Step(on_blocks(part), channels, 2, 2)
    return _Step(Conv(part.weight, part.bias, stride), channels, stride, 1)


def _placed(room: Tensor, shape: torch.Size) -> Tensor:
    """The start of a flat tensor as B C H W, channels last."""
    batch, channels, height, width = shape
    values = room[: shape.numel()]
    return values.view(batch, height, width, channels).permute(0, 3, 1, 2)


def _cuts(height: int, row: int) -> list[tuple[int, int]]:
    """First and last row of equal strips, for a number of bytes in each row."""
    count = max(1, height // max(_STRIP // row, _FEWEST_ROWS))
    edges = [height * index // count for index in range(count + 1)]
    return list(pairwise(edges))
