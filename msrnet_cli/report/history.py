"""What `msrnet report` tells of an output folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli.report.terminal import count, show

if TYPE_CHECKING:
    from msrnet_cli.folder.history import FolderHistory, Recipe

_DIGITS = 12  # of a digest that a person compares


def summary(found: FolderHistory) -> None:
    """The folder on standard output: a line for its sum, and one for what matters."""
    show(_sum(found))
    for recipe in found.recipes:
        show(f"made by {_recipe(recipe)}")
    for one in found.results:
        if one.state != "there":
            show(f"{one.state}: {one.output}")
    for failure in found.failures:
        show(f"failed: {failure.input}: {failure.reason}")


def _sum(found: FolderHistory) -> str:
    line = f"{found.folder}: {count(len(found.results), 'result')}"
    counts = {
        "there": found.there,
        "missing": found.missing,
        "changed since": found.changed,
    }
    states = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
    line += f": {states}" if states else ""
    if found.failures:
        line += f"; {count(len(found.failures), 'picture')} failed in the last run"
    return line


def _recipe(recipe: Recipe) -> str:
    weights = " ".join(filter(None, (recipe.weights, recipe.weights_sha256[:_DIGITS])))
    parts = [
        f"{recipe.recipe}: {count(recipe.results, 'result')}",
        f"light {recipe.light}" if recipe.light else "",
        f"weights {weights}" if weights else "",
    ]
    return ", ".join(filter(None, parts))
