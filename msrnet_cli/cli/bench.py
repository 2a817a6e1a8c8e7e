"""msrnet bench."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar, get_args

import typer

from msrnet_cli.bench.options import BenchOptions
from msrnet_cli.cli.application import app
from msrnet_cli.cli.options import numbers
from msrnet_cli.config import Arch, Dtype, Engine
from msrnet_cli.errors import SlowerError, UsageError

if TYPE_CHECKING:
    from msrnet_cli.bench.results import BenchResult

_Name = TypeVar("_Name", bound=str)
_defaults = BenchOptions()


@app.command()
def bench(
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")
    ] = _defaults.device,
    arch: Annotated[
        Arch | None,
        typer.Option(
            help="The network.", show_default="that of the weights, else stacked"
        ),
    ] = None,
    weights: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="Built-in name, file or hub address.",
            show_default="the built-in default, else drawn from a seed",
        ),
    ] = _defaults.weights,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="PX,...",
            help="Sides of the pictures.",
            show_default="256 to 1024; on CUDA to 2048",
        ),
    ] = None,
    batch: Annotated[
        str,
        typer.Option(
            metavar="auto|N,...",
            help="Pictures in a pass, at each size; auto: 1, and at one size twice as"
            " many while that pays.",
        ),
    ] = "auto",
    dtype: Annotated[
        str, typer.Option(metavar="auto|fp32,...", help="Number formats.")
    ] = ",".join(_defaults.dtypes),
    engine: Annotated[
        str,
        typer.Option(metavar="auto|fused,...", help="How msrnet runs the network."),
    ] = ",".join(_defaults.engines),
    rivals: Annotated[
        bool,
        typer.Option(
            "--rivals",
            help="Also ONNX Runtime and OpenVINO, on the CPU, where installed.",
        ),
    ] = _defaults.rivals,
    train: Annotated[
        bool, typer.Option("--train", help="Also a step of training.")
    ] = _defaults.train,
    pictures: Annotated[
        str,
        typer.Option(
            metavar="DIR", help="Measure on these.", show_default="made by the bench"
        ),
    ] = _defaults.pictures,
    seconds: Annotated[
        float,
        typer.Option(min=0.0, help="Time for each row, but at least three runs."),
    ] = _defaults.seconds,
    runs: Annotated[
        int | None,
        typer.Option(min=1, help="Runs for each row instead.", show_default=False),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="OLD.json",
            help="Compare with an older document, by ratios to the reference.",
        ),
    ] = None,
    fail_above: Annotated[
        str | None,
        typer.Option(
            metavar="PERCENT",
            help="With --baseline: exit with 7 where a row has become slower by more.",
            show_default="never",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw time against size and batch."),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never use the network.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="One JSON document; the table goes to standard error."
        ),
    ] = False,
) -> None:
    """Measure how long relighting takes, beside what this machine could do."""
    limit = _limit(fail_above, baseline)
    _check_plot(plot)
    options = BenchOptions(
        device=device,
        arch=arch,
        weights=weights,
        sizes=numbers("--size", size) or (),
        batches=() if batch == "auto" else numbers("--batch", batch) or (),
        dtypes=_chosen("--dtype", dtype, get_args(Dtype)),
        engines=_chosen("--engine", engine, get_args(Engine)),
        rivals=rivals,
        train=train,
        pictures=pictures,
        seconds=seconds,
        runs=runs,
        offline=offline,
    )
    from msrnet_cli import report
    from msrnet_cli.bench import document, suite
    from msrnet_cli.bench import plot as drawing

    before = None if baseline is None else document.read(baseline)
    with report.progress() as notify:
        result = suite.measure(options, notify)
    report.bench_table(result, aside=as_json)
    if as_json:
        report.json_document(document.to_json(result))
    if plot is not None:
        _write_plot(plot, drawing.draw(result))
    if before is not None:
        _compare(before, result, limit, aside=as_json)


def _compare(
    before: BenchResult, after: BenchResult, limit: float, *, aside: bool
) -> None:
    """Report what changed; raises where too much became slower."""
    from msrnet_cli import report
    from msrnet_cli.bench import document

    changes = document.compare(before, after, limit)
    report.bench_changes(changes, aside=aside)
    worse = [change.name for change in changes if change.regressed]
    if worse and limit < math.inf:
        raise SlowerError(
            f"{len(worse)} of {len(changes)} rows fell behind the baseline by more than"
            f" {limit:.0%}: {', '.join(worse)}",
            "mend them, or make a new baseline",
        )


def _limit(text: str | None, baseline: Path | None) -> float:
    """``10%`` or ``10`` as 0.1; infinity where nothing is to fail."""
    if text is None:
        return math.inf
    if baseline is None:
        raise UsageError("--fail-above compares with a baseline", "give --baseline")
    try:
        limit = float(text.removesuffix("%")) / 100
    except ValueError:
        limit = math.nan
    if not 0 <= limit < math.inf:
        raise UsageError(f"--fail-above {text}", "give a percentage, such as 10%")
    return limit


def _chosen(option: str, text: str, known: tuple[_Name, ...]) -> tuple[_Name, ...]:
    """Some of the known names, separated by commas, each once."""
    names = [name.strip() for name in text.split(",")]
    if not all(name in known for name in names):
        raise UsageError(f"{option} {text}", f"choose from {', '.join(known)}")
    by_name = {str(name): name for name in known}
    return tuple(dict.fromkeys(by_name[name] for name in names))


def _check_plot(path: Path | None) -> None:
    if path is None:
        return
    if path.suffix.lower() != ".png":
        raise UsageError(f"--plot {path} must end in .png", "rename it")
    if not path.parent.is_dir():
        raise UsageError(f"--plot {path}: no such folder", "make it first")


def _write_plot(path: Path, data: bytes) -> None:
    from msrnet_cli.files import write_whole

    try:
        write_whole(path, data)
    except OSError as error:
        raise UsageError(
            f"--plot {path}: {error.strerror}", "choose another place"
        ) from error
