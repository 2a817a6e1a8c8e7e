"""JPEG files as segments: taken apart before decoding, put back after encoding.

Sources: ITU-T T.81 annex B; JFIF 1.02; Exif 2.32 section 4.5; XMP part 3 section 1.1.3;
CIPA DC-007 (multi-picture format); Photoshop and ICC for APP13 and APP2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.images.metadata import xmp

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 65533
"""Bytes of the content of one segment."""

APP0, APP1, APP2, APP10, APP11 = 0xE0, 0xE1, 0xE2, 0xEA, 0xEB
APP13, APP14, APP15 = 0xED, 0xEE, 0xEF
COMMENT = 0xFE
XMP = b"http://ns.adobe.com/xap/1.0/\0"
MORE_XMP = b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP = b"Photoshop 3.0\0"
PROFILE = b"ICC_PROFILE\0"
_START_OF_SCAN = 0xDA
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xDA)}
_PIECE = 65400  # of extended XMP


@dataclass(frozen=True)
class Segment:
    """A marker that carries something other than the picture itself.

    Attributes:
        marker: Its second byte: 0xE1 for APP1.
        content: Without marker and length.
    """

    marker: int
    content: bytes

    @property
    def name(self) -> str:
        """For messages: APP4, or COM."""
        return "COM" if self.marker == COMMENT else f"APP{self.marker & 15}"

    def encoded(self) -> bytes:
        size = (len(self.content) + 2).to_bytes(2, "big")
        return bytes((0xFF, self.marker)) + size + self.content


@dataclass(frozen=True)
class Parts:
    """A JPEG file taken apart.

    Attributes:
        segments: APP0 to APP15 and COM before the first scan.
        bare: The file up to the end of the first picture, with only the segments that a
            decoder needs.
        trailer: What follows the first picture.
    """

    segments: tuple[Segment, ...]
    bare: bytes
    trailer: bytes


_PLAIN_JFIF = Segment(APP0, b"JFIF\0\1\2\0\0\1\0\1\0\0")


def split(data: bytes) -> Parts:
    """Take a file apart; where it is damaged, its rest counts as the picture."""
    segments: list[Segment] = []
    whole = memoryview(data)  # whose parts are not copied
    bare: list[bytes | memoryview] = [data[:2]]
    place = 2
    for marker, start, end in _headers(data, place):
        place = end
        if not APP0 <= marker <= APP15 and marker != COMMENT:
            bare.append(whole[start:end])
            continue
        segment = Segment(marker, data[start + 4 : end])
        segments.append(segment)
        if is_for_decoder(segment):
            plain = marker == APP0
            bare.append(_PLAIN_JFIF.encoded() if plain else whole[start:end])
    end = _end_of_scans(data, place)
    bare.append(whole[place:end])
    return Parts(tuple(segments), b"".join(bare), data[end:])


def end_of_picture(data: bytes, start: int) -> int:
    """Where a picture ends that starts somewhere in a file."""
    ends = [end for *_, end in _headers(data, start + 2)]
    return _end_of_scans(data, ends[-1] if ends else start + 2)


def _headers(data: bytes, place: int) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment before the first scan."""
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # filling
            place += 1
            continue
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == _START_OF_SCAN or marker in _WITHOUT_LENGTH:
            return
        if not place + 4 <= end <= len(data):
            return
        yield marker, place, end
        place = end


def _end_of_scans(data: bytes, place: int) -> int:
    while data.startswith(b"\xff\xff", place):  # filling
        place += 1
    scan = data.startswith(b"\xff\xda", place)
    end = data.find(b"\xff\xd9", place) if scan else -1
    return len(data) if end < 0 else end + 2


def is_for_decoder(segment: Segment) -> bool:
    """Whether a segment is needed to decode the picture or its colours."""
    content = segment.content
    return (
        (segment.marker == APP0 and content.startswith(b"JFIF\0"))
        or (
            segment.marker == APP2 and content.startswith(PROFILE) and len(content) > 13
        )
        or (
            segment.marker == APP14
            and content.startswith(b"Adobe")
            and len(content) > 11
        )
    )


def insert(data: bytes, segments: list[Segment], *, jfif: bytes | None) -> bytes:
    """Put segments into a file that was just encoded.

    Args:
        data: Begins with a JFIF segment.
        segments: In this order, after it.
        jfif: Content to replace that segment; b"" takes it out, None leaves it.
    """
    begin = 2
    end = 2
    if data[2:4] == b"\xff\xe0":
        end = 4 + int.from_bytes(data[4:6], "big")
    head = data[begin:end]
    if jfif is not None:
        head = Segment(APP0, jfif).encoded() if jfif else b""
    added = b"".join(segment.encoded() for segment in segments)
    return data[:2] + head + added + data[end:]


def in_segments(marker: int, head: bytes, content: bytes) -> list[Segment]:
    """A block of any size as segments that all begin with the same bytes."""
    step = MOST - len(head)
    starts = range(0, max(len(content), 1), step)
    return [Segment(marker, head + content[at : at + step]) for at in starts]


def more_xmp(segments: tuple[Segment, ...], name: str) -> bytes | None:
    """The rest of an XMP packet; None where a piece of it is missing."""
    head = MORE_XMP + name.encode("latin-1", "replace")
    pieces: dict[int, bytes] = {}
    size = 0
    for segment in segments:
        content = segment.content
        if segment.marker == APP1 and content.startswith(head):
            place = len(head)
            size = int.from_bytes(content[place : place + 4], "big")
            start = int.from_bytes(content[place + 4 : place + 8], "big")
            pieces[start] = content[place + 8 :]
    whole = b"".join(pieces[start] for start in sorted(pieces))
    return whole if whole and len(whole) == size else None


def xmp_segments(packet: bytes, rest: bytes | None) -> list[Segment]:
    """A packet, and the rest that it names, as JPEG holds them."""
    segments = [Segment(APP1, XMP + packet)]
    if rest is None:
        return segments
    head = MORE_XMP + (xmp.extended_name(packet) or "").encode()
    for start in range(0, len(rest), _PIECE):
        place = len(rest).to_bytes(4, "big") + start.to_bytes(4, "big")
        piece = rest[start : start + _PIECE]
        segments.append(Segment(APP1, head + place + piece))
    return segments
