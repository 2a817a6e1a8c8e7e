"""The vocabulary of lights: names, temperatures, weights of the eight directions."""

import math
import random

import pytest

from msrnet_cli import lights
from msrnet_cli.errors import UsageError
from msrnet_cli.lights import DIRECTIONS, KELVINS, LUMINANCE


def test_all_names_forty_lights_once():
    found = lights.read_lights(("all", "6500_N"))
    assert len(found) == len(set(found)) == 40


def test_lights_keep_the_order_they_were_given_in():
    found = [str(light) for light in lights.read_lights(("4500_W", "6500_N"))]
    assert found == ["4500_W", "6500_N"]


@pytest.mark.parametrize("name", ["6500", "6500_X", "6000_N", "_N", "6500-N", ""])
def test_unknown_lights_are_refused_with_the_choices(name):
    with pytest.raises(UsageError, match=r"unknown light.*6500.*NW"):
        lights.read_light(name)


def test_no_light_at_all_is_refused():
    with pytest.raises(UsageError, match="6500_N"):
        lights.read_lights(())


def test_directions_run_clockwise_from_behind_the_scene():
    assert [lights.azimuth(d) for d in ("N", "E", "S", "W")] == [0, 90, 180, 270]


def test_a_mirror_exchanges_east_and_west_alone():
    every = list(lights.every_light())
    assert len(every) == 40
    for light in every:
        seen = light.mirrored()
        assert seen.kelvin == light.kelvin
        assert seen.azimuth == -light.azimuth % 360
        assert seen.mirrored() == light


def test_the_shorter_way_around():
    assert lights.turned(350, 10) == 20
    assert lights.turned(10, 350) == -20
    assert abs(lights.turned(0, 180)) == 180


def test_a_sharp_light_lies_between_its_two_neighbours():
    assert lights.weights_of_eight(63)[1:3] == pytest.approx((0.6, 0.4))
    assert sum(map(bool, lights.weights_of_eight(63))) == 2
    for k, direction in enumerate(DIRECTIONS):
        weights = lights.weights_of_eight(lights.azimuth(direction))
        assert weights == tuple(float(j == k) for j in range(8))


@pytest.mark.parametrize("spread", [0, 5, 16, 36, 68, 180])
def test_weights_add_up_to_one_and_turn_with_the_light(spread):
    for degrees in range(-400, 800, 7):
        weights = lights.weights_of_eight(degrees, spread)
        assert min(weights) >= 0
        assert sum(weights) == pytest.approx(1, abs=1e-6)
        turned = lights.weights_of_eight(degrees + 45, spread)
        assert turned[1:] + turned[:1] == pytest.approx(weights, abs=1e-9)


def test_a_soft_light_is_the_mean_of_sharp_ones_that_scatter():
    draws = random.Random(0)
    count, degrees, spread = 20000, 100.0, 40.0
    total = [0.0] * 8
    for _ in range(count):
        one = lights.weights_of_eight(draws.gauss(degrees, spread))
        total = [a + b for a, b in zip(total, one, strict=True)]
    mean = [value / count for value in total]
    assert lights.weights_of_eight(degrees, spread) == pytest.approx(mean, abs=0.01)


def test_6500_kelvin_changes_nothing():
    assert lights.kelvin_gains(6500) == pytest.approx((1, 1, 1))


def test_lower_temperatures_are_redder_at_the_same_luminance():
    gains = [lights.kelvin_gains(kelvin) for kelvin in KELVINS]
    assert [g[0] for g in gains] == sorted((g[0] for g in gains), reverse=True)
    assert [g[2] for g in gains] == sorted(g[2] for g in gains)
    for gain in gains:
        assert sum(map(math.prod, zip(gain, LUMINANCE, strict=True))) == pytest.approx(
            1
        )


# x, y of blackbodies from the published locus (CIE 1931).
@pytest.mark.parametrize(
    ("kelvin", "x", "y"), [(2500, 0.4770, 0.4137), (4500, 0.3608, 0.3636)]
)
def test_gains_follow_the_planckian_locus(kelvin, x, y):
    red, green, blue = _rgb(x, y)
    white = _rgb(0.3135, 0.3237)  # 6500 K
    gain = lights.kelvin_gains(kelvin)
    ratios = (red / white[0], green / white[1], blue / white[2])
    assert gain[0] / gain[1] == pytest.approx(ratios[0] / ratios[1], rel=0.04)
    assert gain[2] / gain[1] == pytest.approx(ratios[2] / ratios[1], abs=0.03)


def _rgb(x, y):
    """Linear sRGB of a chromaticity at luminance 1."""
    big_x, big_z = x / y, (1 - x - y) / y
    return (
        3.2406 * big_x - 1.5372 - 0.4986 * big_z,
        -0.9689 * big_x + 1.8758 + 0.0415 * big_z,
        0.0557 * big_x - 0.2040 + 1.0570 * big_z,
    )
