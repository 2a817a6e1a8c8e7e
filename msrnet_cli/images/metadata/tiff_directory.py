"""The directories of a TIFF block: read, and changed without moving any other byte.

A TIFF file and an EXIF block are laid out alike: a header, then directories of tags
whose values lie in the entry itself or at an offset.

Sources: TIFF 6.0 section 2; BigTIFF (libtiff).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

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

_MOST_ENTRIES = 4096  # real files have hundreds; more would only cost time


class DamagedError(ValueError):
    """A block that is cut short, or not in the format of TIFF."""


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
    """Read a directory; of one that is cut off, or far too long, the first entries.

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
    """The first directory, or the directory that tags lead to from the first."""
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
    return replaced(block, found.at, new.ljust(room, b"\0"))


def number_of(block: bytes, place: tuple[int, ...], tag: int) -> int | None:
    """The one integer that a tag holds; None where it holds anything else.

    Args:
        block: A TIFF block.
        place: The tags that lead to the directory, from the first directory on.
        tag: The number of the tag.
    """
    found = directory_in(block, *place)
    entry = found.find(tag) if found else None
    if entry is None or entry.count != 1:
        return None
    return entry.number(block, form_of(block))


def with_number(block: bytes, place: tuple[int, ...], tag: int, value: int) -> bytes:
    """The block with another integer in a tag, if the tag holds one integer."""
    found = directory_in(block, *place)
    entry = found.find(tag) if found else None
    if entry is None or number_of(block, place, tag) is None:
        return block
    code = form_of(block).order + INTEGERS[entry.kind]
    return replaced(block, entry.start, struct.pack(code, value))


def exchanged(block: bytes, found: Directory | None, pair: tuple[int, int]) -> bytes:
    """The block with the values of two tags exchanged, whatever their types are."""
    first, second = (found.find(tag) if found else None for tag in pair)
    if first is None or second is None:
        return block
    size = form_of(block).entry_size
    rows = [block[entry.at + 2 : entry.at + size] for entry in (first, second)]
    block = replaced(block, first.at + 2, rows[1])
    return replaced(block, second.at + 2, rows[0])


def replaced(block: bytes, start: int, new: bytes) -> bytes:
    """The block with other bytes from a place on, as long as before."""
    whole = memoryview(block)  # a TIFF file may be large
    return b"".join((whole[:start], new, whole[start + len(new) :]))
