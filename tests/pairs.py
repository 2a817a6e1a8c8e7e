"""Small pairs of pictures for training tests: noise under a light from one side."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from msrnet_cli.images.pixels import quantise, to_image


def shaded(albedo, light):
    """3 H W under a light that comes from N, E, S or W and falls off."""
    _, height, width = albedo.shape
    kelvin, direction = light.split("_")
    tint = torch.tensor([1.0, 0.85, 0.6] if kelvin == "4500" else [0.8, 0.9, 1.0])
    across = torch.linspace(0.15, 1, width)[None].expand(height, -1)
    down = torch.linspace(1, 0.15, height)[:, None].expand(-1, width)
    falloff = {"N": down, "S": down.flip(0), "E": across, "W": across.flip(1)}
    return albedo * falloff[direction] * tint[:, None, None]


def albedo(seed, size=64):
    """3 S S: coarse and fine noise."""
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for cells, weight in ((4, 0.5), (size // 4, 0.3), (size, 0.2)):
        noise = torch.rand(1, 3, cells, cells, generator=generator)
        layers.append(weight * F.interpolate(noise, (size, size), mode="bicubic"))
    return sum(layers)[0].clamp(0, 1)


def save(pixels, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    to_image(quantise(pixels, 8)).save(path)


def write_vidit(folder, count, size=64, lights=("6500_N", "4500_E", "4500_W"), first=0):
    """Scenes named as VIDIT names them."""
    for number in range(first, first + count):
        surface = albedo(number, size)
        for light in lights:
            save(shaded(surface, light), folder / f"Image{number:03}_{light}.png")
    return folder


def write_folders(folder, count, size=64):
    """Scenes in input/ and target/."""
    for number in range(count):
        surface = albedo(number, size)
        for side, light in (("input", "6500_N"), ("target", "4500_E")):
            save(shaded(surface, light), folder / side / f"Image{number:03}.png")
    return folder
