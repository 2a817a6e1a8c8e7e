"""The journal of an output folder: which result was made from what.

One JSON line per result, written before the result is moved into place. A line whose
result never arrived is harmless: the file at that path then has other content.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

NAME = ".msrnet-journal.jsonl"
_VERSION = 1

Standing = Literal["absent", "same", "stale", "foreign"]


@dataclass(frozen=True)
class Entry:
    """One result.

    Attributes:
        output: Its path below the output folder, with forward slashes.
        made: sha256 of its bytes.
        source: sha256 of the input's bytes.
        recipe: Names weights, device format and options.
    """

    output: str
    made: str
    source: str
    recipe: str


class Journal:
    """What is known about an output folder.

    Args:
        folder: The output folder; it need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._entries: dict[str, dict[str, Entry]] = {}
        self._position = 0
        self._torn = False
        self._read_on()

    def standing(
        self, entry_output: str, path: Path, source: str, recipe: str
    ) -> Standing:
        """How the file at an output path relates to what would be made now.

        Args:
            entry_output: The path below the output folder.
            path: The same path in full.
            source: sha256 of the input's bytes.
            recipe: Names weights and options.

        Returns:
            ``absent``: nothing there. ``same``: made by us from the same input in the
            same way. ``stale``: made by us, but otherwise. ``foreign``: made or
            changed by somebody else.
        """
        if not path.exists():
            return "absent"
        made = digest(path.read_bytes())
        entry = self._entries.get(entry_output, {}).get(made)
        if entry is None:
            self._read_on()  # another run may be at work in the same folder
            entry = self._entries.get(entry_output, {}).get(made)
        if entry is None:
            return "foreign"
        same = entry.source == source and entry.recipe == recipe
        return "same" if same else "stale"

    def add(self, entry: Entry) -> None:
        """Record a result that is about to be moved into place.

        Raises:
            OSError: The journal cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"v": _VERSION, **asdict(entry)}) + "\n"
        # A line torn by a killed run or a full disk must not swallow the next one.
        data = (b"\n" if self._torn else b"") + line.encode()
        with self._path.open("ab", buffering=0) as file:
            self._torn = True
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._torn = False
            os.fsync(file.fileno())
        self._remember(entry)

    def _read_on(self) -> None:
        """Read what was added since the last time, by this run or another."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                data = file.read()
        except OSError:
            return
        whole, _, rest = data.rpartition(b"\n")
        self._position += len(data) - len(rest)
        self._torn = bool(rest)
        for line in whole.splitlines():
            try:
                fields = json.loads(line)
                if fields.pop("v") == _VERSION:
                    self._remember(Entry(**fields))
            except (ValueError, TypeError, KeyError, AttributeError):
                continue  # torn by a killed run

    def _remember(self, entry: Entry) -> None:
        self._entries.setdefault(entry.output, {})[entry.made] = entry


def digest(data: bytes) -> str:
    """Sha256 of a file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()
