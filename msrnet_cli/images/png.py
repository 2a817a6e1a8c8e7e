"""PNG files whose pictures are sound and whose extras are not (W3C PNG 3).

As libpng and browsers do, an ancillary chunk that is damaged is left out, with a note;
a critical one is an error.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import PngImagePlugin

from msrnet_cli.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_TEXT_BYTES = 16 << 20
"""What all compressed texts of a file may come to, inflated.

As text each of these bytes can take four, and there are copies of it.
"""

# Pillow refuses a picture for a text of 1 MiB; `mended` bounds what it sees.
_LARGEST_CHUNK = 64 << 20
PngImagePlugin.MAX_TEXT_CHUNK = max(PngImagePlugin.MAX_TEXT_CHUNK, _LARGEST_CHUNK)
PngImagePlugin.MAX_TEXT_MEMORY = max(PngImagePlugin.MAX_TEXT_MEMORY, 1 << 32)

_SIGNATURE_BYTES = 8
_ANIMATION = (b"acTL", b"fcTL", b"fdAT")
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_LABELS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")  # `chunks` judges them
_SHORTEST = {b"pHYs": 9, b"tRNS": 1}
_KEY_BY_COLOUR_TYPE = {0: 2, 2: 6}  # bytes of a transparent colour
_STEP = 1 << 16


@dataclass(frozen=True)
class _Chunk:
    name: bytes
    content: memoryview
    whole: memoryview
    intact: bool

    @property
    def is_ancillary(self) -> bool:
        return bool(self.name[0] & 0x20)


def mended(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Leave out what damages or swells a PNG beside its picture.

    Further frames of an animation are left out, too: they cost time, not only room.

    Args:
        data: A PNG file.

    Returns:
        The file for the decoder, and a note for each kind of chunk left out.

    Raises:
        PictureError: A critical chunk is damaged.
    """
    kept: list[memoryview | bytes] = [data[:_SIGNATURE_BYTES]]
    notes: dict[str, None] = {}
    room = MOST_TEXT_BYTES
    for chunk in _chunks(data):
        if chunk.name in _ANIMATION:
            notes["only its first frame is kept"] = None
            continue
        inflated = _inflated_bytes(chunk, room)
        fault = _fault(chunk, inflated, data, room)
        name = chunk.name.decode("ascii", "replace")
        if fault and not chunk.is_ancillary:
            raise PictureError(
                f"damaged PNG: its {name} chunk {fault}",
                "copy it again from its source",
            )
        if fault:
            notes[f"its {name} chunk {fault} and is left out"] = None
        else:
            room -= inflated or 0
            kept.append(chunk.whole)
    return (b"".join(kept) if notes else data), tuple(notes)


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """All chunks up to IEND; a cut one only where it is ancillary."""
    view, start = memoryview(data), _SIGNATURE_BYTES
    while start + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, start)
        end = start + 12 + length
        cut = end > len(data)
        if not name.isalpha() or (cut and not name[0] & 0x20):
            yield _Chunk(b"IDAT", view[:0], view[start:], True)  # the decoder's matter
            return
        content = view[start + 8 : start + 8 + length]
        checksum = int.from_bytes(view[start + 8 + length : end], "big")
        intact = not cut and zlib.crc32(content, zlib.crc32(name)) == checksum
        yield _Chunk(name, content, view[start:end], intact)
        if name == b"IEND":
            return
        start = end


def _fault(chunk: _Chunk, inflated: int | None, data: bytes, room: int) -> str:
    """Why a chunk cannot be used; "" where it can."""
    if chunk.name in _LABELS:
        return ""
    if not chunk.intact:
        return "has a wrong checksum"
    shortest = _SHORTEST.get(chunk.name, 0)
    if chunk.name == b"tRNS":
        shortest = _KEY_BY_COLOUR_TYPE.get(data[25], shortest)
    if len(chunk.content) < shortest or inflated is None:
        return "is damaged"
    if chunk.name in _TEXTS and len(chunk.content) > _LARGEST_CHUNK:
        return f"is larger than {_LARGEST_CHUNK >> 20} MiB"
    if inflated > room:
        return f"inflates to more than {MOST_TEXT_BYTES >> 20} MiB"
    return ""


def _inflated_bytes(chunk: _Chunk, most: int) -> int | None:
    """How large compressed content is, counted up to just above `most`.

    Returns:
        0 for what is not compressed; None for what cannot be inflated.
    """
    if chunk.name == b"zTXt":
        key, _, rest = bytes(chunk.content).partition(b"\0")
        return _count(rest[1:], most) if key and rest[:1] == b"\0" else None
    if chunk.name != b"iTXt":
        return 0
    key, _, rest = bytes(chunk.content).partition(b"\0")
    if rest[:1] == b"\0":
        return 0
    parts = rest[2:].split(b"\0", 2)
    if not key or rest[:2] != b"\1\0" or len(parts) < 3:
        return None
    return _count(parts[2], most)


def _count(compressed: bytes | memoryview, most: int) -> int | None:
    inflate, size = zlib.decompressobj(), 0
    rest: bytes | memoryview = compressed
    try:
        while len(rest) and size <= most and not inflate.eof:
            size += len(inflate.decompress(rest, _STEP))
            rest = inflate.unconsumed_tail
    except zlib.error:
        return None
    return size
