"""Results to people and programs: progress, tables, JSON. Computes nothing.

Progress and errors go to standard error, so that standard output holds only what was
asked for.
"""

from __future__ import annotations

import csv
import json
import math
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from msrnet_cli.results import (
    EQUAL_DB,
    SCORES,
    FileDone,
    JobStarted,
    JobSummary,
    TrainProgress,
    TrainStarted,
    TrainSummary,
    Validated,
)
from msrnet_cli.synth.records import SceneDone, SetStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from msrnet_cli.errors import MSRNetError
    from msrnet_cli.results import (
        BenchResult,
        BenchRow,
        Change,
        Check,
        DataReport,
        Estimate,
        EvalResult,
        Event,
        Ignored,
        StageResult,
        StageScores,
        Timing,
        TrainEvent,
    )
    from msrnet_cli.synth.records import SynthSummary

SCHEMA_VERSION = 1
_EVENT_NAMES = {JobStarted: "start", FileDone: "file", JobSummary: "summary"}


def error_line(error: MSRNetError) -> None:
    """What went wrong and what to do, as one line."""
    print(f"msrnet: {_harmless(str(error))}", file=sys.stderr)


def warn(text: str) -> None:
    """Something the user must know, as one line."""
    print(f"msrnet: note: {_harmless(text)}", file=sys.stderr)


def job_reporter(*, as_json: bool, quiet: bool) -> Callable[[Event], None]:
    """The reporter that fits the options and the terminal."""
    if as_json:
        return json_events
    if quiet:
        return report_failures
    if sys.stderr.isatty():
        return ProgressBar()
    return PlainLines()


def json_events(event: Event) -> None:
    """One JSON document a line on standard output."""
    fields: dict[str, Any] = {
        "event": _EVENT_NAMES[type(event)],
        "schema": SCHEMA_VERSION,
        **asdict(event),
    }
    if isinstance(event, JobSummary):
        fields["slowest_stage"] = event.slowest_stage
    print(json.dumps(fields), flush=True)


def report_failures(event: Event) -> None:
    """Only what went wrong."""
    if isinstance(event, JobSummary):
        _failure_lines(event)


class PlainLines:
    """A line for each picture, for logs."""

    def __init__(self) -> None:
        self._total = 0
        self._count = 0

    def __call__(self, event: Event) -> None:
        """Print one event."""
        if isinstance(event, JobStarted):
            self._total = event.pictures
            _say(_opening(event))
            _opening_notes(event)
        elif isinstance(event, FileDone):
            self._count += 1
            _say(f"[{self._count}/{self._total}] {_file_line(event)}")
        else:
            if self._total > 1:  # one stands right above
                _failure_lines(event)
            _say(_closing(event))


class ProgressBar:
    """A bar with the time left, judged by pixels, for terminals."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._console = Console(stderr=True, highlight=False)
        self._files = 0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[files]}"),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._bar: Any = None

    def __call__(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, JobStarted):
            self._start(event)
        elif isinstance(event, FileDone):
            self._advance(event)
        else:
            self._progress.stop()
            _failure_table(event, self._console)
            self._console.print(_closing(event), markup=False)

    def _start(self, event: JobStarted) -> None:
        self._console.print(_opening(event), markup=False)
        _opening_notes(event)
        self._total = event.pictures
        self._bar = self._progress.add_task(
            "relighting", total=event.megapixels or None, files=f"0/{self._total}"
        )
        self._progress.start()

    def _advance(self, event: FileDone) -> None:
        self._files += 1
        if event.notes or event.status == "failed":
            self._progress.console.print(_file_line(event), markup=False)
        total = self._progress.tasks[0].total
        if event.status == "skipped" and total is not None:
            # Skipped pixels cost nothing: they must not make the rest look fast.
            self._progress.update(self._bar, total=total - event.megapixels)
        else:
            self._progress.advance(self._bar, event.megapixels)
        self._progress.update(self._bar, files=f"{self._files}/{self._total}")


class SceneLines:
    """A line for each rendered scene, with the time left."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._total = self._present = self._rendered = 0

    def __call__(self, event: SetStarted | SceneDone) -> None:
        """Print one event."""
        if isinstance(event, SetStarted):
            self._begin = time.monotonic()
            self._total, self._present = event.total, event.present
            if event.notice:
                warn(event.notice)
            _say(
                f"{_count(event.total, 'scene')}, {event.present} there already,"
                f" {event.workers} at a time, by {event.variant}"
            )
            return
        self._rendered += 1
        done = self._present + self._rendered
        left = (time.monotonic() - self._begin) / self._rendered * (self._total - done)
        _say(
            f"[{done}/{self._total}] {event.name} {event.theme}, {_duration(left)} left"
        )


def synth_closing(summary: SynthSummary) -> None:
    """What a set has become."""
    scenes = _count(summary.rendered, "scene")
    if summary.layout == "layers":
        what = f"the layers of {scenes}"
    else:
        what = f"{_count(summary.pictures, 'picture')} of {scenes}"
    _say(
        f"{what} written to {summary.out} in {_duration(summary.seconds)}"
        + (f"; sheet: {summary.sheet}" if summary.sheet else "")
    )


def checks_table(checks: Iterable[Check]) -> None:
    """What `msrnet doctor` found, as lines, on standard output."""
    for check in checks:
        mark = "!!" if check.remedy else "--" if check.absent else "ok"
        print(f"{mark} {check.name:11} {check.finding}")
        if check.remedy:
            print(f"   {'':11} -> {check.remedy}")


def json_document(document: object) -> None:
    """One JSON document on standard output; null for what is no finite number."""
    print(json.dumps(_finite(document), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:  # noqa: ANN401 whatever JSON can hold
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _harmless(line: str) -> str:
    """A line with escapes for what would break it, or steer a terminal.

    Names of files may hold any character.
    """
    return line.translate(_ESCAPES)


_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_ESCAPES = {code: repr(chr(code))[1:-1] for code in _CONTROLS}


def _opening(event: JobStarted) -> str:
    pictures = _count(event.pictures, "picture")
    seen = "whole" if event.work_size == "full" else f"at {event.work_size} px"
    return _harmless(
        f"{pictures} -> {event.output}, weights {event.weights}, seen {seen},"
        f" on {event.device} in {event.dtype}, {event.engine}"
    )


def _opening_notes(event: JobStarted) -> None:
    for note in event.notes:
        warn(note)
    _passed_over(event.ignored)


def _passed_over(ignored: Iterable[Ignored]) -> None:
    """Counts by reason; links and special files, which may surprise, by name."""
    counts: dict[str, int] = {}
    for entry in ignored:
        counts[entry.reason] = counts.get(entry.reason, 0) + 1
        if entry.reason not in ("hidden", "no picture", "subfolder"):
            _say(f"passed over: {_harmless(entry.path)}: {entry.reason}")
    if counts:
        parts = ", ".join(f"{reason} ({number})" for reason, number in counts.items())
        _say(f"passed over: {parts}")


def _file_line(event: FileDone) -> str:
    line = f"{event.status}: {event.input}"
    if event.status == "failed":
        line += f": {event.reason}" + (f"; {event.remedy}" if event.remedy else "")
    else:
        line += f" -> {event.output}" + "".join(f"; {note}" for note in event.notes)
    return _harmless(line)


def _failure_lines(summary: JobSummary) -> None:
    for failure in summary.failures:
        _say(f"msrnet: {_file_line(failure)}")


def _failure_table(summary: JobSummary, console: Any) -> None:  # noqa: ANN401 rich's Console is loaded on use
    if not summary.failures:
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Not relit", title_justify="left")
    for heading in ("picture", "reason", "remedy"):
        table.add_column(heading, overflow="fold")
    for failure in summary.failures:
        cells = (failure.input, failure.reason, failure.remedy)
        table.add_row(*(Text(_harmless(cell)) for cell in cells))
    console.print(table)


def _closing(summary: JobSummary) -> str:
    parts = [f"{summary.relit} relit"]
    for name in ("skipped", "failed", "unfinished"):
        number = getattr(summary, name)
        if number:
            parts.append(f"{number} {name}")
    line = f"{', '.join(parts)} in {summary.seconds:.1f} s"
    if summary.relit:
        stages = ", ".join(f"{k} {v:.1f} s" for k, v in summary.stages.items())
        line += f" ({stages}; slowest: {summary.slowest_stage})"
    if summary.failures_file:
        line += f"; list: {summary.failures_file}"
    if summary.stopped_by:
        line += "; run the same command again to finish"
    return line


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


class TrainLines:
    """Training as lines, for logs: one a minute, and each validation."""

    def __init__(self, seconds_between: float = 60.0) -> None:
        self._between = seconds_between
        self._next = 0.0

    def __call__(self, event: TrainEvent) -> None:
        """Print one event."""
        if isinstance(event, TrainStarted):
            _train_opening(event)
        elif isinstance(event, Validated):
            _say(_validated_line(event))
        elif isinstance(event, TrainSummary):
            _say(_train_closing(event))
        elif event.seconds >= self._next:
            self._next = event.seconds + self._between
            _say(_progress_line(event))


class TrainBar:
    """Training as one live line above which validations are kept, for terminals."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            console=self._console,
        )
        self._bar = self._progress.add_task("first steps", total=1.0)

    def __call__(self, event: TrainEvent) -> None:
        """Show one event."""
        if isinstance(event, TrainStarted):
            _train_opening(event)
            self._progress.start()
        elif isinstance(event, TrainProgress):
            self._progress.update(
                self._bar,
                completed=event.progress,
                description=_progress_line(event),
            )
        elif isinstance(event, Validated):
            self._console.print(_validated_line(event), markup=False)
        else:
            self._progress.stop()
            self._console.print(_train_closing(event), markup=False)


def train_reporter(*, quiet: bool) -> Callable[[TrainEvent], None]:
    """The reporter that fits the options and the terminal."""
    if quiet:
        return lambda _: None
    return TrainBar() if sys.stderr.isatty() else TrainLines()


def data_report(report: DataReport) -> None:
    """What `msrnet data check` found, on standard output."""
    sizes = ", ".join(f"{width}x{height}" for width, height in report.sizes)
    print(
        f"{report.data}: {_count(report.pairs, 'pair')}"
        f" ({report.mirrored} with pictures to mirror),"
        f" {_count(report.files, 'picture')}, {sizes or 'none readable'}"
    )
    for fault in report.faults:
        print(_harmless(f"{fault.kind}: {fault.name}: {fault.reason}"))
    print(_count(len(report.faults), "fault"))


def _train_opening(event: TrainStarted) -> None:
    mirrored = f" ({event.mirrored} also mirrored)" if event.mirrored else ""
    resumed = f", from step {event.step} on" if event.step else ""
    _say(
        f"{_count(event.count, event.material)}{mirrored} -> {event.out},"
        f" {event.parameters / 1e6:.2f} M parameters,"
        f" on {event.device} in {event.dtype}{resumed}"
    )
    for line in event.plan:
        _say(f"  {line}")
    _say(f"  validated on {event.validation}")
    for note in event.notes:
        warn(note)


def _progress_line(event: TrainProgress) -> str:
    return (
        f"{event.progress:5.1%} step {event.step}, {event.size} px,"
        f" loss {event.loss:.5f}, gradient {event.gradient:.2g}, lr {event.lr:.2g},"
        f" {event.images_per_second:.2f} images/s, {_duration(event.eta)} left"
    )


def _validated_line(event: Validated) -> str:
    mark = ", best so far" if event.best else ""
    more = "".join(f", {name} {value:.2f}" for name, value in event.scores.items())
    return (
        f"step {event.step}: PSNR {event.psnr:.2f} dB at {event.size} px"
        f" (copy {event.psnr_copy:.2f}), detail {event.detail:.2f}{more}{mark}"
    )


def _train_closing(event: TrainSummary) -> str:
    line = f"{_count(event.steps, 'step')} in {_duration(event.seconds)}: {event.out}"
    if event.stopped_by:
        line += "; go on with --resume"
    return line


_SCORE_NAMES = {
    "psnr": ("PSNR", ".2f"),
    "ssim": ("SSIM 7x7", ".4f"),
    "ssim_gaussian": ("SSIM 11x11", ".4f"),
    "lpips": ("LPIPS", ".4f"),
    "mps": ("MPS", ".4f"),
    "detail": ("detail", ".3f"),
    "seconds": ("s/image", ".3f"),
}


def eval_table(result: EvalResult, *, each: bool = False) -> None:
    """Scores as a table on standard output: means with 95 % confidence intervals.

    Args:
        result: What was found.
        each: Also print every picture.
    """
    present = [s for s in SCORES if any(s in m.means for m in result.methods)]
    names = [_SCORE_NAMES[score][0] for score in present]
    heads = ["", "seen at", *names, "worst gain"]
    rows = []
    for method in result.methods:
        cells = [_score(score, method.means.get(score)) for score in present]
        gain, size = method.worst_gain, str(method.work_size or "")
        rows.append([method.name, size, *cells, "" if gain is None else f"{gain:+.2f}"])
        for image in method.images if each else ():
            values = (getattr(image, score) for score in present)
            cells = [
                "" if value is None else format(value, _SCORE_NAMES[score][1])
                for score, value in zip(present, values, strict=True)
            ]
            rows.append([f"  {image.name}", "", *cells, ""])
    device = f", on {result.device}" if result.device else ""
    print(f"{result.data}: {_count(result.pictures, 'picture')}{device}")
    _print_table(heads, rows)
    for note in result.notes:
        warn(note)


def stage_table(result: StageResult) -> None:
    """Scores on scenes whose every light is known, as tables on standard output.

    Means with 95 % confidence intervals over scenes; gains of PSNR and SSIM.
    """
    device = f", on {result.device}" if result.device else ""
    print(
        f"{result.data}: {_count(result.scenes, 'scene')} of {result.size} px{device}"
    )
    heads = ["", "PSNR", "SSIM", "detail", "over copy", "SSIM", "over better"]
    cells = [_stage_rows(method) for method in result.methods]
    widths = _widths([heads, *(row for rows in cells for row in rows)])
    _clear_line()
    for method, rows in zip(result.methods, cells, strict=True):
        seen = f", seen at {method.work_size}" if method.work_size else ""
        print(f"\n{method.name}{seen}")
        _print_rows([heads, *rows], widths)
        for line in _stage_remarks(method):
            print(line)
    for note in result.notes:
        warn(note)


def _stage_rows(method: StageScores) -> list[list[str]]:
    return [
        [
            f"  {row.name}",
            _interval(row.psnr, ".2f"),
            f"{row.ssim.mean:.3f}",
            f"{row.detail.mean:.2f}",
            _interval(row.over_copy.psnr, "+.2f") if row.over_copy else "",
            f"{row.over_copy.ssim.mean:+.3f}" if row.over_copy else "",
            _interval(row.over_better.psnr, "+.2f") if row.over_better else "",
        ]
        for row in method.rows
    ]


def _stage_remarks(method: StageScores) -> list[str]:
    lines = [
        f"  azimuth, {row.name}, {how}: {bearing.median:.0f}° off (median),"
        f" {bearing.near:.0%} within 60°"
        for row in method.rows
        for how, bearing in (("fitted", row.bearing), ("read", row.read))
        if bearing
    ]
    if method.even:
        lines.append(
            f"  even surfaces: {_interval(method.even.deviation, '.2f')}/255 uneven,"
            f" at most {method.even.edge:.1f}/255 near an edge"
        )
    return lines


def eval_csv(result: EvalResult, path: Path) -> None:
    """One row for each method and picture."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("method", "name", *SCORES))
        for method in result.methods:
            for image in method.images:
                values = (getattr(image, score) for score in SCORES)
                writer.writerow((method.name, image.name, *values))


def progress(name: str) -> None:
    """A scene is scored, a row is about to be measured: one line that is replaced."""
    if sys.stderr.isatty():
        print(f"\r\033[K{_harmless(name)}", end="", file=sys.stderr, flush=True)


def _score(score: str, found: Estimate | None) -> str:
    if found is None:
        return ""
    return _interval(found, _SCORE_NAMES[score][1])


def _interval(found: Estimate, style: str) -> str:
    """A mean, and its margin where there is one."""
    if found.margin is None:
        return f"{found.mean:{style}}"
    return f"{found.mean:{style}} ±{found.margin:{style.removeprefix('+')}}"


def _print_table(heads: list[str], rows: list[list[str]]) -> None:
    _clear_line()
    _print_rows([heads, *rows], _widths([heads, *rows]))


def _widths(rows: list[list[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _print_rows(rows: list[list[str]], widths: list[int]) -> None:
    for row in rows:
        first, *rest = (
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join((first, *rest)).rstrip())


def bench_table(result: BenchResult, *, aside: bool = False) -> None:
    """What `msrnet bench` found, as tables.

    Args:
        result: What was found.
        aside: On standard error, because standard output is for a document.
    """
    from rich.console import Console

    _clear_line()
    # As wide as the table: a log must not be folded.
    console = Console(stderr=aside, width=_WIDE, highlight=False, markup=False)
    _bench_opening(result, console)
    _bench_times(result, console)
    _bench_growth(result, console)
    _bench_training(result, console)
    _bench_carrying(result, console)
    _bench_job(result, console)
    for line in _bench_remarks(result):
        console.print(line)


def bench_changes(changes: Iterable[Change], *, aside: bool = False) -> None:
    """Each row beside the same row of an older document, one a line."""
    out = sys.stderr if aside else sys.stdout
    for change in changes:
        mark = "slower" if change.regressed else "ok    "
        if change.after is None or change.slower is None:
            print(f"{mark} {change.name}: {change.reason}", file=out)
            continue
        print(
            f"{mark} {change.name}: {change.before:.3g} to {change.after:.3g}"
            f" ({change.slower:+.1%} time in relation to the reference)",
            file=out,
        )


_WIDE = 200
_ROW_HEADS = ("way", "dtype", "size", "batch")


def _bench_opening(result: BenchResult, console: Any) -> None:  # noqa: ANN401 rich's Console is loaded on use
    env = result.environment
    gpu = f"{env.gpu}, driver {env.driver or 'unknown'}, CUDA {env.cuda}; "
    console.print(
        f"msrnet {env.msrnet}, torch {env.torch}, Python {env.python}, {env.system}\n"
        f"{gpu if env.gpu else ''}{env.processor or 'unknown CPU'},"
        f" {env.threads} threads on {env.cores} cores, {env.date}\n"
        f"{result.arch}, {result.channels} channels, weights: {result.weights};"
        f" pictures: {result.pictures}"
    )
    rates = ", ".join(
        f"{c.name} {c.rate / 1e9:.0f} {'GB/s' if c.name == 'copy' else 'GFLOP/s'}"
        for c in result.ceilings
    )
    console.print(f"ceilings measured in this run: {rates}")


def _bench_times(result: BenchResult, console: Any) -> None:  # noqa: ANN401 see above
    heads = [*_ROW_HEADS, "ms/image", "p95", "spread", "runs", "x reference"]
    heads += ["of ceiling", "launch ms", "start s", "dB", ""]
    rows = []
    for row in result.rows:
        if row.timing is None:
            rows.append((*_row_name(row), "-", *[""] * 8, "FAILED"))
            continue
        timing = row.timing
        rows.append(
            (
                *_row_name(row),
                _milliseconds(timing.median / row.batch),
                _milliseconds(timing.p95 / row.batch),
                f"{timing.spread:.0%}",
                str(timing.runs),
                _optional(row.times, ".2f"),
                f"{_optional(row.share, '.0%')} {row.ceiling}",
                _milliseconds(row.launch),
                _optional((row.prepare or 0) + (row.first or 0), ".2f"),
                "=" if row.agreement == EQUAL_DB else _optional(row.agreement, ".1f"),
                _verdict(row),
            )
        )
    _rich_table("The network alone, synchronised", heads, rows, console)


def _bench_growth(result: BenchResult, console: Any) -> None:  # noqa: ANN401 see above
    heads = [*_ROW_HEADS, "ns/pixel", "bytes/pixel", "MB a pass"]
    heads += ["of copying", "joules/image"]
    rows = []
    for row in result.rows:
        if row.timing is None:
            continue
        per_pixel = row.timing.median / row.pixels * 1e9
        rows.append(
            (
                *_row_name(row),
                f"{per_pixel:.3g}",
                _optional(None if row.peak is None else row.peak / row.pixels, ".0f"),
                _optional(None if row.peak is None else row.peak / 1e6, ".0f"),
                _optional(row.copy_share, ".0%"),
                _optional(row.joules and row.joules / row.batch, ".2f"),
            )
        )
    _rich_table("Growth: flat columns are linear in pixels", heads, rows, console)


def _bench_training(result: BenchResult, console: Any) -> None:  # noqa: ANN401 see above
    if not result.training:
        return
    heads = ["dtype", "size", "batch", "ms/step", "p95", "runs", "of ceiling"]
    heads += ["of forward", "MB a step"]
    rows = []
    for step in result.training:
        name = (step.dtype, str(step.size), str(step.batch))
        timing: Timing | None = step.timing
        if timing is None:
            rows.append((*name, step.failure, *[""] * 5))
            continue
        rows.append(
            (
                *name,
                _milliseconds(timing.median),
                _milliseconds(timing.p95),
                str(timing.runs),
                f"{_optional(step.share, '.0%')} {step.ceiling}",
                _optional(step.forward_share, ".0%"),
                _optional(None if step.peak is None else step.peak / 1e6, ".0f"),
            )
        )
    title = "A step of training: forward, backward, optimizer"
    _rich_table(title, heads, rows, console)


def _bench_carrying(result: BenchResult, console: Any) -> None:  # noqa: ANN401 see above
    carried = result.carrying
    each = _milliseconds(carried.timing.median / carried.megapixels)
    console.print(
        f"\nLight carried from {carried.work_size} pixels to {carried.megapixels:.1f}"
        f" megapixels: {each} ms a megapixel"
    )


def _bench_job(result: BenchResult, console: Any) -> None:  # noqa: ANN401 see above
    job = result.job
    each = max(1, job.pictures)
    stages = ", ".join(
        f"{name} {_milliseconds(seconds / each)}"
        for name, seconds in job.stages.items()
    )
    console.print(
        f"\nThe folder job, file to file: {_count(job.pictures, 'picture')}"
        f" ({job.source}), {job.megapixels:.1f} megapixels, {job.dtype}:"
        f" {_milliseconds(job.seconds / each)} ms a picture after {job.load:.1f} s to"
        f" start; ms busy: {stages}; slowest: {job.slowest}"
        + (f"; {job.failed} FAILED" if job.failed else "")
    )


def _bench_remarks(result: BenchResult) -> list[str]:
    """What is wrong, what is doubtful, what the columns mean."""
    lines = []
    for row in result.rows:
        lines += [f"{row.name}: {text}" for text in (row.failure, *row.faults) if text]
        lines += [f"note: {row.name}: {text}" for text in row.notes]
    lines += [f"note: {note}" for note in result.notes]
    launches = [row for row in result.rows if row.launch is not None and row.timing]
    if launches:
        lines.append(
            "note: launch is when the call returns, the GPU still at work: a script"
            " that times it without synchronising reports it as execution time."
        )
    else:
        lines.append(
            "note: launch is empty: here a call returns when its work is done."
        )
    return lines


def _rich_table(
    title: str,
    heads: Iterable[str],
    rows: Iterable[tuple[str, ...]],
    console: Any,  # noqa: ANN401 see above
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for index, head in enumerate(heads):
        table.add_column(head, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            *row, style="red" if row[-1] in ("WRONG", "DOUBTFUL", "FAILED") else ""
        )
    console.print(table)


def _verdict(row: BenchRow) -> str:
    """One word against a row, if anything is."""
    if any(fault.startswith("wrong") for fault in row.faults):
        return "WRONG"
    return "DOUBTFUL" if row.faults else ""


def _row_name(row: BenchRow) -> tuple[str, str, str, str]:
    return row.way, row.dtype, str(row.size), str(row.batch)


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.4g}"


def _optional(value: float | None, style: str) -> str:
    return "" if value is None else format(value, style)


def _clear_line() -> None:
    """Take away what `progress` left."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
