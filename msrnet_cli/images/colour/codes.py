"""Colours named by numbers: the code points of PNG's cICP and AVIF's nclx.

Source: ITU-T H.273 (07/2021) tables 2 (primaries) and 3 (transfer characteristics).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from msrnet_cli.images.colour.hdr import HLG, PQ, HighRange
from msrnet_cli.images.colour.profiles import matrix_profile
from msrnet_cli.images.colour.spaces import (
    D65,
    SRGB_CURVE,
    SRGB_PRIMARIES,
    ColourSpace,
    matrix_from_primaries,
    parametric_curve,
    space_from_primaries,
)

SRGB = (1, 13)
"""Primaries and transfer characteristics of sRGB."""

_UNSPECIFIED = 2
_C = (0.310, 0.316)
_SMPTE = (0.630, 0.340, 0.310, 0.595, 0.155, 0.070)
_PRIMARIES: dict[int, tuple[str, tuple[float, ...], tuple[float, float]]] = {
    1: ("BT.709", SRGB_PRIMARIES, D65),
    4: ("BT.470 M", (0.67, 0.33, 0.21, 0.71, 0.14, 0.08), _C),
    5: ("BT.470 BG", (0.64, 0.33, 0.29, 0.60, 0.15, 0.06), D65),
    6: ("BT.601", _SMPTE, D65),
    7: ("SMPTE 240M", _SMPTE, D65),
    8: ("film", (0.681, 0.319, 0.243, 0.692, 0.145, 0.049), _C),
    9: ("BT.2020", (0.708, 0.292, 0.170, 0.797, 0.131, 0.046), D65),
    10: ("XYZ", (1.0, 0.0, 0.0, 1.0, 0.0, 0.0), (1 / 3, 1 / 3)),
    11: ("DCI-P3", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060), (0.314, 0.351)),
    12: ("Display P3", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060), D65),
    22: ("EBU 3213", (0.630, 0.340, 0.295, 0.605, 0.155, 0.077), D65),
}


def _video_curve(alpha: float, beta: float, slope: float) -> tuple[float, ...]:
    """The inverse of alpha L^0.45 - (alpha - 1), linear below beta."""
    power = (1 / 0.45, 1 / alpha, (alpha - 1) / alpha)
    return (*power, 1 / slope, slope * beta)


_BT709 = _video_curve(1.09929682680944, 0.018053968510807, 4.5)
_CURVES: dict[int, tuple[str, tuple[float, ...]]] = {
    **dict.fromkeys((1, 6, 11, 12, 14, 15), ("BT.709 curve", _BT709)),
    4: ("gamma 2.2", (2.2,)),
    5: ("gamma 2.8", (2.8,)),
    7: ("SMPTE 240M curve", _video_curve(1.111572195921731, 0.022821585529445, 4.0)),
    8: ("linear light", (1.0,)),
    13: ("sRGB curve", SRGB_CURVE),
    17: ("gamma 2.6", (2.6,)),
}
_HIGH_RANGE = {PQ: "PQ", HLG: "HLG"}


@dataclass(frozen=True)
class Meaning:
    """What a pair of code points means.

    Attributes:
        codes: Primaries and transfer characteristics, both specified.
        space: None for sRGB.
        profile: An equivalent ICC profile; None for sRGB, PQ and HLG.
    """

    codes: tuple[int, int]
    space: ColourSpace | HighRange | None
    profile: bytes | None


@lru_cache(maxsize=16)
def meaning_of(primaries: int, transfer: int) -> Meaning | None:
    """The colours of a pair of code points.

    An unspecified code counts as that of sRGB.

    Returns:
        None where a code is reserved, or means logarithmic light: no still picture has
        that.
    """
    primaries = 1 if primaries == _UNSPECIFIED else primaries
    transfer = 13 if transfer == _UNSPECIFIED else transfer
    codes = (primaries, transfer)
    if codes == SRGB:
        return Meaning(codes, None, None)
    if primaries not in _PRIMARIES:
        return None
    name, chromaticities, white = _PRIMARIES[primaries]
    if transfer in _HIGH_RANGE:
        matrix, luminance = matrix_from_primaries(chromaticities, white)
        title = f"{_HIGH_RANGE[transfer]} ({name})"
        return Meaning(codes, HighRange(transfer, matrix, luminance, title), None)
    if transfer not in _CURVES:
        return None
    title, parameters = _CURVES[transfer]
    title = (
        name if (name, title) == ("Display P3", "sRGB curve") else f"{name}, {title}"
    )
    curve = parametric_curve(parameters)
    space = space_from_primaries(chromaticities, curve, title, white)
    profile = matrix_profile(space.to_srgb, parameters, title, codes)
    return Meaning(codes, space, profile)
