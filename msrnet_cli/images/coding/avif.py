"""How an AVIF file holds its picture: the header boxes that Pillow does not show.

Sources: ISO/IEC 14496-12 (boxes), 23008-12 (item properties), AV1-ISOBMFF 2.3.3
(av1C), ISO/IEC 23091-2 (matrix coefficients: 0 is RGB itself).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.errors import PictureError
from msrnet_cli.images.coding import av1
from msrnet_cli.images.coding.webp import covers_little

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL_BOX = 4  # bytes of version and flags before the boxes within
_IDENTITY = 0
_NESTED = {b"meta": _FULL_BOX, b"iprp": 0, b"ipco": 0}


@dataclass(frozen=True)
class Coding:
    """How the pixels are coded.

    Attributes:
        bits: Per channel: 8, 10 or 12.
        chroma: How many times coarser the colours are, across and down: 1 or 2.
        exact: Whether RGB is coded without conversion, as in lossless files.
    """

    bits: int = 8
    chroma: tuple[int, int] = (1, 1)
    exact: bool = False


def coding(data: bytes) -> Coding:
    """Read the properties of all items; the finest coding counts.

    An alpha plane is an item of its own without colour.
    """
    bits, chromas, exact = 8, [], False
    for name, content in _properties(data, 0, len(data)):
        if name == b"av1C" and len(content) >= 3:
            flags = content[2]
            bits = max(bits, 12 if flags & 0x20 else 10 if flags & 0x40 else 8)
            if not flags & 0x10:
                chromas.append((1 + (flags >> 3 & 1), 1 + (flags >> 2 & 1)))
        elif name == b"colr" and content[:4] == b"nclx" and len(content) >= 10:
            exact = exact or int.from_bytes(content[8:10], "big") == _IDENTITY
    chroma = min(chromas, default=(1, 1))
    return Coding(bits, chroma, exact and chroma == (1, 1))


def quality(data: bytes) -> int | None:
    """About how well the picture is coded, on libavif's scale of 0 to 100.

    libavif maps quality to 63 steps (`avifQualityToQuantizer`). libaom maps these to
    the index in the frame: four to a step near the fine end, and a few more for colour,
    as measured with libaom 3.13.

    Returns:
        None where no frame holds an index.
    """
    found = [f.quantizer for f in av1.frames(data) if f.quantizer is not None]
    if not found:
        return None
    steps = max(found) / 4
    return max(0, round(100 - steps * 100 / 63 + min(1.0, steps)))


def _properties(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    while start + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        stop = min(end, start + size) if size else end
        if stop < start + head:
            return
        if name in _NESTED:
            yield from _properties(data, start + head + _NESTED[name], stop)
        elif name in (b"av1C", b"colr"):
            yield name, data[start + head : stop]
        start = stop


def require_plausible(size: tuple[int, int], data: bytes) -> None:
    """Refuse a file whose coded frames are far smaller than it declares.

    libavif would enlarge them, so a few bytes could make a picture of any size. Files
    made of a grid of frames are not checked.

    Raises:
        PictureError: It is damaged, or was made to look large.
    """
    sizes = [(frame.width, frame.height) for frame in av1.frames(data)]
    if b"grid" in data[: data.find(b"mdat")] or not sizes:
        return
    largest = max(sizes, key=lambda each: each[0] * each[1])
    if covers_little(largest, size):
        raise PictureError(
            f"damaged AVIF: it declares {size[0]}x{size[1]}, but holds"
            f" {largest[0]}x{largest[1]} pixels",
            "copy it again from its source",
        )
