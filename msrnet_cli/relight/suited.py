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
from msrnet_cli.relight.records import Relit
from msrnet_cli.relight.turns import Wished

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from msrnet_cli.config import WeightsCard
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
class Suited:
    """Relights each picture by the weights that suit it.

    Attributes:
        one: By weights for one turn.
        layers: The same turn by layers.
        source: Azimuth of the light that the weights for one turn know, in degrees.
    """

    one: Pipeline
    layers: Pipeline
    source: float

    @classmethod
    def of(cls, one: Pipeline, card: WeightsCard, painter: Painter) -> Suited:
        """The turn of some weights.

        Args:
            one: By these weights.
            card: Their card, which tells both lights.
            painter: Paints layers.
        """
        source, target = read_light(card.from_light), read_light(card.to_light)
        before, after = (kelvin_gains(light.kelvin) for light in (source, target))
        red, green, blue = (new / old for new, old in zip(after, before, strict=True))
        turn = Wished(Wish(beams=(Beam(azimuth=target.azimuth),)))
        layers = Pipeline(painter, turn, one.finish, (red, green, blue))
        return cls(one, layers, source.azimuth)

    def run(
        self,
        batch: Sequence[Tensor],
        guides: Sequence[Tensor],
        masks: Sequence[Tensor | None],
        *,
        deep: bool,
    ) -> Relit:
        """As `Pipeline.run`."""
        relit, left = self.layers.run_unless(
            self.suits, batch, guides, masks, deep=deep
        )
        if not left:
            return relit
        few = [masks[place] for place in left] if masks else []
        more = self.one.run([batch[place] for place in left], (), few, deep=deep)
        outputs = list(relit.outputs)
        for place, output in zip(left, more.outputs, strict=True):
            outputs[place] = output
        return Relit(tuple(outputs), tuple(dict.fromkeys(relit.notes + more.notes)))

    def suits(self, picture: Tensor, painted: Tensor) -> bool:
        """Whether a picture is of the kind that the weights for one turn know.

        Args:
            picture: 3 h w in [0, 1].
            painted: C h w in [0, 1], what was painted of it.
        """
        read = reading.of_outputs(painted)
        light = found.find(picture, mix.of_outputs(painted, picture), read)
        if light.azimuth is None or abs(turned(light.azimuth, self.source)) > _NEAR:
            return False
        share = light.key / (light.key + light.ambient)
        return min(share, read.share if read else 1.0) >= _NIGHT
