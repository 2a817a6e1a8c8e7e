"""The record between reading and writing: pixels, and all that must not be lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msrnet_cli.images.pixels import unit

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.config import Format
    from msrnet_cli.images.colour.spaces import ColourSpace
    from msrnet_cli.images.metadata.record import Metadata


@dataclass(frozen=True)
class Encoding:
    """How the file held its pixels, so that the output can do the same.

    Attributes:
        format: The container.
        mode: Pillow's name of the file's own pixel mode.
        depth: Bits per channel of the output: 8 or 16.
        grey: Whether the file held no colour.
        chroma: How many times coarser its colours are than its brightness, across and
            down; (1, 1) for neither.
        save: Further settings for Pillow's writer, such as JPEG tables.
    """

    format: Format
    mode: str = "RGB"
    depth: int = 8
    grey: bool = False
    chroma: tuple[int, int] = (1, 1)
    save: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """One upright picture.

    Attributes:
        pixels: What the network sees: 3 H W, sRGB. uint8 where the file has 8 bits,
            a quarter of the memory; else float32 in [0, 1].
        alpha: 1 H W, uint8 or, at 16 bits, int32; None where there is none.
        native: The same picture in the colour space of the file, 3 H W, uint8 or uint16
            as in the file (floats would need four times the memory); None where the
            space is sRGB.
        space: The file's own colour space; None for sRGB.
        encoding: How the file held its pixels.
        metadata: EXIF, XMP, IPTC, text and colour profile.
        notes: What a user must know, such as that further frames are left out.
    """

    pixels: Tensor
    alpha: Tensor | None
    native: Tensor | None
    space: ColourSpace | None
    encoding: Encoding
    metadata: Metadata
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, upright."""
        _, height, width = self.pixels.shape
        return width, height

    @property
    def rgb(self) -> Tensor:
        """`pixels` as 3 H W, float32 in [0, 1]."""
        return unit(self.pixels)
