"""Standard output and error that outlive a full disk, and are known where closed."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}
_NAMES = {"stdin": "input", "stdout": "output", "stderr": "error"}
_LINE_FEED = 10
_closed: set[str] = set()


class Enduring(io.FileIO):
    """What is written here and finds no room is lost, and the program goes on.

    Attributes:
        failure: The first such failure; None where all was written.
    """

    failure: OSError | None = None
    _line_is_open = _is_torn = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write what can be written; all of it counts as taken, if any failed.

        Raises:
            BrokenPipeError: The reader has gone, which is not a fault.
        """
        try:
            if self._is_torn:  # what comes next must not go on in the middle of a line
                super().write(b"\n")
                self._is_torn = False
            while (count := super().write(data)) is None:
                select.select([], [self], [])  # others made it non-blocking
        except BrokenPipeError:
            raise
        except OSError as error:
            self.failure = self.failure or error
            self._is_torn = self._line_is_open
            return memoryview(data).nbytes
        if count:
            self._line_is_open = memoryview(data).cast("B")[count - 1] != _LINE_FEED
        return count


class _Closed(Enduring):
    """Stands for an output that was closed at the start: what is written is lost."""

    def write(self, data: ReadableBuffer, /) -> int:
        self.failure = self.failure or OSError(errno.EBADF, "it is closed")
        return memoryview(data).nbytes


def prepare() -> None:
    """Open the streams that the program was started without; make the others endure.

    Otherwise what is meant for people would go where pictures go.
    """
    _closed.clear()
    for name, mode in _MODES.items():
        if getattr(sys, name) is None:
            _closed.add(name)
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 open to the end
    if "stdout" in _closed:
        nowhere = Path(os.devnull).open("w")  # noqa: SIM115 open to the end
        sys.stdout = _lasting(nowhere, _Closed(nowhere.fileno(), "w", closefd=False))
    for name in {"stdout", "stderr"} - _closed:
        with suppress(OSError, AttributeError):  # they may be replaced by non-files
            stream = getattr(sys, name)
            stream.flush()
            raw = Enduring(stream.fileno(), "w", closefd=False)
            setattr(sys, name, _lasting(stream, raw))


def require(name: str) -> None:
    """See that a stream was not closed when the program was started.

    Args:
        name: ``stdin`` or ``stdout``.

    Raises:
        UsageError: It was.
    """
    if name in _closed:
        raise UsageError(f"standard {_NAMES[name]} is closed", "redirect it")


def settle() -> str:
    """Write out what waits in the streams.

    Returns:
        What was lost, for people; "" where nothing was.

    Raises:
        BrokenPipeError: A reader has gone; nothing waits any more.
    """
    lost, gone = [], None
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            stream.flush()
        except BrokenPipeError as error:
            gone = error
            _abandon(stream)
        failure = getattr(getattr(stream, "buffer", None), "raw", None)
        failure = getattr(failure, "failure", None)
        if failure is not None:
            lost.append(f"standard {_NAMES[name]}: {failure.strerror}")
    if gone is not None:
        raise gone
    return "; ".join(lost)


def _abandon(stream: io.TextIOWrapper) -> None:
    """Python must not complain at exit that it could not write the rest."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)
    stream.flush()


def _lasting(stream: io.TextIOWrapper, raw: Enduring) -> io.TextIOWrapper:
    """A text stream like another, over a file of our own."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
