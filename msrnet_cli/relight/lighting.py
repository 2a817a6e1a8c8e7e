"""The light that is asked for, ready to be put into pictures."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.layers import wanted
from msrnet_cli.lights import UNSURE, asked, told
from msrnet_cli.lights.options import kelvin_twice, of_keywords, softness_of_even
from msrnet_cli.lights.wish import Wish
from msrnet_cli.relight import adapters
from msrnet_cli.relight.finish import Finish

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.layers.found import FoundLight
    from msrnet_cli.lights.options import LightKeywords, LightOptions


@dataclass(frozen=True)
class Lighting:
    """A light, resolved.

    Attributes:
        wish: The light that is wanted; None for the turn that weights were made for.
        reference: Digest of the picture whose light it is; "" without one.
        finish: How much of the change shows, and what of the input stays.
        told: The light in words; "" for the turn that weights were made for.
        notes: What the user must know about it.
    """

    wish: Wish | None = None
    reference: str = ""
    finish: Finish = field(default_factory=Finish)
    told: str = field(default="", compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def recipe(self) -> dict[str, Any] | None:
        """All that decides pixels, for JSON; None where nothing is asked for."""
        if self == Lighting():
            return None
        return {
            "wish": self.wish and asdict(self.wish),
            "reference": self.reference,
            "finish": asdict(self.finish),
        }


def resolved(light: LightOptions, source: Callable[[str], FoundLight]) -> Lighting:
    """What is asked for, with the light of a reference picture read from it.

    Args:
        light: As a person asks. Of a fan, all but its directions.
        source: Finds the light of a picture file.

    Raises:
        UsageError: The light is not valid, its reference cannot be read, or the network
            paints no layers.
    """
    wished = asked.wish(light)
    finish = Finish(asked.amount(light), asked.keep(light))
    if light.like is None:
        return Lighting(wished, "", finish, told.light(light, wished))
    found, digest = _reference(light.like, source)
    wished = wanted.like(found, wished or Wish())
    words = told.light(light, wished)
    return Lighting(wished, digest, finish, words, _doubts(light, found))


def beside(wish: Wish, more: LightOptions) -> Lighting:
    """A light in numbers, and what is asked for beside it.

    Args:
        wish: The light.
        more: Changes it: strengths are further factors, fill is added.

    Raises:
        UsageError: Two lights are named, or two temperatures; or softness is asked for
            where there is no direction.
    """
    if more.named:
        raise UsageError(f"{more.named[0]} names another light", "give one of them")
    if wish.even and more.softness is not None:
        raise softness_of_even("a light")
    if more.kelvin is not None and any(beam.kelvin for beam in wish.beams or ()):
        raise kelvin_twice(more.kelvin)
    factors = {"key": wish.key, "ambient": wish.ambient}
    given: dict[str, Any] = {
        name: value * factors.get(name, 1) for name, value in more.given.items()
    }
    if more.fill is not None:
        given["fill"] = wish.fill + more.fill
    finish = Finish(asked.amount(more), asked.keep(more))
    return Lighting(replace(wish, **given), "", finish)


def _reference(
    path: str, source: Callable[[str], FoundLight]
) -> tuple[FoundLight, str]:
    """The light of a picture file, and the file's digest."""
    try:
        found = source(path)
        return found, hashlib.sha256(adapters.file_of(path)).hexdigest()
    except PictureError as error:
        names_it = error.reason.startswith(path)
        what = error.reason if names_it else f"{path}: {error.reason}"
        remedy = error.remedy or "name another picture"
        raise UsageError(f"--like {what}", remedy) from error


def _doubts(light: LightOptions, found: FoundLight) -> tuple[str, ...]:
    """What is not as it seems in the light of a reference."""
    if found.azimuth is None:
        own = "" if light.kelvin else ", in the picture's own colour"
        vain = ", and softness changes nothing" if light.softness is not None else ""
        what = f"has no direction, so it comes from everywhere{own}{vain}"
    elif found.sure < UNSURE:
        what = f"comes from {found.azimuth:.0f} degrees, but that is unsure"
    else:
        return ()
    return (f"--like {light.like}: its light {what}",)


def options(keywords: LightKeywords) -> LightOptions:
    """Options from keyword arguments; see `of_keywords`.

    Raises:
        UsageError: A value is not valid, or asks for more than one result.
    """
    found = of_keywords(keywords)
    if found.is_fan:
        raise eight(str(found.to))
    return found


def eight(text: str) -> UsageError:
    """Why one picture cannot have each of the eight directions.

    Args:
        text: As it was asked for.
    """
    return UsageError(
        f"{text!r} asks for eight pictures",
        "ask layers(picture).mix for each",
    )
