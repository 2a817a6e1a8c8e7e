"""The colours that an AVIF or HEIC file names, which Pillow can neither read nor set.

Sources: ISO/IEC 14496-12 (12.1.5 colr), MIAF (ISO/IEC 23000-22, 7.3.6.4: a missing nclx
means sRGB; a profile overrides nclx).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from msrnet_cli.images.metadata.heif_properties import (
    find,
    primary_properties,
    tile_properties,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_TO_TRACK = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"av01")
_PROFILES = (b"prof", b"rICC")


def read_nclx(data: bytes) -> tuple[int, int] | None:
    """Colour primaries and transfer characteristics of the primary picture.

    Returns:
        None where the container names neither, or is damaged.
    """
    try:
        found = _track_colours(data) if data[8:12] == b"avis" else None
        return found or next(filter(None, map(_codes, _colours(data))), None)
    except (struct.error, IndexError, ValueError, RecursionError):
        return None


def read_profile(data: bytes) -> bytes | None:
    """The ICC profile of the primary picture; None where there is none."""
    try:
        found = (box[4:] for box in _colours(data) if box[:4] in _PROFILES)
        return next(found, None) or None
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


def _colours(data: bytes) -> Iterator[bytes]:
    """The contents of the colour boxes; those of a grid may lie with its tiles."""
    for properties in (primary_properties, tile_properties):
        yield from (box for name, box in properties(data) if name == b"colr")


def _codes(box: bytes) -> tuple[int, int] | None:
    if box[:4] != b"nclx":
        return None
    primaries, transfer = struct.unpack_from(">HH", box, 4)
    return primaries, transfer


def _track_colours(data: bytes) -> tuple[int, int] | None:
    places = find(data, (*_TO_TRACK, b"colr"), 0, len(data))
    boxes = (data[start:end] for start, end in places)
    return next(filter(None, map(_codes, boxes)), None)
