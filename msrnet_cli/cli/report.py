"""msrnet report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from msrnet_cli import streams
from msrnet_cli.cli.application import app
from msrnet_cli.cli.derive import command
from msrnet_cli.cli.options import Json
from msrnet_cli.errors import UsageError
from msrnet_cli.folder.options import ReportOptions

if TYPE_CHECKING:
    from msrnet_cli.folder.history import FolderHistory
    from msrnet_cli.pages.place import Page


@command(
    app,
    examples={
        "msrnet report relit/": "what is there, missing, changed; and how it was made",
        "msrnet report relit/ --html page.html": "each result beside its original",
    },
)
def report(
    output: Annotated[
        str,
        typer.Argument(
            metavar="OUTPUT",
            help="A folder, or an address in a store, that relight has filled.",
        ),
    ],
    options: ReportOptions,
    told: Json,
) -> None:
    """Tell what an output folder holds, from its journal, and show it on a page."""
    from msrnet_cli.folder import history
    from msrnet_cli.places import here, place
    from msrnet_cli.report import history as lines
    from msrnet_cli.report import machine, terminal

    if "" in (output, options.inputs):
        raise UsageError("a path is empty", "look at the shell variable it came from")
    if told.json:
        streams.require("stdout")
    folder = place(output)
    page = None if options.html is None else _page(options.html, here(folder))
    with terminal.progress() as progress:
        found = history.read(folder, lambda name: progress(f"reading {name}"))
    if page is not None:
        _write(page, found, options, quiet=told.json)
    if told.json:
        machine.document(found)
    else:
        lines.summary(found)


def _page(text: str, output: Path) -> Page:
    """The page that is asked for.

    Raises:
        UsageError: It cannot be written, or would take another file's place.
    """
    from msrnet_cli.folder.tails import NAME
    from msrnet_cli.folder.targets import Read, Reads
    from msrnet_cli.pages.place import Page

    page = Page.named("--html", text)
    page.require_place(Reads([Read("journal", output / NAME)]))
    return page


def _write(
    page: Page, found: FolderHistory, options: ReportOptions, *, quiet: bool
) -> None:
    """Write the page.

    Raises:
        UsageError: As `_page`, now that the results are known; or its folder is full.
    """
    from msrnet_cli.cli.showing import write_page
    from msrnet_cli.folder import history
    from msrnet_cli.folder.targets import Read, Reads
    from msrnet_cli.pages import contents
    from msrnet_cli.pages.place import MOST_WHOLE

    folder = Path(found.folder)
    results = [Read("result", folder / one.output) for one in found.results]
    inputs = [Read("input", Path(one.input)) for one in found.results if one.input]
    page.require_place(Reads([*inputs, *results]))
    if len(found.results) > MOST_WHOLE:
        page.require_folder({each.path.parent for each in (*inputs, *results)})
    originals: dict[str, Path] = {}
    if options.inputs is not None:
        wanted = {one.source_sha256 for one in found.results}
        originals = history.by_content(Path(options.inputs), wanted)
    shown = contents.of_folder(found, originals)
    write_page(page, shown, options.max_megapixels, quiet=quiet)
