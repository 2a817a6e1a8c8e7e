"""The light of a picture in three numbers, drawn and read."""

from dataclasses import replace

import pytest
import torch

from msrnet_cli.layers import reading
from msrnet_cli.layers.draw import Ambient, Draw, Key, Surface


def painted(numbers):
    noise = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0))
    noise -= noise.mean((1, 2), keepdim=True)
    return torch.tensor(numbers)[:, None, None] + noise


@pytest.mark.parametrize("azimuth", [0.0, 45.0, 90.0, 200.0, 359.0])
def test_what_is_drawn_is_read(azimuth):
    draw = Draw(key=Key(azimuth, 20.0), ambient=Ambient(0.5))
    found = reading.of_output(painted(reading.of_draw(draw)))
    assert found.azimuth == pytest.approx(azimuth, abs=0.01)
    assert found.share == pytest.approx(1 / 1.5)
    assert 0.9 < found.sure < 1


def test_a_soft_light_is_less_sure_and_a_night_is_all_key():
    sharp, soft = (reading.of_draw(Draw(key=Key(0.0, s))) for s in (0.0, 60.0))
    assert reading.of_output(painted(sharp)).sure == pytest.approx(1)
    assert reading.of_output(painted(soft)).sure == pytest.approx(0.578, abs=0.01)
    assert sharp[2] == 1


@pytest.mark.parametrize(
    "draw",
    [
        Draw(kind="overcast", key=Key(90.0, strength=0.0), ambient=Ambient(1.0)),
        Draw(kind="even", surface=Surface((0.5, 0.5, 0.5)), ambient=Ambient(0.4)),
    ],
)
def test_without_a_key_there_is_no_direction(draw):
    assert reading.of_draw(draw) == (0.5, 0.5, 0.0)
    assert reading.of_output(painted(reading.of_draw(draw))).sure < 1e-6


def test_a_mirror_exchanges_east_and_west():
    draw = Draw(key=Key(60.0, 10.0))
    east, north, share = reading.of_draw(draw)
    across = reading.of_draw(replace(draw, key=Key(-60.0 % 360, 10.0)))
    assert across == pytest.approx((1 - east, north, share))
