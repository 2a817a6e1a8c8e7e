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
from msrnet_cli.lights import DIRECTIONS, LUMINANCE, kelvin_gains
from msrnet_cli.lights.wish import Beam

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.layers.found import FoundLight
    from msrnet_cli.lights.wish import Wish

_EIGHTH = 1 / len(DIRECTIONS)
_LEAST = 1e-6


def weights(wish: Wish, found: FoundLight) -> Tensor:
    """Weights of the result: 9 3.

    Args:
        wish: What is wanted.
        found: The light that the picture has.
    """
    own, ambient = found.weights[:AMBIENT], found.weights[AMBIENT:]
    if wish.even:
        strength = _luminance(own.sum(0))
        eight = torch.full((AMBIENT,), _EIGHTH)
        colour = _colour(wish.kelvin, own.sum(0) * found.cast(eight))
        key = strength * eight[:, None] * colour
    elif wish.beams is None:
        strength, key = _luminance(own.sum(0)), _own(wish, found)
    else:
        strength = _luminance(found.colour)
        beams = (_beam(beam, wish, found) for beam in wish.beams)
        key, ambient = sum(beams, torch.zeros_like(own)), found.beside_key
    if wish.ratio is not None:
        key, ambient = _balanced(wish.ratio, key, found)
    if found.azimuth is None and wish.beams is None and wish.kelvin is not None:
        ambient = _coloured(ambient, wish.kelvin)  # it is all the light there is
    fill = wish.fill * strength * _EIGHTH * _colour(None, key.sum(0))
    return torch.cat((wish.key * key + fill, wish.ambient * ambient))


def like(found: FoundLight, more: Wish) -> Wish:
    """The light of another picture as a wish.

    Args:
        found: The light of that picture.
        more: What is wanted beside it; its temperature and softness come first.
    """
    wish = replace(more, ratio=found.key / max(found.ambient, _LEAST))
    if found.azimuth is None:
        return replace(wish, even=True)
    return replace(
        wish,
        beams=(Beam(azimuth=found.azimuth),),
        kelvin=found.kelvin if more.kelvin is None else more.kelvin,
        softness=found.spread if more.softness is None else more.softness,
    )


def _beam(beam: Beam, wish: Wish, found: FoundLight) -> Tensor:
    """The weights of one key light, 8 3."""
    kelvin = wish.kelvin if beam.kelvin is None else beam.kelvin
    moved = found.moved(beam.azimuth, wish.softness or 0.0)[:AMBIENT] * beam.strength
    return moved if kelvin is None else _coloured(moved, kelvin)


def _own(wish: Wish, found: FoundLight) -> Tensor:
    """The picture's own key light, 8 3, in another colour or softness if wished."""
    own = found.weights[:AMBIENT]
    if wish.softness is not None and found.azimuth is not None:
        own = found.moved(found.azimuth, wish.softness)[:AMBIENT]
        own = own * (found.key / found.moved_key)  # as weak as it is
    return own if wish.kelvin is None else _coloured(own, wish.kelvin)


def _balanced(ratio: float, key: Tensor, found: FoundLight) -> tuple[Tensor, Tensor]:
    """Key and ambient light in a ratio; together they are as bright as in the picture.

    Args:
        ratio: Mean light of the key over that of the ambient light.
        key: Weights of the wanted key, 8 3.
        found: The light that the picture has.
    """
    whole = found.key + found.ambient
    by_one = found.moved_key / max(_luminance(found.colour), _LEAST)
    strength = whole * ratio / (1 + ratio) / max(by_one, _LEAST)
    ambient = whole / (1 + ratio) / max(found.ambient, _LEAST)
    key = key * (strength / max(_luminance(key.sum(0)), _LEAST))
    return key, found.weights[AMBIENT:] * ambient


def _coloured(light: Tensor, kelvin: float) -> Tensor:
    """Weights, 8 3, of the same luminance in the colour of a temperature."""
    amounts = light @ torch.tensor(LUMINANCE)
    return amounts[:, None] * torch.tensor(kelvin_gains(kelvin))


def _colour(kelvin: float | None, own: Tensor) -> Tensor:
    """Red, green and blue of luminance 1: of a temperature, else of another light."""
    if kelvin is not None:
        return torch.tensor(kelvin_gains(kelvin))
    strength = _luminance(own)
    return own / strength if strength > 0 else torch.ones(3)


def _luminance(colour: Tensor) -> float:
    return float(colour @ torch.tensor(LUMINANCE))
