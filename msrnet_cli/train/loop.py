"""The training run: walk through the plan, validate, save, stop and go on.

Prints nothing: it tells a callback what happens.
"""

from __future__ import annotations

import math
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import replace
from errno import ENOENT
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from msrnet_cli import hardware, signals
from msrnet_cli.errors import (
    DataError,
    DeviceError,
    MSRNetError,
    PictureError,
    TrainingError,
    UsageError,
)
from msrnet_cli.files import remove_leftovers
from msrnet_cli.lock import Lock
from msrnet_cli.networks import architecture
from msrnet_cli.train import (
    checkpoint,
    checks,
    inventory,
    losses,
    record,
    resuming,
    schedule,
    start,
)
from msrnet_cli.train.checkpoint import Checkpoint, Position
from msrnet_cli.train.events import TrainProgress, TrainStarted, TrainSummary, Validated
from msrnet_cli.train.learner import Learner, Step, training_dtype
from msrnet_cli.train.processes import (
    LEADER_SECONDS,
    Processes,
    beside,
    is_lost_peer,
    local_device,
    lost_peer,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from msrnet_cli.config import WeightsCard
    from msrnet_cli.train.events import TrainEvent
    from msrnet_cli.train.material import Batch, Trial
    from msrnet_cli.train.options import TrainOptions
    from msrnet_cli.train.schedule import Phase

_REPORT_STEPS = 10
_SIGNALS = ("", *signals.EXIT_CODES)


def train(
    config: TrainOptions,
    notify: Callable[[TrainEvent], None],
    should_stop: Callable[[], str] = str,
    *,
    resume: bool = False,
) -> TrainSummary:
    """Train a network.

    Args:
        config: All settings; `config.run.out` must be set.
        notify: Is told what happens.
        should_stop: Asked after each step; the name of a signal ends the run there,
            with a checkpoint.
        resume: Go on from the newest checkpoint in `config.run.out`.

    Raises:
        DataError: The pictures do not make pairs.
        PictureError: A picture cannot be read.
        UsageError: The settings do not go together, or another process trains in this
            folder.
        WeightsError: Weights to start from are missing or do not fit.
        TrainingError: The loss is not finite, the disk is full, or data broke after
            the first step.
    """
    checks.check(config)
    if config.run.processes > 1:
        config = replace(config, run=replace(config.run, device="cpu"))
    with beside(config.run.processes, partial(_take_part, config, resume)):
        return _train(config, notify, should_stop, resume=resume)


def _take_part(config: TrainOptions, resume: bool) -> None:
    """Train in a process beside the leading one, which tells what goes wrong.

    What both find wrong is told once: the leading one ends this process before it
    speaks.
    """
    try:
        _train(config, lambda _: None, str, resume=resume)
    except MSRNetError as error:
        if not is_lost_peer(error):
            time.sleep(LEADER_SECONDS)
            sys.stderr.write(f"msrnet: {error}\n")
        sys.exit(1)


def _train(
    config: TrainOptions,
    notify: Callable[[TrainEvent], None],
    should_stop: Callable[[], str],
    *,
    resume: bool,
) -> TrainSummary:
    device = hardware.choose_device(local_device(config.run.device))
    with (
        Processes.join(device) as processes,
        Lock(Path(config.run.out), "trained") as lock,
    ):
        try:
            run = Run(config, device, processes, lock, notify, resume=resume)
            return _walk(run, should_stop)
        except (MemoryError, RuntimeError) as error:
            explained = _explained(error, config, processes)
            if explained is None:
                raise
            raise explained from error


def _walk(run: Run, should_stop: Callable[[], str]) -> TrainSummary:
    try:
        return run.walk(should_stop)
    except OSError as error:
        raise _unwritable(run.folder, error) from error
    finally:
        run.close()


def _unwritable(folder: Path, error: OSError) -> TrainingError:
    if not folder.is_dir():
        return TrainingError(
            f"{folder} has gone while it was trained in",
            "put it back and go on with --resume, or start a new run",
        )
    return TrainingError(
        f"{folder} cannot be written: {error.strerror or error}",
        "free space or mend permissions, then go on with --resume",
    )


class Run:
    """A training run, from its first step or from a checkpoint.

    Args:
        config: All settings.
        device: Where to learn.
        processes: Who else learns.
        lock: Keeps others out of the folder; held by the leading process.
        notify: Is told what happens; only on the leading process.
        resume: Go on from the newest checkpoint.
    """

    def __init__(
        self,
        config: TrainOptions,
        device: torch.device,
        processes: Processes,
        lock: Lock,
        notify: Callable[[TrainEvent], None],
        *,
        resume: bool,
    ) -> None:
        self.config = config
        self.folder = Path(config.run.out)
        self.processes = processes
        self._lock = lock
        self._notify = notify if processes.leads else lambda _: None
        training_dtype(config, device)  # all these refuse before work is done
        processes.together(self._take_lock)
        resuming.require_data(config, resume=resume)
        found = start.find_material(config)
        self._files = found.files
        paints_layers = architecture(config.network.model.arch).paints_layers
        named = losses.by_stage(
            config.loss, config.schedule.stages, layers=paints_layers
        )
        self.plan = schedule.make_plan(
            config.schedule, named, found.about.count, processes.count
        )
        before = self._before(resume=resume)
        notes = resuming.notes_on(self.config, before, found.files)
        network = start.start_network(config, before)
        names = {phase.loss for phase in self.plan.phases}
        self._losses = found.losses(names, config, device)
        # After all that can be refused at once: this decodes.
        self._material = found.open(config, device)
        # By the clock, each process might find another number format to be faster.
        dtype = processes.first(hardware.dtype_name(training_dtype(config, device)))
        same = replace(config, run=replace(config.run, dtype=dtype))
        self.learner = Learner(network, same, device, processes)
        self.position = Position()
        if before is not None:
            self._take_up(before)
        self._start_time = time.monotonic() - self.position.seconds
        self._record: record.Record | None = None
        self._ahead: dict[tuple[range, int], Batch] = {}  # cut before its step
        self._begun = self.position.step
        processes.together(self._open_record)
        self._notify(self._started(notes))

    def walk(self, should_stop: Callable[[], str] = str) -> TrainSummary:
        """Take all steps that are left.

        Args:
            should_stop: Asked after each step for the name of a signal.
        """
        try:
            return self._walk(should_stop)
        except (DataError, PictureError) as error:
            raise self._broken(error) from error

    def _walk(self, should_stop: Callable[[], str]) -> TrainSummary:
        meter = _Meter()
        saved = time.monotonic()
        while self._place() < self.plan.end:
            phase = self.plan.phase(self._place())
            self._enter(phase)
            before = self._place()
            self._step(phase, meter)
            stopped_by = self._synchronise(should_stop())
            validate = self._is_validation_due(phase, before)
            if meter.steps >= _REPORT_STEPS or validate or stopped_by:
                self._report(phase, meter)
            if validate:
                self._validate(phase)
            waited = time.monotonic() - saved >= 60 * self.config.schedule.save_minutes
            if validate or waited or stopped_by:
                self._save()
                saved = time.monotonic()
            if stopped_by:
                return self._finish(stopped_by)
        self._end_stage()
        self._save()
        self._require_last_stage()
        return self._finish("")

    def _broken(self, error: MSRNetError) -> MSRNetError:
        """What data means that was sound when the run was started."""
        if self.position.step == self._begun:
            return error
        if self.processes.count == 1:  # others may wait in an exchange
            with suppress(OSError, MSRNetError):
                self._save()
        return TrainingError(
            f"the data broke while it was learnt from: {error.reason}",
            "put it right, then go on with --resume",
        )

    def close(self) -> None:
        """Stop threads, close files."""
        self._material.close()
        if self._record is not None:
            self._record.close()

    def _step(self, phase: Phase, meter: _Meter) -> None:
        position, began = self.position, time.monotonic()
        images = phase.batch * self.processes.count
        rate = schedule.learning_rate(
            self.config.rate, phase, self._place(), self.learner.steps_in_stage
        )
        numbers = self._numbers(phase, 0)
        batch = self._ahead.pop((numbers, phase.size), None)
        batch = batch or self._material.batch(numbers, phase.size)
        self._ahead.clear()  # of another size, perhaps

        def prepare_the_next() -> None:
            numbers = self._numbers(phase, 1)
            batch = self._material.batch(numbers, phase.size)
            self._ahead = {(numbers, phase.size): batch}
            self._material.prefetch(self._numbers(phase, 2), phase.size)

        loss = self._losses[phase.loss]
        step = self.learner.step(batch, loss, rate, prepare_the_next)
        if not step.taken:
            raise self._not_finite(batch, step.loss)
        now = time.monotonic()
        meter.add(step, rate, images, now - began)
        self.position = replace(
            position,
            step=position.step + 1,
            drawn=position.drawn + images,
            seconds=now - self._start_time,
        )

    def _numbers(self, phase: Phase, ahead: int) -> range:
        """The examples of this process in a step to come."""
        whole = phase.batch * self.processes.count
        start = self.position.drawn + ahead * whole + self.processes.rank * phase.batch
        return range(start, start + phase.batch)

    def _place(self) -> float:
        """Where the run is, in the plan's unit."""
        seconds = self.plan.unit == "seconds"
        return self.position.seconds if seconds else self.position.step

    def _enter(self, phase: Phase) -> None:
        """Begin a new stage or size where the phase is another one."""
        position = self.position
        if position.stage and phase.stage != position.stage:
            self._end_stage()
            self.learner.start_stage()
        if (phase.stage, phase.size) != (position.stage, position.size):
            self.position = replace(
                position, stage=phase.stage, size=phase.size, best=None
            )

    def _before(self, *, resume: bool) -> Checkpoint | None:
        """The checkpoint to go on from; refuses what would destroy a run."""
        if not resume:
            start.require_new_stage(self.config)
            return None
        before = checkpoint.load(self.folder)
        resuming.require_same_run(self.config, before.config)
        self.position = before.position
        resuming.require_same_stage(self.plan, self._place(), before.position)
        return before

    def _end_stage(self) -> None:
        self._require_finite()
        if self._record is not None and self.position.stage:
            path = record.stage_result(self.folder, self.position.stage)
            self._record.weights(path.name, self.learner.result, self._card())

    def _synchronise(self, signal: str) -> str:
        """Agree with the other processes on time and on stopping."""
        if self.processes.count == 1:
            return signal
        code = float(_SIGNALS.index(signal))
        seconds, code = self.processes.largest(self.position.seconds, code)
        self.position = replace(self.position, seconds=seconds)
        return _SIGNALS[int(code)]

    def _is_validation_due(self, phase: Phase, before: float) -> bool:
        """At equal parts of the run, and at the end of each phase."""
        part = self.config.schedule.validations / self.plan.end
        now = self._place()
        return now >= phase.end or int(now * part) > int(before * part)

    def _validate(self, phase: Phase) -> None:
        # All processes compute the same; that keeps them together.
        self._require_finite()
        trial = self._try_out(phase)
        best = self.position.best
        is_best = best is None or trial.psnr > best
        found = Validated(
            step=self.position.step,
            stage=phase.stage,
            size=phase.size,
            psnr=trial.psnr,
            psnr_copy=trial.psnr_copy,
            detail=trial.detail,
            best=is_best,
            seconds=self.position.seconds,
            scores=trial.scores,
        )
        best = found.psnr if is_best else best
        self.position = replace(self.position, psnr=found.psnr, best=best)
        if self._record is not None:
            self._record.validated(found)
            note = self._record.draw(found.step, trial.rows)
            found = replace(found, notes=(note,) if note else ())
            if found.best:
                self._record.weights(record.BEST, self.learner.result, self._card())
        self._notify(found)

    def _try_out(self, phase: Phase) -> Trial:
        def paint(source: Tensor) -> Tensor:
            with torch.no_grad():
                painted = self.learner.relight(self.learner.result, source)
            # Check before clamping: clamp turns inf into 1.
            if not painted.isfinite().all():
                raise self._diverged()
            return painted

        return self._material.try_out(paint, phase)

    def _report(self, phase: Phase, meter: _Meter) -> None:
        progress = min(1.0, self._place() / self.plan.end)
        seconds = self.position.seconds
        event = TrainProgress(
            step=self.position.step,
            progress=progress,
            stage=phase.stage,
            size=phase.size,
            lr=meter.rate,
            loss=self.processes.mean(meter.loss / meter.steps),
            gradient=meter.gradient,
            images_per_second=meter.images / meter.seconds,
            seconds=seconds,
            eta=seconds / progress - seconds if progress else math.inf,
        )
        meter.restart()
        if self._record is not None:
            self._record.progress(event)
        self._notify(event)

    def _save(self) -> None:
        self._require_finite()
        self.processes.together(self._write)

    def _write(self) -> None:
        if self._record is not None:
            if not self.folder.is_dir():  # it would be made anew, all but empty
                raise FileNotFoundError(ENOENT, "No such file or directory")
            found = Checkpoint(self.config, self.position, self.learner.tensors())
            checkpoint.save(self.folder, found)
            self._record.weights(record.LAST, self.learner.result, self._card())

    def _take_up(self, before: Checkpoint) -> None:
        try:
            self.learner.restore(before.tensors)
        except ValueError as error:
            raise UsageError(
                f"{self.folder / checkpoint.NEWEST} does not fit its own settings"
                f" ({error})",
                "move it elsewhere to go on from the one before, or start a new run",
            ) from error
        self.position = before.position
        if bool(before.config.data.val) != bool(
            self.config.data.val
        ):  # other pictures are tried
            self.position = replace(self.position, best=None)

    def _take_lock(self) -> None:
        if not self.processes.leads:
            return
        resuming.require_folder(self.folder)
        try:
            self._lock.take()
        except OSError as error:
            raise self._closed(error) from error

    def _open_record(self) -> None:
        if not self.processes.leads:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.take()
            self._record = record.Record(self.folder, self.position.step)
            remove_leftovers(self.folder)
            self._require_space()
            self._record.settings(self.config)
            inventory.write(self.folder, self._files)
            if not self.position.step:
                self._write()
                checkpoint.forget_previous(self.folder)
        except OSError as error:
            raise self._closed(error) from error

    def _closed(self, error: OSError) -> UsageError:
        return UsageError(
            f"{self.folder} cannot be written: {error.strerror or error}",
            "mend its permissions or free space, or choose another --out",
        )

    def _require_space(self) -> None:
        """Tell now, not hours later, that the disk is too small."""
        parameters = sum(p.nbytes for p in self.learner.network.parameters())
        moments = 2 if self.config.optimizer.optimizer == "adam" else 1
        in_checkpoint = 1 + moments + bool(self.config.optimizer.ema)
        # Two checkpoints, one that is being written; best, last, stage1, stage2.
        wanted = parameters * (3 * in_checkpoint + 4)
        needed = wanted - record.bytes_replaced(self.folder)
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise UsageError(
                f"{self.folder} has {free / 1e6:.0f} MB left, a run needs"
                f" {math.ceil(needed / 1e6)} MB more",
                "free space, or choose another --out",
            )

    def _require_finite(self) -> None:
        """Never overwrite good weights with NaNs."""
        names = ("network.", "mean.")
        learnt = self.learner.tensors().items()
        tensors = [value for name, value in learnt if name.startswith(names)]
        sound = torch.stack([value.isfinite().all() for value in tensors]).all()
        if not sound:
            raise self._diverged()

    def _diverged(self) -> TrainingError:
        return TrainingError(
            f"the network of step {self.position.step} is not finite",
            "the last checkpoint is kept: go on with --resume and a smaller --lr",
        )

    def _require_last_stage(self) -> None:
        """Tell where time ended before the last stage began."""
        last = self.plan.phases[-1].stage
        if self.position.stage != last:
            raise TrainingError(
                f"the time was over before stage {last} began; stage"
                f" {self.position.stage} is saved",
                "go on with --resume and more --minutes",
            )

    def _card(self) -> WeightsCard:
        return record.make_card(
            self.config,
            self._material.about,
            self.position.stage or self.plan.phases[0].stage,
            self.position.size or self.plan.phases[0].size,
            self.position.psnr,
        )

    def _not_finite(self, batch: Batch, loss: float) -> TrainingError:
        names = (", ".join(batch.names), math.isfinite(loss))
        found = self.processes.gather(names)
        scenes = "; ".join(scenes for scenes, finite in found if not finite)
        what = "the gradient" if not scenes else "the loss"
        scenes = scenes or "; ".join(scenes for scenes, _ in found)
        return TrainingError(
            f"{what} of step {self.position.step + 1} is not finite; batch: {scenes}",
            "the last checkpoint is kept: go on with --resume and a smaller --lr",
        )

    def _finish(self, stopped_by: str) -> TrainSummary:
        summary = TrainSummary(
            out=str(self.folder),
            steps=self.position.step,
            seconds=self.position.seconds,
            psnr=self.position.psnr,
            best=self.position.best,
            stopped_by=stopped_by,
            stages={} if stopped_by else record.compared_stages(self.folder),
        )
        self._notify(summary)
        return summary

    def _started(self, notes: tuple[str, ...]) -> TrainStarted:
        about = self._material.about
        written = self._record.notes if self._record is not None else ()
        return TrainStarted(
            out=str(self.folder),
            material=about.kind,
            count=about.count,
            mirrored=about.mirrored,
            validation=about.validation,
            device=hardware.describe(self.learner.device),
            dtype=hardware.dtype_name(self.learner.dtype),
            parameters=sum(p.numel() for p in self.learner.network.parameters()),
            plan=self.plan.describe(),
            step=self.position.step,
            notes=(*notes, *written, *about.notes),
        )


class _Meter:
    """What happened since the last report."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.steps = self.images = 0
        self.loss = self.gradient = self.rate = self.seconds = 0.0

    def add(self, step: Step, rate: float, images: int, seconds: float) -> None:
        self.steps += 1
        self.images += images
        self.loss += step.loss
        self.gradient = max(self.gradient, step.gradient)
        self.rate = rate
        self.seconds += seconds


def _explained(
    error: Exception, config: TrainOptions, processes: Processes
) -> MSRNetError | None:
    """What a failure inside torch means to the user; None where it is a bug."""
    if processes.count > 1 and is_lost_peer(error):
        return lost_peer()
    if hardware.is_out_of_memory(error):
        sizes = ", ".join(str(size.side) for size in config.schedule.sizes)
        begun = (Path(config.run.out) / checkpoint.NEWEST).exists()
        go_on = "go on with --resume and" if begun else "give"
        return TrainingError(
            f"memory ran out (sizes {sizes}, batch {config.schedule.batch})",
            f"{go_on} a smaller --batch, --size or --crop",
        )
    if config.run.compile and type(error).__module__.startswith("torch._"):
        return DeviceError(
            f"torch.compile fails here ({type(error).__name__})",
            "install a C++ compiler, or drop --compile",
        )
    return None
