"""The light that is wanted, as weights of a picture's layers.

    T = key strength * key * colour * eight(azimuth, softness)      for each beam
      + fill * key strength * 1/8                                   in the colour of T
      + ambient * found ambient

Eight directions, then ambient light; a wish is in terms of the light that was found.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from msrnet_cli.layers.mix import AMBIENT
from msrnet_cli.lights import DIRECTIONS, LUMINANCE, kelvin_gains, weights_of_eight
from msrnet_cli.lights.wish import Beam

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.layers.mix import Fit
    from msrnet_cli.lights.wish import Wish

NO_DIRECTION = 0.1
"""Share of the key in all light, below which a picture has no direction."""

_NEW_STRENGTH, _NEW_KELVIN = 1.0, 5500.0  # of a key, where the picture has none
_WIDEST = 180.0  # degrees of softness
_KELVINS = (1000.0, 40000.0)
_EIGHTH = 1 / len(DIRECTIONS)


def weights(wish: Wish, found: Fit) -> Tensor:
    """Weights of the result: 9 3.

    Args:
        wish: What is wanted.
        found: The light that the picture has.
    """
    eight, ambient = found.weights[:AMBIENT], found.weights[AMBIENT:]
    key, around = _luminance(found.key), _luminance(ambient[0])
    has_key = key > NO_DIRECTION * (key + around)
    strength = key if has_key else _NEW_STRENGTH
    if wish.beams is None and not wish.even:
        wished = _own(wish, found, has_direction=has_key)
    elif wish.even:
        strength = key
        colour = _colour(wish.kelvin, found.key)
        wished = torch.full((AMBIENT, 1), key * _EIGHTH) * colour
    else:
        own = found.key if has_key else torch.tensor(kelvin_gains(_NEW_KELVIN))
        wished = torch.zeros_like(eight)
        for beam in wish.beams or ():
            colour = _colour(beam.kelvin or wish.kelvin, own)
            shares = _eight(beam.azimuth, wish.softness or 0.0)
            wished += strength * beam.strength * shares * colour
    if wish.ratio is not None:
        wished, ambient = _balanced(wish.ratio, wished, ambient, key + around)
    fill = wish.fill * strength * _EIGHTH * _colour(None, wished.sum(0))
    return torch.cat((wish.key * wished + fill, wish.ambient * ambient))


def like(found: Fit, more: Wish) -> Wish:
    """The light of another picture as a wish.

    Args:
        found: The light of that picture.
        more: What is wanted beside it; its temperature and softness come first.
    """
    key, around = _luminance(found.key), _luminance(found.weights[AMBIENT])
    like = replace(more, beams=None, even=True, ratio=key / max(around, 1e-6))
    if share(found) >= NO_DIRECTION:
        spread = min(found.spread, _WIDEST) if more.softness is None else more.softness
        beam = Beam(azimuth=found.azimuth)
        like = replace(like, beams=(beam,), even=False, softness=spread)
    return replace(like, kelvin=more.kelvin or _kelvin(found.key))


def share(found: Fit) -> float:
    """Of the key light in all light, 0 to 1."""
    key, around = _luminance(found.key), _luminance(found.weights[AMBIENT])
    return key / max(key + around, 1e-12)


def _own(wish: Wish, found: Fit, *, has_direction: bool) -> Tensor:
    """The picture's own key light, 8 3, in another colour or softness if wished."""
    own = found.weights[:AMBIENT]
    if wish.softness is not None and has_direction:
        own = _eight(found.azimuth, wish.softness) * found.key
    if wish.kelvin is None:
        return own
    amounts = own @ torch.tensor(LUMINANCE)
    return amounts[:, None] * torch.tensor(kelvin_gains(wish.kelvin))


def _balanced(
    ratio: float, wished: Tensor, ambient: Tensor, total: float
) -> tuple[Tensor, Tensor]:
    """Key and ambient light in a ratio of strengths, with the strength of both."""
    key, around = _luminance(wished.sum(0)), _luminance(ambient[0])
    if around <= 0:
        ambient, around = torch.ones_like(ambient), 1.0
    return (
        wished * (total * ratio / (1 + ratio) / max(key, 1e-12)),
        ambient * (total / (1 + ratio) / around),
    )


def _colour(kelvin: float | None, own: Tensor) -> Tensor:
    """Red, green and blue of luminance 1: of a temperature, else of another light."""
    if kelvin is not None:
        return torch.tensor(kelvin_gains(kelvin))
    strength = _luminance(own)
    return own / strength if strength > 0 else torch.ones(3)


def _eight(azimuth: float, spread: float) -> Tensor:
    """8 1."""
    return torch.tensor(weights_of_eight(azimuth, spread))[:, None]


def _kelvin(colour: Tensor) -> float:
    """The temperature of the light with this ratio of red to blue, by halving."""
    low, high = _KELVINS
    for _ in range(24):
        kelvin = (low * high) ** 0.5
        red, _, blue = kelvin_gains(kelvin)
        if red * float(colour[2]) > blue * float(colour[0]):
            low = kelvin
        else:
            high = kelvin
    return round(low)


def _luminance(colour: Tensor) -> float:
    return float(colour @ torch.tensor(LUMINANCE))
