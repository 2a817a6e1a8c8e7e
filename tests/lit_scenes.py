"""Small scenes in layers of linear light: smooth surfaces under eight lights."""

import torch
import torch.nn.functional as F

from msrnet_cli.layers import scene as scenes
from msrnet_cli.lights import DIRECTIONS, azimuth


def lit(seed, size=64):
    """A hilly ground: each light is brighter where the ground faces it."""
    generator = torch.Generator().manual_seed(seed)

    def smooth(channels, cells):
        noise = torch.rand(1, channels, cells, cells, generator=generator)
        return F.interpolate(noise, (size, size), mode="bicubic")[0].clamp(0, 1)

    height = smooth(1, 6)[0] * 3
    east, south = (
        F.pad(height, pad, mode="constant")[rows, columns] - height
        for pad, rows, columns in (
            ((0, 1, 0, 0), slice(None), slice(1, None)),
            ((0, 0, 0, 1), slice(1, None), slice(None)),
        )
    )
    normal = F.normalize(
        torch.stack((-east * 4, south * 4, torch.ones_like(east))), dim=0
    )
    albedo = 0.2 + 0.6 * smooth(3, 9)
    directions = torch.deg2rad(torch.tensor([azimuth(d) for d in DIRECTIONS]))
    facing = (
        torch.sin(directions)[:, None, None] * normal[0]
        + torch.cos(directions)[:, None, None] * normal[1]
        + normal[2]
    )
    return scenes.Scene(
        name=f"Image{seed:05}",
        light=0.8 * facing.clamp_min(0.02)[:, None] * albedo,
        glow=torch.zeros(3, size, size),
        albedo=albedo,
        normal=normal,
        depth=10 + height[None],
        ambient=0.02,
        tint=(0.9, 1.0, 1.1),
        azimuths=(),
        further=torch.zeros(0, 3, size, size),
    )


def write(folder, count, size=64, first=0):
    """Scenes as files."""
    for seed in range(first, first + count):
        scenes.write(folder / f"Image{seed:05}.safetensors", lit(seed, size))
    return folder
