"""Further nights of scenes: under two lights, from between two, in other colours.

All pictures have 8 bits, as in `changes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from msrnet_cli.images.pixels import quantise
from msrnet_cli.layers import mix
from msrnet_cli.layers.compose import compose, expose, photograph, prepare
from msrnet_cli.layers.draw import Draw, Exposure, Key
from msrnet_cli.lights import DIRECTIONS, KELVINS, azimuth

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.evaluate.changes import Pictures
    from msrnet_cli.layers.compose import Camera, Lit
    from msrnet_cli.layers.scene import Scene

# Rows. Each starts from a night that is lit from S.
BOTH = "N + E"
"""To the same night under two lights, each at its full."""
EITHER = "N, E"
"""To the same under each of the two alone."""
BETWEEN = "between"
"""To each light of the scene that is not one of the eight directions."""
BESIDE = "beside"
"""To the two directions beside each of these lights."""

CAMERAS: dict[str, float | None] = {"film": None, "sRGB": 0.85}
"""Where the curves of two cameras leave sRGB; the curve of layers is another one."""
STRENGTHS = {"1 + 1": 1.0, "half + half": 0.5}

_SOURCE = azimuth("S")
_TWO = (azimuth("N"), azimuth("E"))
_STEP = 360 / len(DIRECTIONS)


@dataclass(frozen=True)
class Further:
    """A scene by night, and what it shows under further lights.

    Attributes:
        name: The scene.
        picture: 3 S S, uint8: lit from S, 6500 K.
        lights: By row, weights of the layers that should show it, each 9 3.
        targets: By row, what they should show, each 3 S S, uint8.
        coloured: 5 3 S S, uint8: lit from one direction, at each of VIDIT's
            temperatures.
    """

    name: str
    picture: Tensor
    lights: dict[str, list[Tensor]]
    targets: Pictures
    coloured: Tensor


def further(scene: Scene, size: int, number: int = 0) -> Further:
    """A scene under N and E, under each of its further lights, and in five colours.

    Args:
        scene: Whole.
        size: Side of the pictures, S, in pixels.
        number: Of the scene: coloured lights come from another direction in each.

    Raises:
        DataError: The scene is smaller than `size` pixels.
    """
    lit = prepare(scene, Draw(), size)
    camera = expose(lit, Draw())
    two = [mix.weights(degrees) for degrees in _TWO]
    beside = [mix.weights(near) for far in scene.azimuths for near in _beside(far)]
    lights = {
        BOTH: [two_lights(1.0)],
        EITHER: two,
        BETWEEN: list(map(mix.weights, scene.azimuths)),
        BESIDE: beside,
    }
    targets = {
        row: [_under(each, lit, camera) for each in found]
        for row, found in lights.items()
    }
    targets[BETWEEN] = [
        _shown(_further(scene, place, size) + lit.keyless, camera)
        for place in range(len(scene.azimuths))
    ]
    side = number % len(DIRECTIONS) * _STEP
    coloured = [photograph(lit, camera, Key(side, kelvin=each)) for each in KELVINS]
    return Further(
        scene.name,
        _under(mix.weights(_SOURCE), lit, camera),
        {row: found for row, found in lights.items() if found},
        targets,
        quantise(torch.stack(coloured), 8),
    )


def two_lights(strength: float) -> Tensor:
    """Weights of white light from N and from E, each of a strength: 9 3."""
    found = torch.stack([mix.weights(degrees) for degrees in _TWO]).sum(0) * strength
    found[mix.AMBIENT] = 1
    return found


def by_truth(scene: Scene, size: int) -> tuple[Pictures, Pictures]:
    """True layers mixed into light from N and E, and the renders, by row.

    There is a row for each of `CAMERAS` and `STRENGTHS`.

    Raises:
        DataError: The scene is smaller than `size` pixels.
    """
    mixtures: Pictures = {}
    targets: Pictures = {}
    for name, shoulder in CAMERAS.items():
        draw = Draw(exposure=Exposure(shoulder=shoulder))
        lit = prepare(scene, draw, size)
        camera = expose(lit, draw)
        layers = compose(scene, draw, size).layers
        for how, strength in STRENGTHS.items():
            wanted, row = two_lights(strength), f"{name}, {how}"
            mixtures[row] = [quantise(mix.painted(layers, wanted), 8)]
            targets[row] = [_under(wanted, lit, camera)]
    return mixtures, targets


def _under(weights: Tensor, lit: Lit, camera: Camera) -> Tensor:
    """The render under the lights of weights, 9 3: 3 S S, uint8."""
    key = torch.einsum("kc,kchw->chw", weights[: mix.AMBIENT], lit.eight)
    return _shown(key + lit.keyless, camera)


def _shown(light: Tensor, camera: Camera) -> Tensor:
    return quantise(camera.develop(light * camera.balanced), 8)


def _further(scene: Scene, place: int, size: int) -> Tensor:
    """The light of one of the scene's further lights alone, 3 S S."""
    one = scene.further[place].expand_as(scene.light)
    return prepare(replace(scene, light=one), Draw(), size).eight[0]


def _beside(degrees: float) -> tuple[float, float]:
    """The two of the eight directions between which an azimuth lies, in degrees."""
    start = degrees // _STEP * _STEP
    return start % 360, (start + _STEP) % 360
