"""Results as a JSON document and back, and beside an older document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msrnet_cli import documents
from msrnet_cli.bench.results import BenchResult, Change
from msrnet_cli.bench.ways import REFERENCE
from msrnet_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KIND, SCHEMA = "msrnet bench", 1


def to_json(result: BenchResult) -> dict[str, Any]:
    """The document of a result."""
    return {"kind": KIND, "schema": SCHEMA, **documents.to_document(result)}


def from_json(document: Any) -> BenchResult:  # noqa: ANN401 whatever JSON can hold
    """The result of a document; fields that this version does not know are left out.

    Raises:
        ValueError: It is of another kind or schema, or a field is missing or wrong.
    """
    fields = document if isinstance(document, dict) else {}
    kind = (fields.get("kind"), fields.get("schema"))
    if kind != (KIND, SCHEMA):
        raise ValueError(f"its kind and schema are {kind}")
    result: BenchResult = documents.rebuilt(BenchResult, fields)
    return result


def read(path: Path) -> BenchResult:
    """The result that `msrnet bench --json` wrote into a file.

    Raises:
        UsageError: The file cannot be read, or is not such a document.
    """
    try:
        return from_json(documents.parsed(path.read_text("utf-8")))
    except OSError as error:
        raise UsageError(
            f"--baseline {path}: {error.strerror or error}", "check the path"
        ) from error
    except ValueError as error:
        raise UsageError(
            f"--baseline {path} is not a document of this bench ({error})",
            "make one: msrnet bench --json > OLD.json",
        ) from error


def compare(before: BenchResult, after: BenchResult, limit: float) -> list[Change]:
    """Every row of an older document beside the same row of a new one.

    Ratios to the reference of the same run are compared, because absolute times drift
    with the machine.

    Args:
        before: The older document.
        after: The new document.
        limit: How much longer a row may take in relation to the reference: 0.1 is
            10 %.

    Raises:
        UsageError: The documents are of different devices or networks, or have no row
            in common.
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
    """The name of each row, its figure (larger is better), and why it has none."""
    for row in result.rows:
        if row.way != REFERENCE:
            why = row.failure or "; ".join(row.faults)
            yield row.name, (None if why else row.times, why or "no reference")
    for step in result.training:
        yield step.name, (step.forward_share, step.failure or "no forward pass")


def _require_alike(before: BenchResult, after: BenchResult) -> None:
    """Ratios of different networks or kinds of machine cannot be compared."""
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
