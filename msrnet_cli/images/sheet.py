"""Pictures on one sheet: contact sheets with labels, and plain rows."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont, features

from msrnet_cli.images.pixels import quantise, to_image
from msrnet_cli.images.rows import spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_GAP = 8  # pixels between pictures
_LABEL = 30  # height of a label's line
_TEXT = 20  # height of letters
_ABOVE = 3  # pixels between a picture and its label
_BACK, _INK = (24, 24, 24), (235, 235, 235)
_BETWEEN, _WHITE = 4, (255, 255, 255)  # of plain rows


def thumbnail(pixels: Tensor, side: int) -> Image.Image:
    """A small copy of a picture.

    Args:
        pixels: 3 H W, sRGB: float32 in [0, 1], or uint8.
        side: Its longer side; smaller pictures stay as they are.
    """
    _, height, width = pixels.shape
    image = Image.new("RGB", (width, height))
    for rows in spans(height, width):
        image.paste(to_image(quantise(pixels[:, rows], 8)), (0, rows.start))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return image


def contact_sheet(cells: Sequence[tuple[str, Image.Image]], columns: int) -> bytes:
    """Pictures in rows, from the top left, each with its label below, as one JPEG.

    Args:
        cells: Label and picture.
        columns: Pictures in a row.
    """
    font = _font()
    pictures = [picture.width for _, picture in cells]
    labels = [math.ceil(font.getlength(label)) for label, _ in cells]
    width = max(pictures + labels)
    height = max(picture.height for _, picture in cells)
    across, down = width + _GAP, height + _LABEL + _GAP
    rows = -(-len(cells) // columns)
    page = Image.new("RGB", (columns * across + _GAP, rows * down + _GAP), _BACK)
    pen = ImageDraw.Draw(page)
    for place, (label, picture) in enumerate(cells):
        left = _GAP + place % columns * across
        top = _GAP + place // columns * down
        page.paste(picture, (left + (width - picture.width) // 2, top))
        start = left + (width - font.getlength(label)) / 2
        pen.text((start, top + height + _ABOVE), label, _INK, font)
    out = io.BytesIO()
    page.save(out, "JPEG", quality=90, subsampling=0)
    return out.getvalue()


def grid(rows: Sequence[Sequence[Tensor]]) -> bytes:
    """Pictures in rows, with white between them, as PNG.

    Args:
        rows: Each picture 3 H W in [0, 1], all of one size; other values are clipped.
    """
    _, height, width = rows[0][0].shape
    across, down = width + _BETWEEN, height + _BETWEEN
    size = (len(rows[0]) * across - _BETWEEN, len(rows) * down - _BETWEEN)
    sheet = Image.new("RGB", size, _WHITE)
    for y, row in enumerate(rows):
        for x, pixels in enumerate(row):
            sheet.paste(to_image(quantise(pixels, 8)), (x * across, y * down))
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font; of one small size where Pillow was built without FreeType."""
    return ImageFont.load_default(_TEXT if features.check("freetype2") else None)
