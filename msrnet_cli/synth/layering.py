"""A rendered scene as layers of linear light. Loads torch, unlike pictures."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from msrnet_cli.layers.scene import Scene
from msrnet_cli.lights import DIRECTIONS, azimuth
from msrnet_cli.synth.light import Image
from msrnet_cli.synth.photograph import Negative

EIGHT = tuple(azimuth(direction) for direction in DIRECTIONS)


def layered(name: str, negative: Negative, azimuths: tuple[float, ...]) -> Scene:
    """The layers of a scene.

    Args:
        name: Of the scene in its set.
        negative: With light from `EIGHT` and from `azimuths`, with guides and depth.
        azimuths: Degrees of the further lights.
    """
    assert negative.guide is not None  # both asked for in jobs.LayersJob
    assert negative.depth is not None
    return Scene(
        name=name,
        light=_lights(negative, EIGHT),
        glow=_tensor(negative.glow),
        albedo=_tensor(negative.guide.albedo),
        normal=_tensor(negative.guide.normal),
        depth=_tensor(negative.depth[..., None]),
        ambient=negative.ambient,
        tint=negative.tint,
        azimuths=azimuths,
        further=_lights(negative, azimuths),
    )


def _lights(negative: Negative, azimuths: tuple[float, ...]) -> Tensor:
    """K 3 H W."""
    height, width, channels = negative.glow.shape
    found = [_tensor(negative.light[degrees]) for degrees in azimuths]
    return torch.stack(found) if found else torch.zeros(0, channels, height, width)


def _tensor(image: Image) -> Tensor:
    """(h, w, c) as C H W."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
