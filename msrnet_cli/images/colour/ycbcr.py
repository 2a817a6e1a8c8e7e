"""YCbCr to RGB, by the coefficients in a TIFF file.

Source: TIFF 6.0 sections 20 (ReferenceBlackWhite) and 21 (YCbCr).
"""

from __future__ import annotations

import torch
from PIL import Image, TiffImagePlugin

from msrnet_cli.images.pixels import planes, to_image

_COEFFICIENTS, _BLACK_WHITE = 529, 532
_BT601 = (0.299, 0.587, 0.114)
_FULL = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)


def rgb_from_ycbcr(image: Image.Image) -> Image.Image:
    """A YCbCr image as RGB; Pillow itself knows only one matrix, and full range."""
    coefficients: tuple[float, ...] = _BT601
    levels: tuple[float, ...] = _FULL
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        coefficients = _numbers(image, _COEFFICIENTS, _BT601)
        levels = _numbers(image, _BLACK_WHITE, _FULL)
    whites, blacks = levels[1::2], levels[::2]
    sound = coefficients[1] > 0 and all(
        white > black for white, black in zip(whites, blacks, strict=True)
    )
    if not sound or (coefficients, levels) == (_BT601, _FULL):
        return image.convert("RGB")
    red, green, blue = coefficients
    codes = planes(image.tobytes(), image.size, 3).float()
    y, cb, cr = (
        (part - black) * (scale / (white - black))
        for part, black, white, scale in zip(
            codes, blacks, whites, (255, 127, 127), strict=True
        )
    )
    r, b = cr * (2 - 2 * red) + y, cb * (2 - 2 * blue) + y
    g = (y - blue * b - red * r) / green
    return to_image(torch.stack((r, g, b)).clamp(0, 255).round().to(torch.uint8))


def _numbers(
    image: TiffImagePlugin.TiffImageFile, tag: int, default: tuple[float, ...]
) -> tuple[float, ...]:
    try:
        values = tuple(float(value) for value in image.tag_v2[tag])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return default
    return values if len(values) == len(default) else default
