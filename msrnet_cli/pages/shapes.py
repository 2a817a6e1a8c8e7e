"""The shapes of a chart: what is drawn where, and the table beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.pages.scales import Scale, Tick, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Points = Sequence[tuple[float, float]]
    Rule = tuple[float, float, float, float, str]

WIDTH, HEIGHT = 560.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 14.0, 22.0, 44.0
"""Margins of the area between the axes."""

_MOST_DOTS = 60


@dataclass(frozen=True)
class Numbers:
    """The numbers of a chart as a table.

    Attributes:
        heads: Of the columns.
        rows: As many cells each.
        note: What the table leaves out; "" if nothing.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Shape:
    """A line, its dots, or a bar.

    Attributes:
        kind: Of the colour, 0 to 5.
        path: Of a line, as SVG writes it; "" for a bar.
        dots: Places, and what each says.
        box: Of a bar: left, top, width, height.
        says: What a bar says.
    """

    kind: int
    path: str = ""
    dots: tuple[tuple[float, float, str], ...] = ()
    box: tuple[float, float, float, float] | None = None
    says: str = ""


@dataclass(frozen=True)
class Label:
    """A text at a place; ``start``, ``middle`` or ``end`` of the text is there."""

    x: float
    y: float
    text: str
    anchor: str = "middle"
    kind: str = "tick"


@dataclass(frozen=True)
class Chart:
    """A chart, ready to be written.

    Attributes:
        name: Names it on its page: letters, digits and hyphens.
        title: What it shows.
        about: The same in a sentence or two, for those who cannot see it.
        width: Of the drawing.
        height: Of the drawing.
        shapes: Lines and bars.
        labels: Texts.
        rules: Lines of the axes: x1, y1, x2, y2, and ``rule``, ``axis`` or ``mark``.
        legend: Names of series, with the kind of each; empty for one.
        numbers: What is shown.
    """

    name: str
    title: str
    about: str
    width: float
    height: float
    shapes: tuple[Shape, ...]
    labels: tuple[Label, ...]
    rules: tuple[Rule, ...]
    legend: tuple[tuple[int, str], ...]
    numbers: Numbers

    @property
    def has_bars(self) -> bool:
        """Whether values are bars, not lines."""
        return any(shape.box for shape in self.shapes)


@dataclass(frozen=True)
class Frame:
    """The area between two axes.

    Attributes:
        x: Of the horizontal axis.
        y: Of the vertical axis.
    """

    x: Scale
    y: Scale

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies in the drawing."""
        across = LEFT + self.x.part(x) * (WIDTH - LEFT - RIGHT)
        up = self.y.part(y) * (HEIGHT - TOP - BOTTOM)
        return round(across, 1), round(HEIGHT - BOTTOM - up, 1)

    def line(
        self, kind: int, name: str, points: Points, style: Callable[[float], str]
    ) -> Shape:
        """A line, with dots where these are few, or alone."""
        path, dots = [], []
        for part in parts(points):
            places = [self.at(*point) for point in part]
            path.append("M" + "L".join(f"{x:g} {y:g}" for x, y in places))
            if len(points) <= _MOST_DOTS or len(part) == 1:
                dots += [
                    (*place, f"{name}, {short(x)}: {style(y)}")
                    for place, (x, y) in zip(places, part, strict=True)
                ]
        return Shape(kind, "".join(path), tuple(dots))

    def axes(
        self, across: str, *, whole: bool = False
    ) -> tuple[list[Rule], list[Label]]:
        """Rules and labels; `whole` keeps numbers beside the vertical axis whole."""
        end, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        rules, labels = [], []
        for tick in self._upward(whole):
            y = self.at(self.x.low, tick.value)[1]
            kind = "axis" if y == bottom else "rule"
            rules.append((LEFT, y, end, y, kind))
            labels.append(Label(LEFT - 8, y + 4, tick.text, "end"))
        for tick in self.x.ticks():
            x = self.at(tick.value, self.y.low)[0]
            rules.append((x, bottom, x, bottom + 5, "axis"))
            labels.append(Label(x, bottom + 19, tick.text))
        rules.append((LEFT, bottom, end, bottom, "axis"))
        labels.append(Label((LEFT + end) / 2, HEIGHT - 6, across, kind="across"))
        return rules, labels

    def _upward(self, whole: bool) -> Iterator[Tick]:
        for tick in self.y.ticks(5):
            if not whole:
                yield tick
            elif tick.value == round(tick.value):
                yield Tick(tick.value, short(round(tick.value)))


def parts(points: Points) -> list[list[tuple[float, float]]]:
    """The uninterrupted parts of a line."""
    found: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if math.isfinite(y):
            found[-1].append((x, y))
        elif found[-1]:
            found.append([])
    return [part for part in found if part]
