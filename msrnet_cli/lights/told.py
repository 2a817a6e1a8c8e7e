"""The light that was asked for, told in a few words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msrnet_cli.lights.options import Keep, LightOptions
    from msrnet_cli.lights.wish import Wish

# N is behind the scene, S behind the camera.
WHENCE = {
    "N": "behind",
    "NE": "behind on the right",
    "E": "the right",
    "SE": "in front on the right",
    "S": "in front",
    "SW": "in front on the left",
    "W": "the left",
    "NW": "behind on the left",
}
FAN = "from each of the eight directions"
_KELVIN_STEP = 10  # of a temperature that was found


def light(options: LightOptions, wish: Wish | None) -> str:
    """The light, such as ``lamp (from E, 2700 K, key 0.9)``.

    Args:
        options: As a person asks.
        wish: What that is in numbers; None for the turn that weights were made for.

    Returns:
        "" for that turn.
    """
    if wish is None:
        return ""
    if options.is_fan:
        return wish.told(FAN)
    if options.look is not None:
        return f"{options.look} ({wish})"
    if options.like is not None:
        return f"like {Path(options.like).name} ({_rounded(wish, options)})"
    return str(wish)


def one_of_fan(words: str, direction: str) -> str:
    """The light of one picture of a fan.

    Args:
        words: The light of the fan, from `light`.
        direction: Such as ``NE``.
    """
    return words.replace(FAN, f"from {direction}", 1)


def named(text: str) -> str:
    """One of VIDIT's lights, such as ``6500_N``, in words; any other text as it is."""
    kelvin, _, direction = text.partition("_")
    if direction not in WHENCE:
        return text
    return f"{kelvin} K from {WHENCE[direction]} ({direction})"


def shown(amount: float, keep: Keep | None) -> str:
    """How much of the change shows, such as ``amount 0.5, colour kept``; "" for all.

    Args:
        amount: Share of the change, 0 to 1.
        keep: What of the picture stays.
    """
    share = [] if amount == 1 else [f"amount {amount:g}"]
    stays = [] if keep is None else [f"{keep} kept"]
    return ", ".join(share + stays)


def _rounded(wish: Wish, options: LightOptions) -> Wish:
    """The light of a reference as exactly as it is known; what was typed stays."""
    beams = wish.beams and tuple(
        replace(beam, azimuth=round(beam.azimuth) % 360) for beam in wish.beams
    )
    found = replace(wish, beams=beams)
    if options.kelvin is None and found.kelvin is not None:
        kelvin = round(found.kelvin / _KELVIN_STEP) * _KELVIN_STEP
        found = replace(found, kelvin=kelvin)
    if options.softness is None and found.softness is not None:
        found = replace(found, softness=round(found.softness))
    return found
