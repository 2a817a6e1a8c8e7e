"""msrnet synth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from msrnet_cli import signals
from msrnet_cli.cli.application import app
from msrnet_cli.cli.derive import Given, command
from msrnet_cli.cli.options import Output
from msrnet_cli.errors import UsageError
from msrnet_cli.synth.options import SynthOptions, refuse_idle


@command(
    app,
    examples={
        "msrnet synth pairs/ --scenes 20 --size 256": "twenty scenes under two lights",
        "msrnet synth scenes/ --layers --size 192": "to train on every light",
    },
)
def synth(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the set.")],
    given: Given[SynthOptions],
    output: Output,
    layers: Annotated[
        bool, typer.Option("--layers", help="The same as --layout layers.")
    ] = False,
) -> None:
    """Render training pairs in the manner of VIDIT: night scenes, one strong light.

    The same command goes on with a set that was stopped.
    """
    from msrnet_cli.report import synth as report
    from msrnet_cli.report import terminal
    from msrnet_cli.synth import render_set

    typed = given.changes.get(("layout",), "layers")
    if layers and typed != "layers":
        raise UsageError(f"--layers and --layout {typed}", "choose one")
    base = given.base
    options = given.over(replace(base, layout="layers") if layers else base)
    refuse_idle(options.layout, (path[-1] for path in given.changes))
    signals.raise_on_signals()
    notify = report.reporter(as_json=output.json, quiet=output.quiet)
    try:
        summary = render_set(out, options, notify)
    except signals.Stopped as stop:
        terminal.warn(f"stopped by {stop.signal}; the same command goes on")
        raise
    notify(summary)
