"""The judge of photographs: each measure on pictures whose figure is known."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
import torch
from PIL import Image

from benchmarks.photographs import collect
from benchmarks.photographs.__main__ import main
from benchmarks.photographs.measures import (
    BARS,
    balance,
    contrast,
    document,
    lift,
    measured,
    moved,
    plain_tint,
    tint,
    verdicts,
    warmth,
)
from benchmarks.photographs.sheets import sheet
from msrnet_cli.lights import kelvin_gains


def grey(*columns: float, height: int = 8) -> torch.Tensor:
    """A grey picture, column by column."""
    return torch.tensor(columns).expand(3, height, len(columns))


def coloured(red: float, green: float, blue: float) -> torch.Tensor:
    return torch.tensor([red, green, blue])[:, None, None].expand(3, 8, 8)


def encoded(linear: float) -> float:
    """The sRGB curve above its straight piece."""
    return 1.055 * linear ** (1 / 2.4) - 0.055


def test_movement_is_a_mean_of_differences_in_255ths():
    assert moved(grey(0.5, 0.5), grey(0.5, 0.7)) == pytest.approx(25.5)
    assert moved(grey(0.7, 0.5), grey(0.5, 0.7)) == pytest.approx(51)


def test_balance_is_positive_where_the_right_half_is_brighter():
    assert balance(grey(0.2, 0.6)) == pytest.approx(0.5)
    assert balance(grey(0.6, 0.2)) == pytest.approx(-0.5)
    assert balance(grey(0.2, 1.0, 0.6)) == pytest.approx(0.5)  # not the middle
    assert balance(grey(0.0, 0.0)) == 0


def test_contrast_is_a_ratio_of_deviations():
    before = grey(0.2, 0.4, 0.6, 0.8)
    assert contrast(before * 0.5 + 0.3, before) == pytest.approx(0.5)
    assert contrast(before, before) == pytest.approx(1)


def test_lift_looks_at_the_darkest_hundredth():
    before = torch.linspace(0, 1, 1001).expand(3, 1, 1001)
    assert lift(before + 0.1, before) == pytest.approx(25.5, abs=0.01)
    assert lift(before * 0, before) == pytest.approx(-2.55, abs=0.01)
    brighter_above = before.where(before < 0.5, torch.ones(()))
    assert lift(brighter_above, before) == pytest.approx(0, abs=1e-4)


def test_warmth_is_of_linear_light():
    assert warmth(coloured(encoded(0.6), 0, encoded(0.3))) == pytest.approx(2)
    before = coloured(encoded(0.3), 0.5, encoded(0.3))
    after = coloured(encoded(0.33), 0.5, encoded(0.3))
    assert tint(after, before) == pytest.approx(0.1, abs=1e-5)
    assert tint(before, after) == pytest.approx(1 / 1.1 - 1, abs=1e-5)


def test_brightness_leaves_warmth():
    before = coloured(encoded(0.2), encoded(0.3), encoded(0.1))
    after = coloured(encoded(0.4), encoded(0.6), encoded(0.2))
    assert tint(after, before) == pytest.approx(0, abs=1e-6)


def test_the_plain_command_should_be_as_warm_as_4500_kelvin():
    red, green, blue = (0.3 * gain for gain in kelvin_gains(4500))
    before = coloured(*[encoded(0.3)] * 3)
    after = coloured(encoded(red), encoded(green), encoded(blue))
    assert plain_tint(after, before) == pytest.approx(0, abs=1e-6)
    assert plain_tint(before, before) == pytest.approx(blue / red - 1)


def test_the_worse_of_both_lights_counts():
    before = grey(0.4, 0.5, 0.4, 0.5)
    flat, same = grey(0.45, 0.45, 0.45, 0.45), before
    for west, east in ((flat, same), (same, flat)):
        figures = measured("x", before, west, east, same)
        assert figures.contrast == pytest.approx(0, abs=1e-5)
        assert figures.lift == pytest.approx(255 * 0.05, abs=0.01)
        assert figures.plain_contrast == pytest.approx(1)
    warm = coloured(encoded(0.3), 0.5, encoded(0.2))
    cool = coloured(encoded(0.3), 0.5, encoded(0.4))
    even = coloured(encoded(0.3), 0.5, encoded(0.3))
    for west, east in ((warm, cool), (cool, warm)):
        assert measured("x", even, west, east, even).tint == pytest.approx(
            0.5, abs=1e-5
        )


def test_light_goes_where_it_is_asked_to():
    before = grey(0.5, 0.5)
    left, right = grey(0.6, 0.4), grey(0.4, 0.6)
    assert measured("x", before, left, right, before).shift == pytest.approx(0.4)
    assert measured("x", before, left, right, before).asked
    assert measured("x", before, right, left, before).shift == pytest.approx(-0.4)
    both_right = measured("x", before, grey(0.49, 0.51), right, before)
    assert both_right.shift > 0
    assert not both_right.asked


def test_a_photograph_that_stays_breaks_nothing_and_moves_nothing():
    before = torch.rand(3, 20, 20, generator=torch.Generator().manual_seed(0))
    figures = [measured("x", before, before, before, before)]
    met = {each.of: each.met for each in verdicts(figures)}
    assert met == {
        "moved": 0, "shift": 0, "contrast": 1, "lift": 1, "tint": 1,
        "plain_contrast": 1, "plain_lift": 1, "plain_tint": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("of", "inside", "outside"),
    [
        ("moved", (8, 30), (7.9,)),
        ("shift", (0.001,), (0, -0.1)),
        ("contrast", (0.9, 2), (0.89,)),
        ("lift", (3, -50), (3.1,)),
        ("tint", (0.05, -0.05), (0.051, -0.051)),
        ("plain_tint", (0.1, -0.1), (0.11, -0.11)),
    ],
)
def test_bars_are_where_they_are_said_to_be(of, inside, outside):
    bar = next(each for each in BARS if each.of == of)
    assert all(map(bar.met, inside))
    assert not any(map(bar.met, outside))


def test_documents_hold_figures_and_counts():
    before = grey(0.2, 0.6)
    figures = [measured("x", before, before, before, before)]
    made = json.loads(json.dumps(document(figures)))
    assert made["photographs"][0]["name"] == "x"
    assert [each["of"] for each in made["bars"]] == [bar.of for bar in BARS]


def test_thirty_photographs_are_listed_each_with_its_author():
    photographs = collect.listed()
    assert len({each.name for each in photographs}) == len(photographs) == 30
    assert len({each.sha256 for each in photographs}) == 30
    assert all(each.author and each.licence and each.version for each in photographs)
    assert {each.manager for each in photographs} == {"apt", "pip"}


def test_photographs_are_read_small_and_only_if_they_are_the_listed_ones(tmp_path):
    photograph = replace(collect.listed()[0], name="x", path="a/b.png")
    with pytest.raises(collect.CollectError, match="missing"):
        photograph.load(tmp_path)
    Image.new("RGB", (3 * collect.SIDE, 600), (10, 20, 30)).save(tmp_path / "x.png")
    with pytest.raises(collect.CollectError, match="another picture"):
        photograph.load(tmp_path)
    digest = hashlib.sha256((tmp_path / "x.png").read_bytes()).hexdigest()
    picture = replace(photograph, sha256=digest).load(tmp_path)
    assert picture.shape == (3, 200, collect.SIDE)
    assert picture[:, 0, 0].tolist() == [10, 20, 30]


def test_a_folder_without_photographs_is_one_line_of_error(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("sys.argv", ["photographs", "judge", str(tmp_path), "--json"])
    assert main() == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "fetch" in said.err


def test_sheets_show_pictures_in_order_under_their_labels():
    colours = {"input": (200, 0, 0), "W": (0, 200, 0), "E": (0, 0, 200)}
    pictures = {
        label: Image.new("RGB", (300, 150), colour) for label, colour in colours.items()
    }
    page = sheet(pictures, "somebody, CC0-1.0", side=100)
    middle = [page.getpixel((8 + 108 * place + 50, 28 + 25)) for place in range(3)]
    assert middle == list(colours.values())
    assert page.width == 3 * 108 + 8
    label, credit = page.crop((0, 0, 330, 28)), page.crop((0, 78, 330, page.height))
    assert len(label.getcolors(10_000)) > 1
    assert len(credit.getcolors(10_000)) > 1
    assert next(iter(pictures.values())).size == (300, 150)  # as it came
