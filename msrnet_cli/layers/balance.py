"""What keeps the mean colour of a picture as its key light moves.

A photograph has one white balance, and a light that moves keeps its colour. But white
layers of a scene differ a little in mean colour, painted ones more, and the part that
layers do not explain changes with the light too. So for each direction the colour of
the key is multiplied by a factor that makes up for both: first for what is known of the
layers, then by a few steps for what is seen in the finished picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from msrnet_cli.layers import mix
from msrnet_cli.layers.camera import linear_from_srgb, shown
from msrnet_cli.lights import DIRECTIONS, LUMINANCE, azimuth

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.layers.found import FoundLight

_STEPS = 6
_MOST = 1.5
"""Of the factor by what is seen, and one over it.

The mean colour of true pictures changes too as the key moves from what it lights to
something else. On 96 unseen days a factor up to 1.5 costs 0.05 dB, one up to 2 costs
0.07 dB.
"""
_BLACK = 1e-4  # linear light, too little to have a colour


def casts(light: FoundLight, picture: Tensor, layers: Tensor) -> Tensor:
    """What the colour of the key is multiplied by, for each direction: 8 3.

    Args:
        light: The light of the picture, without casts.
        picture: 3 H W in [0, 1].
        layers: Its own: 9 3 H W in [0, 1].
    """
    known = _of_layers(light)
    strength = _luminance(light.colour * known)
    if strength.min() <= 0:  # a black picture
        return known
    linear = mix.Linear.of(picture, layers, light.weights)
    moved = torch.stack([light.moved(azimuth(each)) for each in DIRECTIONS])
    wanted, seen = _mean(linear_from_srgb(picture)), torch.ones_like(known)
    for _ in range(_STEPS):
        lights = moved.clone()
        lights[:, : mix.AMBIENT] *= (known * seen)[:, None]
        relit = shown(linear.lit(lights, mix.kept(light, lights)))
        seen = (seen * wanted / _mean(relit)).clamp(1 / _MOST, _MOST)
        seen *= strength / _luminance(light.colour * known * seen)
    return torch.where(_is_black(light.means[: mix.AMBIENT]), 1, known * seen)


def _of_layers(light: FoundLight) -> Tensor:
    """The same by the mean colours of the layers: of the key, and of each direction.

    A new key starts white: in the colour of the picture it would be violet on green.
    """
    there = light.means[: mix.AMBIENT]
    if light.azimuth is None:
        return torch.ones_like(there)
    here = _luminance(light.weights[: mix.AMBIENT])[:, 0] @ there
    is_black = _is_black(there) | _is_black(here)
    return torch.where(is_black, 1, _pure(here) / _pure(there))


def _is_black(colours: Tensor) -> Tensor:
    """Which colours, ... 3, are too dark to be told: ... 1."""
    return colours.amin(-1, keepdim=True) < _BLACK


def _mean(pictures: Tensor) -> Tensor:
    """The mean colour of ... 3 H W, linear, with a luminance of 1: ... 3."""
    return _pure(pictures.mean((-2, -1)).clamp_min(_BLACK))


def _pure(colours: Tensor) -> Tensor:
    """Colours of luminance 1, ... 3."""
    return colours / _luminance(colours)


def _luminance(colours: Tensor) -> Tensor:
    """... 3 to ... 1."""
    return (colours @ torch.tensor(LUMINANCE).to(colours))[..., None]
