"""What is told of a light: all that was asked for, in as few digits as are known."""

from __future__ import annotations

import pytest

from msrnet_cli.lights import asked, looks, told
from msrnet_cli.lights.options import LightOptions, of_keywords
from msrnet_cli.lights.wish import Beam, Wish


@pytest.fixture(autouse=True)
def _config(tmp_path, monkeypatch):
    """A config folder with a look."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path))
    (tmp_path / "msrnet").mkdir()
    looks.own_file().write_text('[late]\nto = "W"\nkelvin = 3200\nkey = 1.1\n')


@pytest.mark.parametrize(
    ("asked_for", "words"),
    [
        ({}, ""),
        ({"amount": 0.5}, ""),
        ({"to": "247.5"}, "from 247.5 degrees"),
        ({"to": "3200_W", "key": 1.3}, "from W, 3200 K, key 1.3"),
        ({"light": ("W:3215", "E::0.4")}, "from W, 3215 K and from E, strength 0.4"),
        ({"even": True, "fill": 0.5}, "from everywhere, fill 0.5"),
        ({"ambient": 0.5}, "as it is, ambient 0.5"),
        (
            {"to": "all", "kelvin": 3000, "softness": 20},
            "from each of the eight directions, 3000 K, softness 20",
        ),
        (
            {"look": "late", "ambient": 1.5},
            "late (from W, 3200 K, key 1.1, ambient 1.5)",
        ),
    ],
    ids=str,
)
def test_all_that_was_asked_for_is_told(asked_for, words):
    options = of_keywords(asked_for)
    assert told.light(options, asked.wish(options)) == words


def test_the_light_of_a_reference_has_as_many_digits_as_are_known():
    found = Wish(
        beams=(Beam(azimuth=114.097),), kelvin=5615.3, softness=16.3899, ratio=2.0
    )
    options = LightOptions(like="some/ref.jpg")
    words = "like ref.jpg (from 114 degrees, 5620 K, softness 16)"
    assert told.light(options, found) == words
    typed = LightOptions(like="some/ref.jpg", kelvin=3215, softness=12.5)
    found = Wish(beams=(Beam(azimuth=359.8),), kelvin=3215, softness=12.5)
    words = "like ref.jpg (from N, 3215 K, softness 12.5)"
    assert told.light(typed, found) == words
    assert told.light(options, Wish(even=True)) == "like ref.jpg (from everywhere)"


@pytest.mark.parametrize(
    ("amount", "keep", "words"),
    [
        (1.0, None, ""),
        (0.5, None, "amount 0.5"),
        (0.0, "colour", "amount 0, colour kept"),
        (1.0, "brightness", "brightness kept"),
    ],
)
def test_what_shows_is_told_where_it_is_not_all(amount, keep, words):
    assert told.shown(amount, keep) == words


def test_a_picture_of_a_fan_is_told_its_own_direction():
    options = of_keywords({"to": "all", "kelvin": 3000, "softness": 20})
    words = told.light(options, asked.wish(options))
    assert told.one_of_fan(words, "NE") == "from NE, 3000 K, softness 20"


@pytest.mark.parametrize(
    ("light", "words"),
    [
        ("4500_E", "4500 K from the right (E)"),
        ("6500_SW", "6500 K from in front on the left (SW)"),
        ("from W, 3200 K", "from W, 3200 K"),
        ("like my_N (from N)", "like my_N (from N)"),
        ("", ""),
    ],
)
def test_one_of_the_forty_lights_is_told_in_words(light, words):
    assert told.named(light) == words
