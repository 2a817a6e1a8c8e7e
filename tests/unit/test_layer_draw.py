"""What is drawn depends on seed and number alone, and is distributed as promised."""

import json
from collections import Counter
from dataclasses import asdict

import pytest

from msrnet_cli.errors import DataError
from msrnet_cli.layers.draw import DEFAULTS, KINDS, Distributions, Draw, Key, draw
from msrnet_cli.lights import every_light, weights_of_eight

COUNT, SCENES = 4000, 10


@pytest.fixture(scope="module")
def draws():
    return [draw(0, number, SCENES) for number in range(COUNT)]


@pytest.fixture(scope="module")
def photographs(draws):
    return [one for one in draws if one.kind in ("day", "overcast")]


def share(found, condition):
    return sum(bool(condition(one)) for one in found) / len(found)


def test_the_same_number_draws_the_same_whatever_was_drawn_before(draws):
    for number in (3999, 0, 17, 1234):
        assert draw(0, number, SCENES) == draws[number]


def test_another_seed_draws_something_else(draws):
    others = [draw(1, number, SCENES) for number in range(50)]
    assert all(a != b for a, b in zip(draws, others, strict=False))


def test_every_pass_shows_every_scene_once(draws):
    passes = [
        tuple(one.scene for one in draws[i : i + SCENES])
        for i in range(0, COUNT, SCENES)
    ]
    assert all(sorted(scenes) == list(range(SCENES)) for scenes in passes)
    assert len(set(passes)) > len(passes) / 2, "each in an order of its own"


def test_a_draw_is_kept_as_json(draws):
    for one in draws[:200]:
        kept = json.loads(json.dumps(asdict(one)))
        assert kept["kind"] == one.kind
        assert kept["key"]["azimuth"] == one.key.azimuth
        assert json.dumps(kept) == json.dumps(asdict(one))


def test_kinds_are_as_frequent_as_the_design_asks(draws):
    counts = Counter(one.kind for one in draws)
    assert set(counts) == set(KINDS)
    assert 0.15 < counts["task"] / COUNT < 0.20
    assert 0.44 < (counts["task"] + counts["night"]) / COUNT < 0.51
    assert counts["overcast"] / COUNT == pytest.approx(0.06, abs=0.015)
    assert counts["even"] / COUNT == pytest.approx(0.03, abs=0.012)
    assert share(draws, lambda one: one.mirror) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_with_one_kind_draws_that_alone(kind):
    shares = dict.fromkeys(("task", "night", "overcast", "even"), 0.0)
    if kind != "day":
        shares[kind] = 1.0
    table = Distributions(**shares)
    assert {draw(0, n, SCENES, table).kind for n in range(100)} == {kind}


def test_zoom_is_mostly_slight_and_ends_at_half(draws):
    shares = sorted(one.view.share for one in draws)
    assert 0.5 <= shares[0] < 0.52
    assert shares[COUNT // 2] == pytest.approx(0.875, abs=0.02)
    assert shares[-1] > 0.999
    places = [place for one in draws for place in (one.view.down, one.view.across)]
    assert sum(places) / len(places) == pytest.approx(0.5, abs=0.02)
    assert min(places) < 0.01
    assert max(places) > 0.99


def test_the_task_is_lit_from_the_north_at_6500_kelvin(draws):
    assert {one.key for one in draws if one.kind == "task"} == {Key(0.0, 0.0, 6500.0)}


def test_nights_have_vidits_forty_lights(draws):
    found = {one.key for one in draws if one.kind == "night"}
    assert found == {Key(x.azimuth, 0.0, float(x.kelvin)) for x in every_light()}


def test_nights_keep_the_scenes_own_light_and_the_film_curve(draws):
    nights = [one for one in draws if one.kind in ("night", "task")]
    assert {(one.ambient, one.sky, one.surface) for one in nights} == {(None,) * 3}
    exposures = [one.exposure for one in nights]
    assert {(e.brightness, e.shoulder, e.balance) for e in exposures} == {
        (None, None, 0.0)
    }
    stops = [e.stops for e in exposures]
    tints = [stop for e in exposures for stop in e.tint]
    for values, limit in ((stops, 0.3), (tints, 0.1)):
        assert -limit <= min(values) < -0.97 * limit
        assert 0.97 * limit < max(values) <= limit


def test_days_come_from_anywhere_sharp_or_soft(draws):
    keys = [one.key for one in draws if one.kind == "day"]
    sharp = [key for key in keys if not key.spread]
    assert len(sharp) / len(keys) == pytest.approx(DEFAULTS.sharp, abs=0.05)
    aligned = share(sharp, lambda key: key.azimuth % 45 == 0)
    assert aligned == pytest.approx(DEFAULTS.aligned, abs=0.07)
    quarters = Counter(int(key.azimuth // 90) for key in keys)
    assert set(quarters) == {0, 1, 2, 3}
    assert all(0.2 < count / len(keys) < 0.3 for count in quarters.values())
    spreads = sorted(key.spread for key in keys if key.spread)
    assert 10 <= spreads[0] < 10.5
    assert 65 < spreads[-1] <= 67.5
    kelvins = sorted(key.kelvin for key in keys)
    assert 2300 <= kelvins[0] < 2500
    assert kelvins[-1] <= 6500


def test_photographs_differ_in_ambient_light_and_camera(photographs):
    days = [one for one in photographs if one.kind == "day"]
    ratios = sorted(one.ambient.ratio for one in days)
    assert ratios[len(days) // 2] == pytest.approx(0.407, abs=0.05)  # exp(-0.9)
    assert ratios[int(len(days) * 0.841)] == pytest.approx(1.0, abs=0.15)  # one sigma
    assert share(photographs, lambda one: one.sky) == pytest.approx(0.75, abs=0.04)
    film = share(photographs, lambda one: one.exposure.shoulder is None)
    assert film == pytest.approx(0.4, abs=0.05)
    for one in photographs:
        assert 0.10 <= one.exposure.brightness <= 0.28
        assert 0.3 <= one.exposure.balance <= 1.0
        assert 0.5 <= (one.exposure.shoulder or 0.5) <= 0.95
        ambient = one.ambient
        assert 6000 <= ambient.kelvin <= 11000 or ambient.kelvin == one.key.kelvin


def test_an_overcast_day_has_no_key(photographs):
    overcast = [one for one in photographs if one.kind == "overcast"]
    assert {(one.key.strength, one.ambient.ratio) for one in overcast} == {(0.0, 1.0)}
    assert set(overcast[0].key.weights) == {0.0}
    assert all(one.key.strength == 1 for one in photographs if one.kind == "day")


def test_even_surfaces_are_never_cut_off_at_black_or_white(draws):
    surfaces = [one.surface for one in draws if one.kind == "even"]
    for surface in surfaces:
        for colour, across, down in zip(
            surface.colour, surface.across, surface.down, strict=True
        ):
            assert colour - abs(across) - abs(down) >= 0
            assert colour + abs(across) + abs(down) <= 1
    flat = share(surfaces, lambda s: not any(s.across) and not any(s.down))
    assert flat == pytest.approx(0.09, abs=0.08)
    assert {one.surface is None for one in draws if one.kind != "even"} == {True}


def test_a_key_turns_clockwise_and_keeps_all_else():
    key = Key(300.0, 20.0, 4500.0, 0.5)
    assert key.turned(90) == Key(30.0, 20.0, 4500.0, 0.5)
    expected = [0.5 * weight for weight in weights_of_eight(30.0, 20.0)]
    assert key.turned(90).weights == pytest.approx(expected)


def test_by_default_a_draw_is_the_papers_input():
    assert Draw().key.weights == (1.0, *[0.0] * 7)
    assert Draw().exposure.stops == Draw().exposure.balance == 0
    assert Draw().view.share == 1


def test_without_scenes_nothing_is_drawn():
    with pytest.raises(DataError, match="no scene"):
        draw(0, 0, 0)
