"""A photograph and what was made of it, side by side, each with its label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Mapping

_GAP = 8
_TEXT = 20  # height of a label, pixels
_INK, _PAPER = "#222222", "#ffffff"


def sheet(pictures: Mapping[str, Image.Image], credit: str, side: int) -> Image.Image:
    """A row of pictures under their labels, and a credit below.

    Args:
        pictures: By label, all of one size.
        credit: A line, under the pictures.
        side: Longer side of each picture, to which larger ones are reduced.
    """
    small = {label: image.copy() for label, image in pictures.items()}
    for image in small.values():
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
    width, height = next(iter(small.values())).size
    whole = (
        len(small) * (width + _GAP) + _GAP,
        height + 2 * (_TEXT + _GAP) + _GAP,
    )
    page = Image.new("RGB", whole, _PAPER)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(_TEXT * 3 // 4)
    for place, (label, image) in enumerate(small.items()):
        left = _GAP + place * (width + _GAP)
        draw.text((left, _GAP), label, _INK, font)
        page.paste(image, (left, _TEXT + _GAP))
    draw.text((_GAP, _TEXT + 2 * _GAP + height), credit, _INK, font)
    return page
