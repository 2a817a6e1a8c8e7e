"""Scenes of smooth hills, each light on its own, and a network that knows them."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from msrnet_cli.layers import scene as scenes
from msrnet_cli.layers.compose import compose
from msrnet_cli.layers.draw import Distributions, Draw, Key
from msrnet_cli.layers.store import Composer
from msrnet_cli.lights import DIRECTIONS, azimuth
from msrnet_cli.relight import scaling

EVEN_DRAWS = 24


def noise(generator, channels, cells, size):
    """C S S, smooth, from 0 to 1."""
    drawn = torch.rand(1, channels, cells, cells, generator=generator)
    return F.interpolate(drawn, (size, size), mode="bicubic")[0].clamp(0, 1)


def hills(seed=0, size=64, name="Image000"):
    """A scene whose lights differ in shading and in soft shadows."""
    generator = torch.Generator().manual_seed(seed)
    slope = (noise(generator, 2, 6, size) - 0.5) * 2
    normal = F.normalize(torch.cat((slope, torch.ones(1, size, size))), dim=0)
    colours = 0.2 + 0.7 * noise(generator, 3, 5, size)
    light = []
    for direction in DIRECTIONS:
        angle = math.radians(azimuth(direction))
        towards = torch.tensor([math.sin(angle), -math.cos(angle), 1.0])
        shade = torch.tensordot(F.normalize(towards, dim=0), normal, 1).clamp_min(0)
        shadow = torch.sigmoid(10 * (noise(generator, 1, 4, size) - 0.4))
        light.append(colours * shade * shadow)
    return scenes.Scene(
        name=name,
        light=torch.stack(light),
        glow=torch.zeros(3, size, size),
        albedo=colours,
        normal=normal,
        depth=torch.ones(1, size, size),
        ambient=0.02,
        tint=(0.9, 1.0, 1.1),
        azimuths=(),
        further=torch.zeros(0, 3, size, size),
    )


def drawn(seed=0, size=(12, 16), azimuths=(63.0,)):
    """A scene of random values."""
    generator = torch.Generator().manual_seed(seed)

    def some(*shape):
        return torch.rand(*shape, *size, generator=generator)

    return scenes.Scene(
        name="Image003",
        light=some(8, 3) * 4,
        glow=some(3),
        albedo=some(3),
        normal=some(3) * 2 - 1,
        depth=some(1) * 50,
        ambient=0.03,
        tint=(0.8, 1.0, 1.25),
        azimuths=azimuths,
        further=some(len(azimuths), 3),
    )


def write(folder, count, size=64, first=0):
    """So many scenes in a folder."""
    folder.mkdir(exist_ok=True)
    for number in range(first, first + count):
        name = f"Image{number:03}"
        scenes.write(folder / f"{name}.safetensors", hills(number, size, name))
    return folder


class Knowing:
    """Paints the true layers of all pictures that are scored: it knows them by sight.

    Args:
        store: The scenes.
        size: Side of their pictures.
        seen_at: Side at which they are seen.
        change: What is done to the true layers, 9 3 h w.
    """

    def __init__(self, store, size, seen_at=None, change=lambda layers: layers):
        seen_at, self._change = seen_at or size, change
        made = [
            compose(scene, Draw(key=Key(azimuth(direction))), size)
            for scene in (store[number] for number in range(len(store)))
            for direction in DIRECTIONS
        ]
        pictures = [torch.stack([one.picture for one in made])]
        layers = [torch.stack([one.layers for one in made])]
        for even, count in ((0, len(store)), (1, EVEN_DRAWS)):
            kinds = Distributions(task=0, night=0, overcast=0, even=even)
            batch = Composer(store, 0, kinds).batch(range(count), size)
            pictures.append(batch.picture)
            layers.append(batch.layers)
        whole = torch.cat(layers).flatten(1, 2)
        self._pictures = _reduced(torch.cat(pictures), seen_at)
        self._layers = _reduced(whole, seen_at).unflatten(1, (9, 3))

    def __call__(self, pictures):
        places = [
            int((self._pictures - one).square().mean((1, 2, 3)).argmin())
            for one in pictures
        ]
        return torch.stack([self._change(self._layers[place]) for place in places])


def _reduced(pictures, side):
    if pictures.shape[-1] == side:
        return pictures
    return torch.stack([scaling.reduce(one, side, side) for one in pictures])
