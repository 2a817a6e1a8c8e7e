"""Exact tiles: run one by one, they give the pixels of the whole picture.

Tiles are not blended. Each tile has a halo as wide as the network's reach, so its
pixels see all that they see in the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALLEST_CORE = 256
"""With a smaller core almost all work would be halo."""

Span = tuple[slice, slice]
"""Rows and columns."""


@dataclass(frozen=True)
class Tile:
    """A part of a picture.

    Attributes:
        target: Its core: the pixels of the picture that it gives.
        window: The core with its halo, which the network must see.
        inner: The core's place within the window.
    """

    target: Span
    window: Span
    inner: Span


def largest_core(
    height: int, width: int, halo: int, pixels: int, multiple: int
) -> int | None:
    """Side of the largest core whose tile has at most so many pixels.

    Args:
        height: Of the picture.
        width: Of the picture.
        halo: Width of the border around a core; a multiple of `multiple`.
        pixels: Of a tile, core and halo together.
        multiple: The network takes sides that are multiples of this.

    Returns:
        A multiple of `multiple`; None where even the smallest core does not fit.
    """
    # Windows must begin where the blocks of the network's pyramid begin.
    most = max(height, width) // multiple * multiple
    for core in range(most, SMALLEST_CORE - 1, -multiple):
        side = core + 2 * halo
        if min(side, height) * min(side, width) <= pixels:
            return core
    return None


def cut(height: int, width: int, core: int, halo: int) -> Iterator[Tile]:
    """Tiles whose cores cover every pixel once.

    Args:
        height: Of the picture.
        width: Of the picture.
        core: Side of a core, a multiple of the network's `multiple`.
        halo: Width of the border around a core, a multiple too.
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
