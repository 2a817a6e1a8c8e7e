"""The light that a picture has, as a network reads it: three numbers.

    east, north, share = (1 + c sin a) / 2, (1 + c cos a) / 2, key / (key + ambient)

a is the azimuth of the key light, c its concentration: 1 for a sharp light, 0 without a
direction. An unsure network gives a smaller c.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.layers.compose import LAYERS

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.layers.draw import Draw


PLACE = LAYERS + 1
"""The place of the output ``light`` in a network: after layers and normals."""


@dataclass(frozen=True)
class Reading:
    """The key light of a picture.

    Attributes:
        azimuth: Degrees clockwise from N; unreliable where `sure` is small.
        sure: Concentration c, 0 to 1.
        share: Key light over all light, 0 to 1.
    """

    azimuth: float
    sure: float
    share: float


def of_output(painted: Tensor) -> Reading:
    """The light that a network reads from one picture.

    Args:
        painted: 3 H W, its output ``light``.
    """
    east, north, share = painted.mean((-2, -1)).tolist()
    toward = complex(2 * north - 1, 2 * east - 1)
    azimuth = math.degrees(cmath.phase(toward)) % 360
    return Reading(azimuth, min(1.0, abs(toward)), min(1.0, max(0.0, share)))


def of_outputs(painted: Tensor) -> Reading | None:
    """The same, from all that a network paints; None where it reads no light.

    Args:
        painted: C H W in [0, 1], three channels for each output.
    """
    outputs = painted.unflatten(0, (-1, 3))
    return of_output(outputs[PLACE]) if len(outputs) > PLACE else None


def of_draw(draw: Draw) -> tuple[float, float, float]:
    """East, north and share of a composed picture: the truth."""
    key, ratio = draw.key, draw.ambient.ratio if draw.ambient else 0.0
    is_lit = draw.surface is None and key.strength > 0
    # The mean of unit vectors whose angle is normally distributed.
    concentration = math.exp(-(math.radians(key.spread) ** 2) / 2) if is_lit else 0.0
    angle = math.radians(key.azimuth)
    share = key.strength / (key.strength + ratio) if is_lit else 0.0
    return (
        (1 + concentration * math.sin(angle)) / 2,
        (1 + concentration * math.cos(angle)) / 2,
        share,
    )
