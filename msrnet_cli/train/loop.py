"""Trains a network, in one process or several.

Prints nothing: it tells a callback what happens.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import hardware
from msrnet_cli.errors import MSRNetError
from msrnet_cli.lock import Lock
from msrnet_cli.train import checks, failures
from msrnet_cli.train.assemble import Place, assemble
from msrnet_cli.train.processes import (
    LEADER_SECONDS,
    Processes,
    beside,
    is_lost_peer,
    local_device,
    or_orphaned,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.train.events import TrainEvent, TrainSummary
    from msrnet_cli.train.options import TrainOptions
    from msrnet_cli.train.run import Run


def train(
    options: TrainOptions,
    notify: Callable[[TrainEvent], None],
    should_stop: Callable[[], str] = str,
    *,
    resume: bool = False,
) -> TrainSummary:
    """Train a network.

    Args:
        options: All settings; `options.run.out` must be set.
        notify: Is told what happens.
        should_stop: Asked after each step; the name of a signal ends the run there,
            with a checkpoint.
        resume: Go on from the newest checkpoint in `options.run.out`.

    Raises:
        DataError: The pictures do not make pairs.
        PictureError: A picture cannot be read.
        UsageError: The settings do not go together, or another process trains in this
            folder.
        WeightsError: Weights to start from are missing or do not fit.
        TrainingError: The loss is not finite, the disk is full, or data broke after
            the first step.
    """
    checks.check(options)
    if options.run.processes > 1:
        options = replace(options, run=replace(options.run, device="cpu"))
    work = partial(_take_part, options, resume)
    remedy = partial(failures.after_a_kill, Path(options.run.out))
    with beside(options.run.processes, work, remedy):
        return _train(options, notify, or_orphaned(should_stop), resume=resume)


def _take_part(options: TrainOptions, resume: bool) -> None:
    """Train in a process beside the leading one.

    What both processes find wrong is told once, by the leading one: it ends this
    process before this process speaks.
    """
    try:
        _train(options, lambda _: None, str, resume=resume)
    except MSRNetError as error:
        if not is_lost_peer(error):
            time.sleep(LEADER_SECONDS)
            sys.stderr.write(f"msrnet: {error}\n")
        sys.exit(1)


def _train(
    options: TrainOptions,
    notify: Callable[[TrainEvent], None],
    should_stop: Callable[[], str],
    *,
    resume: bool,
) -> TrainSummary:
    device = hardware.choose_device(local_device(options.run.device))
    folder = Path(options.run.out)
    with Processes.join(device) as processes, Lock(folder, "trained") as lock:
        place = Place(device, processes, lock)
        try:
            run = assemble(options, place, notify, resume=resume)
            return _walk(run, folder, should_stop)
        except (MemoryError, RuntimeError) as error:
            explained = failures.explained(
                error,
                folder,
                options.schedule,
                processes,
                compiled=options.run.compile,
            )
            if explained is None:
                raise
            raise explained from error


def _walk(run: Run, folder: Path, should_stop: Callable[[], str]) -> TrainSummary:
    try:
        return run.walk(should_stop)
    except OSError as error:
        raise failures.unwritable(folder, error) from error
    finally:
        run.close()
