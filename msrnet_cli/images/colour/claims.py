"""What a file claims about its colours: one record, whatever the format calls it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from msrnet_cli.images.colour.codes import meaning_of
from msrnet_cli.images.colour.spaces import (
    D65,
    SRGB_CURVE,
    SRGB_PRIMARIES,
    parametric_curve,
    space_from_primaries,
)

if TYPE_CHECKING:
    from msrnet_cli.images.colour.hdr import HighRange
    from msrnet_cli.images.colour.spaces import ColourSpace

UNUSABLE_PROFILE = "its colour profile is damaged or for other pixels, and left out"
"""The note on a profile that cannot be used."""

# 1 is linear light, 2.2 is usual; beyond these every picture is black or white.
_GAMMAS = (0.2, 5.0)
_UNSPECIFIED = 2


@dataclass(frozen=True)
class Claim:
    """One statement of a file about its colours.

    Attributes:
        name: For messages.
        space: None for sRGB, or where a profile or nothing is claimed.
        profile: An ICC profile: the claim itself, or one equivalent to `codes`.
        codes: Colour primaries and transfer characteristics of ITU-T H.273.
        narrow: Whether black and white lie at 16 and 235 of 255.
        notes: What is wrong with it, for the user.
        void: Whether nothing of it can be used.
    """

    name: str
    space: ColourSpace | HighRange | None = None
    profile: bytes | None = None
    codes: tuple[int, int] | None = None
    narrow: bool = False
    notes: tuple[str, ...] = ()
    void: bool = False

    def narrowed(self) -> Claim:
        """The same claim, for numbers between 16 and 235."""
        return replace(self, narrow=True)


def void(*notes: str) -> Claim:
    """A claim that cannot be used, and why."""
    return Claim("nothing", notes=notes, void=True)


def from_profile(profile: object) -> Claim:
    """The claim of an embedded ICC profile."""
    if not isinstance(profile, bytes):  # a TIFF tag may have any type
        return void(UNUSABLE_PROFILE)
    return Claim("its colour profile", profile=profile)


def from_codes(primaries: int, transfer: int) -> Claim:
    """The claim of two code points of ITU-T H.273."""
    if (primaries, transfer) == (_UNSPECIFIED, _UNSPECIFIED):
        return void()
    meaning = meaning_of(primaries, transfer)
    if meaning is None:
        return void(
            f"its colour codes {primaries}/{transfer} are unknown, and left out"
        )
    name = meaning.space.name if meaning.space else "sRGB"
    return Claim(name, meaning.space, meaning.profile, meaning.codes)


def calibrated(
    name: str,
    gammas: tuple[float, ...] | None,
    points: tuple[float, ...] | None,
) -> Claim:
    """The claim of measured numbers; absurd numbers count as not given.

    Args:
        name: For messages.
        gammas: One or three: linear light is the value to this power; None for the
            curve of sRGB.
        points: Chromaticities x, y of white, red, green and blue; None for sRGB's.
    """
    notes: tuple[str, ...] = ()
    if gammas and not all(_GAMMAS[0] <= gamma <= _GAMMAS[1] for gamma in gammas):
        notes += (f"{name} is absurd, and left out",)
        gammas = None
    if points and not _sound(points):
        notes += ("its chromaticities are absurd, and left out",)
        points = None
    if not gammas and not points:
        return void(*notes)
    points = points or (*D65, *SRGB_PRIMARIES)
    if _is_srgb(gammas, points):
        return Claim("sRGB", notes=notes)
    curves = [parametric_curve((gamma,)) for gamma in gammas or ()]
    curve = torch.stack(curves or [parametric_curve(SRGB_CURVE)])
    space = space_from_primaries(points[2:], curve, name, (points[0], points[1]))
    return Claim(name, space, notes=notes)


def png_calibrated(encoding: float | None, points: tuple[float, ...] | None) -> Claim:
    """The claim of PNG's gAMA and cHRM.

    Args:
        encoding: The value is linear light to this power; None where there is no gAMA.
        points: As in `calibrated`.
    """
    if encoding is None:
        return calibrated("its PNG chromaticities", None, points)
    gamma = 1 / encoding if encoding > 0 else math.inf
    return calibrated("its PNG gamma", (gamma,), points)


def _sound(points: tuple[float, ...]) -> bool:
    linear = parametric_curve((1.0,))
    try:
        space_from_primaries(points[2:], linear, "", (points[0], points[1]))
    except (ValueError, RuntimeError):
        return False
    return True


def _is_srgb(gammas: tuple[float, ...] | None, points: tuple[float, ...]) -> bool:
    """Whether these are the rounded numbers that writers give for sRGB."""
    pairs = zip(points, (*D65, *SRGB_PRIMARIES), strict=True)
    alike = all(abs(ours - theirs) < 0.002 for ours, theirs in pairs)
    return alike and all(abs(1 / gamma - 0.45455) < 0.0006 for gamma in gammas or ())
