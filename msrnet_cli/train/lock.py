"""One training at a time in a folder, by a lock that ends with its process."""

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
_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


class Lock:
    """Keeps a second training out of a folder while a process lives.

    The system releases the lock when the process ends, even if it is killed. Child
    processes do not hold the lock.

    Args:
        folder: Of the run; need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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
        """Lock the folder if it exists and this object has not locked it already.

        Does nothing on a file system without locks.

        Raises:
            UsageError: Another process trains there.
            OSError: The folder cannot be written.
        """
        if self._handle is not None or not self._folder.is_dir():
            return
        self._handle = _opened(self._folder / NAME)
        if not _locked(self._handle):
            holder = os.pread(self._handle, 200, 0).decode("utf-8", "replace")
            self.release()
            raise UsageError(
                f"{self._folder} is being trained by another process"
                f" ({holder.strip() or 'unknown'})",
                "wait until it ends, stop it, or choose another --out",
            )
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.release)
        with suppress(OSError):  # for the message only
            os.ftruncate(self._handle, 0)
            about = f"process {os.getpid()} on {platform.node()}\n"
            os.write(self._handle, about.encode())

    def release(self) -> None:
        """Unlock the folder."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _opened(path: Path) -> int:
    """A handle that child processes do not inherit; a link is never followed."""
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
        # Another user's file: its lock can be seen all the same.
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY | _NO_LINK)


def _locked(handle: int) -> bool:
    """Whether this handle has the lock now; True where the system has no locks."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _TAKEN
    return True
