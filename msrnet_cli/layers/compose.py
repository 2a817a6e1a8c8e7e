"""Pictures out of scenes in linear light, with the layers that a network is to paint.

    lit = prepare(scene, draw, size)     what there is to see, linear
    camera = expose(lit, draw)           fixed by the picture as drawn
    photograph(lit, camera, draw.key)    the picture; or under any other key

Light adds, so all of it is a weighted sum until the camera's curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from msrnet_cli.errors import DataError
from msrnet_cli.layers.camera import film, linear_from_srgb, shouldered
from msrnet_cli.lights import DIRECTIONS, LUMINANCE, kelvin_gains

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msrnet_cli.layers.draw import Ambient, Draw, Key, Sky, Surface, View
    from msrnet_cli.layers.scene import Scene

LAYERS = len(DIRECTIONS) + 1
"""Eight directions, in the order of `lights.DIRECTIONS`, and ambient light."""

_ACROSS = tuple(-place % len(DIRECTIONS) for place in range(len(DIRECTIONS)))
_FAINT = 0.4  # brightness over the picture of layers whose key the picture hardly shows
_SKY_DETAIL = (1.0, 0.5, 0.25)  # sizes, and strengths, of the noise in clouds
_TINY = 1e-4  # linear luminance; keeps ratios finite in black scenes


@dataclass(frozen=True)
class Lit:
    """What is seen of a scene: cut, mirrored, resampled, in linear light.

    Attributes:
        eight: 8 3 S S: white light from each direction alone.
        ambient: 3 S S: light from everywhere that surfaces give back.
        shining: 3 S S: sky and what shines by itself.
        normal: 3 S S: mean unit normals; 0 in the sky.
    """

    eight: Tensor
    ambient: Tensor
    shining: Tensor
    normal: Tensor


@dataclass(frozen=True)
class Camera:
    """A camera, set.

    Attributes:
        gain: Factors of red, green and blue at 6500 K: exposure and tint.
        balance: Further factors of white balance, which layers do not have.
        shoulder: Where its curve leaves sRGB; None for the film curve.
        strength: Of the key that the layers show.
    """

    gain: tuple[float, ...]
    balance: tuple[float, ...]
    shoulder: float | None
    strength: float

    def develop(self, light: Tensor) -> Tensor:
        """Linear light after gain and balance, ... 3 H W, as sRGB in [0, 1]."""
        return (
            film(light) if self.shoulder is None else shouldered(light, self.shoulder)
        )

    @property
    def balanced(self) -> Tensor:
        """Gain and balance, 3 1 1."""
        return _colour(self.gain) * _colour(self.balance)


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

    Raises:
        DataError: The scene is smaller than the picture.
    """
    lit = prepare(scene, draw, size)
    camera = expose(lit, draw)
    light = torch.empty(LAYERS + 1, 3, size, size)
    key = _keyed(lit, draw.key)
    layers, picture = light[:LAYERS], light[LAYERS]
    torch.mul(lit.eight, _colour(camera.gain) * camera.strength, out=layers[:-1])
    torch.mul(lit.ambient + lit.shining, camera.balanced, out=layers[-1])
    torch.add(layers[-1], key.mul_(camera.balanced), out=picture)
    shown = camera.develop(light)
    return Composed(shown[LAYERS], shown[:LAYERS], lit.normal)


def prepare(scene: Scene, draw: Draw, size: int) -> Lit:
    """What a draw shows of a scene. Nothing is enlarged: zoom ends at `size` pixels.

    Raises:
        DataError: The scene is smaller than the picture.
    """
    if draw.surface:
        return _even(draw.surface, draw.ambient, size)
    light, glow, hemisphere, normal, open_sky = _seen(scene, draw, size)
    eight = light.unflatten(0, (len(DIRECTIONS), 3))
    if draw.mirror:
        eight = eight[list(_ACROSS)]
        normal = normal * _colour((-1, 1, 1))
    if draw.ambient:
        ambient = _ambient(draw.ambient, eight, hemisphere)
    else:
        ambient = hemisphere * (_colour(scene.tint) * scene.ambient)
    shining = glow.clamp_min(0)
    if draw.sky:
        level = _level(_keyed(Lit(eight, ambient, glow, normal), draw.key) + ambient)
        surfaces = (1 - open_sky).mean().clamp_min(_TINY)
        shining = shining + _sky(draw.sky, size) * open_sky * (level / surfaces)
    return Lit(eight, ambient, shining, normal)


def expose(lit: Lit, draw: Draw) -> Camera:
    """The camera as the draw sets it, by the picture that the draw shows."""
    exposure = draw.exposure
    key = _keyed(lit, draw.key)
    balance = _balance(draw)
    gain = 2.0**exposure.stops
    if exposure.brightness is not None:
        seen = _luminance((key + lit.ambient + lit.shining) * _colour(balance))
        mean, typical = seen.mean(), seen.clamp_min(_TINY).log().mean().exp()
        gain *= exposure.brightness / (0.5 * float(mean + typical) + _TINY)
    strength = 1.0
    if draw.ambient:
        faint = _FAINT * _level(key + lit.ambient) / _level(lit.eight.mean(0))
        strength = max(draw.key.strength, float(faint))
    return Camera(
        tuple(gain * 2.0**stops for stops in exposure.tint),
        balance,
        exposure.shoulder,
        strength,
    )


def photograph(lit: Lit, camera: Camera, key: Key) -> Tensor:
    """The scene under any key, all else unchanged: 3 S S, sRGB in [0, 1]."""
    light = _keyed(lit, key).add_(lit.ambient).add_(lit.shining)
    return camera.develop(light.mul_(camera.balanced))


def _keyed(lit: Lit, key: Key) -> Tensor:
    """The key light alone, linear, 3 S S."""
    weights = torch.tensor(key.weights)
    return torch.tensordot(weights, lit.eight, 1).mul_(
        _colour(kelvin_gains(key.kelvin))
    )


def _seen(scene: Scene, draw: Draw, size: int) -> Sequence[Tensor]:
    """Light 24, glow 3, hemisphere 3, normal 3, open sky 1: each with S S, mirrored."""
    rows, columns = _part(scene, draw.view, size)
    light, glow, albedo, normal, depth = (
        values[..., rows, columns]
        for values in (
            scene.light.flatten(0, 1),
            scene.glow,
            scene.albedo,
            scene.normal,
            scene.depth,
        )
    )
    hemisphere = albedo.float() * (normal[2:].float() * 0.35 + 0.65)
    parts = (light, glow, hemisphere, normal, depth <= 0)
    x = torch.cat([part.float() for part in parts])
    if x.shape[-2:] != (size, size):
        x = F.interpolate(x[None], size=(size, size), mode="bilinear", antialias=True)[
            0
        ]
    x = x.flip(-1) if draw.mirror else x
    return x.split([len(part) for part in parts])


def _part(scene: Scene, view: View, size: int) -> tuple[slice, slice]:
    side = min(scene.size)
    if side < size:
        raise DataError(
            f"{scene.name} is {side} px, less than the {size} px of a picture",
            "render larger scenes, or train at a smaller size",
        )
    part = max(size, min(side, round(view.share * side)))
    down, across = (
        round(place * (length - part))
        for place, length in zip((view.down, view.across), scene.size, strict=True)
    )
    return slice(down, down + part), slice(across, across + part)


def _ambient(ambient: Ambient, eight: Tensor, hemisphere: Tensor) -> Tensor:
    even = eight.mean(0)
    share = ambient.hemisphere * _level(even) / _level(hemisphere)
    mixed = hemisphere * share + even * (1 - ambient.hemisphere)
    return mixed * (_colour(kelvin_gains(ambient.kelvin)) * ambient.ratio)


def _sky(sky: Sky, size: int) -> Tensor:
    """Its colours, 3 S S; luminance `level` at the top."""
    fall = torch.linspace(0, 1, size)[:, None]
    top, bottom = (_colour(kelvin_gains(k)) for k in (sky.kelvin, sky.horizon))
    clear = torch.lerp(top, bottom * sky.ramp, fall)
    cover = (_clouds(sky, size) + sky.clouds - 1).mul_(4).clamp_(0, 1) * sky.clouds
    cloud = bottom * max(1.0, sky.ramp)
    return torch.lerp(clear.expand(3, size, size), cloud, cover).mul_(sky.level)


def _clouds(sky: Sky, size: int) -> Tensor:
    """Smooth noise of several sizes, S S, about 0 to 1."""
    generator = torch.Generator().manual_seed(sky.seed)
    total = torch.zeros(size, size)
    for detail in _SKY_DETAIL:
        cells = max(2, round(1 / (sky.cell * detail)))
        noise = torch.rand(1, 1, cells, cells, generator=generator)
        total += detail * F.interpolate(noise, size=(size, size), mode="bicubic")[0, 0]
    return total / sum(_SKY_DETAIL)


def _even(surface: Surface, ambient: Ambient | None, size: int) -> Lit:
    """A floor that every direction lights alike, so its layers are as even as it is."""
    along = torch.linspace(-1, 1, size)
    across, down = (
        _colour(surface.across) * along,
        _colour(surface.down) * along[:, None],
    )
    light = linear_from_srgb((_colour(surface.colour) + across + down).clamp(0, 1))
    ratio = ambient.ratio if ambient else 0.0
    key = light / (1 + ratio)
    up = torch.zeros_like(light)
    up[2] = 1
    eight = key.expand(len(DIRECTIONS), 3, size, size)
    return Lit(eight, key * ratio, torch.zeros_like(light), up)


def _balance(draw: Draw) -> tuple[float, ...]:
    """What a grey card would need to be grey, to the degree that is drawn."""
    if not draw.ambient or not draw.exposure.balance:
        return (1.0, 1.0, 1.0)
    parts = (
        (draw.key.kelvin, draw.key.strength),
        (draw.ambient.kelvin, draw.ambient.ratio),
    )
    light = sum(_colour(kelvin_gains(kelvin)) * share for kelvin, share in parts)
    gains = (sum(share for _, share in parts) / light) ** draw.exposure.balance
    return tuple((gains / _luminance(gains)).flatten().tolist())


def _level(light: Tensor) -> Tensor:
    """Mean luminance, never quite 0."""
    return _luminance(light).mean().clamp_min(_TINY)


def _luminance(light: Tensor) -> Tensor:
    """H W of 3 H W."""
    return torch.tensordot(torch.tensor(LUMINANCE), light, 1)


def _colour(values: Sequence[float]) -> Tensor:
    """3 1 1."""
    return torch.tensor(values)[:, None, None]
