"""msrnet train, and msrnet data check."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from msrnet_cli import signals
from msrnet_cli.cli.application import app
from msrnet_cli.cli.loading import loading
from msrnet_cli.cli.options import FromLight, ToLight, numbers, only_given
from msrnet_cli.config import Arch, Dtype, ValueRange
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.options import asked, replaced
from msrnet_cli.pairs.options import PairOptions
from msrnet_cli.train.options import (
    LossName,
    OptimizerName,
    Recipe,
    Shape,
    Size,
    StageName,
    TrainOptions,
    read_sizes,
)
from msrnet_cli.train.recipes import RECIPES

data_app = typer.Typer(help="Look at training pictures.")
app.add_typer(data_app, name="data", no_args_is_help=True)

_train_defaults = TrainOptions()
_data_defaults = PairOptions()
_loss_defaults = _train_defaults.loss


@app.command()
def train(
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|ZIP",
            help="Pairs (VIDIT's names, or input/ and target/), or a folder of scenes.",
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
        str | None,
        typer.Option(metavar="DIR|ZIP", help="Pairs or scenes to validate on."),
    ] = None,
    recipe: Annotated[
        Recipe | None,
        typer.Option(
            help="Settings to begin with; lightstage learns every light from scenes of"
            " `msrnet synth --layers`.",
            show_default="paper",
        ),
    ] = None,
    stage: Annotated[
        StageName | None,
        typer.Option(
            help="1: L2. 2: L1, SSIM, perceptual, TV, from stage 1's result. all: 1,"
            " then 2.",
            show_default=_train_defaults.schedule.stage,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint of RUN.")
    ] = False,
    arch: Annotated[
        Arch | None,
        typer.Option(
            help="The network.", show_default=_train_defaults.network.model.arch
        ),
    ] = None,
    channels: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Channels of the network at full resolution.",
            show_default=str(_train_defaults.network.model.channels),
        ),
    ] = None,
    value_range: Annotated[
        ValueRange | None,
        typer.Option(
            help="What the network sees: pictures in [0, 1], or minus 0.5.",
            show_default=_train_defaults.network.model.value_range,
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="small|identity|WEIGHTS",
            help="Weights to start from.",
            show_default=_train_defaults.network.init,
        ),
    ] = None,
    loss: Annotated[
        LossName | None,
        typer.Option(help="Loss, instead of the stage's own.", show_default="by stage"),
    ] = None,
    from_light: FromLight = None,
    to_light: ToLight = None,
    epochs: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Passes over all pairs or scenes.",
            show_default=f"{_train_defaults.schedule.epochs:g}",
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
    optimizer: Annotated[
        OptimizerName | None,
        typer.Option(
            help="muon: orthogonalised momentum for convolution weights, Adam for the"
            " rest.",
            show_default=_train_defaults.optimizer.optimizer,
        ),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Highest learning rate.",
            show_default=f"{_train_defaults.rate.lr:g}",
        ),
    ] = None,
    lr_end: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Learning rate at the end of a stage.",
            show_default=f"{_train_defaults.rate.lr_end:g}",
        ),
    ] = None,
    shape: Annotated[
        Shape | None,
        typer.Option(
            help="How the learning rate falls.", show_default=_train_defaults.rate.shape
        ),
    ] = None,
    warmup: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Steps in which the rate rises at first, at most a tenth of a stage.",
            show_default=str(_train_defaults.rate.warmup),
        ),
    ] = None,
    clip: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Gradients are scaled down to this norm; 0: never.",
            show_default=f"{_train_defaults.optimizer.clip:g}",
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
            help="Pairs or scenes per step, for all sizes or for each.",
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
    zoom: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            metavar="SHARE",
            help="Show parts of pictures, shorter by up to this.",
            show_default="0",
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
    vgg_layer: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=31,
            help="Compare its features after this layer; 31 is all of them.",
            show_default=str(_loss_defaults.vgg_layer),
        ),
    ] = None,
    sobel_weight: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Weight of the Sobel loss beside L2.",
            show_default=f"{_loss_defaults.sobel_weight:g}",
        ),
    ] = None,
    structure_weight: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Weight of SSIM beside PSNR, with --loss scores.",
            show_default=f"{_loss_defaults.structure_weight:g}",
        ),
    ] = None,
    validations: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How often to validate during the run.",
            show_default=str(_train_defaults.schedule.validations),
        ),
    ] = None,
    val_pairs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Validate on at most this many pairs or scenes.",
            show_default=str(_train_defaults.data.val_pairs),
        ),
    ] = None,
    save_minutes: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Minutes between checkpoints.",
            show_default=f"{_train_defaults.schedule.save_minutes:g}",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Seed of first weights, order and augmentation.",
            show_default=str(_train_defaults.run.seed),
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            help="Train in this many processes on this machine's CPU.",
            show_default=str(_train_defaults.run.processes),
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="auto, cpu, cuda, cuda:N or mps.", show_default="auto"),
    ] = None,
    dtype: Annotated[
        Dtype | None,
        typer.Option(help="Number format of the forward pass.", show_default="auto"),
    ] = None,
    compile: Annotated[
        bool | None, typer.Option("--compile", help="Compile the network.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never use the network.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")
    ] = False,
) -> None:
    """Train a network on pairs or scenes.

    The defaults are stage 1 of the paper's recipe; --stage all is the whole of it.
    """
    given = {
        "sizes": _sizes(size),
        "batch": numbers("--batch", batch),
        "data": data,
        "val": val,
        "out": out,
        "stage": stage,
        "loss": loss,
        "init": init,
        "epochs": epochs,
        "steps": steps,
        "minutes": minutes,
        "optimizer": optimizer,
        "lr": lr,
        "lr_end": lr_end,
        "shape": shape,
        "warmup": warmup,
        "clip": clip,
        "crop": crop,
        "ema": ema,
        "seed": seed,
        "processes": processes,
        "device": device,
        "dtype": dtype,
        "compile": compile,
        "validations": validations,
        "val_pairs": val_pairs,
        "save_minutes": save_minutes,
        "offline": offline,
        "arch": arch,
        "channels": channels,
        "value_range": value_range,
        "from_light": from_light,
        "to_light": to_light,
        "mirror": mirror,
        "exposure": exposure,
        "tint": tint,
        "zoom": zoom,
        "perceptual": perceptual,
        "vgg": vgg,
        "vgg_layer": vgg_layer,
        "sobel_weight": sobel_weight,
        "structure_weight": structure_weight,
    }
    with loading():
        from msrnet_cli import hardware, report
        from msrnet_cli.train import loop

    hardware.keep_freed_memory()
    options = _train_options(given, recipe, resume=resume)
    notify = report.train_reporter(quiet=quiet)
    try:
        with signals.remembered() as stop:
            summary = loop.train(options, notify, stop, resume=resume)
    except signals.Stopped as stopped:
        report.warn(f"stopped by {stopped.signal} before the first step")
        raise
    if summary.stopped_by:
        raise typer.Exit(signals.EXIT_CODES[summary.stopped_by])


def _train_options(
    given: dict[str, Any], recipe: Recipe | None, *, resume: bool
) -> TrainOptions:
    """Defaults or the settings of an earlier run, with what was given on top."""
    from msrnet_cli.train.runs import exists, new_run, newest_run, read_settings

    holds_run = bool(given["out"]) and exists(Path(given["out"]))
    moved = given["data"] is None or (holds_run and given["init"] is None)
    goes_on = resume or (given["stage"] == "2" and moved)
    base = RECIPES[recipe or "paper"]
    if goes_on and recipe:
        raise UsageError(
            "--recipe is for a new run", "drop it: the run has settings of its own"
        )
    if goes_on:
        base = read_settings(Path(given["out"]) if given["out"] else newest_run())
        if not resume:  # from stage 1's result, that is
            base = replaced(base, ("network", "init"), "small")
    for length in ("steps", "minutes"):
        if given["epochs"] is not None or given[length] is not None:
            base = replaced(base, ("schedule", "steps"), None)
            base = replaced(base, ("schedule", "minutes"), None)
    options = base
    for field in asked(base):
        value = given[field.path[-1]]
        if value is not None:
            options = replaced(options, field.path, value)
    if not options.run.out:
        fresh = str(new_run(options.network.model.arch))
        options = replaced(options, ("run", "out"), fresh)
    elif holds_run and not goes_on:
        raise UsageError(
            f"{options.run.out} holds a run",
            "go on with --resume, or choose another --out",
        )
    return options


def _sizes(text: str | None) -> tuple[Size, ...] | None:
    try:
        return None if text is None else read_sizes(text)
    except ValueError as error:
        raise UsageError(f"--size {text}", str(error)) from None


@data_app.command("check")
def check_data(
    data: Annotated[str, typer.Argument(metavar="DIR|ZIP", help="Pairs.")],
    from_light: FromLight = None,
    to_light: ToLight = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Decode every picture; list missing partners, differing sizes, broken files."""
    from msrnet_cli import report
    from msrnet_cli.pairs.check import check_pairs

    lights = only_given({"from_light": from_light, "to_light": to_light})
    found = check_pairs(data, replace(_data_defaults, **lights))
    if as_json:
        report.json_document(asdict(found))
    else:
        report.data_report(found)
    if found.faults or not found.pairs:
        raise typer.Exit(PictureError.exit_code)
