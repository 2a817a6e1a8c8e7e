"""How a light is asked for. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from msrnet_cli.errors import UsageError
from msrnet_cli.lights.words import (
    KELVIN_RANGE,
    STRENGTH_RANGE,
    read_beam,
    read_target,
)
from msrnet_cli.options import Option, outside

if TYPE_CHECKING:
    from msrnet_cli.lights.wish import Beam

Keep = Literal["colour", "brightness"]
ALL = "all"
"""As a direction: each of the eight."""

_LEAST, _MOST = STRENGTH_RANGE
_MODIFIERS = ("kelvin", "key", "ambient", "fill", "softness")
_SOURCES = ("to", "light", "even", "look", "like")


@dataclass(frozen=True, kw_only=True)
class LightOptions:
    """The light that a picture gets, and how much of the change it shows.

    At most one of `to`, `light`, `even`, `look`, `like` names the light. The next five
    fields override what it sets; on their own they change the light that the picture
    has. Where none of these ten is given, weights make the turn that they were made
    for.

    Raises:
        UsageError: Two fields contradict each other, or one is not valid.
    """

    to: Annotated[
        str | None,
        Option(
            "Where the light comes from: N, NE, E, SE, S, SW, W, NW, or left (W), right"
            " (E), front (S, behind the camera), back (N, behind the scene), or degrees"
            " clockwise from N. Before it a temperature, if wanted: 3800_63. all: a"
            " folder for each picture, with all eight, a contact sheet and lights.lp.",
            metavar="LIGHT|all",
        ),
    ] = None
    light: Annotated[
        tuple[str, ...],
        Option(
            "One of several lights, which add, as DIRECTION[:KELVIN[:STRENGTH]]:"
            " --light W:3200:1 --light NE:7500:0.4. Without KELVIN the picture's own"
            " colour, without STRENGTH 1.",
            metavar="LIGHT",
            read=str,
            repeated=True,
        ),
    ] = ()
    even: Annotated[
        bool, Option("Take shadows out: light from everywhere, as strong as it was.")
    ] = False
    look: Annotated[
        str | None, Option("A named light; msrnet looks lists them.", metavar="NAME")
    ] = None
    like: Annotated[
        str | None, Option("The light of another picture.", metavar="PICTURE")
    ] = None
    kelvin: Annotated[
        float | None,
        Option(
            "Colour temperature of the light.",
            least=KELVIN_RANGE[0],
            most=KELVIN_RANGE[1],
            default="the picture's own colour",
        ),
    ] = None
    key: Annotated[
        float | None,
        Option(
            "Strength of the light, times what it was.",
            least=_LEAST, most=_MOST, default="1",
        ),
    ] = None  # fmt: skip
    ambient: Annotated[
        float | None,
        Option(
            "Strength of the light from all around (sky, walls), times what it was.",
            least=_LEAST, most=_MOST, default="1",
        ),
    ] = None  # fmt: skip
    fill: Annotated[
        float | None,
        Option(
            "Add light from everywhere, times the strength of the picture's light.",
            least=_LEAST, most=_MOST, default="0",
        ),
    ] = None  # fmt: skip
    softness: Annotated[
        float | None,
        Option(
            "How far the light is spread around its direction: standard deviation in"
            " degrees.",
            least=0,
            most=180,
        ),
    ] = None
    amount: Annotated[
        float,
        Option("How far from the input, 0, to the result, 1.", least=0, most=1),
    ] = 1.0
    keep: Annotated[Keep | None, Option("What of the input stays as it is.")] = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if len(self.named) > 1:
            flags = " and ".join(f"--{name}" for name in self.named)
            raise UsageError(f"{flags} each name a light", "give one of them")
        for field in outside(self):
            raise UsageError(
                f"{field.flag} {field.default}",
                f"give {field.option.expected(field.default)}",
            )
        beams = self.beams or ()
        if self.kelvin is not None and any(beam.kelvin for beam in beams):
            raise UsageError(
                f"--kelvin {self.kelvin:g} beside a light that names its own",
                "give the temperature once",
            )

    @property
    def is_fan(self) -> bool:
        """Whether each of the eight directions is asked for."""
        return self.to is not None and self.to.strip().lower() == ALL

    @property
    def beams(self) -> tuple[Beam, ...] | None:
        """The lights of `to` and `light`; None where these name no single light."""
        if self.to is not None and not self.is_fan:
            return (read_target(self.to),)
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
        values = {name: getattr(self, name) for name in _SOURCES}
        return tuple(
            name for name, value in values.items() if value not in (None, (), False)
        )
