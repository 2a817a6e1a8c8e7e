"""Several processes that train together: started here, or by torchrun; or one alone."""

from __future__ import annotations

import multiprocessing.connection
import os
import signal
import socket
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
import torch.distributed as dist

from msrnet_cli import hardware, signals
from msrnet_cli.errors import TrainingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.context import SpawnProcess
    from types import TracebackType

    from torch import Tensor

_T = TypeVar("_T")
_LAST_PORT = 65535
_PATIENCE = 10.0  # seconds for others to end after the leading one
LEADER_SECONDS = 3.0
"""Within this time the leading process tells an error that all processes have."""
_asking = threading.Lock()
_KILL = 9  # signal.SIGKILL, which Windows lacks


class LostPeerError(TrainingError):
    """Another process of the run has ended, and has said why."""


@dataclass(frozen=True)
class Processes:
    """The place of this process among those that train together.

    Attributes:
        rank: Its number, from 0 on.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def join(cls, device: torch.device) -> Processes:
        """Join the other processes where there are several; else be alone.

        Raises:
            UsageError: The variables that torchrun sets make no sense.
        """
        count = _count()
        if count == 1:
            return cls()
        rank = _variable("RANK", 0)
        if rank >= count:
            raise _misled(f"RANK={rank} with WORLD_SIZE={count}")
        if not os.environ.get("MASTER_ADDR"):
            raise _misled("MASTER_ADDR is not set")
        if _variable("MASTER_PORT", 0) > _LAST_PORT:
            raise _misled(f"MASTER_PORT={os.environ['MASTER_PORT']}")
        if not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(dist.get_rank(), count)

    @property
    def leads(self) -> bool:
        """Whether this one writes and reports."""
        return self.rank == 0

    def largest(self, *values: float) -> list[float]:
        """The largest of each value among all processes."""
        if self.count == 1:
            return list(values)
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        shared = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return shared.tolist()

    def sum_(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one type by their sums over all processes."""
        if self.count == 1 or not tensors:
            return
        together = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(together)
        sizes = [tensor.numel() for tensor in tensors]
        for tensor, total in zip(tensors, together.split(sizes), strict=True):
            tensor.copy_(total.view_as(tensor))

    def mean(self, value: float) -> float:
        """The mean of a value over all processes."""
        return sum(self.gather(value)) / self.count

    def first(self, value: _T) -> _T:
        """The value that the leading process has."""
        return self.gather(value)[0]

    def gather(self, value: _T) -> list[_T]:
        """The value of each process, in order."""
        if self.count == 1:
            return [value]
        values: list[_T | None] = [None] * self.count
        dist.all_gather_object(values, value)
        return [value for value in values if value is not None]

    def lead(self, work: Callable[[], _T]) -> _T | None:
        """Have the leading process do something; the others fail where it fails.

        Without this, the others would wait for it, or break in their next exchange.

        Returns:
            What the leading process made of it; None on the others.

        Raises:
            TrainingError: It failed on the leading process, and this is another one.
        """
        try:
            result = work() if self.leads else None
        except Exception:  # raised again, once the others know
            self.gather(True)
            raise
        if any(self.gather(False)):
            raise lost_peer()
        return result

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.count > 1:
            dist.destroy_process_group()


ALONE = Processes()


@contextmanager
def beside(
    count: int, work: Callable[[], None], remedy: Callable[[], str]
) -> Iterator[None]:
    """Start further processes on this machine that work beside this one.

    `Processes.join` gives each of them its place, as it does under torchrun. All share
    the cores. Nothing is started where torchrun has started this process.

    Args:
        count: Number of processes, this one included.
        work: Run in each of the others; must be picklable.
        remedy: What to do where one of them was killed.

    Raises:
        LostPeerError: One of them was killed, or has ended after a message of its own.
    """
    if count == 1 or "WORLD_SIZE" in os.environ:
        yield
        return
    threads = max(1, hardware.usable_cores() // count)
    shared = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "WORLD_SIZE": str(count),
        "OMP_NUM_THREADS": str(threads),
    }
    before, threads_before = dict(os.environ), torch.get_num_threads()
    context = multiprocessing.get_context("spawn")
    others = [
        context.Process(target=_work, args=(work, threads, os.getpid()), daemon=True)
        for _ in range(1, count)
    ]
    done = threading.Event()
    try:
        with signals.held_back():
            for rank, other in enumerate(others, 1):
                os.environ.update(shared, RANK=str(rank))
                other.start()
        os.environ.update(shared, RANK="0")
        torch.set_num_threads(threads)
        watching = (others, done, remedy)
        threading.Thread(target=_watch, args=watching, daemon=True).start()
        yield
        done.set()
        for other in others:
            _ended([other], _PATIENCE)
    except LostPeerError as error:
        raise (_killed(others, remedy) or lost_peer()) from error
    finally:
        done.set()
        for other in others:
            if other.pid is not None:
                other.kill()
                _exit_code(other)
        torch.set_num_threads(threads_before)
        os.environ.clear()
        os.environ.update(before)


def _watch(
    others: Sequence[SpawnProcess], done: threading.Event, remedy: Callable[[], str]
) -> None:
    """End this process if another one has failed and this one hangs.

    A collective operation waits inside torch for the process that has ended, and no
    signal handler of Python's runs there.
    """
    if _has_one_failed(others) and not done.wait(_PATIENCE):
        lost = _killed(others, remedy) or lost_peer()
        sys.stderr.write(f"msrnet: {lost}\n")
        sys.stderr.flush()
        os._exit(lost.exit_code)


def _has_one_failed(others: Sequence[SpawnProcess]) -> bool:
    """Wait until one of them fails; False where each has done its part.

    Those that have are not missed: the leading process may write for longer.
    """
    running = list(others)
    while running:
        ended = _ended(running)
        if any(_exit_code(each) != 0 for each in ended):
            return True
        running = [each for each in running if each not in ended]
    return False


def _killed(
    others: Sequence[SpawnProcess], remedy: Callable[[], str]
) -> LostPeerError | None:
    """An error for a process that was killed; None if each could say why it ended."""
    # A connection is closed a moment before its process has ended.
    codes = map(_exit_code, _ended(others, 1.0))
    number = next((-code for code in codes if code < 0), None)
    if number is None:
        return None
    why = ", perhaps for want of memory" if number == _KILL else ""
    return LostPeerError(
        f"another process of this run was killed (signal {number}){why}", remedy()
    )


def _ended(
    others: Sequence[SpawnProcess], patience: float | None = None
) -> list[SpawnProcess]:
    """Those that have closed their connections, waiting for one, so long at most."""
    closed = multiprocessing.connection.wait([one.sentinel for one in others], patience)
    return [other for other in others if other.sentinel in closed]


def _exit_code(ended: SpawnProcess) -> int:
    """The exit code of a process that has closed its connection.

    One thread asks at a time: where two ask, the system tells only one of them, and
    `multiprocessing` tells the other that there is no code yet.
    """
    with _asking:
        ended.join()  # the connection is closed a moment before there is a code
        code = ended.exitcode
    assert code is not None
    return code


def _work(work: Callable[[], None], threads: int, parent: int) -> None:
    """Work in a started process; the leading process decides when to stop."""
    signals.serve(parent, signal.SIGTERM)  # schedulers send SIGTERM to all
    torch.set_num_threads(threads)
    work()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def lost_peer(remedy: str = "") -> LostPeerError:
    """The error with which a process ends because another one has.

    Args:
        remedy: What to do where that one was killed, and so has left no message.
    """
    killed = f"; if it was killed it has none: {remedy}" if remedy else ""
    return LostPeerError(
        "another process of this run has ended", f"see its message{killed}"
    )


def is_lost_peer(error: Exception) -> bool:
    """Whether an exchange failed because another process is gone."""
    told = "gloo" in str(error).lower() or "Connection" in str(error)
    return isinstance(error, LostPeerError | dist.DistError) or told


def is_of_torchrun() -> bool:
    """Whether torchrun has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def or_orphaned(should_stop: Callable[[], str]) -> Callable[[], str]:
    """Also stop, as by SIGTERM, when torchrun is gone, however it has ended.

    Args:
        should_stop: Gives the name of a signal to stop, or "".
    """
    if not is_of_torchrun():
        return should_stop
    parent = os.getppid()
    return lambda: should_stop() or ("" if os.getppid() == parent else "SIGTERM")


def local_device(name: str) -> str:
    """The device of this process; of several processes, each takes its own GPU.

    Raises:
        UsageError: The variables that torchrun sets make no sense.
    """
    local = os.environ.get("LOCAL_RANK")
    if _count() > 1 and local is not None and name in ("auto", "cuda"):
        number = _variable("LOCAL_RANK", 0)
        return f"cuda:{number}" if torch.cuda.is_available() else "cpu"
    return name


def _count() -> int:
    """How many processes torchrun started; 1 without it."""
    return _variable("WORLD_SIZE", 1) if "WORLD_SIZE" in os.environ else 1


def _variable(name: str, least: int) -> int:
    """A number that torchrun sets.

    Raises:
        UsageError: It is missing, not a number, or too small.
    """
    text = os.environ.get(name)
    if text is None:
        raise _misled(f"{name} is not set, but WORLD_SIZE is")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise _misled(f"{name}={text} is not a number")
    if int(text) < least:
        raise _misled(f"{name}={text} is less than {least}")
    return int(text)


def _misled(why: str) -> UsageError:
    """Variables of torchrun that were set by hand, or are left over."""
    return UsageError(why, "start with torchrun or --processes, or unset WORLD_SIZE")
