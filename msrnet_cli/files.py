"""Files written completely or not at all, and read only where they are regular."""

from __future__ import annotations

import errno
import itertools
import os
import platform
import stat
import sys
import time
import unicodedata
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX, _SUFFIX = ".msrnet-", ".part"
_STALE_SECONDS = 3600
_numbers = itertools.count()
# Part names hold machine and process: containers may share a folder, but not process
# numbers.
_MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"

MOST_BYTES = 4 << 30
_PART_BYTES = 1 << 20
"""A larger file is not read: no picture is that large, and memory may be smaller."""

_PROBE_BYTES = 1 << 16
# Errors of file systems without fsync, such as network shares and FUSE.
_NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_HAS_HANDLES = os.open in os.supports_dir_fd
_PLAIN = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
# Non-blocking: opening a FIFO would wait for a process at its other end.
_READING = os.O_RDONLY | _PLAIN | _NO_LINK | getattr(os, "O_NONBLOCK", 0)
_WRITING = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _PLAIN | _NO_LINK
# With O_PATH a folder can be held that may be written, but not listed.
_HOLDING = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | _PLAIN


class FolderGoneError(OSError):
    """A folder that was held open is no longer at its path."""


class Folder:
    """A folder held open: files written through it cannot land in another folder.

    If the folder is removed, or replaced by a link or another folder, that is noticed.

    Args:
        path: The folder; its links are followed now, and never again.

    Raises:
        OSError: It does not exist or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        self._open_at(path, None, 0)

    @classmethod
    def made(cls, path: Path) -> Folder:
        """Hold a folder, which is made where it does not exist."""
        path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    def _open_at(self, place: Path | str, parent: int | None, flags: int) -> None:
        if _HAS_HANDLES:
            self._handle = os.open(place, _HOLDING | flags, dir_fd=parent)
        self._first = self.path.stat()

    def inner(self, name: str) -> Folder:
        """A folder in this one, made where it does not exist; never through a link."""
        with suppress(FileExistsError):
            os.mkdir(self._at(name), dir_fd=self._handle)
        inner = Folder.__new__(Folder)
        inner.path, inner._handle = self.path / name, None
        inner._open_at(self._at(name), self._handle, _NO_LINK)
        return inner

    def close(self) -> None:
        """Let go of the folder."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check(self) -> None:
        """See that the folder is still where it was.

        Raises:
            FolderGoneError: Nothing is at its path, or another folder.
        """
        try:
            held = self._first if self._handle is None else os.fstat(self._handle)
            found = self.path.stat()
        except OSError as error:
            raise FolderGoneError(error.errno, error.strerror) from error
        if not os.path.samestat(held, found):
            raise FolderGoneError(errno.ESTALE, "another one is in its place")

    def open(self, name: str, flags: int) -> int:
        """As os.open, for a file in this folder; never through a link."""
        flags |= _PLAIN | _NO_LINK
        return os.open(self._at(name), flags, 0o666, dir_fd=self._handle)

    @contextmanager
    def writing_whole(self, name: str) -> Iterator[BinaryIO]:
        """Give a file its new content in one step, at the end of the block.

        Raises:
            OSError: It could not be written; the old content is still there.
        """
        part = _part_name()
        try:
            with os.fdopen(self.open(part, _WRITING), "wb") as file:
                yield file
                file.flush()
                sync(file.fileno())
            self._rename(part, name)
        except BaseException:
            with suppress(OSError):
                self.remove(part)
            raise
        self._sync()

    def write_whole(self, name: str, data: bytes) -> None:
        """Give a file below this folder its new content in one step.

        Args:
            name: Relative, with forward slashes; folders in it are made.
            data: The content.

        Raises:
            OSError: It could not be written; the old content is still there.
        """
        first, slash, rest = name.partition("/")
        if slash:
            with self.inner(first) as inner:
                inner.write_whole(rest, data)
            return
        with self.writing_whole(name) as file:
            file.write(data)

    def remove(self, name: str) -> None:
        """As os.unlink, for a file below this folder; slashes are forward."""
        first, slash, rest = name.partition("/")
        if slash:
            with self.inner(first) as inner:
                inner.remove(rest)
            return
        os.unlink(self._at(name), dir_fd=self._handle)

    def _at(self, name: str) -> str:
        """The name or path by which to reach a file, with or without a handle."""
        return str(self.path / name) if self._handle is None else name

    def _rename(self, part: str, name: str) -> None:
        # By path: another folder holds no such part, so nothing can land there.
        try:
            (self.path / part).replace(self.path / name)
        except PermissionError as error:
            reason = "the folder does not allow renaming"
            raise PermissionError(error.errno, reason) from error

    def _sync(self) -> None:
        """Make a rename survive a power cut, where the system can."""
        with suppress(OSError):
            handle = os.open(self._at("."), os.O_RDONLY, dir_fd=self._handle)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def write_whole(path: Path, data: bytes) -> None:
    """Give a file its new content in one step.

    Whatever happens, the path holds its old content or all of the new one.

    Raises:
        OSError: It could not be written; the old content is still there.
    """
    with writing_whole(path) as file:
        file.write(data)


@contextmanager
def writing_whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file its new content in one step, at the end of the block.

    Raises:
        OSError: It could not be written; the old content is still there.
    """
    with Folder.made(path.parent) as folder, folder.writing_whole(path.name) as file:
        yield file


def sync(handle: int) -> None:
    """As os.fsync, where the file system has it: some network shares lack it.

    Raises:
        OSError: The data did not arrive, as on a full disk.
    """
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


@contextmanager
def opened_regular(path: Path) -> Iterator[BinaryIO]:
    """A regular file, opened to read; opening never waits.

    Raises:
        OSError: It cannot be opened, or is a link, a folder, a FIFO, a device.
    """
    require_regular(path.lstat().st_mode)  # opening some devices has an effect
    with os.fdopen(os.open(path, _READING), "rb") as file:
        require_regular(os.fstat(file.fileno()).st_mode)
        yield file


def read_regular(path: Path) -> bytes:
    """All of a file.

    Raises:
        OSError: As `opened_regular`; or it has more than `MOST_BYTES`, or changed
            meanwhile.
    """
    with opened_regular(path) as file:
        before = os.fstat(file.fileno())
        if before.st_size > MOST_BYTES:
            raise OSError(errno.EFBIG, f"it has more than {MOST_BYTES >> 30} GiB")
        data = file.read(before.st_size + 1)
        after = os.fstat(file.fileno())
    if (len(data), after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise OSError(errno.EBUSY, "it changed while it was read")
    return data


def read_endless(file: BinaryIO) -> bytes:
    """All of a stream, whose end is not known before.

    Raises:
        OSError: It cannot be read, or has more than `MOST_BYTES`.
    """
    data = bytearray()
    while part := file.read(_PART_BYTES):
        data += part
        if len(data) > MOST_BYTES:
            raise OSError(errno.EFBIG, f"it has more than {MOST_BYTES >> 30} GiB")
    return bytes(data)


def require_regular(mode: int) -> None:
    """Refuse a mode, as stat gives it, that is not that of a regular file.

    Raises:
        OSError: It is of another kind, which the message names.
    """
    if stat.S_ISREG(mode):
        return
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "it is a symbolic link")
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "it is a folder")
    raise OSError(errno.EINVAL, "it is not a regular file")


def remove_leftovers(folder: Path) -> None:
    """Remove unfinished files that a killed run left in a folder."""
    for part in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        machine, _, owner = (
            part.name.removeprefix(_PREFIX).rpartition("-")[0].partition("-")
        )
        with suppress(OSError):
            old = time.time() - part.stat().st_mtime > _STALE_SECONDS
            if old or (machine == _MACHINE and not _is_running(owner)):
                part.unlink()


def probe(folder: Path) -> tuple[bool, bool]:
    """Try out how a folder treats files and their names; nothing is left in it.

    Args:
        folder: Where it does not exist, the nearest folder above it stands for it.

    Returns:
        Whether names that differ only in letter case are two files, and whether names
        that differ only in Unicode form are.

    Raises:
        OSError: Nothing can be written there.
    """
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    name = _part_name()
    with Folder(there) as tried:
        with tried.writing_whole(name) as file:
            file.write(bytes(_PROBE_BYTES))
        tried.remove(name)
    forms = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    return _tells_apart(there, "a", "A"), _tells_apart(there, *forms)


def look_at(folder: Path) -> tuple[bool, bool]:
    """As `probe`, but writes nothing: permissions and names that are there must do.

    Raises:
        OSError: Nothing can be written there.
    """
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    for path in (there.resolve(), *there.resolve().parents):
        other = path.with_name(path.name.swapcase())
        if other != path:
            case_counts = not (other.exists() and other.samefile(path))
            return case_counts, sys.platform != "darwin"
    return True, sys.platform != "darwin"


def _tells_apart(folder: Path, one: str, other: str) -> bool:
    """Whether two spellings are two files; False where one of them is not possible."""
    stem = _part_name().removesuffix(_SUFFIX)
    first, second = (folder / f"{stem}{name}{_SUFFIX}" for name in (one, other))
    try:
        first.touch()
        return not second.exists()
    except OSError:
        return False
    finally:
        with suppress(OSError):
            first.unlink()


def _part_name() -> str:
    """A unique name, and a short one: a target may be as long as a name can be."""
    return f"{_PREFIX}{_MACHINE}-{os.getpid()}-{next(_numbers)}{_SUFFIX}"


def _is_running(process: str) -> bool:
    if os.name != "posix" or not process.isdigit():
        return True  # unknown: the age of the file decides
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return int(process) != os.getpid()
