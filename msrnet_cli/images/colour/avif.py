"""The colour codes in an AVIF file, which Pillow can neither read nor set.

Sources: ISO/IEC 14496-12 (boxes; 12.1.5 colr), ISO/IEC 23008-12 (6.5.5, 9.3: items and
their properties), MIAF (ISO/IEC 23000-22, 7.3.6.4: a missing nclx means sRGB).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from msrnet_cli.images.metadata.boxes import boxes

if TYPE_CHECKING:
    from collections.abc import Iterator

_TO_TRACK = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"av01")
# Bytes before the boxes inside these: a version, counts, a sample description.
_PREFIX = {b"meta": 4, b"stsd": 8, b"av01": 78, b"iref": 4}


def read_nclx(data: bytes) -> tuple[int, int] | None:
    """Colour primaries and transfer characteristics of the primary picture.

    Returns:
        None where the container names neither, or is damaged.
    """
    try:
        found = _track_colours(data) if data[8:12] == b"avis" else None
        return found or _item_colours(data)
    except (struct.error, IndexError, ValueError, RecursionError):
        return None


def write_nclx(data: bytes, codes: tuple[int, int]) -> bytes:
    """The file with other codes in its colour box, if it has one.

    Args:
        data: An AVIF file with one picture.
        codes: Colour primaries and transfer characteristics (ITU-T H.273).
    """
    place = data.find(b"colrnclx")
    if place < 0:
        return data
    return data[: place + 8] + struct.pack(">HH", *codes) + data[place + 12 :]


def _find(
    data: bytes, path: tuple[bytes, ...], start: int, end: int
) -> Iterator[tuple[int, int]]:
    """Where the boxes of a path lie, outermost first."""
    for name, first, last in boxes(data, start, end):
        if name != path[0]:
            continue
        if len(path) == 1:
            yield first, last
        else:
            yield from _find(data, path[1:], first + _PREFIX.get(name, 0), last)


def _codes(data: bytes, start: int) -> tuple[int, int] | None:
    if data[start : start + 4] != b"nclx":
        return None
    primaries, transfer = struct.unpack_from(">HH", data, start + 4)
    return primaries, transfer


def _track_colours(data: bytes) -> tuple[int, int] | None:
    places = _find(data, (*_TO_TRACK, b"colr"), 0, len(data))
    return next(filter(None, (_codes(data, start) for start, _ in places)), None)


def _item_colours(data: bytes) -> tuple[int, int] | None:
    for start, end in _find(data, (b"meta",), 0, len(data)):
        first = start + _PREFIX[b"meta"]
        item = _primary(data, first, end)
        found = _colours_of(data, item, first, end)
        if found is None:  # the colours of a grid may be stored with its tiles
            for tile in _tiles(data, item, first, end)[:1]:
                found = _colours_of(data, tile, first, end)
        return found
    return None


def _primary(data: bytes, start: int, end: int) -> int:
    place, _ = next(_find(data, (b"pitm",), start, end), (0, 0))
    return int(struct.unpack_from(">I" if data[place] else ">H", data, place + 4)[0])


def _tiles(data: bytes, item: int, start: int, end: int) -> tuple[int, ...]:
    for first, last in _find(data, (b"iref",), start, end):
        kind = ">I" if data[first] else ">H"
        step = struct.calcsize(kind)
        for name, place, _ in boxes(data, first + _PREFIX[b"iref"], last):
            (source,) = struct.unpack_from(kind, data, place)
            if name == b"dimg" and source == item:
                (target,) = struct.unpack_from(kind, data, place + step + 2)
                return (int(target),)
    return ()


def _colours_of(data: bytes, item: int, start: int, end: int) -> tuple[int, int] | None:
    for first, last in _find(data, (b"iprp",), start, end):
        properties = [
            (name, place)
            for begin, stop in _find(data, (b"ipco",), first, last)
            for name, place, _ in boxes(data, begin, stop)
        ]
        for begin, _ in _find(data, (b"ipma",), first, last):
            for index in _associated(data, item, begin):
                name, place = properties[index - 1]
                if index and name == b"colr" and (codes := _codes(data, place)):
                    return codes
    return None


def _associated(data: bytes, item: int, place: int) -> list[int]:
    """Numbers, from 1, of the properties of an item."""
    version, flags, count = struct.unpack_from(">BxxBI", data, place)
    place += 8
    for _ in range(count):
        kind = ">IB" if version else ">HB"
        owner, many = struct.unpack_from(kind, data, place)
        place += struct.calcsize(kind)
        wide = flags & 1
        entries = struct.unpack_from(f">{many}{'H' if wide else 'B'}", data, place)
        place += many * (2 if wide else 1)
        if owner == item:
            return [entry & (0x7FFF if wide else 0x7F) for entry in entries]
    return []
