"""The page of `msrnet bench --report`: bars beside ceilings and rivals, and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from msrnet_cli.bench.results import BenchRow
from msrnet_cli.config import Engine
from msrnet_cli.pages import charts
from msrnet_cli.pages.assemble import assemble
from msrnet_cli.pages.charts import Bar, Series
from msrnet_cli.pages.shapes import Numbers
from msrnet_cli.report import bench as told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from msrnet_cli.bench.results import BenchResult, Environment, TrainTiming
    from msrnet_cli.pages.shapes import Chart

_OURS, _RIVAL, _REFERENCE = 0, 1, 5
_NAMES = {_OURS: "msrnet", _RIVAL: "rivals", _REFERENCE: "the authors' way"}


def page(result: BenchResult) -> str:
    """The page as HTML; its numbers are written as in the terminal."""
    env = result.environment
    values = {
        "opening": list(told.opening(result)),
        "machine": list(_machine(env)),
        "ways": list(_ways(result.rows)),
        "growth": _growth(result),
        "others": [_job(result), *_training(result.training)],
        "tables": [
            (f"table-{number}", each.title, _numbers(each))
            for number, each in enumerate(told.pages(result))
        ],
        "remarks": [*told.jobs(result), *told.remarks(result)],
    }
    where = env.gpu or env.processor or env.device
    title = f"How fast msrnet is: {where}"
    return assemble("benchmark", title, values, styles=("shared/charts.css",))


def _machine(env: Environment) -> Iterator[tuple[str, str]]:
    if env.gpu:
        yield "GPU", env.gpu
        yield "driver, CUDA", f"{env.driver or 'unknown'}, {env.cuda}"
    yield "processor", env.processor or "unknown"
    yield "cores, threads", f"{env.cores}, {env.threads}"
    for name, hertz in (("clock", env.processor_mhz), ("GPU's clock", env.gpu_mhz)):
        if hertz:
            yield name, f"{hertz:.0f} MHz"
    if env.load is not None:
        yield "load before", f"{env.load:.1f}"
    yield "system", env.system
    yield "msrnet, torch, Python", f"{env.msrnet}, {env.torch}, {env.python}"
    yield "measured", env.date


def _ways(rows: Sequence[BenchRow]) -> Iterator[Chart]:
    """Speed-up and part of the ceiling, at each size and batch."""
    for size, batch in dict.fromkeys((row.size, row.batch) for row in rows):
        here = [row for row in rows if (row.size, row.batch) == (size, batch)]
        name, title = f"{size}-{batch}", f"{size}x{size}, batch {batch}"
        yield _bars(f"speed-{name}", f"Speed-up, {title}", here, _speed)
        share = f"Part of the ceiling reached, {title}"
        yield _bars(f"share-{name}", share, here, _share, rule=(1.0, "ceiling"))


def _bars(
    name: str,
    title: str,
    rows: Sequence[BenchRow],
    figure: Callable[[BenchRow], tuple[float | None, str]],
    rule: tuple[float, str] | None = None,
) -> Chart:
    found = []
    for row in rows:
        value, text = figure(row)
        words = text if row.timing else "FAILED"
        verdict = told.verdict(row)
        said = f"{words} {verdict}".strip()
        label = f"{row.way}, {row.dtype}"
        found.append(Bar(label, value if row.timing else None, said, _kind(row)))
    kinds = sorted({bar.kind for bar in found})
    legend = [(kind, _NAMES[kind]) for kind in kinds]
    return charts.bars(
        name, title, found, rule=rule, heads=("way", title), legend=legend
    )


def _kind(row: BenchRow) -> int:
    if row.way == "reference":
        return _REFERENCE
    return _OURS if row.way in get_args(Engine) else _RIVAL


def _speed(row: BenchRow) -> tuple[float | None, str]:
    """How many times as fast as the reference; the reference itself counts as 1."""
    times = 1.0 if row.way == "reference" and row.times is None else row.times
    ratio = "" if times is None else f"{times:.2f}x, "
    return times, f"{ratio}{told.milliseconds(row.seconds)} ms"


def _share(row: BenchRow) -> tuple[float | None, str]:
    if row.share is None:
        return None, "unknown"
    return row.share, f"{row.share:.0%} of {row.ceiling}"


def _growth(result: BenchResult) -> list[Chart]:
    """Time against size, and against batch where there are several."""
    least = min((row.batch for row in result.rows), default=1)
    single = [row for row in result.rows if row.batch == least]
    found = []
    if len({row.size for row in single}) > 1:
        series = _series(single, _megapixels, lambda row: row.size**-2 * 1e9)
        title = f"Nanoseconds a pixel, batch {least}: flat is linear in pixels"
        found.append(charts.lines("by-size", title, series, "megapixels"))
    for size in sorted({row.size for row in result.rows}):
        rows = [row for row in result.rows if row.size == size]
        if len({row.batch for row in rows}) > 1:
            series = _series(rows, lambda row: float(row.batch), lambda _: 1e3)
            title = f"Milliseconds a picture, {size}x{size}"
            found.append(charts.lines(f"by-batch-{size}", title, series, "batch"))
    return found


def _megapixels(row: BenchRow) -> float:
    return row.size**2 / 1e6


def _series(
    rows: Iterable[BenchRow],
    place: Callable[[BenchRow], float],
    unit: Callable[[BenchRow], float],
) -> list[Series]:
    """Time a picture of each way, times a unit, over a place."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row.seconds is not None:
            point = (place(row), row.seconds * unit(row))
            found.setdefault(f"{row.way}, {row.dtype}", []).append(point)
    return [Series(name, tuple(sorted(points))) for name, points in found.items()]


def _job(result: BenchResult) -> Chart:
    """Where the folder job spends its time."""
    job = result.job
    number = max(1, job.pictures)
    found = [
        Bar(
            name,
            seconds / number * 1000,
            f"{told.milliseconds(seconds / number)} ms",
            _RIVAL if name == job.slowest else _OURS,
        )
        for name, seconds in job.stages.items()
    ]
    title = "The folder job: milliseconds a picture that each stage is busy"
    legend = [(_OURS, "stage"), (_RIVAL, "the slowest")]
    return charts.bars("job", title, found, heads=("stage", "busy"), legend=legend)


def _training(steps: Sequence[TrainTiming]) -> Iterator[Chart]:
    if not steps:
        return
    found = []
    for step in steps:
        name = f"{step.dtype}, {step.size}x{step.size}, batch {step.batch}"
        if step.timing is None:
            found.append(Bar(name, None, "FAILED"))
            continue
        share = "" if step.share is None else f", {step.share:.0%} of {step.ceiling}"
        text = f"{told.milliseconds(step.timing.median)} ms{share}"
        found.append(Bar(name, step.timing.median * 1000, text))
    title = "A step of training, in milliseconds"
    yield charts.bars("training", title, found, heads=("step", "median"))


def _numbers(table: told.Page) -> Numbers:
    return Numbers(tuple(table.heads), tuple(map(tuple, table.rows)))
