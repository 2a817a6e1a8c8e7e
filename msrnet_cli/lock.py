"""One run at a time in a folder, by a lock that ends with its process."""

from __future__ import annotations

import errno
import os
import platform
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError
from msrnet_cli.files import require_regular

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

NAME = ".msrnet-lock"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_MOST_TRIES = 20
_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


class Lock:
    """Keeps a second run out of a folder while a process lives.

    The system releases the lock when the process ends, however it ends. Processes that
    are started or forked meanwhile do not hold the lock.

    Args:
        folder: Of the run; it need not exist yet.
        work: What is done to the folder, for the message: "trained", "rendered".
    """

    def __init__(self, folder: Path, work: str) -> None:
        self._folder = folder
        self._work = work
        self._handle: int | None = None

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def take(self) -> None:
        """Lock the folder where it exists, and is not locked by this object already.

        On a file system without locks nothing is refused.

        Raises:
            UsageError: Another process works there.
            OSError: The folder cannot be written.
        """
        if self._handle is not None or not self._folder.is_dir():
            return
        self._handle = self._held()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._close)
        with suppress(OSError):  # for the message only
            os.ftruncate(self._handle, 0)
            about = f"process {os.getpid()} on {platform.node()}\n"
            os.write(self._handle, about.encode())

    def release(self) -> None:
        """Let go of the folder; nothing is left in it."""
        if self._handle is not None:
            with suppress(OSError):
                (self._folder / NAME).unlink()
            self._close()

    def _held(self) -> int:
        """A handle of the lock's file, locked.

        The last holder removes the file, perhaps just after it was opened here: then a
        third run could lock a new one, so the new one is opened, too.
        """
        path = self._folder / NAME
        for _ in range(_MOST_TRIES):
            handle = _opened(path)
            if not _locked(handle):
                raise self._refusal(handle)
            if _is_at(path, handle):
                return handle
            os.close(handle)
        return _opened(path)  # a file system that numbers files anew: without a lock

    def _refusal(self, handle: int) -> UsageError:
        """The error that names the holder; closes the handle."""
        holder = os.pread(handle, 200, 0).decode("utf-8", "replace").strip()
        os.close(handle)
        return UsageError(
            f"{self._folder} is being {self._work} by another process"
            f" ({holder or 'unknown'})",
            "wait until it ends, stop it, or choose another folder",
        )

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _opened(path: Path) -> int:
    """A handle that started programs do not inherit; never through a link."""
    if os.path.lexists(path):
        try:
            require_regular(path.lstat().st_mode)
        except OSError as error:
            raise UsageError(
                f"{path} cannot lock the run: {error.strerror}", "remove it"
            ) from error
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o666)
    except PermissionError:
        # The file is another user's, whose lock can be seen all the same.
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY | _NO_LINK)


def _is_at(path: Path, handle: int) -> bool:
    """Whether the file of a handle is still the one at a path."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _locked(handle: int) -> bool:
    """Whether this handle has the lock now; True where there are no locks."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _TAKEN
    return True
