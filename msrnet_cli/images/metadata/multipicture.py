"""What follows the first picture of a JPEG file: gain maps, views, videos, trailers.

Sources: CIPA DC-007 section 5.2.3 (MP entries); Ultra HDR 1.1; Motion Photo 1.0.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.images.metadata import jpeg_segments
from msrnet_cli.images.metadata.tiff_directory import directory_in, form_of
from msrnet_cli.images.metadata.wording import GAIN_MAP, VIDEO

if TYPE_CHECKING:
    from msrnet_cli.images.metadata.jpeg_segments import Segment

_MPF = b"MPF\0"
_ENTRIES = 0xB002
_TYPE = 0xFFFFFF
_PREVIEWS = range(0x010000, 0x020000)
_GAIN_MAP_SIGNS = (b"http://ns.adobe.com/hdr-gain-map/", b"HDRGainMap", b"ts:21496:-1")
_VIDEO = re.compile(rb"\0\0..ftyp|MotionPhoto_Data", re.DOTALL)
_BOXES = (b"ftyp", b"free", b"mdat", b"moov", b"wide", b"skip", b"uuid", b"meta")
_MOST_PARTS = 1000
_NOT_FILLING = re.compile(rb"[^\0]")
_FILLING = b"\0\xff\r\n \t"


@dataclass(frozen=True)
class Following:
    """What follows a picture.

    Attributes:
        kept: The rest that is neither picture nor video, as some tools write.
        notes: What is left out.
    """

    kept: bytes = b""
    notes: tuple[str, ...] = ()


def what_follows(
    segments: tuple[Segment, ...], trailer: bytes, *, gain_map: bool
) -> Following:
    """Name what follows the first picture.

    Args:
        segments: Of the first picture.
        trailer: All bytes behind its end.
        gain_map: Whether its metadata name a gain map.
    """
    kinds = _kinds(segments)
    rest = _behind_pictures(trailer)
    gone = trailer[: len(trailer) - len(rest)]
    if _VIDEO.search(rest) or b"\xff\xd8\xff" in rest:
        gone, rest = trailer, b""  # such as a maker's archive of pictures
    if not gone.strip(_FILLING):
        return Following(kept=rest if rest.strip(_FILLING) else b"")
    video = _VIDEO.search(gone) is not None
    notes = [VIDEO] * video
    if any(sign in gone for sign in _GAIN_MAP_SIGNS):
        notes.append(GAIN_MAP)
    elif any(kind in _PREVIEWS for kind in kinds):
        notes.append("preview left out: it shows the old light")
    elif kinds and not gain_map:
        notes.append("only its first frame is kept")
    elif not gain_map and not video:
        notes.append(f"{len(gone)} bytes after the picture left out")
    return Following(rest, tuple(notes))


def _behind_pictures(trailer: bytes) -> bytes:
    """The rest behind all pictures and videos, as some tools write."""
    place = 0
    for _ in range(_MOST_PARTS):
        start = _next_part(trailer, place)
        size = int.from_bytes(trailer[place : place + 4], "big")
        if trailer.startswith(b"\xff\xd8\xff", start):
            place = jpeg_segments.end_of_picture(trailer, start)
        elif trailer[place + 4 : place + 8] in _BOXES and size >= 8:
            place = min(place + size, len(trailer))
        else:
            break
    return trailer[place:]


def _next_part(trailer: bytes, place: int) -> int:
    """Where the filling before a part ends."""
    found = _NOT_FILLING.search(trailer, place)
    return found.start() if found else len(trailer)


def _kinds(segments: tuple[Segment, ...]) -> list[int]:
    """The types of all further pictures that an MPF segment lists."""
    for segment in segments:
        if segment.marker != jpeg_segments.APP2 or segment.content[:4] != _MPF:
            continue
        block = segment.content[4:]
        found = directory_in(block)
        entry = found.find(_ENTRIES) if found else None
        if entry is None:
            continue
        value = entry.value(block)
        code = form_of(block).order + "I12x"
        whole = value[: len(value) // 16 * 16]
        return [attribute & _TYPE for (attribute,) in struct.iter_unpack(code, whole)][
            1:
        ]
    return []
