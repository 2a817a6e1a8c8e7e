"""From the light that is asked for to the light in numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msrnet_cli.lights import DIRECTIONS, azimuth, looks
from msrnet_cli.lights.options import softness_of_even
from msrnet_cli.lights.wish import Beam, Wish

if TYPE_CHECKING:
    from msrnet_cli.lights.options import Keep, LightOptions


def wish(options: LightOptions) -> Wish | None:
    """The light that is wanted; None for the turn that weights were made for.

    Of `LightOptions.like` it has only what is asked for beside it; of a fan, no
    direction.

    Raises:
        UsageError: There is no such look, or it has no direction and softness is asked
            for.
    """
    if options.is_plain:
        return None
    if options.look is None:
        return Wish(beams=options.beams, even=options.even, **options.given)
    found = looks.find(options.look).light
    given: dict[str, Any] = options.given
    base = Wish(beams=found.beams, even=found.even, **found.given)
    if base.even and options.softness is not None:
        raise softness_of_even(f"--look {options.look}")
    if options.kelvin is not None and base.beams is not None:
        uncoloured = tuple(replace(beam, kelvin=None) for beam in base.beams)
        base = replace(base, beams=uncoloured)
    return replace(base, **given)


def fan(light: Wish) -> dict[str, Wish]:
    """A light from each of the eight directions, by name.

    Args:
        light: All of the light but its direction.
    """
    return {
        direction: replace(light, beams=(Beam(azimuth=azimuth(direction)),))
        for direction in DIRECTIONS
    }


def amount(options: LightOptions) -> float:
    """How much of the change shows, 0 to 1: as asked for, else as the look says.

    Raises:
        UsageError: There is no such look.
    """
    amounts = (options.amount, _of_look(options).amount, 1.0)
    return next(each for each in amounts if each is not None)


def keep(options: LightOptions) -> Keep | None:
    """What of the input stays: as asked for, else as the look says.

    Raises:
        UsageError: There is no such look.
    """
    return options.keep or _of_look(options).keep


def _of_look(options: LightOptions) -> LightOptions:
    """What the look sets; without a look, the options themselves."""
    return options if options.look is None else looks.find(options.look).light
