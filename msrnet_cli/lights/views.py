"""Which pictures of a scene a network sees. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Self

from msrnet_cli.config import Turn
from msrnet_cli.errors import UsageError
from msrnet_cli.lights import DIRECTIONS, Light, read_light
from msrnet_cli.options import Option

_TWO = "two lights, such as 6500_N,6500_S or N,S"


def read_inputs(text: str) -> tuple[str, ...]:
    """Two lights as people write them, such as ``6500_N,6500_S``.

    Raises:
        ValueError: They are not two; says what is expected.
    """
    inputs = tuple(part.strip() for part in text.split(","))
    if len(inputs) != 2:
        raise ValueError(_TWO)
    return inputs


@dataclass(frozen=True, kw_only=True)
class Views(Turn):
    """A change of light, and the pictures from which it is to be made.

    Attributes:
        inputs: The lights of two pictures, as ``6500_N`` or, with the temperature of
            `from_light`, as ``N``; the direction of `from_light` then does not count.
            Empty for one picture, under `from_light`.
    """

    inputs: Annotated[
        tuple[str, ...],
        Option(
            "Two pictures of a scene as input, lit as 6500_N,6500_S; or as N,S with the"
            " temperature of --from. For networks that see two.",
            metavar="LIGHT,LIGHT",
            default="one picture, lit as --from says",
            read=read_inputs,
        ),
    ] = ()

    @property
    def sources(self) -> tuple[Light, ...]:
        """The lights of the pictures that the network sees: one, or two.

        Raises:
            UsageError: A light is unknown, two are the same, or there are more.
        """
        usual = read_light(self.from_light)
        if not self.inputs:
            return (usual,)
        found = tuple(
            Light(usual.kelvin, text) if text in DIRECTIONS else read_light(text)
            for text in self.inputs
        )
        if len(found) != 2:
            raise UsageError(f"--inputs with {len(found)} lights", f"give {_TWO}")
        if found[0] == found[1]:
            raise UsageError(f"--inputs are both {found[0]}", f"give {_TWO}")
        return found

    def alone(self) -> Self:
        """The same change of light, from the first picture alone."""
        return replace(self, inputs=(), from_light=str(self.sources[0]))

    @property
    def lights(self) -> tuple[Light, ...]:
        """The lights of a scene's pictures: first input, target, second input if any.

        Raises:
            UsageError: As for `sources`; or an input has the light of the target.
        """
        first, *second = self.sources
        target = read_light(self.to_light)
        if target in (first, *second):
            flag = (
                "--inputs and --to are both" if second else "--from and --to are both"
            )
            raise UsageError(f"{flag} {target}", "name two lights")
        return (first, target, *second)
