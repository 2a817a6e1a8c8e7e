"""Maker notes that had to move: their offsets from the TIFF header are adjusted.

Only notes out of TIFF files, and in blocks too large for their format, have to move.
Most notes are a TIFF directory after a few bytes of the maker; some makers count
offsets from the note itself, and such a note may move freely.

Source: the descriptions of maker notes in ExifTool and Exiv2.
"""

from __future__ import annotations

import struct

from msrnet_cli.images.metadata.tiff_directory import SIZES

_HEADERS = (0, 6, 8, 10, 12, 14, 18, 20, 22)
_MOST_ENTRIES = 500
_MOST_LEVELS = 3
_BYTES, _DIRECTORY = 7, 13


def moved(note: bytes, order: str, old: int, new: int) -> bytes | None:
    """A maker note for another offset.

    Args:
        note: Its bytes.
        order: Byte order of the file: ``<`` or ``>``.
        old: Where it lay in its file.
        new: Where it will lie.

    Returns:
        None where the note might become unreadable.
    """
    if old == new:
        return note
    if note[10:14] in (b"II*\0", b"MM\0*") or note[:8] in _SELF_CONTAINED:
        return note
    for head in _HEADERS:
        for way in (order, "<" if order == ">" else ">"):
            found = _out_of_line(note, way, head)
            if found is None:
                continue
            if all(
                old <= start and start + size <= old + len(note)
                for *_, start, size in found
            ):
                return _shifted(note, way, head, old, new, _MOST_LEVELS)
            if all(start + size <= len(note) for *_, start, size in found):
                return note
    return None


_SELF_CONTAINED = (b"OLYMPUS\0", b"OM SYSTE", b"FUJIFILM", b"Apple iO", b"PENTAX \0")


def _out_of_line(
    note: bytes, order: str, head: int
) -> list[tuple[int, int, int, int]] | None:
    """The values that lie outside their entries: place, type, start and size.

    Returns:
        None where no directory begins at `head`.
    """
    if head + 2 > len(note):
        return None
    (count,) = struct.unpack_from(order + "H", note, head)
    end = head + 2 + 12 * count
    if not 0 < count <= _MOST_ENTRIES or end > len(note):
        return None
    found = []
    for at in range(head + 2, end, 12):
        _, kind, number, start = struct.unpack_from(order + "HHII", note, at)
        if kind not in SIZES:
            return None
        size = SIZES[kind] * number
        if size > 4 or (kind == _DIRECTORY and number == 1):
            found.append((at, kind, start, size))
    return found


def _shifted(
    note: bytes, order: str, head: int, old: int, new: int, levels: int
) -> bytes:
    """Move every offset of a directory, and of the directories within it."""
    out = bytearray(note)
    for at, _, start, _ in _out_of_line(note, order, head) or ():
        struct.pack_into(order + "I", out, at + 8, start - old + new)
    for inner in _directories(note, order, head, old):
        if levels:
            deeper = _shifted(bytes(out), order, inner, old, new, levels - 1)
            out = bytearray(deeper)
    return bytes(out)


def _directories(note: bytes, order: str, head: int, old: int) -> list[int]:
    """Where the likely directories within a directory begin."""
    (count,) = struct.unpack_from(order + "H", note, head)
    inner = []
    for at in range(head + 2, head + 2 + 12 * count, 12):
        _, kind, number, value = struct.unpack_from(order + "HHII", note, at)
        if (kind, number) != (_DIRECTORY, 1) and (kind != _BYTES or number <= 4):
            continue
        place = value - old
        found = _out_of_line(note, order, place) if place >= 0 else None
        if (
            found
            and place != head
            and all(
                old <= start and start + size <= old + len(note)
                for *_, start, size in found
            )
        ):
            inner.append(place)
    return inner
