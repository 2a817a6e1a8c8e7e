"""A run that has been put together: walk through its plan."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msrnet_cli import signals
from msrnet_cli.errors import DataError, MSRNetError, PictureError
from msrnet_cli.train import failures
from msrnet_cli.train.cards import compared_stages
from msrnet_cli.train.events import TrainSummary
from msrnet_cli.train.feed import Feed
from msrnet_cli.train.meter import Meter
from msrnet_cli.train.schedule import learning_rate
from msrnet_cli.train.validator import Validator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from msrnet_cli.train.events import TrainEvent
    from msrnet_cli.train.learner import Learner
    from msrnet_cli.train.material import Loss, Material
    from msrnet_cli.train.options import LossName, RateOptions, ScheduleOptions
    from msrnet_cli.train.position import Position
    from msrnet_cli.train.processes import Processes
    from msrnet_cli.train.saver import Saver
    from msrnet_cli.train.schedule import Phase, Plan

_SIGNALS = ("", *signals.EXIT_CODES)


@dataclass(frozen=True)
class Parts:
    """What a run consists of.

    Attributes:
        plan: What happens when.
        rate: The learning rate over a stage.
        schedule: How often to validate and to save.
        material: The training data.
        losses: Loss functions by name.
        learner: What learns.
        saver: Writes checkpoints and weights.
        processes: The processes that train together.
    """

    plan: Plan
    rate: RateOptions
    schedule: ScheduleOptions
    material: Material
    losses: Mapping[LossName, Loss]
    learner: Learner
    saver: Saver
    processes: Processes


class Run:
    """A training run, from its first step or from a checkpoint.

    Args:
        parts: What it consists of.
        position: Where it begins.
        notify: Is told what happens.
    """

    def __init__(
        self, parts: Parts, position: Position, notify: Callable[[TrainEvent], None]
    ) -> None:
        self._parts, self._plan, self._saver = parts, parts.plan, parts.saver
        self._feed = Feed(parts.material, parts.processes)
        self._validator = Validator(parts.material, parts.learner)
        self._meter = Meter()
        self.notify = notify
        self.position = position
        self._begun = position.step
        self._start_time = time.monotonic() - position.seconds

    @property
    def place(self) -> float:
        """How far the run is, in the plan's unit."""
        return self.position.place(self._plan.unit)

    def walk(self, should_stop: Callable[[], str] = str) -> TrainSummary:
        """Take all steps that are left.

        Args:
            should_stop: Asked after each step for the name of a signal.

        Raises:
            TrainingError: A value is not finite, data broke after the first step, or
                time ended before the last stage began.
            DataError: Training data cannot be read at the first step.
            PictureError: A picture cannot be read at the first step.
        """
        try:
            stopped_by = self._walk(should_stop)
        except (DataError, PictureError) as error:
            raise self._broken(error) from error
        return self._summary(stopped_by)

    def close(self) -> None:
        """Stop threads, close files."""
        self._parts.material.close()
        self._saver.close()

    def _walk(self, should_stop: Callable[[], str]) -> str:
        saved, pause = time.monotonic(), 60 * self._parts.schedule.save_minutes
        kept: Position | None = None  # in the newest checkpoint
        while (before := self.place) < self._plan.end:
            phase = self._plan.phase(before)
            self._enter(phase)
            self._step(phase)
            stopped_by = self._synchronise(should_stop())
            validate = self._is_validation_due(phase, before)
            if self._meter.is_due or validate or stopped_by:
                self._report(phase)
            if validate:
                self._validate(phase)
            waited = time.monotonic() - saved >= pause
            if validate or waited or stopped_by:
                self._saver.save(self.position)
                saved, kept = time.monotonic(), self.position
            if stopped_by:
                return stopped_by
        self._saver.end_stage(self.position)
        if kept != self.position:  # twice, the checkpoint before would be lost
            self._saver.save(self.position)
        failures.require_last_stage(self._plan.phases[-1].stage, self.position)
        return ""

    def _enter(self, phase: Phase) -> None:
        """Begin a new stage or size where the phase is another one."""
        if self.position.stage not in ("", phase.stage):
            self._saver.end_stage(self.position)
            self._parts.learner.start_stage()
        self.position = self.position.within(phase)

    def _step(self, phase: Phase) -> None:
        began, learner, position = time.monotonic(), self._parts.learner, self.position
        rate = learning_rate(
            self._parts.rate, phase, self.place, learner.steps_in_stage
        )
        batch = self._feed.take(position, phase)
        step = learner.step(
            batch,
            self._parts.losses[phase.loss],
            rate,
            lambda: self._feed.prepare(position, phase),
        )
        if not step.taken:
            raise failures.not_finite(
                position.step + 1, step.loss, batch.names, self._parts.processes
            )
        now, images = time.monotonic(), self._feed.images(phase)
        self._meter.add(step, rate, images, now - began)
        self.position = position.after(images, now - self._start_time)

    def _synchronise(self, signal: str) -> str:
        """Agree with the other processes on time and on stopping."""
        if self._parts.processes.count == 1:
            return signal
        code = float(_SIGNALS.index(signal))
        seconds, code = self._parts.processes.largest(self.position.seconds, code)
        self.position = replace(self.position, seconds=seconds)
        return _SIGNALS[int(code)]

    def _is_validation_due(self, phase: Phase, before: float) -> bool:
        """At equal parts of the run, and at the end of each phase."""
        part = self._parts.schedule.validations / self._plan.end
        now = self.place
        return now >= phase.end or int(now * part) > int(before * part)

    def _validate(self, phase: Phase) -> None:
        # All processes compute the same; that keeps them together.
        found = self._validator.try_out(self.position, phase)
        self.position = self.position.tried(found.event.psnr)
        self.notify(self._saver.validated(found, self.position))

    def _report(self, phase: Phase) -> None:
        progress = min(1.0, self.place / self._plan.end)
        loss = self._parts.processes.mean(self._meter.loss)
        event = self._meter.report(self.position, phase, progress, loss)
        self._meter = Meter()
        self._saver.progress(event)
        self.notify(event)

    def _broken(self, error: MSRNetError) -> MSRNetError:
        """The error for bad data. After the first step it advises to resume."""
        if self.position.step == self._begun:
            return error
        if self._parts.processes.count == 1:  # others may wait in an exchange
            with suppress(OSError, MSRNetError):
                self._saver.save(self.position)
        return failures.broken(error)

    def _summary(self, stopped_by: str) -> TrainSummary:
        summary = TrainSummary(
            out=str(self._saver.folder),
            steps=self.position.step,
            seconds=self.position.seconds,
            psnr=self.position.psnr,
            best=self.position.best,
            stopped_by=stopped_by,
            stages={} if stopped_by else compared_stages(self._saver.folder),
        )
        self.notify(summary)
        return summary
