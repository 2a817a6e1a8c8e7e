"""What a seed decides is the same for ever, and stays within what was asked for."""

import statistics
from collections import Counter
from pathlib import Path

import pytest

from msrnet_cli.pairs.draw import Sampler
from msrnet_cli.pairs.files import PictureFile
from msrnet_cli.pairs.find import Pair
from msrnet_cli.pairs.options import PairOptions

ALL = PairOptions(mirror=True, exposure=0.4, tint=0.2, zoom=0.5)
SHAPE = (48, 80)


def scenes(count, *, mirrored=True):
    def picture(number, light):
        return PictureFile(Path(f"{number}_{light}.png"))

    return [
        Pair(
            str(number),
            picture(number, "N"),
            picture(number, "E"),
            (picture(number, "N"), picture(number, "W")) if mirrored else None,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("seed", "number", "name", "rows", "columns", "gains"),
    [
        (0, 0, "0 mirrored", (12, 36, 32, 6), (12, 61, 54, 18),
         (1.45707, 1.389891, 1.333976)),
        (0, 8, "3", (5, 31, 32, 0), (15, 52, 54, 22),
         (1.058326, 0.966191, 1.095237)),
        (7, 2, "3", (3, 43, 32, 6), (6, 71, 53, 4),
         (1.273401, 1.273827, 1.088911)),
        (7, 1000, "3 mirrored", (5, 31, 32, 0), (27, 52, 54, 12),
         (0.89228, 0.768613, 0.889992)),
    ],
)  # fmt: skip
def test_a_resumed_run_draws_what_was_drawn_before(
    seed, number, name, rows, columns, gains
):
    draw = Sampler(scenes(5), ALL, seed).draw(number, SHAPE, 32, 24)
    assert (draw.choice.name, draw.rows, draw.columns) == (name, rows, columns)
    assert draw.gains == pytest.approx(gains, abs=1e-6)
    assert draw.side == 24


def test_the_pictures_are_known_before_the_rest_is_drawn():
    sampler = Sampler(scenes(3), ALL, seed=3)
    for number in range(20):
        choice = sampler.choice(number)
        assert sampler.draw(number, SHAPE, 32).choice == choice
        assert choice.target.path.name.endswith("W.png" if choice.flip else "E.png")


def test_every_pass_shows_every_scene_once_in_an_order_of_its_own():
    sampler = Sampler(scenes(5), PairOptions(), seed=0)
    names = [sampler.choice(number).name for number in range(15)]
    passes = [tuple(names[i : i + 5]) for i in (0, 5, 10)]
    assert all(set(one) == set("01234") for one in passes)
    assert len(set(passes)) > 1


def test_half_of_the_examples_are_mirrored_where_that_can_be():
    found = Counter(
        Sampler(scenes(1), ALL, seed=0).choice(number).flip for number in range(400)
    )
    assert 160 < found[True] < 240
    for pairs, options in (
        (scenes(1), PairOptions()),
        (scenes(1, mirrored=False), ALL),
    ):
        sampler = Sampler(pairs, options, seed=0)
        assert not any(sampler.choice(number).flip for number in range(20))


@pytest.mark.parametrize("shape", [(48, 80), (80, 48), (41, 41), (20, 200)])
@pytest.mark.parametrize(("size", "crop"), [(32, 0), (32, 24), (16, 40), (100, 64)])
def test_what_is_seen_lies_in_the_picture(shape, size, crop):
    sampler = Sampler(scenes(3), ALL, seed=1)
    for number in range(60):
        draw = sampler.draw(number, shape, size, crop)
        assert draw.side == min(crop or size, size)
        for span, length in zip((draw.rows, draw.columns), shape, strict=True):
            assert 0 <= span.start <= length - span.length
            assert span.length >= (1 - ALL.zoom) * length - 0.5
            assert 0 <= span.first <= span.scaled - draw.side
        assert min(draw.rows.scaled, draw.columns.scaled) == size


def test_zoom_is_mostly_by_little():
    sampler = Sampler(scenes(1), PairOptions(zoom=0.5), seed=0)
    shares = [sampler.draw(n, (1000, 1000), 32).rows.length / 1000 for n in range(400)]
    # 1 - u² / 2 for a uniform u: median 7/8, mean 5/6.
    assert statistics.median(shares) == pytest.approx(0.875, abs=0.03)
    assert statistics.mean(shares) == pytest.approx(0.833, abs=0.02)


def test_gains_are_a_brightness_and_a_little_of_each_colour():
    options = PairOptions(exposure=1.0, tint=0.125)
    for number in range(100):
        gains = Sampler(scenes(1), options, seed=0).draw(number, SHAPE, 32).gains
        assert max(gains) / min(gains) <= 2**0.25
        assert 2**-1.125 <= min(gains) <= max(gains) <= 2**1.125
    assert Sampler(scenes(1), PairOptions(), 0).draw(0, SHAPE, 32).gains is None


def test_without_a_seed_nothing_is_left_to_chance():
    sampler = Sampler(scenes(3), ALL, seed=None)
    draws = [sampler.draw(number, SHAPE, 24, 16) for number in range(6)]
    assert [draw.choice.name for draw in draws] == list("012012")
    for draw in draws:
        assert draw.rows == (0, 48, 24, 4)
        assert draw.columns == (0, 80, 40, 12)
        assert draw.gains is None
