"""How a light is asked for. Loads no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, get_args

from msrnet_cli import documents
from msrnet_cli.errors import UsageError
from msrnet_cli.lights.words import (
    KELVIN_RANGE,
    STRENGTH_RANGE,
    names_all,
    read_beam,
    read_target,
)
from msrnet_cli.options import Option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msrnet_cli.lights.wish import Beam

Keep = Literal["colour", "brightness"]
_LEAST, _MOST = STRENGTH_RANGE
_NAMES_LIGHT = "light"
_SPELLINGS = {"color": "colour"}
_ONCE = "give one of them"
_SEVERAL = "give one of them, or lights that add as --light W --light E"
_MODIFIERS = ("kelvin", "key", "ambient", "fill", "softness")


def read_keep(text: str) -> str:
    """What of a picture stays, in either spelling.

    Raises:
        ValueError: The text names nothing of it; says what is expected.
    """
    name = _SPELLINGS.get(text, text)
    if name not in get_args(Keep):
        raise ValueError(f"one of {', '.join(get_args(Keep))}")
    return name


@dataclass(frozen=True, kw_only=True)
class LightOptions:
    """The light that a picture gets, and how much of the change it shows.

    At most one of `to`, `light`, `even`, `look`, `like` names the light. The next five
    fields override what it sets; on their own they change the light that the picture
    has. Where none of these ten is given, weights make the turn that they were made
    for.

    Raises:
        UsageError: A field is not valid, or two contradict each other.
    """

    to: Annotated[
        str | float | None,
        Option(
            "Where the light comes from: left, right, front (behind the camera), back"
            " (behind the scene); or on a map with N at the back N, NE, E (right), SE,"
            " S (front), SW, W (left), NW; or degrees clockwise from N: 90 is right,"
            " 247.5 front left. 3800_W sets its temperature, too. all: each of the"
            " eight, in a folder for each picture, with a contact sheet and lights.lp.",
            metavar="DIRECTION|all",
            read=str,
            once=_SEVERAL,
            one_of=_NAMES_LIGHT,
        ),
    ] = None
    light: Annotated[
        tuple[str, ...],
        Option(
            "One of several lights, which add: --light W:3200:1 --light NE:7500:0.4."
            " KELVIN is its colour, else that of the picture's own light; STRENGTH is"
            " times that of the picture's own light, else 1.",
            metavar="DIRECTION[:KELVIN[:STRENGTH]]",
            read=str,
            repeated=True,
            one_of=_NAMES_LIGHT,
        ),
    ] = ()
    even: Annotated[
        bool,
        Option(
            "Light from everywhere, as strong as the picture's own. Shadows may get"
            " lighter, and do not go: outlines stay, and in photographs hard"
            " shadows as a whole.",
            one_of=_NAMES_LIGHT,
        ),
    ] = False
    look: Annotated[
        str | None,
        Option(
            "A light with a name; msrnet looks lists them.",
            metavar="NAME",
            once=_ONCE,
            one_of=_NAMES_LIGHT,
        ),
    ] = None
    like: Annotated[
        str | None,
        Option(
            "The light that is found in another picture: its direction, temperature,"
            " softness, and strength beside the ambient light. The picture stays as"
            " bright, and its ambient light keeps its colour.",
            metavar="PICTURE",
            once=_ONCE,
            one_of=_NAMES_LIGHT,
        ),
    ] = None
    kelvin: Annotated[
        float | None,
        Option(
            "Colour of the light: 2700 is a warm bulb, 6500 white, 10000 blue. The"
            " ambient light keeps its colour. Refused beside a temperature in --to or"
            " --light.",
            least=KELVIN_RANGE[0],
            most=KELVIN_RANGE[1],
            default="the picture's own",
            once="give one of them, or --light W:2700 --light E:6500",
        ),
    ] = None
    key: Annotated[
        float | None,
        Option(
            "Strength of the light, times what it was.",
            least=_LEAST, most=_MOST, default="1", once=_ONCE,
        ),
    ] = None  # fmt: skip
    ambient: Annotated[
        float | None,
        Option(
            "Strength of the light from all around (sky, walls), times what it was.",
            least=_LEAST, most=_MOST, default="1", once=_ONCE,
        ),
    ] = None  # fmt: skip
    fill: Annotated[
        float | None,
        Option(
            "Add light from everywhere, to lift shadows; times the strength of the"
            " picture's own light.",
            least=_LEAST, most=_MOST, default="0", once=_ONCE,
        ),
    ] = None  # fmt: skip
    softness: Annotated[
        float | None,
        Option(
            "How far the light spreads around its direction, as a standard deviation in"
            " degrees: 0 is one lamp, 30 a window, 90 half of the sky.",
            least=0, most=180, default="0; the picture's own where no light is named",
            once=_ONCE,
        ),
    ] = None  # fmt: skip
    amount: Annotated[
        float | None,
        Option(
            "How much of the change shows: 0 none, 0.5 half, in linear light.",
            least=0, most=1, default="1", once=_ONCE,
        ),
    ] = None  # fmt: skip
    keep: Annotated[
        Keep | None,
        Option(
            "What stays as it is in the picture; only the other changes.",
            read=read_keep,
            once=_ONCE,
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        try:
            documents.require_declared(self)
        except ValueError as error:
            raise UsageError(str(error), "msrnet relight --help lists all") from None
        if len(self.named) > 1:
            flags = " and ".join(f"--{name}" for name in self.named)
            raise UsageError(f"{flags} each name a light", "give one of them")
        if self.even and self.softness is not None:
            raise softness_of_even("--even")
        if self.like == "":
            raise UsageError("--like names no picture", "give the path of one")
        has_kelvin = any(beam.kelvin for beam in self.beams or ())
        if self.kelvin is not None and has_kelvin:
            raise kelvin_twice(self.kelvin)

    @property
    def is_fan(self) -> bool:
        """Whether each of the eight directions is asked for."""
        return isinstance(self.to, str) and names_all(self.to)

    @property
    def beams(self) -> tuple[Beam, ...] | None:
        """The lights of `to` and `light`; None where these name no single light."""
        if self.to is not None and not self.is_fan:
            return (read_target(str(self.to)),)
        return tuple(map(read_beam, self.light)) or None

    @property
    def given(self) -> dict[str, float]:
        """The fields that override what a light sets, where they are given."""
        values = {name: getattr(self, name) for name in _MODIFIERS}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def is_plain(self) -> bool:
        """Whether no light is asked for: weights make the turn they were made for."""
        return not (self.named or self.given)

    @property
    def named(self) -> tuple[str, ...]:
        """Which of the fields that name a light are given."""
        are_given = {
            "to": self.to is not None,
            "light": bool(self.light),
            "even": self.even,
            "look": self.look is not None,
            "like": self.like is not None,
        }
        return tuple(name for name, is_given in are_given.items() if is_given)


def kelvin_twice(kelvin: float) -> UsageError:
    """Why a light that names its temperature does not get another."""
    return UsageError(
        f"--kelvin {kelvin:g} beside a light that names its own",
        "give the temperature once",
    )


def softness_of_even(flag: str) -> UsageError:
    """Why light from everywhere cannot be made soft.

    Args:
        flag: Names the light, such as ``--even``.
    """
    return UsageError(
        f"--softness beside {flag}, whose light has no direction to spread around",
        "leave one of them out",
    )


class LightKeywords(TypedDict, total=False):
    """The fields of `LightOptions` as keyword arguments."""

    to: str | float | None
    light: str | Sequence[str]
    even: bool
    look: str | None
    like: str | os.PathLike[str] | None
    kelvin: float | None
    key: float | None
    ambient: float | None
    fill: float | None
    softness: float | None
    amount: float | None
    keep: Keep | None


def spelled(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of `LightOptions` with `keep` in the one spelling that it has there."""
    keep = fields.get("keep")
    if not isinstance(keep, str) or keep not in _SPELLINGS:
        return fields
    return fields | {"keep": _SPELLINGS[keep]}


def of_keywords(keywords: LightKeywords) -> LightOptions:
    """Options from keyword arguments.

    One light may stand without a sequence around it, and a picture as a path object.

    Raises:
        UsageError: A value is not valid, or two contradict each other.
        TypeError: There is no such field.
    """
    fields = spelled(dict(keywords))
    light, like = fields.get("light"), fields.get("like")
    if isinstance(light, str):
        fields["light"] = (light,)
    elif isinstance(light, list):
        fields["light"] = tuple(light)
    if isinstance(like, os.PathLike):
        fields["like"] = os.fspath(like)
    return LightOptions(**fields)
