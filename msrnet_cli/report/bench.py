"""What `msrnet bench` found, as tables of at most 80 columns, and what has changed."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.bench.results import EQUAL_DB
from msrnet_cli.report.terminal import Table, count, optional, show, show_folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

    from msrnet_cli.bench.results import BenchResult, BenchRow, Change, TrainTiming

_ROW_HEADS = ("way", "dtype", "size", "batch")


def tables(result: BenchResult, *, aside: bool = False) -> None:
    """Times, shares of ceilings, growth and training as tables.

    Args:
        result: What was found.
        aside: On standard error, because standard output is for a document.
    """
    out = sys.stderr if aside else sys.stdout
    for line in opening(result):
        show_folded(line, out)
    for page in pages(result):
        page.show(out)
    show(out=out)
    for line in (*jobs(result), *remarks(result)):
        show_folded(line, out)


def pages(result: BenchResult) -> list[Page]:
    """The tables: times, shares of ceilings, growth, and training if there was any."""
    found = [_times(result.rows), _shares(result.rows), _growth(result.rows)]
    return found + ([_training(result.training)] if result.training else [])


def changes(found: Iterable[Change], *, aside: bool = False) -> None:
    """Each row beside the same row of an older document, one a line.

    Args:
        found: The rows.
        aside: On standard error, because standard output is for a document.
    """
    out = sys.stderr if aside else sys.stdout
    for change in found:
        mark = "slower" if change.regressed else "ok    "
        show(f"{mark} {change.name}: {_change(change)}", out)


def _change(change: Change) -> str:
    if change.after is None or change.slower is None:
        return change.reason
    before, after = _digits(change.before, 3), _digits(change.after, 3)
    return (
        f"{before} to {after} ({change.slower:+.1%} time in relation to the reference)"
    )


@dataclass(frozen=True)
class Page:
    """A table below its title."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    def show(self, out: TextIO) -> None:
        show(out=out)
        show(self.title, out)
        rows = [self.heads, *self.rows]
        Table(rows).show(rows, out)


def opening(result: BenchResult) -> Iterator[str]:
    """What was measured, with what."""
    env = result.environment
    yield (
        f"msrnet {env.msrnet}, torch {env.torch}, Python {env.python}, {env.system},"
        f" {env.date}"
    )
    if env.gpu:
        yield f"{env.gpu}, driver {env.driver or 'unknown'}, CUDA {env.cuda}"
    threads, cores = count(env.threads, "thread"), count(env.cores, "core")
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


def _times(found: Iterable[BenchRow]) -> Page:
    rows = []
    for row in found:
        if row.timing is None:
            rows.append((*_cell(row), "-", "", "", "", "FAILED"))
            continue
        times = "" if row.times is None else f"{row.times:.2f}x"
        rows.append(
            (
                *_cell(row),
                milliseconds(row.timing.median / row.batch),
                milliseconds(row.timing.p95 / row.batch),
                f"{row.timing.spread:.0%}",
                times,
                verdict(row),
            )
        )
    title = "The network alone, synchronised; speed-up over the reference"
    heads = (*_ROW_HEADS, "ms/image", "p95", "spread", "speed-up", "")
    return Page(title, heads, rows)


def _shares(found: Iterable[BenchRow]) -> Page:
    rows = [
        (
            *_cell(row),
            str(row.timing.runs),
            f"{optional(row.share, '.0%')} {row.ceiling}",
            milliseconds(row.launch),
            _digits((row.prepare or 0) + (row.first or 0), 3),
            "=" if row.agreement == EQUAL_DB else optional(row.agreement, ".1f"),
        )
        for row in found
        if row.timing is not None
    ]
    title = "Part of the ceiling reached, start, agreement with fp32"
    heads = (*_ROW_HEADS, "runs", "of ceiling", "launch ms", "start s", "dB")
    return Page(title, heads, rows)


def _growth(found: Iterable[BenchRow]) -> Page:
    rows = [
        (
            *_cell(row),
            _digits(row.timing.median / row.pixels * 1e9, 3),
            optional(None if row.peak is None else row.peak / row.pixels, ".0f"),
            _megabytes(row.peak),
            optional(row.copy_share, ".0%"),
            optional(row.joules and row.joules / row.batch, ".2f"),
        )
        for row in found
        if row.timing is not None
    ]
    heads = (*_ROW_HEADS, "ns/pixel", "B/pixel", "MB/pass", "of copying", "J/image")
    return Page("Growth: flat columns are linear in pixels", heads, rows)


def _training(steps: Iterable[TrainTiming]) -> Page:
    rows = []
    for step in steps:
        name = (step.dtype, str(step.size), str(step.batch))
        if step.timing is None:
            rows.append((*name, "FAILED", *[""] * 5))
            continue
        rows.append(
            (
                *name,
                milliseconds(step.timing.median),
                milliseconds(step.timing.p95),
                str(step.timing.runs),
                f"{optional(step.share, '.0%')} {step.ceiling}",
                optional(step.forward_share, ".0%"),
                _megabytes(step.peak),
            )
        )
    heads = ["dtype", "size", "batch", "ms/step", "p95", "runs", "of ceiling"]
    heads += ["of forward", "MB/step"]
    return Page("A step of training: forward, backward, optimizer", heads, rows)


def jobs(result: BenchResult) -> Iterator[str]:
    """Light carried to full size, and the folder job."""
    carried = result.carrying
    each = milliseconds(carried.timing.median / carried.megapixels)
    yield (
        f"Light carried from {carried.work_size} pixels to {carried.megapixels:.1f}"
        f" megapixels: {each} ms a megapixel"
    )
    job = result.job
    number = max(1, job.pictures)
    stages = ", ".join(
        f"{name} {milliseconds(seconds / number)}"
        for name, seconds in job.stages.items()
    )
    yield (
        f"The folder job, file to file: {count(job.pictures, 'picture')}"
        f" ({job.source}), {job.megapixels:.1f} megapixels, {job.dtype}:"
        f" {milliseconds(job.seconds / number)} ms a picture after {job.load:.1f} s to"
        f" start; ms busy: {stages}; slowest: {job.slowest}"
        + (f"; {job.failed} FAILED" if job.failed else "")
    )


def remarks(result: BenchResult) -> list[str]:
    """Failures, faults and notes, and what a column means."""
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


def verdict(row: BenchRow) -> str:
    """One word against a row, if anything is."""
    if any(fault.startswith("wrong") for fault in row.faults):
        return "WRONG"
    return "DOUBTFUL" if row.faults else ""


def _cell(row: BenchRow) -> tuple[str, str, str, str]:
    return row.way, row.dtype, str(row.size), str(row.batch)


def milliseconds(seconds: float | None) -> str:
    """Without the unit; "" for None."""
    return "" if seconds is None else _digits(seconds * 1000, 4)


def _megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:.0f}"


def _digits(value: float, digits: int) -> str:
    """So many significant digits, and at most six decimals; never an exponent."""
    if not value:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{max(0, min(decimals, 6))}f}"
