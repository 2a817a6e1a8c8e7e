"""A file taken apart: its metadata, and the part that Pillow needs.

Pillow gets pixels and colours only, so that no metadata, however large or damaged, can
make a picture unreadable.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from msrnet_cli.images.metadata import (
    exif,
    gif_blocks,
    heif_items,
    heif_properties,
    jpeg_segments,
    photoshop,
    png_chunks,
    tiff_tags,
    webp_chunks,
    xmp,
)
from msrnet_cli.images.metadata.boxes import boxes
from msrnet_cli.images.metadata.dissecting_jpeg import dissect_jpeg
from msrnet_cli.images.metadata.dissecting_png import dissect_png
from msrnet_cli.images.metadata.dissecting_raw import dissect_raw
from msrnet_cli.images.metadata.exif_layout import exif_block
from msrnet_cli.images.metadata.record import EXIF_HEAD, Block, Dissected, Metadata
from msrnet_cli.images.metadata.tiff_directory import DamagedError, directory_in
from msrnet_cli.images.metadata.wording import (
    DEPTH,
    GAIN_MAP,
    SIGNATURE,
    THUMBNAIL,
    VIDEO,
    listed,
    once,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from msrnet_cli.config import Format

_C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_MOST_DPI = 65535
_DAMAGE = (ValueError, LookupError, struct.error, OverflowError)
_DAMAGED = "metadata is damaged and left out"
_ALPHA_KINDS = ("alpha", "auxid:1")
_DEPTH_KINDS = ("depth", "auxid:2")


def dissect(data: bytes, format: Format) -> Dissected:
    """Take a file apart; damage costs a note, never more."""
    try:
        found = _TAKERS[format](data)
        found = replace(found, metadata=replace(found.metadata, home=format))
        return _made_true(found)
    except _DAMAGE:
        return Dissected(Metadata(home=format), 1, bare(data, format), (_DAMAGED,))


def dissect_developed(data: bytes, home: Format) -> Dissected:
    """What a camera raw file says about the picture that is developed from it.

    Args:
        data: The raw file.
        home: The format of that picture, which is upright already.
    """
    try:
        found = dissect_raw(data)
        found = replace(found, metadata=replace(found.metadata, home=home))
        return _made_true(found)
    except _DAMAGE:
        return Dissected(Metadata(home=home), None, b"", (_DAMAGED,))


def bare(data: bytes, format: Format) -> bytes:
    """The part of a file that a decoder needs, without metadata."""
    with suppress(DamagedError, struct.error, LookupError):
        if format in ("avif", "heic"):
            return heif_items.split(data).bare
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
    """Remove what is no longer true of a turned and relit picture."""
    metadata, lost, notes = found.metadata, [*found.metadata.notes], [*found.notes]
    block = metadata.block
    if block is not None and directory_in(block) is None:
        notes.append("EXIF is damaged and left out")
        block = None
    if block is not None and not exif.is_sound(block):
        notes.append("EXIF is damaged in places, and kept as it came")
    turn = _orientation(block, metadata.xmp)
    if block is not None:
        block, had = exif.without_thumbnail(exif.upright(block))
        lost += [THUMBNAIL] * had
    packet, said = metadata.xmp, xmp.Cleared(b"")
    if packet is not None:
        said = xmp.cleared(packet)
        packet = xmp.upright(said.packet, turn > 4)
    notes += [GAIN_MAP] * said.gain_map + [VIDEO] * said.video
    lost += [THUMBNAIL] * said.thumbnail
    dpi = metadata.dpi or (exif.resolution(block) if block else None)
    dpi = _sensible(dpi[::-1] if dpi and turn > 4 else dpi)
    metadata = replace(
        metadata,
        exif=EXIF_HEAD + block if block else None,
        xmp=packet or None,
        dpi=dpi,
        notes=once(lost),
    )
    orientation = None if found.orientation is None else turn
    return Dissected(metadata, orientation, found.bare, once(notes))


def _orientation(block: bytes | None, packet: bytes | None) -> int:
    """1 to 8 by EXIF, else by XMP."""
    if block is not None and exif.orientation(block) != 1:
        return exif.orientation(block)
    main = directory_in(block) if block is not None else None
    if packet is None or (main and main.find(tiff_tags.ORIENTATION)):
        return 1
    return xmp.orientation(packet)


def _sensible(dpi: tuple[float, float] | None) -> tuple[float, float] | None:
    if not dpi or not all(0 < float(value) <= _MOST_DPI for value in dpi):
        return None
    return float(dpi[0]), float(dpi[1])


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
        notes=(SIGNATURE,) if b"C2PA" in named else (),
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
    parts = heif_items.split(data)
    notes = (GAIN_MAP,) if b"tmap" in parts.kinds else ()
    lost = (SIGNATURE,) if _C2PA_BOX in data else ()
    metadata = Metadata(exif=parts.exif, xmp=parts.xmp, notes=lost)
    return Dissected(metadata, None, parts.bare, notes)


def _heic(data: bytes) -> Dissected:
    parts = heif_items.split(data)
    notes, others = [GAIN_MAP] * (b"tmap" in parts.kinds), []
    for name, content in heif_properties.all_properties(data):
        if name != b"auxC":
            continue
        kind = content[4:].split(b"\0")[0].decode("latin-1").lower()
        if "gainmap" in kind:
            notes.append(GAIN_MAP)
        elif any(word in kind for word in _DEPTH_KINDS):
            notes.append(DEPTH)
        elif not any(word in kind for word in _ALPHA_KINDS):
            others.append(kind.replace("/", ":").rpartition(":")[2])
    if others:
        notes.append(f"auxiliary pictures left out: {listed(others)}")
    if any(name == b"mpvd" for name, _, _ in boxes(data, 0, len(data))):
        notes.append(VIDEO)
    relations = {kind for kind, _, _ in heif_properties.references(data)}
    lost = [THUMBNAIL] * (b"thmb" in relations)
    lost += [SIGNATURE] * (_C2PA_BOX in data)
    metadata = Metadata(exif=parts.exif, xmp=parts.xmp, notes=tuple(lost))
    return Dissected(metadata, None, parts.bare, once(notes))


def _tiff(data: bytes) -> Dissected:
    bare, notes = tiff_tags.for_pillow(data)
    tags = tiff_tags.read_tags(data)
    lost = list(tags.sub_pictures)
    own = {tiff_tags.XMP, tiff_tags.PROFILE, tiff_tags.CONTENT_CREDENTIALS}
    irb, iptc = tags.value(tiff_tags.PHOTOSHOP), tags.value(tiff_tags.IPTC)
    pieces, thumbnails = photoshop.pieces_without_thumbnails((irb,) if irb else ())
    lost += [THUMBNAIL] * thumbnails
    lost += [SIGNATURE] * (tags.value(tiff_tags.CONTENT_CREDENTIALS) is not None)
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
    block, more = exif_block(rest) if rest.items else (None, ())
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
    "jpeg": dissect_jpeg,
    "png": dissect_png,
    "webp": _webp,
    "gif": _gif,
    "heic": _heic,
    "avif": _avif,
    "tiff": _tiff,
    "bmp": _bmp,
}
