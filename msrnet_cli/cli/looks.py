"""msrnet looks."""

from __future__ import annotations

from msrnet_cli.cli.application import app
from msrnet_cli.cli.derive import command
from msrnet_cli.cli.options import Json


@command(
    app,
    examples={
        "msrnet looks": "named lights, and where your own go",
        "msrnet looks --json > looks.json": "the same, for programs",
    },
)
def looks(output: Json) -> None:
    """List the named lights, what each sets, and where your own go."""
    from msrnet_cli.lights.looks import all_looks, own_file
    from msrnet_cli.report import looks as report
    from msrnet_cli.report import machine

    found = tuple(all_looks().values())
    if output.json:
        machine.document(found)
    else:
        report.table(found, own_file())
