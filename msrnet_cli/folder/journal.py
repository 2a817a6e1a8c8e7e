"""The journal of an output folder: which result was made from what.

Each shard of a job and each actor has one of its own, see `tails`; all are read.

One JSON line for each result, written before the result is moved into place. A line
whose result never arrived is harmless: the file at that path has another content then.
A second line may follow, with what people want to know of the result. It decides
nothing, and older versions of msrnet pass it over: they would pass over the whole
result if the first line held more than they know.

Runs in one folder also claim pictures through the journal's file, by locks on single
bytes. The system releases the locks of a process that ends, even of one that is killed.
"""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError
from msrnet_cli.files import Folder, require_regular, sync
from msrnet_cli.folder.about import About
from msrnet_cli.folder.known import Entry, JournalError, Known, line_of
from msrnet_cli.folder.shards import mark_of
from msrnet_cli.folder.tails import NAME, Run, Tails

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

try:
    import fcntl
except ImportError:  # Windows: runs in one folder do their work twice
    fcntl = None  # type: ignore[assignment]

_CACHE_NAME = "single-pictures.jsonl"
_CACHE_BYTES = 4 << 20  # about ten thousand pictures
_TO_WRITE = ("writing", "writable")
_RUN = 0  # the byte of the file whose lock says that a run is at work


class Journal(Known):
    """The journal of an output folder. Safe to share between threads.

    Args:
        folder: The output folder.
        name: Name of the journal's file in that folder.
        to_read: Only to be read: nothing is made or written.
        wanted: Tells whether an output will be asked about; only of those anything is
            kept in memory. None keeps all.
        own: Names of further journals. The first that no other process writes to is
            written in place of `name`, which must be there and is read and locked only.

    Raises:
        UsageError: The file cannot be written, or one of the folder cannot be read.
    """

    def __init__(
        self,
        folder: Folder,
        name: str = NAME,
        *,
        to_read: bool = False,
        wanted: Callable[[str], bool] | None = None,
        own: Iterable[str] = (),
    ) -> None:
        self._path = folder.path / name
        super().__init__(wanted)
        names = [name]
        self._others = None if mark_of(name, NAME) is None else Tails(folder, names)
        self._position = 0
        self._torn = False
        flags = os.O_RDONLY if to_read else os.O_RDWR | os.O_APPEND | os.O_CREAT
        self._handle: int | None = None
        self._own: int | None = None
        try:
            self._handle = folder.open(name, flags if not own else os.O_RDWR)
            require_regular(os.fstat(self._handle).st_mode)
            if own:
                other, self._own = _free(folder, own)
                self._path = folder.path / other
                names.append(other)
        except OSError as error:
            if to_read and isinstance(error, FileNotFoundError) and self._others:
                self._read_on()  # those of shards
                return
            verb, needed = ("reading", "readable") if to_read else _TO_WRITE
            raise UsageError(
                f"{verb} the journal {self._path} failed: {error.strerror}",
                f"make it {needed}, or remove it",
            ) from error
        if self._own is not None:
            self._read(self._own, 0)
        self._read_on()

    def close(self) -> None:
        """Close the files, and release all claims."""
        for handle in (self._handle, self._own):
            if handle is not None:
                os.close(handle)

    def add(self, entry: Entry, about: About | None = None) -> None:
        """Record a result that is about to be moved into place.

        Args:
            entry: The result.
            about: What people want to know of it; None for nothing.

        Raises:
            JournalError: The journal cannot be written.
        """
        self._append(line_of(entry, about))
        with self._lock:
            self._remember(entry)

    def add_run(self, run: Run) -> None:
        """Record that a run of a shard begins or has ended.

        Raises:
            JournalError: The journal cannot be written.
        """
        self._append(run.line())

    def _append(self, line: bytes) -> None:
        handle = self._handle if self._own is None else self._own
        assert handle is not None
        with self._lock:
            # A line torn by a killed run or a full disk must not swallow the next one.
            data = (b"\n" if self._torn else b"") + line
            self._torn = True
            try:
                if os.write(handle, data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                self._torn = False
                sync(handle)
            except OSError as error:
                path = str(self._path)
                raise JournalError(error.errno, error.strerror, path) from error

    def is_first(self) -> bool:
        """Whether no other run is at work in this folder; marks this run as at work."""
        return _lock(self._handle, _RUN)

    def claim(self, output: str) -> bool:
        """Claim a result for this run; False where another run has claimed it."""
        return _lock(self._handle, _place(output))

    def release(self, output: str) -> None:
        """Give up the claim to a result, whether the result was made or not."""
        with suppress(OSError):
            if fcntl is not None and self._handle is not None:
                fcntl.lockf(self._handle, fcntl.LOCK_UN, 1, _place(output))

    def _read_on(self) -> None:
        """Read the lines that this run or another has added since the last time."""
        if self._handle is not None:
            self._position = self._read(self._handle, self._position)
        for line in self._others.lines() if self._others else ():
            self._learn(line)

    def _read(self, handle: int, position: int) -> int:
        """Read the whole lines of a file from a position on; gives the next one."""
        torn = False
        with os.fdopen(handle, "rb", closefd=False) as file:
            file.seek(position)
            for line in file:
                torn = not line.endswith(b"\n")
                if not torn:
                    position += len(line)
                    self._learn(line)
        if handle == self._own or self._own is None:
            self._torn = torn
        return position


def _free(folder: Folder, names: Iterable[str]) -> tuple[str, int]:
    """The first file that no other process has locked: its name and handle."""
    for name in names:
        handle = folder.open(name, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        if _lock(handle, _RUN):
            require_regular(os.fstat(handle).st_mode)
            return name, handle
        os.close(handle)
    raise OSError(errno.EBUSY, "other processes write to all of its kind")


def _lock(handle: int | None, place: int) -> bool:
    """Lock a byte of a file for this process; False where another has locked it."""
    if fcntl is None or handle is None:
        return True
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except OSError as error:
        # On a file system without locks, work may be done twice.
        return error.errno not in (errno.EACCES, errno.EAGAIN)
    return True


def cached_journal(*, to_read: bool = False) -> Journal | None:
    """The journal of single pictures outside of output folders, in the user's cache.

    It lets a second run recognise results of the first, and may be lost at any time.

    Args:
        to_read: Only to be read: nothing is made or written.

    Returns:
        None where no such file can be written, or only be read and is not there.
    """
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
        if not cache.is_absolute():
            cache = Path.home() / ".cache"
        if to_read:
            with Folder(cache / "msrnet") as folder:
                return Journal(folder, _CACHE_NAME, to_read=True)
        with Folder.made(cache / "msrnet") as folder:
            path = folder.path / _CACHE_NAME
            with suppress(FileNotFoundError):
                if path.stat().st_size > _CACHE_BYTES:
                    newest = path.read_bytes()[-_CACHE_BYTES // 2 :]
                    folder.write_whole(_CACHE_NAME, newest)
            return Journal(folder, _CACHE_NAME)
    except (OSError, RuntimeError, UsageError):  # no home, no space, no permission
        return None


def _place(output: str) -> int:
    """The byte whose lock claims an output; it may lie beyond the end of the file."""
    return 1 + int.from_bytes(
        hashlib.sha256(output.encode(errors="replace")).digest()[:4]
    )
