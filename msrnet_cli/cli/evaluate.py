"""msrnet eval."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from msrnet_cli.cli.application import app
from msrnet_cli.cli.derive import Given, command
from msrnet_cli.cli.options import (
    Json,
    require_page,
    require_place,
    write_page,
    write_result,
)
from msrnet_cli.errors import UsageError
from msrnet_cli.evaluate.options import EvalOptions

if TYPE_CHECKING:
    from msrnet_cli.evaluate.results import EvalResult, StageResult
    from msrnet_cli.pages.gallery import Gallery
    from msrnet_cli.pages.place import Page

_OF_WEIGHTS = {"--weights", "--limit", "--work-size"}
_OF_PAIRS = {"--fit-data", "--enlarged"}
_OF_PICTURES = {"--from", "--inputs", "--to", "--each", "--alexnet", "--csv"}
# Options that mean nothing for what is scored.
_IDLE = {
    "OUTPUTS TARGETS": _OF_WEIGHTS | _OF_PAIRS | {"--fit", "--from", "--inputs"},
    "--layers": _OF_PAIRS | _OF_PICTURES,
    "--data": {"--fit"},
}


@command(
    app,
    "eval",
    examples={
        "msrnet eval --data VIDIT/validation": "the built-in weights, on pairs",
        "msrnet eval relit/ targets/": "pictures that exist, against their targets",
    },
)
def evaluate(
    given: Given[EvalOptions],
    output: Json,
    folders: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[OUTPUTS TARGETS]", help="Two folders of pictures to compare."
        ),
    ] = None,
) -> None:
    """Score weights on pairs or scenes, or pictures against targets."""
    options = given.record
    _require_one_kind(options, folders, given.flags)
    page = _require_places(options, folders or [], given.config)
    from msrnet_cli import hardware
    from msrnet_cli.report import evaluate as report
    from msrnet_cli.report import machine

    hardware.keep_freed_memory()
    gallery = None if page is None else _gallery(page, options)
    if options.layers:
        scored = _score_scenes(options, gallery)
        if output.json:
            machine.document(scored)
        else:
            report.scene_tables(scored)
        _write_page(scored, gallery)
        return
    light = options.to_light if "--to" in given.flags else ""
    found = _score_pairs(options, folders, light, gallery)
    if output.json:
        machine.document(found)
    else:
        report.table(found, each=options.each)
    if options.csv is not None:
        write_result("--csv", options.csv, report.csv_of(found))
    _write_page(found, gallery)


def _score_scenes(options: EvalOptions, gallery: Gallery | None) -> StageResult:
    from msrnet_cli.evaluate import layers
    from msrnet_cli.report import terminal

    with terminal.progress() as notify:
        return layers.evaluate(options, notify, gallery.add if gallery else None)


def _score_pairs(
    options: EvalOptions,
    folders: list[str] | None,
    light: str,
    gallery: Gallery | None,
) -> EvalResult:
    """Score pairs, or pictures that exist against their targets."""
    from msrnet_cli.evaluate import pairs
    from msrnet_cli.report import terminal

    show = gallery.add if gallery else None
    with terminal.progress() as notify:
        if folders:
            outputs, targets = folders
            return pairs.compare(outputs, targets, options, light, notify, show)
        return pairs.evaluate(options, notify, show)


def _gallery(page: Page, options: EvalOptions) -> Gallery:
    """What keeps pictures for a page."""
    from msrnet_cli.evaluate.results import AFFINE, COPY
    from msrnet_cli.pages.gallery import Gallery

    without = {COPY, AFFINE} if options.layers else {COPY}
    return Gallery(page, frozenset(without))


def _write_page(found: EvalResult | StageResult, gallery: Gallery | None) -> None:
    """Write the page of --report, where one is asked for.

    Raises:
        UsageError: It cannot be written, or its pictures cannot.
    """
    if gallery is None:
        return
    from msrnet_cli.evaluate.results import EvalResult
    from msrnet_cli.pages import scenes, scores

    try:
        if isinstance(found, EvalResult):
            html = scores.page(found, gallery)
        else:
            html = scenes.page(found, gallery)
    except OSError as error:
        raise gallery.page.unwritten(error, gallery.page.folder) from error
    write_page(gallery.page, html, gallery.sink.names)


def _require_places(
    options: EvalOptions, folders: list[str], config: Path | None
) -> Page | None:
    """The page of --report, if one is asked for.

    Raises:
        UsageError: A table or page would lie where nothing can be written, or over
            what is read; names the option.
    """
    reads = [
        *folders, options.data, options.layers, options.fit_data, options.fit,
        options.alexnet, *options.weights, config or "",
    ]  # fmt: skip
    if options.csv is not None:
        from msrnet_cli.report.evaluate import CSV_START

        require_place("--csv", options.csv, reads, start=CSV_START)
    if options.report is None:
        return None
    if options.csv is not None and options.csv.resolve() == options.report.resolve():
        raise UsageError("--csv and --report name one file", "give two names")
    page = require_page("--report", options.report, reads)
    page.require_folder(Path(read) for read in reads if read)
    return page


def _require_one_kind(
    options: EvalOptions, folders: list[str] | None, flags: set[str]
) -> None:
    """Refuse nothing to score, two kinds of it, and options for another kind.

    Raises:
        UsageError: Naming the options.
    """
    kinds = {"--data": options.data, "--layers": options.layers}
    chosen = [name for name, value in kinds.items() if value]
    chosen += ["OUTPUTS TARGETS"] if folders else []
    if len(chosen) != 1 or (folders and len(folders) != 2):
        raise UsageError(
            "nothing to score, or too much",
            "give one of --data DIR, --layers DIR, or OUTPUTS TARGETS",
        )
    idle = sorted(flags & _IDLE[chosen[0]])
    if idle:
        raise UsageError(
            f"{chosen[0]} does not go with {', '.join(idle)}", "leave one of them out"
        )
