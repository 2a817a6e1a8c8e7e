"""WebP files as RIFF chunks: taken apart, and put back after encoding.

Source: WebP container specification (RFC 9649 section 2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PICTURE = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_PROFILE, _ALPHA, _EXIF, _XMP = 0x20, 0x10, 0x08, 0x04


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk that is whole."""
    start = 12
    while start + 8 <= len(data):
        size = int.from_bytes(data[start + 4 : start + 8], "little")
        if start + 8 + size > len(data):
            return
        yield data[start : start + 4], data[start + 8 : start + 8 + size]
        start += 8 + size + size % 2


def is_picture(name: bytes) -> bool:
    """Whether a chunk holds pixels or their colour profile."""
    return name in _PICTURE


def insert(
    data: bytes, added: list[tuple[bytes, bytes]], size: tuple[int, int]
) -> bytes:
    """Put chunks behind the pixels of a file that was just encoded.

    Args:
        data: A WebP file of one frame.
        added: Names and contents.
        size: Width and height of the picture.
    """
    there = [*chunks(data)]
    flags = there[0][1][0] if there[0][0] == b"VP8X" else _flags(there)
    names = {name for name, _ in added}
    flags |= _EXIF * (b"EXIF" in names) | _XMP * (b"XMP " in names)
    sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
    head = (b"VP8X", bytes((flags, 0, 0, 0)) + sides)
    rest = [chunk for chunk in there if chunk[0] != b"VP8X"]
    body = b"WEBP" + b"".join(_encoded(*chunk) for chunk in (head, *rest, *added))
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _flags(there: list[tuple[bytes, bytes]]) -> int:
    """The flags for a file without VP8X."""
    name, content = there[0]
    alpha = name == b"VP8L" and len(content) > 4 and content[4] & 0x10
    profile = any(name == b"ICCP" for name, _ in there)
    return (_ALPHA if alpha else 0) | (_PROFILE if profile else 0)


def _encoded(name: bytes, content: bytes) -> bytes:
    size = len(content).to_bytes(4, "little")
    return name + size + content + bytes(len(content) % 2)
