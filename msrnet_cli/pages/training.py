"""The page about a training run: curves, previews over time, settings, machine.

It holds its previews, so that one file can be sent around. `following` writes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.options import asked
from msrnet_cli.pages import charts
from msrnet_cli.pages.assemble import assemble
from msrnet_cli.pages.charts import Series
from msrnet_cli.pages.scales import short
from msrnet_cli.pages.shapes import Numbers
from msrnet_cli.report.terminal import count, duration
from msrnet_cli.train.options import TrainOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from msrnet_cli.pages.shapes import Chart
    from msrnet_cli.train.events import TrainProgress, TrainStarted, TrainSummary

_MOST_PREVIEWS = 12
_GAINS, _DEGREES = ("task", "night", "day"), ("azimuth", "read")


@dataclass(frozen=True)
class Moment:
    """What a run measured at a step: a row of metrics.csv.

    Attributes:
        step: Steps since the start of the run.
        stage: ``1`` or ``2``.
        size: Side of the pictures, in pixels.
        values: By column.
    """

    step: int
    stage: str
    size: int
    values: dict[str, float]


@dataclass(frozen=True)
class Preview:
    """What the network painted of some validation pictures.

    Attributes:
        step: After which it did.
        address: The sheet, reduced.
        width: Of the sheet, in pixels.
        height: Of the sheet, in pixels.
        link: The file at full size, as the page reaches it; "" if it does not.
    """

    step: int
    address: str
    width: int
    height: int
    link: str


@dataclass(frozen=True)
class Told:
    """All that is known of a run.

    Attributes:
        options: Its settings.
        started: How it began, the last time.
        moments: What it measured, by rising step.
        previews: Some of its previews, by rising step.
        machine: What it runs on, by name.
        latest: Its newest progress; None before the first.
        summary: How it ended; None while it runs.
    """

    options: TrainOptions
    started: TrainStarted
    moments: Sequence[Moment]
    previews: Sequence[Preview] = ()
    machine: Mapping[str, str] = field(default_factory=dict)
    latest: TrainProgress | None = None
    summary: TrainSummary | None = None


def page(told: Told) -> str:
    """The page as HTML."""
    title = f"Training {Path(told.started.out).name}"
    values = {
        "state": _state(told),
        "facts": tuple(_facts(told)),
        "charts": _charts(told.moments),
        "previews": told.previews,
        "settings": _settings(told.options),
        "notes": told.started.notes,
        "machine": told.machine,
        "is_over": told.summary is not None,
    }
    return assemble("training", title, values, styles=("shared/charts.css",))


def chosen(steps: Sequence[int], most: int = _MOST_PREVIEWS) -> list[int]:
    """Some of many steps, evenly spread, and the newest.

    What is left out once stays left out, so no preview is read twice.
    """
    stride = 1
    while math.ceil(len(steps) / stride) >= most:
        stride *= 2
    kept = list(steps[::stride])
    return kept if kept[-1:] == list(steps[-1:]) else [*kept, steps[-1]]


def curve(name: str, column: str, moments: Iterable[Moment]) -> Series:
    """A column over steps; interrupted where stage or size change.

    Values of another loss or size are not comparable.
    """
    points: list[tuple[float, float]] = []
    before = None
    for moment in moments:
        if column not in moment.values:
            continue
        here, step = (moment.stage, moment.size), float(moment.step)
        if before not in (None, here):
            points.append((step, math.nan))
        points.append((step, moment.values[column]))
        before = here
    return Series(name, tuple(points))


def phases(moments: Iterable[Moment]) -> list[tuple[float, str]]:
    """Where another stage or size begins, and which; the first one is not told."""
    found: list[tuple[float, str]] = []
    before: Moment | None = None
    for moment in moments:
        if before is not None:
            parts = [f"stage {moment.stage}"] * (moment.stage != before.stage)
            parts += [f"{moment.size} px"] * (moment.size != before.size)
            if parts:
                found.append((float(before.step), ", ".join(parts)))
        before = moment
    return found


def _charts(moments: Sequence[Moment]) -> tuple[Chart, ...]:
    """All charts; those of scores only where the run has such scores."""
    marks = phases(moments)
    columns = {column for moment in moments for column in moment.values}

    def drawn(
        name: str, title: str, named: Mapping[str, str], *, log: bool = False
    ) -> Chart:
        series = [
            curve(label, column, moments)
            for column, label in named.items()
            if column in columns
        ]
        return charts.lines(name, title, series, "step", log=log, marks=marks)

    found = [
        drawn("loss", "Training loss", {"loss": "loss"}, log=True),
        drawn(
            "psnr",
            "PSNR on the validation pictures, dB",
            {"val_psnr": "network", "val_psnr_copy": "copy of the input"},
        ),
    ]
    gains = {f"val_{name}": name for name in _GAINS}
    if gains.keys() & columns:
        found.append(drawn("gains", "Gains over a copy of the input, dB", gains))
    if "val_ambient" in columns:
        title = "PSNR of days without their key light, dB"
        found.append(drawn("ambient", title, {"val_ambient": "ambient"}))
    degrees = {f"val_{name}": name for name in _DEGREES}
    if degrees.keys() & columns:
        title = "Median error of the light's azimuth, degrees"
        found.append(drawn("azimuth", title, degrees))
    found += [
        drawn("detail", "Detail, as a part of the targets'", {"val_detail": "detail"}),
        drawn("rate", "Learning rate", {"lr": "learning rate"}),
        drawn("gradient", "Norm of the gradient", {"gradient": "gradient"}, log=True),
        drawn("speed", "Images a second", {"images_per_second": "images a second"}),
    ]
    return tuple(found)


def _state(told: Told) -> str:
    """Where the run stands, in a sentence."""
    if told.summary is not None:
        end = told.summary
        how = f"Stopped by {end.stopped_by}" if end.stopped_by else "Finished"
        return f"{how} after {count(end.steps, 'step')} and {duration(end.seconds)}."
    if told.latest is None:
        return "Just begun."
    now = told.latest
    left = f", {duration(now.eta)} left" if math.isfinite(now.eta) else ""
    return f"Step {now.step}, {now.progress:.1%} done{left}."


def _facts(told: Told) -> Iterator[tuple[str, str]]:
    started = told.started
    scores = [m for m in told.moments if "val_psnr" in m.values]
    if scores:
        newest = scores[-1]
        yield "newest PSNR", f"{newest.values['val_psnr']:.2f} dB"
        alike = [m for m in scores if (m.stage, m.size) == (newest.stage, newest.size)]
        best = max(alike, key=lambda m: m.values["val_psnr"])
        where = f"stage {best.stage} at {best.size} px, step {best.step}"
        yield "best PSNR", f"{best.values['val_psnr']:.2f} dB ({where})"
        yield "PSNR of a copy", f"{newest.values['val_psnr_copy']:.2f} dB"
    mirrored = f" ({started.mirrored} also mirrored)" if started.mirrored else ""
    yield "learns from", f"{count(started.count, started.material)}{mirrored}"
    yield "validated on", started.validation
    yield "network", f"{started.parameters / 1e6:.2f} M parameters"
    for number, line in enumerate(started.plan, 1):
        yield f"part {number}" if started.plan[1:] else "plan", line
    if told.summary is not None:
        for stage, psnr in told.summary.stages.items():
            yield f"end of stage {stage}", f"{psnr:.2f} dB"


def _settings(options: TrainOptions) -> Numbers:
    """Every option of the run; a star marks what is not the default."""
    usual = {each.path: each.default for each in asked(TrainOptions())}
    rows = []
    for each in asked(options):
        is_own = each.default != usual[each.path]
        rows.append((each.flags[0], _written(each.default) + (" *" if is_own else "")))
    return Numbers(("option", "value"), tuple(rows), "* is not the default")


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_written, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return "-"
    return short(value) if isinstance(value, float) else str(value)
