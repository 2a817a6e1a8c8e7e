"""Writes what a run has learnt: checkpoints and weights, never over better ones."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from errno import ENOENT
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError
from msrnet_cli.files import remove_leftovers
from msrnet_cli.train import checkpoint, failures, inventory, runs
from msrnet_cli.train.cards import make_card
from msrnet_cli.train.checkpoint import Checkpoint
from msrnet_cli.train.record import Record

if TYPE_CHECKING:
    from torch import nn

    from msrnet_cli.config import WeightsCard
    from msrnet_cli.lock import Lock
    from msrnet_cli.train.events import TrainProgress, Validated
    from msrnet_cli.train.inventory import Inventory
    from msrnet_cli.train.learner import Learner
    from msrnet_cli.train.material import About
    from msrnet_cli.train.options import TrainOptions
    from msrnet_cli.train.position import Position
    from msrnet_cli.train.processes import Processes
    from msrnet_cli.train.validator import Tried

_MOMENTS = 2  # that Adam keeps of each weight; no optimizer here keeps more


class Saver:
    """The folder of a run, written by the process that leads; the others write nothing.

    Args:
        options: Of the run.
        about: What it learns from, for the cards of its weights.
        learner: Whose weights are saved.
        processes: All of them must call each method.
        record: What people look at; None on processes that do not lead.
    """

    def __init__(
        self,
        options: TrainOptions,
        about: About,
        learner: Learner,
        processes: Processes,
        record: Record | None,
    ) -> None:
        self.folder = Path(options.run.out)
        self._options, self._about = options, about
        self._learner, self._processes = learner, processes
        self._record = record

    def begin(self, position: Position, files: Inventory) -> None:
        """Write how the run is started, and its state before the first step.

        Args:
            position: Where the run begins or goes on.
            files: From which it learns.

        Raises:
            UsageError: There is too little space, or the folder cannot be written.
        """
        self._processes.lead(lambda: self._begin(position, files))

    def save(self, position: Position) -> None:
        """Write a checkpoint and the newest weights.

        Raises:
            TrainingError: A weight is not finite.
            OSError: They could not be written.
        """
        failures.require_finite(self._learner, position)
        self._processes.lead(lambda: self._write(position))

    def end_stage(self, position: Position) -> None:
        """Write the weights with which a stage ends.

        Raises:
            TrainingError: A weight is not finite.
            OSError: They could not be written.
        """
        failures.require_finite(self._learner, position)
        if self._record is not None and position.stage:
            path = runs.stage_result(self.folder, position.stage)
            self._record.weights(path.name, self._result, self._card(position))

    def progress(self, event: TrainProgress) -> None:
        """Add a row to metrics.csv."""
        if self._record is not None:
            self._record.progress(event)

    def validated(self, found: Tried, position: Position) -> Validated:
        """Write what a validation found, and the weights where these are the best.

        Args:
            found: By the validator.
            position: After it.

        Returns:
            The event, with notes on what could not be written.
        """
        if self._record is None:
            return found.event
        self._record.validated(found.event)
        note = self._record.draw(found.event.step, found.rows)
        if found.event.best:
            self._record.weights(runs.BEST, self._result, self._card(position))
        return replace(found.event, notes=(note,) if note else ())

    def close(self) -> None:
        """Finish TensorBoard's file."""
        if self._record is not None:
            self._record.close()

    @property
    def _result(self) -> nn.Module:
        return self._learner.result

    def _begin(self, position: Position, files: Inventory) -> None:
        if self._record is None:
            return
        try:
            self._require_space()
            runs.write_settings(self.folder, self._options)
            inventory.write(self.folder, files)
            if not position.step:
                self._write(position)
                checkpoint.forget_previous(self.folder)
        except OSError as error:
            raise failures.closed(self.folder, error) from error

    def _write(self, position: Position) -> None:
        if self._record is None:
            return
        if not self.folder.is_dir():  # it would be made anew, all but empty
            raise FileNotFoundError(ENOENT, "No such file or directory")
        tensors = self._learner.tensors()
        checkpoint.save(self.folder, Checkpoint(self._options, position, tensors))
        self._record.weights(runs.LAST, self._result, self._card(position))

    def _card(self, position: Position) -> WeightsCard:
        return make_card(self._options, self._about, position)

    def _require_space(self) -> None:
        """Tell now, not hours later, that the disk is too small."""
        parameters = sum(p.nbytes for p in self._learner.network.parameters())
        in_checkpoint = 1 + _MOMENTS + bool(self._options.optimizer.ema)
        # Two checkpoints, one that is being written; best, last, stage1, stage2.
        wanted = parameters * (3 * in_checkpoint + 4)
        needed = wanted - runs.bytes_replaced(self.folder)
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise UsageError(
                f"{self.folder} has {free / 1e6:.0f} MB left, a run needs"
                f" {math.ceil(needed / 1e6)} MB more",
                "free space, or choose another --out",
            )


def claim(folder: Path, lock: Lock) -> None:
    """Lock the folder of a run where it exists.

    Raises:
        UsageError: Another process trains there, or it cannot be written.
    """
    lies_in = (folder, *folder.parents)
    file = next((path for path in lies_in if path.is_file()), None)
    if file is not None:
        raise UsageError(
            f"{folder} cannot be written: {file} is a file", "choose another --out"
        )
    try:
        lock.take()
    except OSError as error:
        raise failures.closed(folder, error) from error


def open_record(folder: Path, lock: Lock, step: int) -> Record:
    """Make the folder of a run, lock it, and begin its record.

    Args:
        folder: Need not exist.
        lock: Of the folder.
        step: From which the run goes on; see `Record`.

    Raises:
        UsageError: Another process trains there, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.take()
        record = Record(folder, step)
        remove_leftovers(folder)
    except OSError as error:
        raise failures.closed(folder, error) from error
    return record
