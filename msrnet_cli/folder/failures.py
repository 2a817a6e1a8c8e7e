"""Lists of the pictures that failed in the last run in a folder: one for each shard."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.folder.lists import ROOT_MARK
from msrnet_cli.folder.shards import mark_of, place_of
from msrnet_cli.places import read
from msrnet_cli.stores import client
from msrnet_cli.stores.address import Address, is_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from msrnet_cli.places import Place

FAILURES = "failures.txt"
"""The list of a run that is not split; shards have their number in the name."""
HEADLINE = "# Pictures that msrnet could not relight; give this file to --files-from."


@dataclass(frozen=True)
class Failure:
    """A picture that failed in the last run.

    Attributes:
        input: Path of the picture.
        reason: Why it failed, and what to do about it.
        shard: In which shard, as ``3/8``; "" for a run that was not split.
        name: The picture below the folder that was to be relit, with forward slashes.
    """

    input: str
    reason: str
    shard: str = ""
    name: str = ""


def listed(folder: Place, made: Mapping[str, Sequence[Place]]) -> Iterator[Failure]:
    """What the lists of failures of a folder hold; nothing of lists that are not ours.

    A run writes its own list alone. So a picture in the list of another run was relit
    meanwhile if a result of it was written after that list.

    Args:
        folder: The output folder.
        made: Of each input, by its real path or its address, the results that are
            there.
    """
    for mark, path, written in _lists(folder):
        for input, name, reason in _entries(path):
            newer = (
                _written(result) > written for result in made.get(_real(input), ())
            )
            if not any(newer):
                yield Failure(input, reason, mark, name)


def _real(input: str) -> str:
    return input if is_address(input) else os.path.realpath(input)


def _lists(folder: Place) -> list[tuple[str, Place, int]]:
    """The lists of failures: whose each is, where it lies, when it was written."""
    found: list[tuple[str, Place, int]] = []
    if isinstance(folder, Address):
        stem = FAILURES.removesuffix(".txt")
        for name in client.names(folder, stem):
            mark = mark_of(name, FAILURES)
            if mark is not None:
                found.append((mark, folder / name, _written(folder / name)))
        return sorted(found, key=lambda each: place_of(each[0]))
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            mark = mark_of(entry.name, FAILURES) if entry.name[0] == "f" else None
            if mark is not None:
                path = folder / entry.name
                found.append((mark, path, _written(path)))
    return sorted(found, key=lambda each: place_of(each[0]))


def _written(path: Place) -> int:
    """When a file was written last; 0 where it is not there."""
    try:
        if isinstance(path, Address):
            facts = client.facts(path)
            return 0 if facts is None else facts.written
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _entries(path: Place) -> Iterator[tuple[str, str, str]]:
    """Input, name and reason of each entry of a list; nothing where it is not ours."""
    try:
        text = os.fsdecode(read(path))
    except OSError:
        return
    if not text.startswith(HEADLINE):
        return
    reason = ""
    for line in text.split("\0" if "\0" in text else "\n"):
        if line.startswith("# "):
            reason = line.removeprefix("# ")
        elif line:
            name = line.rpartition(ROOT_MARK)[2]
            yield line.replace(ROOT_MARK, "/", 1), name, reason
