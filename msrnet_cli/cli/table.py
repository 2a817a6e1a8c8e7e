"""msrnet table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from msrnet_cli import signals
from msrnet_cli.cli.application import app
from msrnet_cli.cli.derive import Given, command
from msrnet_cli.cli.loading import loading
from msrnet_cli.pages.options import TableOptions


@command(
    app,
    examples={
        "msrnet table photo.jpg table.html": "a picture to light in the browser",
        "msrnet table photo.jpg table.html --size 1200": "a larger picture in it",
    },
)
def table(
    given: Given[TableOptions],
    picture: Annotated[str, typer.Argument(metavar="INPUT", help="A picture.")],
    page: Annotated[str, typer.Argument(metavar="OUTPUT", help="An HTML file.")],
) -> None:
    """Make a light table: a page in which a picture is lit anew, live and offline."""
    options = given.record
    with loading():
        from msrnet_cli import images
        from msrnet_cli.files import read_regular, write_whole
        from msrnet_cli.pages.table import table as made
        from msrnet_cli.relight.relighter import Relighter

        relighter = Relighter.load(options.weights, options.session)
    signals.raise_on_signals()
    path = Path(picture)
    read = images.read(read_regular(path), path.suffix, options.max_megapixels)
    layers = relighter.layers(read.pixels)
    text = made(
        layers, path.name, size=options.size, quality=options.quality, alpha=read.alpha
    )
    write_whole(Path(page), text.encode())
