"""The command line of both tables."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.tables import keeping, protocol, sheets, writing
from benchmarks.tables.data import data_of, render
from benchmarks.tables.document import document
from benchmarks.tables.place import Place
from benchmarks.tables.protocol import Protocol
from benchmarks.tables.runs import Run
from benchmarks.tables.scores import Scorer
from msrnet_cli import signals
from msrnet_cli.errors import MSRNetError, TrainingError, UsageError
from msrnet_cli.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.tables.systems import Table


def main(table: Table, words: Sequence[str] | None = None) -> int:
    """Run the command that is asked for; gives its exit code.

    Args:
        table: Which table.
        words: Of the command line; None for those of the program.
    """
    typed = list(sys.argv[1:] if words is None else words)
    cut = typed.index("--") if "--" in typed else len(typed)
    asked = parser(table).parse_args(typed[:cut])
    try:
        if asked.command == "run":
            return _run(table, asked, tuple(typed[cut + 1 :]))
        if not asked.out.is_dir():  # a page would lose its table
            raise UsageError(f"{asked.out} is not a folder", "name that of a run")
        if asked.command == "table":
            _write(table, asked)
        else:
            _require_new(asked.file)
            scenes = asked.scenes.split(",")
            page = sheets.sheet(table, _place(asked), scenes, asked.side)
            write_whole(asked.file, page)
    except MSRNetError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as stop:
        return signals.EXIT_CODES[getattr(stop, "signal", "SIGINT")]
    return 0


def _require_new(sheet: Path) -> None:
    """Refuse a sheet that is not a JPEG file, or that would replace a file."""
    if sheet.suffix.lower() not in (".jpg", ".jpeg"):
        raise UsageError(f"{sheet} must end in .jpg", "rename it")
    if sheet.exists():
        raise UsageError(f"{sheet} exists", "remove it, or choose another name")


def _run(table: Table, asked: argparse.Namespace, more: tuple[str, ...]) -> int:
    """Train what is not trained yet, seed by seed, and write the table."""
    only = set(asked.only.split(",")) if asked.only else set()
    if unknown := only - {each.key for each in table.systems}:
        known = ", ".join(each.key for each in table.systems)
        raise UsageError(f"--only {min(unknown)} is not a row", f"rows: {known}")
    common = Protocol(
        more=more,
        **{name: getattr(asked, name) for name in _OF_PROTOCOL},
    )
    data = data_of(common, asked.out)
    protocol.settle(asked.out, common)
    systems = [each for each in table.systems if not only or each.key in only]
    runs = [
        Run(system, seed, asked.out)
        for seed in range(asked.seeds)
        for system in systems
    ]
    if data.is_rendered and not all(run.is_done for run in runs):
        learns = any(each.training == "layers" for each in systems)
        render(data, common, ("train", "val", *(("layers",) if learns else ())))
    place, failed = _place(asked), 0
    scorer = Scorer.make(data, common, place)
    for run in runs:
        if run.system.training == "layers" and not data.layers:
            _tell(f"{run.system.key} is left out: name scenes in layers with --layers")
            continue
        try:
            run.train(common, data, asked.device)
        except TrainingError as error:  # the others may learn yet
            _tell(f"{run.name}: {error}")
            failed = error.exit_code
        else:
            _keep(run, scorer, common)
    _write(table, asked)
    return failed


def _keep(run: Run, scorer: Scorer, protocol: Protocol) -> None:
    """Find all that is wanted of a run, so that its weights are no longer needed."""
    if not run.has_weights:
        return
    scorer.of_run(run)
    if run.seed == 0:
        sheets.keep(run, scorer.place, protocol)


def _write(table: Table, asked: argparse.Namespace) -> None:
    found = document(table, _place(asked))
    text = writing.markdown(found)
    name = asked.out / f"table{table.number}"
    keeping.write(name.with_suffix(".json"), found)
    write_whole(name.with_suffix(".md"), text.encode())
    if asked.docs:
        writing.insert(asked.docs, table.number, text)
    print(text, end="")


def _place(asked: argparse.Namespace) -> Place:
    return Place(asked.out, asked.device, asked.alexnet, asked.time_size)


def _tell(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)


_OF_PROTOCOL = (
    "pictures", "epochs", "size", "batch", "data", "val", "layers", "scenes",
    "val_scenes", "perceptual", "vgg", "work_size", "dtype",
)  # fmt: skip


def parser(table: Table) -> argparse.ArgumentParser:
    """The options of a table's commands."""
    name = f"python -m benchmarks.table{table.number}"
    whole = argparse.ArgumentParser(
        prog=name, description=f"Table {table.number} of the paper: {table.title}."
    )
    commands = whole.add_subparsers(dest="command", required=True)
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("out", type=Path, metavar="OUT", help="folder of all runs")
    place.add_argument("--device", default="auto", help="as msrnet takes it")
    place.add_argument("--alexnet", default="", help="AlexNet's weights, for LPIPS")
    place.add_argument("--time-size", type=int, default=1024, help="of what is timed")
    writes = argparse.ArgumentParser(add_help=False)
    writes.add_argument("--docs", type=Path, help="also into this page, at its marks")
    run = commands.add_parser(
        "run",
        parents=[place, writes],
        help="train, score and time all rows; the same command goes on",
        epilog="Further options of `msrnet train`, for all rows, follow behind --.",
    )
    _add_protocol(run)
    run.add_argument("--seeds", type=int, default=1, help="trainings of each row")
    run.add_argument("--only", default="", help="rows to train, such as dmshn-l2")
    commands.add_parser(
        "table", parents=[place, writes], help="the table of what is trained so far"
    )
    page = commands.add_parser(
        "sheet", parents=[place], help="pictures of all rows side by side"
    )
    page.add_argument("file", type=Path, metavar="FILE.jpg", help="the sheet")
    page.add_argument("--scenes", default="4", help="names, or how many")
    page.add_argument("--side", type=int, default=256, help="of each picture")
    return whole


def _add_protocol(run: argparse.ArgumentParser) -> None:
    usual = Protocol()
    budget = run.add_mutually_exclusive_group(required=True)
    budget.add_argument("--pictures", type=int, help="that each system sees")
    budget.add_argument("--epochs", type=float, help="passes over the training pairs")
    run.add_argument("--size", type=int, default=usual.size, help="for training")
    run.add_argument("--batch", type=int, default=usual.batch, help="pairs a step")
    run.add_argument("--data", default="", help="pairs; without: scenes are rendered")
    run.add_argument("--val", default="", help="pairs to score on")
    run.add_argument("--layers", default="", help="training scenes for the light stage")
    run.add_argument("--scenes", type=int, default=usual.scenes, help="to render")
    run.add_argument(
        "--val-scenes", type=int, default=usual.val_scenes, help="as above"
    )
    run.add_argument("--vgg", default="", help="VGG16's weights")
    run.add_argument("--no-perceptual", action="store_false", dest="perceptual")
    run.add_argument("--work-size", default=usual.work_size, help="of scored pictures")
    run.add_argument("--dtype", default=usual.dtype, help="of training")
