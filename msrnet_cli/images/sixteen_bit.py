"""Sixteen bits per channel in colour, which Pillow reads as 8; and PNG of that depth.

Pillow's own decoders run twice: once as they are, which keeps the high byte of each
sample, and once with the byte order exchanged, which keeps the low byte. Compression,
filters and interlacing stay Pillow's work.
"""

from __future__ import annotations

import io
import struct
import sys
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from PIL import ImageFile, TiffImagePlugin

from msrnet_cli.images.coding import avif
from msrnet_cli.images.pixels import big_endian_16, rows_of, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image
    from torch import Tensor

    from msrnet_cli.images.metadata.record import Metadata
    from msrnet_cli.images.rows import Rows

_TWINS = {
    "16B": "16L",
    "16L": "16B",
    "16N": "16B" if sys.byteorder == "little" else "16L",
}
_STRIP_BYTES = 1 << 22


def low_byte_tiles(image: ImageFile.ImageFile) -> list[ImageFile._Tile] | None:
    """Decoder settings that read the low bytes of a picture not yet loaded.

    Returns:
        None where the picture is not 16-bit RGB or RGBA, or cannot be read this way.
    """
    twins = [_twin(tile) for tile in image.tile]
    if image.mode not in ("RGB", "RGBA") or not twins:
        return None
    return None if None in twins else [tile for tile in twins if tile]


def bits_per_sample(image: ImageFile.ImageFile, data: bytes) -> int:
    """How many bits each channel has in the file (8 where a format says nothing)."""
    if image.format == "PNG":
        return data[24]
    if image.format == "TIFF" and isinstance(image, TiffImagePlugin.TiffImageFile):
        return max(image.tag_v2.get(258, (1,)))
    if image.format == "AVIF":
        return avif.coding(data).bits
    return 8


def joined(high: Image.Image, low: Image.Image) -> Rows:
    """16-bit samples out of two images, loaded and upright: high and low bytes."""
    first, second = rows_of(high), rows_of(low)

    def compute(rows: slice) -> Tensor:
        return (first.compute(rows).int() << 8) | second.compute(rows)

    return replace(first, depth=16, compute=compute)


def write_png(pixels: Rows, metadata: Metadata) -> bytes:
    """Encode RGB or RGBA of 16 bits and their profile as PNG (W3C PNG 3)."""
    width, height = pixels.width, pixels.height
    colour_type = {3: 2, 4: 6}[pixels.channels]
    out = io.BytesIO()
    out.write(b"\x89PNG\r\n\x1a\n")
    _chunk(
        out, b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    )
    if metadata.icc:
        _chunk(out, b"iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc))
    deflate = zlib.compressobj(6)
    for rows in _paeth_rows(pixels):
        _chunk(out, b"IDAT", deflate.compress(rows))
    _chunk(out, b"IDAT", deflate.flush())
    _chunk(out, b"IEND", b"")
    return out.getvalue()


def _twin(tile: ImageFile._Tile) -> ImageFile._Tile | None:
    arguments = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    kind, _, order = str(arguments[0]).partition(";")
    if kind not in ("RGB", "RGBA") or order not in _TWINS:
        return None
    raw_mode = f"{kind};{_TWINS[order]}"
    args = (raw_mode, *arguments[1:]) if isinstance(tile.args, tuple) else raw_mode
    return tile._replace(args=args)


def _chunk(out: io.BytesIO, name: bytes, content: bytes) -> None:
    if name == b"IDAT" and not content:
        return
    checksum = zlib.crc32(name + content)
    out.write(struct.pack(">I", len(content)) + name + content)
    out.write(struct.pack(">I", checksum))


def _paeth_rows(pixels: Rows) -> Iterator[bytes]:
    """Filtered scanlines: each byte less its Paeth prediction (PNG section 9.4)."""
    step = 2 * pixels.channels
    above = torch.zeros(1, pixels.width * step, dtype=torch.int16)
    rows = max(1, _STRIP_BYTES // (pixels.width * step))
    for _, strip in pixels.strips(multiple=rows):
        for part in strip.permute(1, 2, 0).split(rows):
            here = big_endian_16(part).reshape(len(part), -1).to(torch.int16)
            yield _filtered(here, above, step)
            above = here[-1:]


def _filtered(here: Tensor, above: Tensor, step: int) -> bytes:
    """Filter some scanlines, given the line above; step is the bytes of a pixel."""
    up = torch.cat((above, here[:-1]))
    left = torch.nn.functional.pad(here, (step, 0))[:, :-step]
    corner = torch.nn.functional.pad(up, (step, 0))[:, :-step]
    filtered = (here - _paeth(left, up, corner)).bitwise_and(255).to(torch.uint8)
    kind = torch.full((len(here), 1), 4, dtype=torch.uint8)
    return to_bytes(torch.cat((kind, filtered), 1))


def _paeth(left: Tensor, up: Tensor, corner: Tensor) -> Tensor:
    estimate = left + up - corner
    to_left, to_up = (estimate - left).abs(), (estimate - up).abs()
    to_corner = (estimate - corner).abs()
    best = torch.where(to_up <= to_corner, up, corner)
    return torch.where((to_left <= to_up) & (to_left <= to_corner), left, best)
