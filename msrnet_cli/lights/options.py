"""How a light is asked for, in words and numbers. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msrnet_cli.options import Option

Keep = Literal["colour", "brightness"]


@dataclass(frozen=True, kw_only=True)
class LightOptions:
    """The light that a picture gets, and how much of the change it shows.

    Where all fields have their defaults, weights make the turn that they were made for.
    """

    to: Annotated[
        str | None,
        Option("Where the light comes from.", metavar="DIRECTION|DEGREES|KELVIN_..."),
    ] = None
    light: Annotated[
        tuple[str, ...],
        Option(
            "One of several lights, which add.",
            metavar="DIRECTION[:KELVIN[:STRENGTH]]",
            repeated=True,
        ),
    ] = ()
    even: Annotated[bool, Option("Light from everywhere: shadows out.")] = False
    look: Annotated[str | None, Option("A named light.", metavar="NAME")] = None
    like: Annotated[
        str | None, Option("The light of another picture.", metavar="PICTURE")
    ] = None
    kelvin: Annotated[
        float | None, Option("Colour temperature of the light.", least=1000, most=40000)
    ] = None
    key: Annotated[
        float | None, Option("Strength of the light.", least=0, most=100)
    ] = None
    ambient: Annotated[
        float | None, Option("Strength of the other light.", least=0, most=100)
    ] = None
    fill: Annotated[
        float | None, Option("Light from everywhere, added.", least=0, most=100)
    ] = None
    softness: Annotated[
        float | None, Option("Spread of the light, degrees.", least=0, most=180)
    ] = None
    amount: Annotated[
        float, Option("How far from the input to the result.", least=0, most=1)
    ] = 1.0
    keep: Annotated[Keep | None, Option("Change only what else there is.")] = None
