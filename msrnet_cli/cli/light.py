"""msrnet light."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from msrnet_cli import signals, streams
from msrnet_cli.cli.application import app
from msrnet_cli.cli.derive import Given, command
from msrnet_cli.cli.loading import loading
from msrnet_cli.cli.options import Json
from msrnet_cli.errors import NothingDoneError, PictureError, UsageError
from msrnet_cli.folder.events import LightFailed
from msrnet_cli.folder.options import LightFindOptions

_STREAM = "-"


@command(
    app,
    examples={
        "msrnet light photos/": "a line for each picture of a folder",
        "msrnet light photos/ --json": "a record for each, for programs",
    },
)
def light(
    given: Given[LightFindOptions],
    output: Json,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            help="Files, folders or patterns; - is standard input.",
        ),
    ] = None,
) -> None:
    """Tell where the light of pictures comes from, its softness and its colour."""
    options, inputs = given.record, inputs or []
    _check(inputs, options)
    with loading():
        from msrnet_cli import hardware
        from msrnet_cli.folder import finding
        from msrnet_cli.folder.search import NothingFoundError
        from msrnet_cli.relight.relighter import Relighter
        from msrnet_cli.report import light as report
        from msrnet_cli.report import passed, terminal

        if options.files_from == _STREAM and sys.stdin.isatty():
            terminal.warn("the list of inputs is read from here, up to Ctrl-D")
        else:
            terminal.loading()
        try:
            pictures = finding.pictures_of(
                inputs, options.files_from, recursive=options.recursive
            )
        except NothingFoundError as error:
            for line in passed.lines(error.ignored):
                terminal.say(line)
            raise
        entries = pictures.entries
        hardware.keep_freed_memory()
        relighter = Relighter.load(
            options.weights, options.session, pictures=len(entries)
        )
        finding.require_layers(relighter, options.weights)
    signals.raise_on_signals()
    report.start(pictures.ignored, relighter.notes)
    notify = report.reporter(as_json=output.json)
    failed = 0
    for one in finding.lights_of(entries, relighter, options.max_megapixels):
        failed += isinstance(one, LightFailed)
        notify(one)
    if failed:
        kind = NothingDoneError if failed == len(entries) else PictureError
        raise typer.Exit(kind.exit_code)


def _check(inputs: list[str], options: LightFindOptions) -> None:
    """Refuse what could not be read, and streams that are closed."""
    if "" in (*inputs, options.weights, options.files_from):
        raise UsageError("a path is empty", "look at the shell variable it came from")
    if not inputs and options.files_from is None:
        raise UsageError("there is no input", "write: msrnet light INPUT...")
    streams.require("stdout")
    if _STREAM in (*inputs, options.files_from):
        streams.require("stdin")
    if _STREAM in inputs and sys.stdin.isatty():
        raise UsageError(
            "standard input is a terminal, not a picture",
            "write: msrnet light - < photo.jpg",
        )
