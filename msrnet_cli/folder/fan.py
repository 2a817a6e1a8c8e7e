"""A fan: a folder for each picture, with the picture under light from all around.

N.jpg ... NW.jpg   under each of the eight directions, in the picture's format
sheet.jpg          all of them around the input, as on a compass
lights.lp          where the lights are, for viewers of reflectance transformation
                   imaging (RTI)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msrnet_cli.lights import DIRECTIONS, azimuth

if TYPE_CHECKING:
    from pathlib import Path

SHEET = "sheet.jpg"
LIGHTS = "lights.lp"

COMPASS = ("NW", "N", "NE", "W", "input", "E", "SW", "S", "SE")
"""What stands where on the sheet, row by row."""
COLUMNS = 3
THUMBNAIL = 480
"""Longer side of a picture on the sheet."""

_ELEVATION = 45.0  # degrees; a convention: the layers have no elevation of their own


def neighbours(target: Path) -> list[Path]:
    """The other files of a fan.

    Args:
        target: The picture of the first direction.
    """
    others = [f"{name}{target.suffix}" for name in DIRECTIONS[1:]]
    return [target.with_name(name) for name in (*others, SHEET, LIGHTS)]


def light_positions(suffix: str) -> bytes:
    """The file for RTI viewers: how many pictures; then name, x, y and z of each.

    x points to the right of the picture and y up in it, z towards the camera; for an
    azimuth a

        x, y, z = sin a cos 45°, cos a cos 45°, sin 45°

    The elevation of 45 degrees is a convention.

    Args:
        suffix: Of the pictures.
    """
    lines = [str(len(DIRECTIONS))]
    across = math.cos(math.radians(_ELEVATION))
    up = math.sin(math.radians(_ELEVATION))
    for name in DIRECTIONS:
        angle = math.radians(azimuth(name))
        x, y = across * math.sin(angle), across * math.cos(angle)
        place = (round(value, 6) + 0.0 for value in (x, y, up))  # no -0.0
        lines.append(" ".join([name + suffix, *(f"{value:.6f}" for value in place)]))
    return "".join(f"{line}\n" for line in lines).encode("ascii")
