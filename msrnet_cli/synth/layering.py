"""A rendered scene as layers of linear light. Loads torch; pictures need none."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from msrnet_cli.layers.scene import Scene
from msrnet_cli.lights import DIRECTIONS, azimuth
from msrnet_cli.synth.light import Image
from msrnet_cli.synth.photograph import Negative

EIGHT = tuple(azimuth(direction) for direction in DIRECTIONS)


def layered(name: str, shot: Negative, azimuths: tuple[float, ...]) -> Scene:
    """The layers of a scene.

    Args:
        name: Of the scene in its set.
        shot: With light from `EIGHT` and from `azimuths`, with guides and depth.
        azimuths: Degrees of the further lights.
    """
    assert shot.guide is not None  # both asked for in jobs.LayersJob
    assert shot.depth is not None
    return Scene(
        name=name,
        light=_lights(shot, EIGHT),
        glow=_tensor(shot.glow),
        albedo=_tensor(shot.guide.albedo),
        normal=_tensor(shot.guide.normal),
        depth=_tensor(shot.depth[..., None]),
        ambient=shot.ambient,
        tint=shot.tint,
        azimuths=azimuths,
        further=_lights(shot, azimuths),
    )


def _lights(shot: Negative, azimuths: tuple[float, ...]) -> Tensor:
    """K 3 H W."""
    height, width, channels = shot.glow.shape
    found = [_tensor(shot.light[degrees]) for degrees in azimuths]
    return torch.stack(found) if found else torch.zeros(0, channels, height, width)


def _tensor(image: Image) -> Tensor:
    """(h, w, c) as C H W."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
