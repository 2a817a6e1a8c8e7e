"""The folder job: carries out a plan. Reports through a callback and prints nothing."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from msrnet_cli import hardware
from msrnet_cli.folder.arrivals import Arrivals
from msrnet_cli.folder.events import FileDone, JobStarted, JobSummary
from msrnet_cli.folder.executor import threads_for
from msrnet_cli.folder.outputs import Outputs
from msrnet_cli.folder.records import Making
from msrnet_cli.folder.relights import require_second
from msrnet_cli.folder.scheduler import Scheduler
from msrnet_cli.folder.tally import Tally
from msrnet_cli.lights import told
from msrnet_cli.signals import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from msrnet_cli.folder.events import Event
    from msrnet_cli.folder.executor import Executor
    from msrnet_cli.folder.findings import Fault
    from msrnet_cli.folder.options import FolderOptions
    from msrnet_cli.folder.plan import Plan
    from msrnet_cli.folder.relights import Relights
    from msrnet_cli.folder.shards import Shard

_MASKED = "within masks"
_OTHERS = "another run is at work there: each does what the other has not"


def relight_folder(
    plan: Plan,
    relights: Relights,
    options: FolderOptions,
    notify: Callable[[Event], None],
    weights_name: str = "",
    start: float = 0.0,
    executor: Executor | None = None,
) -> JobSummary:
    """Carry out a plan.

    Args:
        plan: From `make_plan`.
        relights: The network: a `Relighter`.
        options: The options of the plan.
        notify: Called in this thread with JobStarted, then FileDone for each picture,
            then JobSummary.
        weights_name: Name of the weights in JobStarted.
        start: Seconds that loading took, for the summary.
        executor: Where the stages run; None for threads of this process. Closed at
            the end.

    Returns:
        The summary, also after SIGINT or `Stopped`, or after an error that would stop
        every further result. Pictures in flight are then finished or dropped whole,
        fans after the file in work, and the rest counts as unfinished.

    Raises:
        UsageError: The output folder cannot be made, its journal not be written, or the
            weights see another number of pictures.
    """
    require_second(relights, options)

    @contextmanager
    def working(outputs: Outputs, tally: Tally) -> Iterator[Scheduler]:
        threads = executor or threads_for(relights, is_stored=plan.is_stored)
        with closing(threads) as running:
            yield Scheduler(
                Arrivals(plan.jobs),
                relights,
                outputs,
                options,
                running,
                tally,
                is_fan=plan.is_fan,
            )

    return carry_out(
        plan,
        options,
        started(plan, relights, weights_name),
        made_by(plan, relights, weights_name),
        working,
        notify,
        start,
    )


class Carrier(Protocol):
    """Makes the results of a plan."""

    def run(self) -> None:
        """Work to the end; raises KeyboardInterrupt where it is stopped."""
        ...

    def stop(self) -> None:
        """Finish and report what is being written, and drop the rest."""
        ...


def carry_out(
    plan: Plan,
    options: FolderOptions,
    opening: JobStarted,
    making: Making,
    working: Callable[[Outputs, Tally], AbstractContextManager[Carrier]],
    notify: Callable[[Event], None],
    start: float = 0.0,
    *,
    knows: bool = True,
) -> JobSummary:
    """Carry out a plan, wherever the work is done.

    Args:
        plan: From `make_plan`.
        options: The options of the plan.
        opening: From `started`.
        making: From `made_by`.
        working: Gives what does the work, with the outputs and a tally of the pictures.
        notify: As for `relight_folder`.
        start: As for `relight_folder`.
        knows: As `Outputs` takes it.

    Returns:
        The summary, as `relight_folder`.

    Raises:
        UsageError: The output folder cannot be made, or its journal not be written.
    """
    with closing(Outputs(plan, options.exist, making, knows=knows)) as outputs:
        others = () if outputs.is_first_run else (_OTHERS,)
        notify(replace(opening, notes=opening.notes + others))
        begin = time.perf_counter()
        tally = Tally(notify, fail_fast=options.fail_fast)
        outputs.note_run()
        outputs.remove_leftovers()
        with working(outputs, tally) as carrier:
            stopped_by = _run(plan, carrier, tally)
        summary = tally.summary(
            len(plan.jobs) + len(plan.faults),
            seconds=time.perf_counter() - begin,
            start=start,
            stopped_by=stopped_by,
            failures_file=outputs.list_failures(tally.failures),
        )
        outputs.note_run(failed=summary.failed, unfinished=summary.unfinished)
    notify(summary)
    return summary


def _run(plan: Plan, carrier: Carrier, tally: Tally) -> str:
    """Work to the end or to a signal, and name the signal; "" where none came."""
    try:
        for fault in plan.faults:
            tally.add(_unreadable(fault))
        carrier.run()
    except KeyboardInterrupt as signal:
        carrier.stop()
        return signal.signal if isinstance(signal, Stopped) else "SIGINT"
    return ""


def started(plan: Plan, relights: Relights, weights_name: str) -> JobStarted:
    """What is known of a job at its start.

    Args:
        plan: What goes where.
        relights: The network.
        weights_name: Name of its weights.
    """
    return counted(
        plan,
        JobStarted(
            pictures=0,
            megapixels=0.0,
            output=str(plan.output),
            device=hardware.describe(relights.device),
            dtype=hardware.dtype_name(relights.dtype),
            weights=weights_name,
            work_size=relights.work_size,
            engine=relights.engine,
            from_light=relights.from_light,
            to_light=relights.to_light,
            shown=_shown(plan, relights),
            notes=relights.notes + _split(plan.shard),
            second_light=relights.second_light,
            shard="" if plan.shard is None else str(plan.shard),
            others_work_size=relights.others_work_size,
        ),
    )


def counted(plan: Plan, opening: JobStarted) -> JobStarted:
    """The start of a job with the numbers of a plan.

    Args:
        plan: What goes where.
        opening: From `started`, with an outline of the plan.
    """
    return replace(
        opening,
        pictures=len(plan.jobs),
        megapixels=sum(job.pixels for job in plan.jobs) / 1e6,
        ignored=plan.ignored,
        unreadable=len(plan.faults),
        inputs=plan.inputs,
    )


def _split(shard: Shard | None) -> tuple[str, ...]:
    """Which variable told the shard, where the user did not."""
    if shard is None or not shard.source:
        return ()
    return (f"shard {shard}, as {shard.source} tells",)


def made_by(plan: Plan, relights: Relights, weights_name: str) -> Making:
    """How the results of a job are made, for people.

    Args:
        plan: What goes where.
        relights: The network.
        weights_name: Name of its weights.
    """
    words = (told.named(relights.to_light), _shown(plan, relights))
    light = ", ".join(filter(None, words))
    # Where weights are chosen for each picture, each result tells which.
    only = relights.digest if relights.others_work_size is None else ""
    return Making(light, weights_name, only)


def _shown(plan: Plan, relights: Relights) -> str:
    """How much of the change of light shows, in words; "" for all of it."""
    finish = (relights.light_recipe or {}).get("finish")
    words = told.shown(**finish) if finish else ""
    return ", ".join(filter(None, (words, _MASKED if plan.is_masked else "")))


def _unreadable(fault: Fault) -> FileDone:
    return FileDone(fault.path, "", "failed", reason=fault.reason, remedy=fault.remedy)
