"""Changes of light to score, made of scenes whose lights are all known.

All pictures have 8 bits, as a user's files have, sources and targets alike.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from msrnet_cli.images.pixels import quantise
from msrnet_cli.layers.compose import compose, expose, photograph, prepare
from msrnet_cli.layers.draw import Distributions, Draw, Key
from msrnet_cli.layers.mix import AMBIENT as AMBIENT_LAYER
from msrnet_cli.layers.store import Composer
from msrnet_cli.lights import DIRECTIONS, azimuth, read_light

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.layers.scene import Scene
    from msrnet_cli.layers.store import LayerStore

    Pictures = dict[str, list[Tensor]]  # by row: each 3 S S, uint8

# Rows: the kinds of changes.
TASK = "task"
"""The paper's: from N at 6500 K to E at 4500 K."""
NIGHT = "night"
"""From each of the eight directions to each other one, all at 6500 K."""
NIGHT_FITTED = "night, fitted"
"""The same, with a source light that is fitted to the picture."""
OWN = "own"
"""To the direction that the light of a night already has."""
DAY = "day"
"""From a photograph by day to the same with its key turned by at least 90 degrees."""
DAY_BARE = "day, bare"
"""The same, without the residual that the layers do not explain."""
DAY_KEPT = "day, kept"
"""A photograph by day to itself: its key moved to where it is found to be."""
AMBIENT = "ambient"
"""From a photograph by day to the same without its key."""

TASK_LIGHT = read_light("4500_E")
TURNS = tuple(
    (source, target)
    for source in range(len(DIRECTIONS))
    for target in range(len(DIRECTIONS))
    if source != target
)
"""Source and target of each change at night, as places in `DIRECTIONS`."""

CLEAR_SPREAD = 45.0
"""Degrees; a softer light hardly has a direction."""

_SEED = 0
_ONLY_DAY = Distributions(task=0, night=0, overcast=0, even=0)
_ONLY_EVEN = Distributions(task=0, night=0, overcast=0, even=1)
_TURNED = (90.0, 270.0)  # degrees, uniform


@dataclass(frozen=True)
class Nights:
    """A scene by night, under all lights that are scored.

    Attributes:
        name: The scene.
        pictures: 8 3 S S, uint8: lit from each of the eight directions, 6500 K.
        task: 3 S S, uint8: lit from E, 4500 K.
    """

    name: str
    pictures: Tensor
    task: Tensor

    @property
    def sources(self) -> Pictures:
        """What each row starts from."""
        turned = [self.pictures[source] for source, _ in TURNS]
        return {
            TASK: [self.pictures[0]],
            NIGHT: turned,
            NIGHT_FITTED: turned,
            OWN: list(self.pictures),
        }

    @property
    def targets(self) -> Pictures:
        """What each row should become."""
        turned = [self.pictures[target] for _, target in TURNS]
        return {
            TASK: [self.task],
            NIGHT: turned,
            NIGHT_FITTED: turned,
            OWN: list(self.pictures),
        }


@dataclass(frozen=True)
class Day:
    """A photograph by day, and the same with its key light moved, and without it.

    Attributes:
        name: The scene.
        picture: 3 S S, uint8.
        target: 3 S S, uint8: the key turned; camera, ambient light and sky are kept.
        keyless: 3 S S, uint8: the picture without its key.
        azimuth: Of the key of the picture, in degrees.
        wanted: Of the key of the target, in degrees.
        is_clear: Whether the key is as bright as the ambient light or brighter, and
            not softer than `CLEAR_SPREAD`.
    """

    name: str
    picture: Tensor
    target: Tensor
    keyless: Tensor
    azimuth: float
    wanted: float
    is_clear: bool

    @property
    def sources(self) -> Pictures:
        """What each row starts from."""
        return {row: [self.picture] for row in (DAY, DAY_BARE, AMBIENT)}

    @property
    def targets(self) -> Pictures:
        """What each row should become."""
        return {
            DAY: [self.target],
            DAY_BARE: [self.target],
            DAY_KEPT: [self.picture],
            AMBIENT: [self.keyless],
        }


@dataclass(frozen=True)
class Even:
    """A surface of even colour.

    Attributes:
        picture: 3 S S, uint8.
        layers: 9 3 S S in [0, 1], true.
    """

    picture: Tensor
    layers: Tensor


def nights(scene: Scene, size: int) -> Nights:
    """A scene under the lights of VIDIT's nights, through VIDIT's camera.

    Raises:
        DataError: The scene is smaller than `size` pixels.
    """
    lit = prepare(scene, Draw(), size)
    camera = expose(lit, Draw())
    keys = [Key(azimuth(direction)) for direction in DIRECTIONS]
    keys.append(Key(TASK_LIGHT.azimuth, kelvin=TASK_LIGHT.kelvin))
    *pictures, task = [quantise(photograph(lit, camera, key), 8) for key in keys]
    return Nights(scene.name, torch.stack(pictures), task)


def day(store: LayerStore, number: int, size: int) -> Day:
    """A photograph with a key light; as many numbers as scenes show each scene once.

    Raises:
        DataError: A scene is damaged, or smaller than `size` pixels.
    """
    drawn = Composer(store, _SEED, _ONLY_DAY).draw(number)
    turned = drawn.key.turned(random.Random(f"turn/{number}").uniform(*_TURNED))
    scene = store[drawn.scene]
    lit = prepare(scene, drawn, size)
    camera = expose(lit, drawn)
    return Day(
        scene.name,
        quantise(photograph(lit, camera, drawn.key), 8),
        quantise(photograph(lit, camera, turned), 8),
        quantise(compose(scene, drawn, size).layers[AMBIENT_LAYER], 8),
        drawn.key.azimuth,
        turned.azimuth,
        _is_clear(drawn),
    )


def _is_clear(drawn: Draw) -> bool:
    ratio = drawn.ambient.ratio if drawn.ambient else 0.0
    return drawn.key.strength >= ratio and drawn.key.spread <= CLEAR_SPREAD


def even(store: LayerStore, number: int, size: int) -> Even:
    """A surface of even colour, whose layers are even, too.

    Raises:
        DataError: A scene is damaged.
    """
    batch = Composer(store, _SEED, _ONLY_EVEN).batch([number], size)
    return Even(quantise(batch.picture[0], 8), batch.layers[0])
