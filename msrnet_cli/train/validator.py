"""Tries a network on pictures that it is not trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from msrnet_cli.train import failures
from msrnet_cli.train.events import Validated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from msrnet_cli.networks.spec import Inputs
    from msrnet_cli.train.learner import Learner
    from msrnet_cli.train.material import Material
    from msrnet_cli.train.position import Position
    from msrnet_cli.train.schedule import Phase


class Tried(NamedTuple):
    """What a validation found.

    Attributes:
        event: For people.
        rows: Input, output and target of some pictures, each 3 S S on the CPU.
    """

    event: Validated
    rows: Sequence[Sequence[Tensor]]


class Validator:
    """Scores what a learner has learnt.

    Args:
        material: Holds the pictures to try it on.
        learner: Its result is tried.
    """

    def __init__(self, material: Material, learner: Learner) -> None:
        self._material = material
        self._learner = learner

    def try_out(self, position: Position, phase: Phase) -> Tried:
        """Score the result so far.

        Args:
            position: Where the run is; says what was the best before.
            phase: At whose size and batch the pictures are tried.

        Raises:
            TrainingError: The network, or what it paints, is not finite.
        """
        failures.require_finite(self._learner, position)

        def paint(inputs: Inputs) -> Tensor:
            with torch.no_grad():
                painted = self._learner.relight(self._learner.result, inputs)
            # Check before clamping: clamp turns inf into 1.
            if not painted.isfinite().all():
                raise failures.diverged(position)
            return painted

        trial = self._material.try_out(paint, phase)
        event = Validated(
            step=position.step,
            stage=phase.stage,
            size=phase.size,
            psnr=trial.psnr,
            psnr_copy=trial.psnr_copy,
            detail=trial.detail,
            best=position.is_best(trial.psnr),
            seconds=position.seconds,
            scores=trial.scores,
        )
        return Tried(event, trial.rows)
