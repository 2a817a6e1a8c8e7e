"""Charts of pages: scales, ticks, gaps, bins, and the table beside each."""

import math
import re
from itertools import pairwise

import pytest

from msrnet_cli.pages import charts
from msrnet_cli.pages.assemble import _environment
from msrnet_cli.pages.charts import Bar, Series, counted, thinned
from msrnet_cli.pages.scales import Scale, round_step, scale_of, short
from msrnet_cli.pages.shapes import HEIGHT, WIDTH

SPANS = [(0, 1), (-3, 7), (0.001, 0.0012), (0, 1_000_000), (17.2, 17.9), (-5e-6, 3e-6)]


def line(*points, **options):
    chart = charts.lines("a", "title", [Series("one", points)], "step", **options)
    (shape,) = chart.shapes
    return chart, shape


def places(path):
    """The points of a path, part by part."""
    return [
        [tuple(map(float, point.split())) for point in part.split("L")]
        for part in path.split("M")[1:]
    ]


@pytest.mark.parametrize(("low", "high"), SPANS)
def test_ticks_are_round_evenly_apart_and_within(low, high):
    ticks = Scale(low, high).ticks()
    values = [tick.value for tick in ticks]
    assert 2 <= len(values) <= 7
    room = (high - low) * 1e-6
    assert all(low - room <= value <= high + room for value in values)
    steps = [b - a for a, b in pairwise(values)]
    assert steps == pytest.approx([steps[0]] * len(steps))
    digits = f"{steps[0]:.1e}"[:3]
    assert digits in {"1.0", "2.0", "2.5", "5.0"}
    assert len({tick.text for tick in ticks}) == len(ticks), (
        "each has a text of its own"
    )


def test_ticks_of_a_logarithm_are_powers_of_ten_or_their_parts():
    values = [tick.value for tick in Scale(0.02, 3000, is_log=True).ticks()]
    assert values == pytest.approx([0.1, 1, 10, 100, 1000])
    values = [tick.value for tick in Scale(0.9, 6, is_log=True).ticks()]
    assert values == pytest.approx([1, 2, 5])
    narrow = [tick.value for tick in Scale(3.1, 3.4, is_log=True).ticks()]
    assert len(narrow) > 2, "no power lies there: plain round numbers"


def test_equal_values_lie_in_the_middle():
    for value in (0.0, 5.0, -3.0):
        assert scale_of([value, value]).part(value) == pytest.approx(0.5)
    assert scale_of([4.0], log=True).part(4.0) == pytest.approx(0.5)
    assert scale_of([]) == Scale(0.0, 1.0)
    assert scale_of([math.nan, math.inf, 2, 4]) == Scale(2, 4)


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_a_logarithm_is_taken_only_above_zero(low):
    assert scale_of([0.1, 10], log=True).is_log
    assert not scale_of([low, 10], log=True).is_log


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "0.25"), (250000, "250k"), (1.5e6, "1.5M"), (5e-5, "5e-05"), (0, "0")],
)
def test_numbers_are_short(value, text):
    assert short(value) == text


def test_a_step_fits_at_most_so_many_times():
    for low, high in SPANS:
        for most in range(1, 20):
            assert (high - low) / round_step(low, high, most) <= most * (1 + 1e-6)


def test_a_gap_is_not_drawn_over():
    _, whole = line((0, 0.0), (40, 1.0), (60, 0.2), (100, 0.5))
    _, broken = line((0, 0.0), (40, 1.0), (60, math.nan), (80, 0.3), (100, 0.5))
    assert len(places(whole.path)) == 1
    assert [len(part) for part in places(broken.path)] == [2, 2]


def test_higher_values_lie_higher_and_later_ones_to_the_right():
    _, shape = line((1, 3.0), (2, 5.0), (3, 4.0))
    ((a, b, c),) = places(shape.path)
    assert a[0] < b[0] < c[0]
    assert a[1] > c[1] > b[1]
    for x, y in (a, b, c):
        assert 0 < x < WIDTH
        assert 0 < y < HEIGHT


def test_one_point_is_a_dot_within_the_chart():
    chart, shape = line((500, 2.0))
    ((x, y, says),) = shape.dots
    assert 0 < x <= WIDTH
    assert 0 < y < HEIGHT
    assert says == "one, 500: 2"
    assert chart.numbers.rows == (("500", "2"),)


@pytest.mark.parametrize("points", [(), ((3, math.nan),)])
def test_nothing_to_draw_says_so(points):
    chart, shape = line(*points)
    assert not shape.path
    assert not shape.dots
    assert any(label.text == "no values yet" for label in chart.labels)
    assert "no values yet" in chart.about


def test_many_points_keep_their_extremes_and_gaps():
    points = [(float(x), math.sin(x / 300)) for x in range(20_000)]
    points[7_000] = (7_000.0, 50.0)
    points[9_000] = (9_000.0, math.nan)
    kept = thinned(points)
    assert len(kept) < 500
    assert (7_000.0, 50.0) in kept
    assert any(math.isnan(y) for _, y in kept)
    assert [x for x, _ in kept] == sorted(x for x, _ in kept)


def test_the_table_of_many_points_is_short_and_holds_the_newest():
    chart, _ = line(*((float(x), float(x)) for x in range(1000)))
    assert len(chart.numbers.rows) <= 100
    assert chart.numbers.rows[-1][0] == "999"
    assert "of 1000 rows" in chart.numbers.note


def test_series_share_a_table_by_their_places():
    series = [Series("a", ((1, 1.0), (2, 2.0))), Series("b", ((2, 5.0),))]
    chart = charts.lines("x", "title", series, "step")
    assert chart.numbers.heads == ("step", "a", "b")
    assert chart.numbers.rows == (("1", "1", ""), ("2", "2", "5"))
    assert [name for _, name in chart.legend] == ["a", "b"]


def test_marks_stand_where_something_changes_and_texts_do_not_collide():
    marks = [(50.0, "stage 2"), (51.0, "96 px"), (500.0, "beyond")]
    chart, _ = line((0, 1.0), (100, 2.0), marks=marks)
    rules = [rule for rule in chart.rules if rule[4] == "mark"]
    texts = [label.text for label in chart.labels if label.kind == "mark"]
    assert len(rules) == 2
    assert texts == ["stage 2"]


@pytest.mark.parametrize(
    "values",
    [
        [0.5],
        [2.0] * 7,
        [x / 10 for x in range(-20, 55)],
        [1.0, 1.0, 2.0, 3.0, 3.0],
        [-0.1, 0.0, 0.1],
        [1e6, 2e6, 2.5e6],
    ],
)
def test_bins_hold_every_value_once(values):
    bins = counted(values)
    assert sum(count for *_, count in bins) == len(values)
    assert all(a[1] == pytest.approx(b[0]) for a, b in pairwise(bins))
    end = bins[-1][1]
    for low, high, count in bins:
        room = (high - low) * 1e-6
        inside = [v for v in values if low - room <= v < high - room]
        inside += [v for v in values if v >= high - room and high == end]
        assert len(inside) == count
    step = bins[0][1] - bins[0][0]
    assert all(low / step == pytest.approx(round(low / step)) for low, *_ in bins)


def test_a_histogram_says_what_it_leaves_out():
    chart = charts.histogram("h", "title", [1.0, math.nan, 2.0], "gain")
    assert sum(int(count) for _, count in chart.numbers.rows) == 2
    assert chart.numbers.note.startswith("1 without a finite value")
    assert charts.histogram("h", "title", [], "gain").numbers.rows == ()


def test_bars_are_as_long_as_their_values():
    found = [Bar("a", 2.0, "2 s"), Bar("b", 4.0, "4 s"), Bar("c", None, "FAILED")]
    chart = charts.bars("b", "title", found, rule=(8.0, "ceiling"))
    a, b, c = (shape.box[2] for shape in chart.shapes)
    assert (b, c) == (pytest.approx(2 * a), 0)
    (mark,) = (rule for rule in chart.rules if rule[4] == "mark")
    assert mark[0] - chart.shapes[0].box[0] == pytest.approx(2 * b)
    assert chart.numbers.rows == (("a", "2 s"), ("b", "4 s"), ("c", "FAILED"))


def test_names_in_charts_are_escaped_and_ids_are_their_own():
    evil = "</title><script>alert(1)</script>&\"'"
    chart = charts.lines("n", evil, [Series(evil, ((1, 1.0), (2, 2.0)))], evil)
    source = '{% from "shared/charts.html" import chart %}{{ chart(it) }}'
    html = _environment().from_string(source).render(it=chart)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 3
    ids = re.findall(r'id="([^"]+)"', html)
    assert len(ids) == len(set(ids)) == 3
    assert 'aria-labelledby="n-title"' in html
    assert "style=" not in html
