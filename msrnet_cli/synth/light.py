"""Light in numbers: colour temperatures, exposure, tone curve.

Linear light in, 8-bit sRGB out. Knows nothing of scenes or renderers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from msrnet_cli.lights import AMBIENT_ALL_AROUND, LUMINANCE, kelvin_gains

Image = NDArray[np.floating]

_LUMA = np.array(LUMINANCE, np.float32)
# Linear sRGB to the wide primaries (AP1) in which the tone curve works: bright colours
# then approach white, as on film, instead of becoming saturated.
_TO_WIDE = np.array(
    [
        [0.613097, 0.339523, 0.047379],
        [0.070194, 0.916354, 0.013452],
        [0.020616, 0.109570, 0.869815],
    ]
)
_FROM_WIDE = np.linalg.inv(_TO_WIDE)


def gains(kelvin: float) -> NDArray[np.float32]:
    """As `lights.kelvin_gains`, (3,)."""
    return np.array(kelvin_gains(kelvin), np.float32)


def ambient(
    albedo: Image, normal: Image, strength: float, tint: tuple[float, float, float]
) -> Image:
    """The ambient light on a scene, as `lights.AMBIENT_ALL_AROUND` defines it.

    Args:
        albedo: Share of light that surfaces reflect, (h, w, 3).
        normal: In the world, z up, (h, w, 3).
        strength: Of the light; 1 is white at this exposure.
        tint: Colour of the light, linear RGB.
    """
    from_above = 1 - AMBIENT_ALL_AROUND
    upward = (AMBIENT_ALL_AROUND + from_above * normal[..., 2:3]) * strength
    return albedo * upward * np.array(tint, np.float32)


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
    """The gain that brings the lit parts of a scene to medium brightness.

    Args:
        previews: Linear renders under light from all sides, so that one exposure fits
            every light of a scene.
        key: Brighter above 1, darker below.
    """
    bright = [_bright_part(luminance(preview)) for preview in previews]
    # The mean of the brightest side and of all sides: one side may clip a little.
    level = 0.5 * (float(np.mean(bright)) + max(bright))
    return 0.58 * key / max(level, 1e-6)


def _bright_part(light: Image) -> float:
    # Weighted by the light itself, so no threshold decides what is lit; the ceiling
    # excludes single glints, whose places differ between renders.
    order = np.sort(light.ravel())
    order = np.minimum(order, np.quantile(order, 0.99))
    share = np.cumsum(order)
    return float(order[np.searchsorted(share, 0.55 * share[-1])])
