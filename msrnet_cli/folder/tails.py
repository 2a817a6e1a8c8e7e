"""The journals of an output folder: for each shard, each actor, and all other runs.

A run writes to its own journal and reads all of them. So two machines never append to
one file, and still know what each of them made.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, get_args

from msrnet_cli.errors import UsageError
from msrnet_cli.files import require_regular
from msrnet_cli.folder.shards import mark_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from msrnet_cli.files import Folder

NAME = ".msrnet-journal.jsonl"
"""The journal of a run that is not split; shards have their number in the name."""

_ACTORS = re.compile(r"\.msrnet-journal-actor-[0-9]{1,9}\.jsonl", re.ASCII)
_MANY = 10_000  # entries of a folder that is not listed again and again
_PATIENCE = 30.0  # seconds after which it is
_VERSION = 1

Stage = Literal["begun", "ended"]


@dataclass(frozen=True)
class Run:
    """A run of a shard, as its journal tells where it begins and where it ends.

    Attributes:
        run: Whether it has only begun, or has ended.
        pictures: How many are the shard's, those that cannot be read included.
        inputs: How many there are in all shards.
        failed: Pictures that could not be relit.
        unfinished: Pictures that were not reached.
    """

    run: Stage
    pictures: int
    inputs: int
    failed: int = 0
    unfinished: int = 0

    def line(self) -> bytes:
        """As a line of a journal; older versions pass it over."""
        return json.dumps({"v": _VERSION, **asdict(self)}).encode() + b"\n"


def run_of(line: bytes) -> Run | None:
    """The run of a line; None where the line tells of none, or is torn."""
    if not line.startswith(b'{"v": 1, "run"'):
        return None
    try:
        fields = json.loads(line)
        if fields.pop("v") != _VERSION or fields["run"] not in get_args(Stage):
            return None
        return Run(**fields)
    except (ValueError, TypeError, KeyError):
        return None


def of_actor(number: int) -> str:
    """The name of an actor's journal, see `folder.worker`.

    Args:
        number: Which actor, counted from 1.
    """
    return f".msrnet-journal-actor-{number}.jsonl"


def names_in(folder: Path) -> list[tuple[str, str]]:
    """The journals of a folder: what each is of, ``3/8`` or "", and its name.

    Those that were written last come last. Actors belong to a run that is not split.

    Raises:
        OSError: The folder cannot be read.
    """
    return _names_in(folder)[0]


def _names_in(folder: Path) -> tuple[list[tuple[str, str]], int]:
    """The journals of a folder, and how many entries it has."""
    found = []
    count = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            count += 1
            mark = _mark(entry.name) if entry.name[0] == NAME[0] else None
            if mark is not None:
                with suppress(FileNotFoundError):
                    found.append((entry.stat().st_mtime_ns, mark, entry.name))
    return [(mark, name) for _, mark, name in sorted(found)], count


def _mark(name: str) -> str | None:
    return "" if _ACTORS.fullmatch(name) else mark_of(name, NAME)


class Tails:
    """What other runs have added to their journals since the last time.

    No file is held open: there may be more shards than a process may open files.

    Args:
        folder: The output folder, which stays open.
        own: Names of the journals that are left out.
    """

    def __init__(self, folder: Folder, own: Collection[str]) -> None:
        self._folder = folder
        self._own = own
        self._positions: dict[str, int] = {}
        self._looked = 0.0
        self._is_large = False

    def lines(self) -> Iterator[bytes]:
        """Whole lines that are new.

        Raises:
            UsageError: One of the journals cannot be read.
        """
        self._look()
        for name in self._positions:
            try:
                yield from self._new(name)
            except FileNotFoundError:
                continue
            except OSError as error:
                path = self._folder.path / name
                raise UsageError(
                    f"reading the journal {path} failed: {error.strerror}",
                    "make it readable, or remove it",
                ) from error

    def _look(self) -> None:
        """Look for journals; seldom in a folder whose entries take long to list."""
        now = time.monotonic()
        if self._is_large and now - self._looked < _PATIENCE:
            return
        self._looked = now
        with suppress(OSError):
            names, count = _names_in(self._folder.path)
            self._is_large = count > _MANY
            for _, name in names:
                if name not in self._own:
                    self._positions.setdefault(name, 0)

    def _new(self, name: str) -> Iterator[bytes]:
        handle = self._folder.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            require_regular(status.st_mode)
            if status.st_size < self._positions[name]:  # it is another file now
                self._positions[name] = 0
            file.seek(self._positions[name])
            for line in file:
                if not line.endswith(b"\n"):
                    break  # it is being written, or torn: read again with its end
                self._positions[name] += len(line)
                yield line
