"""Layers into lights: true layers give the target, and black stays black."""

from dataclasses import replace

import pytest
import torch

import smooth
from msrnet_cli.layers import mix
from msrnet_cli.layers.camera import SHOULDER, encode, lin
from msrnet_cli.layers.compose import compose, expose, photograph, prepare
from msrnet_cli.layers.draw import Ambient, Draw, Exposure, Key
from msrnet_cli.layers.found import FoundLight
from msrnet_cli.metrics import psnr

SIZE = 64
DAY = Draw(
    kind="day",
    key=Key(100.0, kelvin=5200.0),
    ambient=Ambient(0.3),
    exposure=Exposure(brightness=0.15, shoulder=SHOULDER),
)


@pytest.fixture(scope="module")
def scene():
    return smooth.hills(size=SIZE)


def by_day(scene, key):
    """What the key shows, with the camera as `DAY` sets it."""
    return photograph(prepare(scene, DAY, SIZE), camera(scene), key)


def camera(scene):
    return expose(prepare(scene, DAY, SIZE), DAY)


def weights(scene, key):
    """Those of the true layers of `DAY` that make a picture with this key."""
    found = mix.weights(key.azimuth, key.spread, key.kelvin)
    found[: mix.AMBIENT] *= torch.tensor(camera(scene).balance)
    return found


def test_true_layers_and_weights_give_the_target(scene):
    made, wanted = compose(scene, DAY, SIZE), DAY.key.turned(130)
    target = by_day(scene, wanted)
    source, aim = weights(scene, DAY.key), weights(scene, wanted)
    assert psnr(made.picture, target) < 25
    for kept in (0.0, 0.5, 1.0):
        relit = mix.relit(made.picture, made.layers, source, aim, kept)
        assert psnr(relit, target) > 60


def test_with_all_kept_the_light_that_is_there_changes_nothing(scene):
    picture = 0.98 * torch.rand(3, SIZE, SIZE)
    layers = torch.rand(9, 3, SIZE, SIZE)
    there = torch.rand(9, 3)
    relit = mix.relit(picture, layers, there, there, 1.0)
    torch.testing.assert_close(relit, picture, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("there", "wished", "gain"),
    [(0.2, 0.1, 0.51), (0.05, 0.1, 1.926), (0.0, 0.004, 2.0), (0.02, 0.3, 4.0)],
)
def test_what_is_not_explained_follows_the_light_at_most_fourfold(there, wished, gain):
    layers = torch.zeros(9, 3, 4, 4)
    layers[0], layers[2] = (encode(torch.tensor(v)) for v in (there, wished))
    north, east = torch.eye(9)[[0, 2]][..., None].expand(2, 9, 3)
    picture = encode(torch.full((3, 4, 4), there + 0.01))
    for kept in (0.5, 1.0):
        found = lin(mix.relit(picture, layers, north, east, kept))
        expected = torch.full_like(found, wished + kept * 0.01 * gain)
        torch.testing.assert_close(found, expected, rtol=5e-3, atol=1e-5)


def light(explained):
    """A light that explains so much of a picture."""
    ones = torch.ones(9, 3)
    return FoundLight(0.0, 0.0, 6500.0, 0.1, 0.1, 1.0, ones, ones, explained)


@pytest.mark.parametrize(
    ("explained", "kept"), [(0.0, 0), (0.5, 0), (0.7, 0.375), (0.9, 0.75), (1, 0.75)]
)
def test_the_better_layers_explain_a_picture_the_more_of_the_rest_is_kept(
    explained, kept
):
    turned = torch.cat((2 * torch.ones(1, 3), torch.zeros(8, 3)))
    found = replace(light(explained), weights=turned.flip(0))
    assert float(mix.kept(found, turned)) == pytest.approx(kept)


def test_the_less_the_light_changes_the_more_of_the_rest_is_kept():
    found = light(0.0)
    wanted = torch.stack([found.weights * factor for factor in (1, 1.1, 2, 9)])
    shares = mix.kept(found, wanted)
    assert shares[0] == 1
    assert shares.tolist() == sorted(shares.tolist(), reverse=True)
    assert shares[1] > 0.9
    assert shares[3] > 0
    moved = torch.zeros(9, 3)
    moved[2] = 9
    assert mix.kept(found, moved) == 0


def test_several_lights_at_once_are_each_light_alone():
    picture, layers = torch.rand(3, 16, 16), torch.rand(9, 3, 16, 16)
    source, wanted = torch.rand(9, 3), torch.rand(4, 9, 3)
    together = mix.painted(layers, wanted)
    shares = torch.tensor([0.5, 0.0, 1.0, 0.2])
    relit = mix.relit(picture, layers, source, wanted, shares)
    for place, one in enumerate(wanted):
        by_hand = encode((lin(layers) * one[..., None, None]).sum(0))
        torch.testing.assert_close(together[place], by_hand)
        alone = mix.relit(picture, layers, source, one, shares[place])
        torch.testing.assert_close(relit[place], alone)


def test_more_is_kept_the_more_is_explained():
    wanted = torch.eye(9)[:, :1].expand(9, 3)
    shares = [float(mix.kept(light(x / 50), wanted)) for x in range(51)]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] < 1


def test_black_stays_black_however_bright_the_light():
    layers = torch.full((9, 3, 4, 4), 0.4)
    layers[2] = 0.9
    source, wanted = mix.weights(0.0), mix.weights(90.0)
    black = torch.zeros(3, 4, 4)
    relit = mix.relit(black, layers, source, wanted, 0.75)
    assert lin(relit).max() < 0.02 * lin(mix.painted(layers, wanted)).min()


def test_what_is_darker_than_its_layers_stays_as_dark():
    layers = torch.full((9, 3, 8, 8), 0.5)
    source = mix.weights(0.0)
    explained = float(mix.mixed(layers, source)[0, 0, 0])
    picture = encode(torch.tensor([0.0, 0.5, 1.5]) * explained)
    picture = picture[:, None, None, None].expand(3, 3, 8, 8)
    black, dark, bright = (
        lin(mix.relit(one, layers, source, source, 0.75)).mean() / explained
        for one in picture
    )
    assert float(black) == pytest.approx(0, abs=1e-4)
    assert float(dark) == pytest.approx(0.5, abs=1e-3)
    assert float(bright) == pytest.approx(1.375, abs=1e-2)
    assert torch.equal(
        mix.relit(picture[0], layers, source, source, 0.0),
        mix.painted(layers, source),
    )
