"""Ctrl-C and SIGTERM: what they do while the program loads, and while it works.

Only for the main thread of a program; the library itself touches no signals.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

EXIT_CODES = {"SIGINT": 130, "SIGPIPE": 141, "SIGTERM": 143}
_STOPPING = (signal.SIGINT, signal.SIGTERM)
_WATCH_SECONDS = 1.0


class Stopped(KeyboardInterrupt):
    """A signal that asks a job to end; raised in the main thread.

    Args:
        signal: Its name, as ``SIGTERM``.
    """

    def __init__(self, signal: str) -> None:
        super().__init__(signal)
        self.signal = signal


@contextmanager
def quitting_at_once() -> Iterator[None]:
    """Let Ctrl-C end the program while it loads and has nothing to lose.

    Some libraries swallow KeyboardInterrupt while they are imported: the program would
    go on as if nothing had been said.
    """
    before = signal.signal(signal.SIGINT, lambda *_: os._exit(EXIT_CODES["SIGINT"]))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def raise_on_signals() -> None:
    """From now on SIGINT and SIGTERM raise `Stopped`; a second one ends at once."""

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        name = signal.Signals(number).name
        for each in _STOPPING:
            signal.signal(each, lambda *_: os._exit(EXIT_CODES[name]))
        raise Stopped(name)

    for each in _STOPPING:
        signal.signal(each, stop)


class Remembered:
    """From now on SIGINT and SIGTERM are only remembered; a second one ends at once.

    Calling it gives the name of the signal that came, or "".
    """

    def __init__(self) -> None:
        self._name = ""
        for each in _STOPPING:
            signal.signal(each, self._remember)

    def __call__(self) -> str:
        return self._name

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        if self._name:
            os._exit(EXIT_CODES[self._name])
        self._name = signal.Signals(number).name


@contextmanager
def held_back() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back; processes that are started meanwhile get neither.

    These would else die of Ctrl-C while they load, before they can say otherwise.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it would let signals through when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(parent: int, *more: signal.Signals) -> None:
    """Make this process one that another has started to work for it.

    Ctrl-C, which a terminal sends to all of them, is the parent's business. When the
    parent dies, however that comes, this process ends.

    Args:
        parent: Process number of the parent.
        more: What else to leave to the parent.
    """
    for each in (signal.SIGINT, *more):
        signal.signal(each, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
