"""What of a picture a network sees at a time, so that cost follows pixels.

Cuts a picture so that tiles, run one by one, give the pixels of the whole. Exact, not
blended: each tile brings along all that its pixels can see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALLEST_CORE = 256
"""Below this almost all work would be halo."""


_DEARER = 2  # times what a square of as many pixels costs: what a thin picture may

Span = tuple[slice, slice]
"""Rows and columns."""


@dataclass(frozen=True)
class Tile:
    """A part of a picture.

    Attributes:
        target: The pixels that it answers for.
        window: What the network must see for that.
        inner: Where those pixels lie within the window.
    """

    target: Span
    window: Span
    inner: Span


def longest_side(height: int, width: int, multiple: int) -> int:
    """At most how long a picture's longer side may be when a network sees it.

    Both sides are filled up to multiples. For a picture thinner than one multiple that
    could make many times its own pixels. Such a picture is to be seen so small that
    they are at most twice those of a square picture with as many pixels.

    Args:
        height: Of the picture.
        width: Of the picture.
        multiple: Sides that the network takes are multiples of this.

    Returns:
        Pixels; the longer side itself where that costs no more.
    """
    rows, columns, side = (
        math.ceil(length / multiple)
        for length in (height, width, math.sqrt(height * width))
    )
    longest = max(height, width)
    if rows * columns <= _DEARER * side * side:
        return longest
    return min(longest, _DEARER * side * side // min(rows, columns) * multiple)


def largest_core(
    height: int, width: int, halo: int, pixels: int, multiple: int
) -> int | None:
    """Side of the largest core whose tile has at most so many pixels.

    Args:
        height: Of the picture.
        width: Of the picture.
        halo: What a tile sees beyond its core; a multiple of `multiple`.
        pixels: Of a tile, core and halo together.
        multiple: Sides that the network takes are multiples of this.

    Returns:
        A multiple of `multiple`; None where even the smallest does not fit.
    """
    # Windows must begin where the pyramid's blocks do.
    most = max(height, width) // multiple * multiple
    for core in range(most, SMALLEST_CORE - 1, -multiple):
        side = core + 2 * halo
        if min(side, height) * min(side, width) <= pixels:
            return core
    return None


def cut(height: int, width: int, core: int, halo: int) -> Iterator[Tile]:
    """Tiles that together answer for every pixel once.

    Args:
        height: Of the picture.
        width: Of the picture.
        core: Side of what a tile answers for, a multiple of what the network asks.
        halo: What it sees beyond, a multiple as well.
    """
    for row in _cut_line(height, core, halo):
        for column in _cut_line(width, core, halo):
            yield Tile(*zip(row, column, strict=True))


def _cut_line(
    length: int, core: int, halo: int
) -> Iterator[tuple[slice, slice, slice]]:
    """Target, window and inner along one side."""
    for start in range(0, length, core):
        end = min(start + core, length)
        first, last = max(0, start - halo), min(length, end + halo)
        yield (
            slice(start, end),
            slice(first, last),
            slice(start - first, end - first),
        )
