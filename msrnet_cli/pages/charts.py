"""Charts for pages: lines, bars and histograms, each with a table of its numbers.

Numbers become shapes here, and `shared/charts.html` writes them as inline SVG: no
script is needed to see them, and colours are those of the page's scheme.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.pages.scales import round_step, scale_of, short
from msrnet_cli.pages.shapes import (
    BOTTOM,
    HEIGHT,
    RIGHT,
    TOP,
    WIDTH,
    Chart,
    Frame,
    Label,
    Numbers,
    Shape,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from msrnet_cli.pages.shapes import Points, Rule

COLOURS = 6
"""How many series differ in colour and dashes."""

_MOST_POINTS, _MOST_ROWS = 400, 100
_LETTER = 7.0  # about the width of one
_BAR, _BAR_LINE, _BAR_HEAD = 14.0, 40.0, 18.0
_FEWEST_BINS, _MOST_BINS = 4, 20


@dataclass(frozen=True)
class Series:
    """Values over another quantity.

    Attributes:
        name: For the legend.
        points: Place and value, by rising place; a value that is not finite interrupts
            the line.
    """

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Bar:
    """A value with its name.

    Attributes:
        name: What is measured.
        value: Not below 0; None where there is none.
        text: The value as it is written, with its unit.
        kind: Bars of one kind have one colour, 0 to 5.
    """

    name: str
    value: float | None
    text: str
    kind: int = 0


def lines(
    name: str,
    title: str,
    series: Sequence[Series],
    across: str,
    *,
    log: bool = False,
    marks: Sequence[tuple[float, str]] = (),
    style: Callable[[float], str] = short,
) -> Chart:
    """A line chart.

    Args:
        name: See `Chart`.
        title: What the vertical axis shows, with its unit.
        series: From the seventh on, colours come again.
        across: What the horizontal axis counts.
        log: Whether the vertical axis is logarithmic; where a value is 0 or less, it
            is not.
        marks: Places at which something changes, and what begins there.
        style: Writes a value.
    """
    drawn = [Series(s.name, thinned(s.points)) for s in series]
    known = [p for s in drawn for p in s.points if math.isfinite(p[1])]
    frame = Frame(
        scale_of([x for x, _ in known], holds=_from_zero(known)),
        scale_of([y for _, y in known], log=log),
    )
    shapes = [
        frame.line(kind % COLOURS, s.name, s.points, style)
        for kind, s in enumerate(drawn)
    ]
    rules, labels = frame.axes(across)
    if known:
        _mark(frame, marks, rules, labels)
    if not known:
        labels.append(Label(WIDTH / 2, HEIGHT / 2, "no values yet"))
    return Chart(
        name, title, _about_lines(title, series, across, style), WIDTH, HEIGHT,
        tuple(shapes), tuple(labels), tuple(rules),
        _legend(series),
        _numbers(series, across, style),
    )  # fmt: skip


def bars(
    name: str,
    title: str,
    found: Sequence[Bar],
    *,
    most: float = 0.0,
    rule: tuple[float, str] | None = None,
    heads: tuple[str, str] = ("name", "value"),
    legend: Sequence[tuple[int, str]] = (),
) -> Chart:
    """Bars from the left, each below its name.

    Args:
        name: See `Chart`.
        title: What they show, with the unit.
        found: From top to bottom.
        most: The longest bar has at least this value.
        rule: A value to compare with, and its name.
        heads: Of the table of numbers.
        legend: What bars of each kind are.
    """
    values = [bar.value for bar in found if bar.value is not None]
    widest = max((*values, most, rule[0] if rule else 0.0), default=0.0) or 1.0
    space, top = WIDTH - 2 * RIGHT, 24.0 if rule else 4.0
    shapes, labels = [], []
    rules: list[Rule] = []
    for row, bar in enumerate(found):
        y = top + row * _BAR_LINE
        labels.append(Label(RIGHT, y + 13, bar.name, "start", "name"))
        labels.append(Label(WIDTH - RIGHT, y + 13, bar.text, "end", "value"))
        length = (bar.value or 0.0) / widest * space
        says, at = f"{bar.name}: {bar.text}", y + _BAR_HEAD
        shapes.append(
            Shape(bar.kind % COLOURS, box=(RIGHT, at, length, _BAR), says=says)
        )
    height = top + len(found) * _BAR_LINE
    if rule:
        x = RIGHT + rule[0] / widest * space
        rules.append((x, top - 4, x, height, "mark"))
        is_right = x > WIDTH / 2
        anchor, dx = ("end", -4) if is_right else ("start", 4)
        labels.append(Label(x + dx, 14, rule[1], anchor, "mark"))
    told = "; ".join(f"{bar.name}: {bar.text}" for bar in found[:4])
    more = f"; and {len(found) - 4} more" if len(found) > 4 else ""
    return Chart(
        name, title, f"{title}. {told}{more}.", WIDTH, height,
        tuple(shapes), tuple(labels), tuple(rules), tuple(legend) if legend[1:] else (),
        Numbers(heads, tuple((bar.name, bar.text) for bar in found)),
    )  # fmt: skip


def histogram(
    name: str, title: str, values: Sequence[float], across: str, noun: str = "pictures"
) -> Chart:
    """How many values lie between round numbers.

    Args:
        name: See `Chart`.
        title: What is counted.
        values: Those that are not finite are left out, and counted in the note.
        across: What the horizontal axis shows, with its unit.
        noun: What has a value, in the plural.
    """
    known = [value for value in values if math.isfinite(value)]
    bins = counted(known)
    edges = [edge for low, high, _ in bins for edge in (low, high)]
    counts = [count for *_, count in bins]
    frame = Frame(
        scale_of(edges), scale_of([0.0, *map(float, counts)], holds=[0.0, 1.0])
    )
    rules, labels = frame.axes(across, whole=True)
    shapes, rows = [], []
    step = bins[0][1] - bins[0][0] if bins else 0.0
    for low, high, count in bins:
        span = f"{short(low, step)} to {short(high, step)}"
        rows.append((span, str(count)))
        if not count:
            continue
        left, top = frame.at(low, count)
        right, bottom = frame.at(high, 0.0)
        box = (left + 1, top, max(1.0, right - left - 2), bottom - top)
        shapes.append(Shape(0 if low >= 0 else 1, box=box, says=f"{span}: {count}"))
    if frame.x.low < 0 < frame.x.high:
        zero = frame.at(0.0, 0.0)[0]
        rules.append((zero, TOP, zero, HEIGHT - BOTTOM, "mark"))
    left_out = len(values) - len(known)
    note = f"{left_out} without a finite value are left out." if left_out else ""
    told = ""
    if bins:
        low, high, _ = max(bins, key=lambda each: each[2])
        told = f" Most lie between {short(low, step)} and {short(high, step)}."
    return Chart(
        name, title, f"{title}: {len(known)} {noun}.{told}",
        WIDTH, HEIGHT, tuple(shapes), tuple(labels), tuple(rules), (),
        Numbers((across, noun), tuple(rows), note),
    )  # fmt: skip


def counted(values: Sequence[float]) -> list[tuple[float, float, int]]:
    """Bins between round numbers: from, to, how many; the last one holds its end."""
    if not values:
        return []
    scale = scale_of(values)
    wanted = min(_MOST_BINS, max(_FEWEST_BINS, round(1.5 * math.sqrt(len(values)))))
    step = round_step(scale.low, scale.high, wanted)
    first = math.floor(scale.low / step)
    count = max(1, math.ceil(scale.high / step) - first)
    counts = [0] * count
    for value in values:
        counts[min(count - 1, math.floor(value / step) - first)] += 1
    return [
        ((first + place) * step, (first + place + 1) * step, number)
        for place, number in enumerate(counts)
    ]


def thinned(
    points: Points, most: int = _MOST_POINTS
) -> tuple[tuple[float, float], ...]:
    """At most about so many points: of each stretch the least and the largest value.

    Interruptions of the line stay.
    """
    if len(points) <= most:
        return tuple(points)
    size = math.ceil(2 * len(points) / most)
    kept: list[tuple[float, float]] = []
    for first in range(0, len(points), size):
        stretch = range(first, min(first + size, len(points)))
        finite = [i for i in stretch if math.isfinite(points[i][1])]
        broken = [i for i in stretch if not math.isfinite(points[i][1])]
        chosen = {min(finite, key=lambda i: points[i][1], default=-1)}
        chosen |= {max(finite, key=lambda i: points[i][1], default=-1)}
        kept += [points[i] for i in sorted((chosen | set(broken[:1])) - {-1})]
    return tuple(kept)


def _mark(
    frame: Frame,
    marks: Sequence[tuple[float, str]],
    rules: list[Rule],
    labels: list[Label],
) -> None:
    """Add rules where something changes; those too close to the last have no text."""
    free = 0.0
    for place, text in marks:
        if not frame.x.low <= place <= frame.x.high:
            continue
        x = frame.at(place, frame.y.low)[0]
        rules.append((x, TOP, x, HEIGHT - BOTTOM, "mark"))
        length = len(text) * _LETTER
        start = min(x - 2, WIDTH - length)
        if start >= free:
            labels.append(Label(round(start, 1), TOP - 7, text, "start", "mark"))
            free = start + length


def _legend(series: Sequence[Series]) -> tuple[tuple[int, str], ...]:
    """Names of series; one alone needs none."""
    named = enumerate(series) if len(series) > 1 else ()
    return tuple((number % COLOURS, one.name) for number, one in named)


def _from_zero(points: Points) -> list[float]:
    """0, where the axis begins near it anyway."""
    places = [x for x, _ in points]
    if not places or min(places) <= 0:
        return []
    is_near = min(places) <= 0.2 * max(places) or min(places) == max(places)
    return [0.0] if is_near else []


def _about_lines(
    title: str, series: Sequence[Series], across: str, style: Callable[[float], str]
) -> str:
    said = []
    for one in series:
        known = [(x, y) for x, y in one.points if math.isfinite(y)]
        if known:
            (_, first), (at, last) = known[0], known[-1]
            said.append(
                f"{one.name} begins at {style(first)} and stands at {style(last)}"
                f" at {across} {short(at)}"
            )
    return f"{title}. {'; '.join(said) or 'There are no values yet'}."


def _numbers(
    series: Sequence[Series], across: str, style: Callable[[float], str]
) -> Numbers:
    by_place: dict[float, dict[int, float]] = {}
    for column, one in enumerate(series):
        for x, y in one.points:
            if math.isfinite(y):
                by_place.setdefault(x, {})[column] = y
    places = sorted(by_place)
    every = max(1, math.ceil(len(places) / _MOST_ROWS))
    kept = places[::-1][::every][::-1]  # the newest is always there
    rows = [
        (
            f"{x:g}",
            *(
                style(by_place[x][c]) if c in by_place[x] else ""
                for c in range(len(series))
            ),
        )
        for x in kept
    ]
    note = f"Every {every}th of {len(places)} rows." if every > 1 else ""
    return Numbers((across, *(one.name for one in series)), tuple(rows), note)
