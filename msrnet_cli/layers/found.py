"""The light that a picture has, found by its layers, and the same light elsewhere.

A model light of azimuth a and spread s explains a picture x by its layers, for a colour
k of the key and a of the ambient light, each three numbers from 0 on:

    S = k * sum_j w_j(a, s) lin(layer_j) + a * lin(ambient)

The w_j are `lights.weights_of_eight`. For each a and s least squares give both colours
and the unexplained part R of the picture. How likely a light is follows from R and from
how often such spreads are drawn (`layers.draw`):

    P(a, s) ~ R(a, s) ** (-n / 2) * P(s)

Where the network reads the azimuth, that azimuth is taken: on 96 unseen scenes it was
23 degrees off by day and 22 by night (median), the likeliest azimuth 31 and 35, the
mean of free weights 38 and 37. Mixtures of these were not better than what was read,
and where the network is least sure (below 0.1) it was 54 degrees off, the likeliest
azimuth 128.

A light that moves is sharp unless a softness is wished: the spread that is found is
nearly noise, and keeping it is a draw by day and a small loss by night
(`weights/TRAINING.md`, "Any light").
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from msrnet_cli.layers import balance
from msrnet_cli.layers.camera import lin
from msrnet_cli.layers.compose import LAYERS
from msrnet_cli.lights import (
    LUMINANCE,
    NEUTRAL_KELVIN,
    kelvin_gains,
    weights_of_eight,
)

if TYPE_CHECKING:
    from msrnet_cli.layers.reading import Reading

LEAST_SHARE = 0.1
"""Of the key in the light of a picture; with less the light has no direction."""
LEAST_KEY = 1 / 6
"""Share of the light of a picture that a key from elsewhere has, at the least.

A weaker key, or none, is raised to it, and all other light is lowered, so the picture
stays as bright.
"""
COOLEST, WARMEST = 20000.0, 1900.0
"""Apparent temperatures that are told from each other, in kelvin."""

_FIT_SIDE = 64  # pixels; light varies slowly: more pixels give the same light
_RIDGE = 1e-6  # on squared strengths, per pixel: makes the solution unique
_AZIMUTHS = range(0, 360, 5)  # that are tried, in degrees
_SPREADS = (0.0, 10.0, 14.0, 20.0, 28.0, 39.0, 54.0, 67.5)  # likewise
_SHARP = 0.4  # share of lights without a spread; the others are equally likely
_PIXELS = 10.0  # n: so many pixels would tell independently how well a light fits
_LEAST_LEFT = 1e-5  # of the variance: less is rounding
_MIRED = 4.0  # between temperatures that are tried: a million over kelvin
_BLACK = 1e-4  # linear light, too little to have a colour
_FAINT = 0.001  # of the brightest channel; keeps logarithms finite


@dataclass(frozen=True)
class FoundLight:
    """The light that a picture has.

    Attributes:
        azimuth: Degrees clockwise from N, 0 to 360; None where the key gives less than
            `LEAST_SHARE` of the light, so that there is no direction.
        spread: Standard deviation around the azimuth, degrees; 0 is a sharp light.
        kelvin: Apparent temperature of the key: of the blackbody whose red, green and
            blue are nearest, from `WARMEST` to `COOLEST`.
        key: Mean linear luminance that the key adds to the picture, from 0 on.
        ambient: Mean linear luminance of all other light.
        sure: How sure the azimuth is, 0 to 1; soft lights are less sure.
        weights: 9 3: the weights of the layers that explain the picture.
        means: 9 3: the mean linear light of each layer.
        explained: Part of the picture's variance in linear light, 0 to 1.
        casts: 8 3: by direction, what keeps the picture's mean colour if the key comes
            from there; see `layers.balance`.
    """

    azimuth: float | None
    spread: float
    kelvin: float
    key: float
    ambient: float
    sure: float
    weights: Tensor
    means: Tensor
    explained: float
    casts: Tensor = field(default_factory=lambda: torch.ones(8, 3))

    @property
    def colour(self) -> Tensor:
        """Red, green and blue of a key from elsewhere, by the layers' white light.

        Without a direction it is a new key: white.
        """
        if self.azimuth is None:
            by_one = float(_luminance(self.means[:-1].mean(0)))
            return torch.full((3,), self.moved_key / max(by_one, _BLACK))
        return self.weights[:-1].sum(0) * (self.moved_key / self.key)

    @property
    def moved_key(self) -> float:
        """Mean linear luminance that a key from elsewhere adds, as `key`."""
        return max(self.key, LEAST_KEY * (self.key + self.ambient))

    def moved(self, azimuth: float, softness: float = 0.0) -> Tensor:
        """Weights with the same key from elsewhere: 9 3.

        The key adds light of the same colour from there; see `LEAST_KEY` for a weak
        key, and for a light without a direction.

        Args:
            azimuth: Degrees clockwise from N.
            softness: Its standard deviation in degrees.
        """
        eight = torch.tensor(weights_of_eight(azimuth, softness))
        colour = self.colour * self.cast(eight)
        if self.azimuth is None:  # a key that is new adds as much from everywhere
            mean = _luminance(self.means[:-1])
            colour = colour * (mean.mean() / (eight @ mean).clamp_min(_BLACK))
        return torch.cat((eight[:, None] * colour, self.beside_key))

    @property
    def beside_key(self) -> Tensor:
        """Weights of the ambient light beside a key from elsewhere: 1 3."""
        more = self.moved_key - self.key
        return self.weights[-1:] * (1 - more / self.ambient if more else 1)

    def cast(self, eight: Tensor) -> Tensor:
        """What keeps the picture's mean colour under a key from elsewhere: 3.

        Of a light that moves less than to the next direction, a share.

        Args:
            eight: Shares of the eight directions in the new light, 8.
        """
        whole = eight @ self.casts / eight.sum()
        if self.azimuth is None:
            return whole
        own = _luminance(self.weights[:-1])
        away = (eight / eight.sum() - own / own.sum()).abs().sum() / 2
        return 1 + (whole - 1) * away


def find(picture: Tensor, layers: Tensor, read: Reading | None = None) -> FoundLight:
    """Find the light of a picture.

    Args:
        picture: 3 H W in [0, 1].
        layers: Its own: 9 3 H W in [0, 1].
        read: The light that the network reads; None where it reads none.
    """
    picture, layers = (_small(each).cpu() for each in (picture[None], layers))
    picture = picture[0]
    moments = _Moments.of(picture, layers)
    azimuth, sure = _likeliest(moments) if read is None else (read.azimuth, read.sure)
    spread = _likely_spread(moments, azimuth)
    eight = torch.tensor(weights_of_eight(azimuth, spread))
    colour, ambient, left = (each[0] for each in moments.explained_by(eight[None]))
    kelvin = nearest_kelvin(moments.colour(eight, colour))
    key, other = moments.brightness(eight[:, None] * colour, ambient)
    share = min(key / max(key + other, 1e-9), read.share if read else 1.0)
    is_lit = share >= LEAST_SHARE
    if not is_lit:
        colour, (ambient, left) = torch.zeros(3), moments.explained_by_ambient()
        key, other = moments.brightness(eight[:, None] * colour, ambient)
    light = FoundLight(
        azimuth=azimuth % 360 if is_lit else None,
        spread=spread,
        kelvin=kelvin,
        key=key,
        ambient=other,
        sure=sure if is_lit else 0.0,
        weights=torch.cat((eight[:, None] * colour, ambient[None])),
        means=moments.means,
        explained=max(0.0, 1 - float(left)),
    )
    return replace(light, casts=balance.casts(light, picture, layers))


def nearest_kelvin(colour: Tensor) -> float:
    """The blackbody that is nearest to a colour in the logarithms of its channels.

    Args:
        colour: Red, green and blue in linear light, of any strength; black gives
            `NEUTRAL_KELVIN`.

    Returns:
        Apparent temperature from `WARMEST` to `COOLEST`, in kelvin.
    """
    if not colour.max() > 0:
        return NEUTRAL_KELVIN
    kelvins, gains = _blackbodies()
    seen = (colour / colour.max()).clamp_min(_FAINT).double().log()
    away = (seen - seen.mean() - gains).square().sum(1)
    return kelvins[int(away.argmin())]


@cache
def _blackbodies() -> tuple[tuple[float, ...], Tensor]:
    """Temperatures, and their colours as logarithms whose mean is 0, K 3."""
    first, last = 1e6 / COOLEST, 1e6 / WARMEST
    count = round((last - first) / _MIRED)
    step = (last - first) / count
    kelvins = tuple(1e6 / (first + place * step) for place in range(count + 1))
    gains = torch.tensor([kelvin_gains(each) for each in kelvins]).double()
    logs = gains.clamp_min(_FAINT).log()
    return kelvins, logs - logs.mean(1, keepdim=True)


@dataclass(frozen=True)
class _Moments:
    """Sums over the pixels of a picture x and its layers y, in linear light.

    Attributes:
        squares: 3 9 9, of y y.
        products: 3 9, of y x.
        norms: 3, of x x.
        variance: Of x around its mean, all channels together.
        means: 9 3, of y by pixel.
        bright: 3, of x by pixel.
    """

    squares: Tensor
    products: Tensor
    norms: Tensor
    variance: Tensor
    means: Tensor
    bright: Tensor

    @classmethod
    def of(cls, picture: Tensor, layers: Tensor) -> _Moments:
        """Of 3 H W and 9 3 H W in [0, 1]."""
        x, y = (lin(each).double() for each in (picture, layers))
        x, y = x.flatten(1), y.flatten(2)  # 3 P, 9 3 P
        squares = torch.einsum("kcp,lcp->ckl", y, y)
        squares += _RIDGE * x.shape[1] * torch.eye(LAYERS, dtype=x.dtype)
        centred = x - x.mean(1, keepdim=True)
        return cls(
            squares,
            torch.einsum("kcp,cp->ck", y, x),
            x.square().sum(1),
            centred.square().sum(),
            y.mean(2).float(),
            x.mean(1).float(),
        )

    def explained_by(self, eights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """How model lights explain the picture best: least squares in each channel.

        Args:
            eights: M 8: the shares of the eight directions in each light.

        Returns:
            Colours of the key, M 3, and of the ambient light, M 3, none below 0; and
            the part of the variance that each light leaves, M.
        """
        w = eights.double()
        kk = torch.einsum("mk,ckl,ml->mc", w, self.squares[:, :-1, :-1], w)
        ka = torch.einsum("mk,ck->mc", w, self.squares[:, :-1, -1])
        aa = self.squares[:, -1, -1].expand_as(kk)
        kx, ax = w @ self.products[:, :-1].T, self.products[:, -1].expand_as(kk)
        whole = kk * aa - ka * ka
        key, ambient = (kx * aa - ax * ka) / whole, (ax * kk - kx * ka) / whole
        # Where one of the two would be negative, the other explains all by itself.
        without_key, without_ambient = key <= 0, ambient <= 0
        key = key.where(~without_ambient, kx / kk).masked_fill(without_key, 0)
        ambient = ambient.where(~without_key, ax / aa).masked_fill(without_ambient, 0)
        explained = 2 * (key * kx + ambient * ax)
        explained -= key**2 * kk + 2 * key * ambient * ka + ambient**2 * aa
        left = (self.norms - explained).sum(1) / self.variance.clamp_min(1e-9)
        return key.float(), ambient.float(), left

    def explained_by_ambient(self) -> tuple[Tensor, Tensor]:
        """The same without a key: the colour, 3, and the part that is left."""
        products, squares = self.products[:, -1], self.squares[:, -1, -1]
        ambient = products / squares
        left = (self.norms - ambient * products).sum() / self.variance.clamp_min(1e-9)
        return ambient.float(), left.float()

    def brightness(self, key: Tensor, ambient: Tensor) -> tuple[float, float]:
        """Mean linear luminance of a key, 8 3, and of ambient light, 3."""
        by_key = (key * self.means[:-1]).sum(0)
        return float(_luminance(by_key)), float(_luminance(ambient * self.means[-1]))

    def colour(self, eight: Tensor, fitted: Tensor) -> Tensor:
        """The colour of the key: what it adds on average, over what white light would.

        What it adds is the picture less its ambient layer. By least squares, errors of
        the layers pull colours toward grey: 15 % off in kelvin by night, not 12 %.

        Args:
            eight: The shares of the eight directions, 8.
            fitted: The colour by least squares, 3: taken where the picture is not
                brighter than its ambient layer.
        """
        beyond = (self.bright - self.means[-1]).clamp_min(0)
        by_white = eight @ self.means[:-1]
        return beyond / by_white.clamp_min(1e-9) if beyond.min() > 0 else fitted


def _likeliest(moments: _Moments) -> tuple[float, float]:
    """The azimuth in degrees, as the mean of all, and how sure it is, 0 to 1."""
    logs = _likely(moments, _every_light())
    shares = logs.softmax(0).reshape(len(_AZIMUTHS), -1).sum(1).tolist()
    mean = sum(
        share * cmath.exp(1j * math.radians(azimuth))
        for azimuth, share in zip(_AZIMUTHS, shares, strict=True)
    )
    return math.degrees(cmath.phase(mean)) % 360, min(1.0, abs(mean))


def _likely_spread(moments: _Moments, azimuth: float) -> float:
    """The mean spread of a light from an azimuth, in degrees."""
    shares = _likely(moments, _of_all_spreads(azimuth)).softmax(0)
    return float(shares @ torch.tensor(_SPREADS).to(shares))


def _likely(moments: _Moments, eights: Tensor) -> Tensor:
    """How likely model lights are, logarithms: M of M 8, in the order of `_SPREADS`."""
    _, _, left = moments.explained_by(eights)
    likely = -_PIXELS / 2 * left.clamp_min(_LEAST_LEFT).log()
    soft = len(_SPREADS) - 1
    often = torch.tensor([_SHARP] + [(1 - _SHARP) / soft] * soft).to(likely)
    return likely + often.log().repeat(len(likely) // len(often))


@cache
def _every_light() -> Tensor:
    """All model lights that are tried, azimuth by azimuth: M 8."""
    return torch.cat([_of_all_spreads(azimuth) for azimuth in _AZIMUTHS])


def _of_all_spreads(azimuth: float) -> Tensor:
    return torch.tensor([weights_of_eight(azimuth, spread) for spread in _SPREADS])


def _small(pictures: Tensor) -> Tensor:
    """B 3 H W with sides of at most `_FIT_SIDE`."""
    height, width = pictures.shape[-2:]
    scale = _FIT_SIDE / max(height, width)
    if scale >= 1:
        return pictures
    size = [max(1, round(side * scale)) for side in (height, width)]
    return F.interpolate(pictures, size, mode="bilinear", antialias=True)


def _luminance(colour: Tensor) -> Tensor:
    return colour @ torch.tensor(LUMINANCE).to(colour)
