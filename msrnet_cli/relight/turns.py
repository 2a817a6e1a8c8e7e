"""Turns: what a network painted of a picture, made into the relit picture.

All at the working size, in the place where it was painted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from msrnet_cli.config import Turn as Lights
from msrnet_cli.errors import UsageError
from msrnet_cli.layers import found, mix, reading, wanted
from msrnet_cli.lights import read_light
from msrnet_cli.lights.wish import Beam, Wish
from msrnet_cli.networks import architecture

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.config import WeightsCard
    from msrnet_cli.layers.found import FoundLight


class Turn(Protocol):
    """Makes one relit picture."""

    def __call__(self, seen: Tensor, painted: Tensor) -> Tensor | None:
        """Make the picture.

        Args:
            seen: 3 h w in [0, 1], the picture that the network saw.
            painted: C h w in [0, 1], what it painted, in the same place.

        Returns:
            3 h w in [0, 1]; None to leave the picture to another pipeline.
        """
        ...


@dataclass(frozen=True)
class AsPainted:
    """The turn of a network that paints the relit picture itself."""

    def __call__(self, seen: Tensor, painted: Tensor) -> Tensor:  # noqa: ARG002
        """The picture as it is painted."""
        return painted


@dataclass(frozen=True)
class Trained:
    """The turn that weights of layers were made for: one light, nothing fitted.

    Attributes:
        light: As ``4500_E``.
    """

    light: str

    def __call__(self, seen: Tensor, painted: Tensor) -> Tensor:
        """The layers under the light."""
        weights = mix.of_light(read_light(self.light))
        return mix.painted(mix.of_outputs(painted, seen), weights)


@dataclass(frozen=True)
class Wished:
    """A light in terms of the light that the picture has.

    Attributes:
        wish: The light.
    """

    wish: Wish

    def __call__(self, seen: Tensor, painted: Tensor) -> Tensor:
        """The picture and its layers under the light."""
        layers = mix.of_outputs(painted, seen)
        light = found.find(seen, layers, reading.of_outputs(painted))
        return self.of_layers(seen, layers, light)

    def of_layers(self, seen: Tensor, layers: Tensor, light: FoundLight) -> Tensor:
        """The same, where the layers and the light of the picture are known.

        Args:
            seen: 3 h w in [0, 1].
            layers: 9 3 h w in [0, 1].
            light: The light that the picture has.
        """
        weights = wanted.weights(self.wish, light)
        share = mix.kept(light, weights)
        return mix.relit(seen, layers, light.weights, weights, share)


def choose(card: WeightsCard, wish: Wish | None) -> Turn:
    """The turn that weights make.

    Args:
        card: The card of the weights.
        wish: The light that is wanted; None for the turn that they were made for.

    Raises:
        UsageError: The weights paint only their own light, and another is wanted.
    """
    if architecture(card.model.arch).paints_layers:
        return Wished(wish) if wish else Trained(own_light(card))
    if wish is None or wish == _only_light(card):
        return AsPainted()
    raise only_one_light(card)


def own_light(card: WeightsCard) -> str:
    """The light of the turn that weights were made for; "" where nothing tells it."""
    paints_layers = architecture(card.model.arch).paints_layers
    return card.to_light or (Lights.to_light if paints_layers else "")


def only_one_light(card: WeightsCard) -> UsageError:
    """Why weights that paint one picture cannot put another light."""
    kelvin, _, direction = card.to_light.partition("_")
    light = f"{direction} {kelvin} K" if direction else card.to_light or "one light"
    return UsageError(
        f"these weights paint only {light}",
        "leave out the weights to put any light, or name weights that paint layers,"
        " such as lightstage",
    )


def _only_light(card: WeightsCard) -> Wish | None:
    """The light that weights of one picture paint, as people ask for it."""
    try:
        light = read_light(card.to_light)
    except UsageError:  # unknown, or in words
        return None
    return Wish(beams=(Beam(azimuth=light.azimuth, kelvin=light.kelvin),))
