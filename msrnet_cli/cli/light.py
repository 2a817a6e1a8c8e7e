"""msrnet light."""

from __future__ import annotations

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


@command(
    app,
    examples={
        "msrnet light photos/": "a line for each picture of a folder",
        "msrnet light photos/ --json": "a record for each, for programs",
    },
)
def light(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT...", help="Files, folders or patterns."),
    ],
    given: Given[LightFindOptions],
    output: Json,
) -> None:
    """Tell where the light of pictures comes from, its softness and its colour."""
    options = given.record
    if "" in (*inputs, options.weights):
        raise UsageError("a path is empty", "look at the shell variable it came from")
    streams.require("stdout")
    with loading():
        from msrnet_cli import hardware
        from msrnet_cli.folder import finding
        from msrnet_cli.folder.search import NothingFoundError
        from msrnet_cli.relight.relighter import Relighter
        from msrnet_cli.report import light as report
        from msrnet_cli.report import terminal
        from msrnet_cli.report.relight import passed_over

        terminal.loading()
        try:
            entries = finding.pictures_of(inputs, recursive=options.recursive)
        except NothingFoundError as error:
            for line in passed_over(error.ignored):
                terminal.say(line)
            raise
        hardware.keep_freed_memory()
        relighter = Relighter.load(
            options.weights, options.session, pictures=len(entries)
        )
        finding.require_layers(relighter, options.weights)
    signals.raise_on_signals()
    for note in relighter.notes:
        terminal.warn(note)
    notify = report.reporter(as_json=output.json)
    failed = 0
    for one in finding.lights_of(entries, relighter, options.max_megapixels):
        failed += isinstance(one, LightFailed)
        notify(one)
    if failed:
        kind = NothingDoneError if failed == len(entries) else PictureError
        raise typer.Exit(kind.exit_code)
