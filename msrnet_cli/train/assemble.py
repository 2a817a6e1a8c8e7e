"""Puts a run together: all that can be wrong is told before its first step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msrnet_cli import hardware
from msrnet_cli.errors import UsageError
from msrnet_cli.networks import architecture, ranges
from msrnet_cli.train import checkpoint, initial, losses, resuming, runs
from msrnet_cli.train.events import TrainStarted
from msrnet_cli.train.find import find_material
from msrnet_cli.train.learner import Learner, training_dtype
from msrnet_cli.train.position import Position
from msrnet_cli.train.run import Parts, Run
from msrnet_cli.train.saver import Saver, claim, open_record
from msrnet_cli.train.schedule import make_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn

    from msrnet_cli.lock import Lock
    from msrnet_cli.train.checkpoint import Checkpoint
    from msrnet_cli.train.events import TrainEvent
    from msrnet_cli.train.lighting import Scenes
    from msrnet_cli.train.options import LossName, TrainOptions
    from msrnet_cli.train.pairing import Pairs
    from msrnet_cli.train.processes import Processes
    from msrnet_cli.train.schedule import Plan


class Place(NamedTuple):
    """Where a run learns.

    Attributes:
        device: Of this process.
        processes: That learn together.
        lock: Keeps others out of the folder; the leading process takes it.
    """

    device: torch.device
    processes: Processes
    lock: Lock


def assemble(
    options: TrainOptions,
    place: Place,
    notify: Callable[[TrainEvent], None],
    *,
    resume: bool,
) -> Run:
    """Put a run together, from its first step or from its newest checkpoint.

    Args:
        options: All settings.
        place: Where it learns.
        notify: Is told what happens, on the leading process.
        resume: Go on from the newest checkpoint.

    Raises:
        MSRNetError: As `train` raises.
    """
    processes, folder = place.processes, Path(options.run.out)
    arch = options.network.model.arch
    dtype = training_dtype(options.run.dtype, place.device, arch)  # before any work
    processes.lead(lambda: claim(folder, place.lock))
    resuming.require_data(options, resume=resume)
    found = _find(options)
    named = _loss_names(options)
    plan = make_plan(options.schedule, named, found.about.count, processes.count)
    before = _before(options, plan, resume=resume)
    notes = resuming.notes_on(folder, options.data, before, found.files)
    network = _network(options, before)
    functions = found.losses(
        set(named.values()), options.loss, place.device, offline=options.run.offline
    )
    # Opening the material decodes pictures, so the quick checks come first.
    material = found.open(options.schedule.largest, options.run.seed, place.device)
    learner = _learner(options, network, dtype, place)
    position = Position() if before is None else _taken_up(options, before, learner)
    record = processes.lead(lambda: open_record(folder, place.lock, position.step))
    saver = Saver(options, material.about, learner, processes, record)
    saver.begin(position, found.files)
    parts = Parts(
        plan, options.rate, options.schedule, material, functions, learner, saver,
        processes,
    )  # fmt: skip
    run = Run(parts, position, notify if processes.leads else _ignore)
    written = record.notes if record is not None else ()
    run.notify(_started(parts, position, (*notes, *written)))
    return run


def _find(options: TrainOptions) -> Pairs | Scenes:
    return find_material(
        options.data, layers=_layers(options), largest=options.schedule.largest
    )


def _loss_names(options: TrainOptions) -> dict[str, LossName]:
    stages = options.schedule.stages
    return losses.by_stage(options.loss, stages, layers=_layers(options))


def _layers(options: TrainOptions) -> bool:
    return architecture(options.network.model.arch).paints_layers


def _before(options: TrainOptions, plan: Plan, *, resume: bool) -> Checkpoint | None:
    """The checkpoint to go on from; refuses what would destroy a run."""
    folder = Path(options.run.out)
    if not resume:
        resuming.require_new_stage(folder, options.schedule.stage)
        return None
    before = checkpoint.load(folder)
    resuming.require_same_run(options, before.options)
    resuming.require_same_stage(plan, before.position)
    return before


def _network(options: TrainOptions, before: Checkpoint | None) -> nn.Module:
    """The network before its first step, or before a checkpoint is taken up."""
    if before is not None:
        return initial.build(options.network, options.run.seed)
    is_second = options.schedule.stage == "2"
    stage1 = runs.stage_result(Path(options.run.out), "1") if is_second else None
    return initial.start_network(
        options.network, options.run.seed, stage1=stage1, offline=options.run.offline
    )


def _learner(
    options: TrainOptions, network: nn.Module, dtype: torch.dtype, place: Place
) -> Learner:
    # By the clock, each process might find another number format to be faster.
    name = place.processes.first(hardware.dtype_name(dtype))
    return Learner(
        network,
        options.optimizer,
        place.device,
        hardware.DTYPES[name],
        scale=ranges.of(options.network.model),
        sketches=architecture(options.network.model.arch).sketches,
        compiled=options.run.compile,
        processes=place.processes,
    )


def _taken_up(options: TrainOptions, before: Checkpoint, learner: Learner) -> Position:
    """Restore a learner from a checkpoint; the position to continue from."""
    try:
        learner.restore(before.tensors)
    except ValueError as error:
        raise UsageError(
            f"{Path(options.run.out) / checkpoint.NEWEST} does not fit its own settings"
            f" ({error})",
            "move it elsewhere to go on from the one before, or start a new run",
        ) from error
    if bool(before.options.data.val) != bool(options.data.val):
        return replace(before.position, best=None)  # other pictures are tried
    return before.position


def _started(parts: Parts, position: Position, notes: tuple[str, ...]) -> TrainStarted:
    about, learner = parts.material.about, parts.learner
    return TrainStarted(
        out=str(parts.saver.folder),
        material=about.kind,
        count=about.count,
        mirrored=about.mirrored,
        validation=about.validation,
        device=hardware.describe(learner.device),
        dtype=hardware.dtype_name(learner.dtype),
        parameters=sum(p.numel() for p in learner.network.parameters()),
        plan=parts.plan.describe(),
        step=position.step,
        notes=(*notes, *about.notes),
    )


def _ignore(_event: TrainEvent) -> None:
    """On processes that do not lead."""
