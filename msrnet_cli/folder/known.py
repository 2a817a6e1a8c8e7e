"""What is known about outputs: which result was made from what.

One entry for each result, kept as a line of JSON. A line whose result never arrived is
harmless: the file at that path has another content then.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from msrnet_cli import places
from msrnet_cli.folder.about import ABOUT_START, About, about_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.places import Place

_VERSION = 1
_KEYS = {"output_sha256": "made", "source_sha256": "source"}  # shorter in the file

Standing = Literal["absent", "same", "stale", "other", "foreign"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One result.

    Attributes:
        output: Its path below the output folder, with forward slashes.
        output_sha256: Of its bytes, in hex.
        source_sha256: Of the input's bytes, in hex.
        recipe: Names the weights, the device, the number format and the options.
        origin: Path of the input where that matters, "" elsewhere.
    """

    output: str
    output_sha256: str
    source_sha256: str
    recipe: str
    origin: str = ""


class JournalError(OSError):
    """The journal cannot be written."""


class Known:
    """What is known about outputs. Safe to share between threads.

    Args:
        wanted: Tells whether an output will be asked about; only of those anything is
            kept in memory. None keeps all.
    """

    def __init__(self, wanted: Callable[[str], bool] | None = None) -> None:
        self._wanted = wanted
        self._entries: dict[str, dict[str, Entry]] = {}
        self._lock = threading.Lock()

    def standing(
        self,
        output: str,
        path: Place,
        source_sha256: str,
        recipes: tuple[str, ...],
        origin: str | None = None,
    ) -> Standing:
        """How the file at an output path relates to the result about to be made.

        Args:
            output: The path below the output folder.
            path: The same path in full.
            source_sha256: Of the input's bytes, in hex.
            recipes: Names of weights and options that count as the same way.
            origin: Path of the input, "" if unknown; None where any input may replace
                the result of another.

        Returns:
            ``absent``: no file. ``same``: made by msrnet from the same input in the
            same way. ``stale``: made by msrnet, but in another way, or from an older
            state of the input. ``other``: made by msrnet from another input than the
            one at `origin`. ``foreign``: not made by msrnet, or changed since.

        Raises:
            OSError: The file cannot be read.
        """
        is_there, entry = self._now(output, path)
        if not is_there:
            return "absent"
        if entry is None:
            return "foreign"
        if entry.source_sha256 == source_sha256:
            return "same" if entry.recipe in recipes else "stale"
        is_same_file = bool(origin) and origin == entry.origin
        return "stale" if origin is None or is_same_file else "other"

    def is_outdated(
        self,
        output: str,
        path: Place,
        beside: str,
        source_sha256: str,
        recipes: tuple[str, ...],
    ) -> bool:
        """Whether a file was made together with an older state of a result.

        Args:
            output: The path of the file below the output folder.
            path: The same path in full.
            beside: The path of the result below the output folder.
            source_sha256: Of the bytes that the result is made from now, in hex.
            recipes: Names of the way in which it is made now.

        Returns:
            False also where somebody else made the file, or changed it since.

        Raises:
            OSError: The file cannot be read.
        """
        _, entry = self._now(output, path)
        if entry is None:
            return False
        with self._lock:
            states = [*self._entries.get(beside, {}).values()]
        made = entry.source_sha256, entry.recipe
        if made not in [(one.source_sha256, one.recipe) for one in states]:
            return False
        return entry.source_sha256 != source_sha256 or entry.recipe not in recipes

    def _now(self, output: str, path: Place) -> tuple[bool, Entry | None]:
        """Whether a file is there, and the entry that it has; None where none fits."""
        if not places.exists(path):
            return False, None
        output_sha256 = digest(places.read(path))
        with self._lock:
            entry = self._entries.get(output, {}).get(output_sha256)
            if entry is None:
                self._read_on()  # another run may be at work in the same folder
                entry = self._entries.get(output, {}).get(output_sha256)
        return True, entry

    def _read_on(self) -> None:
        """Learn what this run or another has added since the last time."""

    def _learn(self, line: bytes) -> None:
        # What people want to know decides nothing, and is half of all lines.
        entry = None if line.startswith(ABOUT_START) else entry_of(line)
        if entry is not None:
            self._remember(entry)

    def _remember(self, entry: Entry) -> None:
        if self._wanted is None or self._wanted(entry.output):
            states = self._entries.setdefault(entry.output, {})
            states[entry.output_sha256] = entry


def digest(data: bytes) -> str:
    """Sha256 of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def line_of(entry: Entry, about: About | None = None) -> bytes:
    """An entry as a line of a journal; then one of what people want to know, if any."""
    fields = {_KEYS.get(name, name): value for name, value in asdict(entry).items()}
    if not entry.origin:
        del fields["origin"]
    line = json.dumps({"v": _VERSION, **fields}).encode() + b"\n"
    if about is None:
        return line
    return line + about_line(entry.output, entry.output_sha256, about)


def entry_of(line: bytes) -> Entry | None:
    """The entry of a line; None where it holds none, or a killed run has torn it."""
    try:
        fields = json.loads(line)
        if fields.pop("v") != _VERSION:
            return None
        for name, key in _KEYS.items():
            fields[name] = fields.pop(key)
        # Thousands of results share a recipe: they share its text.
        fields["recipe"] = sys.intern(fields["recipe"])
        return Entry(**fields)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
