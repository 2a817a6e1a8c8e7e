"""What happens when in a training run, as data: phases and learning rates.

Pure functions of a position.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from msrnet_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from msrnet_cli.train.options import (
        LossName,
        RateOptions,
        ScheduleOptions,
        Size,
        Stage,
    )

_LONGEST_WARMUP = 0.1


@dataclass(frozen=True)
class Phase:
    """A stretch of a run in which stage, size and batch stay the same.

    Attributes:
        stage: ``1`` or ``2``.
        loss: What is made small.
        size: Side of the pictures, in pixels.
        batch: Pairs or scenes a step on each process.
        start: Position at which it begins, in the plan's unit.
        end: Position at which it ends.
        stage_start: Position at which its stage begins.
        stage_end: Position at which its stage ends.
    """

    stage: Stage
    loss: LossName
    size: int
    batch: int
    start: float
    end: float
    stage_start: float
    stage_end: float

    def progress(self, place: float) -> float:
        """Part of the stage that is done at a position, 0 to 1."""
        length = self.stage_end - self.stage_start
        return min(1.0, max(0.0, (place - self.stage_start) / length))


@dataclass(frozen=True)
class Plan:
    """The phases of a run, end to end.

    Attributes:
        unit: What a position counts: steps, or seconds of training.
        phases: In order.
    """

    unit: Literal["steps", "seconds"]
    phases: tuple[Phase, ...]

    @property
    def end(self) -> float:
        """Position at which the run is over."""
        return self.phases[-1].end

    def phase(self, place: float) -> Phase:
        """The phase at a position; the last one at the end."""
        return next((p for p in self.phases if place < p.end), self.phases[-1])

    def describe(self) -> tuple[str, ...]:
        """Each phase in a line, for people."""
        return tuple(self._describe(phase) for phase in self.phases)

    def _describe(self, phase: Phase) -> str:
        length = phase.end - phase.start
        is_timed = self.unit == "seconds"
        span = f"{length / 60:.1f} min" if is_timed else f"{length:.0f} steps"
        return (
            f"stage {phase.stage}: {phase.loss}, {phase.size} px, batch {phase.batch},"
            f" {span}"
        )


def make_plan(
    options: ScheduleOptions,
    losses: Mapping[str, LossName],
    examples: int,
    processes: int = 1,
) -> Plan:
    """Lay out a run.

    Args:
        options: Its length, stages, sizes, batches.
        losses: What each stage makes small.
        examples: Training pairs or scenes: what an epoch is.
        processes: How many share the work.

    Raises:
        UsageError: Sizes, shares and batches do not go together.
    """
    shares = _shares(options.sizes)
    batches = options.batch * (len(options.sizes) if len(options.batch) == 1 else 1)
    if len(batches) != len(options.sizes):
        raise UsageError(
            f"--batch names {len(batches)} sizes, --size {len(options.sizes)}",
            "give one batch size, or one for each size",
        )
    phases: list[Phase] = []
    for stage in options.stages:
        start = phases[-1].end if phases else 0.0
        ends = [start]
        for share, batch in zip(shares, batches, strict=True):
            of_run = share / len(options.stages)
            ends.append(
                ends[-1] + _length(options, of_run, batch * processes, examples)
            )
        spans = zip(options.sizes, batches, pairwise(ends), strict=True)
        phases += [
            Phase(stage, losses[stage], size.side, batch, a, b, start, ends[-1])
            for size, batch, (a, b) in spans
        ]
    return Plan("seconds" if options.minutes else "steps", tuple(phases))


def learning_rate(
    options: RateOptions, phase: Phase, place: float, steps_in_stage: int
) -> float:
    """The learning rate of the step to come.

    Args:
        options: Highest and last rate, shape, warm-up.
        phase: The phase in which the step lies.
        place: Position of the run, in the plan's unit.
        steps_in_stage: Steps already taken in this stage, for warming up.
    """
    rate = _fall(options, phase.progress(place))
    if not options.warmup:
        return rate
    # The faster of two rises: a short run would otherwise end while warming up.
    risen = (steps_in_stage + 1) / options.warmup
    return rate * min(1.0, max(risen, phase.progress(place) / _LONGEST_WARMUP))


def _fall(options: RateOptions, progress: float) -> float:
    high, low = options.lr, options.lr_end
    if options.shape == "constant":
        return high
    if options.shape == "linear":
        return high + (low - high) * progress
    if options.shape == "exponential":
        return high * (low / high) ** progress
    return low + (high - low) * (1 + math.cos(math.pi * progress)) / 2


def _shares(sizes: Sequence[Size]) -> list[float]:
    given = [size.share for size in sizes if size.share is not None]
    shares = given or [0.5**i for i in range(len(sizes))]
    is_sound = all(0 < share < math.inf for share in shares)
    if len(shares) != len(sizes) or not is_sound:
        raise UsageError(
            f"shares {', '.join(f'{share:g}' for share in shares)} for"
            f" {len(sizes)} sizes",
            "write --size 128:6,256:3,512:1",
        )
    return [share / sum(shares) for share in shares]


def _length(options: ScheduleOptions, share: float, batch: int, examples: int) -> float:
    """Length of a phase, in seconds where there is a time budget, else in steps."""
    if options.minutes:
        return share * options.minutes * 60
    steps = options.steps or options.epochs * math.ceil(examples / batch)
    return max(1, round(share * steps))
