"""Time: one whole run measured, many runs summed up.

A clock does not stop before the device has finished all work of a run. The time until
the call returns is another number, and has another name.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from msrnet_cli.bench.results import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_WARM_UPS, _WARM_UP_SECONDS = 10, 0.5
_MOST_RUNS = 200
_LEAST_RUNS = 3
_LONG_SECONDS = 30.0  # of a run that needs no second one
_LAUNCHES = 5


@dataclass(frozen=True)
class Effort:
    """How often to run.

    Attributes:
        seconds: Go on for this long, with at least three runs and at most 200; one
            run is enough if it takes more than half a minute.
        runs: Exactly so many runs instead; None for as many as fit.
    """

    seconds: float
    runs: int | None = None

    def is_enough(self, count: int, seconds: float) -> bool:
        """Whether so many runs in so many seconds are enough."""
        if self.runs is not None:
            return count >= self.runs
        if count >= _MOST_RUNS:
            return True
        is_long = seconds > _LONG_SECONDS * max(count, 1)
        return count >= (1 if is_long else _LEAST_RUNS) and seconds >= self.seconds


class Clock(Protocol):
    """Times one run."""

    def measure(self, run: Callable[[], object]) -> float:
        """Seconds from an idle device to one that has done all the run started."""
        ...


class WallClock:
    """Host time around a run, the device idle before and after.

    Args:
        synchronise: Waits until the device has done all its work.
        now: Seconds since any fixed time.
    """

    def __init__(
        self,
        synchronise: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._synchronise, self._now = synchronise, now

    def measure(self, run: Callable[[], object]) -> float:
        """Seconds until the device has done all the run started."""
        self._synchronise()
        begin = self._now()
        run()
        self._synchronise()
        return self._now() - begin

    def launch(self, run: Callable[[], object]) -> float:
        """Seconds until the call returns, whether or not the work is done.

        This is not the execution time of an asynchronous device, but the number that a
        script without synchronisation reports.
        """
        self._synchronise()
        begin = self._now()
        run()
        seconds = self._now() - begin
        self._synchronise()
        return seconds


class EventClock:
    """The GPU's own time between two events around a run.

    Args:
        device: A CUDA device; the run must use its current stream.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def measure(self, run: Callable[[], object]) -> float:
        """Seconds until the device has done all the run started."""
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize(self._device)
        stream = torch.cuda.current_stream(self._device)
        start.record(stream)
        run()
        end.record(stream)
        torch.cuda.synchronize(self._device)
        return start.elapsed_time(end) / 1000


def wall_clock(device: torch.device) -> WallClock:
    """Host time on a device."""
    if device.type == "cuda":
        return WallClock(lambda: torch.cuda.synchronize(device))
    if device.type == "mps":
        return WallClock(torch.mps.synchronize)
    return WallClock()


def clock_for(device: torch.device, *, on_stream: bool = True) -> Clock:
    """The clock that sees all of a run.

    Args:
        device: Where it runs.
        on_stream: Whether all its work is on torch's current stream.
    """
    if device.type == "cuda" and on_stream:
        return EventClock(device)
    return wall_clock(device)


def launch_time(run: Callable[[], object], device: torch.device) -> float | None:
    """Median seconds until a call returns; None if it returns when its work is done."""
    if device.type not in ("cuda", "mps"):
        return None
    clock = wall_clock(device)
    return quantile([clock.launch(run) for _ in range(_LAUNCHES)], 0.5)


def warm_up(run: Callable[[], object], clock: Clock) -> None:
    """Run until caches, clocks and allocators have settled: 10 times or half a second.

    A run that takes longer than that is run once.
    """
    spent = 0.0
    for _ in range(_MOST_WARM_UPS):
        if spent >= _WARM_UP_SECONDS:
            return
        spent += clock.measure(run)


def sample(run: Callable[[], object], clock: Clock, effort: Effort) -> Timing:
    """Time a run many times; call `warm_up` before."""
    seconds: list[float] = []
    while not effort.is_enough(len(seconds), sum(seconds)):
        seconds.append(clock.measure(run))
    return summarise(seconds)


def summarise(seconds: Sequence[float]) -> Timing:
    """Median, 95th percentile, fastest, and spread of at least one run."""
    median = quantile(seconds, 0.5)
    middle = quantile(seconds, 0.75) - quantile(seconds, 0.25)
    return Timing(
        runs=len(seconds),
        median=median,
        p95=quantile(seconds, 0.95),
        best=min(seconds),
        spread=middle / median if median else 0.0,
    )


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which a part of all values lies; linear between neighbours."""
    ranked = sorted(values)
    place = part * (len(ranked) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (ranked[above] - ranked[below]) * (place - below)
