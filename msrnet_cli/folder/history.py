"""What a journal tells of an output folder afterwards. Loads no torch.

Reads all journals and lists of failures, and the digests of results that are there.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from msrnet_cli.errors import UsageError
from msrnet_cli.files import opened_regular, read_regular
from msrnet_cli.folder.about import About, about_of
from msrnet_cli.folder.failures import Failure, listed
from msrnet_cli.folder.fan import LIGHTS, SHEET, compared
from msrnet_cli.folder.known import entry_of
from msrnet_cli.folder.shards import place_of
from msrnet_cli.folder.tails import NAME, names_in, run_of
from msrnet_cli.lights import DIRECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from msrnet_cli.folder.known import Entry
    from msrnet_cli.folder.tails import Run

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
        weights: Name of the weights; "" if unknown.
        weights_sha256: Of their file, in hex; "" if unknown.
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


@dataclass(frozen=True)
class _Journal:
    """The lines of the journals of a folder, those written last at the end.

    Attributes:
        entries: Of each output, the states that it had, by digest; the last one is the
            newest.
        abouts: What people want to know, by output and digest.
        stems: Folder and stem of each output.
        shards: Which shard made a state, by output and digest; "" is left out.
        runs: The last run of each shard; None where its journal tells of none.
    """

    entries: Mapping[str, dict[str, Entry]]
    abouts: Mapping[tuple[str, str], About]
    stems: frozenset[tuple[str, str]]
    shards: Mapping[tuple[str, str], str]
    runs: Mapping[str, Run | None]


def read(
    folder: Path, notify: Callable[[str], object] = lambda _: None
) -> FolderHistory:
    """What is known of an output folder. Reads each result once.

    Args:
        folder: The output folder.
        notify: Called with the name of each result before it is read.

    Raises:
        UsageError: There is no such folder, or no journal in it that can be read.
    """
    journal = _lines(folder)
    results = []
    for output in sorted(journal.entries):
        if _stands_beside(output, journal):
            continue
        notify(output)
        results.append(_result(folder, output, journal))
    counts = Counter(one.state for one in results)
    there, missing, changed = (counts[state] for state in STATES)
    recipes = tuple(_recipes(results))
    failures = tuple(listed(folder, _made(folder, results)))
    shards = tuple(_shards(results, failures, journal.runs))
    return FolderHistory(
        str(folder), there, missing, changed, recipes, failures, tuple(results), shards
    )


def told(folder: Path) -> dict[str, About]:
    """What people want to know of the newest state of each output; {} without journal.

    Args:
        folder: The output folder.
    """
    with suppress(UsageError):
        return {output: about for (output, _), about in _lines(folder).abouts.items()}
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


def _lines(folder: Path) -> _Journal:
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise UsageError(f"{folder} {what}", "name a folder that msrnet relight filled")
    entries: dict[str, dict[str, Entry]] = {}
    abouts: dict[tuple[str, str], About] = {}
    shards: dict[tuple[str, str], str] = {}
    runs: dict[str, Run | None] = {}
    for mark, path in _journals(folder):
        runs[mark] = None
        for line in _data(path).splitlines():
            entry = entry_of(line)
            if entry is not None:
                states = entries.setdefault(entry.output, {})
                states.pop(entry.output_sha256, None)  # the newest comes last
                states[entry.output_sha256] = entry
                shards.pop((entry.output, entry.output_sha256), None)
                if mark:
                    shards[entry.output, entry.output_sha256] = mark
            elif found := about_of(line):
                abouts.pop(found[0], None)
                abouts[found[0]] = found[1]
            elif run := run_of(line):
                runs[mark] = run
    stems = frozenset(
        (output.rpartition("/")[0], PurePosixPath(output).stem) for output in entries
    )
    return _Journal(entries, abouts, stems, shards, runs)


def _journals(folder: Path) -> list[tuple[str, Path]]:
    """The journals of a folder: whose each is, and where it lies.

    Raises:
        UsageError: There is none.
    """
    try:
        found = [(mark, folder / name) for mark, name in names_in(folder)]
    except OSError:  # it may be entered, but not listed
        found = [("", folder / NAME)] if (folder / NAME).exists() else []
    if not found:
        reason = f"{folder} has no journal"
        raise UsageError(reason, "name a folder that msrnet relight filled")
    return found


def _data(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        reason = f"reading the journal {path} failed: {error.strerror}"
        raise UsageError(reason, "make it readable") from error


def _result(folder: Path, output: str, journal: _Journal) -> Result:
    states = journal.entries[output]
    newest = next(reversed(states))
    now = _digest(folder / output)
    state: State = "missing" if now is None else "there"
    if now is not None and now not in states:
        state = "changed"
    entry = states[now if state == "there" and now else newest]
    about = journal.abouts.get((output, entry.output_sha256), About())
    input = about.input and os.path.normpath(folder.resolve() / about.input)
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


def _stands_beside(output: str, journal: _Journal) -> bool:
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
            _common(one.weights for one in own),
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


def _made(folder: Path, results: Iterable[Result]) -> dict[str, list[Path]]:
    """The results of each input that are there."""
    made: dict[str, list[Path]] = {}
    for one in results:
        if one.state == "there" and one.input:
            made.setdefault(one.input, []).append(folder / one.output)
    return made
