"""Lists of the pictures that failed in the last run in a folder: one for each shard."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.files import read_regular
from msrnet_cli.folder.shards import mark_of, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

FAILURES = "failures.txt"
"""The list of a run that is not split; shards have their number in the name."""
HEADLINE = "# Pictures that msrnet could not relight; give this file to --files-from."
_ROOT_MARK = "/./"


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


def listed(folder: Path, made: Mapping[str, Sequence[Path]]) -> Iterator[Failure]:
    """What the lists of failures of a folder hold; nothing of lists that are not ours.

    A run writes its own list alone. So a picture in the list of another run was relit
    meanwhile if a result of it was written after that list.

    Args:
        folder: The output folder.
        made: Of each input, by its real path, the results that are there.
    """
    for mark, path, written in _lists(folder):
        for input, name, reason in _entries(path):
            newer = (
                _written(result) > written
                for result in made.get(os.path.realpath(input), ())
            )
            if not any(newer):
                yield Failure(input, reason, mark, name)


def _lists(folder: Path) -> list[tuple[str, Path, int]]:
    """The lists of failures: whose each is, where it lies, when it was written."""
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            mark = mark_of(entry.name, FAILURES) if entry.name[0] == "f" else None
            if mark is not None:
                path = folder / entry.name
                found.append((mark, path, _written(path)))
    return sorted(found, key=lambda each: place_of(each[0]))


def _written(path: Path) -> int:
    """When a file was written last; 0 where it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _entries(path: Path) -> Iterator[tuple[str, str, str]]:
    """Input, name and reason of each entry of a list; nothing where it is not ours."""
    try:
        text = os.fsdecode(read_regular(path))
    except OSError:
        return
    if not text.startswith(HEADLINE):
        return
    reason = ""
    for line in text.split("\0" if "\0" in text else "\n"):
        if line.startswith("# "):
            reason = line.removeprefix("# ")
        elif line:
            name = line.rpartition(_ROOT_MARK)[2]
            yield line.replace(_ROOT_MARK, "/", 1), name, reason
