"""Lights as people ask for them: words, options that contradict, looks."""

from __future__ import annotations

import math
import sys
from dataclasses import fields, replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from msrnet_cli import documents
from msrnet_cli.errors import UsageError
from msrnet_cli.lights import DIRECTIONS, asked, azimuth, every_light, looks
from msrnet_cli.lights.options import LightKeywords, LightOptions, of_keywords
from msrnet_cli.lights.wish import Beam, Wish
from msrnet_cli.lights.words import read_azimuth, read_beam, read_target

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config folder of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path))
    (tmp_path / "msrnet").mkdir()
    return looks.own_file()


@pytest.mark.parametrize("name", DIRECTIONS)
def test_directions_are_read_in_any_case(name: str) -> None:
    for text in (name, name.lower(), f" {name} "):
        assert read_azimuth(text) == azimuth(name)


def test_sides_of_the_picture() -> None:
    sides = [read_azimuth(side) for side in ("back", "right", "Front", "LEFT")]
    assert sides == [0, 90, 180, 270]


@pytest.mark.parametrize(
    ("text", "degrees"), [("247.5", 247.5), ("0", 0), ("360", 0), ("-90", 270)]
)
def test_degrees(text: str, degrees: float) -> None:
    assert read_azimuth(text) == degrees


@pytest.mark.parametrize("text", ["", "up", "nan", "inf", "361", "N E", "12e9x", "6_3"])
def test_what_is_no_direction_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_azimuth(text)


def test_a_temperature_in_place_of_a_direction_names_the_option() -> None:
    with pytest.raises(UsageError) as refused:
        LightOptions(to="5600")
    assert "write --kelvin 5600" in refused.value.remedy


@pytest.mark.parametrize(
    ("text", "beam"),
    [
        ("W", Beam(azimuth=270)),
        ("3800_63", Beam(azimuth=63, kelvin=3800)),
        ("4500_E", Beam(azimuth=90, kelvin=4500)),
        ("2700_left", Beam(azimuth=270, kelvin=2700)),
        ("2700K_-90", Beam(azimuth=270, kelvin=2700)),
    ],
)
def test_targets(text: str, beam: Beam) -> None:
    assert read_target(text) == beam


@pytest.mark.parametrize(
    ("text", "beam"),
    [
        ("W:3200:1", Beam(azimuth=270, kelvin=3200)),
        ("NE:7500:0.4", Beam(azimuth=45, kelvin=7500, strength=0.4)),
        ("NE::0.4", Beam(azimuth=45, strength=0.4)),
        ("front", Beam(azimuth=180)),
        ("10:5000:", Beam(azimuth=10, kelvin=5000)),
    ],
)
def test_beams(text: str, beam: Beam) -> None:
    assert read_beam(text) == beam


@pytest.mark.parametrize(
    "text", ["W:1:1", "W:x", "W:3200:-1", "W:3200:nan", "W:3200:1:2", ":3200", "1e9_E",
     "3200:W", "3200_W:1", "W::1_0", "38_00_E", "_E", "3200_", ""],
)  # fmt: skip
def test_what_is_no_beam_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_beam(text)
    with pytest.raises(UsageError):
        read_target(text)


def test_every_light_that_is_written_is_read() -> None:
    random = Random(0)
    for _ in range(200):
        degrees, kelvin = random.uniform(-360, 360), random.uniform(1000, 40000)
        strength = random.uniform(0, 100)
        beam = Beam(azimuth=degrees % 360, kelvin=kelvin, strength=strength)
        assert read_beam(f"{degrees}:{kelvin}:{strength}") == beam
        one = replace(beam, strength=1.0)
        assert read_target(f"{kelvin}_{degrees}") == one
        assert LightOptions(to=degrees).beams == (replace(one, kelvin=None),)
        for light in every_light():
            assert read_target(str(light)).azimuth == light.azimuth


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("5600", "write --kelvin 5600"),
        ("1000", "write --kelvin 1000"),
        (" 5600K", "write --kelvin 5600"),
        ("W_3800", "write 3800_W"),
        ("W:3800", "write --light W:3800"),
        ("3800_all", "write --to all --kelvin 3800"),
        ("3800K_All", "write --to all --kelvin 3800"),
        ("all_3800", "write --to all --kelvin 3800"),
        ("all:3800:1", "write --to all --kelvin 3800"),
        ("left_all", "write --to all"),
    ],
)
def test_slips_are_answered_with_what_was_meant(text: str, remedy: str) -> None:
    with pytest.raises(UsageError) as refused:
        LightOptions(to=text)
    assert refused.value.remedy == remedy


@pytest.mark.parametrize(
    ("text", "remedy"),
    [("all", "--to all"), ("all:3800", "--to all --kelvin 3800")],
)
def test_all_is_not_one_of_several_lights(text: str, remedy: str) -> None:
    with pytest.raises(UsageError) as refused:
        LightOptions(light=(text, "W"))
    assert refused.value.remedy == f"write {remedy}"


@pytest.mark.parametrize(
    "fields",
    [
        {"to": "W", "even": True},
        {"to": "W", "light": ("E",)},
        {"look": "noon", "like": "a.jpg"},
        {"to": "3800_W", "kelvin": 3200.0},
        {"light": ("W:3200", "E"), "kelvin": 3200.0},
        {"even": True, "softness": 10.0},
        {"even": True, "softness": 0},
        {"kelvin": 10.0},
        {"kelvin": math.nan},
        {"key": -1.0},
        {"softness": 181.0},
        {"amount": 1.5},
        {"to": 0, "even": True},
        {"to": 5600},
        {"to": math.nan},
        {"to": True},
        {"to": ["W"]},
        {"light": "W"},
        {"light": (45,)},
        {"even": 1},
        {"look": 3},
        {"like": ""},
        {"kelvin": "3200"},
        {"key": True},
        {"fill": math.inf},
        {"fill": 10**400},
        {"keep": "color"},
        {"keep": b"colour"},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        LightOptions(**fields)


def test_what_is_expected_is_said() -> None:
    for given, says in (
        ({"key": "x"}, 'key is "x", not a number'),
        ({"key": -1}, "key is -1, not 0 to 100"),
        ({"even": "yes"}, 'even is "yes", not true or false'),
        ({"keep": "hue"}, 'keep is "hue", not one of colour, brightness'),
    ):
        with pytest.raises(UsageError) as refused:
            LightOptions(**given)  # type: ignore[arg-type]
        assert refused.value.reason == says


def test_keywords_are_taken_as_python_has_them(tmp_path: Path) -> None:
    assert of_keywords({"to": 270, "kelvin": 3200}).beams == (Beam(azimuth=270),)
    for light in ("W:3200", ["W:3200"], ("W:3200",)):
        assert of_keywords({"light": light}) == LightOptions(light=("W:3200",))
    assert of_keywords({"keep": "color"}).keep == "colour"  # type: ignore[typeddict-item]
    assert of_keywords({"like": tmp_path}) == LightOptions(like=str(tmp_path))
    assert LightKeywords.__annotations__.keys() == {
        field.name for field in fields(LightOptions)
    }
    with pytest.raises(UsageError):
        of_keywords({"light": 45})  # type: ignore[typeddict-item]


def test_nothing_asked_is_the_turn_of_the_weights() -> None:
    assert asked.wish(LightOptions()) is None
    assert asked.wish(LightOptions(amount=0.5, keep="colour")) is None


def test_without_a_name_the_own_light_is_changed() -> None:
    assert asked.wish(LightOptions(ambient=0.5)) == Wish(ambient=0.5)
    assert asked.wish(LightOptions(kelvin=3200.0)) == Wish(kelvin=3200)


def test_lights_add_in_order() -> None:
    wish = asked.wish(LightOptions(light=("W:3200:1", "NE"), fill=0.2))
    beams = (Beam(azimuth=270, kelvin=3200), Beam(azimuth=45))
    assert wish == Wish(beams=beams, fill=0.2)


def test_a_fan_has_eight_lights_that_differ_in_direction_alone() -> None:
    options = LightOptions(to="All", kelvin=3200.0, softness=20.0)
    assert options.is_fan
    wishes = asked.fan(asked.wish(options) or Wish())
    assert tuple(wishes) == DIRECTIONS
    for name, wish in wishes.items():
        beams = (Beam(azimuth=azimuth(name)),)
        assert wish == Wish(beams=beams, kelvin=3200, softness=20)


def test_options_override_a_look(config: Path) -> None:
    config.write_text('[mine]\nlight = ["W:3200:1"]\nkey = 2.0\nambient = 0.3\n')
    plain = asked.wish(LightOptions(look="mine"))
    assert plain == Wish(beams=(Beam(azimuth=270, kelvin=3200),), key=2, ambient=0.3)
    over = asked.wish(LightOptions(look="mine", kelvin=6000.0, ambient=1.0))
    assert over == Wish(beams=(Beam(azimuth=270),), kelvin=6000, key=2, ambient=1)


def test_a_look_says_how_much_shows_unless_it_is_asked_for(config: Path) -> None:
    config.write_text('[mine]\nto = "W"\namount = 0.5\nkeep = "color"\n')
    options = LightOptions(look="mine")
    assert (asked.amount(options), asked.keep(options)) == (0.5, "colour")
    options = LightOptions(look="mine", amount=1.0, keep="brightness")
    assert (asked.amount(options), asked.keep(options)) == (1, "brightness")
    options = LightOptions(amount=0.0)
    assert (asked.amount(options), asked.keep(options)) == (0, None)
    assert asked.amount(LightOptions(look="noon")) == 1


def test_the_kelvin_of_a_look_gives_way(config: Path) -> None:
    config.write_text('[mine]\nto = "3200_W"\n')
    wish = asked.wish(LightOptions(look="mine", kelvin=6000.0))
    assert wish == Wish(beams=(Beam(azimuth=270),), kelvin=6000)


def test_every_built_in_look_makes_a_light() -> None:
    for look in looks.BUILT_IN:
        assert asked.wish(LightOptions(look=look.name)) not in (None, Wish())
        assert look.about.endswith(".")


def test_a_look_without_a_direction_takes_no_softness(config: Path) -> None:
    config.write_text('[a]\neven = true\n[b]\nto = "W"\nsoftness = 20\n')
    with pytest.raises(UsageError, match="--look a, whose light has no direction"):
        asked.wish(LightOptions(look="a", softness=10.0))
    wish = asked.wish(LightOptions(look="b", softness=10.0))
    assert wish == Wish(beams=(Beam(azimuth=270),), softness=10)


def test_own_looks_come_last_and_may_replace(config: Path) -> None:
    config.write_text('[late]\nto = 260\nabout = "Low."\n[noon]\neven = true\n')
    everything = looks.all_looks()
    found = {look.name: look for look in everything.looks}
    assert list(found)[-1] == "late"
    assert found["late"].light.beams == (Beam(azimuth=260),)
    assert (found["late"].own, found["late"].replaces) == (True, False)
    assert found["noon"].light.even
    assert (found["noon"].own, found["noon"].replaces) == (True, True)
    assert not any(found[name].replaces for name in ("lamp", "rim", "late"))
    assert everything.faults == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a\n", "looks.toml"),
        ("to = 'W'\n", "outside a table"),
        ("[a]\nto = 'W'\nfoo = 1\n", "sets foo"),
        ("[a]\nto = 'up'\n", "[a]"),
        ("[a]\nkey = 'x'\nto = 'W'\n", "key"),
        ("[a]\nto = 'W'\namount = 5\n", "[a] amount is 5, not 0 to 1"),
        ("[a]\nto = 'W'\nlike = 'b.jpg'\n", "[a] sets like"),
        ("[a]\nto = 'W'\nkey = nan\n", "[a] key is NaN"),
        ("[a]\nto = 'W'\nkey = 2026-01-01\n", "[a] key is"),
        ("[a]\nkeep = 'colour'\n", "no light"),
        ("[a]\nto = 'W'\nkeep = ['color']\n", "[a] keep is"),
        (f"[a]\nto = {'1' * 5000}\n", "looks.toml: "),
        (f"[a]\nto = {'[' * 5000}\n", "nested too deeply"),
        ("[a]\nto = true\n", "[a] to is true"),
        ("[a]\nto = 'all'\n", "all"),
        ("[a]\nabout = 'nothing'\n", "no light"),
        ("[a]\nto = 'W'\neven = true\n", "each name a light"),
        ("[a]\neven = true\nsoftness = 5\n", "[a] --softness beside --even"),
        ("\udcff", "UTF-8"),
    ],
)
def test_a_faulty_file_is_named_with_its_fault(
    config: Path, text: str, says: str
) -> None:
    config.write_bytes(text.encode("utf-8", "surrogateescape"))
    listed = looks.all_looks()
    assert listed.looks == looks.BUILT_IN
    (fault,) = listed.faults
    assert str(config) in fault.reason
    assert says in f"{fault.reason}; {fault.remedy}"
    assert fault.name in ("", "a", "to")
    assert fault.remedy
    assert "msrnet looks" not in fault.remedy


def test_a_faulty_look_does_no_harm_to_others(config: Path) -> None:
    config.write_text("[late]\nto = 260\n[wrong]\nto = 'up'\n")
    assert looks.find("late").own
    assert looks.find("noon") in looks.BUILT_IN
    with pytest.raises(UsageError, match=r"\[wrong\]"):
        looks.find("wrong")
    listed = looks.all_looks()
    assert [look.name for look in listed.looks][-1] == "late"
    assert len(listed.looks) == len(looks.BUILT_IN) + 1
    assert [fault.name for fault in listed.faults] == ["wrong"]


def test_a_faulty_look_still_stands_in_the_place_of_a_built_in_one(
    config: Path,
) -> None:
    """It is not listed as if it could be asked for."""
    config.write_text("[noon]\nto = 'up'\n")
    with pytest.raises(UsageError, match=r"\[noon\]"):
        looks.find("noon")
    assert "noon" not in {look.name for look in looks.all_looks().looks}


def test_the_file_may_be_a_link(config: Path, tmp_path: Path) -> None:
    (tmp_path / "dotfiles.toml").write_text("[mine]\neven = true\n")
    config.symlink_to(tmp_path / "dotfiles.toml")
    assert looks.find("mine").light.even
    config.unlink()
    config.mkdir()
    with pytest.raises(UsageError, match="folder"):
        looks.find("noon")
    (fault,) = looks.all_looks().faults
    assert "folder" in fault.remedy or "folder" in fault.reason


@pytest.mark.skipif(sys.platform == "win32", reason="its folder has another name")
def test_a_relative_config_folder_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CONFIG_HOME", value)
        assert looks.own_file() == tmp_path / ".config" / "msrnet" / "looks.toml"


def test_an_unknown_look_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="golden hour") as refused:
        asked.wish(LightOptions(look="golden hour"))
    assert "golden-hour" in refused.value.remedy
    with pytest.raises(UsageError) as refused:
        asked.wish(LightOptions(look="NOON"))
    assert "noon" in refused.value.remedy


def test_options_survive_a_document() -> None:
    options = LightOptions(light=("W:3200", "E"), key=0.5, keep="colour")
    assert documents.rebuilt(LightOptions, documents.to_document(options)) == options
