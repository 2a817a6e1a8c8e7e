"""BMP with transparency: Pillow reads the header that says so, but writes none.

Source: Microsoft's BITMAPFILEHEADER and BITMAPV4HEADER.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_HEADERS = 14 + 108
_BITFIELDS = 3
_MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
_SRGB = 0x73524742


def encoded(image: Image.Image, dpi: tuple[float, float] | None) -> bytes:
    """An RGBA image as BMP of 32 bits.

    Args:
        image: RGBA.
        dpi: Dots per inch, if known.
    """
    width, height = image.size
    size = 4 * width * height
    per_metre = (round(value / 0.0254) for value in dpi or (0, 0))
    file = struct.pack("<2sIHHI", b"BM", _HEADERS + size, 0, 0, _HEADERS)
    shape = struct.pack("<IiiHHI", 108, width, height, 1, 32, _BITFIELDS)
    rest = struct.pack("<IiiII", size, *per_metre, 0, 0)
    colours = struct.pack("<4II48x", *_MASKS, _SRGB)
    return file + shape + rest + colours + image.tobytes("raw", "BGRA", 0, -1)
