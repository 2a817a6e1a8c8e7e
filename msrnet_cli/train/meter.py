"""What happened since the last report of a run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msrnet_cli.train.events import TrainProgress

if TYPE_CHECKING:
    from msrnet_cli.train.learner import Step
    from msrnet_cli.train.position import Position
    from msrnet_cli.train.schedule import Phase

_REPORT_STEPS = 10


class Meter:
    """Adds up steps until they are reported."""

    def __init__(self) -> None:
        self._steps = self._images = 0
        self._loss = self._gradient = self._rate = self._seconds = 0.0

    @property
    def is_due(self) -> bool:
        """Whether there is enough to report."""
        return self._steps >= _REPORT_STEPS

    @property
    def loss(self) -> float:
        """Mean over the steps, on this process."""
        return self._loss / self._steps

    def add(self, step: Step, rate: float, images: int, seconds: float) -> None:
        """Count a step.

        Args:
            step: What it found.
            rate: Its learning rate.
            images: Its examples, on all processes.
            seconds: How long it took.
        """
        self._steps += 1
        self._images += images
        self._loss += step.loss
        self._gradient = max(self._gradient, step.gradient)
        self._rate = rate
        self._seconds += seconds

    def report(
        self, position: Position, phase: Phase, progress: float, loss: float
    ) -> TrainProgress:
        """What the steps come to.

        Args:
            position: After the last of them.
            phase: Of the last of them.
            progress: Part of the run that is done, 0 to 1.
            loss: Mean over the steps and all processes.
        """
        seconds = position.seconds
        return TrainProgress(
            step=position.step,
            progress=progress,
            stage=phase.stage,
            size=phase.size,
            lr=self._rate,
            loss=loss,
            gradient=self._gradient,
            images_per_second=self._images / self._seconds,
            seconds=seconds,
            eta=seconds / progress - seconds if progress else math.inf,
        )
