"""Where the stages of a folder job run: in threads of this process.

An executor for several machines implements `Executor` in a file of its own.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

from msrnet_cli import hardware

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.folder.events import Stage
    from msrnet_cli.folder.relights import Relights

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_CODERS = 2  # threads that decode, and as many that encode, beside a network on the CPU
_MOST_CODERS = 8  # where the network runs elsewhere, or pictures lie elsewhere


class Pending(Protocol[T_co]):
    """The result of a call that may still be running."""

    def done(self) -> bool:
        """Whether `result` returns at once."""
        ...

    def result(self) -> T_co:
        """Wait for the result, or raise what the call raised."""
        ...


class Executor(Protocol):
    """Runs the stages of a folder job."""

    def width(self, stage: Stage) -> int:
        """How many calls of a stage run at the same time."""
        ...

    def submit(
        self, stage: Stage, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Pending[T]:
        """Run a call, now or as soon as a worker of this stage is free."""
        ...

    def close(self) -> None:
        """Finish the calls of ``encode``, and drop the others that have not begun."""
        ...


class Threads:
    """An `Executor` with a pool of threads for each stage.

    A network with one lane runs in the thread that submits: work for the same cores
    gains nothing from another thread.

    Args:
        coders: Threads that decode, and as many that encode.
        lanes: Batches that the network takes at the same time.
    """

    def __init__(self, coders: int, lanes: int) -> None:
        self._widths: dict[Stage, int] = {
            "decode": coders,
            "network": lanes,
            "encode": coders,
        }
        self._pools = {
            stage: ThreadPoolExecutor(width, stage)
            for stage, width in self._widths.items()
        }

    def width(self, stage: Stage) -> int:
        return self._widths[stage]

    def submit(
        self, stage: Stage, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Pending[T]:
        if stage == "network" and self._widths[stage] == 1:
            done: Future[T] = Future()
            done.set_result(call(*args, **kwargs))
            return done
        return self._pools[stage].submit(call, *args, **kwargs)

    def close(self) -> None:
        # A thread that reads from a dead share may never end.
        self._pools["decode"].shutdown(wait=False, cancel_futures=True)
        self._pools["network"].shutdown(wait=True, cancel_futures=True)
        self._pools["encode"].shutdown(wait=True)


def threads_for(
    relights: Relights, cores: int = 0, *, is_stored: bool = False
) -> Threads:
    """Threads that suit a network and this machine.

    Args:
        relights: The network.
        cores: CPU cores to use; 0 for all.
        is_stored: Whether pictures come from a store, or go there: most of the time
            their threads wait for an answer.
    """
    cores = cores or hardware.usable_cores()
    count = _MOST_CODERS if is_stored else coders(relights.device.type, cores)
    return Threads(count, relights.lanes)


def coders(device: str, cores: int) -> int:
    """How many threads decode, and how many encode: on a GPU, the network is faster."""
    return _CODERS if device == "cpu" else max(_CODERS, min(_MOST_CODERS, cores))
