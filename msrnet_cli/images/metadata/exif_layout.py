"""Tags laid out as an EXIF block, no larger than the format of the picture holds.

For tags that come out of a TIFF file, and for blocks that are too large for their new
format; all other blocks are changed in place, see `exif`.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from itertools import accumulate

from msrnet_cli.images.metadata.exif import MAKER_NOTE
from msrnet_cli.images.metadata.makernotes import moved
from msrnet_cli.images.metadata.tiff_directory import SIZES
from msrnet_cli.images.metadata.tiff_tags import Item, Tags, name_of, read_tags
from msrnet_cli.images.metadata.wording import listed

_NEAR = 1 << 15
_SPARE = 20  # bytes at most, of an entry and all around it


def exif_block(tags: Tags, *, pinned: bool = True) -> tuple[bytes, tuple[str, ...]]:
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
        """Add a directory, and write its offset at `pointer`."""
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
        """Add the maker notes, with adjusted offsets in those that have moved."""
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
        """Room at an even offset, after everything except pinned maker notes."""
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
    """An EXIF block of at most so many bytes.

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
    smaller, notes = exif_block(tags)
    if len(smaller) > limit:  # pinned maker notes may leave gaps
        smaller, notes = exif_block(tags, pinned=False)
    names = listed(name_of(item.tag, place) for place, item in lost)
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
