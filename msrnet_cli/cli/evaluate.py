"""msrnet eval."""

from __future__ import annotations

from typing import Annotated

import typer

from msrnet_cli.cli.application import app
from msrnet_cli.cli.derive import Given, command
from msrnet_cli.cli.options import Json, require_place
from msrnet_cli.errors import UsageError
from msrnet_cli.evaluate.options import EvalOptions

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
    if options.csv is not None:
        require_place("--csv", options.csv)
    from msrnet_cli import hardware
    from msrnet_cli.evaluate import layers, pairs
    from msrnet_cli.report import evaluate as report
    from msrnet_cli.report import machine, terminal

    hardware.keep_freed_memory()
    if options.layers:
        with terminal.progress() as notify:
            scored = layers.evaluate(options, notify)
        if output.json:
            machine.document(scored)
        else:
            report.scene_tables(scored)
        return
    with terminal.progress() as notify:
        if folders:
            target = options.to_light if "--to" in given.flags else ""
            found = pairs.compare(folders[0], folders[1], options, target, notify)
        else:
            found = pairs.evaluate(options, notify)
    if output.json:
        machine.document(found)
    else:
        report.table(found, each=options.each)
    if options.csv is not None:
        try:
            report.write_csv(found, options.csv)
        except OSError as error:
            raise UsageError(
                f"--csv {options.csv}: {error.strerror}", "choose another place"
            ) from error


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
