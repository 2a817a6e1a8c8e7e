"""EXIF: a small TIFF file whose bytes are changed in place, and never moved.

Maker notes hold offsets into the block that nobody but the camera's maker knows, and
text has no declared encoding: what is not changed here therefore stays byte for byte.

Sources: TIFF 6.0 section 2; BigTIFF (libtiff); Exif 2.32 (CIPA DC-008) section 4.6.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

EXIF_DIRECTORY = 34665
GPS_DIRECTORY = 34853
INTEROP_DIRECTORY = 40965
MAKER_NOTE = 37500
INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q"}
"""The integer types by number, as `struct` calls them."""
SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
    129: 1,
}
"""Bytes of one value, by the number of its type; 129 is UTF-8 text (Exif 3.0)."""

_ORIENTATION, _COLOUR_SPACE, _GAMMA = 274, 40961, 42240
_WIDTH_AND_HEIGHT = {(): ((256, 257), (282, 283)), (EXIF_DIRECTORY,): ((40962, 40963),)}
_PRIMARIES = {301, 318, 319}  # and transfer curve, white point
_SRGB, _ADOBE_RGB = 1, 2
_MOST_ENTRIES = 4096  # hundreds are seen: more would only cost time
_QUARTER_TURNS = range(5, 9)
_INCH = 2.54  # centimetres


class DamagedError(ValueError):
    """A block that does not hold what it promises."""


@dataclass(frozen=True)
class Form:
    """How a TIFF file is laid out.

    Attributes:
        order: ``<`` where the low byte comes first, else ``>``.
        big: Whether it is BigTIFF, with offsets of 8 bytes.
    """

    order: str
    big: bool = False

    @property
    def entry_size(self) -> int:
        return 20 if self.big else 12

    @property
    def inline(self) -> int:
        """Bytes of a value that lies in its entry."""
        return 8 if self.big else 4

    @property
    def count_format(self) -> str:
        """Of the number of entries."""
        return self.order + ("Q" if self.big else "H")

    @property
    def offset_format(self) -> str:
        return self.order + ("Q" if self.big else "I")

    @property
    def head(self) -> int:
        """Bytes of a directory before its first entry."""
        return struct.calcsize(self.count_format)


@dataclass(frozen=True)
class Entry:
    """One tag of a directory.

    Attributes:
        tag: Its number.
        kind: The number of its type.
        count: How many values.
        at: Where its entry begins.
        start: Where its values begin.
        size: Bytes of its values; -1 where the type is unknown, or where the values
            lie outside the block.
    """

    tag: int
    kind: int
    count: int
    at: int
    start: int
    size: int

    def value(self, block: bytes) -> bytes:
        """Its bytes; empty where they are unknown."""
        return block[self.start : self.start + max(self.size, 0)]

    def number(self, block: bytes, form: Form) -> int | None:
        """Its first value; None where that is not an integer."""
        code = INTEGERS.get(self.kind)
        if code is None or self.size < struct.calcsize(code):
            return None
        return int(struct.unpack_from(form.order + code, block, self.start)[0])


@dataclass(frozen=True)
class Directory:
    """A list of tags.

    Attributes:
        at: Where it begins.
        entries: In the order of the file.
        next: Where the offset of the next directory is kept; -1 where it is cut off.
    """

    at: int
    entries: tuple[Entry, ...]
    next: int

    def find(self, tag: int) -> Entry | None:
        return next((entry for entry in self.entries if entry.tag == tag), None)


def form_of(block: bytes) -> Form:
    """Byte order and width of offsets.

    Raises:
        DamagedError: This is not a TIFF header.
    """
    form = _FORMS.get(block[:4])
    if form is None or len(block) < (16 if form.big else 8):
        raise DamagedError("no TIFF header")
    return form


_FORMS = {
    b"II*\0": Form("<"),
    b"MM\0*": Form(">"),
    b"II+\0": Form("<", big=True),
    b"MM\0+": Form(">", big=True),
}


def first_directory(block: bytes, form: Form) -> Directory:
    """The directory that the header points to.

    Raises:
        DamagedError: It lies outside the block.
    """
    (at,) = struct.unpack_from(form.offset_format, block, 8 if form.big else 4)
    return directory_at(block, form, at)


def directory_at(block: bytes, form: Form, at: int) -> Directory:
    """Read a directory; where it is cut off, or far too long, what there is of it.

    Raises:
        DamagedError: It lies outside the block.
    """
    if not 0 < at <= len(block) - form.head:
        raise DamagedError(f"a directory at {at} of {len(block)}")
    (count,) = struct.unpack_from(form.count_format, block, at)
    first = at + form.head
    room = (len(block) - first) // form.entry_size
    whole = min(count, room, _MOST_ENTRIES)
    end = first + whole * form.entry_size
    cut = whole < count or end + form.inline > len(block)
    code = struct.Struct(form.order + ("HHQQ" if form.big else "HHII"))
    return Directory(
        at,
        tuple(
            _entry(len(block), form, place, code.unpack_from(block, place))
            for place in range(first, end, form.entry_size)
        ),
        -1 if cut else end,
    )


def _entry(length: int, form: Form, at: int, row: tuple[int, ...]) -> Entry:
    tag, kind, count, start = row
    size = count * SIZES.get(kind, -1)
    if size <= form.inline:
        start = at + form.entry_size - form.inline
    if start + size > length:
        size = -1
    return Entry(tag, kind, count, at, start, max(size, -1))


def directory_in(block: bytes, *tags: int) -> Directory | None:
    """The first directory, or the one that tags lead to from there."""
    try:
        form = form_of(block)
        found = first_directory(block, form)
        for tag in tags:
            entry = found.find(tag)
            at = entry.number(block, form) if entry else None
            if at is None:
                return None
            found = directory_at(block, form, at)
    except DamagedError:
        return None
    return found


def is_sound(block: bytes) -> bool:
    """Whether all that can be followed lies within the block."""
    for tags in _PLACES:
        found = directory_in(block, *tags)
        if found is None and _promised(block, tags):
            return False
        if found and any(entry.size < 0 for entry in found.entries):
            return False
    return True


_PLACES: tuple[tuple[int, ...], ...] = (
    (),
    (EXIF_DIRECTORY,),
    (GPS_DIRECTORY,),
    (EXIF_DIRECTORY, INTEROP_DIRECTORY),
)


def _promised(block: bytes, tags: tuple[int, ...]) -> bool:
    if not tags:
        return True
    above = directory_in(block, *tags[:-1])
    return above is not None and above.find(tags[-1]) is not None


def orientation(block: bytes) -> int:
    """1 to 8 as Exif counts them; 1 where the block does not say."""
    value = _number(block, (), _ORIENTATION)
    return value if value and value in range(1, 9) else 1


def upright(block: bytes) -> bytes:
    """The block of the picture once it was turned as `orientation` asks."""
    turned = orientation(block) in _QUARTER_TURNS
    block = _with_number(block, (), _ORIENTATION, 1)
    if turned:
        for place, pairs in _WIDTH_AND_HEIGHT.items():
            for pair in pairs:
                block = _exchanged(block, directory_in(block, *place), pair)
    return block


def is_adobe_rgb(block: bytes) -> bool:
    """Whether the block says that pixels are Adobe RGB.

    Cameras name it by a number, or by the rule R03 (DCF 2.0) where no number says sRGB.
    """
    space = _number(block, (EXIF_DIRECTORY,), _COLOUR_SPACE)
    return space == _ADOBE_RGB or (space != _SRGB and _rule(block) is not None)


def as_srgb(block: bytes) -> bytes:
    """The block of the picture once its pixels are sRGB."""
    block = _with_number(block, (EXIF_DIRECTORY,), _COLOUR_SPACE, _SRGB)
    rule = _rule(block)
    if rule is not None:
        block = _replaced(block, rule.start, b"R98")
    block = without(block, (), _PRIMARIES)
    return without(block, (EXIF_DIRECTORY,), {_GAMMA})


def _rule(block: bytes) -> Entry | None:
    """The entry of the interop directory that names Adobe RGB, if it does."""
    interop = directory_in(block, EXIF_DIRECTORY, INTEROP_DIRECTORY)
    index = interop.find(1) if interop else None
    named = index is not None and index.value(block).startswith(b"R03")
    return index if named else None


def resolution(block: bytes) -> tuple[float, float] | None:
    """Dots per inch across and down; None where the block does not say."""
    unit = _number(block, (), 296) or 2
    main = directory_in(block)
    both = [_ratio(block, main.find(tag)) if main else None for tag in (282, 283)]
    if both[0] is None or both[1] is None or unit not in (2, 3):
        return None
    scale = _INCH if unit == 3 else 1.0
    return both[0] * scale, both[1] * scale


def _ratio(block: bytes, entry: Entry | None) -> float | None:
    if entry is None or entry.kind != 5 or entry.size < 8:
        return None
    order = form_of(block).order
    above, below = struct.unpack_from(order + "II", block, entry.start)
    return above / below if below else None


def without_thumbnail(block: bytes) -> tuple[bytes, bool]:
    """Take out the second directory, which holds a thumbnail; nothing else moves.

    Returns:
        The block, and whether there was one.
    """
    form, main = form_of(block), directory_in(block)
    if main is None or main.next < 0:
        return block, False
    (at,) = struct.unpack_from(form.offset_format, block, main.next)
    if not at:
        return block, False
    others = [*_used(block)]
    try:
        second = directory_at(block, form, at)
    except DamagedError:
        second = None
    block = _replaced(block, main.next, bytes(form.inline))
    if second is None:
        return block, False
    head = form.head + len(second.entries) * form.entry_size + form.inline
    for start, size in [*_pictures(block, form, second), (at, head)]:
        block = _erased(block, start, size, others)
    return block, True


def without(block: bytes, place: tuple[int, ...], tags: Collection[int]) -> bytes:
    """Take entries out of a directory; values and all other directories stay put."""
    found = directory_in(block, *place)
    if found is None or found.next < 0:
        return block
    kept = [entry for entry in found.entries if entry.tag not in tags]
    return rewritten(block, found, kept)


def rewritten(block: bytes, found: Directory, kept: list[Entry]) -> bytes:
    """The block with only some entries of a directory, which is not cut off."""
    if len(kept) == len(found.entries):
        return block
    form = form_of(block)
    rows = b"".join(block[e.at : e.at + form.entry_size] for e in kept)
    follow = block[found.next : found.next + form.inline]
    new = struct.pack(form.count_format, len(kept)) + rows + follow
    room = found.next + form.inline - found.at
    return _replaced(block, found.at, new.ljust(room, b"\0"))


def _number(block: bytes, place: tuple[int, ...], tag: int) -> int | None:
    found = directory_in(block, *place)
    entry = found.find(tag) if found else None
    if entry is None or entry.count != 1:
        return None
    return entry.number(block, form_of(block))


def _with_number(block: bytes, place: tuple[int, ...], tag: int, value: int) -> bytes:
    found = directory_in(block, *place)
    entry = found.find(tag) if found else None
    if entry is None or _number(block, place, tag) is None:
        return block
    code = form_of(block).order + INTEGERS[entry.kind]
    return _replaced(block, entry.start, struct.pack(code, value))


def _exchanged(block: bytes, found: Directory | None, pair: tuple[int, int]) -> bytes:
    """Let two tags change their values, whatever their types are."""
    first, second = (found.find(tag) if found else None for tag in pair)
    if first is None or second is None:
        return block
    size = form_of(block).entry_size
    rows = [block[entry.at + 2 : entry.at + size] for entry in (first, second)]
    block = _replaced(block, first.at + 2, rows[1])
    return _replaced(block, second.at + 2, rows[0])


def _pictures(
    block: bytes, form: Form, directory: Directory
) -> Iterator[tuple[int, int]]:
    """Start and size of the thumbnail: a JPEG, or one strip."""
    for place, length in ((513, 514), (273, 279)):
        pair = (directory.find(place), directory.find(length))
        start, size = (entry.number(block, form) if entry else None for entry in pair)
        if start and size:
            yield start, size


def _used(block: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of all that must stay."""
    form = form_of(block)
    yield 0, 8
    for tags in _PLACES:
        found = directory_in(block, *tags)
        if found is None:
            continue
        yield found.at, found.at + form.head + len(found.entries) * form.entry_size + 4
        for entry in found.entries:
            yield entry.start, entry.start + max(entry.size, 0)


def _erased(
    block: bytes, start: int, size: int, others: list[tuple[int, int]]
) -> bytes:
    """Blank a part, or cut it off where it is the last; not if others lie there."""
    end = min(start + size, len(block))
    if start <= 0 or any(a < end and start < b for a, b in others):
        return block
    if end == len(block):
        return block[:start]
    return _replaced(block, start, bytes(end - start))


def _replaced(block: bytes, start: int, new: bytes) -> bytes:
    whole = memoryview(block)  # a TIFF file may be large
    return b"".join((whole[:start], new, whole[start + len(new) :]))
