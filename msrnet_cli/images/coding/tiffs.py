"""A TIFF file, prepared for Pillow: the right page, in pixels that Pillow reads."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass

from msrnet_cli.errors import PictureError
from msrnet_cli.images.coding import samples
from msrnet_cli.images.coding.directories import (
    COMPRESSION,
    HEIGHT,
    WIDTH,
    Directory,
    Pages,
    choose,
    presented,
    read_pages,
    with_metadata_of,
)
from msrnet_cli.images.coding.quiet import has_tiff_codec

_UNCOMPRESSED = 1
_EXIF_IFD = 34665


@dataclass(frozen=True)
class Prepared:
    """A TIFF whose first directory is the picture, in pixels that Pillow reads.

    Attributes:
        data: The file for the decoder.
        notes: On pages, channels and tags that are left out.
        compressed: Whether the pixels of the original file are compressed.
    """

    data: bytes
    notes: tuple[str, ...] = ()
    compressed: bool = True


def prepared(data: bytes, max_megapixels: float) -> Prepared:
    """Take the page that is the picture, and rewrite pixels that Pillow misreads.

    Raises:
        PictureError: A reduced picture alone, pixels without a defined black and
            white, or a compression that is not built in.
    """
    pages = _pages(data)
    if pages is None:
        return Prepared(data)  # the decoder says what is wrong
    first = pages.chain[0]
    chosen, notes = choose(pages)
    page = chosen or first
    compression = _refuse_odd(page)
    if chosen is not None:
        page = with_metadata_of(page, first)
    foreign = page.big and page.order == ">"  # Pillow reads it as a classic TIFF
    if page.big and (foreign or chosen) and _EXIF_IFD in page.tags:
        notes += ("EXIF is left out: it has offsets of eight bytes",)
    layout = samples.layout_of(page) if page.is_well_typed else None
    dropped = samples.dropped_channels(page)
    if dropped:
        channels = (
            "a channel that is" if dropped == 1 else f"{dropped} channels that are"
        )
        notes += (f"{channels} neither colour nor transparency left out",)
    fits = page.pixels <= max_megapixels * 1e6
    if layout and fits and samples.is_ours(page, layout):
        data = samples.plain(data, page, layout)
    elif chosen is not None or foreign:
        data = presented(data, page)
    return Prepared(data, notes, compression != _UNCOMPRESSED)


def require_readable(data: bytes) -> None:
    """Refuse what `prepared` refuses, by directories alone.

    Raises:
        PictureError: As `prepared`.
    """
    pages = _pages(data)
    if pages is not None:
        _refuse_odd(choose(pages)[0] or pages.chain[0])


def _pages(data: bytes) -> Pages | None:
    """The pages; None where there are none, or they are damaged."""
    with suppress(struct.error):
        pages = read_pages(data)
        return pages if pages.chain else None
    return None


def _refuse_odd(page: Directory) -> int:
    """Refuse numbers without black and white; returns the compression.

    Raises:
        PictureError: It is one of these, or a compression that is not built in.
    """
    samples.refuse_numbers(page)
    compression = page.number(COMPRESSION, _UNCOMPRESSED)
    if not has_tiff_codec(compression):
        raise PictureError(
            f"a TIFF of compression {compression}, which is not built in",
            "save it with LZW or Deflate compression",
        )
    return compression


def size(data: bytes) -> tuple[int, int] | None:
    """Width and height of the page that is the picture, before any turn.

    Raises:
        PictureError: As `prepared`.
    """
    pages = read_pages(data)
    if not pages.chain:
        return None
    page = choose(pages)[0] or pages.chain[0]
    return page.number(WIDTH, 0), page.number(HEIGHT, 0)
