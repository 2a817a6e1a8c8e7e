"""Ctrl-C, SIGTERM, SIGHUP: what they do while the program loads, and while it works.

Only for the main thread of a program; the library itself touches no signals.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from socket import socket
    from types import FrameType

EXIT_CODES = {"SIGHUP": 129, "SIGINT": 130, "SIGPIPE": 141, "SIGTERM": 143}
_WATCH_SECONDS = 1.0
_PATIENCE = 5.0  # seconds for `Stopped` to end a program
_TWICE = 0.5  # seconds in which a signal to a process and one to its group are one


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
    """Signals that ask a job to end, for one that has to reach a safe place first.

    Calling it gives the name of the signal that came, or "". Before the first call
    nothing can be lost: a signal raises `Stopped`. After it a signal is remembered,
    and a second one ends the program at once. See `remembered`.
    """

    def __init__(self) -> None:
        self._name = ""
        self._begun = False

    def __call__(self) -> str:
        self._begun = True
        return self._name

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """What the main thread does as soon as it can."""
        self._name = self._name or signal.Signals(number).name
        if not self._begun:
            raise Stopped(self._name)

    def attend(self, wakeups: socket) -> None:
        """What another thread does at once, whatever the main thread waits for.

        Args:
            wakeups: Gives the number of each signal, as a byte; closed at the end.
        """
        first = wakeups.recv(1)
        if not first:
            return
        name, came = signal.Signals(first[0]).name, time.monotonic()
        _continue_children()
        while True:
            wakeups.settimeout(None if self._begun else _PATIENCE)
            try:
                another = wakeups.recv(1)
            except TimeoutError:
                if self._begun:
                    continue
                break  # `Stopped` had no effect
            if not another:
                return
            if time.monotonic() - came > _TWICE:
                break
        _end(name)


@contextmanager
def remembered() -> Iterator[Remembered]:
    """Remember signals in this block.

    Python's own handlers wait for the main thread, which may be in a library that lets
    no signal through, as in an exchange with another process. So a second signal is
    seen by a thread, and so is a first one that has no effect before the work has
    begun: either ends the program, and the processes that multiprocessing has started.
    """
    from socket import socketpair

    found = Remembered()
    ours, theirs = socketpair()
    theirs.setblocking(False)
    with ours, theirs:
        watch = threading.Thread(target=found.attend, args=(ours,), daemon=True)
        with _blocked():
            watch.start()
        before = {each: signal.signal(each, found.handle) for each in _stopping()}
        wakeup = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        try:
            yield found
        finally:
            signal.set_wakeup_fd(wakeup)
            for each, handler in before.items():
                if handler is not None:  # else it was not set by Python
                    signal.signal(each, handler)
            theirs.close()
            watch.join()


def _continue_children() -> None:
    """Wake processes that someone has stopped: they could not end with this one."""
    import multiprocessing

    for child in multiprocessing.active_children():
        if child.pid is not None and hasattr(signal, "SIGCONT"):
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGCONT)


def _end(name: str) -> NoReturn:
    import multiprocessing

    for child in multiprocessing.active_children():
        child.kill()
    os._exit(EXIT_CODES[name])


@contextmanager
def held_back() -> Iterator[None]:
    """Hold signals to stop back; processes that are started meanwhile get none.

    These would else die of Ctrl-C while they load, before they can say otherwise.
    """
    from multiprocessing import resource_tracker

    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # it would let signals through as it starts
    with _blocked():
        yield


@contextmanager
def _blocked() -> Iterator[None]:
    """Have this thread, and those that it starts meanwhile, take no such signal."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
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
