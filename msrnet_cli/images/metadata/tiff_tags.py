"""The tags of a TIFF file: those about its pixels for Pillow, all others as EXIF.

What a tag holds is carried as bytes, whatever it means: private tags, GeoTIFF, layers.

Sources: TIFF 6.0 sections 2 and 8; Adobe TIFF supplement 1 (directories within).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING

from PIL import ExifTags, TiffTags

from msrnet_cli.errors import PictureError
from msrnet_cli.images.metadata.exif import (
    EXIF_DIRECTORY,
    GPS_DIRECTORY,
    INTEROP_DIRECTORY,
    MAKER_NOTE,
    SIZES,
    DamagedError,
    Form,
    directory_at,
    first_directory,
    form_of,
    rewritten,
)
from msrnet_cli.images.metadata.makernotes import moved
from msrnet_cli.images.metadata.wording import listed

if TYPE_CHECKING:
    import io
    from collections.abc import Collection

    from msrnet_cli.images.metadata.exif import Directory, Entry

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
_NEAR = 1 << 15
_SPARE = 20  # bytes at most, of an entry and all around it
_STRIP_OFFSETS = 273
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
        """What was left out, and why."""
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
                self.damaged[_name(entry.tag, group)] = None
            elif not fits(entry.tag, entry.kind, group):
                self.wrong[_name(entry.tag, group)] = None
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
        PictureError: A tag without which no pixel is found is of a wrong type.
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
                f"{_name(entry.tag, None)} is of a wrong type",
                "open and save it again elsewhere",
            )
        wrong[_name(entry.tag, None)] = None
        return False

    kept = [entry for entry in directory.entries if seen(entry)]
    if directory.next < 0:
        return data, ()
    notes = (f"{listed(wrong)} left out: of a wrong type",) if wrong else ()
    return rewritten(data, directory, kept), notes


def _decodable(tag: int, kind: int, form: Form) -> bool:
    """Whether decoders know what to do with this type of a tag about pixels."""
    if tag == PROFILE:
        return kind in (1, 7)
    whole = TiffTags.lookup(tag).type in (3, 4)
    if not whole or tag == _SUB_PICTURES:
        return fits(tag, kind)
    return kind in _DECODABLE or (form.big and kind in (13, 16, 17, 18))


def build(tags: Tags, *, pinned: bool = True) -> tuple[bytes, tuple[str, ...]]:
    """Lay tags out as an EXIF block.

    Args:
        tags: All of them.
        pinned: Leave maker notes where they lay, if that is near the beginning.

    Returns:
        The block, and a note where maker notes may have become unreadable.
    """
    notes = [item for _, item in _leaves(tags.items) if item.tag == MAKER_NOTE]
    near = notes[:1] if pinned and notes and 8 < notes[0].start < _NEAR else []
    layout = _Layout(tags.order, near)
    layout.place(tags.items, 4)
    return layout.finish()


class _Layout:
    """Directories and values, one after the other; maker notes last, or in place."""

    def __init__(self, order: str, pinned: list[Item]) -> None:
        self._order = order
        magic = b"II" if order == "<" else b"MM"
        self._out = bytearray(magic + struct.pack(order + "HI", 42, 0))
        self._notes: list[tuple[int, Item]] = []
        self._taken = [range(item.start, item.start + item.size) for item in pinned]

    def place(self, items: tuple[Item, ...], pointer: int) -> None:
        """Add a directory, and put its offset where `pointer` says."""
        at = self._grow(2 + 12 * len(items) + 4)
        self._offset(pointer, at)
        struct.pack_into(self._order + "H", self._out, at, len(items))
        for index, item in enumerate(sorted(items, key=lambda item: item.tag)):
            self._entry(item, at + 2 + 12 * index)

    def _entry(self, item: Item, at: int) -> None:
        inner = not isinstance(item.value, bytes)
        size = len(item.value)
        count = 1 if inner else size // SIZES[item.kind]
        head = self._order + "HHI"
        struct.pack_into(head, self._out, at, item.tag, item.kind, count)
        if not isinstance(item.value, bytes):
            self.place(item.value, at + 8)
        elif size <= 4:
            self._out[at + 8 : at + 8 + size] = item.value
        elif item.tag == MAKER_NOTE:
            self._notes.append((at + 8, item))
        else:
            start = self._grow(size)
            self._out[start : start + size] = item.value
            self._offset(at + 8, start)

    def finish(self) -> tuple[bytes, tuple[str, ...]]:
        """Add the maker notes; the offsets in those that have moved follow."""
        complaints: tuple[str, ...] = ()
        for pointer, item in self._notes:
            assert isinstance(item.value, bytes)
            start = item.start
            if self._taken:
                missing = start + item.size - len(self._out)
                self._out += bytes(max(missing, 0))
            else:
                start = self._grow(item.size)
            note = moved(item.value, self._order, item.start, start)
            if note is None:
                complaints = ("maker notes moved: some programs may not read them",)
            self._out[start : start + item.size] = note or item.value
            self._offset(pointer, start)
            self._taken = []
        return bytes(self._out), complaints

    def _grow(self, size: int) -> int:
        """Room on an even offset, behind all else but pinned maker notes."""
        self._out += bytes(len(self._out) % 2)
        for taken in self._taken:
            start = len(self._out)
            if start < taken.stop and taken.start < start + size:
                self._out += bytes(taken.stop + taken.stop % 2 - start)
        start = len(self._out)
        self._out += bytes(size)
        return start

    def _offset(self, at: int, value: int) -> None:
        struct.pack_into(self._order + "I", self._out, at, value)


def within(block: bytes, limit: int) -> tuple[bytes, tuple[str, ...]]:
    """An EXIF block of no more than some bytes.

    Returns:
        The block itself, or one without its largest tags, and notes that name them.
    """
    if len(block) <= limit:
        return block, ()
    tags = read_tags(block, skip=())
    leaves = sorted(_leaves(tags.items), key=lambda leaf: leaf[1].size)
    sizes = accumulate(item.size + _SPARE for _, item in leaves)
    kept = sum(size <= limit for size in sizes)
    lost = leaves[: kept - 1 : -1] if kept else leaves[::-1]
    gone = {id(item) for _, item in lost}
    tags = replace(tags, items=_pruned(tags.items, gone))
    smaller, notes = build(tags)
    if len(smaller) > limit:  # pinned maker notes may leave gaps
        smaller, notes = build(tags, pinned=False)
    names = listed(_name(item.tag, place) for place, item in lost)
    reason = "EXIF is larger than the format holds"
    more = (f"{names} left out: {reason}",) if lost else ()
    return smaller, tags.notes + notes + more


def _leaves(
    items: tuple[Item, ...], group: int | None = None
) -> list[tuple[int | None, Item]]:
    found: list[tuple[int | None, Item]] = []
    for item in items:
        if isinstance(item.value, bytes):
            found.append((group, item))
        else:
            found += _leaves(item.value, item.tag)
    return found


def _pruned(items: tuple[Item, ...], gone: set[int]) -> tuple[Item, ...]:
    return tuple(
        item
        if isinstance(item.value, bytes)
        else Item(item.tag, item.kind, _pruned(item.value, gone))
        for item in items
        if id(item) not in gone
    )


def _narrowed(entry: Entry, value: bytes, order: str) -> Item | None:
    """Values of 8 bytes, which only BigTIFF has, as values of 4; None if too large."""
    kind, wide, narrow = _LONGS[entry.kind]
    count = entry.count
    try:
        numbers = struct.unpack(f"{order}{count}{wide}", value)
        return Item(entry.tag, kind, struct.pack(f"{order}{count}{narrow}", *numbers))
    except struct.error:
        return None


def _name(tag: int, group: int | None) -> str:
    name = ExifTags.TAGS.get(tag, "") if group is None else _of_group(tag, group)
    kind = "TIFF" if group is None else "exif"
    return f"{kind} tag {tag}" + (f" ({name})" if name else "")


def _of_group(tag: int, group: int) -> str:
    if group == GPS_DIRECTORY:
        return ExifTags.GPSTAGS.get(tag, "")
    return ExifTags.TAGS.get(tag, "") if group == EXIF_DIRECTORY else ""


class Builder:
    """The directory of a new TIFF file, on top of an EXIF block that stays in place.

    The file begins with the block itself, so that whatever counts offsets from its
    beginning, such as maker notes, still finds them.
    """

    def __init__(self, block: bytes | None) -> None:
        block = block or b"II*\0\0\0\0\0"
        self.order = form_of(block).order
        self._block = block + bytes(len(block) % 2)
        self._rows: dict[int, tuple[int, int, bytes]] = {}
        self._kept: dict[int, bytes] = {}
        form = form_of(block)
        try:
            entries = first_directory(block, form).entries
        except DamagedError:
            entries = ()
        for entry in entries:
            if entry.tag not in LAYOUT and entry.size >= 0:
                row = block[entry.at + 2 : entry.at + 12]
                self._kept.setdefault(entry.tag, row)

    def __contains__(self, tag: int) -> bool:
        return tag in self._kept or tag in self._rows

    def __setitem__(self, tag: int, value: int | tuple[int, ...]) -> None:
        """Set integers: as SHORT where they fit, offsets of strips as LONG."""
        values = value if isinstance(value, tuple) else (value,)
        short = max(values) < 65536 and tag != _STRIP_OFFSETS
        kind, code = (3, "H") if short else (4, "I")
        content = struct.pack(f"{self.order}{len(values)}{code}", *values)
        self._rows[tag] = kind, len(values), content

    def add(self, tag: int, kind: int, value: bytes) -> None:
        """Set a tag to bytes in the byte order of the file."""
        self._rows[tag] = kind, len(value) // SIZES[kind], value

    def add_resolution(self, across: float, down: float) -> None:
        """Set dots per inch."""
        for tag, value in ((282, across), (283, down)):
            ratio = Fraction(value).limit_denominator(1000)
            content = struct.pack(self.order + "II", *ratio.as_integer_ratio())
            self.add(tag, 5, content)
        self[296] = 2  # inches

    def save(self, out: io.BytesIO) -> None:
        """Write all but the strips; until now their offsets counted from there on."""
        end = len(self._laid_out())
        _, count, content = self._rows[_STRIP_OFFSETS]
        offsets = struct.unpack(f"{self.order}{count}I", content)
        self[_STRIP_OFFSETS] = tuple(end + offset for offset in offsets)
        out.write(self._laid_out())

    def _laid_out(self) -> bytes:
        rows = self._kept | dict.fromkeys(self._rows, b"")
        at = len(self._block)
        values = at + 2 + 12 * len(rows) + 4
        tail = bytearray()
        table = struct.pack(self.order + "H", len(rows))
        for tag in sorted(rows):
            row = rows[tag]
            if tag in self._rows:
                kind, count, content = self._rows[tag]
                place = content.ljust(4, b"\0")
                if len(content) > 4:
                    place = struct.pack(self.order + "I", values + len(tail))
                    tail += content + bytes(len(content) % 2)
                row = struct.pack(self.order + "HI", kind, count) + place
            table += struct.pack(self.order + "H", tag) + row
        head = self._block[:4] + struct.pack(self.order + "I", at)
        return head + self._block[8:] + table + bytes(4) + bytes(tail)
