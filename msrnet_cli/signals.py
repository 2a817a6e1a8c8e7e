"""Ctrl-C, SIGTERM, SIGHUP: what they do while the program loads, and while it works.

Only for the main thread of a program; as a library msrnet touches no signals.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from socket import socket
    from types import FrameType

EXIT_CODES = {"SIGHUP": 129, "SIGINT": 130, "SIGPIPE": 141, "SIGTERM": 143}
_WATCH_SECONDS = 1.0
_PATIENCE = 5.0  # seconds for `Stopped` to end a program
_TWICE = 0.5  # seconds: a signal to a process and one to its group count as one


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

    Some libraries swallow KeyboardInterrupt while they are imported; the program would
    then go on.
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
    """The signals that stop a program; not SIGHUP where nohup makes it ignored."""
    found = (signal.SIGINT, signal.SIGTERM)
    hangup: signal.Signals | None = getattr(signal, "SIGHUP", None)  # not on Windows
    if hangup is None or signal.getsignal(hangup) == signal.SIG_IGN:
        return found
    return (*found, hangup)


def end_if_busy(code: int) -> None:
    """End the program without waiting if threads still work, as on a dead share.

    Standard output and error must have been written out.
    """
    if threading.active_count() > 1:
        os._exit(code)


class Remembered:
    """Signals that ask a job to end, for a job that must reach a safe place first.

    A call gives the name of the signal that came, or "". Before the first call nothing
    can be lost: a signal raises `Stopped`. After the first call a signal is remembered,
    and a second signal ends the program at once. See `remembered`.
    """

    def __init__(self) -> None:
        self._name = ""
        self._begun = False

    def __call__(self) -> str:
        self._begun = True
        return self._name

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal in the main thread, as soon as Python lets it."""
        self._name = self._name or signal.Signals(number).name
        if not self._begun:
            raise Stopped(self._name)

    def attend(self, wakeups: socket) -> None:
        """Handle signals in another thread, even while the main thread is blocked.

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

    Python runs handlers in the main thread, which a library may block, as in an
    exchange with another process. So another thread watches for two cases: a second
    signal, and a first one that has no effect before the work has begun. Both end the
    program, and the processes that multiprocessing has started.
    """
    from socket import socketpair

    found = Remembered()
    ours, theirs = socketpair()
    theirs.setblocking(False)
    with ours, theirs:
        watch = threading.Thread(target=found.attend, args=(ours,), daemon=True)
        with _blocked():
            watch.start()
        try:
            with _handled(found.handle):
                wakeup = signal.set_wakeup_fd(
                    theirs.fileno(), warn_on_full_buffer=False
                )
                try:
                    yield found
                finally:
                    signal.set_wakeup_fd(wakeup)
        finally:
            theirs.close()
            watch.join()


def _continue_children() -> None:
    """Wake child processes that are stopped: a stopped process could not end."""
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
def put_off() -> Iterator[None]:
    """Let a signal that comes in this block have its effect after it.

    So what is half done in the block is not torn by an exception.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    try:
        with _handled(lambda number, _: came.append(number)):
            yield
    finally:
        for number in came:
            signal.raise_signal(number)


@contextmanager
def _handled(handle: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Handle the signals that stop a program; afterwards as before."""
    before = {each: signal.signal(each, handle) for each in _stopping()}
    try:
        yield
    finally:
        for each, handler in before.items():
            if handler is not None:  # else it was not set by Python
                signal.signal(each, handler)


@contextmanager
def held_back() -> Iterator[None]:
    """Hold back the signals that stop a program, also from processes started meanwhile.

    Ctrl-C would otherwise kill such a process while it loads and has no handler yet.
    """
    from multiprocessing import resource_tracker

    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # it would let signals through as it starts
    with _blocked():
        yield


@contextmanager
def _blocked() -> Iterator[None]:
    """Block the signals that stop a program, in this thread and those it starts."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _stopping())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(parent: int, *more: signal.Signals) -> None:
    """Make this process the worker of its parent.

    Ctrl-C and SIGHUP, which a terminal sends to all processes, are left to the parent.
    When the parent dies, however it dies, this process ends.

    Args:
        parent: Process number of the parent.
        more: Further signals that are left to the parent.
    """
    hangup = getattr(signal, "SIGHUP", signal.SIGINT)  # Windows has none
    for each in (signal.SIGINT, hangup, *more):
        signal.signal(each, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
