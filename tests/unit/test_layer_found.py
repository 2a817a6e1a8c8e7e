"""The light of a picture: what is drawn is found on true layers, turned, mirrored."""

import math
from dataclasses import replace

import pytest
import torch

import smooth
from msrnet_cli.layers import mix, wanted
from msrnet_cli.layers.camera import SHOULDER, encode, lin
from msrnet_cli.layers.compose import compose
from msrnet_cli.layers.draw import Ambient, Draw, Exposure, Key
from msrnet_cli.layers.found import (
    COOLEST,
    LEAST_KEY,
    WARMEST,
    FoundLight,
    find,
    nearest_kelvin,
)
from msrnet_cli.layers.reading import Reading
from msrnet_cli.lights import LUMINANCE, kelvin_gains, turned, weights_of_eight
from msrnet_cli.lights.wish import Wish
from msrnet_cli.metrics import psnr

SIZE = 64


@pytest.fixture(scope="module")
def scene():
    return smooth.hills(size=SIZE)


def day(azimuth=100.0, spread=0.0, kelvin=5200.0, strength=1.0, ratio=0.3):
    return Draw(
        kind="day",
        key=Key(azimuth, spread, kelvin, strength),
        ambient=Ambient(ratio),
        exposure=Exposure(brightness=0.15, shoulder=SHOULDER),
    )


def found_in(scene, draw, read=None):
    made = compose(scene, draw, SIZE)
    return find(made.picture, made.layers, read)


# --- true layers -------------------------------------------------------------------


@pytest.mark.parametrize("azimuth", [0.0, 45.0, 130.0, 200.0, 290.0, 350.0])
@pytest.mark.parametrize("spread", [0.0, 20.0, 40.0])
def test_azimuth_and_spread_are_found(scene, azimuth, spread):
    light = found_in(scene, day(azimuth, spread))
    assert abs(turned(azimuth, light.azimuth)) < 1
    assert light.spread == pytest.approx(spread, abs=4)
    assert light.explained > 0.99
    assert light.sure > 0.9


@pytest.mark.parametrize("kelvin", [2500.0, 3500.0, 5000.0, 6500.0])
def test_the_temperature_of_the_key_is_found(scene, kelvin):
    assert found_in(scene, day(kelvin=kelvin)).kelvin == pytest.approx(kelvin, rel=0.02)


def test_strengths_are_what_each_light_adds_to_the_picture(scene):
    draw = day()
    made = compose(scene, draw, SIZE)
    light = find(made.picture, made.layers)
    ambient = luminance(lin(made.layers[mix.AMBIENT]))
    assert light.ambient == pytest.approx(ambient, rel=0.02)
    whole = luminance(lin(made.picture))
    assert light.key == pytest.approx(whole - ambient, rel=0.02)


@pytest.mark.parametrize(
    "draw", [day(strength=0.0, ratio=1.0), day(strength=0.05, ratio=1.0)]
)
def test_with_hardly_a_key_there_is_no_direction(scene, draw):
    light = found_in(scene, draw)
    assert light.azimuth is None
    assert light.sure == 0


def test_what_is_found_explains_the_picture(scene):
    made = compose(scene, day(70.0), SIZE)
    light = find(made.picture, made.layers)
    assert psnr(mix.painted(made.layers, light.weights), made.picture) > 45


# --- what else changes with the picture ----------------------------------------------


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_layers_in_another_order_turn_the_light(scene, steps):
    made = compose(scene, day(70.0, 20.0), SIZE)
    eight = made.layers[: mix.AMBIENT].roll(steps, 0)
    around = torch.cat((eight, made.layers[mix.AMBIENT :]))
    one, other = (find(made.picture, each) for each in (made.layers, around))
    assert turned(one.azimuth, other.azimuth) % 360 == pytest.approx(45.0 * steps)
    assert other.spread == pytest.approx(one.spread, abs=0.01)
    assert other.key == pytest.approx(one.key, rel=1e-3)


def test_a_mirror_exchanges_east_and_west(scene):
    draw = day(60.0, 20.0)
    one = found_in(scene, draw)
    mirrored = replace(draw, mirror=True, key=replace(draw.key, azimuth=300.0))
    other = found_in(scene, mirrored)
    assert turned(0, other.azimuth) == pytest.approx(-one.azimuth, abs=0.5)
    assert other.kelvin == pytest.approx(one.kelvin, rel=0.01)


def test_a_brighter_picture_has_stronger_lights_and_else_the_same(scene):
    made = compose(scene, day(), SIZE)
    one = find(made.picture, made.layers)
    half = find(encode(lin(made.picture) / 2), made.layers)
    assert half.azimuth == pytest.approx(one.azimuth, abs=0.1)
    assert half.key + half.ambient == pytest.approx((one.key + one.ambient) / 2, 0.02)
    torch.testing.assert_close(half.weights, one.weights / 2, atol=5e-3, rtol=0.02)
    whole = encode(lin(torch.cat((made.picture[None], made.layers))) / 2)
    dim = find(whole[0], whole[1:])
    assert dim.key == pytest.approx(one.key / 2, rel=0.01)
    assert dim.kelvin == one.kelvin
    torch.testing.assert_close(dim.weights, one.weights, atol=5e-3, rtol=0.02)


def test_where_the_light_is_read_it_comes_from_there(scene):
    light = found_in(scene, day(70.0), Reading(95.0, 0.4, 0.6))
    assert (light.azimuth, light.sure) == (95.0, 0.4)
    eight = torch.tensor(weights_of_eight(95.0, light.spread))
    shares = light.weights[: mix.AMBIENT] / light.colour
    torch.testing.assert_close(shares, eight[:, None].expand(-1, 3))


def test_where_no_key_is_read_there_is_no_direction(scene):
    assert found_in(scene, day(), Reading(70.0, 0.4, 0.05)).azimuth is None


# --- the same light elsewhere -------------------------------------------------------


def test_a_light_moved_to_where_it_is_changes_nothing(scene):
    light = found_in(scene, day(70.0, 25.0))
    moved = light.moved(light.azimuth, light.spread)
    torch.testing.assert_close(moved, light.weights)


def test_the_whole_key_moves_with_its_strength_and_colour(scene):
    light = found_in(scene, day())
    moved = light.moved(225.0, 0.0)
    sharp_cast = light.cast(torch.eye(8)[5])
    torch.testing.assert_close(moved[5], light.colour * sharp_cast)
    assert not moved[[0, 1, 2, 3, 4, 6, 7]].any()
    assert torch.equal(moved[mix.AMBIENT], light.weights[mix.AMBIENT])
    soft = light.moved(225.0, 40.0)
    soft_cast = light.cast(torch.tensor(weights_of_eight(225.0, 40.0)))
    key = soft[: mix.AMBIENT].sum(0) / soft_cast
    torch.testing.assert_close(key, light.colour)
    assert soft[4, 0] == pytest.approx(float(soft[6, 0]))


def test_a_new_key_takes_the_place_of_a_part_of_light_without_a_direction(scene):
    light = found_in(scene, day(strength=0.0, ratio=1.0))
    assert (light.key, light.weights[: mix.AMBIENT].any()) == (0, False)
    luminances = torch.tensor(LUMINANCE)
    for place in range(8):
        moved = light.moved(45.0 * place)
        brightness = float((moved * light.means).sum(0) @ luminances)
        assert brightness == pytest.approx(light.ambient, rel=0.02)
        by_key = float(moved[place] * light.means[place] @ luminances)
        assert by_key == pytest.approx(LEAST_KEY * light.ambient, rel=0.05)
        assert not moved[: mix.AMBIENT].sum(1).bool().sum() > 1
    torch.testing.assert_close(
        moved[mix.AMBIENT], (1 - LEAST_KEY) * light.weights[mix.AMBIENT]
    )


@pytest.mark.parametrize(("strength", "share"), [(0.17, 1 / 6), (2.0, None)])
def test_a_weak_key_is_raised_as_it_moves(scene, strength, share):
    light = found_in(scene, day(strength=strength, ratio=1.0))
    whole = light.key + light.ambient
    own = light.key / whole
    assert (own < 1 / 6) == (share is not None)
    assert light.moved_key / whole == pytest.approx(share or own)
    luminances = torch.tensor(LUMINANCE)
    moved = light.moved(light.azimuth)
    brightness = float((moved * light.means).sum(0) @ luminances)
    assert brightness == pytest.approx(whole, rel=0.03)
    ambient = float((moved * light.means)[mix.AMBIENT] @ luminances)
    assert 1 - ambient / whole == pytest.approx(share or own, rel=0.03)


def test_a_weak_key_that_stays_is_as_weak(scene):
    light = found_in(scene, day(strength=0.17, ratio=1.0))
    soft = wanted.weights(Wish(softness=20.0), light)
    assert float(soft[: mix.AMBIENT].sum()) == pytest.approx(
        float(light.weights[: mix.AMBIENT].sum()), rel=0.05
    )
    assert torch.equal(soft[mix.AMBIENT], light.weights[mix.AMBIENT])


def test_a_temperature_colours_all_light_without_a_direction(scene):
    light = found_in(scene, day(strength=0.0, ratio=1.0))
    warm = wanted.weights(Wish(kelvin=3000.0), light)
    luminances, own = torch.tensor(LUMINANCE), light.weights[mix.AMBIENT]
    expected = (own @ luminances) * torch.tensor(kelvin_gains(3000.0))
    torch.testing.assert_close(warm[mix.AMBIENT], expected)
    assert torch.equal(wanted.weights(Wish(even=True, kelvin=3000.0), light), warm)
    lit = found_in(scene, day())
    shaded = wanted.weights(Wish(kelvin=3000.0), lit)[mix.AMBIENT]
    assert torch.equal(shaded, lit.weights[mix.AMBIENT])


def test_light_that_is_read_as_undirected_is_all_ambient(scene):
    """Flat layers fit any light: what the network reads says which it is."""
    overcast = Reading(azimuth=0.0, sure=0.1, share=0.0)
    light = found_in(scene, day(), overcast)
    assert light.azimuth is None
    assert light.key == 0
    made = compose(scene, day(), SIZE)
    assert light.ambient == pytest.approx(luminance(lin(made.picture)), rel=0.1)


# --- pictures that tell nothing -------------------------------------------------------


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_flat_picture_has_a_light_that_is_finite(value):
    light = find(torch.full((3, 8, 8), value), torch.full((9, 3, 8, 8), value))
    assert light.weights.isfinite().all()
    assert (light.weights >= 0).all()
    numbers = (light.spread, light.kelvin, light.key, light.ambient, light.sure)
    assert all(map(math.isfinite, numbers))
    assert 0 <= light.explained <= 1


def test_the_fit_is_the_least_squares_without_negative_weights():
    optimize = pytest.importorskip("scipy.optimize")
    for seed in range(6):
        torch.manual_seed(seed)
        layers, picture = torch.rand(9, 3, 24, 24) ** 2, torch.rand(3, 24, 24) ** 3
        layers[mix.AMBIENT, seed % 3] += picture[seed % 3]  # one explains it alone
        layers.clamp_(0, 1)
        light = find(picture, layers, Reading(100.0, 1.0, 1.0))
        eight = torch.tensor(weights_of_eight(100.0, light.spread)).double()
        lights = lin(layers).double().flatten(2)
        key = torch.tensordot(eight, lights[: mix.AMBIENT], 1)
        for channel in range(3):
            matrix = torch.stack((key[channel], lights[mix.AMBIENT, channel]), 1)
            wanted = lin(picture)[channel].flatten().double()
            expected, _ = optimize.nnls(matrix.numpy(), wanted.numpy())
            found = (light.weights[: mix.AMBIENT].sum(0), light.weights[mix.AMBIENT])
            for one, other in zip(found, expected, strict=True):
                assert float(one[channel]) == pytest.approx(other, abs=1e-3)


@pytest.mark.parametrize("kelvin", [1900.0, 2800.0, 6500.0, 12000.0, 20000.0])
def test_a_blackbody_is_nearest_to_itself_at_any_strength(kelvin):
    for strength in (0.001, 1.0, 50.0):
        colour = torch.tensor(kelvin_gains(kelvin)) * strength
        assert nearest_kelvin(colour) == pytest.approx(kelvin, rel=0.02)


def test_temperatures_are_limited():
    for colour in ([1.0, 0.05, 0.0], [0.0, 0.1, 1.0], [1.0, 0.0, 0.0]):
        assert WARMEST <= nearest_kelvin(torch.tensor(colour)) <= COOLEST
    assert nearest_kelvin(torch.tensor([0.0, 0.1, 1.0])) == pytest.approx(COOLEST)
    assert nearest_kelvin(torch.tensor([1.0, 0.1, 0.0])) == pytest.approx(WARMEST)
    assert nearest_kelvin(torch.zeros(3)) == 6500


def luminance(light):
    return float(torch.tensor(LUMINANCE) @ light.flatten(1).mean(1))


def test_a_found_light_is_a_value():
    ones = torch.ones(9, 3)
    light = FoundLight(90.0, 0.0, 6500.0, 0.1, 0.1, 1.0, ones, ones, 1.0)
    with pytest.raises(AttributeError):
        light.azimuth = 0.0
