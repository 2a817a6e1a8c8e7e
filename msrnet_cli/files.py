"""Bytes into a file, completely or not at all."""

from __future__ import annotations

import itertools
import os
import platform
import time
import zlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PREFIX, _SUFFIX = ".msrnet-", ".part"
_STALE_SECONDS = 3600
_numbers = itertools.count()
# Names this process on this machine: containers share folders, but not process numbers.
_MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"


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
    path.parent.mkdir(parents=True, exist_ok=True)
    # A short name of its own: the target's may already be as long as names can be.
    part = path.with_name(
        f"{_PREFIX}{_MACHINE}-{os.getpid()}-{next(_numbers)}{_SUFFIX}"
    )
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


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


def _is_running(process: str) -> bool:
    if os.name != "posix" or not process.isdigit():
        return True  # unknown: let its age decide
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return int(process) != os.getpid()


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
