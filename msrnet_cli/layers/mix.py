"""Painted layers mixed into a picture under a wanted light, at the layers' size.

    T = sum_k w_k lin(layer_k)                    with the wanted weights
    S = the same with the weights of the picture
    result = encode(max(0, T + r (lin(x) - S) g)),  g = (T + e) / (S + e)

Weights are 9 3: eight directions, then ambient light, for red, green and blue. Of
the part that the layers do not explain, lin(x) - S, a share r is kept and scaled by the
change of light. For r = 1 and T = S the result is the picture itself.

Where that part is above 0, g is at most 4. Where it is below 0, the picture is darker
than its layers, and the share is r / 0.75, at most 1: then the result is the picture
times g, so black stays black.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from msrnet_cli.layers import border
from msrnet_cli.layers.camera import encode, lin
from msrnet_cli.layers.compose import LAYERS
from msrnet_cli.lights import (
    LUMINANCE,
    NEUTRAL_KELVIN,
    kelvin_gains,
    weights_of_eight,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.layers.found import FoundLight
    from msrnet_cli.lights import Light

AMBIENT = LAYERS - 1
"""Place of the ambient layer."""

_STRIP_PIXELS = {"cpu": 1 << 15, "others": 1 << 22}
_UNSEEN = 1e-5  # weights below this share of the largest one change no pixel
_GREY = 0.5 / 255  # between the channels of grey pixels, at the most
_LEAST = 1e-6
_DARK = 0.004  # linear light; keeps the ratio of lights finite
_MOST_GAIN = 4.0  # of the part that the layers do not explain
_KEPT = 0.75  # of the unexplained part, in a picture that is mostly explained
_EXPLAINED = (0.5, 0.9)  # r rises from 0 to `_KEPT` between these


def weights(
    azimuth: float,
    spread: float = 0.0,
    kelvin: float = NEUTRAL_KELVIN,
    *,
    ambient: float = 1.0,
) -> Tensor:
    """Weights of a picture lit by one key light of strength 1: 9 3.

    Args:
        azimuth: Degrees clockwise from N.
        spread: Standard deviation in degrees.
        kelvin: Apparent temperature of the key.
        ambient: Share of the picture's ambient light.
    """
    eight = torch.tensor(weights_of_eight(azimuth, spread))
    key = eight[:, None] * torch.tensor(kelvin_gains(kelvin))
    return torch.cat((key, torch.full((1, 3), ambient)))


def of_light(light: Light) -> Tensor:
    """Weights of one of VIDIT's lights, with the picture's ambient light: 9 3."""
    return weights(light.azimuth, kelvin=light.kelvin)


def of_outputs(output: Tensor, picture: Tensor) -> Tensor:
    """The layers among what a network paints of a picture.

    White light shows a grey picture in grey, whatever the network makes of it, and an
    even surface shows no frame; see `layers.border`.

    Args:
        output: C H W.
        picture: 3 H W.

    Returns:
        9 3 H W.
    """
    painted = output[: 3 * LAYERS].unflatten(0, (LAYERS, 3))
    layers = border.evened(painted, picture)
    if (picture.amax(0) - picture.amin(0)).max() > _GREY:
        return layers
    grey = torch.einsum("kchw,c->khw", layers, torch.tensor(LUMINANCE).to(layers))
    return grey[:, None].expand_as(layers)


def mixed(layers: Tensor, weights_: Tensor) -> Tensor:
    """The layers' light, weighted and added.

    Args:
        layers: 9 3 H W, encoded, in [0, 1].
        weights_: ... 9 3, for one light or several.

    Returns:
        ... 3 H W, linear light.
    """
    return _in_strips(lambda rows: _sum(lin(layers[..., rows, :]), weights_), layers)


def painted(layers: Tensor, weights_: Tensor) -> Tensor:
    """The picture that the layers alone give, ... 3 H W in [0, 1]; r is 0."""
    return _in_strips(
        lambda rows: encode(_sum(lin(layers[..., rows, :]), weights_)), layers
    )


def relit(
    picture: Tensor,
    layers: Tensor,
    source: Tensor,
    wanted: Tensor,
    kept: Tensor | float,
) -> Tensor:
    """The picture under another light, with the part that layers do not explain.

    Args:
        picture: 3 H W in [0, 1].
        layers: Its own: 9 3 H W in [0, 1].
        source: Weights of the picture, 9 3.
        wanted: Weights of the result, ... 9 3, for one light or several.
        kept: Share r of the unexplained part for each of them, 0 to 1.

    Returns:
        ... 3 H W in [0, 1].
    """

    def strip(rows: slice) -> Tensor:
        light = Linear.of(picture[:, rows], layers[..., rows, :], source)
        return light.relit(wanted, kept)

    return _in_strips(strip, picture)


@dataclass(frozen=True)
class Linear:
    """A picture and its layers in linear light, to be mixed any number of times.

    Attributes:
        layers: 9 3 H W.
        explained: 3 H W, what the layers explain of the picture: S.
        rest: 3 H W, what they do not explain.
    """

    layers: Tensor
    explained: Tensor
    rest: Tensor

    @classmethod
    def of(cls, picture: Tensor, layers: Tensor, source: Tensor) -> Linear:
        """From a picture and its layers in [0, 1].

        Args:
            picture: 3 H W.
            layers: 9 3 H W.
            source: Weights of the picture, 9 3.
        """
        linear = _in_strips(lambda rows: lin(layers[..., rows, :]), layers)
        explained = _in_strips(lambda rows: _sum(linear[..., rows, :], source), linear)
        light = _in_strips(lambda rows: lin(picture[:, rows]), picture)
        return cls(linear, explained, light - explained)

    def relit(self, wanted: Tensor, kept: Tensor | float) -> Tensor:
        """As `mix.relit`."""
        return _in_strips(lambda rows: encode(self._lit(rows, wanted, kept)), self.rest)

    def lit(self, wanted: Tensor, kept: Tensor | float) -> Tensor:
        """The same in linear light, ... 3 H W from 0 on."""
        return _in_strips(lambda rows: self._lit(rows, wanted, kept), self.rest)

    def _lit(self, rows: slice, wanted: Tensor, kept: Tensor | float) -> Tensor:
        """Some rows of it."""
        share = torch.as_tensor(kept).to(self.rest)[..., None, None, None]
        darker_share = (share / _KEPT).clamp_max(1)
        wished = _sum(self.layers[..., rows, :], wanted)
        gain = (wished + _DARK).div_(self.explained[:, rows] + _DARK)
        rest = self.rest[:, rows]
        light = torch.addcmul(wished, rest.clamp_max(0) * darker_share, gain)
        light.addcmul_(rest.clamp_min(0) * share, gain.clamp_(max=_MOST_GAIN))
        return light.clamp_min_(0)


def kept(found: FoundLight, wanted: Tensor) -> Tensor:
    """Share r of the part that the layers do not explain, which a relit picture keeps.

    Where the layers explain a picture well, the rest is texture, visible in any light;
    where they do not, the rest is the old light, and the less of it is kept the more of
    the light changes. Light that stays as it is leaves the picture as it is.

    Measured with a network of 8,832 training pictures on 70 unseen scenes, by day and
    by night, at half and at full size: PSNR hardly depends on r (best from 0.5 to 0.75,
    0.00 to 0.08 dB less at 0 and 1); SSIM is best from 0.75 to 1, and 0.01 less at 0.
    In nearly all pictures 0.92 or more was explained, and the best r did not depend on
    how much.

    Args:
        found: The light of the picture.
        wanted: Weights of the result, ... 9 3, for one light or several.

    Returns:
        ..., from 0 to 1.
    """
    low, high = _EXPLAINED
    least = _KEPT * min(1.0, max(0.0, (found.explained - low) / (high - low)))
    return 1 - (1 - least) * _change(found.weights, wanted)


def _change(source: Tensor, wanted: Tensor) -> Tensor:
    """How much of the light changes, 0 to 1: 9 3 and ... 9 3 to ...."""
    changed = (wanted - source).abs().sum((-2, -1))
    most = torch.maximum(wanted.sum((-2, -1)), source.sum())
    return (changed / most.clamp_min(_LEAST)).clamp_max(1)


def _in_strips(compute: Callable[[slice], Tensor], like: Tensor) -> Tensor:
    """Compute some rows of a picture at a time: on a CPU they stay in its caches.

    Args:
        compute: Gives some rows of the result, ... h W.
        like: ... H W, a picture as high, where the computing is done.
    """
    pixels = _STRIP_PIXELS["cpu" if like.device.type == "cpu" else "others"]
    height, width = like.shape[-2:]
    step = max(1, pixels // width)
    strips = [slice(top, top + step) for top in range(0, height, step)]
    if len(strips) == 1:
        return compute(strips[0])
    return torch.cat(list(map(compute, strips)), -2)


def _sum(light: Tensor, weights_: Tensor) -> Tensor:
    """... 3 H W of linear layers, 9 3 H W, and weights, ... 9 3."""
    if weights_.ndim > 2:
        return torch.einsum("kchw,...kc->...chw", light, weights_.to(light))
    total = torch.zeros_like(light[0])
    seen = weights_.amax(1) > _UNSEEN * weights_.max()
    for place in seen.nonzero().flatten().tolist():  # few, as a rule
        total.addcmul_(light[place], weights_[place, :, None, None].to(light))
    return total
