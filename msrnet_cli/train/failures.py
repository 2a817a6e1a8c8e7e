"""What went wrong in a run, in the words of a person who can mend it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msrnet_cli import hardware
from msrnet_cli.errors import DeviceError, MSRNetError, TrainingError, UsageError
from msrnet_cli.train import checkpoint
from msrnet_cli.train.processes import is_lost_peer, is_of_torchrun, lost_peer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from msrnet_cli.train.learner import Learner
    from msrnet_cli.train.options import ScheduleOptions
    from msrnet_cli.train.position import Position
    from msrnet_cli.train.processes import Processes

_SLOWER = "the last checkpoint is kept: go on with --resume and a smaller --lr"


def explained(
    error: Exception,
    folder: Path,
    schedule: ScheduleOptions,
    processes: Processes,
    *,
    compiled: bool,
) -> MSRNetError | None:
    """What a failure inside torch means to the user; None where it is a bug.

    Args:
        error: The failure.
        folder: Of the run.
        schedule: Sizes and batches, which need memory.
        processes: Which train together.
        compiled: Whether the network is compiled.
    """
    if processes.count > 1 and is_lost_peer(error):
        return lost_peer(after_a_kill(folder))
    if hardware.is_out_of_memory(error):
        sizes = ", ".join(str(size.side) for size in schedule.sizes)
        go_on = (
            "go on with --resume and"
            if (folder / checkpoint.NEWEST).exists()
            else "give"
        )
        return TrainingError(
            f"memory ran out (sizes {sizes}, batch {schedule.batch})",
            f"{go_on} a smaller --batch, --size or --crop",
        )
    if compiled and type(error).__module__.startswith("torch._"):
        return DeviceError(
            f"torch.compile fails here ({type(error).__name__})",
            "install a C++ compiler, or drop --compile",
        )
    return None


def after_a_kill(folder: Path) -> str:
    """What to do about a run one of whose processes was killed.

    Args:
        folder: Of the run.
    """
    if not (folder / checkpoint.NEWEST).exists():
        return "start the run again"
    launcher = " under torchrun" if is_of_torchrun() else ""
    return f"go on with msrnet train --resume --out {folder}{launcher}"


def closed(folder: Path, error: OSError) -> UsageError:
    """The folder could not be written before the first step."""
    return UsageError(
        f"{folder} cannot be written: {error.strerror or error}",
        "mend its permissions or free space, or choose another --out",
    )


def unwritable(folder: Path, error: OSError) -> TrainingError:
    """The folder could not be written any more."""
    if not folder.is_dir():
        return TrainingError(
            f"{folder} has gone while it was trained in",
            "put it back and go on with --resume, or start a new run",
        )
    return TrainingError(
        f"{folder} cannot be written: {error.strerror or error}",
        "free space or mend permissions, then go on with --resume",
    )


def broken(error: MSRNetError) -> TrainingError:
    """The data was sound when the run was started, and is not any more."""
    return TrainingError(
        f"the data broke while it was learnt from: {error.reason}",
        "put it right, then go on with --resume",
    )


def not_finite(
    step: int, loss: float, names: Sequence[str], processes: Processes
) -> TrainingError:
    """A step was not taken; says on which pictures, of all processes.

    Args:
        step: Its number, from 1.
        loss: On this process.
        names: What this process learnt from.
        processes: All of them must call this.
    """
    found = processes.gather((", ".join(names), math.isfinite(loss)))
    scenes = "; ".join(scenes for scenes, finite in found if not finite)
    what = "the gradient" if not scenes else "the loss"
    scenes = scenes or "; ".join(scenes for scenes, _ in found)
    return TrainingError(
        f"{what} of step {step} is not finite; batch: {scenes}", _SLOWER
    )


def diverged(position: Position) -> TrainingError:
    """The network is not finite, or what it paints."""
    return TrainingError(f"the network of step {position.step} is not finite", _SLOWER)


def require_finite(learner: Learner, position: Position) -> None:
    """Refuse to go on with a network that diverged.

    Raises:
        TrainingError: A weight is not finite.
    """
    if not learner.is_finite:
        raise diverged(position)


def require_last_stage(last: str, position: Position) -> None:
    """Tell where time ended before the last stage began.

    Raises:
        TrainingError: The run has ended in another stage.
    """
    if position.stage != last:
        raise TrainingError(
            f"the time was over before stage {last} began; stage {position.stage} is"
            " saved",
            "go on with --resume and more --minutes",
        )
