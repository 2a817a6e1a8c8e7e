"""Photoshop's resources: what JPEG, TIFF and PNG files keep IPTC in.

Sources: Adobe Photoshop file formats specification, image resource blocks; IPTC-IIM.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_IPTC, _PROFILE = 0x0404, 0x040F
_THUMBNAILS = {0x0409, 0x040C}
_SIGNATURES = (b"8BIM", b"PHUT", b"AgHg", b"DCSR", b"MeSa")


@dataclass(frozen=True)
class Resource:
    """One resource and the bytes that it takes up.

    Attributes:
        number: What it is.
        start: Where it begins.
        end: Where the next begins.
        value: What it holds.
    """

    number: int
    start: int
    end: int
    value: bytes


def resources(data: bytes) -> list[Resource]:
    """All resources up to the first that is damaged."""
    found: list[Resource] = []
    start = 0
    while data[start : start + 4] in _SIGNATURES and start + 12 <= len(data):
        number, name = struct.unpack_from(">HB", data, start + 4)
        place = start + 6 + name + 1 + (name + 1) % 2
        size = int.from_bytes(data[place : place + 4], "big")
        place += 4
        if place + size > len(data):
            break
        end = min(place + size + size % 2, len(data))
        found.append(Resource(number, start, end, data[place : place + size]))
        start = end
    return found


def iptc(data: bytes) -> bytes | None:
    """The IPTC records among the resources."""
    found = (item.value for item in resources(data) if item.number == _IPTC)
    return next(found, None)


def with_iptc(records: bytes) -> bytes:
    """IPTC records as a resource."""
    head = b"8BIM" + struct.pack(">HHI", _IPTC, 0, len(records))
    return head + records + bytes(len(records) % 2)


def without_thumbnails(data: bytes) -> bytes:
    """All but the thumbnails; the other resources stay byte for byte."""
    return _without(data, _THUMBNAILS)


def pieces_without_thumbnails(
    pieces: tuple[bytes, ...],
) -> tuple[tuple[bytes, ...], bool]:
    """Resources that JPEG segments cut into pieces, but for thumbnails.

    Returns:
        The pieces, as they were where there is no thumbnail; and whether there was one.
    """
    whole = b"".join(pieces)
    rest = without_thumbnails(whole)
    if rest == whole:
        return pieces, False
    return ((rest,) if rest else ()), True


def without_profile(data: bytes) -> bytes:
    """All but the colour profile; the other resources stay byte for byte."""
    return _without(data, {_PROFILE})


def _without(data: bytes, numbers: set[int]) -> bytes:
    parts: list[bytes] = []
    place = 0
    for item in resources(data):
        if item.number in numbers:
            parts.append(data[place : item.start])
            place = item.end
    return b"".join((*parts, data[place:]))
