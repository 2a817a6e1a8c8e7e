"""BMP with transparency, which Pillow does not write; and BMP with run lengths.

Pillow expands run lengths byte by byte, and refuses a file that ends its rows early.
Sources: Microsoft's BITMAPFILEHEADER, BITMAPV4HEADER and "Bitmap compression".
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from msrnet_cli.errors import PictureError
from msrnet_cli.images.coding.webp import covers_little

if TYPE_CHECKING:
    from PIL import Image

_HEADERS = 14 + 108
_BITFIELDS = 3
_MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
_SRGB = 0x73524742
_RLE8, _RLE4 = 1, 2


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


def mended(data: bytes, max_megapixels: float) -> bytes:
    """A run-length encoded BMP without the encoding; any other BMP as it is.

    Args:
        data: A BMP file.
        max_megapixels: A larger picture is given back as it is: the caller refuses it.

    Raises:
        PictureError: It is cut short.
    """
    if len(data) < 54 or int.from_bytes(data[14:18], "little") < 40:
        return data
    (start,) = struct.unpack_from("<I", data, 10)
    width, height, _, bits, kind = struct.unpack_from("<iiHHI", data, 18)
    if width <= 0 or width * abs(height) > max_megapixels * 1e6:
        return data
    if kind not in (_RLE8, _RLE4) or height <= 0:
        row = -(-width * bits // 32) * 4
        missing = start + row * abs(height) - len(data)
        padding = row - -(-width * bits // 8)
        return data + bytes(missing) if 0 < missing <= padding else data
    pixels = _unrolled(data, start, (width, height), nibbles=kind == _RLE4)
    pad = bytes(-width % 4)
    rows = (pixels[at : at + width] + pad for at in range(0, len(pixels), width))
    head = bytearray(data[:start])
    (colours,) = struct.unpack_from("<I", data, 46)
    struct.pack_into("<HII", head, 28, 8, 0, 0)
    struct.pack_into("<I", head, 46, colours or (16 if kind == _RLE4 else 256))
    return b"".join((head, *rows))


def _unrolled(
    data: bytes, start: int, size: tuple[int, int], *, nibbles: bool
) -> bytearray:
    """One byte a pixel, bottom row first; 0 for pixels that the file skips."""
    width, height = size
    pixels = bytearray(width * height)
    x, y, said = 0, 0, 0
    while start + 2 <= len(data):
        count, value = data[start : start + 2]
        start += 2
        if count == 0 and value == 0:
            x, y = 0, y + 1
            continue
        if count == 0 and value == 1:
            break
        if count == 0 and value == 2:
            right, up = (*data[start : start + 2], 0, 0)[:2]
            x, y, start = x + right, y + up, start + 2
            continue
        if count:
            run = bytes((value >> 4, value & 15) if nibbles else (value, value)) * 128
        else:
            count, taken = value, (value + 1) // 2 if nibbles else value
            run = data[start : start + taken]
            if nibbles:
                run = bytes(part for byte in run for part in (byte >> 4, byte & 15))
            start += taken + taken % 2
        room = max(0, min(count, width - x)) if y < height else 0
        pixels[y * width + x : y * width + x + room] = run[:room].ljust(room, b"\0")
        x, said = x + count, said + room
    else:
        if y * width + x < width * height:
            raise PictureError("damaged BMP: it is cut short", "copy it again")
    if covers_little((said, 1), size):
        raise PictureError(
            f"damaged BMP: it declares {width}x{height}, but holds {said} pixels",
            "copy it again from its source",
        )
    return pixels
