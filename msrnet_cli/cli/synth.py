"""msrnet synth."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from msrnet_cli import signals
from msrnet_cli.cli.application import app
from msrnet_cli.errors import UsageError
from msrnet_cli.synth.options import Layout, Split, SynthOptions

_synth = SynthOptions()


@app.command()
def synth(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="Folder for the pictures.")],
    scenes: Annotated[
        int, typer.Option(help="Scenes; an existing set is continued.")
    ] = _synth.scenes,
    size: Annotated[int, typer.Option(help="Side in pixels.")] = _synth.size,
    lights: Annotated[
        str, typer.Option(help="Such as 6500_N,4500_E, or all for the forty of VIDIT.")
    ] = ",".join(_synth.lights),
    seed: Annotated[
        int, typer.Option(help="Another seed gives other scenes.")
    ] = _synth.seed,
    split: Annotated[
        Split, typer.Option(help="Splits never share a scene.")
    ] = _synth.split,
    layout: Annotated[
        Layout,
        typer.Option(
            help="VIDIT's file names, input/ and target/ folders, or layers: a file of"
            " linear light a scene, each direction on its own."
        ),
    ] = _synth.layout,
    layers: Annotated[
        bool, typer.Option("--layers", help="The same as --layout layers.")
    ] = False,
    azimuths: Annotated[
        list[float] | None,
        typer.Option(
            "--azimuth",
            metavar="DEGREES",
            help="Also light from there, clockwise from N, with --layers; repeatable.",
        ),
    ] = None,
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
        int, typer.Option(help="Scenes rendered at a time; 0: one for each core.")
    ] = _synth.workers,
    samples: Annotated[int, typer.Option(help="Rays per pixel.")] = _synth.samples,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")
    ] = False,
) -> None:
    """Render training pairs in the manner of VIDIT: night scenes, one strong light."""
    from msrnet_cli import report
    from msrnet_cli.synth import render_set
    from msrnet_cli.synth.options import refuse_idle

    given = _given(context)
    if layers and "layout" in given and layout != "layers":
        raise UsageError(f"--layers and --layout {layout}", "choose one")
    layout = "layers" if layers else layout
    refuse_idle(layout, given)
    options = SynthOptions(
        scenes=scenes,
        size=size,
        lights=tuple(part.strip() for part in lights.split(",")),
        seed=seed,
        split=split,
        layout=layout,
        azimuths=tuple(map(_around, azimuths or ())),
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


def _given(context: typer.Context) -> list[str]:
    """Names of the parameters that a user set."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return [n for n, source in sources.items() if source and source.name != "DEFAULT"]


def _ignore(_event: object) -> None:
    pass


def _around(degrees: float) -> float:
    """From 0 up to 360; what is not finite stays, to be refused as it was given."""
    return degrees % 360 if math.isfinite(degrees) else degrees
