"""The JSON Schema of each command's ``--json``, as files.

    python -m msrnet_cli.report.schemas docs/schema

Schemas are made of the records that become the documents.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msrnet_cli import schema
from msrnet_cli.bench import document
from msrnet_cli.bench.results import BenchResult
from msrnet_cli.doctor import Check
from msrnet_cli.evaluate.results import EvalResult, StageResult
from msrnet_cli.folder.events import Stage
from msrnet_cli.folder.history import FolderHistory
from msrnet_cli.lights.looks import Looks
from msrnet_cli.pairs.records import DataReport
from msrnet_cli.report import light, machine, relight, synth, train, weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from msrnet_cli.schema import Schema

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NOT_FINITE = "A number that is not finite is null."


def schemas() -> dict[str, Schema]:
    """The schema of each document and of each stream of events, by file name."""
    found = {
        "relight": ("Each line of `msrnet relight --json`", _relight()),
        "report": ("`msrnet report --json`", schema.of(FolderHistory)),
        "light": ("Each line of `msrnet light --json`", _events(light.EVENTS)),
        "train": ("Each line of `msrnet train --json`", _events(train.EVENTS)),
        "synth": ("Each line of `msrnet synth --json`", _events(synth.EVENTS)),
        "eval": ("`msrnet eval --json`", schema.of(EvalResult)),
        "eval-layers": ("`msrnet eval --layers DIR --json`", schema.of(StageResult)),
        "bench": ("`msrnet bench --json`", _bench()),
        "looks": ("`msrnet looks --json`", schema.of(Looks)),
        "doctor": ("`msrnet doctor --json`", schema.of(tuple[Check, ...])),
        "data-check": ("`msrnet data check --json`", schema.of(DataReport)),
        "weights-list": ("`msrnet weights list --json`", _cards(weights.Listed)),
        "weights-verify": ("`msrnet weights verify --json`", _cards(weights.Verified)),
    }
    return {
        name: {"$schema": _DIALECT, "title": title, "$comment": _NOT_FINITE} | rest
        for name, (title, rest) in found.items()
    }


def write(folder: Path) -> None:
    """Write all schemas into a folder; make the folder if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (folder / name).write_text(text, "utf-8")


def texts() -> dict[str, str]:
    """What stands in each file, by its name."""
    return {
        f"{name}.json": json.dumps(found, indent=2, ensure_ascii=False) + "\n"
        for name, found in schemas().items()
    }


def _events(names: Mapping[type, str]) -> Schema:
    """The schema of any event of a command."""
    definitions: dict[str, Schema] = {}
    kinds = []
    for kind, name in names.items():
        found = schema.of(kind)
        definitions |= found.pop("$defs", {})
        marks = {"event": {"const": name}, "schema": {"const": machine.SCHEMA_VERSION}}
        kinds.append(_marked(found, marks))
    return {"oneOf": kinds} | ({"$defs": definitions} if definitions else {})


def _relight() -> Schema:
    """Events, of which the last one names the slowest stage if there was one."""
    found = _events(relight.EVENTS)
    said = {"description": "The stage that the others waited for, if there was one."}
    summary = found["oneOf"][-1]
    summary["properties"]["slowest_stage"] = schema.of(Stage) | said
    return found


def _bench() -> Schema:
    marks = {"kind": {"const": document.KIND}, "schema": {"const": document.SCHEMA}}
    return _marked(schema.of(BenchResult), marks)


def _cards(kind: type) -> Schema:
    """An array of entries that hold the fields of a card beside their own."""
    entry = schema.of(kind)
    definitions = entry.pop("$defs")
    card = definitions.pop("WeightsCard")
    del entry["properties"]["card"]
    flat = _marked(card, entry["properties"]) | {"description": entry["description"]}
    return {"type": "array", "items": flat, "$defs": definitions}


def _marked(found: Schema, marks: Mapping[str, Any]) -> Schema:
    """The schema of an object with some more fields in front."""
    return found | {
        "properties": {**marks, **found["properties"]},
        "required": [*marks, *found["required"]],
    }


if __name__ == "__main__":
    write(Path(sys.argv[1]))
