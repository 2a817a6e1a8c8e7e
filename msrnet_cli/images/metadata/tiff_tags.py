"""The tags of a TIFF file, read: those about its pixels for Pillow, all others apart.

Values are carried as bytes, whatever they mean: private tags, GeoTIFF, layers.

Sources: TIFF 6.0 sections 2 and 8; Adobe TIFF supplement 1 (directories within).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PIL import ExifTags, TiffTags

from msrnet_cli.errors import PictureError
from msrnet_cli.images.metadata.exif import (
    EXIF_DIRECTORY,
    GPS_DIRECTORY,
    INTEROP_DIRECTORY,
)
from msrnet_cli.images.metadata.tiff_directory import (
    SIZES,
    DamagedError,
    directory_at,
    first_directory,
    form_of,
    rewritten,
)
from msrnet_cli.images.metadata.wording import listed

if TYPE_CHECKING:
    from collections.abc import Collection

    from msrnet_cli.images.metadata.tiff_directory import Directory, Entry, Form

XMP, IPTC, PHOTOSHOP, PROFILE, ORIENTATION = 700, 33723, 34377, 34675, 274
CONTENT_CREDENTIALS = 52545
LAYOUT = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 284}
    | {288, 289, 290, 291, 292, 293, 301, 317, 320, 322, 323, 324, 325, 326}
    | {327, 328, 330, 332, 333, 334, 336, 338, 339, 340, 341, 342, 343, 344, 345, 346}
    | {347, 351, 400, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532}
)
"""Tags that describe how a file stores its pixels, or their numbers (TIFF 6.0)."""

_DNG = {50706, 50707}
_PRIMARIES = {318, 319}
_SUB_PICTURES = 330
_NEEDED = {256, 257, 258, 259, 262, 273, 277, 322, 323, 324}
_DECODABLE = {3, 4, 8, 9}  # types of integers, of which BigTIFF has more
_POINTERS = {EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY, 33424}  # and Kodak's
_WHOLE, _RATIO, _TEXT = (
    {1, 3, 4, 6, 8, 9, 13, 16, 17, 18},
    {5, 10, 11, 12},
    {1, 2, 7, 129},
)
_RAW = {1, 2, 6, 7, 129}
_FITTING = {1: _RAW, 2: _TEXT, 3: _WHOLE, 4: _WHOLE, 5: _RATIO, 7: _RAW, 10: _RATIO}
_LONGS = {16: (4, "Q", "I"), 17: (9, "q", "i"), 18: (13, "Q", "I")}
_DEEPEST = 4


@dataclass(frozen=True)
class Item:
    """A tag with all that it holds.

    Attributes:
        tag: Its number.
        kind: The number of its type.
        value: Its bytes in the byte order of the file, or the tags of a directory.
        start: Where the bytes lay.
    """

    tag: int
    kind: int
    value: bytes | tuple[Item, ...]
    start: int = 0

    @property
    def size(self) -> int:
        """Bytes, those of all inner tags included."""
        if isinstance(self.value, bytes):
            return len(self.value)
        return sum(12 + item.size for item in self.value)


@dataclass(frozen=True)
class Tags:
    """The first directory of a TIFF file, taken apart.

    Attributes:
        order: Byte order of all values.
        items: All but those about pixels.
        notes: Tags left out, and why.
        sub_pictures: A note where there are pictures within the picture.
    """

    order: str
    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()
    sub_pictures: tuple[str, ...] = ()

    def value(self, tag: int) -> bytes | None:
        """The bytes of a tag; None where there are none."""
        found = next((item for item in self.items if item.tag == tag), None)
        return found.value if found and isinstance(found.value, bytes) else None

    def without(self, tags: Collection[int]) -> Tags:
        kept = tuple(item for item in self.items if item.tag not in tags)
        return replace(self, items=kept)


def read_tags(data: bytes, skip: Collection[int] = LAYOUT) -> Tags:
    """The tags of the first picture of a file, or of an EXIF block.

    Raises:
        DamagedError: There is no directory.
    """
    form = form_of(data)
    reader = _Reader(data, form)
    directory = first_directory(data, form)
    items = reader.items(directory, None, skip, _DEEPEST)
    if directory.next < 0:
        reader.damaged["the end of the TIFF directory"] = None
    inner = ("pictures within the picture (SubIFDs) left out",)
    return Tags(
        form.order,
        items,
        reader.notes(),
        inner if directory.find(_SUB_PICTURES) else (),
    )


class _Reader:
    """Follows the directories of one file, each once."""

    def __init__(self, data: bytes, form: Form) -> None:
        self.damaged: dict[str, None] = {}
        self.wrong: dict[str, None] = {}
        self._data, self._form = data, form
        self._room = len(data)  # sound values do not overlap: no more than the file

    def notes(self) -> tuple[str, ...]:
        """Which tags were left out, and why."""
        damaged, wrong = listed(self.damaged), listed(self.wrong)
        notes = (f"{damaged} left out: damaged",) if damaged else ()
        return notes + ((f"{wrong} left out: of a wrong type",) if wrong else ())

    def items(
        self,
        directory: Directory,
        group: int | None,
        skip: Collection[int],
        levels: int,
    ) -> tuple[Item, ...]:
        items: dict[int, Item] = {}
        for entry in directory.entries:
            if entry.tag in skip or entry.tag in items:
                continue
            item = self._item(entry, levels)
            if item is None:
                self.damaged[name_of(entry.tag, group)] = None
            elif not fits(entry.tag, entry.kind, group):
                self.wrong[name_of(entry.tag, group)] = None
            else:
                items[entry.tag] = item
        return tuple(items.values())

    def _item(self, entry: Entry, levels: int) -> Item | None:
        self._room -= max(entry.size, 0)
        if entry.size < 0 or self._room < 0:
            return None
        if entry.tag in _POINTERS or entry.kind in (13, 18):
            return self._directory(entry, levels)
        value = entry.value(self._data)
        if entry.kind in _LONGS and self._form.big:
            return _narrowed(entry, value, self._form.order)
        return Item(entry.tag, entry.kind, value, entry.start)

    def _directory(self, entry: Entry, levels: int) -> Item | None:
        at = entry.number(self._data, self._form)
        if at is None or not levels or entry.count != 1:
            return Item(entry.tag, entry.kind, b"") if at is None else None
        try:
            inner = directory_at(self._data, self._form, at)
        except DamagedError:
            return None
        group = entry.tag
        return Item(entry.tag, 4, self.items(inner, group, (), levels - 1))


def fits(tag: int, kind: int, group: int | None = None) -> bool:
    """Whether the type of a tag is one that its definition allows."""
    if tag in _POINTERS:
        return kind in (4, 13, 16, 18)
    if tag in (IPTC, PHOTOSHOP):
        return kind in _RAW | {3, 4}
    known = TiffTags.lookup(tag, group).type
    return known is None or kind in _FITTING.get(known, SIZES)


def for_pillow(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The same file, its first directory cut down to the tags about pixels.

    Returns:
        The file, and a note for each tag about pixels that is of a wrong type.

    Raises:
        DamagedError: There is no directory.
        PictureError: A tag that is needed to find the pixels is of a wrong type.
    """
    form = form_of(data)
    directory = first_directory(data, form)
    wrong: dict[str, None] = {}

    def seen(entry: Entry) -> bool:
        if entry.tag not in LAYOUT | _DNG | _PRIMARIES | {PROFILE}:
            return False
        if _decodable(entry.tag, entry.kind, form):
            return True
        if entry.tag in _NEEDED:
            raise PictureError(
                f"{name_of(entry.tag, None)} is of a wrong type",
                "open and save it again elsewhere",
            )
        wrong[name_of(entry.tag, None)] = None
        return False

    kept = [entry for entry in directory.entries if seen(entry)]
    if directory.next < 0:
        return data, ()
    notes = (f"{listed(wrong)} left out: of a wrong type",) if wrong else ()
    return rewritten(data, directory, kept), notes


def _decodable(tag: int, kind: int, form: Form) -> bool:
    """Whether decoders can read this type in a tag about pixels."""
    if tag == PROFILE:
        return kind in (1, 7)
    whole = TiffTags.lookup(tag).type in (3, 4)
    if not whole or tag == _SUB_PICTURES:
        return fits(tag, kind)
    return kind in _DECODABLE or (form.big and kind in (13, 16, 17, 18))


def _narrowed(entry: Entry, value: bytes, order: str) -> Item | None:
    """Values of 8 bytes, which only BigTIFF has, as values of 4; None if too large."""
    kind, wide, narrow = _LONGS[entry.kind]
    count = entry.count
    try:
        numbers = struct.unpack(f"{order}{count}{wide}", value)
        return Item(entry.tag, kind, struct.pack(f"{order}{count}{narrow}", *numbers))
    except struct.error:
        return None


def name_of(tag: int, group: int | None) -> str:
    """A tag for people; `group` is the tag that leads to its directory, if any."""
    name = ExifTags.TAGS.get(tag, "") if group is None else _of_group(tag, group)
    kind = "TIFF" if group is None else "exif"
    return f"{kind} tag {tag}" + (f" ({name})" if name else "")


def _of_group(tag: int, group: int) -> str:
    if group == GPS_DIRECTORY:
        return ExifTags.GPSTAGS.get(tag, "")
    return ExifTags.TAGS.get(tag, "") if group == EXIF_DIRECTORY else ""
