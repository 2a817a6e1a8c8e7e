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
    from collections.abc import Mapping

    from PIL import Image

    from msrnet_cli.places import Place

SHEET = "sheet.jpg"
LIGHTS = "lights.lp"

INPUT = "input"
_COMPASS = ("NW", "N", "NE", "W", INPUT, "E", "SW", "S", "SE")  # row by row
_COLUMNS = 3
_WORDS = {"N": "N, back", "E": "E, right", "S": "S, front", "W": "W, left"}

THUMBNAIL = 480
"""Longer side of a picture on the sheet."""

_ELEVATION = 45.0  # degrees; a convention: the layers have no elevation of their own


def neighbours(target: Place, *, compare: bool) -> list[Place]:
    """The other files of a fan.

    Args:
        target: The picture of the first direction.
        compare: Whether each picture is also put beside the input.
    """
    pictures = [f"{name}{target.suffix}" for name in DIRECTIONS[1:]]
    beside = [compared(name) for name in DIRECTIONS] if compare else []
    return [target.with_name(name) for name in (*pictures, *beside, SHEET, LIGHTS)]


def compared(stem: str) -> str:
    """The name of the file with input and output side by side.

    Args:
        stem: Of the picture's name; in a fan, its direction.
    """
    return f"{stem}_compare.jpg"


def laid_out(
    small: Mapping[str, Image.Image],
) -> tuple[list[tuple[str, Image.Image]], int]:
    """The cells of the sheet and its columns: a compass around the input.

    Args:
        small: The pictures by direction, and the one called `INPUT`.
    """
    return [(_WORDS.get(name, name), small[name]) for name in _COMPASS], _COLUMNS


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
