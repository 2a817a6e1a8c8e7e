"""The directory of a new TIFF file, built on top of its EXIF block."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING

from msrnet_cli.images.metadata.tiff_directory import (
    SIZES,
    DamagedError,
    first_directory,
    form_of,
)
from msrnet_cli.images.metadata.tiff_tags import LAYOUT

if TYPE_CHECKING:
    import io

_STRIP_OFFSETS = 273


class TiffBuilder:
    """The directory of a new TIFF file, on top of an EXIF block that stays in place.

    The file begins with the block itself, so that offsets from its beginning, as in
    maker notes, stay valid.
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
        """Write all but the strips; turn offsets from the first strip into absolute."""
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
