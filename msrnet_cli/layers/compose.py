"""Pictures out of scenes in linear light, with the layers that a network should paint.

    lit = prepare(scene, draw, size)     the visible part of the scene, linear
    camera = expose(lit, draw)           set by the picture that was drawn
    photograph(lit, camera, draw.key)    the picture; or under any other key

Light is additive, so everything before the camera's curve is a weighted sum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from msrnet_cli.errors import DataError
from msrnet_cli.layers.camera import film, linear_from_srgb, shouldered
from msrnet_cli.lights import (
    AMBIENT_ALL_AROUND,
    DIRECTIONS,
    LUMINANCE,
    MIRRORED,
    kelvin_gains,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msrnet_cli.layers.draw import Ambient, Draw, Key, Sky, Surface, View
    from msrnet_cli.layers.scene import Scene

LAYERS = len(DIRECTIONS) + 1
"""Eight directions, in the order of `lights.DIRECTIONS`, and ambient light."""

_FAINT = 0.4  # brightness of layers, by the picture's, where its key is hardly visible
_BURNT = 0.05  # share of the surfaces that a camera lets exceed
_BRIGHT = 1.2  # this linear luminance
_CLOUD_SIZES = (1.0, 0.5, 0.25)  # and strengths
_TINY = 1e-4  # linear luminance; keeps ratios finite in black scenes


@dataclass(frozen=True)
class Lit:
    """The visible part of a scene: cut, mirrored, resampled, in linear light.

    Attributes:
        eight: 8 3 S S: white light from each direction alone.
        ambient: 3 S S: ambient light that surfaces reflect.
        shining: 3 S S: sky, and things that shine by themselves.
        normal: 3 S S: mean unit normals in [-1, 1]; 0 in the sky.
    """

    eight: Tensor
    ambient: Tensor
    shining: Tensor
    normal: Tensor

    @property
    def keyless(self) -> Tensor:
        """All but the key, 3 S S."""
        return self.ambient + self.shining

    def keyed(self, key: Key) -> Tensor:
        """The light of the key alone, 3 S S."""
        colour = _colour(kelvin_gains(key.kelvin))
        return torch.tensordot(torch.tensor(key.weights), self.eight, 1).mul_(colour)

    def surfaces(self, key: Key) -> Tensor:
        """All but sky and things that shine by themselves, 3 S S."""
        return self.keyed(key).add_(self.ambient)


@dataclass(frozen=True)
class Camera:
    """The settings of a camera.

    Attributes:
        gain: Factors of red, green and blue at 6500 K: exposure and tint.
        balance: Further factors of white balance, for pictures only, not for layers.
        shoulder: Where its curve leaves sRGB; None for the film curve.
        strength: Of the key in the layers.
    """

    gain: tuple[float, ...]
    balance: tuple[float, ...]
    shoulder: float | None
    strength: float

    @property
    def balanced(self) -> Tensor:
        """Gain and balance, 3 1 1."""
        return _colour(self.gain) * _colour(self.balance)

    def develop(self, light: Tensor) -> Tensor:
        """SRGB in [0, 1] of linear light, ... 3 H W, after gain and balance."""
        if self.shoulder is None:
            return film(light)
        return shouldered(light, self.shoulder)


@dataclass(frozen=True)
class Composed:
    """A training example, float32.

    Attributes:
        picture: 3 S S, sRGB in [0, 1].
        layers: 9 3 S S, encoded like the picture: the same scene and camera, set to
            6500 K, under a white key from each of the eight directions and nothing
            else; then the picture without its key, in its own colours.
        normal: 3 S S in [-1, 1], as `Lit.normal`.
    """

    picture: Tensor
    layers: Tensor
    normal: Tensor


def compose(scene: Scene, draw: Draw, size: int) -> Composed:
    """The picture that was drawn, and its layers.

    Args:
        scene: Whole.
        draw: The view, light, sky and camera.
        size: Side of the picture, S, in pixels.

    Raises:
        DataError: The scene is smaller than the picture.
    """
    lit = prepare(scene, draw, size)
    camera = expose(lit, draw)
    # One pass through the curve, which takes most of the time.
    light = torch.empty(LAYERS + 1, 3, size, size)
    directions, ambient, picture = light[: LAYERS - 1], light[LAYERS - 1], light[LAYERS]
    torch.mul(lit.eight, _colour(camera.gain) * camera.strength, out=directions)
    torch.mul(lit.keyless, camera.balanced, out=ambient)
    torch.add(ambient, lit.keyed(draw.key).mul_(camera.balanced), out=picture)
    shown = camera.develop(light)
    return Composed(shown[LAYERS], shown[:LAYERS], lit.normal)


def prepare(scene: Scene, draw: Draw, size: int) -> Lit:
    """The part of a scene in a draw. Nothing is enlarged: zoom ends at `size` pixels.

    Raises:
        DataError: The scene is smaller than the picture.
    """
    if draw.surface:
        return _even(draw.surface, draw.ambient, size)
    light, hemisphere, normal, glow, sky = _seen(scene, draw, size)
    eight = light.unflatten(0, (len(DIRECTIONS), 3))
    if draw.mirror:
        eight, normal = eight[list(MIRRORED)], normal * _colour((-1, 1, 1))
    if draw.ambient:
        ambient = _ambient(draw.ambient, eight, hemisphere)
    else:
        ambient = hemisphere * (_colour(scene.tint) * scene.ambient)
    lit = Lit(eight, ambient, glow, normal)
    if not draw.sky:
        return lit
    level = _level(lit.surfaces(draw.key)) / (1 - sky).mean().clamp_min(_TINY)
    return replace(lit, shining=glow + _sky(draw.sky, size) * (sky * level))


def expose(lit: Lit, draw: Draw) -> Camera:
    """The camera of a draw, set by the picture of the draw."""
    exposure, balance = draw.exposure, _balance(draw)
    surfaces = lit.surfaces(draw.key)
    gain, strength = 2.0**exposure.stops, 1.0
    if exposure.brightness is not None:
        seen = _luminance((surfaces + lit.shining) * _colour(balance))
        gain *= exposure.brightness / _metered(seen)
        gain = min(gain, _BRIGHT / _exceeded_by(_BURNT, _luminance(surfaces)))
    if draw.ambient:
        faint = _FAINT * float(_level(surfaces) / _level(lit.eight.mean(0)))
        strength = max(draw.key.strength, faint)
    gains = tuple(gain * 2.0**stops for stops in exposure.tint)
    return Camera(gains, balance, exposure.shoulder, strength)


def photograph(lit: Lit, camera: Camera, key: Key) -> Tensor:
    """The scene under any key, all else unchanged: 3 S S, sRGB in [0, 1]."""
    return camera.develop((lit.keyed(key) + lit.keyless) * camera.balanced)


def _seen(scene: Scene, draw: Draw, size: int) -> Sequence[Tensor]:
    """Light 24, hemisphere 3, normal 3, glow 3, sky 1: each with S S, mirrored."""
    rows, columns = _part(scene, draw.view, size)
    names = ("light", "albedo", "normal", "glow", "depth")
    light, albedo, normal, glow, depth = (
        getattr(scene, name)[..., rows, columns].float() for name in names
    )
    above = 1 - AMBIENT_ALL_AROUND
    hemisphere = albedo * (normal[2:] * above + AMBIENT_ALL_AROUND)
    parts = (light.flatten(0, 1), hemisphere, normal, glow, _open_sky(normal, depth))
    x = torch.cat(parts)
    if not x.sum().isfinite():
        raise DataError(
            f"scene {scene.name} holds values that are not finite",
            "render it again: msrnet synth --layers",
        )
    if x.shape[-1] != size:
        x = F.interpolate(x[None], (size, size), mode="bilinear", antialias=True)[0]
    x = x.flip(-1) if draw.mirror else x
    return x.split([len(part) for part in parts])


def _part(scene: Scene, view: View, size: int) -> tuple[slice, slice]:
    """Rows and columns of a square."""
    side = min(scene.size)
    if side < size:
        raise DataError(
            f"scene {scene.name} has {side} px, fewer than the {size} px of a picture",
            "render larger scenes, or train at a smaller size",
        )
    part = max(size, min(side, round(view.share * side)))
    down, across = (
        round(place * (length - part))
        for place, length in zip((view.down, view.across), scene.size, strict=True)
    )
    return slice(down, down + part), slice(across, across + part)


def _open_sky(normal: Tensor, depth: Tensor) -> Tensor:
    """Share of each pixel that is sky, 1 H W: mean normals are shorter at its edge."""
    near = F.max_pool2d((depth <= 0).float(), 3, stride=1, padding=1)
    return near.mul_((1 - normal.square().sum(0).sqrt_()).clamp_min_(0))


def _ambient(ambient: Ambient, eight: Tensor, hemisphere: Tensor) -> Tensor:
    """Ambient light, 3 S S: of an open sky, and the mean of all eight lights."""
    even = eight.mean(0)
    share = ambient.hemisphere * _level(even) / _level(hemisphere)
    mixed = hemisphere * share + even * (1 - ambient.hemisphere)
    return mixed * (_colour(kelvin_gains(ambient.kelvin)) * ambient.ratio)


def _sky(sky: Sky, size: int) -> Tensor:
    """The light of the sky, 3 S S, for surfaces of luminance 1."""
    deep = _colour(kelvin_gains(sky.kelvin)) ** sky.depth
    top, bottom = deep / _luminance(deep), _colour(kelvin_gains(sky.horizon))
    fall = torch.linspace(0, 1, size)[:, None]
    clear = torch.lerp(top, bottom * sky.ramp, fall).expand(3, size, size)
    if not sky.clouds:
        return clear * sky.level
    noise = _noise(sky, size)
    # Clouds have soft edges, and an overcast sky is not a single grey.
    cover = ((noise + sky.clouds - 1) * 4).clamp_(0, 1)
    cloud = bottom * (sky.cloud * (0.6 + 0.8 * noise))
    return torch.lerp(clear, cloud, cover) * sky.level


def _noise(sky: Sky, size: int) -> Tensor:
    """Shapes of clouds, S S, about 0 to 1 with a mean of 0.5; the same at any size."""
    generator = torch.Generator().manual_seed(sky.seed)
    total = torch.zeros(size, size)
    for part in _CLOUD_SIZES:
        cells = max(2, round(1 / (sky.cell * part)))
        drawn = torch.rand(1, 1, cells, cells, generator=generator)
        total += part * F.interpolate(drawn, (size, size), mode="bicubic")[0, 0]
    return total.div_(sum(_CLOUD_SIZES)).clamp_(0, 1)


def _even(surface: Surface, ambient: Ambient | None, size: int) -> Lit:
    """A floor that every direction lights alike, so its layers are even, too."""
    along = torch.linspace(-1, 1, size)
    across = _colour(surface.across) * along
    down = _colour(surface.down) * along[:, None]
    light = linear_from_srgb((_colour(surface.colour) + across + down).clamp(0, 1))
    ratio = ambient.ratio if ambient else 0.0
    key = light / (1 + ratio)
    upward = torch.zeros_like(light)
    upward[2] = 1
    eight = key.expand(len(DIRECTIONS), 3, size, size)
    return Lit(eight, key * ratio, torch.zeros_like(light), upward)


def _balance(draw: Draw) -> tuple[float, ...]:
    """White balance, to the degree that is drawn; of luminance 1."""
    if not draw.ambient or not draw.exposure.balance:
        return (1.0, 1.0, 1.0)
    key, ambient = draw.key, draw.ambient
    light = _colour(kelvin_gains(key.kelvin)) * key.strength
    light = light + _colour(kelvin_gains(ambient.kelvin)) * ambient.ratio
    gains = (light / _luminance(light)) ** -draw.exposure.balance
    return tuple((gains / _luminance(gains)).flatten().tolist())


def _metered(seen: Tensor) -> float:
    """The luminance for exposure: between arithmetic and geometric mean."""
    geometric = seen.clamp_min(_TINY).log_().mean().exp()
    return float(seen.mean() + geometric) / 2 + _TINY


def _exceeded_by(share: float, values: Tensor) -> float:
    """The value that a share of the values exceeds; never quite 0."""
    rank = max(1, int((1 - share) * values.numel()))
    return max(float(values.flatten().kthvalue(rank).values), _TINY)


def _level(light: Tensor) -> Tensor:
    """Mean luminance; never quite 0."""
    return _luminance(light).mean().clamp_min(_TINY)


def _luminance(light: Tensor) -> Tensor:
    """H W of 3 H W."""
    return torch.tensordot(torch.tensor(LUMINANCE), light, 1)


def _colour(values: Sequence[float]) -> Tensor:
    """3 1 1."""
    return torch.tensor(values)[:, None, None]
