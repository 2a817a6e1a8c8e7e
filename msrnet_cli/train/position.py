"""Where a run is: all of a run's state but for what the network has learnt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

from msrnet_cli.options import Range

if TYPE_CHECKING:
    from msrnet_cli.train.schedule import Phase


@dataclass(frozen=True)
class Position:
    """Where a run is.

    Every random choice of a run follows from its seed and `drawn`; there is no other
    random state.

    Attributes:
        step: Steps taken.
        drawn: Training examples drawn, on all processes.
        seconds: Training time.
        stage: Stage of the last step, "" before the first.
        size: Picture size of the last step.
        psnr: Last PSNR on the validation pictures.
        best: Best one in this stage at this size; None before the first.
    """

    step: Annotated[int, Range(least=0)] = 0
    drawn: Annotated[int, Range(least=0)] = 0
    seconds: Annotated[float, Range(least=0)] = 0.0
    stage: Literal["", "1", "2"] = ""
    size: Annotated[int, Range(least=0)] = 0
    psnr: float = 0.0
    best: float | None = None

    def after(self, images: int, seconds: float) -> Position:
        """One step later.

        Args:
            images: Examples in the step, on all processes.
            seconds: Training time so far.
        """
        step, drawn = self.step + 1, self.drawn + images
        return replace(self, step=step, drawn=drawn, seconds=seconds)

    def within(self, phase: Phase) -> Position:
        """In a phase: nothing is the best of a new stage or size yet."""
        if (phase.stage, phase.size) == (self.stage, self.size):
            return self
        return replace(self, stage=phase.stage, size=phase.size, best=None)

    def is_best(self, psnr: float) -> bool:
        """Whether no validation of this stage at this size was better."""
        return self.best is None or psnr > self.best

    def tried(self, psnr: float) -> Position:
        """After a validation that found this PSNR."""
        return replace(self, psnr=psnr, best=psnr if self.is_best(psnr) else self.best)

    def place(self, unit: Literal["steps", "seconds"]) -> float:
        """How far the run is, in a plan's unit."""
        return self.seconds if unit == "seconds" else self.step
