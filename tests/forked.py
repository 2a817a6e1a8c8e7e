"""The program as a process of its own, out of one that has loaded torch already.

Loading torch takes longer than most of what tests let the program do. So a process
loads it once, and then forks for each start. What is forked is a child of the tests
like any other: it has a number, signals, streams and an exit code, and it runs `python
-m msrnet_cli` from the first line to the end of the interpreter. What it does not do is
to load what is loaded: tests of that, and of the first moments, start the real program.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import runpy
import socket
import subprocess
import sys
from contextlib import contextmanager
from functools import cache

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of Linux's prctl
_STREAMS = {"stdin": "r", "stdout": "w", "stderr": "w"}
_LARGEST = 1 << 17  # bytes of an order
# What the program reads from its environment as late as a new process would.
_LATE = {
    *("COLUMNS", "HF_HUB_OFFLINE", "HOME", "PYTEST_CURRENT_TEST", "TMPDIR"),
    "XDG_CACHE_HOME",
}


class Process(subprocess.Popen):
    """`python -m msrnet_cli` as `Popen` starts it, but sooner where that can be.

    Args:
        arguments: Of the program.
        cwd: Where it runs.
        env: Its environment; where one differs in what libraries read while they are
            loaded, the real program is started.
        anew: Start the real program.
        **options: Of `Popen`: streams; what else is asked for takes the real program.
    """

    def __init__(self, arguments, *, cwd, env, anew=False, **options):
        plain = options.keys() <= {"stdin", "stdout", "stderr", "text"}
        same = _early(env) == _early({**os.environ, "OMP_NUM_THREADS": "1"})
        can = sys.platform == "linux" and plain and same and not anew
        self._loaded = _Loaded.one() if can else None
        command = [sys.executable, "-m", "msrnet_cli", *map(str, arguments)]
        super().__init__(command, cwd=cwd, env=env, **options)

    def _execute_child(self, *given):
        """See `Popen`, which calls this once its pipes are there."""
        if self._loaded is None:
            super()._execute_child(*given)
            return
        command, folder, environment, pipes = given[0], given[5], given[6], given[10:16]
        ends = (pipes[0], pipes[3], pipes[5])
        streams = [own if end == -1 else end for own, end in enumerate(ends)]
        self.pid = self._loaded.fork(command[3:], str(folder), environment, streams)
        self._child_created = True
        self._close_pipe_fds(*pipes)


class _Loaded:
    """A process that has loaded torch, and forks."""

    def __init__(self):
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment,
            )

    @staticmethod
    @cache
    def one():
        """The one of these tests; it ends with them, as its link is closed."""
        return _Loaded()

    def fork(self, arguments, folder, environment, streams):
        """The number of a new child of this process, which runs the program."""
        order = json.dumps([arguments, folder, environment]).encode()
        with _adopting():
            socket.send_fds(self._link, [order], streams)
            number = int(self._link.recv(100))
            self._link.recv(100)  # it has lost its parent
        return number


@contextmanager
def _adopting():
    """Processes below this one that lose their parent become its children."""
    libc = ctypes.CDLL(None)
    libc.prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_SUBREAPER, 0, 0, 0, 0)


def _early(environment):
    return {name: v for name, v in environment.items() if name not in _LATE}


def _load():
    """As the program does, before anything is known of its task."""
    from msrnet_cli import __main__

    __main__.share_the_machine()
    __main__.use_large_pages()
    import msrnet_cli.folder.job
    import msrnet_cli.relight.relighter  # noqa: F401

    del sys.modules[__main__.__name__]  # each process runs it anew


def _order(link):
    """Fork for each order; come back in what was forked. Ends with the link."""
    while True:
        order, streams, _, _ = socket.recv_fds(link, _LARGEST, 3)
        if not order:
            os._exit(0)
        if not os.fork():  # a process between, which leaves its child to the tests
            number = os.fork()
            if not number:
                return json.loads(order), streams
            link.send(str(number).encode())
            os._exit(0)
        os.wait()
        link.send(b"handed over")
        for stream in streams:
            os.close(stream)


def _become(order, streams):
    """The program from its start, with what an interpreter has there."""
    arguments, folder, environment = order
    for own, given in enumerate(streams):
        os.dup2(given, own)
        os.close(given)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for own, (name, mode) in enumerate(_STREAMS.items()):
        raw = io.FileIO(own, mode, closefd=False)
        buffered = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
        errors = "backslashreplace" if name == "stderr" else "strict"
        line = name == "stderr" or raw.isatty()
        stream = io.TextIOWrapper(buffered, errors=errors, line_buffering=line)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.path[0], sys.argv = folder, ["-m", *arguments]
    runpy.run_module("msrnet_cli", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as _link:
        _load()
        _asked = _order(_link)
    _become(*_asked)
