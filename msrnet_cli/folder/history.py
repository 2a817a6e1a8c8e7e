"""What a journal tells of an output folder afterwards. Loads no torch.

Reads all journals and lists of failures, and the digests of results that are there.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msrnet_cli.errors import UsageError
from msrnet_cli.files import opened_regular
from msrnet_cli.folder.about import About
from msrnet_cli.folder.failures import Failure, listed
from msrnet_cli.folder.fan import LIGHTS, SHEET, compared
from msrnet_cli.folder.lines import lines_of
from msrnet_cli.folder.segments import made
from msrnet_cli.folder.shards import place_of
from msrnet_cli.lights import DIRECTIONS
from msrnet_cli.stores import client
from msrnet_cli.stores.address import is_address
from msrnet_cli.stores.refusal import StoreError

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from msrnet_cli.folder.lines import Lines
    from msrnet_cli.folder.tails import Run
    from msrnet_cli.places import Place

_PART_BYTES = 1 << 20

State = Literal["there", "missing", "changed"]
STATES: tuple[State, ...] = ("there", "missing", "changed")
Progress = Literal["complete", "unfinished", "never", "unknown"]


@dataclass(frozen=True)
class Result:
    """A result in an output folder, as its journal knows it.

    Attributes:
        output: Its path below the output folder, with forward slashes.
        state: ``there`` as msrnet made it, ``missing``, or ``changed``: the file has
            another content now, or cannot be read.
        recipe: Names the weights, the device, the number format and the options.
        source_sha256: Of the input's bytes, in hex.
        input: Path of the input; "" where the journal does not tell.
        light: The light that was asked for, in words; "" if unknown.
        weights: Name of the weights; "" if unknown.
        weights_sha256: Of their file, in hex; "" if unknown.
        seconds: Time of decoding, network and encoding; null if unknown.
        notes: What the user had to know about the result.
        shard: Which shard made it, as ``3/8``; "" for a run that was not split.
    """

    output: str
    state: State
    recipe: str
    source_sha256: str
    input: str = ""
    light: str = ""
    weights: str = ""
    weights_sha256: str = ""
    seconds: float | None = None
    notes: tuple[str, ...] = ()
    shard: str = ""


@dataclass(frozen=True)
class Recipe:
    """One way in which results of a folder were made.

    Attributes:
        recipe: Its name in the journal.
        results: How many results were made so.
        light: The light that was asked for, in words; "" if unknown or of several
            words.
        weights: Names of the weights, with "and" between them; "" if unknown.
        weights_sha256: Of their file, in hex; "" if unknown, or of several.
    """

    recipe: str
    results: int
    light: str = ""
    weights: str = ""
    weights_sha256: str = ""


@dataclass(frozen=True)
class ShardHistory:
    """What the journals tell of one shard. They know of no inputs but by number.

    Attributes:
        shard: Which one, as ``3/8``; "" for runs that were not split.
        state: ``complete``: its last run reached every picture, though some may have
            failed. ``unfinished``: its last run is at work, or was stopped or killed.
            ``never``: it has no journal here, but another shard of as many has.
            ``unknown`` of runs that were not split.
        there: Results that it made, and that are as it made them.
        missing: Results that it made, and that are not there.
        changed: Files that have another content than it gave them.
        failed: Pictures that failed in its last run, and have no newer result.
        pictures: How many its last run was to relight; null if unknown.
        inputs: How many its last run saw in all shards; null if unknown.
    """

    shard: str
    state: Progress
    there: int = 0
    missing: int = 0
    changed: int = 0
    failed: int = 0
    pictures: int | None = None
    inputs: int | None = None


@dataclass(frozen=True)
class FolderHistory:
    """What is known of an output folder.

    Attributes:
        folder: The output folder.
        there: Results that are as msrnet made them.
        missing: Results that are not there.
        changed: Files that have another content than msrnet gave them.
        recipes: How the results were made; the most frequent way first.
        failures: Pictures that failed in the last run.
        results: All results, by name.
        shards: Where the job was split, each shard; first "" for runs that were not,
            if there were such. Empty where it never was.
    """

    folder: str
    there: int
    missing: int
    changed: int
    recipes: tuple[Recipe, ...]
    failures: tuple[Failure, ...]
    results: tuple[Result, ...]
    shards: tuple[ShardHistory, ...] = ()


def read(
    folder: Place, notify: Callable[[str], object] = lambda _: None
) -> FolderHistory:
    """What is known of an output folder. Reads each result once.

    Of a store it asks for their labels, and reads those that have none.

    Args:
        folder: The output folder.
        notify: Called with the name of each result before it is read.

    Raises:
        UsageError: There is no such folder, or no journal in it that can be read.
    """
    journal = lines_of(folder)
    results = []
    outputs = [
        one for one in sorted(journal.entries) if not _stands_beside(one, journal)
    ]
    for output, now in _digests(folder, outputs, notify):
        results.append(_result(folder, output, now, journal))
    counts = Counter(one.state for one in results)
    there, missing, changed = (counts[state] for state in STATES)
    recipes = tuple(_recipes(results))
    failures = tuple(listed(folder, _made(folder, results)))
    shards = tuple(_shards(results, failures, journal.runs))
    return FolderHistory(
        str(folder), there, missing, changed, recipes, failures, tuple(results), shards
    )


def told(folder: Place) -> dict[str, About]:
    """What people want to know of the newest state of each output; {} without journal.

    Args:
        folder: The output folder.
    """
    with suppress(UsageError):
        return {output: about for (output, _), about in lines_of(folder).abouts.items()}
    return {}


def by_content(root: Path, wanted: Collection[str]) -> dict[str, Path]:
    """Files below a folder that have some digests, by digest; links are not followed.

    Args:
        root: The folder.
        wanted: Sha256 digests, in hex.

    Raises:
        UsageError: There is no such folder.
    """
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise UsageError(f"--inputs {root} {what}", "name the folder of the originals")
    found: dict[str, Path] = {}
    for folder, folders, names in os.walk(root):
        folders.sort()
        for path in (Path(folder, name) for name in sorted(names)):
            if len(found) == len(wanted):
                return found
            now = _digest(path)
            if now is not None and now in wanted:
                found.setdefault(now, path)
    return found


def _digests(
    folder: Place, outputs: Sequence[str], notify: Callable[[str], object]
) -> Iterator[tuple[str, str | None]]:
    """The digest of each output as it is now, as `_digest` tells it.

    Raises:
        UsageError: The store of the outputs does not tell.
    """
    if isinstance(folder, Path):
        for output in outputs:
            notify(output)
            yield output, _digest(folder / output)
        return
    try:
        found = client.each(partial(made, folder), outputs)
        for output, now in zip(outputs, found, strict=True):
            notify(output)
            yield output, now
    except StoreError as error:
        reason = f"{error.filename}: {error.strerror}"
        raise UsageError(reason, "let results be read") from error


def _result(folder: Place, output: str, now: str | None, journal: Lines) -> Result:
    states = journal.entries[output]
    newest = next(reversed(states))
    state: State = "missing" if now is None else "there"
    if now is not None and now not in states:
        state = "changed"
    entry = states[now if state == "there" and now else newest]
    about = journal.abouts.get((output, entry.output_sha256), About())
    input = about.input
    if input and isinstance(folder, Path) and not is_address(input):
        input = os.path.normpath(folder.resolve() / input)
    return Result(
        output,
        state,
        entry.recipe,
        entry.source_sha256,
        input or entry.origin,
        about.light,
        about.weights,
        about.weights_sha256,
        about.seconds,
        about.notes,
        journal.shards.get((output, entry.output_sha256), ""),
    )


def _digest(path: Path) -> str | None:
    """Of a file as it is now; "" where it cannot be read, None where none is there."""
    if not os.path.lexists(path):
        return None
    try:
        with opened_regular(path) as file:
            found = hashlib.sha256()
            while part := file.read(_PART_BYTES):
                found.update(part)
            return found.hexdigest()
    except OSError:
        return ""


def _stands_beside(output: str, journal: Lines) -> bool:
    """Whether an output was made beside a picture: a comparison, or of a fan the rest.

    Older versions told people nothing of any output, so names decide.
    """
    if (output, next(reversed(journal.entries[output]))) in journal.abouts:
        return False
    folder, _, name = output.rpartition("/")
    if name in (SHEET, LIGHTS):
        return (folder, DIRECTIONS[0]) in journal.stems
    ending = compared("")
    return name.endswith(ending) and (
        (folder, name.removesuffix(ending)) in journal.stems
    )


def _recipes(results: list[Result]) -> Iterator[Recipe]:
    """The recipes of results, by how many were made so."""
    counts = Counter(one.recipe for one in results)
    for recipe, count in counts.most_common():
        own = [one for one in results if one.recipe == recipe]
        yield Recipe(
            recipe,
            count,
            _common(one.light for one in own),
            " and ".join(sorted({one.weights for one in own} - {""})),
            _common(one.weights_sha256 for one in own),
        )


def _common(words: Iterable[str]) -> str:
    """The text that all results share, as far as they tell it; else ""."""
    told = set(words) - {""}
    return told.pop() if len(told) == 1 else ""


def _shards(
    results: Iterable[Result],
    failures: Iterable[Failure],
    runs: Mapping[str, Run | None],
) -> Iterator[ShardHistory]:
    """What is known of each shard; nothing where no run was split."""
    if not any(runs):
        return
    failed = Counter(one.shard for one in failures)
    states = Counter((one.shard, one.state) for one in results)
    counts = {mark.partition("/")[2] for mark in runs if mark}
    known = {f"{i + 1}/{count}" for count in counts for i in range(int(count))}
    for mark in sorted({*known, *runs}, key=place_of):
        run = runs.get(mark)
        progress: Progress = "unfinished" if mark else "unknown"
        if mark not in runs:
            progress = "never"
        elif run is not None and run.run == "ended" and not run.unfinished:
            progress = "complete"
        yield ShardHistory(
            mark,
            progress,
            there=states[mark, "there"],
            missing=states[mark, "missing"],
            changed=states[mark, "changed"],
            failed=failed[mark],
            pictures=None if run is None else run.pictures,
            inputs=None if run is None else run.inputs,
        )


def _made(folder: Place, results: Iterable[Result]) -> dict[str, list[Place]]:
    """The results of each input that are there."""
    found: dict[str, list[Place]] = {}
    for one in results:
        if one.state == "there" and one.input:
            found.setdefault(one.input, []).append(folder / one.output)
    return found
