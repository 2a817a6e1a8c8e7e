"""From a picture to relit ones by its layers, as in `msrnet relight`.

A picture is reduced to the working size and painted once for all lights. Each result is
carried to the full size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from msrnet_cli.evaluate.changes import (
    AMBIENT,
    DAY,
    DAY_BARE,
    DAY_KEPT,
    NIGHT,
    NIGHT_FITTED,
    OWN,
    TASK,
    TASK_LIGHT,
    TURNS,
)
from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.layers import found, mix, reading
from msrnet_cli.lights import DIRECTIONS, KELVINS, LUMINANCE, azimuth, turned
from msrnet_cli.relight import carry, scaling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msrnet_cli.evaluate.changes import Day, Even, Pictures
    from msrnet_cli.evaluate.further import Further
    from msrnet_cli.layers.found import FoundLight
    from msrnet_cli.layers.reading import Reading

Paint = Callable[[Tensor], Tensor]
"""A network: takes pictures, B 3 h w in [0, 1], and gives B K 3 h w in [0, 1] on the
CPU: nine layers, then normals and the light that it reads, if it has these outputs."""

DIRECTION = "direction"
"""Figure: the error of the azimuth that is found in clear days, in degrees."""
KELVIN = "kelvin"
"""Figure: the relative error of the temperature that is found in nights."""

_BATCH_PIXELS = 1 << 18
_LIGHTS = torch.stack([mix.weights(azimuth(direction)) for direction in DIRECTIONS])
_TASK_LIGHT = mix.of_light(TASK_LIGHT)
_BROAD = 49  # pixels: errors wider than this window do not count
_BY_CHANCE = 90.0  # degrees
_FRAME = 8  # pixels next to an edge of the picture


@dataclass(frozen=True)
class Answer:
    """What a method made of a scene.

    Attributes:
        pictures: By row, for each row of the method.
        off: By row, the errors of azimuths that were fitted, in degrees.
        misread: By row, the errors of azimuths that the network read, in degrees.
        errors: By figure, each error of what was found of lights.
    """

    pictures: Pictures
    off: dict[str, list[float]] = field(default_factory=dict)
    misread: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Painter:
    """A network, and the size at which it sees pictures.

    Attributes:
        paint: The network.
        working_size: Takes width and height of a picture, and gives those at which the
            network sees it; None for the same.
    """

    paint: Paint
    working_size: Callable[[int, int], tuple[int, int] | None] = lambda *_: None

    def see(self, pictures: Tensor) -> list[Seen]:
        """Paint the layers of pictures, B 3 H W, uint8."""
        height, width = pictures.shape[-2:]
        size = self.working_size(width, height)
        small = unit(pictures)
        if size:
            small = torch.stack([scaling.reduce(one, *size) for one in pictures])
        pixels = small[0, 0].numel()
        parts = small.split(max(1, _BATCH_PIXELS // pixels))
        painted = torch.cat([self.paint(part) for part in parts])
        return list(map(Seen, pictures, small, painted))


@dataclass(frozen=True)
class Seen:
    """A picture and what the network painted of it.

    Attributes:
        picture: 3 H W, uint8.
        small: 3 h w in [0, 1]: the picture at the working size.
        painted: K 3 h w in [0, 1]: all outputs of the network.
    """

    picture: Tensor
    small: Tensor
    painted: Tensor

    @cached_property
    def layers(self) -> Tensor:
        """Its layers, 9 3 h w in [0, 1]."""
        return mix.of_outputs(self.painted.flatten(0, 1), self.small)

    @property
    def read(self) -> Reading | None:
        """The light that the network reads; None if it reads none."""
        if len(self.painted) <= reading.PLACE:
            return None
        return reading.of_output(self.painted[reading.PLACE])

    def found(self) -> FoundLight:
        """The light of the picture, as the program finds it."""
        return found.find(self.small, self.layers, self.read)

    def misread(self, true: float) -> list[float]:
        """The error of the azimuth that the network read, in degrees; empty if none."""
        return [abs(turned(true, self.read.azimuth))] if self.read else []

    def misfitted(self, true: float) -> float:
        """The error of the azimuth that the layers alone tell, in degrees."""
        return _off(found.find(self.small, self.layers), true)

    def relit(self, results: Tensor) -> list[Tensor]:
        """Results at the working size, B 3 h w in [0, 1], at full size, uint8."""
        if self.small.shape == self.picture.shape:
            return list(quantise(results, 8))
        return [carry.to_full(self.picture, self.small, one) for one in results]


def by_night(seen: Sequence[Seen]) -> Pictures:
    """The eight pictures of `changes.Nights` under other lights, by plain layers."""
    relit = [one.relit(mix.painted(one.layers, _LIGHTS)) for one in seen]
    (task,) = seen[0].relit(mix.painted(seen[0].layers, _TASK_LIGHT[None]))
    return {
        TASK: [task],
        NIGHT: [relit[source][target] for source, target in TURNS],
        OWN: [relit[place][place] for place in range(len(DIRECTIONS))],
    }


def by_night_fitted(seen: Sequence[Seen]) -> Answer:
    """The same, with the key light that is found in each picture."""
    relit, off, misread = [], [], []
    for source, one in enumerate(seen):
        true = azimuth(DIRECTIONS[source])
        off.append(one.misfitted(true))
        misread += one.misread(true)
        targets = [azimuth(DIRECTIONS[end]) for start, end in TURNS if start == source]
        relit += _put(one, one.found(), targets)
    rows = ({NIGHT_FITTED: each} for each in (off, misread))
    return Answer({NIGHT_FITTED: relit}, *rows)


def by_day(one: Seen, day: Day) -> Answer:
    """The picture of `changes.Day` with its key turned, kept, and without its key."""
    light = one.found()
    pictures = {
        DAY: _put(one, light, [day.wanted]),
        DAY_BARE: _put(one, light, [day.wanted], kept=0.0),
        AMBIENT: one.relit(one.layers[mix.AMBIENT][None]),
    }
    if light.azimuth is not None:
        pictures[DAY_KEPT] = _put(one, light, [light.azimuth])
    return Answer(
        pictures,
        {DAY: [one.misfitted(day.azimuth)]},
        {DAY: one.misread(day.azimuth)},
        {DIRECTION: [_off(light, day.azimuth)]} if day.is_clear else {},
    )


def by_further(seen: Seen, coloured: Sequence[Seen], further: Further) -> Answer:
    """The pictures of `further.Further`, by plain layers.

    Args:
        seen: Its picture.
        coloured: Its coloured nights.
        further: What is wanted.
    """
    pictures = {
        row: seen.relit(mix.painted(seen.layers, torch.stack(lights)))
        for row, lights in further.lights.items()
    }
    errors = [
        abs(one.found().kelvin / kelvin - 1)
        for one, kelvin in zip(coloured, KELVINS, strict=True)
    ]
    return Answer(pictures, errors={KELVIN: errors})


def unevenness(painter: Painter, even: Even) -> tuple[float, float]:
    """Errors of the painted layers of an even surface, in 1/255.

    Errors wider than a broad window do not count.

    Returns:
        The standard deviation over all layers, and the largest error near an edge.
    """
    (seen,) = painter.see(even.picture[None])
    height, width = seen.small.shape[-2:]
    true = even.layers.flatten(0, 1)
    if seen.small.shape != seen.picture.shape:
        true = scaling.reduce(true, width, height)
    difference = seen.layers - true.unflatten(0, (-1, 3))
    light = 255 * torch.einsum("kchw,c->khw", difference, torch.tensor(LUMINANCE))
    rest = light - _broad_mean(light)
    frame = rest.abs()
    frame[:, _FRAME:-_FRAME, _FRAME:-_FRAME] = 0
    return float(rest.std(correction=0)), float(frame.max())


def _broad_mean(values: Tensor) -> Tensor:
    """The mean of a broad window around each pixel of C h w."""
    for side, reach in (
        ((_BROAD, 1), (_BROAD // 2, 0)),
        ((1, _BROAD), (0, _BROAD // 2)),
    ):
        values = F.avg_pool2d(values, side, 1, reach, count_include_pad=False)
    return values


def _off(light: FoundLight, true: float) -> float:
    """The error of the azimuth of a light, in degrees; without one, that of chance."""
    return _BY_CHANCE if light.azimuth is None else abs(turned(true, light.azimuth))


def _put(
    one: Seen, light: FoundLight, azimuths: Sequence[float], kept: float | None = None
) -> list[Tensor]:
    """A picture with its key light moved to each of some azimuths, at full size."""
    wanted = torch.stack([light.moved(degrees) for degrees in azimuths])
    share = mix.kept(light, wanted) if kept is None else kept
    return one.relit(mix.relit(one.small, one.layers, light.weights, wanted, share))
