"""Triton kernels for residual blocks: a convolution's end in one pass, or all of it.

A residual block is relu(conv(x)), then x + conv(that). torch computes the bias, the
ReLU and the sum in passes of their own over feature maps too large for a GPU's caches;
here they are one pass, or part of the convolution.

Feature maps are B C H W, channels last: the channels of a pixel lie side by side.
Arithmetic is in float32, whatever format the maps are in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

if TYPE_CHECKING:
    from torch import Tensor

_BLOCK = 2048  # values that a program of `_finish` works at
_WIDTHS = (16, 32, 64, 128, 256)  # channels that the matrix units take whole


@dataclass(frozen=True)
class Tile:
    """How `convolve` cuts its work.

    Attributes:
        rows: Of a tile of pixels; a power of 2, as the columns.
        columns: Of that.
        warps: That work at a tile.
        stages: Loads under way at a time; 1 leaves them to the first cache.
    """

    rows: int
    columns: int
    warps: int
    stages: int

    def __str__(self) -> str:
        return f"{self.rows}x{self.columns}, {self.warps} warps, {self.stages} stages"


def finish_(maps: Tensor, bias: Tensor, given: Tensor | None = None) -> Tensor:
    """End a convolution, in place: relu(maps + bias), or given + maps + bias.

    Args:
        maps: B C H W, channels last, from a convolution without bias.
        bias: C.
        given: What a block was given, as the maps; None where the ReLU comes next.

    Returns:
        The maps.
    """
    assert maps.is_contiguous(memory_format=torch.channels_last)
    count = maps.numel()
    _finish[triton.cdiv(count, _BLOCK),](
        maps,
        bias,
        maps if given is None else _laid_out(given),
        count,
        CHANNELS=maps.shape[1],
        ADDS=given is not None,
        BLOCK=_BLOCK,
        enable_fp_fusion=True,
    )
    return maps


def can_convolve(channels: int, dtype: torch.dtype) -> bool:
    """Whether `convolve` is for such feature maps.

    Not in float32, which matrix units would round.
    """
    return channels in _WIDTHS and dtype in (torch.bfloat16, torch.float16)


def taps(weight: Tensor) -> Tensor:
    """The weights of a 3x3 convolution, laid out for `convolve`: 9 taps, in, out."""
    return weight.permute(2, 3, 1, 0).flatten(0, 1).contiguous()


def convolve(
    x: Tensor, weight: Tensor, bias: Tensor, given: Tensor | None, tile: Tile
) -> Tensor:
    """A 3x3 convolution with padding 1, whole: relu(conv(x)), or given + conv(x).

    Args:
        x: B C H W, in a format and of channels that `can_convolve` takes.
        weight: From `taps`; as many channels out as in.
        bias: C.
        given: What a block was given, as x; None where the ReLU comes next.
        tile: How to cut the work.
    """
    batch, channels, height, width = x.shape
    x = _laid_out(x)
    made = torch.empty_like(x)
    grid = (
        triton.cdiv(width, tile.columns),
        triton.cdiv(height, tile.rows),
        batch,
    )
    _convolve[grid](
        x,
        weight,
        bias,
        x if given is None else _laid_out(given),
        made,
        height,
        width,
        CHANNELS=channels,
        ADDS=given is not None,
        ROWS=tile.rows,
        COLUMNS=tile.columns,
        num_warps=tile.warps,
        num_stages=tile.stages,
        enable_fp_fusion=True,  # what it is anyway; unsaid, newer Tritons warn
    )
    return made


def _laid_out(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=torch.channels_last)


@triton.jit
def _ended(x, bias, given, ADDS: tl.constexpr):
    """A convolution's end, in float32."""
    x += bias.to(tl.float32)
    if ADDS:
        return x + given.to(tl.float32)
    # A maximum would hide a NaN.
    return tl.where(x < 0, 0.0, x)


@triton.jit
def _finish(
    maps,
    bias,
    given,
    count,
    CHANNELS: tl.constexpr,
    ADDS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < count
    x = tl.load(maps + at, inside).to(tl.float32)
    added = tl.load(bias + at % CHANNELS)
    before = x
    if ADDS:
        before = tl.load(given + at, inside).to(tl.float32)
    ended = _ended(x, added, before, ADDS)
    tl.store(maps + at, ended.to(maps.dtype.element_ty), inside)


# Else each size would be compiled anew, once a multiple of 16 and once not.
@triton.jit(do_not_specialize=["height", "width"])
def _convolve(
    x,
    weight,
    bias,
    given,
    made,
    height,
    width,
    CHANNELS: tl.constexpr,
    ADDS: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    # A tile of pixels times all channels, as nine matrix products.
    pixel = tl.arange(0, ROWS * COLUMNS)
    first = tl.program_id(1) * ROWS
    down = pixel // COLUMNS
    row = first + down
    column = tl.program_id(0) * COLUMNS + pixel % COLUMNS
    channel = tl.arange(0, CHANNELS)
    # Feature maps may have more than 2^31 values, the rows around a tile have not.
    start = (tl.program_id(2).to(tl.int64) * height + first) * width * CHANNELS
    here = (down * width + column) * CHANNELS
    sums = tl.full((ROWS * COLUMNS, CHANNELS), 0.0, tl.float32)
    for tap in range(9):
        dy, dx = tap // 3 - 1, tap % 3 - 1
        inside = (row + dy >= 0) & (row + dy < height)
        inside &= (column + dx >= 0) & (column + dx < width)
        there = here + (dy * width + dx) * CHANNELS
        seen = tl.load(
            x + start + (there[:, None] + channel[None, :]), inside[:, None], 0.0
        )
        into = (tap * CHANNELS + channel[:, None]) * CHANNELS + channel[None, :]
        sums = tl.dot(seen, tl.load(weight + into), sums)
    written = ((row < height) & (column < width))[:, None]
    at = start + (here[:, None] + channel[None, :])
    added = tl.load(bias + channel)[None, :]
    before = sums
    if ADDS:
        before = tl.load(given + at, written, 0.0).to(tl.float32)
    ended = _ended(sums, added, before, ADDS)
    tl.store(made + at, ended.to(made.dtype.element_ty), written)
