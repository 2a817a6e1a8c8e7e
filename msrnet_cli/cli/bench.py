"""msrnet bench."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msrnet_cli.bench.options import BenchOptions
from msrnet_cli.cli.application import app
from msrnet_cli.cli.derive import Given, command
from msrnet_cli.cli.options import Json, require_page, write_page
from msrnet_cli.errors import SlowerError, UsageError

if TYPE_CHECKING:
    from msrnet_cli.bench.results import BenchResult


@command(
    app,
    examples={
        "msrnet bench": "this machine, at the sizes that suit it",
        "msrnet bench --baseline old.json --fail-above 10%": "nothing became slower?",
    },
)
def bench(given: Given[BenchOptions], output: Json) -> None:
    """Measure how long relighting takes, beside what this machine could do.

    The table is for people; with --json it goes to standard error.
    """
    options = given.record
    if options.fail_above is not None and options.baseline is None:
        raise UsageError("--fail-above compares with a baseline", "give --baseline")
    page = None
    if options.report is not None:
        reads = (options.weights, options.pictures, options.baseline or "")
        page = require_page("--report", options.report, (*reads, given.config or ""))
    from msrnet_cli.bench import document, suite
    from msrnet_cli.report import bench as report
    from msrnet_cli.report import machine, terminal

    before = None if options.baseline is None else document.read(options.baseline)
    with terminal.progress() as notify:
        result = suite.measure(options, notify)
    report.tables(result, aside=output.json)
    if output.json:
        machine.document(document.to_json(result))
    if page is not None:
        from msrnet_cli.pages import benchmark

        write_page(page, benchmark.page(result))
    if before is not None:
        _compare(before, result, options.fail_above, aside=output.json)


def _compare(
    before: BenchResult, after: BenchResult, limit: float | None, *, aside: bool
) -> None:
    """Report what changed; raises where too much became slower."""
    from msrnet_cli.bench import document
    from msrnet_cli.report import bench as report

    changes = document.compare(before, after, math.inf if limit is None else limit)
    report.changes(changes, aside=aside)
    worse = [change.name for change in changes if change.regressed]
    if worse and limit is not None:
        raise SlowerError(
            f"{len(worse)} of {len(changes)} rows fell behind the baseline by more than"
            f" {limit:.0%}: {', '.join(worse)}",
            "mend them, or make a new baseline",
        )
