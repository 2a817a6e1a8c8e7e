"""msrnet data check."""

from __future__ import annotations

from typing import Annotated

import typer

from msrnet_cli.cli.application import Commands, app
from msrnet_cli.cli.derive import command
from msrnet_cli.cli.options import Json
from msrnet_cli.errors import PictureError
from msrnet_cli.lights.views import Views

data_app = typer.Typer(cls=Commands, help="Look at training pictures.")
app.add_typer(data_app, name="data", no_args_is_help=True)


@command(
    data_app,
    "check",
    examples={
        "msrnet data check VIDIT/train": "before a training run",
        "msrnet data check VIDIT/train --inputs N,S": "with a second input",
        "msrnet data check pairs.zip --json": "an archive, for programs",
    },
)
def check_data(
    data: Annotated[str, typer.Argument(metavar="DIR|ZIP", help="Pairs.")],
    views: Views,
    output: Json,
) -> None:
    """Decode every picture; list missing partners, differing sizes, broken files."""
    from msrnet_cli.pairs.check import check_pairs
    from msrnet_cli.pairs.options import PairOptions
    from msrnet_cli.report import data as report
    from msrnet_cli.report import machine

    found = check_pairs(data, PairOptions(**vars(views)))
    if output.json:
        machine.document(found)
    else:
        report.faults(found)
    if found.faults or not found.pairs:
        raise typer.Exit(PictureError.exit_code)
