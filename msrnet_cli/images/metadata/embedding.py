"""Metadata put into a file that was just encoded, byte for byte where possible.

A note names the metadata that the format cannot hold.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from msrnet_cli.images.formats import FORMATS
from msrnet_cli.images.metadata import (
    gif_blocks,
    jpeg_segments,
    photoshop,
    png_chunks,
    tiff_tags,
    webp_chunks,
    xmp,
)
from msrnet_cli.images.metadata.exif_layout import within
from msrnet_cli.images.metadata.jpeg_segments import Segment
from msrnet_cli.images.metadata.png_chunks import Chunk
from msrnet_cli.images.metadata.record import EXIF_HEAD
from msrnet_cli.images.metadata.tiff_builder import TiffBuilder
from msrnet_cli.images.metadata.wording import listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.config import Format
    from msrnet_cli.images.metadata.record import Metadata

_LEAST_EXIF = 48  # bytes, so that its placeholder is unique
_Result = tuple[bytes, tuple[str, ...]]


def encoder_arguments(metadata: Metadata, format: Format) -> dict[str, object]:
    """The metadata that the format's writer must be given; `embed` adds the rest."""
    arguments = {"icc_profile": metadata.icc, **_ARGUMENTS[format](metadata)}
    return {name: value for name, value in arguments.items() if value is not None}


def embed(
    data: bytes, metadata: Metadata, format: Format, size: tuple[int, int]
) -> _Result:
    """Put metadata into a file.

    Args:
        data: The file, encoded with `encoder_arguments`; for TIFF, with `directory`.
        metadata: What to put in.
        format: Of the file.
        size: Width and height of the picture.

    Returns:
        The file, and notes on what is left out.
    """
    notes = metadata.notes + left_out(metadata, format)
    try:
        data, more = _EMBEDDERS[format](data, metadata, size)
    except (ValueError, LookupError, struct.error, OverflowError) as error:
        reason = (
            f"metadata could not be kept: {error}"  # the picture can still be written
        )
        return data, (*notes, reason)
    return data, tuple(dict.fromkeys(notes + more))


def left_out(metadata: Metadata, format: Format) -> tuple[str, ...]:
    """A note that names the metadata that a format cannot hold."""
    holds = FORMATS[format].holds
    lost = []
    if metadata.exif and "EXIF" not in holds:
        lost.append("EXIF")
    if metadata.xmp and "XMP" not in holds:
        lost.append("XMP")
    if metadata.photoshop and "IPTC" not in holds:
        lost.append(_photoshop_name(metadata))
    if metadata.comments and "comment" not in holds:
        lost.append("comment")
    if metadata.home != format:
        lost += _foreign(metadata)
    if not lost:
        return ()
    return (f"{listed(lost)} left out: {FORMATS[format].name} holds none",)


def _photoshop_name(metadata: Metadata) -> str:
    found = any(map(photoshop.iptc, _whole_photoshop(metadata)))
    return "IPTC" if found else "Photoshop settings"


def _whole_photoshop(metadata: Metadata) -> tuple[bytes, ...]:
    whole = b"".join(metadata.photoshop)
    return (whole,) if whole else ()


def _foreign(metadata: Metadata) -> list[str]:
    """Names of the blocks that only the format of the input holds."""
    names = []
    for block in metadata.blocks:
        if metadata.home == "png":
            chunk = Chunk(block.name.encode(), block.content)
            key = png_chunks.key_of(chunk)
            if block.name == "pHYs" or key in _CARRIED_TEXT:
                continue
            names.append("PNG text" if key else f"PNG chunk {block.name}")
        elif metadata.home == "jpeg" and block.kind and block.name != "JFIF":
            names.append(f"JPEG segment {block.name}")
        elif metadata.home == "webp":
            names.append(f"WebP chunk {block.name}")
        elif metadata.home == "gif":
            names.append(block.name)
    if metadata.trailer:
        names.append(f"{len(metadata.trailer)} bytes after the picture")
    return names


_CARRIED_TEXT = {
    png_chunks.XMP_KEY,
    png_chunks.COMMENT_KEY,
    b"Raw profile type iptc",
    b"Raw profile type 8bim",
}


def _whole_xmp(metadata: Metadata) -> tuple[bytes | None, tuple[str, ...]]:
    """XMP as one packet, for formats without a limit of size."""
    packet, rest = metadata.xmp, metadata.xmp_rest
    if packet is None or rest is None:
        return packet, ()
    whole = xmp.joined(packet, rest)
    if whole is None:
        return xmp.alone(packet), ("extended XMP does not fit, and is left out",)
    return whole, ()


# --- JPEG ----------------------------------------------------------------------


def _jpeg(data: bytes, metadata: Metadata, _: tuple[int, int]) -> _Result:
    exif, notes = _jpeg_exif(metadata)
    parts = {
        "EXIF": exif,
        "XMP": _jpeg_xmp(metadata),
        "IPTC": [
            segment
            for piece in metadata.photoshop
            for segment in jpeg_segments.in_segments(
                jpeg_segments.APP13, jpeg_segments.PHOTOSHOP, piece
            )
        ],
        "comment": [
            segment
            for comment in metadata.comments
            for segment in jpeg_segments.in_segments(
                jpeg_segments.COMMENT, b"", comment
            )
        ],
    }
    jfif = None
    if metadata.home == "jpeg":
        heads = [block.content for block in metadata.blocks if block.name == "JFIF"]
        jfif = heads[0] if heads else b""
    segments = _in_order(metadata, parts)
    data = jpeg_segments.insert(data, segments, jfif=jfif)
    trailer = metadata.trailer if metadata.home == "jpeg" else b""
    return data + trailer, notes


def _in_order(metadata: Metadata, parts: dict[str, list[Segment]]) -> list[Segment]:
    """All segments, in the order of the input file where that is a JPEG.

    Where EXIF, XMP and IPTC contradict each other, some programs believe the first.
    """
    segments: list[Segment] = []
    for block in metadata.blocks if metadata.home == "jpeg" else ():
        if not block.kind:
            segments += parts.pop(block.name, [])
        elif block.name != "JFIF":
            segments.append(Segment(block.kind, block.content))
    return segments + [segment for part in parts.values() for segment in part]


def _jpeg_exif(metadata: Metadata) -> tuple[list[Segment], tuple[str, ...]]:
    """EXIF as one segment; as several where the input had several."""
    block = metadata.block
    notes: tuple[str, ...] = ()
    if block is None:
        return [], notes
    if metadata.home != "jpeg":
        limit = jpeg_segments.MOST - len(EXIF_HEAD)
        block, notes = within(block, limit)
    return jpeg_segments.in_segments(jpeg_segments.APP1, EXIF_HEAD, block), notes


def _jpeg_xmp(metadata: Metadata) -> list[Segment]:
    packet, rest = metadata.xmp, metadata.xmp_rest
    if packet is None:
        return []
    packet = xmp.in_utf8(packet)
    limit = jpeg_segments.MOST - len(jpeg_segments.XMP)
    if rest is None and len(packet) > limit:
        packet = xmp.unpadded(packet)
    if rest is None and len(packet) > limit:
        packet, rest = xmp.divided(packet)
    return jpeg_segments.xmp_segments(packet, rest)


# --- PNG -----------------------------------------------------------------------


def _png(data: bytes, metadata: Metadata, _: tuple[int, int]) -> _Result:
    own = metadata.blocks if metadata.home == "png" else ()
    chunks = [Chunk(b.name.encode(), b.content, bool(b.kind)) for b in own]
    packet, notes = _whole_xmp(metadata)
    chunks = _with_xmp(chunks, packet)
    if metadata.block is not None:
        chunks.insert(0, Chunk(b"eXIf", metadata.block))
    if metadata.dpi and not any(chunk.name == b"pHYs" for chunk in chunks):
        per_metre = (round(value / 0.0254) for value in metadata.dpi)
        chunks.insert(0, Chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if metadata.cicp:  # of RGB in full range
        chunks.insert(0, Chunk(b"cICP", bytes((*metadata.cicp, 0, 1))))
    if metadata.home != "png":
        for whole in _whole_photoshop(metadata):
            chunks.append(png_chunks.raw_profile(b"iptc", whole))
        chunks += map(png_chunks.comment_chunk, metadata.comments)
    return png_chunks.insert(data, chunks), notes


def _with_xmp(chunks: list[Chunk], packet: bytes | None) -> list[Chunk]:
    """The chunks with XMP, whose own chunk stays where the packet is unchanged."""
    out = []
    for chunk in chunks:
        if png_chunks.key_of(chunk).lower() == png_chunks.XMP_KEY.lower():
            if packet is None or png_chunks.value_of(chunk) != packet:
                continue
            packet = None
        out.append(chunk)
    if packet is not None:
        out.append(png_chunks.xmp_chunk(xmp.in_utf8(packet)))
    return out


# --- others --------------------------------------------------------------------


def _webp(data: bytes, metadata: Metadata, size: tuple[int, int]) -> _Result:
    packet, notes = _whole_xmp(metadata)
    added = []
    if metadata.block is not None:
        added.append((b"EXIF", metadata.block))
    if packet is not None:
        added.append((b"XMP ", xmp.in_utf8(packet)))
    if metadata.home == "webp":
        blocks = metadata.blocks
        added += [(block.name.encode("latin-1"), block.content) for block in blocks]
    return (webp_chunks.insert(data, added, size) if added else data), notes


def _gif(data: bytes, metadata: Metadata, _: tuple[int, int]) -> _Result:
    packet, notes = _whole_xmp(metadata)
    others = metadata.blocks if metadata.home == "gif" else ()
    if packet is None and not metadata.comments and not others:
        return data, notes
    contents = tuple(block.content for block in others)
    packet = xmp.in_utf8(packet) if packet is not None else None
    if packet is not None and b"\0" in packet:
        packet, notes = None, (*notes, "XMP is damaged and left out")
    return gif_blocks.insert(data, metadata.comments, packet, contents), notes


def _avif(data: bytes, metadata: Metadata, _: tuple[int, int]) -> _Result:
    """Replace the placeholder by EXIF: the encoder itself would change the block."""
    notes = _whole_xmp(metadata)[1]
    if metadata.block is None:
        return data, notes
    stand_in = _stand_in(metadata.block)
    if data.count(stand_in) != 1:
        return data, (*notes, "EXIF could not be kept")
    return data.replace(stand_in, metadata.block.ljust(len(stand_in), b"\0")), notes


def _stand_in(block: bytes) -> bytes:
    """A placeholder: an EXIF block without tags, as long as another, and unique."""
    head = b"II*\0" + struct.pack("<IHI", 8, 0, 0)
    size = max(len(block), _LEAST_EXIF)
    fill = hashlib.sha256(block).digest()
    return (head + fill * (size // len(fill) + 1))[:size]


def directory(metadata: Metadata) -> TiffBuilder:
    """The directory of a new TIFF file with all metadata; `embed` gives the notes."""
    tags = TiffBuilder(metadata.block)
    packet, _ = _whole_xmp(metadata)
    if packet is not None:
        tags.add(tiff_tags.XMP, 1, packet)
    if metadata.icc is not None:
        tags.add(tiff_tags.PROFILE, 7, metadata.icc)
    if metadata.home == "tiff":
        for block in metadata.blocks:
            tags.add(int(block.name), block.kind, block.content)
    else:
        for whole in _whole_photoshop(metadata):
            tags.add(tiff_tags.PHOTOSHOP, 7, whole)
            records = photoshop.iptc(whole)
            if records is not None:
                tags.add(tiff_tags.IPTC, 7, records)
    if metadata.dpi and 282 not in tags:
        tags.add_resolution(*metadata.dpi)
    return tags


def _tiff(data: bytes, metadata: Metadata, _: tuple[int, int]) -> _Result:
    return data, _whole_xmp(metadata)[1]


def _bmp(data: bytes, _: Metadata, __: tuple[int, int]) -> _Result:
    return data, ()


def _no_arguments(_: Metadata) -> dict[str, object]:
    return {}


def _resolution(metadata: Metadata) -> dict[str, object]:
    return {"dpi": metadata.dpi}


def _heic(data: bytes, metadata: Metadata, _: tuple[int, int]) -> _Result:
    return data, _whole_xmp(metadata)[1]


def _heic_items(metadata: Metadata) -> dict[str, object]:
    """Both as they are: the writer of HEIC changes neither."""
    packet = _whole_xmp(metadata)[0]
    return {"exif": metadata.exif, "xmp": packet and xmp.in_utf8(packet)}


def _avif_items(metadata: Metadata) -> dict[str, object]:
    block = metadata.block
    return {
        "exif": _stand_in(block) if block else None,
        "xmp": _whole_xmp(metadata)[0],
    }


_ARGUMENTS: dict[Format, Callable[[Metadata], dict[str, object]]] = {
    "jpeg": _resolution,
    "png": _no_arguments,
    "webp": _no_arguments,
    "tiff": _no_arguments,
    "bmp": _resolution,
    "heic": _heic_items,
    "avif": _avif_items,
    "gif": _no_arguments,
}
_EMBEDDERS: dict[Format, Callable[[bytes, Metadata, tuple[int, int]], _Result]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "tiff": _tiff,
    "bmp": _bmp,
    "heic": _heic,
    "avif": _avif,
    "gif": _gif,
}
