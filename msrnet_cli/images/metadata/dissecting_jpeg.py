"""A JPEG file's segments, sorted into metadata."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from msrnet_cli.images.metadata import jpeg_segments, photoshop, xmp
from msrnet_cli.images.metadata.multipicture import what_follows
from msrnet_cli.images.metadata.record import EXIF_HEAD, Block, Dissected, Metadata
from msrnet_cli.images.metadata.wording import GAIN_MAP, SIGNATURE, THUMBNAIL, once

if TYPE_CHECKING:
    from msrnet_cli.images.metadata.jpeg_segments import Segment


def dissect_jpeg(data: bytes) -> Dissected:
    """Take a JPEG file apart.

    Raises:
        ValueError: Its segments are damaged.
    """
    parts = jpeg_segments.split(data)
    segments = parts.segments
    blocks, notes = _exif_blocks(segments)
    packets = _contents(segments, jpeg_segments.APP1, jpeg_segments.XMP)
    packet, rest, more = _whole_xmp(packets, segments)
    pieces = _contents(segments, jpeg_segments.APP13, jpeg_segments.PHOTOSHOP)
    pieces, thumbnails = photoshop.pieces_without_thumbnails(pieces)
    others, lost = _jpeg_blocks(segments)
    said = xmp.cleared(packet) if packet else None
    gain_map = any(map(_is_gain_map, segments)) or bool(said and said.gain_map)
    follows = what_follows(segments, parts.trailer, gain_map=gain_map)
    metadata = Metadata(
        exif=blocks or None,
        xmp=packet,
        xmp_rest=rest,
        photoshop=pieces,
        comments=_contents(segments, jpeg_segments.COMMENT, b""),
        dpi=_jfif_dpi(segments),
        blocks=others,
        trailer=follows.kept,
        notes=lost + (THUMBNAIL,) * thumbnails,
    )
    notes += more + (GAIN_MAP,) * gain_map + follows.notes
    return Dissected(metadata, 1, parts.bare, notes)


def _contents(
    segments: tuple[Segment, ...], marker: int, head: bytes
) -> tuple[bytes, ...]:
    """The contents of all segments of a kind, without what they begin with."""
    return tuple(
        segment.content[len(head) :]
        for segment in segments
        if segment.marker == marker and segment.content.startswith(head)
    )


def _exif_blocks(segments: tuple[Segment, ...]) -> tuple[bytes, tuple[str, ...]]:
    """The EXIF block, which some tools cut into several segments."""
    first, *more = _contents(segments, jpeg_segments.APP1, EXIF_HEAD) or (b"",)
    rest = [part for part in more if part[:2] not in (b"II", b"MM")]
    notes = ("a second EXIF block left out",) if len(rest) < len(more) else ()
    return b"".join((first, *rest)), notes


def _whole_xmp(
    packets: tuple[bytes, ...], segments: tuple[Segment, ...]
) -> tuple[bytes | None, bytes | None, tuple[str, ...]]:
    """The packet, the rest that it names, and what is wrong with them."""
    if not packets:
        return None, None, ()
    notes = ("a second XMP packet left out",) if len(packets) > 1 else ()
    packet = packets[0]
    name = xmp.extended_name(packet)
    if name is None:
        return packet, None, notes
    rest = jpeg_segments.more_xmp(segments, name)
    if rest is None:
        note = "extended XMP is damaged and left out"
        return xmp.alone(packet), None, (*notes, note)
    true = xmp.cleared(rest).packet
    if true != rest:
        packet = packet.replace(name.encode(), xmp.name_of(true).encode())
    return packet, true, notes


def _jpeg_blocks(
    segments: tuple[Segment, ...],
) -> tuple[tuple[Block, ...], tuple[str, ...]]:
    """Segments that only a JPEG holds, and notes on those that are left out."""
    signed = {s.content[2:4] for s in segments if _is_jumbf(s) and b"c2pa" in s.content}
    blocks: list[Block] = []
    lost: list[str] = []
    for segment in segments:
        content = segment.content
        place = _place_of(segment)
        if place is not None:
            here = Block(place, b"")
            blocks += [here] * (place != "" and here not in blocks)
        elif _is_jumbf(segment) and content[2:4] in signed:
            lost.append(SIGNATURE)
        elif segment.marker == jpeg_segments.APP0 and content[:5] == b"JFIF\0":
            lost += [THUMBNAIL] * any(content[12:14])
            blocks.append(Block("JFIF", content[:12] + bytes(2), segment.marker))
        elif segment.marker == jpeg_segments.APP0 and content[:5] == b"JFXX\0":
            lost.append(THUMBNAIL)
        else:
            blocks.append(Block(segment.name, content, segment.marker))
    return tuple(blocks), once(lost)


def _place_of(segment: Segment) -> str | None:
    """What a segment is a part of: EXIF, XMP, ...

    Returns:
        "" where the new file does not need it, None where it is a block of its own.
    """
    content, marker = segment.content, segment.marker
    for head, kind, name in _PARTS:
        if marker == kind and content.startswith(head):
            return name
    useless = marker == jpeg_segments.APP14 and content.startswith(b"Adobe")
    return "" if useless or _is_gain_map(segment) else None


_PARTS = (
    (EXIF_HEAD, jpeg_segments.APP1, "EXIF"),
    (jpeg_segments.XMP, jpeg_segments.APP1, "XMP"),
    (jpeg_segments.MORE_XMP, jpeg_segments.APP1, "XMP"),
    (jpeg_segments.PHOTOSHOP, jpeg_segments.APP13, "IPTC"),
    (b"", jpeg_segments.COMMENT, "comment"),
    (b"MPF\0", jpeg_segments.APP2, ""),
    (jpeg_segments.PROFILE, jpeg_segments.APP2, ""),
)


def _is_jumbf(segment: Segment) -> bool:
    return segment.marker == jpeg_segments.APP11 and segment.content[:2] == b"JP"


def _is_gain_map(segment: Segment) -> bool:
    return segment.content.startswith(_GAIN_MAPS.get(segment.marker, ()))


_GAIN_MAPS: dict[int, tuple[bytes, ...]] = {
    jpeg_segments.APP2: (b"urn:iso:std:iso:ts:21496:-1\0",),
    jpeg_segments.APP10: (b"AROT\0",),
    jpeg_segments.APP11: (b"HDR_RI",),
}


def _jfif_dpi(segments: tuple[Segment, ...]) -> tuple[float, float] | None:
    found = _contents(segments, jpeg_segments.APP0, b"JFIF\0")
    if not found or len(found[0]) < 7:
        return None
    unit, across, down = struct.unpack_from(">BHH", found[0], 2)
    scale = {1: 1.0, 2: 2.54}.get(unit)
    return None if scale is None else (across * scale, down * scale)
