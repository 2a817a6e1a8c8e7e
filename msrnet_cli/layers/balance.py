"""What keeps the mean colour of a picture as its key light moves.

A photograph has one white balance, and a light that moves keeps its colour. But white
layers of a scene differ in mean colour, painted ones more, and the part that layers do
not explain changes with the light too. So for each direction the colour of the key is
multiplied by a factor, found by a few steps from what is seen in the finished picture.

The mean colour of true pictures changes too, as the key moves from what it lights to
something else, and grey surfaces show it where the factor is large. So the factor is
small and makes up only for what is beyond `_FREE`. On 96 unseen days it costs 0.05 dB;
all of the change made up for, by a factor up to 2, would cost 0.07.
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

_STEPS = 8
_MOST = 1.5  # of a factor, and one over it
_FREE = 0.03  # of the ratio of red to blue, as a difference of logarithms
_BLACK = 1e-4  # linear light, too little to have a colour


def casts(light: FoundLight, picture: Tensor, layers: Tensor) -> Tensor:
    """What the colour of the key is multiplied by, for each direction: 8 3.

    Args:
        light: The light of the picture, without casts.
        picture: 3 H W in [0, 1].
        layers: Its own: 9 3 H W in [0, 1].
    """
    factors = torch.ones(len(DIRECTIONS), 3)
    strength = _luminance(light.colour)
    if strength <= 0:  # a black picture
        return factors
    linear = mix.Linear.of(picture, layers, light.weights)
    moved = torch.stack([light.moved(azimuth(each)) for each in DIRECTIONS])
    wanted = _mean(linear_from_srgb(picture))
    for _ in range(_STEPS):
        lights = moved.clone()
        lights[:, : mix.AMBIENT] *= factors[:, None]
        relit = shown(linear.lit(lights, mix.kept(light, lights)))
        factors = factors * _correction(wanted, _mean(relit))
        factors = factors.clamp(1 / _MOST, _MOST)
        factors *= strength / _luminance(light.colour * factors)
    is_black = light.means[: mix.AMBIENT].amin(-1, keepdim=True) < _BLACK
    return torch.where(is_black, 1, factors)


def _correction(wanted: Tensor, found: Tensor) -> Tensor:
    """Factors, ... 3, that bring colours, ... 3, near enough to a wanted one, 3."""
    away = (wanted / found).log()
    red_to_blue = (away[..., :1] - away[..., 2:]).abs()
    beyond = 1 - _FREE / red_to_blue.clamp_min(_FREE)
    return (away * beyond).exp()


def _mean(pictures: Tensor) -> Tensor:
    """The mean colour of ... 3 H W, linear, with a luminance of 1: ... 3."""
    return _pure(pictures.mean((-2, -1)).clamp_min(_BLACK))


def _pure(colours: Tensor) -> Tensor:
    """Colours of luminance 1, ... 3."""
    return colours / _luminance(colours)


def _luminance(colours: Tensor) -> Tensor:
    """... 3 to ... 1."""
    return (colours @ torch.tensor(LUMINANCE).to(colours))[..., None]
