"""The boxes that AVIF and HEIC files are made of (ISO/IEC 14496-12, section 4.2)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Boxes between two places, up to the first that is not whole.

    Returns:
        The type of each, and where its content starts and ends.
    """
    while start + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        stop = end if size == 0 else start + size
        if (size and size < head) or stop > end:
            return
        yield name, start + head, stop
        start = stop
