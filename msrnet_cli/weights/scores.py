"""Scores for a card, out of what `msrnet eval --json` found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msrnet_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def read_scores(path: Path, spec: str, size: int | None) -> dict[str, float]:
    """The means of one method in a document of `msrnet eval --json`.

    Args:
        path: The document.
        spec: The weights, as they were named there.
        size: The working size that they were scored at; None for their own.

    Raises:
        UsageError: The file is not such a document, or scores other weights.
    """
    try:
        methods = json.loads(path.read_text("utf-8"))["methods"]
        means = {method["name"]: dict(_means(method)) for method in methods}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} is not a document of `msrnet eval --json` ({error})",
            "check the file",
        ) from error
    rows = [f"{spec}, work size {size}", spec] if size else [spec]
    named = next((name for name in rows if name in means), None)
    if named is None:
        names = ", ".join(means) or "nothing"
        raise UsageError(f"{path} scores {names}", f"score {rows[0]}")
    return {k: round(v, 4) for k, v in means[named].items() if k != "seconds"}


def _means(method: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Means of one method by name: of pairs, or of each kind of change of light."""
    if "rows" not in method:
        yield from ((score, found["mean"]) for score, found in method["means"].items())
    for row in method.get("rows", ()):
        kind = row["name"].replace(", ", "_")
        for score in ("psnr", "ssim", "detail"):
            if row[score] is not None:
                yield f"{kind}_{score}", row[score]["mean"]
        if row["over_copy"] is not None:
            yield f"{kind}_over_copy", row["over_copy"]["psnr"]["mean"]
