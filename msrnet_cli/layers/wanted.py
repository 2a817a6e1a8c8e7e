"""The light that is wanted, as weights of a picture's layers.

    T = strength * key * colour * eight(azimuth, softness)       for each beam
      + fill * strength * 1/8                                    in the colour of these
      + ambient * found ambient

Strength, colour and softness are those of the picture's own key, as far as the wish
names no others. A picture without a direction gets a new key: see `found`.
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

    from msrnet_cli.layers.found import FoundLight
    from msrnet_cli.lights.wish import Wish

_EIGHTH = 1 / len(DIRECTIONS)
_FAINT = 0.4  # brightness of layers, by the picture's, where its key is hardly visible
_TINY = 1e-9


def weights(wish: Wish, found: FoundLight) -> Tensor:
    """Weights of the result: 9 3, none below 0.

    Args:
        wish: What is wanted.
        found: The light that the picture has.
    """
    ambient = found.weights[AMBIENT:]
    if wish.even:  # as strong as the key is, also where that is hardly visible
        own = found.weights[:AMBIENT].sum(0)
        key = torch.full((AMBIENT, 1), _EIGHTH) * _coloured(own, wish.kelvin)
    elif wish.beams is None:
        key = _own(wish, found)
    else:
        key = torch.zeros_like(found.weights[:AMBIENT])
        for beam in wish.beams:
            eight = _eight(beam.azimuth, wish.softness, found)
            colour = _coloured(found.colour, beam.kelvin or wish.kelvin)
            key += beam.strength * eight * colour
    if wish.ratio is not None:
        key, ambient = _balanced(wish.ratio, key, ambient, found)
    strength = _luminance(found.colour)
    fill = _coloured(_like(key.sum(0), strength), None if key.any() else wish.kelvin)
    return torch.cat(
        (wish.key * key + wish.fill * _EIGHTH * fill, wish.ambient * ambient)
    )


def like(reference: FoundLight, more: Wish) -> Wish:
    """The light of another picture as a wish: direction, softness, colour, ratio.

    Args:
        reference: The light of that picture. Without a direction it comes from
            everywhere.
        more: What is wanted beside it; its temperature and softness come first.
    """
    wished = replace(
        more,
        beams=None,
        even=True,
        kelvin=reference.kelvin if more.kelvin is None else more.kelvin,
        ratio=reference.key / max(reference.ambient, _TINY),
    )
    if reference.azimuth is None:
        return wished
    softness = reference.spread if more.softness is None else more.softness
    beams = (Beam(azimuth=reference.azimuth),)
    return replace(wished, beams=beams, even=False, softness=softness)


def _own(wish: Wish, found: FoundLight) -> Tensor:
    """The picture's own key light, 8 3, in another colour or softness if wished."""
    own = found.weights[:AMBIENT]
    if wish.softness is not None and found.azimuth is not None:
        own = _eight(found.azimuth, wish.softness, found) * found.colour
    if wish.kelvin is None:
        return own
    amounts = own @ torch.tensor(LUMINANCE)
    return amounts[:, None] * torch.tensor(kelvin_gains(wish.kelvin))


def _balanced(
    ratio: float, key: Tensor, ambient: Tensor, found: FoundLight
) -> tuple[Tensor, Tensor]:
    """Key and ambient light in a ratio of what they add, as bright as the picture."""
    total, strength = found.key + found.ambient, _luminance(key.sum(0))
    own = _luminance(found.weights[:AMBIENT].sum(0))
    by_strength = found.key / own if found.key > 0 < own else _FAINT * total
    wanted_key = total * ratio / (1 + ratio)
    key = key * (wanted_key / max(by_strength * strength, _TINY))
    return key, ambient * ((total - wanted_key) / max(found.ambient, _TINY))


def _coloured(light: Tensor, kelvin: float | None) -> Tensor:
    """Red, green and blue of a light, in the colour of a temperature if given."""
    if kelvin is None:
        return light
    return _luminance(light) * torch.tensor(kelvin_gains(kelvin))


def _like(light: Tensor, strength: float) -> Tensor:
    """The colour of a light in another strength; white where there is no light."""
    own = _luminance(light)
    return light * (strength / own) if own > 0 else torch.full((3,), strength)


def _eight(azimuth: float, softness: float | None, found: FoundLight) -> Tensor:
    """Shares of the eight, 8 1; as soft as the light that was found, if not given."""
    if softness is None:
        softness = 0.0 if found.azimuth is None else found.spread
    return torch.tensor(weights_of_eight(azimuth, softness))[:, None]


def _luminance(colour: Tensor) -> float:
    return float(colour @ torch.tensor(LUMINANCE))
