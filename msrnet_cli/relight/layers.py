"""The layers of one picture: painted once, mixed into any number of lights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.layers import wanted
from msrnet_cli.layers.found import FoundLight, find
from msrnet_cli.layers.mix import Linear, kept
from msrnet_cli.lights.wish import Beam, Wish
from msrnet_cli.lights.words import names_all, read_beam, read_target
from msrnet_cli.relight import device_copy, lighting
from msrnet_cli.relight.carry import untouched
from msrnet_cli.relight.finish import ending

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Unpack

    from torch import Tensor

    from msrnet_cli.layers.reading import Reading
    from msrnet_cli.lights.options import LightKeywords
    from msrnet_cli.relight.carry import Ending, Reduced, Whole

    Lights = str | float | Beam | Wish | Sequence[str | float | Beam]


@dataclass(frozen=True, repr=False)
class Layers:
    """What a network painted of one picture, and the picture.

    Both are sRGB in [0, 1] at the working size, float32, where they were painted. They
    are encoded as by `layers.camera.encode`; light adds after `layers.camera.lin`.

    Attributes:
        picture: 3 h w, the picture that the network saw.
        painted: 9 3 h w. First the scene under white light (6500 K) from each direction
            alone: N, NE, E, SE, S, SW, W, NW; N is behind the scene, E to the right, S
            behind the camera. Last the picture without its key light, in its own
            colours.
    """

    picture: Tensor
    painted: Tensor
    _read: Reading | None
    _place: Whole | Reduced
    _back: Callable[[Sequence[Tensor]], Any]
    _source_of: Callable[[str], FoundLight]

    def __repr__(self) -> str:
        """Shapes in place of all that tensors hold."""
        picture, painted = (
            "x".join(map(str, each.shape)) for each in (self.picture, self.painted)
        )
        return f"Layers(picture {picture}, painted {painted}, on {self.picture.device})"

    @property
    def full(self) -> Tensor:
        """The picture at its full size, 3 H W: uint8, or float32 in [0, 1]."""
        return self._place.picture

    def source(self) -> FoundLight:
        """The light that the picture has."""
        return self._found

    def mix(self, lights: Lights | None = None, **light: Unpack[LightKeywords]) -> Any:  # noqa: ANN401 of the picture's kind
        """The picture under another light, at its full size.

        Args:
            lights: A light as for ``--to`` or ``--light``, such as ``W``, 247.5 or
                ``NE:3200:0.5``; a beam; several of these, which add; or a wish. None
                where keywords name the light, or change the picture's own.
            **light: Fields of `LightOptions`, as for `Relighter.relight`. Beside
                `lights` those that name no light; beside a wish, `key` and `ambient`
                are further factors, and `fill` is added.

        Returns:
            Of the kind that the picture had.

        Raises:
            UsageError: A text names no light, no light is named, or two are.
            PictureError: There is not enough memory for the result.
            TypeError: There is no such field, or this is not a light.
        """
        options = lighting.options(light)
        if lights is None:
            found = lighting.resolved(options, self._source_of)
        else:
            found = lighting.beside(_wish(lights), options)
        if found.wish is None:
            raise UsageError("no light is named", "give one, such as W")
        return self._back([self.under(found.wish, ending(found.finish))])

    def under(self, wish: Wish, ending: Ending = untouched) -> Tensor:
        """The picture under another light, at its full size, in main memory.

        Args:
            wish: The light.
            ending: Done last, to each strip of rows.

        Returns:
            3 H W, uint8 or float32 in [0, 1], as the picture was.

        Raises:
            PictureError: There is not enough memory for the result.
        """
        full = self._place.carry(self.relit(wish), ending)
        if isinstance(full, PictureError):
            raise full
        (result,) = device_copy.download([full])
        return result

    def relit(self, wish: Wish) -> Tensor:
        """The picture under another light, at the working size: 3 h w in [0, 1]."""
        found = self._found
        weights = wanted.weights(wish, found)
        return self._linear.relit(weights, kept(found, weights))

    @cached_property
    def _found(self) -> FoundLight:
        return find(self.picture, self.painted, self._read)

    @cached_property
    def _linear(self) -> Linear:
        return Linear.of(self.picture, self.painted, self._found.weights)


def _wish(lights: Lights) -> Wish:
    """What these lights are as a wish."""
    if isinstance(lights, Wish):
        return lights
    if isinstance(lights, str | int | float | Beam):
        return Wish(beams=(_beam(lights),))
    return Wish(beams=tuple(map(_beam, lights)))


def _beam(light: str | float | Beam) -> Beam:
    if isinstance(light, Beam):
        return light
    if isinstance(light, int | float):
        return read_target(str(light))
    if not isinstance(light, str):
        raise TypeError(f"a {type(light).__name__} is not a light")
    if names_all(light):
        raise lighting.eight(light)
    return read_target(light) if "_" in light else read_beam(light)
