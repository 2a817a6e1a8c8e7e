"""What a resumed run must have in common with the run before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.errors import DataError, TrainingError, UsageError
from msrnet_cli.train import checkpoint, inventory, runs
from msrnet_cli.train.inventory import Inventory
from msrnet_cli.train.settings import NewerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from msrnet_cli.train.checkpoint import Checkpoint
    from msrnet_cli.train.options import DataOptions, TrainOptions
    from msrnet_cli.train.position import Position
    from msrnet_cli.train.schedule import Plan


def require_data(options: TrainOptions, *, resume: bool) -> None:
    """Tell that the data of a resumed run is missing, and how to say where it is now.

    Raises:
        DataError: The data does not exist.
    """
    stage = "--stage 2" if not resume else "--resume"
    begun = resume or (
        options.schedule.stage == "2" and runs.exists(Path(options.run.out))
    )
    for option, path in (("--data", options.data.data), ("--val", options.data.val)):
        if begun and path and not Path(path).exists():
            relative = "" if Path(path).is_absolute() else f" in {Path.cwd()}"
            raise DataError(
                f"{path}, the data that {options.run.out} was started with, does not"
                f" exist{relative}",
                f"say where it is now: msrnet train {stage} --out {options.run.out}"
                f" {option} DIR",
            )


def require_new_stage(folder: Path, stage: str) -> None:
    """Refuse to begin a second stage anew over an existing one.

    Args:
        folder: Of the run.
        stage: That is to begin.

    Raises:
        UsageError: The run holds a stage 2.
    """
    if stage != "2":
        return
    try:
        begun = checkpoint.load(folder).position.stage == "2"
    except TrainingError:  # no sound checkpoint: there is nothing to go on with
        begun = False
    if begun or runs.stage_result(folder, "2").exists():
        raise UsageError(
            f"{folder} holds a stage 2 already",
            "go on with --resume, or begin a new run with --data and --init"
            f" {runs.stage_result(folder, '1')}",
        )


def require_same_run(options: TrainOptions, before: TrainOptions) -> None:
    """Refuse settings that make another run.

    Sizes, batch and crop may change, so that a run fits into memory. The length, the
    rates and the folder of the data may change, too: see `compare_data`.

    Raises:
        UsageError: With the first setting that differs.
    """
    if options.schedule.stage == "2" and before.schedule.stage == "1":
        raise UsageError(
            f"{options.run.out} holds stage 1, --resume cannot turn it into stage 2",
            "give --stage 2 without --resume",
        )
    asked, found = _identity(options), _identity(before)
    written = _identity(runs.read_settings(Path(options.run.out)))
    for name, value in asked.items():
        if value == found[name]:
            continue
        if value == written[name]:
            raise UsageError(
                f"the checkpoint in {options.run.out} belongs to another run: {name} is"
                f" {_told(found[name])} in it, {_told(value)} in run.json",
                "put back the one that belongs there, or start a new run",
            )
        raise UsageError(
            f"{options.run.out} was started with {name} {_told(found[name])}, not"
            f" {_told(value)}",
            f"drop {name}, or start a new run",
        )
    if options.optimizer.ema and not before.optimizer.ema:
        raise UsageError(
            f"{options.run.out} was started without --ema",
            "drop --ema, or start a new run",
        )


def require_same_stage(plan: Plan, position: Position) -> None:
    """Refuse a plan that would take a run back to a stage that is over.

    Raises:
        UsageError: The stage of the checkpoint does not lie ahead in the plan.
    """
    ahead = plan.phase(position.place(plan.unit))
    if position.stage and ahead.stage < position.stage:
        raise UsageError(
            f"the run is in stage {position.stage}, which begins later in a run of"
            " this length",
            "keep its --epochs, --steps or --minutes",
        )


def notes_on(
    folder: Path, options: DataOptions, before: Checkpoint | None, files: Inventory
) -> tuple[str, ...]:
    """What the user must know about a run that goes on.

    Args:
        folder: Of the run.
        options: From which data it goes on.
        before: From which checkpoint; None for a run that begins.
        files: That lie there now.

    Raises:
        UsageError: It would learn from other data.
    """
    if before is None:
        return ()
    damage = runs.note_on_settings(folder)
    note = (before.note,) if before.note else ()
    return (*note, *damage, *compare_data(folder, options, files))


def compare_data(folder: Path, options: DataOptions, now: Inventory) -> tuple[str, ...]:
    """Refuse other data under another name; tell what has changed under the same.

    Args:
        folder: Of a run that goes on.
        options: From which data it goes on.
        now: The files that lie there.

    Returns:
        Notes for the user.

    Raises:
        UsageError: A folder that was named anew holds other files than the run was
            started with.
    """
    began, told = _inventory(folder)
    before = runs.read_settings(folder).data
    data = (before.data, options.data)
    told += _compared("--data", data, began.training, now.training, folder)
    if before.val and options.val:
        val = (before.val, options.val)
        told += _compared("--val", val, began.validation, now.validation, folder)
    return tuple(told)


def _inventory(folder: Path) -> tuple[Inventory, list[str]]:
    """The files with which a run was started, empty if unknown; and notes."""
    unknown = Inventory({}, {})
    try:
        return inventory.read(folder) or unknown, []
    except (OSError, ValueError, NewerError) as error:
        why = getattr(error, "strerror", None) or error
        return unknown, [f"{folder / inventory.NAME} is not usable: {why}"]


def _compared(
    option: str,
    paths: tuple[str, str],
    before: Mapping[str, int],
    now: Mapping[str, int],
    folder: Path,
) -> list[str]:
    """Notes on data that differs from that with which a run was started."""
    old, new = (Path(path) for path in paths)
    moved = new.resolve() != old.resolve()
    if not before:  # a run of the first releases
        told = f"{new} is taken for {old}: nothing tells which files that held"
        return [told] if moved and new.name != old.name else []
    other = inventory.difference(before, now)
    if other and moved:
        raise UsageError(
            f"{option} {new} does not hold what {folder} was started with: {other}",
            f"name the same files, or start a new run with --init {folder / runs.LAST}",
        )
    return [f"{new} has changed since the run was started: {other}"] if other else []


def _identity(options: TrainOptions) -> dict[str, object]:
    """The settings that may not change within a run, by option."""
    pairs, model = options.data.pairs, options.network.model
    return {
        "--stage": options.schedule.stage,
        "--loss": options.loss.loss,
        "--from": pairs.from_light,
        "--inputs": ",".join(pairs.inputs),
        "--to": pairs.to_light,
        "--mirror": pairs.mirror,
        "--optimizer": options.optimizer.optimizer,
        "--arch": model.arch,
        "--channels": model.channels,
        "--value-range": model.value_range,
        # Weights may have moved; they are not read again.
        "--init": Path(options.network.init).name,
        "--seed": options.run.seed,
    }


def _told(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "by stage" if value is None else str(value) or "none"
