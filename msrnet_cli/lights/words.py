"""Lights in words: ``W``, ``left``, ``247.5``, ``3800_63``, ``NE:7500:0.4``."""

from __future__ import annotations

import math

from msrnet_cli.errors import UsageError
from msrnet_cli.lights import DIRECTIONS, azimuth
from msrnet_cli.lights.wish import Beam

SIDES = {"left": "W", "right": "E", "front": "S", "back": "N"}
"""Other names of four directions, as the picture shows them."""
KELVIN_RANGE = (1000.0, 40000.0)
"""Temperatures that a light may have."""
STRENGTH_RANGE = (0.0, 100.0)
"""Strengths that a light may have, times that of the picture's own key."""

ALL = "all"
"""In place of a direction: each of the eight."""

_TURN = 360
_WAYS = f"{', '.join(DIRECTIONS)}, {', '.join(SIDES)}, or degrees clockwise from N"
_BEAM = "DIRECTION[:KELVIN[:STRENGTH]]"


def names_all(text: str) -> bool:
    """Whether a text asks for each of the eight directions."""
    return text.strip().lower() == ALL


def read_azimuth(text: str) -> float:
    """Degrees clockwise from N, 0 to 360, of a direction's name or number.

    Raises:
        UsageError: The text is neither.
    """
    name = text.strip()
    short = SIDES.get(name.lower(), name.upper())
    if short in DIRECTIONS:
        return azimuth(short)
    degrees = _number(name)
    if degrees is None:
        raise UsageError(f"unknown direction {text!r}", f"give {_WAYS}")
    if abs(degrees) > _TURN:
        raise UsageError(f"{name} degrees is more than a turn", "give -360 to 360")
    return degrees % _TURN


def read_target(text: str) -> Beam:
    """The key light that ``--to`` names: a direction, or ``KELVIN_DIRECTION``.

    Raises:
        UsageError: The text names no light.
    """
    if fan := _fan(text, "_") or _fan(text, ":"):
        raise UsageError(f"--to {text} names a temperature beside all", f"write {fan}")
    if _is_kelvin(text):
        raise UsageError(
            f"{text.strip()} is not a direction but a temperature",
            f"write --kelvin {_degrees(text):g}",
        )
    if ":" in text:
        raise UsageError(f"--to {text} is not a direction", f"write --light {text}")
    kelvin, line, direction = text.rpartition("_")
    if not line:
        return Beam(azimuth=read_azimuth(text))
    if _is_kelvin(direction):
        raise UsageError(
            f"light {text!r} ends with its temperature", f"write {direction}_{kelvin}"
        )
    return Beam(azimuth=read_azimuth(direction), kelvin=_kelvin(kelvin, text))


def read_beam(text: str) -> Beam:
    """One of several lights: ``DIRECTION[:KELVIN[:STRENGTH]]``.

    An empty kelvin is the picture's own colour, an empty strength is 1.

    Raises:
        UsageError: The text names no light.
    """
    direction, *rest = text.split(":")
    if fan := _fan(text, ":"):
        raise UsageError(f"light {text!r} is not one light", f"write {fan}")
    if len(rest) > 2:
        raise UsageError(f"light {text!r} has too many parts", f"write {_BEAM}")
    if _is_kelvin(direction) or "_" in direction:
        raise UsageError(
            f"light {text!r} does not begin with a direction", f"write {_BEAM}"
        )
    kelvin, strength = (*rest, "", "")[:2]
    return Beam(
        azimuth=read_azimuth(direction),
        kelvin=_kelvin(kelvin, text) if kelvin.strip() else None,
        strength=_strength(strength, text) if strength.strip() else 1.0,
    )


def _fan(text: str, mark: str) -> str:
    """How to ask for what was meant by `ALL` among the parts of a light; "" without."""
    parts = text.split(mark)
    if not any(map(names_all, parts)):
        return ""
    kelvins = [f" --kelvin {_degrees(part):g}" for part in parts if _is_kelvin(part)]
    return f"--to {ALL}{''.join(kelvins[:1])}"


def _is_kelvin(text: str) -> bool:
    """Whether a text is a number that can only be meant as a temperature."""
    kelvin = _degrees(text)
    return kelvin is not None and kelvin >= KELVIN_RANGE[0]


def _degrees(text: str) -> float | None:
    """The number of a temperature, which may end with K."""
    return _number(text.strip().upper().removesuffix("K"))


def _kelvin(text: str, whole: str) -> float:
    kelvin, (low, high) = _degrees(text), KELVIN_RANGE
    if kelvin is None or not low <= kelvin <= high:
        raise UsageError(
            f"light {whole!r} has no temperature {text!r}",
            f"give {low:g} to {high:g} kelvin",
        )
    return kelvin


def _strength(text: str, whole: str) -> float:
    strength, (low, high) = _number(text), STRENGTH_RANGE
    if strength is None or not low <= strength <= high:
        raise UsageError(
            f"light {whole!r} has no strength {text!r}", f"give {low:g} to {high:g}"
        )
    return strength


def _number(text: str) -> float | None:
    """A finite number; None where the text is not one."""
    if "_" in text:  # which Python reads as a separator of digits
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
