"""WebP containers (RFC 9649): their contents, and the sound part of a damaged one."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STILL = (b"VP8 ", b"VP8L")
_ALPHA, _ANIMATED = 0x10, 0x02
_SMALL_PART = 4
_LARGE = 1_000_000


@dataclass(frozen=True)
class _Chunk:
    name: bytes
    content: bytes
    whole: bool

    def encoded(self) -> bytes:
        head = self.name + struct.pack("<I", len(self.content))
        return head + self.content + bytes(len(self.content) % 2)


def mended(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Keep the first picture of a file and all metadata that is whole.

    Args:
        data: A WebP file.

    Returns:
        The file for the decoder, and notes on what is left out: further frames, cut
        chunks, and the empty part of a canvas that the first frame hardly covers.
    """
    chunks = list(_chunks(data))
    frames = [chunk for chunk in chunks if chunk.name == b"ANMF"]
    cut = {chunk.name for chunk in chunks if not chunk.whole} - {b"ANMF"}
    notes: list[str] = []
    if len(frames) > 1:
        notes.append("only its first frame is kept")
    if cut and not cut & {*_STILL, b"ALPH", b"VP8X"}:
        names = ", ".join(name.decode("latin-1").strip() for name in sorted(cut))
        notes.append(f"its {names} chunk is cut short and is left out")
    kept = [
        chunk
        for chunk in chunks
        if chunk.whole and (chunk.name != b"ANMF" or chunk is frames[0])
    ]
    small = _as_still(kept) if frames and frames[0].whole else None
    if small is not None:
        kept, note = small
        notes.append(note)
    declared = 8 + int.from_bytes(data[4:8], "little")
    if notes or declared > len(data):
        return _riff(kept), tuple(notes)
    return data, ()


def canvas(head: bytes) -> tuple[int, int] | None:
    """Width and height in the first chunk, before any turn."""
    name = head[12:16]
    if name == b"VP8X" and len(head) >= 30:
        return _u24(head, 24) + 1, _u24(head, 27) + 1
    if name == b"VP8L" and len(head) >= 25 and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 " and len(head) >= 30 and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<2H", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def is_lossless(data: bytes) -> bool:
    """Whether the first picture is of the lossless kind."""
    for chunk in _chunks(data):
        inner = chunk.content[16:20] if chunk.name == b"ANMF" else chunk.name
        if inner in _STILL:
            return inner == b"VP8L"
    return False


def quality(data: bytes) -> int | None:
    """About how well the first picture is coded, on libwebp's scale of 0 to 100.

    From the quantizers of the frame header (RFC 6386 section 9.6), by the inverse of
    libwebp's `QualityToCompression` (quant_enc.c).

    Returns:
        None where it is not lossy, or damaged.
    """
    for chunk in _chunks(data):
        inner = [chunk]
        if chunk.name == b"ANMF":
            inner = list(_chunks(chunk.content, 16))
        for part in inner:
            if part.name == b"VP8 ":
                return _quality(part.content)
    return None


def _quality(frame: bytes) -> int | None:
    if frame[3:6] != b"\x9d\x01\x2a":
        return None
    quantizer = _quantizer(_Booleans(frame[10:200]))
    linear = (1 - quantizer / 127) ** 3
    return round(100 * (linear * 1.5 if linear < 0.5 else (linear + 1) / 2))


class _Booleans:
    """Decoder of equally likely bits (RFC 6386 section 7.3)."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)
        self._value = next(self._data, 0) << 8 | next(self._data, 0)
        self._range, self._shifted = 255, 0

    def take(self, count: int) -> int:
        """A number of so many bits, the highest first."""
        value = 0
        for _ in range(count):
            value = value << 1 | self._bit()
        return value

    def optional(self, count: int) -> int:
        """A signed number behind a flag; 0 without."""
        if not self.take(1):
            return 0
        value = self.take(count)
        return -value if self.take(1) else value

    def _bit(self) -> int:
        split = 1 + (self._range - 1 >> 1)
        bit = int(self._value >= split << 8)
        self._value -= bit * (split << 8)
        self._range = self._range - split if bit else split
        while self._range < 128:
            self._value, self._range = self._value << 1, self._range << 1
            self._shifted = (self._shifted + 1) % 8
            if self._shifted == 0:
                self._value |= next(self._data, 0)
        return bit


def _quantizer(bits: _Booleans) -> float:
    """The mean index of a frame's quantizers, 0 (finest) to 127."""
    bits.take(2)  # colour space, clamping
    absolute, segments = 0, [0]
    if bits.take(1):
        has_map, has_data = bits.take(1), bits.take(1)
        if has_data:
            absolute = bits.take(1)
            segments = [bits.optional(7) for _ in range(4)]
            for _ in range(4):
                bits.optional(6)
        for _ in range(3 * has_map):
            if bits.take(1):
                bits.take(8)
    bits.take(1 + 6 + 3)  # loop filter: kind, level, sharpness
    if bits.take(1) and bits.take(1):
        for _ in range(8):
            bits.optional(6)
    bits.take(2)  # partitions
    base = bits.take(7)
    mean = sum(segments) / len(segments)
    return min(127.0, max(0.0, mean if absolute else base + mean))


def _chunks(data: bytes, start: int = 12) -> Iterator[_Chunk]:
    while start + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, start)
        content = data[start + 8 : start + 8 + size]
        yield _Chunk(name, content, len(content) == size)
        start += 8 + size + size % 2


def _as_still(chunks: list[_Chunk]) -> tuple[list[_Chunk], str] | None:
    """An animation as a still picture of its first frame, if the frame is small."""
    head = next((chunk for chunk in chunks if chunk.name == b"VP8X"), None)
    frame = next(chunk for chunk in chunks if chunk.name == b"ANMF")
    if head is None or len(head.content) < 10 or len(frame.content) < 16:
        return None
    canvas = _u24(head.content, 4) + 1, _u24(head.content, 7) + 1
    size = _u24(frame.content, 6) + 1, _u24(frame.content, 9) + 1
    if not covers_little(size, canvas):
        return None
    flags = head.content[0] & ~_ANIMATED | _ALPHA
    sides = frame.content[6:9] + frame.content[9:12]
    still = _Chunk(b"VP8X", bytes((flags, 0, 0, 0)) + sides, True)
    inner = [
        chunk
        for chunk in _chunks(frame.content, 16)
        if chunk.name in (*_STILL, b"ALPH")
    ]
    around = [c for c in chunks if c.name not in (b"VP8X", b"ANIM", b"ANMF")]
    before = [chunk for chunk in around if chunk.name == b"ICCP"]
    after = [chunk for chunk in around if chunk.name != b"ICCP"]
    return [still, *before, *inner, *after], part_note(size, canvas)


def covers_little(size: tuple[int, int], canvas: tuple[int, int]) -> bool:
    """Whether a frame is a small part of a canvas so large that it would cost time."""
    pixels = canvas[0] * canvas[1]
    return pixels > _LARGE and size[0] * size[1] * _SMALL_PART < pixels


def part_note(size: tuple[int, int], canvas: tuple[int, int]) -> str:
    """The note that the canvas around a frame is left out."""
    return (
        f"its picture covers {size[0]}x{size[1]} of a canvas of"
        f" {canvas[0]}x{canvas[1]}: the empty rest is left out"
    )


def _riff(chunks: list[_Chunk]) -> bytes:
    body = b"WEBP" + b"".join(chunk.encoded() for chunk in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _u24(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + 3], "little")
