"""msrnet relight."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from msrnet_cli import signals
from msrnet_cli.cli import options as shared
from msrnet_cli.cli import streams
from msrnet_cli.cli.application import app
from msrnet_cli.cli.loading import loading, seconds
from msrnet_cli.config import (
    Dtype,
    Engine,
    Exist,
    FolderOptions,
    Format,
    WriteOptions,
)
from msrnet_cli.errors import NothingDoneError, PictureError, UsageError
from msrnet_cli.relight.options import DEFAULTS, SessionOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.relight.relighter import Relighter
    from msrnet_cli.results import JobSummary


_STREAM = "-"
_defaults = FolderOptions()


@app.command()
def relight(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT... OUTPUT",
            help="Files, folders or patterns, then a folder or, for one input, a file."
            " - is standard input or output.",
        ),
    ],
    weights: Annotated[
        str | None,
        typer.Option(
            help="Built-in name, file, or hf://owner/repo[@revision][/file].",
            show_default="the built-in default",
        ),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Enter subfolders.")
    ] = _defaults.recursive,
    files_from: Annotated[
        str | None,
        typer.Option(
            metavar="LIST|-",
            help="Read inputs from a file, one a line. Relative paths are mirrored"
            " below OUTPUT (sub/a.jpg to OUTPUT/sub/a.jpg), absolute ones go straight"
            " into it; in root/./sub/a.jpg the mirrored part begins after the dot.",
        ),
    ] = None,
    exist: Annotated[
        Exist,
        typer.Option(
            help="What to do where an output exists. skip: leave what was made from the"
            " same input in the same way, make anew what msrnet made otherwise, and"
            " touch nothing else."
        ),
    ] = _defaults.exist,
    name: Annotated[
        str, typer.Option(help="Output names from {stem} and {ext}.")
    ] = _defaults.name,
    format: Annotated[
        Format | None,
        typer.Option(
            help="Output format.",
            show_default="the input's",
            metavar="|".join(get_args(Format)),
            parser=shared.format_name,
        ),
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(
            min=1, max=100, help="For JPEG, WebP, AVIF.", show_default="the input's"
        ),
    ] = None,
    lossless: Annotated[
        bool, typer.Option("--lossless", help="WebP without loss; AVIF at its best.")
    ] = False,
    strip_metadata: Annotated[
        bool, typer.Option("--strip-metadata", help="Leave out EXIF, XMP, IPTC, text.")
    ] = False,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Also write input and output side by side."),
    ] = _defaults.compare,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")
    ] = DEFAULTS.device,
    dtype: Annotated[Dtype, typer.Option(help="Number format.")] = DEFAULTS.dtype,
    engine: Annotated[
        Engine,
        typer.Option(help="How the network runs; fused: CPU; graph, tuned: CUDA."),
    ] = DEFAULTS.engine,
    work_size: Annotated[
        str | None,
        typer.Option(
            metavar="PX|full",
            help="Longer side at which the network sees a picture; the change of light"
            " is carried to its full size.",
            show_default="what the weights ask for, else 1024",
        ),
    ] = None,
    batch_size: Annotated[
        str, typer.Option(metavar="auto|N", help="Pictures of one size run together.")
    ] = "auto",
    max_megapixels: Annotated[
        float, typer.Option(min=0.000001, help="Refuse larger pictures.")
    ] = _defaults.max_megapixels,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop at the first failure.")
    ] = _defaults.fail_fast,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never use the network.")
    ] = DEFAULTS.offline,
    as_json: Annotated[
        bool, typer.Option("--json", help="Events as JSON lines on standard output.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")
    ] = False,
) -> None:
    """Relight pictures; whole folders, nothing lost."""
    *inputs, output = paths
    if "" in (*paths, files_from):
        raise UsageError("a path is empty", "look at the shell variable it came from")
    if not inputs and files_from is None:
        raise UsageError("there is no output", "write: msrnet relight INPUT... OUTPUT")
    options = FolderOptions(
        recursive=recursive,
        name=name,
        exist=exist,
        batch_size=_batch_size(batch_size),
        compare=compare,
        fail_fast=fail_fast,
        max_megapixels=max_megapixels,
        write=WriteOptions(
            format=format,
            quality=quality,
            lossless=lossless,
            strip_metadata=strip_metadata,
        ),
    )

    session = SessionOptions(
        device=device,
        dtype=dtype,
        engine=engine,
        work_size=shared.work_size(work_size),
        offline=offline,
    )

    def load(pictures: int = 1) -> Relighter:
        from msrnet_cli import hardware
        from msrnet_cli.relight.relighter import Relighter

        if not quiet:
            shared.say_what_is_waited_for(engine)
        hardware.keep_freed_memory()
        return Relighter.load(weights, session, pictures=pictures)

    _check_terminal(inputs, output, files_from)
    if _STREAM in (*inputs, output):
        _relight_stream(inputs, output, files_from, as_json, options, load, quiet)
        return
    _relight_folder(inputs, output, files_from, options, load, weights, as_json, quiet)


def _check_terminal(inputs: list[str], output: str, files_from: str | None) -> None:
    """Refuse streams that are closed, and pictures from or to a terminal."""
    if _STREAM in (*inputs, files_from):
        streams.require("stdin")
    if output == _STREAM:
        streams.require("stdout")
        if sys.stdout.isatty():
            raise UsageError(
                "a picture cannot be shown on a terminal",
                "redirect standard output: ... - > relit.png",
            )
    if _STREAM in inputs and sys.stdin.isatty():
        raise UsageError(
            "standard input is a terminal, not a picture",
            "write: msrnet relight - OUTPUT < photo.jpg",
        )


def _relight_folder(
    inputs: list[str],
    output: str,
    files_from: str | None,
    options: FolderOptions,
    load: Callable[[int], Relighter],
    weights: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    if as_json:
        streams.require("stdout")
    with loading():
        from msrnet_cli import report

        if files_from == _STREAM and sys.stdin.isatty():
            report.warn("the list of inputs is read from here, up to Ctrl-D")
        elif not quiet:
            report.loading()
        from msrnet_cli.folder import make_plan, relight_folder

        plan = make_plan(inputs, output, options, files_from)
        relighter = load(len(plan.jobs))
    signals.raise_on_signals()
    notify = report.job_reporter(as_json=as_json, quiet=quiet)
    name = weights or "built-in default"
    _finish(relight_folder(plan, relighter, options, notify, name, seconds()))


def _finish(summary: JobSummary) -> None:
    """End with the exit code of a summary; 0 returns."""
    if summary.stopped_by:
        code = signals.EXIT_CODES[summary.stopped_by]
        with suppress(BrokenPipeError):
            streams.settle()
        signals.end_if_busy(code)
        raise typer.Exit(code)
    if summary.failed or summary.halted:
        some = summary.relit or summary.skipped
        kind = PictureError if some else NothingDoneError
        raise typer.Exit(kind.exit_code)


def _relight_stream(
    inputs: list[str],
    output: str,
    files_from: str | None,
    as_json: bool,
    options: FolderOptions,
    load: Callable[[], Relighter],
    quiet: bool,
) -> None:
    """One picture through standard input, standard output, or both."""
    if len(inputs) != 1 or files_from is not None:
        raise UsageError("- takes one input and one output", "write: relight - -")
    if as_json and output == _STREAM:
        raise UsageError(
            "--json and a picture both want standard output", "drop --json"
        )
    with loading():
        from msrnet_cli import report
        from msrnet_cli.folder import stream

    def ready() -> Relighter:
        with loading():
            relighter = load()
        signals.raise_on_signals()  # what is half written must be taken away
        return relighter

    try:
        notes = stream.relight_stream(inputs[0], output, ready, options)
    except PictureError as error:  # the only picture there was
        raise NothingDoneError(error.reason, error.remedy) from error
    for note in () if quiet else notes:
        report.warn(note)


def _batch_size(text: str) -> int | None:
    if text == "auto":
        return None
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise UsageError(f"--batch-size {text}", "give auto or a number from 1 on")
