"""msrnet synth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from msrnet_cli import signals
from msrnet_cli.cli.application import app
from msrnet_cli.config import Layout, Split, SynthOptions

_synth = SynthOptions()


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(help="Folder for the pictures.")],
    scenes: Annotated[
        int, typer.Option(help="Scenes; an existing set is gone on with.")
    ] = _synth.scenes,
    size: Annotated[int, typer.Option(help="Side in pixels.")] = _synth.size,
    lights: Annotated[
        str, typer.Option(help="Such as 6500_N,4500_E, or all for the forty of VIDIT.")
    ] = ",".join(_synth.lights),
    seed: Annotated[
        int, typer.Option(help="Another seed, other scenes.")
    ] = _synth.seed,
    split: Annotated[
        Split, typer.Option(help="Splits never share a scene.")
    ] = _synth.split,
    layout: Annotated[
        Layout, typer.Option(help="VIDIT's file names, or input/ and target/ folders.")
    ] = _synth.layout,
    from_light: Annotated[
        str, typer.Option("--from", help="Light of input/, with --layout pairs.")
    ] = _synth.from_light,
    to_light: Annotated[
        str, typer.Option("--to", help="Light of target/, with --layout pairs.")
    ] = _synth.to_light,
    depth: Annotated[
        bool, typer.Option("--depth", help="Also 16-bit depth maps, in centimetres.")
    ] = _synth.depth,
    sheet: Annotated[
        str | None, typer.Option(metavar="FILE.png", help="Also a contact sheet.")
    ] = _synth.sheet,
    workers: Annotated[
        int, typer.Option(help="Scenes at a time; 0 is one a core.")
    ] = _synth.workers,
    samples: Annotated[int, typer.Option(help="Rays a pixel.")] = _synth.samples,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")
    ] = False,
) -> None:
    """Render training pairs in the manner of VIDIT: night scenes, one strong light."""
    from msrnet_cli import report
    from msrnet_cli.synth import render_set

    options = SynthOptions(
        scenes=scenes,
        size=size,
        lights=tuple(part.strip() for part in lights.split(",")),
        seed=seed,
        split=split,
        layout=layout,
        from_light=from_light,
        to_light=to_light,
        depth=depth,
        sheet=sheet,
        workers=workers,
        samples=samples,
    )
    signals.raise_on_signals()
    try:
        summary = render_set(out, options, _ignore if quiet else report.SceneLines())
    except signals.Stopped as stop:
        report.warn(f"stopped by {stop.signal}; the same command goes on")
        raise
    if not quiet:
        report.synth_closing(summary)


def _ignore(_event: object) -> None:
    pass
