"""msrnet doctor."""

from __future__ import annotations

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
    from msrnet_cli.doctor import examine
    from msrnet_cli.report import doctor as report
    from msrnet_cli.report import machine

    checks = examine()
    if output.json:
        machine.document(checks)
    else:
        report.table(checks)
