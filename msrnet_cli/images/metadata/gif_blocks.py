"""GIF files as blocks: comments and XMP, taken out and put back.

Sources: GIF89a sections 15 to 26; XMP part 3 section 1.1.2.
"""

from __future__ import annotations

from dataclasses import dataclass

_COMMENT, _APPLICATION = 0xFE, 0xFF
_XMP = b"XMP DataXMP"
_TRAILER = b"\1" + bytes(range(255, -1, -1)) + b"\0"
_PROFILE = b"ICCRGBG1012"
_PLAYING = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


@dataclass(frozen=True)
class Parts:
    """What a GIF file says about its picture.

    Attributes:
        comments: In the order of the file.
        xmp: XMP packet.
        others: Extensions of other applications, whole.
    """

    comments: tuple[bytes, ...]
    xmp: bytes | None
    others: tuple[bytes, ...]


def split(data: bytes) -> Parts:
    """Find all extensions, also between the frames, up to the first damage."""
    comments: list[bytes] = []
    others: list[bytes] = []
    xmp = None
    place = 13 + _table(data[10])
    while place + 2 < len(data) and data[place] in (0x21, 0x2C):
        if data[place] == 0x2C:
            if place + 11 > len(data):
                break
            place = _end(data, place + 11 + _table(data[place + 9]))
            continue
        label, start, end = data[place + 1], place + 2, _end(data, place + 2)
        name = data[start + 1 : start + 12]
        if label == _COMMENT:
            comments.append(content_at(data, start))
        elif label == _APPLICATION and name == _XMP:
            packet = data[start + 12 : end]
            xmp = xmp or packet[: packet.rfind(_TRAILER[:4])]
        elif label == _APPLICATION and name not in (*_PLAYING, _PROFILE):
            others.append(data[place:end])
        place = end
    return Parts(tuple(comments), xmp, tuple(others))


def insert(
    data: bytes,
    comments: tuple[bytes, ...],
    xmp: bytes | None,
    others: tuple[bytes, ...],
) -> bytes:
    """Put extensions before the picture of a file that was just encoded."""
    added = b"".join(b"\x21\xfe" + _in_blocks(comment) for comment in comments)
    if xmp is not None:
        added += b"\x21\xff\x0b" + _XMP + xmp + _TRAILER
    added += b"".join(others)
    place = 13 + _table(data[10])
    return b"GIF89a" + data[6:place] + added + data[place:]


def _table(flags: int) -> int:
    """Bytes of a colour table."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _end(data: bytes, place: int) -> int:
    """Where a chain of blocks ends."""
    while place < len(data) and data[place]:
        place += 1 + data[place]
    return place + 1


def content_at(data: bytes, place: int) -> bytes:
    """The content of the chain of blocks at a place, up to its empty block."""
    blocks = []
    while place < len(data) and data[place]:
        blocks.append(data[place + 1 : place + 1 + data[place]])
        place += 1 + data[place]
    return b"".join(blocks)


def _in_blocks(content: bytes) -> bytes:
    parts = (content[at : at + 255] for at in range(0, len(content), 255))
    return b"".join(bytes((len(part),)) + part for part in parts) + b"\0"
