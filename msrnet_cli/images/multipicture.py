"""What follows the first picture of a JPEG file: gain maps, views, videos, trailers.

Sources: CIPA DC-007 section 5.2.3 (MP entries); Ultra HDR 1.1; Motion Photo 1.0.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.images import exif, jpeg_segments

if TYPE_CHECKING:
    from msrnet_cli.images.jpeg_segments import Segment

_MPF = b"MPF\0"
_ENTRIES = 0xB002
_TYPE = 0xFFFFFF
_PREVIEWS = range(0x010000, 0x020000)
_GAIN_MAP_SIGNS = (b"http://ns.adobe.com/hdr-gain-map/", b"HDRGainMap", b"ts:21496:-1")
_VIDEO = re.compile(rb"\0\0..ftyp|MotionPhoto_Data", re.DOTALL)
_FILLING = b"\0\xff\r\n \t"


@dataclass(frozen=True)
class Following:
    """What follows a picture.

    Attributes:
        kept: What is neither picture nor video: the trailers of many a tool.
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
        trailer: All behind its end.
        gain_map: Whether it says that a gain map is there.
    """
    kinds = _kinds(segments)
    if not trailer.strip(_FILLING):
        return Following()
    video = _VIDEO.search(trailer) is not None
    picture = b"\xff\xd8\xff" in trailer
    if not video and not picture and not kinds:
        return Following(kept=trailer)
    notes = ["motion video left out"] * video
    if any(sign in trailer for sign in _GAIN_MAP_SIGNS):
        notes.append("gain map left out: it is for the old light")
    elif any(kind in _PREVIEWS for kind in kinds):
        notes.append("preview left out: it shows the old light")
    elif kinds and not gain_map:
        notes.append("only its first frame is kept")
    elif not gain_map and not video:
        notes.append(f"{len(trailer)} bytes after the picture left out")
    return Following(notes=tuple(notes))


def _kinds(segments: tuple[Segment, ...]) -> list[int]:
    """The types of all further pictures that an MPF segment lists."""
    for segment in segments:
        if segment.marker != jpeg_segments.APP2 or segment.content[:4] != _MPF:
            continue
        block = segment.content[4:]
        found = exif.directory_in(block)
        entry = found.find(_ENTRIES) if found else None
        if entry is None:
            continue
        value = entry.value(block)
        code = exif.form_of(block).order + "I12x"
        whole = value[: len(value) // 16 * 16]
        return [attribute & _TYPE for (attribute,) in struct.iter_unpack(code, whole)][
            1:
        ]
    return []
