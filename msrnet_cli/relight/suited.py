"""The turn of weights for one light, made of any picture by the weights that suit it.

Weights for one turn know pictures of one kind: `n6500-e4500` nights lit from N. Of a
photograph by day they make a brown haze. So each picture is looked at by weights that
paint layers. If it is not of that kind, its layers make the same turn: the key light
comes from the wanted direction in the picture's own colours, and then the whole picture
is coloured as the turn colours white.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.layers import found, mix, reading
from msrnet_cli.lights import kelvin_gains, read_light, turned
from msrnet_cli.lights.wish import Beam, Wish
from msrnet_cli.relight.pipeline import Pipeline
from msrnet_cli.relight.turns import Wished

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.config import WeightsCard
    from msrnet_cli.layers.found import FoundLight
    from msrnet_cli.relight.painter import Painter

_NEAR = 60.0
"""Degrees between the light of a picture and the light that the weights know.

On 12 unseen nights the weights for one turn were ahead of layers by 0.8 dB where light
came from N and by 0.3 dB from NE, and behind by 0.3 dB from NW and by 0.3 to 14 dB from
elsewhere. A light from N is found within 45 degrees; in one of three real pictures it
was 54 degrees off.
"""
_NIGHT = 0.8
"""Share of the key in all light: in a night nearly all, found and read 0.8 or more."""


@dataclass(frozen=True)
class ByLayers:
    """The turn by layers, of pictures that the weights for one turn do not know.

    Attributes:
        wished: The light of the turn.
        source: Azimuth of the light that the weights for one turn know, in degrees.
    """

    wished: Wished
    source: float

    def __call__(self, seen: Tensor, painted: Tensor) -> Tensor | None:
        """The picture under the light; None where the weights for one turn know it."""
        layers, read = mix.of_outputs(painted, seen), reading.of_outputs(painted)
        light = found.find(seen, layers, read)
        share = read.share if read else 1.0
        if self._is_known(light, share):
            return None
        return self.wished.of_layers(seen, layers, light)

    def _is_known(self, light: FoundLight, share_read: float) -> bool:
        if light.azimuth is None or abs(turned(light.azimuth, self.source)) > _NEAR:
            return False
        return min(light.key / (light.key + light.ambient), share_read) >= _NIGHT


def suited(one: Pipeline, card: WeightsCard, painter: Painter) -> Pipeline:
    """The turn of weights for one light, by the weights that suit each picture.

    Args:
        one: The turn by these weights.
        card: Their card, which tells both lights.
        painter: Paints layers.
    """
    source, target = read_light(card.from_light), read_light(card.to_light)
    before, after = (kelvin_gains(light.kelvin) for light in (source, target))
    red, green, blue = (new / old for new, old in zip(after, before, strict=True))
    turn = ByLayers(Wished(Wish(beams=(Beam(azimuth=target.azimuth),))), source.azimuth)
    return Pipeline(painter, turn, one.finish, (red, green, blue), others=one)
