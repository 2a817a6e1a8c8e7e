"""Results to people and programs: progress, tables, JSON. Computes nothing.

Progress and errors go to standard error, so that standard output holds only what was
asked for.
"""

from __future__ import annotations

import csv
import json
import math
import shutil
import sys
import textwrap
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from msrnet_cli.bench.results import EQUAL_DB
from msrnet_cli.evaluate.results import SCORES
from msrnet_cli.folder.events import FileDone, JobStarted, JobSummary
from msrnet_cli.synth.records import SceneDone, SetStarted
from msrnet_cli.train.events import TrainProgress, TrainStarted, TrainSummary, Validated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import TextIO

    from msrnet_cli.bench.results import BenchResult, BenchRow, Change, Timing
    from msrnet_cli.config import WorkSize
    from msrnet_cli.doctor import Check
    from msrnet_cli.errors import MSRNetError
    from msrnet_cli.evaluate.results import (
        Estimate,
        EvalResult,
        ImageScores,
        MethodScores,
        StageResult,
        StageScores,
    )
    from msrnet_cli.folder.events import Event, Ignored
    from msrnet_cli.pairs.records import DataReport
    from msrnet_cli.synth.records import SynthSummary
    from msrnet_cli.train.events import TrainEvent

SCHEMA_VERSION = 1
_EVENT_NAMES = {JobStarted: "start", FileDone: "file", JobSummary: "summary"}


def error_line(error: MSRNetError) -> None:
    """What went wrong and what to do, as one line."""
    _clear_line()
    print(f"msrnet: {harmless(str(error))}", file=sys.stderr)


def warn(text: str) -> None:
    """Something the user must know, as one line."""
    _clear_line()
    print(f"msrnet: note: {harmless(text)}", file=sys.stderr)


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
    if isinstance(event, JobSummary) and event.slowest_stage:
        fields["slowest_stage"] = event.slowest_stage
    print(json.dumps(fields), flush=True)


def report_failures(event: Event) -> None:
    """Only what went wrong."""
    if isinstance(event, FileDone) and event.status == "failed":
        _say(f"msrnet: {_file_line(event)}")
    elif isinstance(event, JobSummary):
        _halted(event)


class PlainLines:
    """A line for each picture, for logs."""

    def __init__(self) -> None:
        self._total = 0
        self._count = 0

    def __call__(self, event: Event) -> None:
        """Print one event."""
        if isinstance(event, JobStarted):
            self._total = event.pictures + event.unreadable
            _say(_opening(event))
            _opening_notes(event)
        elif isinstance(event, FileDone):
            self._count += 1
            _say(f"[{self._count}/{self._total}] {_file_line(event)}")
        else:
            _halted(event)
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
        self._files = self._total = 0
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
            if self._files == self._total:  # skipped pictures count for nothing
                self._progress.update(self._bar, total=1, completed=1)
            self._progress.stop()
            _halted(event)
            self._console.print(_closing(event), markup=False)

    def _start(self, event: JobStarted) -> None:
        _clear_line()
        self._console.print(_opening(event), markup=False)
        _opening_notes(event)
        self._total = event.pictures + event.unreadable
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


def harmless(line: str) -> str:
    """A line with escapes for what would break it, or steer a terminal.

    Names of files may hold any character.
    """
    return line.translate(_ESCAPES)


# Control characters, and halves of a character, which no stream can encode.
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000))
_ESCAPES = {code: repr(chr(code))[1:-1] for code in _CONTROLS}


def loading() -> None:
    """Say on a terminal that the program loads; whatever comes next replaces it."""
    if sys.stderr.isatty():
        _replace_line("loading ...")


def _opening(event: JobStarted) -> str:
    pictures = _count(event.pictures, "picture")
    if event.unreadable:
        pictures += f" and {event.unreadable} that cannot be read"
    seen = "whole" if event.work_size == "full" else f"at {event.work_size} px"
    return harmless(
        f"{pictures} -> {event.output}, {_change_of_light(event)}"
        f"weights {event.weights}, seen {seen},"
        f" on {event.device} in {event.dtype}, {event.engine}"
    )


# N is behind the scene, S behind the camera.
_WHENCE = {
    "N": "behind",
    "NE": "behind on the right",
    "E": "the right",
    "SE": "in front on the right",
    "S": "in front",
    "SW": "in front on the left",
    "W": "the left",
    "NW": "behind on the left",
}


def _change_of_light(event: JobStarted) -> str:
    if not event.to_light:
        return ""
    before = _light(event.from_light) if event.from_light else "any light"
    return f"{before} becomes {_light(event.to_light)}, "


def _light(text: str) -> str:
    """``6500_N`` in plain words; what is written otherwise, as it is."""
    kelvin, _, direction = text.partition("_")
    if direction not in _WHENCE:
        return f"light {text}"
    return f"light of {kelvin} K from {_WHENCE[direction]} ({direction})"


def _opening_notes(event: JobStarted) -> None:
    for note in event.notes:
        warn(note)
    _passed_over(event.ignored)


_NAMED = 3  # of each kind that is passed over
_UNNAMED = ("hidden",)
_COUNTED = (*_UNNAMED, "not a picture", "subfolder")


def _passed_over(ignored: Iterable[Ignored]) -> None:
    """By reason: usual ones with a few names; links and special files, each by name."""
    groups: dict[str, list[str]] = {}
    for entry in ignored:
        groups.setdefault(entry.reason, []).append(harmless(entry.path))
    for reason, paths in groups.items():
        for path in () if reason in _COUNTED else paths:
            _say(f"passed over: {path}: {reason}")
    counted = [
        f"{r} ({len(groups[r])}){_some(r, groups[r])}" for r in _COUNTED if r in groups
    ]
    if counted:
        _say(f"passed over: {'; '.join(counted)}")


def _some(reason: str, paths: list[str]) -> str:
    if reason in _UNNAMED:
        return ""
    more = ", ..." if len(paths) > _NAMED else ""
    return f": {', '.join(paths[:_NAMED])}{more}"


def _file_line(event: FileDone) -> str:
    line = f"{event.status}: {event.input}"
    if event.status == "failed":
        line += f": {event.reason}" + (f"; {event.remedy}" if event.remedy else "")
    else:
        line += f" -> {event.output}" + "".join(f"; {note}" for note in event.notes)
    return harmless(line)


def _halted(summary: JobSummary) -> None:
    if summary.halted:
        _say(f"msrnet: {harmless(summary.halted)}")


def _closing(summary: JobSummary) -> str:
    parts = [f"{summary.relit} relit"]
    for name in ("skipped", "failed", "unfinished"):
        number = getattr(summary, name)
        if number:
            parts.append(f"{number} {name}")
    line = f"{', '.join(parts)} in {summary.start + summary.seconds:.1f} s"
    if summary.relit:
        stages = ", ".join(f"{k} {v:.1f} s" for k, v in summary.stages.items())
        line += f" (start {summary.start:.1f} s, {stages}"
        line += f"; slowest: {summary.slowest_stage})"
    if summary.anew:
        line += f"; {summary.anew} made anew: input, weights or options have changed"
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
            _notes(event)
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
        # The line comes first: where there is no room for both, it shows the time left.
        bar = (BarColumn(bar_width=24),) if self._console.width > 80 + 24 else ()
        self._progress = Progress(
            *bar, TextColumn("{task.description}"), console=self._console
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
            _notes(event)
        else:
            self._progress.stop()
            self._console.print(_train_closing(event), markup=False)


def train_reporter(*, quiet: bool) -> Callable[[TrainEvent], None]:
    """The reporter that fits the options and the terminal."""
    if quiet:
        return _notes
    return TrainBar() if sys.stderr.isatty() else TrainLines()


def _notes(event: TrainEvent) -> None:
    for note in event.notes if isinstance(event, TrainStarted | Validated) else ():
        warn(note)


def data_report(report: DataReport) -> None:
    """What `msrnet data check` found, on standard output."""
    sizes = ", ".join(f"{width}x{height}" for width, height in report.sizes)
    print(
        f"{report.data}: {_count(report.pairs, 'pair')}"
        f" ({report.mirrored} with pictures to mirror),"
        f" {_count(report.files, 'picture')}, {sizes or 'none readable'}"
    )
    for fault in report.faults:
        print(harmless(f"{fault.kind}: {fault.name}: {fault.reason}"))
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
    _notes(event)


def _progress_line(event: TrainProgress) -> str:
    """At most 80 columns; metrics.csv has the rest."""
    left = _duration(event.eta) if math.isfinite(event.eta) else "unknown time"
    return (
        f"{event.progress:5.1%}, {left} left: step {event.step},"
        f" {event.size} px, loss {event.loss:.4g},"
        f" {event.images_per_second:.3g} images/s"
    )


def _validated_line(event: Validated) -> str:
    more = "".join(f", {name} {value:.2f}" for name, value in event.scores.items())
    place = f"stage {event.stage} at {event.size} px"
    return (
        f"step {event.step}: PSNR {event.psnr:.2f} dB (copy {event.psnr_copy:.2f}),"
        f" detail {event.detail:.2f}{more}, {'best of ' if event.best else ''}{place}"
    )


def _train_closing(event: TrainSummary) -> str:
    line = f"{_count(event.steps, 'step')} in {_duration(event.seconds)}: {event.out}"
    if event.stopped_by:
        line += "; go on with --resume"
    if event.stages:
        ends = ", ".join(f"stage {k} {psnr:.2f} dB" for k, psnr in event.stages.items())
        better = max(event.stages, key=event.stages.__getitem__)
        line += f"; PSNR at the end: {ends}; better: stage{better}.safetensors"
    return line


_COLUMNS = 80  # of an ordinary terminal
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
    """Scores as a table of at most 80 columns on standard output.

    Means, and below them the margins of their 95 % confidence intervals.

    Args:
        result: What was found.
        each: Also print every picture.
    """
    present = [s for s in SCORES if any(s in m.means for m in result.methods)]
    gains = any(method.worst_gain is not None for method in result.methods)
    heads = ["", *(_SCORE_NAMES[score][0] for score in present)]
    heads += ["worst gain"] if gains else []
    means = [_means(method, present, gains=gains) for method in result.methods]
    widths = _widths([heads, *(row for rows in means for row in rows)])
    device = f", on {result.device}" if result.device else ""
    pictures = _count(result.pictures, "picture")
    print(f"{harmless(result.data)}: {pictures}{device}\n")
    _print_rows([heads], widths)
    for method, rows in zip(result.methods, means, strict=True):
        seen = _seen(method.work_size, method.whole, len(method.images))
        print(f"{harmless(method.name)}{seen}")
        _print_rows(rows, widths)
        for image in method.images if each else ():
            _print_picture(image, present, widths)
    for note in result.notes:
        warn(note)


def _means(method: MethodScores, present: list[str], *, gains: bool) -> list[list[str]]:
    """Means, and their margins where there are any."""
    found = [(score, method.means.get(score)) for score in present]
    means = [_value(score, each.mean if each else None) for score, each in found]
    margins = [
        "" if each is None or each.margin is None else f"±{_value(score, each.margin)}"
        for score, each in found
    ]
    gain = method.worst_gain
    last = ["" if gain is None else f"{gain:+.2f}"] if gains else []
    rows = [["", *means, *last], ["", *margins, *([""] if gains else [])]]
    return rows if any(margins) else rows[:1]


def _print_picture(image: ImageScores, present: list[str], widths: list[int]) -> None:
    """The scores of one picture, and its name where there is room, else above."""
    cells = ["", *(_value(score, getattr(image, score)) for score in present)]
    line = _row(cells, widths[: len(cells)])
    name = harmless(image.name)
    if len(line) + 2 + len(name) > _COLUMNS:
        print(f"  {name}\n{line}")
    else:
        print(f"{line}  {name}")


def _seen(work_size: WorkSize | None, whole: int, count: int) -> str:
    """At what size weights saw pictures; "" where nothing was relit."""
    if work_size is None:
        return ""
    if work_size == "full" or whole == count:
        return ", seen whole"
    some = f", {whole} of {count} whole" if whole else ""
    return f", seen at {work_size} px{some}"


def stage_table(result: StageResult) -> None:
    """Scores on scenes whose every light is known, as tables on standard output.

    Means with 95 % confidence intervals over scenes; gains of PSNR and SSIM.
    """
    device = f", on {result.device}" if result.device else ""
    size = f"{result.size} px"
    if result.largest > result.size:
        size = f"{result.size} to {result.largest} px, scored at {size}"
    scenes = _count(result.scenes, "scene")
    print(f"{harmless(result.data)}: {scenes} of {size}{device}")
    heads = ["", "PSNR", "SSIM", "detail", "over copy", "SSIM", "over better"]
    cells = [_stage_rows(method) for method in result.methods]
    widths = _widths([heads, *(row for rows in cells for row in rows)])
    for method, rows in zip(result.methods, cells, strict=True):
        seen = _seen(method.work_size, method.whole, result.scenes)
        print(f"\n{harmless(method.name)}{seen}")
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
            f"{row.detail.mean:.2f}" if row.detail else "",
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


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A line on the terminal that is replaced by each text, and gone in the end."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    try:
        yield _replace_line
    finally:
        _clear_line()


def _clear_line() -> None:
    """Take away what `_replace_line` left."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def _replace_line(text: str) -> None:
    from rich.cells import chop_cells

    # What reaches into a second line would stay.
    room = max(1, shutil.get_terminal_size().columns - 1)
    line = next(iter(chop_cells(harmless(text), room)), "")
    print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def _value(score: str, value: float | None) -> str:
    return "" if value is None else format(value, _SCORE_NAMES[score][1])


def _interval(found: Estimate, style: str) -> str:
    """A mean, and its margin where there is one."""
    if found.margin is None:
        return f"{found.mean:{style}}"
    # A margin of ten and more does not need hundredths.
    short = style.removeprefix("+") if found.margin < 10 else ".1f"
    return f"{found.mean:{style}} ±{found.margin:{short}}"


def _widths(rows: list[list[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _print_rows(rows: list[list[str]], widths: list[int]) -> None:
    for row in rows:
        print(_row(row, widths))


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """The first cell to the left, the others to the right."""
    first, *rest = (
        cell.rjust(width) if index else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join((first, *rest)).rstrip()


def bench_table(result: BenchResult, *, aside: bool = False) -> None:
    """What `msrnet bench` found, as tables of at most 80 columns.

    Args:
        result: What was found.
        aside: On standard error, because standard output is for a document.
    """
    out = sys.stderr if aside else sys.stdout
    for line in _bench_opening(result):
        _wrapped(line, out)
    _bench_times(result, out)
    _bench_shares(result, out)
    _bench_growth(result, out)
    _bench_training(result, out)
    print(file=out)
    for line in (*_bench_jobs(result), *_bench_remarks(result)):
        _wrapped(line, out)


def bench_changes(changes: Iterable[Change], *, aside: bool = False) -> None:
    """Each row beside the same row of an older document, one a line."""
    out = sys.stderr if aside else sys.stdout
    for change in changes:
        mark = "slower" if change.regressed else "ok    "
        if change.after is None or change.slower is None:
            print(f"{mark} {change.name}: {change.reason}", file=out)
            continue
        before, after = _digits(change.before, 3), _digits(change.after, 3)
        print(
            f"{mark} {change.name}: {before} to {after}"
            f" ({change.slower:+.1%} time in relation to the reference)",
            file=out,
        )


_ROW_HEADS = ("way", "dtype", "size", "batch")


def _bench_opening(result: BenchResult) -> Iterator[str]:
    env = result.environment
    yield (
        f"msrnet {env.msrnet}, torch {env.torch}, Python {env.python}, {env.system},"
        f" {env.date}"
    )
    if env.gpu:
        yield f"{env.gpu}, driver {env.driver or 'unknown'}, CUDA {env.cuda}"
    threads, cores = _count(env.threads, "thread"), _count(env.cores, "core")
    yield f"{env.processor or 'unknown CPU'}, {threads} on {cores}"
    yield (
        f"{result.arch}, {result.channels} channels, weights: {result.weights};"
        f" pictures: {result.pictures}"
    )
    rates = ", ".join(
        f"{c.name} {c.rate / 1e9:.0f} {'GB/s' if c.name == 'copy' else 'GFLOP/s'}"
        for c in result.ceilings
    )
    yield f"ceilings measured in this run: {rates}"


def _bench_times(result: BenchResult, out: TextIO) -> None:
    heads = (*_ROW_HEADS, "ms/image", "p95", "spread", "speed-up", "")
    rows = []
    for row in result.rows:
        if row.timing is None:
            rows.append((*_row_name(row), "-", "", "", "", "FAILED"))
            continue
        times = "" if row.times is None else f"{row.times:.2f}x"
        rows.append(
            (
                *_row_name(row),
                _milliseconds(row.timing.median / row.batch),
                _milliseconds(row.timing.p95 / row.batch),
                f"{row.timing.spread:.0%}",
                times,
                _verdict(row),
            )
        )
    title = "The network alone, synchronised; speed-up over the reference"
    _bench_page(title, heads, rows, out)


def _bench_shares(result: BenchResult, out: TextIO) -> None:
    heads = (*_ROW_HEADS, "runs", "of ceiling", "launch ms", "start s", "dB")
    rows = [
        (
            *_row_name(row),
            str(row.timing.runs),
            f"{_optional(row.share, '.0%')} {row.ceiling}",
            _milliseconds(row.launch),
            _digits((row.prepare or 0) + (row.first or 0), 3),
            "=" if row.agreement == EQUAL_DB else _optional(row.agreement, ".1f"),
        )
        for row in result.rows
        if row.timing is not None
    ]
    title = "Part of the ceiling reached, start, agreement with fp32"
    _bench_page(title, heads, rows, out)


def _bench_growth(result: BenchResult, out: TextIO) -> None:
    heads = (*_ROW_HEADS, "ns/pixel", "B/pixel", "MB/pass", "of copying", "J/image")
    rows = []
    for row in result.rows:
        if row.timing is None:
            continue
        per_pixel = row.timing.median / row.pixels * 1e9
        rows.append(
            (
                *_row_name(row),
                _digits(per_pixel, 3),
                _optional(None if row.peak is None else row.peak / row.pixels, ".0f"),
                _optional(None if row.peak is None else row.peak / 1e6, ".0f"),
                _optional(row.copy_share, ".0%"),
                _optional(row.joules and row.joules / row.batch, ".2f"),
            )
        )
    _bench_page("Growth: flat columns are linear in pixels", heads, rows, out)


def _bench_training(result: BenchResult, out: TextIO) -> None:
    if not result.training:
        return
    heads = ["dtype", "size", "batch", "ms/step", "p95", "runs", "of ceiling"]
    heads += ["of forward", "MB/step"]
    rows = []
    for step in result.training:
        name = (step.dtype, str(step.size), str(step.batch))
        timing: Timing | None = step.timing
        if timing is None:
            rows.append((*name, "FAILED", *[""] * 5))
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
    _bench_page(title, heads, rows, out)


def _bench_jobs(result: BenchResult) -> Iterator[str]:
    """Light carried to full size, and the folder job."""
    carried = result.carrying
    each = _milliseconds(carried.timing.median / carried.megapixels)
    yield (
        f"Light carried from {carried.work_size} pixels to {carried.megapixels:.1f}"
        f" megapixels: {each} ms a megapixel"
    )
    job = result.job
    count = max(1, job.pictures)
    stages = ", ".join(
        f"{name} {_milliseconds(seconds / count)}"
        for name, seconds in job.stages.items()
    )
    yield (
        f"The folder job, file to file: {_count(job.pictures, 'picture')}"
        f" ({job.source}), {job.megapixels:.1f} megapixels, {job.dtype}:"
        f" {_milliseconds(job.seconds / count)} ms a picture after {job.load:.1f} s to"
        f" start; ms busy: {stages}; slowest: {job.slowest}"
        + (f"; {job.failed} FAILED" if job.failed else "")
    )


def _bench_remarks(result: BenchResult) -> list[str]:
    """What is wrong, what is doubtful, what the columns mean."""
    lines = []
    for row in result.rows:
        lines += [f"{row.name}: {text}" for text in (row.failure, *row.faults) if text]
        lines += [f"note: {row.name}: {text}" for text in row.notes]
    lines += [
        f"{step.name}: {step.failure}" for step in result.training if step.failure
    ]
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


def _bench_page(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO
) -> None:
    """A title, heads, and rows with two spaces between their columns."""
    widths = _widths([list(heads), *map(list, rows)])
    print(f"\n{title}", file=out)
    for row in (heads, *rows):
        print(_row(row, widths), file=out)


def _wrapped(text: str, out: TextIO) -> None:
    """A text, on a terminal folded between words; a log must not be folded."""
    line = harmless(text)
    if out.isatty():
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(line, width, subsequent_indent="  ")
    print(line, file=out)


def _verdict(row: BenchRow) -> str:
    """One word against a row, if anything is."""
    if any(fault.startswith("wrong") for fault in row.faults):
        return "WRONG"
    return "DOUBTFUL" if row.faults else ""


def _row_name(row: BenchRow) -> tuple[str, str, str, str]:
    return row.way, row.dtype, str(row.size), str(row.batch)


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else _digits(seconds * 1000, 4)


def _digits(value: float, count: int) -> str:
    """So many significant digits, and at most six decimals; never an exponent."""
    if not value:
        return "0"
    decimals = count - 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{max(0, min(decimals, 6))}f}"


def _optional(value: float | None, style: str) -> str:
    return "" if value is None else format(value, style)
