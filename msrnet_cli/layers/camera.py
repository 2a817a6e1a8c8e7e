"""Camera curves: linear light into pictures, and back where a curve has an inverse.

Linear sRGB may have any shape that ends in 3 H W, and any brightness. A white diffuse
surface in full light is about 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

SHOULDER = 0.7
"""Where the curve of `encode` leaves that of sRGB; the best value for mixing."""
BRIGHTEST = 0.99
"""The greatest linear sRGB of a picture that `lin` inverts."""

_LIGHT_END, _VALUE_END = 0.0031308, 0.04045  # of the straight piece of sRGB
# The film curve works in the wide primaries AP1, so bright colours bleach to white.
_TO_WIDE = torch.tensor(
    [
        [0.613097, 0.339523, 0.047379],
        [0.070194, 0.916354, 0.013452],
        [0.020616, 0.109570, 0.869815],
    ],
    dtype=torch.float64,
)
_FROM_WIDE = torch.linalg.inv(_TO_WIDE)


def film(light: Tensor) -> Tensor:
    """The film-like curve of rendered pictures, as `synth.light.tone`.

    Returns:
        sRGB in [0, 1], of the same shape.
    """
    x = _channels_mixed(_TO_WIDE, light).clamp_min_(0)
    # Narkowicz's fit (2015) of the ACES reference rendering for a 48 nit screen.
    above = (x * 2.51).add_(0.03).mul_(x)
    below = (x * 2.43).add_(0.59).mul_(x).add_(0.14)
    return _srgb(_channels_mixed(_FROM_WIDE, above.div_(below)).clamp_(0, 1))


def shouldered(light: Tensor, start: float) -> Tensor:
    """SRGB, with highlights that approach white instead of being clipped.

    Linear light x above `start` becomes start + (1 - start)(1 - exp(-(x - start) / (1 -
    start))), whose slope at `start` is 1.

    Args:
        light: Linear light; negative values count as 0.
        start: Where the shoulder begins, 0 to 1; 1 is sRGB clipped at white.

    Returns:
        sRGB in [0, 1], of the same shape.
    """
    return _srgb(_shoulder(light.clamp_min(0), start))


def encode(light: Tensor) -> Tensor:
    """Linear light encoded as layers are, sRGB in [0, 1]."""
    return shouldered(light, SHOULDER)


def shown(light: Tensor) -> Tensor:
    """The linear sRGB, in [0, 1], of the picture that `encode` makes of light."""
    return _shoulder(light.clamp_min(0), SHOULDER)


def lin(values: Tensor) -> Tensor:
    """The inverse of `encode`: the linear light of a picture.

    Args:
        values: sRGB in [0, 1]. Linear values above `BRIGHTEST` count as `BRIGHTEST`,
            because the curve is too flat there.

    Returns:
        Linear light from 0 to 1.72, of the same shape.
    """
    x = linear_from_srgb(values.clamp(0, 1)).clamp_max_(BRIGHTEST)
    room = 1 - SHOULDER
    over = (x - SHOULDER).clamp_min_(0)
    x.sub_(over)
    return x.sub_(over.div_(-room).log1p_(), alpha=room)


def _shoulder(light: Tensor, start: float) -> Tensor:
    room = 1 - start
    if room <= 0:
        return light.clamp_max(1)
    over = (light - start).clamp_min_(0)
    return light.clamp_max(start).sub_(over.div_(-room).expm1_(), alpha=room)


def _srgb(light: Tensor) -> Tensor:
    """`colour.srgb_from_linear` as the sum of its pieces, which saves half the time."""
    power = _power(light.clamp_min(_LIGHT_END), 1 / 2.4)
    end = 1.055 * _LIGHT_END ** (1 / 2.4)
    power = power.mul(1.055).sub_(end).clamp_min_(0)
    return power.add_(light.clamp_max(_LIGHT_END), alpha=12.92).clamp_max_(1)


def linear_from_srgb(values: Tensor) -> Tensor:
    """SRGB values in [0, 1] to linear light in [0, 1], by the sum of the pieces."""
    base = values.clamp_min(_VALUE_END).add_(0.055).div_(1.055)
    end = ((_VALUE_END + 0.055) / 1.055) ** 2.4
    power = (_power(base, 2.4) - end).clamp_min_(0)
    return power.add_(values.clamp_max(_VALUE_END), alpha=1 / 12.92)


def _power(base: Tensor, exponent: float) -> Tensor:
    """By logarithms: half the time of `pow`, and as exact for sRGB.

    In place; the result must not be changed in place, or it would have no gradient.
    """
    return base.log_().mul_(exponent).exp_()


def _channels_mixed(matrix: Tensor, light: Tensor) -> Tensor:
    return (matrix.to(light) @ light.flatten(-2)).unflatten(-1, light.shape[-2:])
