"""Cuts a picture so that tiles, run one by one, give the pixels of the whole.

Exact, not blended: each tile brings along all that its pixels can see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.model import SIZE_MULTIPLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msrnet_cli.config import Arch

HALO: dict[Arch, int] = {"dmshn": 464, "stacked": 928}
"""Half the receptive field (916 and 1828 pixels), in whole steps of the pyramid."""

SMALLEST_CORE = 256
"""Below this almost all work would be halo."""


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


def largest_core(height: int, width: int, halo: int, pixels: int) -> int | None:
    """Side of the largest core whose tile has at most so many pixels.

    Returns:
        A multiple of `SIZE_MULTIPLE`; None where even the smallest does not fit.
    """
    # Windows must begin where the pyramid's blocks do.
    for core in range(max(height, width), SMALLEST_CORE - 1, -SIZE_MULTIPLE):
        core -= core % SIZE_MULTIPLE
        side = core + 2 * halo
        if min(side, height) * min(side, width) <= pixels:
            return core
    return None


def cut(height: int, width: int, core: int, halo: int) -> Iterator[Tile]:
    """Tiles that together answer for every pixel once.

    Args:
        height: Of the picture.
        width: Of the picture.
        core: Side of what a tile answers for, a multiple of `SIZE_MULTIPLE`.
        halo: What it sees beyond, a multiple of `SIZE_MULTIPLE`.
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
