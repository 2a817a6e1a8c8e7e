"""msrnet table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from msrnet_cli import signals
from msrnet_cli.cli.application import app
from msrnet_cli.cli.derive import Given, command
from msrnet_cli.cli.loading import loading
from msrnet_cli.cli.options import require_page, write_page
from msrnet_cli.errors import NothingDoneError, PictureError, UsageError
from msrnet_cli.pages.options import TableOptions

if TYPE_CHECKING:
    from msrnet_cli.images import Picture


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
    page: Annotated[
        str,
        typer.Argument(metavar="OUTPUT", help="The page, a file that ends in .html."),
    ],
) -> None:
    """Make a light table: one page that puts a picture under any light, live.

    The page holds the picture and all that the network painted of it. It works in a
    browser, offline, and shows the command that makes the same picture at full size.
    """
    options = given.record
    source = Path(picture)
    _check(picture, page)
    with loading():
        from msrnet_cli.folder.finding import require_layers
        from msrnet_cli.lights.looks import all_looks
        from msrnet_cli.pages import table as pages
        from msrnet_cli.relight.relighter import Relighter
        from msrnet_cli.report import looks as looks_report
        from msrnet_cli.report import terminal

        target = require_page("OUTPUT", page, [source])
        opened = _read(source, options.max_megapixels)
        relighter = Relighter.load(options.weights, options.session)
        require_layers(relighter, options.weights)
    signals.raise_on_signals()
    looks = all_looks()
    looks_report.faults(looks)
    for note in (*opened.notes, *relighter.notes):
        terminal.say(f"{picture}: {note}")
    try:
        layers = relighter.layers(opened.pixels)
    except PictureError as error:
        raise NothingDoneError(f"{picture}: {error.reason}", error.remedy) from error
    is_usual = options.weights == TableOptions.weights
    text = pages.table(
        layers,
        source.name,
        size=options.size,
        quality=options.quality,
        looks=looks.looks,
        weights="" if is_usual else options.weights,
        session=options.session,
        alpha=opened.alpha,
    )
    write_page(target, text)
    terminal.say(f"{page}: {len(text.encode()) / 1e6:.1f} MB; open it in a browser")


def _check(picture: str, page: str) -> None:
    """Refuse paths that cannot be meant.

    Raises:
        UsageError: One is empty, or a pipe, or both are one file.
    """
    if "" in (picture, page):
        raise UsageError("a path is empty", "look at the shell variable it came from")
    if "-" in (picture, page):
        raise UsageError("table reads and writes no pipe", "name two files")
    source, target = Path(picture), Path(page)
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(
            f"{page} is the picture itself", "name another file for the page"
        )


def _read(source: Path, max_megapixels: float) -> Picture:
    """The picture.

    Raises:
        UsageError: There is no such file.
        NothingDoneError: It cannot be decoded.
    """
    from msrnet_cli import images
    from msrnet_cli.files import read_regular

    try:
        data = read_regular(source)
    except OSError as error:
        reason = f"{source} cannot be read: {error.strerror or error}"
        raise UsageError(reason, "check the path") from error
    try:
        return images.read(data, source.suffix, max_megapixels)
    except PictureError as error:
        raise NothingDoneError(f"{source}: {error.reason}", error.remedy) from error
