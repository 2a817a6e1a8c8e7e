"""The command line: parse, call, report. No work is done here.

torch is imported inside the commands, so that --help answers at once.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from msrnet_cli import __version__, signals
from msrnet_cli.config import (
    Arch,
    DataOptions,
    Dtype,
    EvalOptions,
    Exist,
    FolderOptions,
    Format,
    Layout,
    LossName,
    LossOptions,
    ModelConfig,
    Shape,
    Split,
    StageName,
    SynthOptions,
    TrainConfig,
    ValueRange,
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
        _exit(signals.EXIT_CODES[getattr(stop, "signal", "SIGINT")])
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _exit(signals.EXIT_CODES["SIGPIPE"])
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
    with signals.quitting_at_once():
        from msrnet_cli import report
        from msrnet_cli.folder import make_plan, relight_folder

        plan = make_plan(inputs, output, options, files_from)
        relighter = load()
    signals.raise_on_signals()
    notify = report.job_reporter(as_json=as_json, quiet=quiet)
    name = weights or "built-in default"
    _finish(relight_folder(plan, relighter, options, notify, name))


def _finish(summary: JobSummary) -> None:
    """End with the exit code of a summary; 0 returns."""
    if summary.stopped_by:
        raise typer.Exit(signals.EXIT_CODES[summary.stopped_by])
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


data_app = typer.Typer(help="Look at training pictures.")
app.add_typer(data_app, name="data", no_args_is_help=True)

_train_defaults = TrainConfig()
_data_defaults = DataOptions()
_loss_defaults = LossOptions()
_From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="LIGHT",
        help="Light of the inputs, in VIDIT's names.",
        show_default=_data_defaults.from_light,
    ),
]
_To = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="LIGHT",
        help="Light of the targets.",
        show_default=_data_defaults.to_light,
    ),
]


@app.command()
def train(
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|ZIP", help="Pairs: VIDIT's names, or input/ and target/."
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Folder of the run.",
            show_default="a new one under runs/, or the newest to go on with",
        ),
    ] = None,
    val: Annotated[
        str | None, typer.Option(metavar="DIR|ZIP", help="Pairs to validate on.")
    ] = None,
    stage: Annotated[
        StageName | None,
        typer.Option(
            help="1: L2. 2: L1, SSIM, perceptual, TV, from stage 1's result.",
            show_default=_train_defaults.stage,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint of RUN.")
    ] = False,
    arch: Annotated[
        Arch | None,
        typer.Option(help="The network.", show_default=_train_defaults.model.arch),
    ] = None,
    channels: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Its channels at full resolution.",
            show_default=str(_train_defaults.model.channels),
        ),
    ] = None,
    value_range: Annotated[
        ValueRange | None,
        typer.Option(
            help="What it sees of a picture in [0, 1]: that, or minus 0.5.",
            show_default=_train_defaults.model.value_range,
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="small|identity|WEIGHTS",
            help="Where it starts.",
            show_default=_train_defaults.init,
        ),
    ] = None,
    loss: Annotated[
        LossName | None,
        typer.Option(help="Instead of the stage's own.", show_default="by stage"),
    ] = None,
    from_light: _From = None,
    to_light: _To = None,
    epochs: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Passes over all pairs.",
            show_default=f"{_train_defaults.epochs:g}",
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Instead of epochs.", show_default=False)
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            help="Instead of epochs: the schedule fits itself to this time.",
            show_default=False,
        ),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Highest learning rate.",
            show_default=f"{_train_defaults.lr:g}",
        ),
    ] = None,
    lr_end: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="Last one.", show_default=f"{_train_defaults.lr_end:g}"
        ),
    ] = None,
    shape: Annotated[
        Shape | None,
        typer.Option(help="How it falls.", show_default=_train_defaults.shape),
    ] = None,
    warmup: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Steps in which it rises at first.",
            show_default=str(_train_defaults.warmup),
        ),
    ] = None,
    clip: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Largest norm of a gradient; 0 for any.",
            show_default=f"{_train_defaults.clip:g}",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="PX[:SHARE],...",
            help="Whole pictures are resized to this; several run one after the other,"
            " each for its share of the run.",
            show_default="512",
        ),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(
            metavar="N,...",
            help="Pairs a step, for all sizes or for each.",
            show_default="2",
        ),
    ] = None,
    crop: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Side of a random window of the resized picture.",
            show_default="all of it",
        ),
    ] = None,
    mirror: Annotated[
        bool | None,
        typer.Option(
            "--mirror/--no-mirror",
            help="Also show pairs mirrored, with E and W swapped.",
            show_default="no-mirror",
        ),
    ] = None,
    exposure: Annotated[
        float | None,
        typer.Option(
            min=0.0, metavar="STOPS", help="Vary the exposure.", show_default="0"
        ),
    ] = None,
    tint: Annotated[
        float | None,
        typer.Option(
            min=0.0, metavar="STOPS", help="Vary each colour.", show_default="0"
        ),
    ] = None,
    ema: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=0.999999,
            help="Decay of a running mean of the weights, which is then the result.",
            show_default="none",
        ),
    ] = None,
    perceptual: Annotated[
        bool | None,
        typer.Option(
            "--perceptual/--no-perceptual",
            help="Whether stage 2 compares VGG16 features.",
            show_default="perceptual",
        ),
    ] = None,
    vgg: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="VGG16's weights.", show_default="from the hub"
        ),
    ] = None,
    sobel_weight: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Of the Sobel loss beside L2.",
            show_default=f"{_loss_defaults.sobel:g}",
        ),
    ] = None,
    validations: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How often to validate during the run.",
            show_default=str(_train_defaults.validations),
        ),
    ] = None,
    val_pairs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="At most on this many pairs.",
            show_default=str(_train_defaults.val_pairs),
        ),
    ] = None,
    save_minutes: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Time between checkpoints.",
            show_default=f"{_train_defaults.save_minutes:g}",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Of start, order and augmentation.",
            show_default=str(_train_defaults.seed),
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="auto, cpu, cuda, cuda:N or mps.", show_default="auto"),
    ] = None,
    dtype: Annotated[
        Dtype | None,
        typer.Option(help="Of the forward pass.", show_default="auto"),
    ] = None,
    compile: Annotated[
        bool | None, typer.Option("--compile", help="Compile the network.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")
    ] = False,
) -> None:
    """Train a network on pairs of pictures; the defaults are the paper's recipe."""
    sizes, shares = _sizes(size)
    given = {
        "data": data,
        "val": val,
        "out": out,
        "stage": stage,
        "loss": loss,
        "init": init,
        "epochs": epochs,
        "steps": steps,
        "minutes": minutes,
        "lr": lr,
        "lr_end": lr_end,
        "shape": shape,
        "warmup": warmup,
        "clip": clip,
        "sizes": sizes,
        "shares": shares,
        "batch": _numbers("--batch", batch),
        "crop": crop,
        "ema": ema,
        "seed": seed,
        "device": device,
        "dtype": dtype,
        "compile": compile,
        "validations": validations,
        "val_pairs": val_pairs,
        "save_minutes": save_minutes,
    }
    parts: dict[str, dict[str, Any]] = {
        "model": {"arch": arch, "channels": channels, "value_range": value_range},
        "data_options": {
            "from_light": from_light,
            "to_light": to_light,
            "mirror": mirror,
            "exposure": exposure,
            "tint": tint,
        },
        "loss_options": {
            "perceptual": 0.0 if perceptual is False else None,
            "vgg": vgg,
            "sobel": sobel_weight,
        },
    }
    from msrnet_cli import report
    from msrnet_cli import train as training

    config = _train_config(given, parts, resume=resume)
    summary = training.train(
        config, report.train_reporter(quiet=quiet), signals.Remembered(), resume=resume
    )
    if summary.stopped_by:
        raise typer.Exit(signals.EXIT_CODES[summary.stopped_by])


def _train_config(
    given: dict[str, Any], parts: dict[str, dict[str, Any]], *, resume: bool
) -> TrainConfig:
    """Defaults or the settings of an earlier run, with what was given on top."""
    from msrnet_cli.train import new_run, newest_run, read_settings

    goes_on = resume or (given["stage"] == "2" and given["data"] is None)
    base = TrainConfig()
    if goes_on:
        folder = Path(given["out"]) if given["out"] else newest_run()
        base = replace(read_settings(folder), out=str(folder))
        if not resume:
            base = replace(base, init="small")  # that is: stage 1's result
    for length in ("steps", "minutes"):
        if given["epochs"] is not None or given[length] is not None:
            base = replace(base, steps=None, minutes=None)
    changes = _given(given)
    for name, fields in parts.items():
        changes[name] = replace(getattr(base, name), **_given(fields))
    config = replace(base, **changes)
    if not config.out:
        config = replace(config, out=str(new_run(config.model.arch)))
    elif not goes_on and (Path(config.out) / "checkpoint.safetensors").exists():
        raise UsageError(
            f"{config.out} holds a run", "go on with --resume, or choose another --out"
        )
    return config


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _sizes(text: str | None) -> tuple[tuple[int, ...] | None, tuple[float, ...] | None]:
    """Read ``128:6,256:3`` into sizes and shares."""
    if text is None:
        return None, None
    entries = [entry.partition(":") for entry in text.split(",")]
    sizes = _numbers("--size", ",".join(size for size, _, _ in entries))
    try:
        shares = tuple(float(share) for _, _, share in entries if share)
    except ValueError:
        raise UsageError(f"--size {text}", "write --size 128:6,256:3,512:1") from None
    return sizes, shares


def _numbers(option: str, text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = text.split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"{option} {text}", "give whole numbers, such as 8,4,2")
    return tuple(int(part) for part in parts)


@data_app.command("check")
def check_data(
    data: Annotated[str, typer.Argument(metavar="DIR|ZIP", help="Pairs.")],
    from_light: _From = None,
    to_light: _To = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Decode every picture; list missing partners, differing sizes, broken files."""
    from msrnet_cli import data as pairs
    from msrnet_cli import report

    lights = _given({"from_light": from_light, "to_light": to_light})
    found = pairs.check(data, replace(_data_defaults, **lights))
    if as_json:
        report.json_document(asdict(found))
    else:
        report.data_report(found)
    if found.faults or not found.pairs:
        raise typer.Exit(PictureError.exit_code)


_eval_defaults = EvalOptions()


@app.command("eval")
def evaluate(
    folders: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[OUTPUTS TARGETS]", help="Two folders of pictures to compare."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DIR|ZIP", help="Pairs to relight and to score on."),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help="Built-in name, file or hub address; may be given several times.",
            show_default="the built-in default",
        ),
    ] = None,
    fit_data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|ZIP",
            help="Training pairs: also score the affine colour map that fits them.",
        ),
    ] = None,
    from_light: _From = None,
    to_light: _To = None,
    limit: Annotated[
        int, typer.Option(min=0, help="At most this many pairs; 0 for all.")
    ] = _eval_defaults.limit,
    each: Annotated[bool, typer.Option("--each", help="Show every picture.")] = False,
    alexnet: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="AlexNet's weights for LPIPS.",
            show_default="torch's cache",
        ),
    ] = _eval_defaults.alexnet,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")
    ] = _eval_defaults.device,
    dtype: Annotated[Dtype, typer.Option(help="Number format.")] = _eval_defaults.dtype,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never use the network.")
    ] = False,
    as_csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Also every picture as CSV."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Score weights on pairs, or pictures against targets."""
    if (data is None) == (not folders) or (folders and len(folders) != 2):
        raise UsageError("nothing to score", "give --data DIR, or OUTPUTS TARGETS")
    lights = _given({"from_light": from_light, "to_light": to_light})
    options = EvalOptions(
        data=data or "",
        weights=tuple(weights or ()),
        fit_data=fit_data or "",
        limit=limit,
        alexnet=alexnet,
        device=device,
        dtype=dtype,
        offline=offline,
        **lights,
    )
    from msrnet_cli import evaluate as scoring
    from msrnet_cli import report

    if folders:
        found = scoring.compare(folders[0], folders[1], options)
    else:
        found = scoring.evaluate(options, report.eval_progress)
    if as_csv is not None:
        report.eval_csv(found, as_csv)
    if as_json:
        report.json_document(asdict(found))
    else:
        report.eval_table(found, each=each)
