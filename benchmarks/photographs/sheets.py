"""A photograph and what was made of it, three in a row, each with its label."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Mapping

_GAP = 8
_COLUMNS = 3
_TEXT = 20  # height of a label, pixels
_INK, _PAPER = "#222222", "#ffffff"


def sheet(pictures: Mapping[str, Image.Image], credit: str, side: int) -> Image.Image:
    """Rows of pictures under their labels, and a credit below.

    Args:
        pictures: By label, all of one size.
        credit: A line, under the pictures; accents are left out.
        side: Longer side of each picture, to which larger ones are reduced.
    """
    small = {label: image.copy() for label, image in pictures.items()}
    for image in small.values():
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
    width, height = next(iter(small.values())).size
    across, down = width + _GAP, height + _TEXT + _GAP
    columns, rows = min(_COLUMNS, len(small)), -(-len(small) // _COLUMNS)
    size = (columns * across + _GAP, rows * down + _TEXT + 2 * _GAP)
    page = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(_TEXT * 3 // 4)
    for place, (label, image) in enumerate(small.items()):
        left = _GAP + place % _COLUMNS * across
        top = _GAP + place // _COLUMNS * down
        draw.text((left, top), label, _INK, font)
        page.paste(image, (left, top + _TEXT))
    draw.text((_GAP, _GAP + rows * down), _plain(credit), _INK, font)
    return page


def _plain(text: str) -> str:
    """Letters without their accents: Pillow's own font has glyphs for these alone."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(each for each in parts if not unicodedata.combining(each))
