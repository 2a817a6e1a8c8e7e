"""The journal of an output folder: which result was made from what.

One JSON line per result, written before the result is moved into place. A line whose
result never arrived is harmless: the file at that path then has other content.

The journal's file is also where runs in one folder claim pictures, by locks that the
system takes back from a process that ends, however that comes.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from msrnet_cli.errors import UsageError
from msrnet_cli.files import Folder, read_regular, require_regular, sync

try:
    import fcntl
except ImportError:  # Windows: runs in one folder do their work twice
    fcntl = None  # type: ignore[assignment]

NAME = ".msrnet-journal.jsonl"
_CACHE_NAME = "single-pictures.jsonl"
_CACHE_BYTES = 4 << 20  # about ten thousand pictures
_VERSION = 1
_RUN = 0  # the place in the file whose lock says that a run is at work

Standing = Literal["absent", "same", "stale", "other", "foreign"]


@dataclass(frozen=True)
class Entry:
    """One result.

    Attributes:
        output: Its path below the output folder, with forward slashes.
        made: sha256 of its bytes.
        source: sha256 of the input's bytes.
        recipe: Names weights, device format and options.
        origin: Path of the input where that matters, "" elsewhere.
    """

    output: str
    made: str
    source: str
    recipe: str
    origin: str = ""


class JournalError(OSError):
    """The journal cannot be written."""


class Journal:
    """What is known about an output folder. Safe to share between threads.

    Args:
        folder: The output folder.
        name: Of the journal's file in it.

    Raises:
        UsageError: The file cannot be written.
    """

    def __init__(self, folder: Folder, name: str = NAME) -> None:
        self._path = folder.path / name
        self._entries: dict[str, dict[str, Entry]] = {}
        self._position = 0
        self._torn = False
        self._lock = threading.Lock()
        try:
            self._handle = folder.open(name, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            require_regular(os.fstat(self._handle).st_mode)
        except OSError as error:
            raise UsageError(
                f"writing the journal {self._path} failed: {error.strerror}",
                "make it writable, or remove it",
            ) from error
        self._read_on()

    def close(self) -> None:
        """Let go of the file, and of all claims."""
        os.close(self._handle)

    def standing(
        self,
        entry_output: str,
        path: Path,
        source: str,
        recipe: str,
        origin: str | None = None,
    ) -> Standing:
        """How the file at an output path relates to what would be made now.

        Args:
            entry_output: The path below the output folder.
            path: The same path in full.
            source: sha256 of the input's bytes.
            recipe: Names weights and options.
            origin: Path of the input, "" if unknown; None where any input may replace
                what another gave.

        Returns:
            ``absent``: nothing there. ``same``: made by us from the same input in the
            same way. ``stale``: made by us, but otherwise. ``other``: made by us from
            another input than that of the origin. ``foreign``: made or changed by
            somebody else.

        Raises:
            OSError: What is there cannot be read.
        """
        if not os.path.lexists(path):
            return "absent"
        made = digest(read_regular(path))
        with self._lock:
            entry = self._entries.get(entry_output, {}).get(made)
            if entry is None:
                self._read_on()  # another run may be at work in the same folder
                entry = self._entries.get(entry_output, {}).get(made)
        if entry is None:
            return "foreign"
        if entry.source == source:
            return "same" if entry.recipe == recipe else "stale"
        is_same_file = bool(origin) and origin == entry.origin
        return "stale" if origin is None or is_same_file else "other"

    def add(self, entry: Entry) -> None:
        """Record a result that is about to be moved into place.

        Raises:
            JournalError: The journal cannot be written.
        """
        fields = {k: v for k, v in asdict(entry).items() if k != "origin" or v}
        line = json.dumps({"v": _VERSION, **fields}) + "\n"
        with self._lock:
            # A line torn by a killed run or a full disk must not swallow the next one.
            data = (b"\n" if self._torn else b"") + line.encode()
            self._torn = True
            try:
                if os.write(self._handle, data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                self._torn = False
                sync(self._handle)
            except OSError as error:
                path = str(self._path)
                raise JournalError(error.errno, error.strerror, path) from error
            self._remember(entry)

    def is_first(self) -> bool:
        """Whether no other run is at work in this folder; from now on this one is."""
        return self._locked(_RUN)

    def claim(self, output: str) -> bool:
        """Take a result upon this run; False where another run has done that."""
        return self._locked(_place(output))

    def release(self, output: str) -> None:
        """Leave a result, made or not, to other runs."""
        if fcntl is not None:
            with suppress(OSError):
                fcntl.lockf(self._handle, fcntl.LOCK_UN, 1, _place(output))

    def _locked(self, place: int) -> bool:
        if fcntl is None:
            return True
        try:
            fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError as error:
            # Where the file system knows no locks, work may be done twice.
            return error.errno not in (errno.EACCES, errno.EAGAIN)
        return True

    def _read_on(self) -> None:
        """Read what was added since the last time, by this run or another."""
        os.lseek(self._handle, self._position, os.SEEK_SET)
        with os.fdopen(self._handle, "rb", closefd=False) as file:
            data = file.read()
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


def cached_journal() -> Journal | None:
    """The journal of pictures that lie in no folder of ours, in the user's cache.

    It is there to recognise what was made before, and may be lost at any time.

    Returns:
        None where there can be none.
    """
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
        if not cache.is_absolute():
            cache = Path.home() / ".cache"
        with Folder.made(cache / "msrnet") as folder:
            path = folder.path / _CACHE_NAME
            with suppress(FileNotFoundError):
                if path.stat().st_size > _CACHE_BYTES:
                    newest = path.read_bytes()[-_CACHE_BYTES // 2 :]
                    folder.write_whole(_CACHE_NAME, newest)
            return Journal(folder, _CACHE_NAME)
    except (OSError, RuntimeError, UsageError):  # no home, no space, no permission
        return None


def digest(data: bytes) -> str:
    """Sha256 of a file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def _place(output: str) -> int:
    """Where in the file the lock for an output is; the file need not be that long."""
    return 1 + int.from_bytes(
        hashlib.sha256(output.encode(errors="replace")).digest()[:4]
    )
