"""The vocabulary of lights: directions, colour temperatures, weights of the eight.

One for files, options, cards, rendering and training. Loads neither torch nor NumPy.

Directions are where the light comes from, seen from above: N is behind the scene, E to
the right of the picture, S behind the camera. Azimuths are degrees clockwise from N.
Temperatures are apparent: what a camera that is set to 6500 K shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    RGB = tuple[float, float, float]

DIRECTIONS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
MIRRORED = tuple(-place % len(DIRECTIONS) for place in range(len(DIRECTIONS)))
"""Places in `DIRECTIONS` of what a mirror shows in their stead: east for west."""

KELVINS = (2500, 3500, 4500, 5500, 6500)
"""VIDIT's temperatures; with its eight directions they make forty lights."""

UNSURE = 0.3
"""A found azimuth that is less sure is hardly better than a guess."""
NEUTRAL_KELVIN = 6500.0
LUMINANCE: RGB = (0.2126, 0.7152, 0.0722)
"""Shares of linear sRGB in luminance (Rec. 709)."""

AMBIENT_ALL_AROUND = 0.65
"""Share of a scene's ambient light that a surface gets however it is turned.

The rest comes from above, so that in linear light a scene with a strength and a tint of
ambient light shows

    strength * tint * albedo * (0.65 + 0.35 * n_z)

where n_z is the upward part of the surface's normal, -1 to 1: no shadows, no bounces.
"""

_STEP = 360 / len(DIRECTIONS)
_ACROSS = str.maketrans("EW", "WE")
_TURNS = 4  # around the circle, either way: enough for a spread of 180 degrees
_XYZ_TO_RGB = (
    (3.2406, -1.5372, -0.4986),
    (-0.9689, 1.8758, 0.0415),
    (0.0557, -0.2040, 1.0570),
)


@dataclass(frozen=True, order=True)
class Light:
    """One of VIDIT's forty lights; str() gives ``6500_N``.

    Attributes:
        kelvin: One of `KELVINS`.
        direction: One of `DIRECTIONS`.
    """

    kelvin: int
    direction: str

    def __str__(self) -> str:
        return f"{self.kelvin}_{self.direction}"

    @property
    def azimuth(self) -> float:
        """Degrees clockwise from N."""
        return azimuth(self.direction)

    def mirrored(self) -> Light:
        """The light that a mirror shows: east for west. N, S and colour stay."""
        return Light(self.kelvin, self.direction.translate(_ACROSS))


def every_light() -> tuple[Light, ...]:
    """All forty."""
    return tuple(Light(k, d) for k in KELVINS for d in DIRECTIONS)


def read_light(text: str) -> Light:
    """A light from ``6500_N``.

    Raises:
        UsageError: The text names none of the forty.
    """
    kelvin, _, direction = text.strip().partition("_")
    if kelvin not in map(str, KELVINS) or direction not in DIRECTIONS:
        kelvins = ", ".join(map(str, KELVINS))
        raise UsageError(
            f"unknown light {text!r}",
            f"write KELVIN_DIRECTION: one of {kelvins}, one of {', '.join(DIRECTIONS)}",
        )
    return Light(int(kelvin), direction)


def read_lights(names: Iterable[str]) -> tuple[Light, ...]:
    """Lights from their names, each once, in the order given; ``all`` is all forty.

    Raises:
        UsageError: A name is unknown, or there is none.
    """
    found: dict[Light, None] = {}
    for name in names:
        lights = every_light() if name.strip() == "all" else (read_light(name),)
        found.update(dict.fromkeys(lights))
    if not found:
        raise UsageError("no light was named", "name at least one, as 6500_N")
    return tuple(found)


def azimuth(direction: str) -> float:
    """Degrees of a direction, clockwise from N."""
    return DIRECTIONS.index(direction) * _STEP


def turned(start: float, end: float) -> float:
    """Degrees from one azimuth to another, the shorter way: -180 to 180."""
    return (end - start + 180) % 360 - 180


def weights_of_eight(degrees: float, spread: float = 0.0) -> tuple[float, ...]:
    """Shares of the eight directions in a light from any azimuth; they add up to 1.

    Between two directions a light is the mixture of both, by nearness. A soft light is
    the mean of such lights over azimuths that scatter around its own, normally, so

        w_k = E[max(0, 1 - |X - k|)],  X ~ N(degrees, spread), in steps of 45 degrees

    Args:
        degrees: Azimuth, clockwise from N; any number of turns.
        spread: Standard deviation in degrees, 0 to 180.
    """
    place, sigma = degrees % 360 / _STEP, spread / _STEP
    count = len(DIRECTIONS)
    turns = range(-_TURNS * count, (_TURNS + 1) * count, count)
    return tuple(
        sum(_mean_tent(place - k + turn, sigma) for turn in turns) for k in range(count)
    )


def _mean_tent(mean: float, sigma: float) -> float:
    """E[max(0, 1 - |X|)] for X ~ N(mean, sigma)."""
    before, middle, after = (_mean_ramp(mean + step, sigma) for step in (1, 0, -1))
    return max(0.0, before - 2 * middle + after)


def _mean_ramp(mean: float, sigma: float) -> float:
    """E[max(0, X)] for X ~ N(mean, sigma)."""
    if not sigma:
        return max(0.0, mean)
    z = mean / sigma
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return mean * math.erfc(-z / math.sqrt(2)) / 2 + sigma * density


def kelvin_gains(kelvin: float) -> RGB:
    """What the light of a blackbody does to red, green and blue, in linear light.

    A camera set to 6500 K sees it: 6500 K changes nothing, and every temperature has
    the same luminance.
    """
    ratio = [a / b for a, b in zip(_blackbody(kelvin), _neutral(), strict=True)]
    luminance = sum(
        share * value for share, value in zip(LUMINANCE, ratio, strict=True)
    )
    red, green, blue = (value / luminance for value in ratio)
    return red, green, blue


@cache
def _neutral() -> RGB:
    return _blackbody(NEUTRAL_KELVIN)


@lru_cache(1024)
def _blackbody(kelvin: float) -> RGB:
    """Linear sRGB of a blackbody of luminance 1 (Planck's law)."""
    x = y = z = 0.0
    for nm in range(380, 781, 2):
        metres = nm * 1e-9
        radiance = metres**-5 / math.expm1(1.438777e-2 / (metres * kelvin))
        seen = _observer(nm)
        x, y, z = (a + b * radiance for a, b in zip((x, y, z), seen, strict=True))
    red, green, blue = (
        max(0.004, (a * x + b * y + c * z) / y) for a, b, c in _XYZ_TO_RGB
    )
    return red, green, blue


@cache
def _observer(nm: float) -> RGB:
    """The CIE 1931 observer as sums of split Gaussians (Wyman et al., 2013)."""
    x = (
        1.056 * _hump(nm, 599.8, 37.9, 31.0)
        + 0.362 * _hump(nm, 442.0, 16.0, 26.7)
        - 0.065 * _hump(nm, 501.1, 20.4, 26.2)
    )
    y = 0.821 * _hump(nm, 568.8, 46.9, 40.5) + 0.286 * _hump(nm, 530.9, 16.3, 31.1)
    z = 1.217 * _hump(nm, 437.0, 11.8, 36.0) + 0.681 * _hump(nm, 459.0, 26.0, 13.8)
    return x, y, z


def _hump(nm: float, peak: float, low: float, high: float) -> float:
    return math.exp(-0.5 * ((nm - peak) / (low if nm < peak else high)) ** 2)
