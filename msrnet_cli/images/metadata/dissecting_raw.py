"""What a camera raw file says about its picture: EXIF, XMP, IPTC.

Most raw files are TIFF files, some under a signature of their own; others hold a whole
JPEG, or EXIF blocks in boxes. Only what is about the picture is kept: other tags are
about the sensor, and DNGVersion alone would make a TIFF a raw file again.

Sources: TIFF/EP (ISO 12234-2); DNG 1.7; for ORF, RW2, RAF and CR3 LibRaw's identify.cpp
and exiftool's tables.
"""

from __future__ import annotations

import struct
from dataclasses import replace

from msrnet_cli.images.metadata import photoshop, tiff_tags, xmp
from msrnet_cli.images.metadata.boxes import boxes
from msrnet_cli.images.metadata.dissecting_jpeg import dissect_jpeg
from msrnet_cli.images.metadata.exif import EXIF_DIRECTORY, GPS_DIRECTORY
from msrnet_cli.images.metadata.exif_layout import exif_block
from msrnet_cli.images.metadata.record import Block, Dissected, Metadata
from msrnet_cli.images.metadata.tiff_directory import form_of
from msrnet_cli.images.metadata.tiff_tags import Item, Tags, read_tags

_ABOUT_THE_PICTURE = frozenset(
    {269, 270, 271, 272, 274, 282, 283, 296, 305, 306, 315, 316, 33432}  # TIFF 6.0
    | {18246, 18249, *range(40091, 40096)}  # rating, Windows' texts
    | {33434, 33437, 34850, 34855, 36867, 37377, 37378, 37380, 37383, 37385, 37386}
    | {EXIF_DIRECTORY, GPS_DIRECTORY}
)
_RAF, _RAF_JPEG = b"FUJIFILMCCD-RAW", 84
_TIFF_LIKE = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0")
_CR3_BLOCKS = {b"CMT1": 0, b"CMT2": EXIF_DIRECTORY, b"CMT4": GPS_DIRECTORY}
_CR3_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_UNKNOWN = "no EXIF: it is not read from this kind of raw file"


def dissect_raw(data: bytes) -> Dissected:
    """Metadata as it fits the picture before its turn.

    Raises:
        ValueError, LookupError, struct.error: It is damaged.
    """
    if data.startswith(_RAF):
        start, size = struct.unpack_from(">II", data, _RAF_JPEG)
        return _of_jpeg(data[start : start + size])
    if data[4:12] == b"ftypcrx ":
        return _of_tags(_cr3_tags(data))
    if data.startswith(_TIFF_LIKE):
        order = "<" if data.startswith(b"II") else ">"
        data = data[:2] + struct.pack(order + "H", 42) + data[4:]
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return Dissected(Metadata(), None, b"", (_UNKNOWN,))
    return _of_tags(read_tags(data, skip=tiff_tags.LAYOUT))


def _of_jpeg(data: bytes) -> Dissected:
    """Of the camera's own JPEG: what it says of itself as a file is left out."""
    found = dissect_jpeg(data)
    metadata = found.metadata
    kept = Metadata(exif=metadata.exif, xmp=metadata.xmp, photoshop=metadata.photoshop)
    return Dissected(kept, None, b"")


def _of_tags(tags: Tags) -> Dissected:
    iptc, packet = tags.value(tiff_tags.IPTC), tags.value(tiff_tags.XMP)
    items = tuple(item for item in tags.items if item.tag in _ABOUT_THE_PICTURE)
    block, notes = exif_block(replace(tags, items=items)) if items else (None, ())
    metadata = Metadata(
        exif=block,
        xmp=xmp.developed(packet) if packet else None,
        photoshop=(photoshop.with_iptc(iptc),) if iptc else (),
        blocks=(Block(str(tiff_tags.IPTC), iptc, 7),) if iptc else (),
    )
    return Dissected(metadata, None, b"", notes)


def _cr3_tags(data: bytes) -> Tags:
    """The three EXIF directories of a CR3, each a TIFF block of its own, as one."""
    blocks = {name: data[start:end] for name, start, end in _canon_boxes(data)}
    first = blocks[b"CMT1"]
    items: tuple[Item, ...] = ()
    for name, pointer in _CR3_BLOCKS.items():
        block = blocks.get(name, b"")
        if not block or form_of(block) != form_of(first):
            continue
        inner = read_tags(block, skip=()).items
        items += (Item(pointer, 4, inner),) if pointer else inner
    return Tags(form_of(first).order, items)


def _canon_boxes(data: bytes) -> list[tuple[bytes, int, int]]:
    return [
        inner
        for name, start, end in boxes(data, 0, len(data))
        if name == b"moov"
        for kind, first, last in boxes(data, start, end)
        if kind == b"uuid" and data[first : first + 16] == _CR3_CANON
        for inner in boxes(data, first + 16, last)
    ]
