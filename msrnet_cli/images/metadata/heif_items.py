"""AVIF and HEIC files as items: EXIF and XMP found, and hidden from the decoder.

Sources: ISO/IEC 14496-12 sections 8.11.3 (iloc) and 8.11.6 (iinf); ISO/IEC 23008-12
annex A (EXIF); MIAF for their use in both.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.images.metadata.boxes import boxes
from msrnet_cli.images.metadata.heif_properties import describing_primary

if TYPE_CHECKING:
    from collections.abc import Iterator

_XMP_TYPE = b"application/rdf+xml"


@dataclass(frozen=True)
class Parts:
    """What a file says about its picture.

    Attributes:
        exif: The block, from its TIFF header on.
        xmp: XMP packet.
        kinds: The types of all items.
        bare: The file with its EXIF item renamed, so that no decoder reads the item.
    """

    exif: bytes | None
    xmp: bytes | None
    kinds: frozenset[bytes]
    bare: bytes


@dataclass(frozen=True)
class _Item:
    number: int
    kind: bytes
    at: int
    mime: bytes


def split(data: bytes) -> Parts:
    """Find the items, if the file has any.

    Raises:
        struct.error: It is damaged.
    """
    meta = next((box for box in boxes(data, 0, len(data)) if box[0] == b"meta"), None)
    if meta is None:
        return Parts(None, None, frozenset(), data)
    inner = {
        name: (start, end) for name, start, end in boxes(data, meta[1] + 4, meta[2])
    }
    items = [*_items(data, *inner[b"iinf"])] if b"iinf" in inner else []
    places = _places(data, inner)
    exif = xmp = None
    bare = data
    described = describing_primary(data)
    # What describes the picture itself comes first: the first of each kind counts.
    for item in sorted(items, key=lambda item: item.number not in described):
        content = b"".join(data[a:b] for a, b in places.get(item.number, ()))
        if item.kind == b"Exif":
            bare = bare[: item.at] + b"none" + bare[item.at + 4 :]
            start = 4 + int.from_bytes(content[:4], "big")
            exif = exif or content[start:].removeprefix(b"Exif\0\0") or None
        elif item.kind == b"mime" and item.mime == _XMP_TYPE:
            xmp = xmp or content or None
    return Parts(exif, xmp, frozenset(item.kind for item in items), bare)


def _items(data: bytes, start: int, end: int) -> Iterator[_Item]:
    version = data[start]
    first = start + (6 if version == 0 else 8)
    for name, place, stop in boxes(data, first, end):
        if name != b"infe" or data[place] < 2:
            continue
        wide = data[place] > 2
        (number,) = struct.unpack_from(">I" if wide else ">H", data, place + 4)
        at = place + (10 if wide else 8)
        _, mime = [*data[at + 4 : stop].split(b"\0"), b"", b""][:2]
        yield _Item(number, data[at : at + 4], at, mime)


def _places(
    data: bytes, inner: dict[bytes, tuple[int, int]]
) -> dict[int, list[tuple[int, int]]]:
    """Start and end of the extents of each item."""
    if b"iloc" not in inner:
        return {}
    reader = _Reader(data, inner[b"iloc"][0])
    version = reader.number(4) >> 24
    sizes = reader.number(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    origin = inner.get(b"idat", (0, 0))[0]
    found: dict[int, list[tuple[int, int]]] = {}
    for _ in range(reader.number(2 if version < 2 else 4)):
        number = reader.number(2 if version < 2 else 4)
        method = reader.number(2) & 15 if version else 0
        reader.number(2)  # the file that holds it: this one
        begin = reader.number(base) + (origin if method == 1 else 0)
        extents = []
        count = reader.number(2)
        for _ in range(count if offset + length else 0):
            if version:
                reader.number(index)
            start = begin + reader.number(offset)
            extents.append((start, start + reader.number(length)))
        found[number] = extents if method < 2 else []
    return found


class _Reader:
    """Numbers of any width, one after the other."""

    def __init__(self, data: bytes, place: int) -> None:
        self._data, self._place = data, place

    def number(self, size: int) -> int:
        """The next number.

        Raises:
            struct.error: The data ends before.
        """
        end = self._place + size
        if end > len(self._data):
            raise struct.error("the file ends within its item table")
        value = int.from_bytes(self._data[self._place : end], "big")
        self._place = end
        return value
