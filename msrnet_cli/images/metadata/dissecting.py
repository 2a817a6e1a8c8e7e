"""A file to what it says about its picture, and to what Pillow needs of it.

Pillow sees pixels and colours only: so no metadata, however large or damaged, can cost
a picture.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msrnet_cli.images.metadata import (
    avif_items,
    exif,
    gif_blocks,
    jpeg_segments,
    photoshop,
    png_chunks,
    tiff_tags,
    webp_chunks,
    xmp,
)
from msrnet_cli.images.metadata.multipicture import what_follows
from msrnet_cli.images.metadata.record import EXIF_HEAD, Block, Metadata
from msrnet_cli.images.metadata.wording import listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from msrnet_cli.config import Format
    from msrnet_cli.images.metadata.jpeg_segments import Segment

_THUMBNAIL = "thumbnail left out: it shows the old light"
_SIGNATURE = "content credentials (C2PA) left out: they sign the old picture"
_GAIN_MAP = "gain map left out: it is for the old light"
_VIDEO = "motion video left out"
_C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_MOST_DPI = 65535


@dataclass(frozen=True)
class Dissected:
    """A file taken apart.

    Attributes:
        metadata: As it fits the upright picture.
        orientation: How to turn the pixels: 1 to 8 as Exif counts them; None where
            only Pillow can tell.
        bare: The file with no more than a decoder needs.
        notes: What is damaged or cannot be kept, in words for a user.
    """

    metadata: Metadata
    orientation: int | None
    bare: bytes
    notes: tuple[str, ...] = ()


def dissect(data: bytes, format: Format) -> Dissected:
    """Take a file apart; damage costs a note, never more."""
    try:
        found = _TAKERS[format](data)
        found = replace(found, metadata=replace(found.metadata, home=format))
        return _made_true(found)
    except (ValueError, LookupError, struct.error, OverflowError):
        note = "metadata is damaged and left out"
        return Dissected(Metadata(home=format), 1, bare(data, format), (note,))


def bare(data: bytes, format: Format) -> bytes:
    """What a decoder needs of a file, whatever its metadata are."""
    with suppress(exif.DamagedError, struct.error, LookupError):
        if format == "avif":
            return avif_items.split(data).bare
        if format == "tiff":
            return tiff_tags.for_pillow(data)[0]
        if format == "jpeg":
            return jpeg_segments.split(data).bare
        if format == "png":
            return png_chunks.split(data).bare
    return data


def of_image(image: Image.Image) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata of an image in memory, which Pillow has read and turned.

    Returns:
        The metadata, and a note for each part that is damaged.
    """
    block, packet = image.info.get("exif"), image.info.get("xmp")
    if isinstance(packet, str):
        packet = packet.encode()
    metadata = Metadata(
        exif=block if isinstance(block, bytes) else None,
        xmp=packet if isinstance(packet, bytes) and packet else None,
        dpi=_sensible(image.info.get("dpi")),
    )
    done = _made_true(Dissected(metadata, 1, b""))
    return done.metadata, done.notes


def _made_true(found: Dissected) -> Dissected:
    """Take out what a turned and relit picture makes false."""
    metadata, lost, notes = found.metadata, [*found.metadata.notes], [*found.notes]
    block = metadata.block
    if block is not None and exif.directory_in(block) is None:
        notes.append("EXIF is damaged and left out")
        block = None
    if block is not None and not exif.is_sound(block):
        notes.append("EXIF is damaged in places, and kept as it came")
    turn = _orientation(block, metadata.xmp)
    if block is not None:
        block, had = exif.without_thumbnail(exif.upright(block))
        lost += [_THUMBNAIL] * had
    packet, said = metadata.xmp, xmp.Cleared(b"")
    if packet is not None:
        said = xmp.cleared(packet)
        packet = xmp.upright(said.packet, turn > 4)
    notes += [_GAIN_MAP] * said.gain_map + [_VIDEO] * said.video
    lost += [_THUMBNAIL] * said.thumbnail
    dpi = metadata.dpi or (exif.resolution(block) if block else None)
    dpi = _sensible(dpi[::-1] if dpi and turn > 4 else dpi)
    metadata = replace(
        metadata,
        exif=EXIF_HEAD + block if block else None,
        xmp=packet or None,
        dpi=dpi,
        notes=_once(lost),
    )
    orientation = None if found.orientation is None else turn
    return Dissected(metadata, orientation, found.bare, _once(notes))


def _orientation(block: bytes | None, packet: bytes | None) -> int:
    """EXIF's word counts before that of XMP."""
    if block is not None and exif.orientation(block) != 1:
        return exif.orientation(block)
    main = exif.directory_in(block) if block is not None else None
    if packet is None or (main and main.find(tiff_tags.ORIENTATION)):
        return 1
    return xmp.orientation(packet)


def _once(notes: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notes))


def _sensible(dpi: tuple[float, float] | None) -> tuple[float, float] | None:
    if not dpi or not all(0 < float(value) <= _MOST_DPI for value in dpi):
        return None
    return float(dpi[0]), float(dpi[1])


# --- JPEG ----------------------------------------------------------------------


def _jpeg(data: bytes) -> Dissected:
    parts = jpeg_segments.split(data)
    segments = parts.segments
    blocks, notes = _exif_blocks(segments)
    packets = _contents(segments, jpeg_segments.APP1, jpeg_segments.XMP)
    packet, rest, more = _whole_xmp(packets, segments)
    pieces = _contents(segments, jpeg_segments.APP13, jpeg_segments.PHOTOSHOP)
    pieces, thumbnails = _without_thumbnails(pieces)
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
        notes=lost + (_THUMBNAIL,) * thumbnails,
    )
    notes += more + (_GAIN_MAP,) * gain_map + follows.notes
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


def _without_thumbnails(pieces: tuple[bytes, ...]) -> tuple[tuple[bytes, ...], bool]:
    """Photoshop's resources but for thumbnails; pieces as they were where none is."""
    whole = b"".join(pieces)
    rest = photoshop.without_thumbnails(whole)
    if rest == whole:
        return pieces, False
    return ((rest,) if rest else ()), True


def _jpeg_blocks(
    segments: tuple[Segment, ...],
) -> tuple[tuple[Block, ...], tuple[str, ...]]:
    """Segments that only a JPEG holds, and notes on those that are no longer true."""
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
            lost.append(_SIGNATURE)
        elif segment.marker == jpeg_segments.APP0 and content[:5] == b"JFIF\0":
            lost += [_THUMBNAIL] * any(content[12:14])
            blocks.append(Block("JFIF", content[:12] + bytes(2), segment.marker))
        elif segment.marker == jpeg_segments.APP0 and content[:5] == b"JFXX\0":
            lost.append(_THUMBNAIL)
        else:
            blocks.append(Block(segment.name, content, segment.marker))
    return tuple(blocks), _once(lost)


def _place_of(segment: Segment) -> str | None:
    """What a segment is a part of: EXIF, XMP, ...

    Returns:
        "" where it is of no use in the new file, None where it is a block of its own.
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


# --- PNG -----------------------------------------------------------------------


def _png(data: bytes) -> Dissected:
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
    lost += [_SIGNATURE] * any(chunk.name == b"caBX" for chunk in chunks)
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
    """Whether a chunk is carried by other means, or is a copy that could differ."""
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
    if whole[:1] == b"\x1c":  # some tools leave out Photoshop's part of it
        whole = photoshop.with_iptc(whole)
    return (whole,) if whole else ()


def _png_dpi(chunks: tuple[png_chunks.Chunk, ...]) -> tuple[float, float] | None:
    found = next((c.content for c in chunks if c.name == b"pHYs"), b"")
    if len(found) != 9 or found[8] != 1:
        return None
    across, down = struct.unpack_from(">II", found)
    return across * 0.0254, down * 0.0254


# --- others --------------------------------------------------------------------


def _webp(data: bytes) -> Dissected:
    chunks = [*webp_chunks.chunks(data)]
    others = [c for c in chunks if not webp_chunks.is_picture(c[0])]
    named = dict(reversed(others))
    block, packet = named.get(b"EXIF"), named.get(b"XMP ")
    metadata = Metadata(
        exif=block,
        xmp=packet or None,
        blocks=tuple(
            Block(name.decode("latin-1"), content)
            for name, content in others
            if name not in (b"EXIF", b"XMP ", b"C2PA")
        ),
        notes=(_SIGNATURE,) if b"C2PA" in named else (),
    )
    return Dissected(metadata, 1, data)


def _gif(data: bytes) -> Dissected:
    parts = gif_blocks.split(data)
    blocks = tuple(Block("application extension", part) for part in parts.others)
    metadata = Metadata(
        xmp=parts.xmp or None,
        comments=parts.comments,
        blocks=blocks,
    )
    return Dissected(metadata, 1, data)


def _avif(data: bytes) -> Dissected:
    parts = avif_items.split(data)
    notes = (_GAIN_MAP,) if b"tmap" in parts.kinds else ()
    lost = (_SIGNATURE,) if _C2PA_BOX in data else ()
    metadata = Metadata(exif=parts.exif, xmp=parts.xmp, notes=lost)
    return Dissected(metadata, None, parts.bare, notes)


def _tiff(data: bytes) -> Dissected:
    bare, notes = tiff_tags.for_pillow(data)
    tags = tiff_tags.read_tags(data)
    lost = list(tags.sub_pictures)
    own = {tiff_tags.XMP, tiff_tags.PROFILE, tiff_tags.CONTENT_CREDENTIALS}
    irb, iptc = tags.value(tiff_tags.PHOTOSHOP), tags.value(tiff_tags.IPTC)
    pieces, thumbnails = _without_thumbnails((irb,) if irb else ())
    lost += [_THUMBNAIL] * thumbnails
    lost += [_SIGNATURE] * (tags.value(tiff_tags.CONTENT_CREDENTIALS) is not None)
    blocks = tuple(
        Block(str(item.tag), item.value, item.kind)
        for item in tags.items
        if item.tag in (tiff_tags.PHOTOSHOP, tiff_tags.IPTC)
        and isinstance(item.value, bytes)
    )
    if thumbnails:
        blocks = tuple(b for b in blocks if b.name != str(tiff_tags.PHOTOSHOP))
        blocks += tuple(Block(str(tiff_tags.PHOTOSHOP), piece, 7) for piece in pieces)
    if iptc and not any(map(photoshop.iptc, pieces)):
        pieces += (photoshop.with_iptc(iptc),)
    rest = tags.without(own | {tiff_tags.PHOTOSHOP, tiff_tags.IPTC})
    block, more = tiff_tags.build(rest) if rest.items else (None, ())
    metadata = Metadata(
        exif=block,
        xmp=tags.value(tiff_tags.XMP) or None,
        photoshop=pieces,
        blocks=blocks,
        notes=tuple(lost),
    )
    return Dissected(metadata, 1, bare, notes + tags.notes + more)


def _bmp(data: bytes) -> Dissected:
    dpi = (0.0, 0.0)
    if len(data) > 46 and int.from_bytes(data[14:18], "little") >= 40:
        across, down = struct.unpack_from("<ii", data, 38)
        dpi = (across * 0.0254, down * 0.0254)
    return Dissected(Metadata(dpi=_sensible(dpi)), 1, data)


_TAKERS: dict[Format, Callable[[bytes], Dissected]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "gif": _gif,
    "avif": _avif,
    "tiff": _tiff,
    "bmp": _bmp,
}
