"""msrnet doctor."""

from __future__ import annotations

from dataclasses import asdict

from msrnet_cli.cli.application import app
from msrnet_cli.cli.derive import command
from msrnet_cli.cli.options import Json


@command(
    app,
    examples={
        "msrnet doctor": "what is missing here, and how to mend it",
        "msrnet doctor --json": "the same for programs",
    },
)
def doctor(output: Json) -> None:
    """Look at torch, devices, codecs, weights, the internet; say how to mend each."""
    from msrnet_cli import report
    from msrnet_cli.doctor import examine

    checks = examine()
    if output.json:
        report.json_document([asdict(check) for check in checks])
    else:
        report.checks_table(checks)
