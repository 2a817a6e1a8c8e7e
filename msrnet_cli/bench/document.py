"""Results as a JSON document and back, and against an older document."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from msrnet_cli.bench.results import (
    BenchResult,
    BenchRow,
    CarryTiming,
    Ceiling,
    Change,
    Environment,
    JobTiming,
    Timing,
    TrainTiming,
)
from msrnet_cli.bench.ways import REFERENCE
from msrnet_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KIND, SCHEMA = "msrnet bench", 1


def to_json(result: BenchResult) -> dict[str, Any]:
    """The document of a result."""
    return {"kind": KIND, "schema": SCHEMA, **asdict(result)}


def from_json(document: dict[str, Any]) -> BenchResult:
    """The result of a document.

    Raises:
        ValueError: It is of another kind or schema.
        LookupError: A field is missing.
        TypeError: A field is unknown, or not what it should be.
    """
    fields = dict(document)
    kind = (fields.pop("kind", None), fields.pop("schema", None))
    if kind != (KIND, SCHEMA):
        raise ValueError(f"its kind and schema are {kind}")
    return BenchResult(
        **fields
        | {
            "environment": Environment(**fields["environment"]),
            "ceilings": tuple(Ceiling(**entry) for entry in fields["ceilings"]),
            "rows": tuple(_row(BenchRow, entry) for entry in fields["rows"]),
            "carrying": _row(CarryTiming, fields["carrying"]),
            "job": JobTiming(**fields["job"]),
            "training": tuple(_row(TrainTiming, e) for e in fields["training"]),
            "notes": tuple(fields["notes"]),
        }
    )


def read(path: Path) -> BenchResult:
    """The result that `msrnet bench --json` wrote into a file.

    Raises:
        UsageError: There is no such file, or it is no such document.
    """
    try:
        return from_json(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise UsageError(
            f"--baseline {path}: {error.strerror or error}", "check the path"
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(
            f"--baseline {path} is no document of this bench ({error})",
            "make one: msrnet bench --json > OLD.json",
        ) from error


def compare(before: BenchResult, after: BenchResult, limit: float) -> list[Change]:
    """Every row of an older document beside the same row of a new one.

    Ratios to the reference of the same run are compared: absolute times drift with
    the machine.

    Args:
        before: The older one.
        after: The new one.
        limit: How much longer, in relation to the reference, is allowed: 0.1 is 10 %.

    Raises:
        UsageError: They were measured on different devices or networks, or have no
            row in common.
    """
    _require_alike(before, after)
    olds = {name: value for name, (value, _) in _figures(before) if value}
    news = dict(_figures(after))
    if not olds.keys() & news.keys():
        raise UsageError(
            "the baseline has no row in common with this run",
            "give the same --size, --batch and --dtype",
        )
    return [
        _change(name, value, *news[name], limit)
        for name, value in olds.items()
        if name in news
    ]


def _change(
    name: str, before: float, after: float | None, why: str, limit: float
) -> Change:
    if after is None:
        return Change(name, before, None, None, regressed=True, reason=why)
    slower = before / after - 1
    return Change(name, before, after, slower, regressed=slower > limit)


def _figures(result: BenchResult) -> Iterator[tuple[str, tuple[float | None, str]]]:
    """For each row what is compared, larger being better, or why there is nothing."""
    for row in result.rows:
        if row.way != REFERENCE:
            why = row.failure or "; ".join(row.faults)
            yield row.name, (None if why else row.times, why or "no reference")
    for step in result.training:
        yield step.name, (step.forward_share, step.failure or "no forward pass")


def _require_alike(before: BenchResult, after: BenchResult) -> None:
    """Ratios of other networks, or on other kinds of machine, tell nothing."""
    for what in ("arch", "channels"):
        old, new = getattr(before, what), getattr(after, what)
        if old != new:
            raise UsageError(
                f"the baseline's network has {what} {old}, this one {new}",
                "measure the same network",
            )
    old, new = (r.environment.gpu or r.environment.device for r in (before, after))
    if old != new:
        raise UsageError(
            f"the baseline was measured on {old}, this run on {new}",
            "compare runs on the same device",
        )


def _row(kind: Any, entry: dict[str, Any]) -> Any:  # noqa: ANN401 one of three records
    """A record whose timing is a record, its lists tuples again."""
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in entry.items()
    }
    if fields["timing"] is not None:
        fields["timing"] = Timing(**fields["timing"])
    return kind(**fields)
