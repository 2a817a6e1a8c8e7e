"""Light in numbers: directions, colour temperatures, exposure, tone curve.

Linear light in, 8-bit sRGB out. Knows nothing of scenes or renderers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from msrnet_cli.errors import UsageError

Image = NDArray[np.floating]

# Clockwise from above, N behind the scene; VIDIT's eight.
DIRECTIONS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
TEMPERATURES = (2500, 3500, 4500, 5500, 6500)  # kelvin

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_XYZ_TO_RGB = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)
# Linear sRGB to the wide primaries (AP1) in which the tone curve works: bright
# colours then bleach toward white, as film does, and do not turn into poster paint.
_TO_WIDE = np.array(
    [
        [0.613097, 0.339523, 0.047379],
        [0.070194, 0.916354, 0.013452],
        [0.020616, 0.109570, 0.869815],
    ]
)
_FROM_WIDE = np.linalg.inv(_TO_WIDE)


@dataclass(frozen=True, order=True)
class Light:
    """One of VIDIT's forty lights; str() gives ``6500_N``."""

    temperature: int
    direction: str

    def __str__(self) -> str:
        return f"{self.temperature}_{self.direction}"


def every_light() -> tuple[Light, ...]:
    """All forty."""
    return tuple(Light(t, d) for t in TEMPERATURES for d in DIRECTIONS)


def read_light(text: str) -> Light:
    """A light from ``6500_N``.

    Raises:
        UsageError: The text names no such light.
    """
    temperature, _, direction = text.strip().partition("_")
    known = temperature in {str(t) for t in TEMPERATURES} and direction in DIRECTIONS
    if not known:
        raise UsageError(
            f"there is no light '{text}'",
            "write TEMPERATURE_DIRECTION, as 6500_N, with "
            f"{', '.join(map(str, TEMPERATURES))} and {', '.join(DIRECTIONS)}",
        )
    return Light(int(temperature), direction)


def read_lights(names: tuple[str, ...]) -> tuple[Light, ...]:
    """Lights from their names, each once, in the order given; ``all`` is all forty."""
    if not names:
        raise UsageError("no light was named", "name at least one, as 6500_N")
    found: dict[Light, None] = {}
    for name in names:
        lights = every_light() if name.strip() == "all" else (read_light(name),)
        found.update(dict.fromkeys(lights))
    return tuple(found)


def azimuth(direction: str) -> float:
    """Angle of a direction in radians, clockwise from N seen from above."""
    return DIRECTIONS.index(direction) * float(np.pi) / 4


def _hump(
    x: NDArray[np.floating], peak: float, low: float, high: float
) -> NDArray[np.float64]:
    width = np.where(x < peak, low, high)
    return np.exp(-0.5 * ((x - peak) / width) ** 2)


def _observer(nm: NDArray[np.floating]) -> NDArray[np.float64]:
    """The CIE 1931 observer as sums of split Gaussians (Wyman and others, 2013)."""
    x = (
        1.056 * _hump(nm, 599.8, 37.9, 31.0)
        + 0.362 * _hump(nm, 442.0, 16.0, 26.7)
        - 0.065 * _hump(nm, 501.1, 20.4, 26.2)
    )
    y = 0.821 * _hump(nm, 568.8, 46.9, 40.5) + 0.286 * _hump(nm, 530.9, 16.3, 31.1)
    z = 1.217 * _hump(nm, 437.0, 11.8, 36.0) + 0.681 * _hump(nm, 459.0, 26.0, 13.8)
    return np.stack([x, y, z])


@cache
def _blackbody(kelvin: float) -> tuple[float, float, float]:
    nm = np.arange(380.0, 781.0, 2.0)
    metres = nm * 1e-9
    radiance = metres**-5 / np.expm1(1.438777e-2 / (metres * kelvin))
    xyz = _observer(nm) @ radiance
    rgb = np.maximum(_XYZ_TO_RGB @ (xyz / xyz[1]), 0.004)
    r, g, b = (float(v) for v in rgb)
    return r, g, b


def gains(kelvin: float) -> NDArray[np.float32]:
    """What a blackbody light does to red, green and blue, (3,).

    A camera set to 6500 K sees it: 6500 K changes nothing, and every temperature
    has the same luminance.
    """
    ratio = np.array(_blackbody(kelvin)) / np.array(_blackbody(6500.0))
    return np.asarray(ratio / (_LUMA @ ratio), np.float32)


def luminance(image: Image) -> Image:
    """Rec. 709 luminance, (h, w), of an image (h, w, 3)."""
    return np.asarray(image @ _LUMA, np.float32)


def tone(linear: Image) -> Image:
    """Film-like tone curve and sRGB encoding: linear light to [0, 1]."""
    x = np.maximum(linear @ _TO_WIDE.T.astype(np.float32), 0.0)
    # Narkowicz's fit (2015) of the ACES reference rendering for a 48 nit screen.
    x = x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)
    x = np.clip(x @ _FROM_WIDE.T.astype(np.float32), 0.0, 1.0)
    low, high = 12.92 * x, 1.055 * np.maximum(x, 1e-6) ** (1 / 2.4) - 0.055
    return np.where(x <= 0.0031308, low, high).astype(np.float32)


def to_bytes(encoded: Image) -> NDArray[np.uint8]:
    """[0, 1] to 8 bits."""
    return (encoded * 255.0 + 0.5).astype(np.uint8)


def exposure(previews: list[Image], key: float) -> float:
    """The gain that brings a scene's lit parts to middling brightness.

    Args:
        previews: Linear renders from all sides, so that every light of a scene is
            exposed alike.
        key: Brighter above 1, darker below.
    """
    bright = [_bright_part(luminance(preview)) for preview in previews]
    # The mean of the brightest side and all: one side may burn out a little.
    level = 0.5 * (float(np.mean(bright)) + max(bright))
    return 0.58 * key / max(level, 1e-6)


def _bright_part(light: Image) -> float:
    # Weighting by light itself needs no threshold of what counts as lit; the ceiling
    # keeps single glints, which no two renders place alike, from counting.
    order = np.sort(light.ravel())
    order = np.minimum(order, np.quantile(order, 0.99))
    share = np.cumsum(order)
    return float(order[np.searchsorted(share, 0.55 * share[-1])])
