"""PNG charts: rows of pictures side by side, and curves."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from msrnet_cli.images.pixels import quantise, to_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_GAP = 4
_WIDTH, _HEIGHT, _MARGIN = 900, 300, 56
_INK, _RULE, _PAPER = (40, 40, 40), (225, 225, 225), (255, 255, 255)
_COLOURS = (
    (31, 96, 196),
    (214, 108, 20),
    (34, 139, 84),
    (140, 70, 170),
    (120, 120, 120),
)
_RULES = 4


@dataclass(frozen=True)
class Curve:
    """Values over steps, or over another quantity.

    Attributes:
        name: For the legend.
        points: Step and value, by rising step; a value that is not finite interrupts
            the line.
    """

    name: str
    points: tuple[tuple[float, float], ...]


def grid(rows: Sequence[Sequence[Tensor]]) -> bytes:
    """Pictures in rows, with white between them, as PNG.

    Args:
        rows: Each picture 3 H W in [0, 1], all of one size; other values are clipped.
    """
    _, height, width = rows[0][0].shape
    sheet = Image.new(
        "RGB",
        (
            len(rows[0]) * (width + _GAP) - _GAP,
            len(rows) * (height + _GAP) - _GAP,
        ),
        _PAPER,
    )
    for y, row in enumerate(rows):
        for x, pixels in enumerate(row):
            place = (x * (width + _GAP), y * (height + _GAP))
            sheet.paste(to_image(quantise(pixels, 8)), place)
    return _png(sheet)


def curves(
    panels: Sequence[tuple[str, Sequence[Curve], bool]],
    across: Sequence[str] = (),
) -> bytes:
    """Line charts, one above the other, as PNG.

    Args:
        panels: For each a title, its curves, and whether its scale is logarithmic.
        across: For each what the horizontal axis counts; empty: steps.
    """
    sheet = Image.new("RGB", (_WIDTH, _HEIGHT * len(panels)), _PAPER)
    for index, (title, lines, log) in enumerate(panels):
        panel = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
        unit = across[index] if across else "step"
        _draw_panel(ImageDraw.Draw(panel), title, lines, log, unit)
        sheet.paste(panel, (0, index * _HEIGHT))
    return _png(sheet)


def _draw_panel(
    draw: ImageDraw.ImageDraw,
    title: str,
    lines: Sequence[Curve],
    log: bool,
    unit: str,
) -> None:
    # Losses that are logarithms have values on both sides of 0.
    log = log and not any(y <= 0 for line in lines for _, y in line.points)
    scaled = [(c.name, _scaled(c, log)) for c in lines]
    points = [point for _, parts in scaled for part in parts for point in part]
    draw.text((_MARGIN, 10), title, _INK)
    if not points:
        return
    xs, ys = zip(*points, strict=True)
    right = max(xs) or 1.0
    low, high = min(ys), max(ys)
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)

    def place(x: float, y: float) -> tuple[float, float]:
        across = _MARGIN + x / right * (_WIDTH - 2 * _MARGIN)
        return across, _HEIGHT - 34 - (y - low) / (high - low) * (_HEIGHT - 76)

    for index in range(_RULES + 1):
        level = low + (high - low) * index / _RULES
        start = place(0, level)
        draw.line((start, place(right, level)), _RULE)
        label = f"{10**level if log else level:.3g}"
        draw.text((_MARGIN - 8, start[1]), label, _INK, anchor="rm")
    end = f"{unit} {right:.0f}" if right >= 100 else f"{unit} {right:.3g}"
    draw.text((_WIDTH - _MARGIN, _HEIGHT - 18), end, _INK, anchor="rm")
    for index, (name, parts) in enumerate(scaled):
        colour = _COLOURS[index % len(_COLOURS)]
        draw.text((_WIDTH - _MARGIN - 160 * index, 10), name, colour, anchor="ra")
        for part in parts:
            path = [place(x, y) for x, y in part]
            if len(path) > 1:
                draw.line(path, colour, width=2)
            for x, y in path if len(path) < 60 else ():
                draw.ellipse((x - 2, y - 2, x + 2, y + 2), colour)


def _scaled(curve: Curve, log: bool) -> list[list[tuple[float, float]]]:
    """The uninterrupted parts of a curve, with logarithmic values where wanted."""
    parts: list[list[tuple[float, float]]] = [[]]
    for x, y in curve.points:
        if math.isfinite(y):
            parts[-1].append((x, math.log10(y) if log else y))
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
