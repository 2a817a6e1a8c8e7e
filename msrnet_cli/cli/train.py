"""msrnet train."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from msrnet_cli import signals
from msrnet_cli.cli.application import app
from msrnet_cli.cli.derive import Given, command
from msrnet_cli.cli.loading import loading
from msrnet_cli.cli.options import Output, require_page
from msrnet_cli.errors import UsageError
from msrnet_cli.options import Option, replaced
from msrnet_cli.train.options import Recipe, TrainOptions
from msrnet_cli.train.recipes import RECIPES

if TYPE_CHECKING:
    from msrnet_cli.train.events import TrainEvent

_MODEL, _ARCH = ("network", "model"), ("network", "model", "arch")
_OUT, _STAGE = ("run", "out"), ("schedule", "stage")


@dataclass(frozen=True)
class Start:
    """What a run begins with."""

    recipe: Annotated[
        Recipe | None,
        Option(
            "Settings to begin with. lightstage learns every light from scenes of"
            " `msrnet synth --layers`.",
            default="paper",
        ),
    ] = None
    resume: Annotated[bool, Option("Go on from the newest checkpoint of RUN.")] = False


@command(
    app,
    examples={
        "msrnet train --data VIDIT/train --stage all": "the paper's recipe",
        "msrnet train --resume": "go on with the newest run",
    },
)
def train(start: Start, given: Given[TrainOptions], output: Output) -> None:
    """Train a network on pairs or scenes.

    The defaults are stage 1 of the paper's recipe; --stage all is the whole of it.
    """
    with loading():
        from msrnet_cli import hardware
        from msrnet_cli.pages import following
        from msrnet_cli.report import terminal
        from msrnet_cli.report import train as report
        from msrnet_cli.train import loop

    hardware.keep_freed_memory()
    options = _options(start, given)
    _require_page(options, given.config)
    tell = report.reporter(as_json=output.json, quiet=output.quiet)
    page = following.Follower(options, terminal.warn)

    def notify(event: TrainEvent) -> None:
        tell(event)
        page(event)

    try:
        with signals.remembered() as stop:
            summary = loop.train(options, notify, stop, resume=start.resume)
    except signals.Stopped as stopped:
        terminal.warn(f"stopped by {stopped.signal} before the first step")
        raise
    if summary.stopped_by:
        raise typer.Exit(signals.EXIT_CODES[summary.stopped_by])


def _require_page(options: TrainOptions, config: Path | None) -> None:
    """Refuse a page that could not be written, or would replace what is read."""
    if options.run.report:
        reads = (
            options.data.data, options.data.val, options.network.init,
            options.loss.vgg, config or "",
        )  # fmt: skip
        require_page("--report", options.run.report, reads)


def _options(start: Start, given: Given[TrainOptions]) -> TrainOptions:
    """The settings of a new run, or of an earlier one, with what was typed on top."""
    from msrnet_cli.train.runs import exists, new_run

    out, typed = given.changes.get(_OUT, ""), {path[-1] for path in given.changes}
    holds_run = bool(out) and exists(Path(out))
    moved = "data" not in typed or (holds_run and "init" not in typed)
    is_second = given.changes.get(_STAGE) == "2" and given.config is None
    goes_on = start.resume or (is_second and moved)
    base = _earlier(start, given, out) if goes_on else _fresh(start, given)
    if {"epochs", "steps", "minutes"} & typed:
        base = replaced(base, ("schedule", "steps"), None)
        base = replaced(base, ("schedule", "minutes"), None)
    arch = given.changes.get(_ARCH, base.network.model.arch)
    base = replaced(base, _MODEL, base.network.model.of_arch(arch))
    options = given.over(base)
    if not options.run.out:
        fresh = str(new_run(options.network.model.arch))
        options = replaced(options, _OUT, fresh)
    elif holds_run and not goes_on:
        raise UsageError(
            f"{out} holds a run", "go on with --resume, or choose another --out"
        )
    return options


def _fresh(start: Start, given: Given[TrainOptions]) -> TrainOptions:
    """Settings that a new run begins with."""
    from msrnet_cli.train.settings import for_a_new_run

    if given.config is None:
        return RECIPES[start.recipe or "paper"]
    if start.recipe:
        raise UsageError("--config and --recipe", "choose one")
    return for_a_new_run(given.config)


def _earlier(start: Start, given: Given[TrainOptions], out: str) -> TrainOptions:
    """Settings of the run to continue."""
    from msrnet_cli.train.runs import newest_run, read_settings

    for flag, value in (("--recipe", start.recipe), ("--config", given.config)):
        if value:
            raise UsageError(
                f"{flag} is for a new run", "drop it: the run has settings of its own"
            )
    base = read_settings(Path(out) if out else newest_run())
    base = replaced(base, ("run", "offline"), False)  # asked for each time
    # Stage 2 begins where stage 1 ended.
    return base if start.resume else replaced(base, ("network", "init"), "small")
