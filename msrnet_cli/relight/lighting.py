"""The light that is asked for, ready to be put into pictures."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from msrnet_cli.layers import wanted
from msrnet_cli.lights.options import LightOptions
from msrnet_cli.lights.wish import Beam, Wish
from msrnet_cli.relight import adapters

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.lights.options import Keep
    from msrnet_cli.relight.layers import Layers
    from msrnet_cli.relight.options import LightKeywords


@dataclass(frozen=True)
class Lighting:
    """A light, resolved.

    Attributes:
        wish: The light that is wanted; None for the turn that weights were made for.
        reference: Digest of the picture whose light it is; "" without one.
        amount: How far from the input to the result, 0 to 1.
        keep: What of the input does not change.
    """

    wish: Wish | None = None
    reference: str = ""
    amount: float = 1.0
    keep: Keep | None = None

    @property
    def recipe(self) -> dict[str, Any] | None:
        """All that decides pixels, for JSON; None where nothing is asked for."""
        return None if self == Lighting() else asdict(self)


def resolved(light: LightOptions, layers: Callable[[str], Layers]) -> Lighting:
    """What is asked for, with the light of a reference picture read from it.

    Args:
        light: As a person asks.
        layers: Gives the layers of a picture file.

    Raises:
        UsageError: The light is not valid, or the network paints no layers.
        PictureError: The reference cannot be read.
    """
    wished = wish(light)
    reference = ""
    if light.like is not None:
        wished = wanted.like(layers(light.like).source(), wished or Wish())
        reference = hashlib.sha256(adapters.file_of(light.like)).hexdigest()
    return Lighting(wished, reference, light.amount, light.keep)


def options(keywords: LightKeywords) -> LightOptions:
    """Options from keyword arguments, where one light need not be in a tuple."""
    light = keywords.get("light", ())
    lights = (light,) if isinstance(light, str) else tuple(light)
    several: LightKeywords = {**keywords, "light": lights}
    return LightOptions(**several)


def wish(light: LightOptions) -> Wish | None:
    """FIXME of words."""
    from msrnet_cli.lights import azimuth, read_light

    def beam(text: str) -> Beam:
        d, *more = text.split(":")
        k = float(more[0]) if more and more[0] else None
        return Beam(
            azimuth=azimuth(d), kelvin=k, strength=float(more[1]) if more[1:] else 1.0
        )

    numbers = {
        name: value
        for name in ("kelvin", "key", "ambient", "fill", "softness")
        if (value := getattr(light, name)) is not None
    }
    beams = tuple(map(beam, light.light)) or None
    if light.to:
        if "_" in light.to:
            one = read_light(light.to)
            beams = (Beam(azimuth=one.azimuth, kelvin=one.kelvin),)
        else:
            beams = (beam(light.to),)
    made = Wish(beams=beams, even=light.even, **numbers)
    return None if made == Wish() and not light.like else made
