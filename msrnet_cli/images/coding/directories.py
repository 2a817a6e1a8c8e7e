"""The directories of a TIFF file: which page is the picture, and what kind it is.

Pillow takes the first directory, whatever it is: in camera raw files and scans that is
often a reduced picture. Sources: TIFF 6.0; TIFF/EP (ISO 12234-2) for the sensor's
pixels; DNG 1.7; the BigTIFF design.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from itertools import chain as chained
from itertools import islice
from typing import TYPE_CHECKING

from msrnet_cli.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Iterable

NEW_SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION = 254, 256, 257, 258, 259
PHOTOMETRIC, FILL_ORDER, STRIP_OFFSETS, SAMPLES = 262, 266, 273, 277
ROWS_PER_STRIP, STRIP_BYTES, PLANAR, PREDICTOR = 278, 279, 284, 317
COLOUR_MAP, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 320, 322, 323, 324, 325
SUB_IFDS, EXTRA_SAMPLES, SAMPLE_FORMAT = 330, 338, 339
_MAKE, _EXIF_IFD, _GPS_IFD, _DNG_VERSION = 271, 34665, 34853, 50706
_REDUCED, _MASK = 1, 4
_OLD_SUBFILE_TYPE, _OLD_REDUCED = 255, 2
SUBFILE_TYPES = (NEW_SUBFILE_TYPE, _OLD_SUBFILE_TYPE)
_SENSOR = (32803, 34892)  # colour filter array, linear raw
_RAW_COMPRESSIONS = (32767, 32769, 32770, 34713, 65000, 65535)  # ARW, packed, NEF, PEF
# Tags that describe the pixels of one page only.
LAYOUT = frozenset(
    {254, 255, *range(256, 260), 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281}
    | {284, 288, 289, 290, 291, 292, 293, 297, 301, 317, 318, 319, 320, 321, 322, 323}
    | {
        324,
        325,
        330,
        332,
        333,
        334,
        336,
        338,
        339,
        340,
        341,
        342,
        347,
        *range(512, 522),
    }
    | {529, 530, 531, 532}
)
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_SIZES |= {13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 18: "Q"}
_ABOUT_PIXELS = (
    *(WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, STRIP_OFFSETS),
    *(SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR, PREDICTOR, TILE_WIDTH),
    *(TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES, EXTRA_SAMPLES, SAMPLE_FORMAT),
)
_MOST_PAGES = 64  # that are examined; further pages are only counted
_MOST_TAGS = 1024


@dataclass(frozen=True)
class Tag:
    """One entry: its type's number, how many values, and their bytes in file order."""

    kind: int
    count: int
    content: bytes | memoryview


@dataclass(frozen=True)
class Directory:
    """One page.

    Attributes:
        order: "<" or ">", as for `struct`.
        tags: By number; those whose values lie outside the file are left out.
        next: Where the next page's directory begins; 0 for none.
        big: Whether offsets have eight bytes.
    """

    order: str
    tags: dict[int, Tag]
    next: int = 0
    big: bool = False

    def numbers(self, tag: int) -> tuple[int, ...]:
        """All values of an integer tag; () where it is missing or of another type."""
        entry = self.tags.get(tag)
        if entry is None or entry.kind not in _INTEGERS:
            return ()
        return struct.unpack(
            f"{self.order}{entry.count}{_INTEGERS[entry.kind]}", entry.content
        )

    def number(self, tag: int, default: int) -> int:
        """The first value of an integer tag."""
        return next(iter(self.numbers(tag)), default)

    @property
    def is_reduced(self) -> bool:
        """Whether it is a smaller picture of another page."""
        old = self.number(_OLD_SUBFILE_TYPE, 0) == _OLD_REDUCED
        return old or bool(self.number(NEW_SUBFILE_TYPE, 0) & _REDUCED)

    @property
    def is_mask(self) -> bool:
        """Whether it says where another page is transparent."""
        return bool(self.number(NEW_SUBFILE_TYPE, 0) & _MASK)

    @property
    def is_sensor(self) -> bool:
        """Whether it holds the data of a camera's sensor, not yet a picture."""
        return (
            self.number(PHOTOMETRIC, 0) in _SENSOR
            or self.number(COMPRESSION, 1) in _RAW_COMPRESSIONS
        )

    @property
    def is_well_typed(self) -> bool:
        """Whether the tags about pixels have a type of integers that they may have."""
        kinds = (3, 4, 16) if self.big else (3, 4)
        return all(
            self.tags[tag].kind in kinds for tag in _ABOUT_PIXELS if tag in self.tags
        )

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.number(WIDTH, 0) * self.number(HEIGHT, 0)


@dataclass(frozen=True)
class Pages:
    """The pages of a file: its chain of pages, and the pages within these."""

    chain: tuple[Directory, ...]
    inner: tuple[Directory, ...]

    @property
    def all(self) -> tuple[Directory, ...]:
        """Pages of the chain first."""
        return self.chain + self.inner

    @property
    def hold_sensor(self) -> bool:
        """Whether this is a camera raw file: any other page of it is a preview."""
        named = any(_DNG_VERSION in page.tags for page in self.chain[:1])
        return named or any(page.is_sensor for page in self.all)


def read_pages(data: bytes) -> Pages:
    """All directories of a TIFF file that can be read."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2], "<")
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    first = _unsigned(data, order, 8 if big else 4, 8 if big else 4)
    chain = _chain(data, first, order, big)
    starts = chained.from_iterable(page.numbers(SUB_IFDS) for page in chain)
    inner = [
        page
        for start in islice(starts, _MOST_PAGES)
        for page in _chain(data, start, order, big, most=1)
    ]
    return Pages(tuple(chain), tuple(inner))


def choose(pages: Pages) -> tuple[Directory | None, tuple[str, ...]]:
    """The page that is the picture, and notes on the pages that are left out.

    Returns:
        None where it is the first page.

    Raises:
        PictureError: No page of full size.
    """
    first = pages.chain[0]
    full = [
        page
        for page in pages.all
        if page.pixels and not page.is_reduced and not page.is_mask
    ]
    notes = []
    if any(page.is_mask for page in pages.all):
        notes.append("its transparency mask, a page of its own, is left out")
    others = len([page for page in full if page in pages.chain]) - 1
    if not first.is_reduced:
        if others > 0:
            notes.append("only its first page is kept")
        return None, tuple(notes)
    if not full:
        raise PictureError(
            "a reduced picture without the full one",
            "save the full picture as TIFF or JPEG",
        )
    if others > 0:
        notes.append("only its largest page is kept")
    notes.append("its first page is a reduced picture: the full one is taken")
    return max(full, key=lambda page: page.pixels), tuple(notes)


def with_metadata_of(page: Directory, first: Directory) -> Directory:
    """A page with the tags about the picture that the first page of the file has."""
    about = {tag: entry for tag, entry in first.tags.items() if tag not in LAYOUT}
    return replace(page, tags={**about, **page.tags})


def presented(data: bytes, page: Directory) -> bytes:
    """The same file with one directory: a classic TIFF that any reader opens.

    The pixels and what the tags refer to stay where they are; the directory is put at
    the end.

    Raises:
        PictureError: The file is larger than a classic TIFF can be.
    """
    # In a BigTIFF the offsets within a further directory have eight bytes.
    left_out = (SUB_IFDS, _EXIF_IFD, _GPS_IFD) if page.big else (SUB_IFDS,)
    tags = {
        number: tag
        for number, wide in page.tags.items()
        if number not in left_out
        and (tag := _narrow(wide, page.order) if page.big else wide)
    }
    start = len(data) + len(data) % 2
    size = 2 + 12 * len(tags) + 4
    if start + size + sum(len(tag.content) + 1 for tag in tags.values()) >> 32:
        raise PictureError("a TIFF of more than 4 GiB", "save it in parts")
    entries: list[bytes] = []
    values = bytearray()
    for number, tag in sorted(tags.items()):
        place = bytes(tag.content[:4]).ljust(4, b"\0")
        if len(tag.content) > 4:
            place = struct.pack(page.order + "I", start + size + len(values))
            values += bytes(tag.content) + bytes(len(tag.content) % 2)
        entries.append(struct.pack(page.order + "HHI", number, tag.kind, tag.count))
        entries.append(place)
    mark = b"II" if page.order == "<" else b"MM"
    head = mark + struct.pack(page.order + "HI", 42, start)
    count = struct.pack(page.order + "H", len(tags))
    # A BigTIFF's header is longer; nothing refers to the rest of it any more.
    pieces = [head, data[8:], bytes(len(data) % 2), count, *entries, bytes(4)]
    return b"".join((*pieces, values))


def _narrow(tag: Tag, order: str) -> Tag | None:
    """A tag of eight-byte integers as one of four bytes; None where it does not fit."""
    if tag.kind not in (16, 17, 18):
        return tag
    values = struct.unpack(f"{order}{tag.count}Q", tag.content)
    if any(value >> 32 for value in values):
        return None
    return Tag(4, tag.count, struct.pack(f"{order}{tag.count}I", *values))


def _chain(
    data: bytes, start: int, order: str, big: bool, most: int = _MOST_PAGES
) -> list[Directory]:
    pages: list[Directory] = []
    seen: set[int] = set()
    while start and start not in seen and len(pages) < most:
        seen.add(start)
        page = _directory(data, start, order, big)
        if page is None:
            break
        pages.append(page)
        start = page.next
    return pages


def _directory(data: bytes, start: int, order: str, big: bool) -> Directory | None:
    head, entry, word = (8, 20, 8) if big else (2, 12, 4)
    if start + head > len(data):
        return None
    count = _unsigned(data, order, start, head)
    start += head
    if count > _MOST_TAGS or start + count * entry > len(data):
        return None
    tags: dict[int, Tag] = {}
    view, room = memoryview(data), len(data)  # tags that share bytes must not multiply
    for place in range(start, start + count * entry, entry):
        number, kind = struct.unpack_from(order + "HH", data, place)
        values = _unsigned(data, order, place + 4, word)
        size = values * _SIZES.get(kind, 0)
        where = place + 4 + word
        if size > word:
            where = _unsigned(data, order, where, word)
        inside = where + size <= len(data) and size <= room
        if inside and size and number not in tags:
            room -= size
            tags[number] = Tag(kind, values, view[where : where + size])
    end = start + count * entry
    follows = _unsigned(data, order, end, word) if end + word <= len(data) else 0
    return Directory(order, tags, follows, big)


def _unsigned(data: bytes, order: str, start: int, size: int) -> int:
    content = data[start : start + size]
    return int.from_bytes(content, "little" if order == "<" else "big")


def integers(values: Iterable[int], order: str) -> Tag:
    """A tag of four-byte integers."""
    numbers = tuple(values)
    return Tag(4, len(numbers), struct.pack(f"{order}{len(numbers)}I", *numbers))
