"""What `msrnet report` tells of an output folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli.report.terminal import count, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from msrnet_cli.folder.history import FolderHistory, Recipe, ShardHistory

_NAMED = 20  # shards
_PROGRESS = {"complete": "complete", "unfinished": "at work, or stopped before its end"}
_DIGITS = 12  # of a digest that a person compares


def summary(found: FolderHistory) -> None:
    """The folder on standard output: a line for its sum, and one for what matters."""
    show(_sum(found))
    for recipe in found.recipes:
        show(f"made by {_recipe(recipe)}")
    for line in _shards(found.shards):
        show(line)
    for one in found.results:
        if one.state != "there":
            show(f"{one.state}: {one.output}{_by(one.shard)}")
    for failure in found.failures:
        show(f"failed: {failure.input}{_by(failure.shard)}: {failure.reason}")


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


def _by(shard: str) -> str:
    return f" (shard {shard})" if shard else ""


def _shards(shards: Sequence[ShardHistory]) -> Iterator[str]:
    """A line for each shard that ran, and one for those of as many that never did."""
    for one in shards:
        if one.state != "never":
            yield _shard(one)
    for total in dict.fromkeys(one.shard.partition("/")[2] for one in shards):
        own = [one for one in shards if one.shard.partition("/")[2] == total]
        never = [one.shard for one in own if one.state == "never"]
        if never:
            yield f"never run here: {_named(never)}{_theirs(own)}"


def _shard(one: ShardHistory) -> str:
    name = f"shard {one.shard}" if one.shard else "runs that were not split"
    words = [] if one.state == "unknown" else [_PROGRESS[one.state]]
    if one.pictures is not None:
        words.append(f"{count(one.pictures, 'picture')} to relight")
    words.append(f"{count(one.there, 'result')} there")
    others = {
        "missing": one.missing,
        "changed since": one.changed,
        "failed": one.failed,
    }
    words += [f"{number} {what}" for what, number in others.items() if number]
    return f"{name}: {', '.join(words)}"


def _named(shards: Sequence[str]) -> str:
    more = f" and {len(shards) - _NAMED} more" if len(shards) > _NAMED else ""
    return f"shard {', '.join(shards[:_NAMED])}{more}"


def _theirs(shards: Sequence[ShardHistory]) -> str:
    """How many pictures are those of shards that never ran, if that is known."""
    ran = [one for one in shards if one.state != "never"]
    inputs = {one.inputs for one in ran}
    if len(inputs) != 1 or None in inputs:
        return "; how many pictures are theirs is not known"
    (total,) = inputs
    own = sum(one.pictures or 0 for one in ran)
    return f"; {(total or 0) - own} of {count(total or 0, 'picture')} are theirs"


def _recipe(recipe: Recipe) -> str:
    weights = " ".join(filter(None, (recipe.weights, recipe.weights_sha256[:_DIGITS])))
    parts = [
        f"{recipe.recipe}: {count(recipe.results, 'result')}",
        f"light {recipe.light}" if recipe.light else "",
        f"weights {weights}" if weights else "",
    ]
    return ", ".join(filter(None, parts))
