"""The properties of the pictures in a HEIF file: size, colours, kind of each.

Sources: ISO/IEC 14496-12 (boxes), ISO/IEC 23008-12 (6.5, 9.3: items and their
properties; 6.5.9: the part that is shown; 6.6.2.3: pictures made of tiles).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from msrnet_cli.images.metadata.boxes import boxes

if TYPE_CHECKING:
    from collections.abc import Iterator

# Bytes before the boxes inside these: a version, counts, a sample description.
_PREFIX = {b"meta": 4, b"stsd": 8, b"av01": 78, b"iref": 4}

Properties = list[tuple[bytes, bytes]]
"""The type and the content of each."""


def find(
    data: bytes, path: tuple[bytes, ...], start: int, end: int
) -> Iterator[tuple[int, int]]:
    """Where the boxes of a path lie, outermost first."""
    for name, first, last in boxes(data, start, end):
        if name != path[0]:
            continue
        if len(path) == 1:
            yield first, last
        else:
            yield from find(data, path[1:], first + _PREFIX.get(name, 0), last)


def primary_properties(data: bytes) -> Properties:
    """The properties of the picture that a viewer shows.

    Raises:
        struct.error, IndexError, ValueError: The file is damaged.
    """
    return [
        one for place in _meta(data) for one in _of(data, _primary(data, place), place)
    ]


def tile_properties(data: bytes) -> Properties:
    """The properties of the first tile, where the primary picture is made of tiles.

    Raises:
        struct.error, IndexError, ValueError: The file is damaged.
    """
    for place in _meta(data):
        item = _primary(data, place)
        for kind, source, targets in references(data):
            if kind == b"dimg" and source == item and targets:
                return _of(data, targets[0], place)
    return []


def all_properties(data: bytes) -> Properties:
    """Each property once, whatever picture it belongs to."""
    return [
        (name, data[first:last])
        for place in _meta(data)
        for start, end in find(data, (b"iprp", b"ipco"), *place)
        for name, first, last in boxes(data, start, end)
    ]


def references(data: bytes) -> list[tuple[bytes, int, tuple[int, ...]]]:
    """The relations between items: kind, from which item, to which items.

    Raises:
        struct.error, IndexError, ValueError: The file is damaged.
    """
    found = []
    for meta in _meta(data):
        for first, last in find(data, (b"iref",), *meta):
            kind = "I" if data[first] else "H"
            step = struct.calcsize(f">{kind}")
            for name, place, _ in boxes(data, first + _PREFIX[b"iref"], last):
                source, count = struct.unpack_from(f">{kind}H", data, place)
                targets = struct.unpack_from(f">{count}{kind}", data, place + step + 2)
                found.append((name, int(source), targets))
    return found


def describing_primary(data: bytes) -> frozenset[int]:
    """The numbers of the items that describe the picture that a viewer shows.

    Others may describe a gain map or a depth map.
    """
    number = next(iter(_primary(data, meta) for meta in _meta(data)), None)
    return frozenset(
        source
        for kind, source, targets in references(data)
        if kind == b"cdsc" and number in targets
    )


def declared_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of the primary picture, before any turn.

    Args:
        data: The file, or its beginning.

    Returns:
        None where this part of the file does not say.
    """
    try:
        found = dict(reversed(primary_properties(data)))
        width, height = struct.unpack_from(">II", found[b"ispe"], 4)
        if b"clap" in found:  # only this part of what is coded is shown
            across, over, down, under = struct.unpack_from(">4I", found[b"clap"])
            width, height = min(width, across // over), min(height, down // under)
    except (struct.error, LookupError, ValueError, ZeroDivisionError):
        return None
    return width, height


def _meta(data: bytes) -> list[tuple[int, int]]:
    """Where the boxes about items begin and end; [] where there are none."""
    found = next(find(data, (b"meta",), 0, len(data)), None)
    return [(found[0] + _PREFIX[b"meta"], found[1])] if found else []


def _primary(data: bytes, meta: tuple[int, int]) -> int:
    place, _ = next(find(data, (b"pitm",), *meta), (0, 0))
    return int(struct.unpack_from(">I" if data[place] else ">H", data, place + 4)[0])


def _of(data: bytes, item: int, meta: tuple[int, int]) -> Properties:
    found: Properties = []
    for first, last in find(data, (b"iprp",), *meta):
        properties = [
            (name, data[place:stop])
            for begin, end in find(data, (b"ipco",), first, last)
            for name, place, stop in boxes(data, begin, end)
        ]
        for begin, _ in find(data, (b"ipma",), first, last):
            numbers = _associated(data, item, begin)
            found += [properties[number - 1] for number in numbers if number]
    return found


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
