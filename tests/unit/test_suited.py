"""The turn of weights for one light, by the weights that suit a picture."""

from dataclasses import replace

import pytest
import torch

import smooth
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.layers import reading
from msrnet_cli.layers.camera import linear_from_srgb
from msrnet_cli.layers.compose import compose
from msrnet_cli.layers.draw import Ambient, Draw, Key
from msrnet_cli.lights import kelvin_gains
from msrnet_cli.relight.records import WeightsName
from msrnet_cli.relight.suited import suited
from networks import tinted_identity
from relighters import relighter
from stages import Stored, stage

SIZE = 64
CARD = WeightsCard(
    model=ModelConfig("dmshn", 12), from_light="6500_N", to_light="4500_E"
)
BLUE = (0.2, 0.4, 1.0)
"""What the weights for one turn do here: nothing else in these tests makes blue."""


ONE, LAYERS = WeightsName("one", "1"), WeightsName("layers", "2")


@pytest.fixture(scope="module")
def one():
    return relighter(tinted_identity(BLUE), CARD)


def night(azimuth):
    return Draw(key=Key(azimuth))


def day(azimuth, ratio):
    return Draw(kind="day", key=Key(azimuth), ambient=Ambient(ratio))


def known_to(one, drawn):
    """The picture of a draw, and a turn that knows its layers and its light."""
    made = compose(smooth.hills(size=SIZE), drawn, SIZE)
    knows = stage(Stored(made.layers, reading.of_draw(drawn)))
    return made.picture, suited(one._pipeline, CARD, knows._painter), knows


@pytest.mark.parametrize("azimuth", [0.0, 40.0, 320.0])
def test_nights_that_the_weights_know_are_left_to_them(one, azimuth):
    picture, turn, _ = known_to(one, night(azimuth))
    (relit,) = turn.run([picture], (), (), deep=False).pictures()
    assert torch.equal(relit, one(picture))


@pytest.mark.parametrize(
    "drawn",
    [night(90.0), night(180.0), night(270.0), day(0.0, 1.0), day(200.0, 0.4)],
    ids=["E", "S", "W", "day from N", "day from S"],
)
def test_other_pictures_make_the_turn_by_their_layers(one, drawn):
    """Light from E in the picture's colours; then all of it under 4500 K."""
    picture, turn, knows = known_to(one, drawn)
    (relit,) = turn.run([picture], (), (), deep=False).pictures()
    east = linear_from_srgb(knows(picture, to="E"))
    gains = torch.tensor(kelvin_gains(4500.0)) / torch.tensor(kelvin_gains(6500.0))
    expected = (east * gains[:, None, None]).clamp_max(1)
    torch.testing.assert_close(linear_from_srgb(relit), expected, rtol=0, atol=2e-3)


class Reads(Stored):
    """Reads a sharp light from N in dark pictures, and from S in bright ones."""

    def forward(self, x):
        painted = super().forward(x)
        is_dark = x.mean((1, 2, 3)) < 0.5
        painted[:, -2] = is_dark.float()[:, None, None]  # how far north
        return painted


def test_pictures_of_both_kinds_keep_their_places_and_masks(one):
    made = compose(smooth.hills(size=SIZE), night(0.0), SIZE)
    painter = replace(
        stage(Reads(made.layers, (0.5, 1.0, 1.0)))._painter, weights=LAYERS
    )
    pipeline = replace(
        one._pipeline, painter=replace(one._pipeline.painter, weights=ONE)
    )
    turn = suited(pipeline, CARD, painter)
    dark, bright = quantise(made.picture, 8), quantise(1 - made.picture / 4, 8)
    assert unit(dark).mean() < 0.5 < unit(bright).mean()
    half, mask = SIZE // 2, torch.zeros(SIZE, SIZE)
    mask[:, half:] = 1
    batch, masks = [bright, dark, bright, dark], [mask, mask, None, None]
    found = turn.run(batch, (), masks, deep=False)
    assert found.weights == (LAYERS, ONE, LAYERS, ONE)
    relit = found.pictures()
    for masked, whole, before in zip(relit[:2], relit[2:], batch[:2], strict=True):
        assert torch.equal(masked[..., :half], before[..., :half])
        assert torch.equal(masked[..., half:], whole[..., half:])
    assert torch.equal(relit[3], one(dark))
    by_layers = replace(turn, turn=turn.turn.wished).run([bright], (), (), deep=False)
    assert torch.equal(relit[2], by_layers.pictures()[0])
    assert not torch.equal(relit[2], one(bright))
