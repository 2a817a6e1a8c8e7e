"""The light that is asked for, ready to be put into pictures."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from msrnet_cli.errors import UsageError
from msrnet_cli.layers import wanted
from msrnet_cli.lights import asked
from msrnet_cli.lights.options import of_keywords
from msrnet_cli.lights.wish import Wish
from msrnet_cli.relight import adapters
from msrnet_cli.relight.finish import Finish

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.lights.options import LightKeywords, LightOptions
    from msrnet_cli.relight.layers import Layers


@dataclass(frozen=True)
class Lighting:
    """A light, resolved.

    Attributes:
        wish: The light that is wanted; None for the turn that weights were made for.
        reference: Digest of the picture whose light it is; "" without one.
        finish: How much of the change shows, and what of the input stays.
    """

    wish: Wish | None = None
    reference: str = ""
    finish: Finish = field(default_factory=Finish)

    @property
    def recipe(self) -> dict[str, Any] | None:
        """All that decides pixels, for JSON; None where nothing is asked for."""
        return None if self == Lighting() else asdict(self)


def resolved(light: LightOptions, layers: Callable[[str], Layers]) -> Lighting:
    """What is asked for, with the light of a reference picture read from it.

    Args:
        light: As a person asks. Of a fan, all but its directions.
        layers: Gives the layers of a picture file.

    Raises:
        UsageError: The light is not valid, or the network paints no layers.
        PictureError: The reference cannot be read.
    """
    wished = asked.wish(light)
    reference = ""
    if light.like is not None:
        wished = wanted.like(layers(light.like).source(), wished or Wish())
        reference = hashlib.sha256(adapters.file_of(light.like)).hexdigest()
    finish = Finish(asked.amount(light), asked.keep(light))
    return Lighting(wished, reference, finish)


def options(keywords: LightKeywords) -> LightOptions:
    """Options from keyword arguments; see `of_keywords`.

    Raises:
        UsageError: A value is not valid, or asks for more than one result.
    """
    found = of_keywords(keywords)
    if found.is_fan:
        raise UsageError(
            f"to={found.to!r} asks for eight pictures",
            "ask layers(picture).mix for each",
        )
    return found
