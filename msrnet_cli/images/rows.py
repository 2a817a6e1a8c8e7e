"""Integer pixels a strip of rows at a time, so that memory never holds them twice.

Knows neither files nor Pillow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

STRIP_PIXELS = 1 << 18
"""Pixels of a strip, about: few enough for the cache of a processor."""

WHOLE_PIXELS = 1 << 20
"""A picture of at most so many pixels is not cut into strips."""


@dataclass(frozen=True)
class Rows:
    """A picture whose pixels are computed when a strip of them is asked for.

    Attributes:
        channels: 1 (grey), 2 (grey and alpha), 3 (RGB) or 4 (RGB and alpha).
        height: In pixels.
        width: In pixels.
        depth: Bits per channel, 8 or 16.
        compute: Gives the rows of a slice as C h W: uint8, or int32 in [0, 65535]
            for 16 bits. May be asked for the same rows again.
    """

    channels: int
    height: int
    width: int
    depth: int
    compute: Callable[[slice], Tensor]

    @property
    def colours(self) -> int:
        """The channels without alpha: 1 or 3."""
        return 1 if self.channels < 3 else 3

    @property
    def peak(self) -> int:
        """The integer that stands for 1.0."""
        return (1 << self.depth) - 1

    def strips(self, multiple: int = 1) -> Iterator[tuple[slice, Tensor]]:
        """All pixels from top to bottom: the rows, and C h W of them.

        Args:
            multiple: Each strip but the last has a multiple of this many rows.
        """
        for rows in spans(self.height, self.width, multiple):
            yield rows, self.compute(rows)

    def changed(
        self,
        change: Callable[[Tensor], Tensor],
        *,
        channels: int | None = None,
        depth: int | None = None,
    ) -> Rows:
        """The same picture, each strip of it changed by a function of its pixels."""
        return replace(
            self,
            channels=channels or self.channels,
            depth=depth or self.depth,
            compute=lambda rows: change(self.compute(rows)),
        )


def spans(height: int, width: int, multiple: int = 1) -> Iterator[slice]:
    """Cut a picture into strips of about `STRIP_PIXELS`; see `Rows.strips`."""
    step = max(1, STRIP_PIXELS // (width * multiple)) * multiple
    if height * width <= WHOLE_PIXELS:
        step = height
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))


def to_8_bits(values: Tensor) -> Tensor:
    """16 bits to the nearest of 8: int32 in [0, 65535] to uint8."""
    return (values.float() / 257).round().to(torch.uint8)
