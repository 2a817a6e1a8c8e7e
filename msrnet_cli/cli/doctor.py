"""msrnet doctor."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from msrnet_cli.cli.application import app


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
