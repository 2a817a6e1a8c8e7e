"""A PNG file's chunks, sorted into metadata."""

from __future__ import annotations

import struct

from msrnet_cli.images.metadata import jpeg_segments, photoshop, png_chunks
from msrnet_cli.images.metadata.record import EXIF_HEAD, Block, Dissected, Metadata
from msrnet_cli.images.metadata.wording import SIGNATURE, listed


def dissect_png(data: bytes) -> Dissected:
    """Take a PNG file apart.

    Raises:
        ValueError: Its chunks are damaged.
    """
    parts = png_chunks.split(data)
    damaged = listed(
        name for name in parts.damaged if name.encode() not in png_chunks.COLOUR
    )
    notes = [f"PNG chunk {damaged} left out: damaged"] if damaged else []
    chunks = parts.chunks
    untold = png_chunks.LAYOUT | {b"caBX"}
    stale = listed(
        c.name.decode() for c in chunks if not c.portable and c.name not in untold
    )
    lost = [f"PNG chunk {stale} left out: about the old pixels"] if stale else []
    lost += [SIGNATURE] * any(chunk.name == b"caBX" for chunk in chunks)
    texts = {png_chunks.key_of(chunk).lower(): chunk for chunk in chunks}
    packet = texts.get(png_chunks.XMP_KEY.lower())
    text = png_chunks.value_of(packet) if packet else _png_xmp(texts)
    if packet and text is None:
        notes.append("XMP is damaged and left out")
    block = next((chunk.content for chunk in chunks if chunk.name == b"eXIf"), None)
    kept = [chunk for chunk in chunks if chunk.portable and not _is_copy(chunk)]
    metadata = Metadata(
        exif=block or _png_exif(texts),
        xmp=text or None,
        photoshop=_png_photoshop(texts),
        comments=tuple(
            png_chunks.value_of(chunk) or b""
            for chunk in chunks
            if png_chunks.key_of(chunk) == png_chunks.COMMENT_KEY
        ),
        dpi=_png_dpi(chunks),
        blocks=tuple(Block(c.name.decode(), c.content, int(c.late)) for c in kept),
        notes=tuple(lost),
    )
    return Dissected(metadata, 1, parts.bare, tuple(notes))


_RAW = b"raw profile type "


def _is_copy(chunk: png_chunks.Chunk) -> bool:
    """Whether the content of a chunk is carried elsewhere, or is a copy of it."""
    key = png_chunks.key_of(chunk).lower()
    names = (b"exif", b"app1", b"xmp", b"icc", b"icm")
    return chunk.name == b"eXIf" or key in {_RAW + name for name in names}


def _raw(texts: dict[bytes, png_chunks.Chunk], kind: bytes) -> bytes | None:
    chunk = texts.get(_RAW + kind)
    return png_chunks.from_raw_profile(chunk) if chunk else None


def _png_exif(texts: dict[bytes, png_chunks.Chunk]) -> bytes | None:
    block = _raw(texts, b"exif")
    more = _raw(texts, b"app1") or b""
    if block is None and more.startswith(EXIF_HEAD):
        block = more
    return block


def _png_xmp(texts: dict[bytes, png_chunks.Chunk]) -> bytes | None:
    """XMP as ImageMagick writes it: under its own name, or as a JPEG segment."""
    packet = _raw(texts, b"xmp")
    segment = _raw(texts, b"app1") or b""
    if packet is None and segment.startswith(jpeg_segments.XMP):
        packet = segment[len(jpeg_segments.XMP) :]
    return packet


def _png_photoshop(texts: dict[bytes, png_chunks.Chunk]) -> tuple[bytes, ...]:
    found = (_raw(texts, b"8bim"), _raw(texts, b"iptc"))
    whole = next((part for part in found if part), b"")
    if whole[:1] == b"\x1c":  # some tools write bare IPTC, without Photoshop's resource
        whole = photoshop.with_iptc(whole)
    return (whole,) if whole else ()


def _png_dpi(chunks: tuple[png_chunks.Chunk, ...]) -> tuple[float, float] | None:
    found = next((c.content for c in chunks if c.name == b"pHYs"), b"")
    if len(found) != 9 or found[8] != 1:
        return None
    across, down = struct.unpack_from(">II", found)
    return across * 0.0254, down * 0.0254
