"""How an AVIF file holds its picture: the header boxes that Pillow does not show.

Sources: ISO/IEC 14496-12 (boxes), 23008-12 (item properties), AV1-ISOBMFF 2.3.3
(av1C), AV1 section 5.5 (sequence header), ISO/IEC 23091-2 (of the matrix coefficients,
0 is RGB itself).
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.errors import PictureError
from msrnet_cli.images.webp import covers_little

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL_BOX = 4  # bytes of version and flags before the boxes within
_IDENTITY = 0
_SEQUENCE = b"\x12\0\x0a"  # a temporal delimiter, then a sequence header
_NESTED = {b"meta": _FULL_BOX, b"iprp": 0, b"ipco": 0}


@dataclass(frozen=True)
class Coding:
    """How the pixels are coded.

    Attributes:
        bits: Per channel: 8, 10 or 12.
        chroma: How many times coarser the colours are, across and down: 1 or 2.
        exact: Whether RGB is coded as it is, which is what lossless files do.
    """

    bits: int = 8
    chroma: tuple[int, int] = (1, 1)
    exact: bool = False


def coding(data: bytes) -> Coding:
    """Read the properties of all items; the best of them counts.

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

    libavif would enlarge them: a few bytes would make a picture of any size. Files made
    of a grid of frames are left alone.

    Raises:
        PictureError: It is damaged, or was made to look large.
    """
    frames = list(_frame_sizes(data))
    if b"grid" in data[: data.find(b"mdat")] or not frames:
        return
    largest = max(frames, key=lambda frame: frame[0] * frame[1])
    if covers_little(largest, size):
        raise PictureError(
            f"damaged AVIF: it declares {size[0]}x{size[1]}, but holds"
            f" {largest[0]}x{largest[1]} pixels",
            "copy it again from its source",
        )


def _frame_sizes(data: bytes) -> Iterator[tuple[int, int]]:
    start = data.find(_SEQUENCE)
    while start >= 0:
        start += len(_SEQUENCE)
        with suppress(IndexError):
            yield _frame_size(_Bits(data[start + 1 : start + 64]))
        start = data.find(_SEQUENCE, start)


class _Bits:
    """Numbers from bits, the highest first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, count: int) -> int:
        value = 0
        for place in range(self._place, self._place + count):
            value = value << 1 | self._data[place >> 3] >> (7 - place % 8) & 1
        self._place += count
        return value


def _frame_size(bits: _Bits) -> tuple[int, int]:
    """Width and height from a sequence header (AV1 section 5.5.1).

    Raises:
        IndexError: It ends early, or is of the kind for films with a timing.
    """
    bits.take(4)  # profile, still picture
    if bits.take(1):  # the reduced header of still pictures
        bits.take(5)
    else:
        timing, delay, points = bits.take(1), bits.take(1), bits.take(5)
        if timing:
            raise IndexError("a timing is not expected in a picture")
        for _ in range(points + 1):
            bits.take(12)
            if bits.take(5) > 7:
                bits.take(1)
            if delay and bits.take(1):
                bits.take(4)
    wide, high = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(wide) + 1, bits.take(high) + 1
