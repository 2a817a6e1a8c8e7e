"""Ctrl-C, SIGTERM, SIGHUP: what they do while the program loads, and while it works.

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

EXIT_CODES = {"SIGHUP": 129, "SIGINT": 130, "SIGPIPE": 141, "SIGTERM": 143}
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
    """From now on a signal to stop raises `Stopped`; a second one ends at once."""
    stopping = _stopping()

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        name = signal.Signals(number).name
        for each in stopping:
            signal.signal(each, lambda *_: os._exit(EXIT_CODES[name]))
        raise Stopped(name)

    for each in stopping:
        signal.signal(each, stop)


def _stopping() -> tuple[signal.Signals, ...]:
    """The signals to stop; SIGHUP is none of them where nohup has it ignored."""
    found = (signal.SIGINT, signal.SIGTERM)
    hangup: signal.Signals | None = getattr(signal, "SIGHUP", None)  # not on Windows
    if hangup is None or signal.getsignal(hangup) == signal.SIG_IGN:
        return found
    return (*found, hangup)


def end_if_busy(code: int) -> None:
    """End the program if threads still work, as on a dead share: none is awaited.

    Standard output and error must have been written out.
    """
    if threading.active_count() > 1:
        os._exit(code)


class Remembered:
    """From now on a signal to stop is only remembered; a second one ends at once.

    Calling it gives the name of the signal that came, or "".
    """

    def __init__(self) -> None:
        self._name = ""
        for each in _stopping():
            signal.signal(each, self._remember)

    def __call__(self) -> str:
        return self._name

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        if self._name:
            os._exit(EXIT_CODES[self._name])
        self._name = signal.Signals(number).name


@contextmanager
def held_back() -> Iterator[None]:
    """Hold signals to stop back; processes that are started meanwhile get none.

    These would else die of Ctrl-C while they load, before they can say otherwise.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it would let signals through when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _stopping())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(parent: int, *more: signal.Signals) -> None:
    """Make this process one that another has started to work for it.

    Ctrl-C and SIGHUP, which a terminal sends to all of them, are the parent's business.
    When the parent dies, however that comes, this process ends.

    Args:
        parent: Process number of the parent.
        more: What else to leave to the parent.
    """
    hangup = getattr(signal, "SIGHUP", signal.SIGINT)  # Windows has none
    for each in (signal.SIGINT, hangup, *more):
        signal.signal(each, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
