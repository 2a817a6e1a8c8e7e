"""PNG files as chunks: taken apart before decoding, put back after encoding.

Sources: W3C PNG 3, sections 5 and 11; extensions to PNG 1.5 (oFFs, sCAL, pCAL, sTER).
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

XMP_KEY = b"XML:com.adobe.xmp"
COMMENT_KEY = b"Comment"  # registered by the standard
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST = 1 << 26  # of anything that is decompressed
_FOR_DECODER = frozenset(
    b"tRNS gAMA cHRM sRGB cICP sBIT mDCV cLLI mDCv cLLi acTL fcTL fdAT".split()
)
COLOUR = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"mDCV", b"cLLI")
"""Chunks that say what the colours are; `images.colour.png` reads them."""

LAYOUT = frozenset((b"iDOT",))
"""Chunks that only say how the old pixels were stored."""

_HARMLESS = frozenset(b"tIME sCAL sTER".split())  # though not safe to copy by name


@dataclass(frozen=True)
class Chunk:
    """A named part of a file.

    Attributes:
        name: Four letters.
        content: Without length, name and checksum.
        late: Whether it follows the pixels.
    """

    name: bytes
    content: bytes
    late: bool = False

    def encoded(self) -> bytes:
        size = len(self.content).to_bytes(4, "big")
        checksum = zlib.crc32(self.content, zlib.crc32(self.name))
        return size + self.name + self.content + checksum.to_bytes(4, "big")

    @property
    def portable(self) -> bool:
        """Whether the chunk stays true when the pixels change."""
        return bool(self.name[3] & 0x20) or self.name in _HARMLESS


@dataclass(frozen=True)
class Parts:
    """A PNG file taken apart.

    Attributes:
        chunks: All that a decoder does not need.
        bare: The file without them.
        damaged: Names of chunks whose checksum is wrong; they are left out.
    """

    chunks: tuple[Chunk, ...]
    bare: bytes
    damaged: tuple[str, ...]


def split(data: bytes) -> Parts:
    """Take a file apart; where it is damaged, its rest counts as the picture."""
    chunks: list[Chunk] = []
    whole = memoryview(data)  # whose parts are not copied
    bare: list[bytes | memoryview] = [_SIGNATURE]
    damaged: list[str] = []
    late = False
    kept = len(_SIGNATURE)
    for name, start, end in _places(data):
        late = late or name == b"IDAT"
        if not name[0] & 0x20 or name in (b"fdAT", b"fcTL"):
            continue
        chunk = Chunk(name, data[start + 8 : end - 4], late)
        sound = chunk.encoded()[-4:] == data[end - 4 : end]
        if sound and name in _FOR_DECODER:
            continue
        bare.append(whole[kept:start])
        kept = end
        if not sound:
            damaged.append(name.decode("latin-1"))
        elif name != b"iCCP":
            chunks.append(chunk)
    bare.append(whole[kept:])
    return Parts(tuple(chunks), b"".join(bare), tuple(damaged))


def _places(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each chunk that is whole."""
    start = len(_SIGNATURE)
    while start + 12 <= len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        name = data[start + 4 : start + 8]
        if end > len(data) or not name.isalpha():
            return
        yield name, start, end
        start = end


def insert(data: bytes, chunks: list[Chunk]) -> bytes:
    """Put chunks into a file that was just encoded: before its pixels, or after."""
    first = next(at for name, at, _ in _places(data) if name == b"IDAT")
    last = next(at for name, at, _ in _places(data) if name == b"IEND")
    early = b"".join(chunk.encoded() for chunk in chunks if not chunk.late)
    late = b"".join(chunk.encoded() for chunk in chunks if chunk.late)
    return data[:first] + early + data[first:last] + late + data[last:]


def key_of(chunk: Chunk) -> bytes:
    """The keyword of a text chunk; b"" for all others."""
    if chunk.name not in (b"tEXt", b"zTXt", b"iTXt"):
        return b""
    return chunk.content.partition(b"\0")[0]


def value_of(chunk: Chunk) -> bytes | None:
    """The text of a text chunk, as bytes; None where it is damaged or too large."""
    _, _, rest = chunk.content.partition(b"\0")
    if chunk.name == b"tEXt":
        return rest
    if chunk.name == b"zTXt":
        return _inflated(rest[1:])
    packed, (_, _, text) = rest[:1] == b"\1", _three(rest[2:])
    return _inflated(text) if packed else text


def _three(rest: bytes) -> tuple[bytes, bytes, bytes]:
    language, _, rest = rest.partition(b"\0")
    translated, _, text = rest.partition(b"\0")
    return language, translated, text


def _inflated(packed: bytes) -> bytes | None:
    inflater = zlib.decompressobj()
    try:
        out = inflater.decompress(packed, _MOST)
    except zlib.error:
        return None
    return out if inflater.eof else None


def xmp_chunk(packet: bytes) -> Chunk:
    """An XMP packet as PNG holds it."""
    return Chunk(b"iTXt", XMP_KEY + bytes(5) + packet)


def comment_chunk(comment: bytes) -> Chunk:
    """A comment of another format as text of the keyword registered for it."""
    comment = comment.rstrip(b"\0").replace(b"\0", b" ")
    try:
        comment.decode("ascii")
    except UnicodeDecodeError:
        try:
            comment.decode("utf-8")
        except UnicodeDecodeError:
            return Chunk(b"tEXt", b"Comment\0" + comment)
        return Chunk(b"iTXt", b"Comment" + bytes(5) + comment)
    return Chunk(b"tEXt", b"Comment\0" + comment)


def raw_profile(kind: bytes, content: bytes) -> Chunk:
    """A block as ImageMagick, ExifTool and Exiv2 put it into PNG text."""
    digits = re.sub(rb"(.{72})", rb"\1\n", content.hex().encode())
    text = b"\n%s\n%8d\n%s\n" % (kind, len(content), digits)
    key = b"Raw profile type " + kind
    return Chunk(b"zTXt", key + b"\0\0" + zlib.compress(text))


def from_raw_profile(chunk: Chunk) -> bytes | None:
    """The block in such a text; None where it is damaged."""
    words = (value_of(chunk) or b"").split()
    if len(words) < 3:
        return None
    try:
        content = bytes.fromhex(b"".join(words[2:]).decode("ascii"))
    except ValueError:
        return None
    return content if str(len(content)).encode() == words[1] else None
