"""msrnet looks."""

from __future__ import annotations

import typer

from msrnet_cli.cli.application import app
from msrnet_cli.cli.derive import command
from msrnet_cli.cli.options import Json
from msrnet_cli.errors import PictureError


@command(
    app,
    examples={
        "msrnet looks": "named lights, and where your own go",
        "msrnet looks --json > looks.json": "the same, for programs",
    },
)
def looks(output: Json) -> None:
    """List the named lights, what each sets, and where your own go."""
    from msrnet_cli.lights.looks import all_looks
    from msrnet_cli.report import looks as report
    from msrnet_cli.report import machine

    found = all_looks()
    if output.json:
        machine.document(found)
    else:
        report.table(found)
    report.faults(found)
    if found.faults:  # the others are there, as with a picture among many
        raise typer.Exit(PictureError.exit_code)
