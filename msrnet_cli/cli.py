"""The command line: parse, call, report. No work is done here.

torch is imported inside the commands, so that --help answers at once.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from msrnet_cli import __version__
from msrnet_cli.config import (
    Dtype,
    Exist,
    FolderOptions,
    Format,
    Layout,
    ModelConfig,
    Split,
    SynthOptions,
    WeightsCard,
    WriteOptions,
)
from msrnet_cli.errors import (
    MSRNetError,
    NothingDoneError,
    PictureError,
    UsageError,
    WeightsError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from msrnet_cli.inference import Relighter
    from msrnet_cli.results import JobSummary

app = typer.Typer(
    help="Relight pictures: change where the light comes from, and its colour.",
    no_args_is_help=True,
    rich_markup_mode=None,  # loading rich would double the time --help takes
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
weights_app = typer.Typer(help="Look at weights, check them, convert them.")
app.add_typer(weights_app, name="weights", no_args_is_help=True)

_SIGNAL_CODES = {"SIGINT": 130, "SIGPIPE": 141, "SIGTERM": 143}
_STREAM = "-"

# The base of all that the parser raises: typer has kept its name in several places.
_ParserError: type[Exception] = typer.BadParameter.__mro__[2]
_defaults = FolderOptions()
_synth = SynthOptions()


def main() -> NoReturn:
    """Run the command line; the one place where errors become exit codes."""
    _open_closed_streams()
    # torch says at import that it runs without NumPy, which is what it is to do.
    warnings.filterwarnings("ignore", message="Failed to initialize NumPy")
    warnings.filterwarnings("ignore", module="PIL")
    try:
        code = app(prog_name="msrnet", standalone_mode=False)
    except MSRNetError as error:
        _exit_with(error)
    except _ParserError as error:
        _exit_with_usage(error)
    except KeyboardInterrupt as stop:
        _exit(_SIGNAL_CODES[getattr(stop, "signal", "SIGINT")])
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _exit(_SIGNAL_CODES["SIGPIPE"])
    except Exception as error:
        _report_bug(error)
        _exit(1)
    _exit(code or 0)


def _open_closed_streams() -> None:
    """Give a program that was started without one of its streams an empty one.

    Otherwise what is meant for people would go where pictures go.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 open to the end


def _exit_with(error: MSRNetError) -> NoReturn:
    from msrnet_cli import report

    report.error_line(error)
    _exit(error.exit_code)


def _exit_with_usage(error: Any) -> NoReturn:  # noqa: ANN401 see _ParserError
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        _exit(UsageError.exit_code)
    context = error.ctx.command_path if getattr(error, "ctx", None) else "msrnet"
    reason = error.format_message().rstrip(".")
    _exit_with(UsageError(reason, f"see {context} --help"))


def _exit(code: int) -> NoReturn:
    sys.exit(code)


def _report_bug(error: Exception) -> None:
    if os.environ.get("MSRNET_DEBUG"):
        traceback.print_exc()
    name = type(error).__name__
    print(
        f"msrnet: a bug: {name}: {error}: please report it with the output of the same"
        " command under MSRNET_DEBUG=1",
        file=sys.stderr,
    )


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"msrnet {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Show the version.",
        ),
    ] = False,
) -> None:
    pass


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
        typer.Option(metavar="LIST|-", help="Read inputs from a file, one a line."),
    ] = None,
    exist: Annotated[
        Exist,
        typer.Option(help="Where an output exists; skip looks at what made it."),
    ] = _defaults.exist,
    name: Annotated[
        str, typer.Option(help="Output names from {stem} and {ext}.")
    ] = _defaults.name,
    format: Annotated[
        Format | None,
        typer.Option(help="Output format.", show_default="the input's"),
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
    ] = "auto",
    dtype: Annotated[Dtype, typer.Option(help="Number format.")] = "auto",
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
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Events as JSON lines on standard output.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")
    ] = False,
) -> None:
    """Relight pictures; whole folders, nothing lost."""
    *inputs, output = paths
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

    def load() -> Relighter:
        from msrnet_cli.inference import Relighter

        return Relighter.load(weights, device=device, dtype=dtype, offline=offline)

    if _STREAM in (*inputs, output):
        _relight_stream(inputs, output, files_from, as_json, options, load, quiet)
        return
    _relight_folder(inputs, output, files_from, options, load, weights, as_json, quiet)


def _relight_folder(
    inputs: list[str],
    output: str,
    files_from: str | None,
    options: FolderOptions,
    load: Callable[[], Relighter],
    weights: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    from msrnet_cli import report
    from msrnet_cli.folder import make_plan, relight_folder

    plan = make_plan(inputs, output, options, files_from)
    relighter = load()
    _stop_on_signals()
    notify = report.job_reporter(as_json=as_json, quiet=quiet)
    name = weights or "built-in default"
    _finish(relight_folder(plan, relighter, options, notify, name))


def _finish(summary: JobSummary) -> None:
    """End with the exit code of a summary; 0 returns."""
    if summary.stopped_by:
        raise typer.Exit(_SIGNAL_CODES[summary.stopped_by])
    if summary.failed:
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
    if output == _STREAM and sys.stdout.isatty():
        raise UsageError("a picture on a terminal is noise", "redirect standard output")
    from msrnet_cli import report
    from msrnet_cli.folder import stream

    try:
        notes = stream.relight_stream(inputs[0], output, load, options)
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


def _stop_on_signals() -> None:
    """Let SIGTERM end a job as Ctrl-C does; a second signal ends it at once."""
    from msrnet_cli.folder.job import Stopped

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        name = signal.Signals(number).name
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: os._exit(_SIGNAL_CODES[name]))
        raise Stopped(name)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)


@weights_app.command("list")
def list_weights(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List the built-in weights."""
    from msrnet_cli import report
    from msrnet_cli import weights as store

    entries = store.built_in()
    if as_json:
        records = [
            {
                "name": e.name,
                "default": e.default,
                "sha256": e.sha256,
                "path": str(e.path),
            }
            for e in entries
        ]
        report.json_document(records)
        return
    for entry in entries:
        print(
            f"{entry.name}{' (default)' if entry.default else ''}  {entry.sha256[:12]}"
        )
    if not entries:
        report.warn("this version comes without built-in weights")


@weights_app.command("path")
def show_path(
    spec: Annotated[
        str | None, typer.Argument(help="Built-in name, file or hub address.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never use the network.")
    ] = False,
) -> None:
    """Print where weights lie, fetching them if needed."""
    from msrnet_cli import weights as store

    print(store.locate(spec, offline=offline))


@weights_app.command("verify")
def verify_weights(
    specs: Annotated[
        list[str] | None, typer.Argument(help="Default: all built-in weights.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never use the network.")
    ] = False,
) -> None:
    """Check weights: names, shapes, types, values, and sha256 of built-in ones."""
    from msrnet_cli import report
    from msrnet_cli import weights as store

    names = specs or [entry.name for entry in store.built_in()]
    if not names:
        report.warn("this version comes without built-in weights")
    for name in names:
        found = store.load(name, offline=offline)
        report.json_document(
            {"weights": name, "sha256": found.sha256, **asdict(found.card)}
        )


@weights_app.command("import")
def import_weights(
    source: Annotated[
        Path, typer.Argument(help="Folder of six .pkl files, one .pth, or safetensors.")
    ],
    target: Annotated[Path, typer.Argument(help="New .safetensors file.")],
    centred: Annotated[
        bool,
        typer.Option(
            help="The network sees values minus 0.5, as in the dehazing code."
        ),
    ] = False,
    from_light: Annotated[str, typer.Option(help="Such as 6500_N.")] = "",
    to_light: Annotated[str, typer.Option(help="Such as 4500_E.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "",
    training_data: Annotated[str, typer.Option(help="What they were trained on.")] = "",
) -> None:
    """Convert weights in the layout of DMSHN's authors, without running any pickle."""
    from msrnet_cli import weights as store

    store.check_import_target(target)
    if not source.exists():
        raise WeightsError(f"{source} does not exist", "check the path")
    card = WeightsCard(
        model=ModelConfig(value_range="centred" if centred else "zero_one"),
        from_light=from_light,
        to_light=to_light,
        licence=licence,
        training_data=training_data,
    )
    written = store.import_published(source, target, card)
    print(f"{target}: {written.model.arch}, {written.model.channels} channels")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Look at torch, devices, codecs, weights and network; say how to mend each."""
    from msrnet_cli import report
    from msrnet_cli.doctor import examine

    checks = examine()
    if as_json:
        report.json_document([asdict(check) for check in checks])
    else:
        report.checks_table(checks)


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(help="Folder for the pictures.")],
    scenes: Annotated[
        int, typer.Option(help="Scenes; an existing set is gone on with.")
    ] = _synth.scenes,
    size: Annotated[int, typer.Option(help="Side in pixels.")] = _synth.size,
    lights: Annotated[
        str, typer.Option(help="Such as 6500_N,4500_E, or all for the forty of VIDIT.")
    ] = ",".join(_synth.lights),
    seed: Annotated[
        int, typer.Option(help="Another seed, other scenes.")
    ] = _synth.seed,
    split: Annotated[
        Split, typer.Option(help="Splits never share a scene.")
    ] = _synth.split,
    layout: Annotated[
        Layout, typer.Option(help="VIDIT's file names, or input/ and target/ folders.")
    ] = _synth.layout,
    from_light: Annotated[
        str, typer.Option("--from", help="Light of input/, with --layout pairs.")
    ] = _synth.from_light,
    to_light: Annotated[
        str, typer.Option("--to", help="Light of target/, with --layout pairs.")
    ] = _synth.to_light,
    depth: Annotated[
        bool, typer.Option("--depth", help="Also 16-bit depth maps, in centimetres.")
    ] = _synth.depth,
    sheet: Annotated[
        str | None, typer.Option(metavar="FILE.png", help="Also a contact sheet.")
    ] = _synth.sheet,
    workers: Annotated[
        int, typer.Option(help="Scenes at a time; 0 is one a core.")
    ] = _synth.workers,
    samples: Annotated[int, typer.Option(help="Rays a pixel.")] = _synth.samples,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")
    ] = False,
) -> None:
    """Render training pairs in the manner of VIDIT: night scenes, one strong light."""
    from msrnet_cli import report
    from msrnet_cli.synth import render_set

    options = SynthOptions(
        scenes=scenes,
        size=size,
        lights=tuple(part.strip() for part in lights.split(",")),
        seed=seed,
        split=split,
        layout=layout,
        from_light=from_light,
        to_light=to_light,
        depth=depth,
        sheet=sheet,
        workers=workers,
        samples=samples,
    )
    summary = render_set(out, options, _ignore if quiet else report.SceneLines())
    if not quiet:
        report.synth_closing(summary)


def _ignore(_event: object) -> None:
    pass
