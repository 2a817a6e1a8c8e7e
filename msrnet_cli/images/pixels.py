"""Pillow images to tensors and back, without NumPy."""

from __future__ import annotations

import ctypes
import sys

import torch
from PIL import Image
from torch import Tensor

from msrnet_cli.images.rows import Rows

_CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
_MODES = {channels: mode for mode, channels in _CHANNELS.items()}


def rows_of(image: Image.Image) -> Rows:
    """An L, LA, RGB or RGBA image as rows of 8 bits, copied when asked for."""
    width, height = image.size

    def compute(rows: slice) -> Tensor:
        return to_tensor(strip_of(image, rows))

    return Rows(_CHANNELS[image.mode], height, width, 8, compute)


def strip_of(image: Image.Image, rows: slice) -> Image.Image:
    """Some rows of an image; the image itself where these are all rows."""
    if (rows.start, rows.stop) == (0, image.height):
        return image
    return image.crop((0, rows.start, image.width, rows.stop))


def image_of(rows: Rows) -> Image.Image:
    """The image of a picture: L, LA, RGB or RGBA at 8 bits, I;16 for 16-bit grey."""
    mode = _MODES[rows.channels] if rows.depth == 8 else "I;16"
    image = None
    for span, strip in rows.strips():
        part = to_image(strip) if rows.depth == 8 else _grey_16(strip)
        if len(strip[0]) == rows.height:
            return part
        image = image or Image.new(mode, (rows.width, rows.height))
        image.paste(part, (0, span.start))
    assert image is not None  # a picture has at least one row
    return image


def to_tensor(image: Image.Image) -> Tensor:
    """Pixels of an L, LA, RGB or RGBA image as C H W, uint8."""
    return planes(image.tobytes(), image.size, _CHANNELS[image.mode])


def planes(data: bytes, size: tuple[int, int], channels: int) -> Tensor:
    """Interleaved bytes, width and height, to C H W, uint8."""
    width, height = size
    flat = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    return flat.view(height, width, channels).permute(2, 0, 1)


def to_image(pixels: Tensor) -> Image.Image:
    """C H W uint8, C from 1 to 4, to an L, LA, RGB or RGBA image."""
    channels, height, width = pixels.shape
    data = to_bytes(pixels.permute(1, 2, 0))
    return Image.frombytes(_MODES[channels], (width, height), data)


def _grey_16(pixels: Tensor) -> Image.Image:
    _, height, width = pixels.shape
    data = to_bytes(big_endian_16(pixels[0]).flip(-1))
    return Image.frombytes("I;16", (width, height), data)


def to_bytes(values: Tensor) -> bytes:
    """The memory of a tensor, row-major, in the machine's byte order."""
    values = values.contiguous().cpu()
    return ctypes.string_at(values.data_ptr(), values.nbytes)


def big_endian_16(values: Tensor) -> Tensor:
    """Integers in [0, 65535] to uint8 with a trailing axis of two bytes, high first."""
    return torch.stack((values >> 8, values & 255), -1).to(torch.uint8)


def native_16(data: bytes, size: tuple[int, int], *, big: bool | None = None) -> Tensor:
    """16-bit grey samples to 1 H W, int32.

    Args:
        data: Two bytes a sample.
        size: Width and height.
        big: Whether the high byte comes first; None for the machine's own order.
    """
    if big is None:
        big = sys.byteorder == "big"
    pair = planes(data, size, 2).int()
    high, low = (pair[0], pair[1]) if big else (pair[1], pair[0])
    return ((high << 8) | low)[None]


def quantise(values: Tensor, depth: int) -> Tensor:
    """[0, 1] to the nearest integer of 8 (uint8) or 16 bits (int32), clamped.

    8 bits in uint8 count as [0, 1], too.
    """
    if values.dtype == torch.uint8 and depth == 8:
        return values
    peak = (1 << depth) - 1
    levels = unit(values).clamp(0, 1).mul_(peak).round_()
    return levels.to(torch.uint8 if depth == 8 else torch.int32)


def unit(samples: Tensor) -> Tensor:
    """Samples of 8 (uint8) or 16 bits (any other integers) to float32 in [0, 1].

    Floats are in [0, 1] already.
    """
    if samples.is_floating_point():
        return samples.float()
    return samples.float().div_(255 if samples.dtype == torch.uint8 else 65535)
