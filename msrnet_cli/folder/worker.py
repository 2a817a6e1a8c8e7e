"""The pipeline of one machine, fed by another process: some pictures now and then.

A worker has a journal of its own, as a shard has. It claims pictures through the
folder's journal, as every run does. So what is written does not depend on whoever
feeds it, nor on what became of that process.
"""

from __future__ import annotations

import itertools
import math
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import __version__
from msrnet_cli.errors import UsageError
from msrnet_cli.folder.arrivals import Arrivals
from msrnet_cli.folder.events import STAGES
from msrnet_cli.folder.job import made_by, started
from msrnet_cli.folder.outputs import Outputs
from msrnet_cli.folder.relights import recipes, require_second
from msrnet_cli.folder.scheduler import Scheduler
from msrnet_cli.folder.tails import NAME, of_actor
from msrnet_cli.folder.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msrnet_cli.folder.events import FileDone, JobStarted, Stage
    from msrnet_cli.folder.executor import Executor
    from msrnet_cli.folder.jobs import Job
    from msrnet_cli.folder.options import FolderOptions
    from msrnet_cli.folder.outputs import Halt
    from msrnet_cli.folder.plan import Plan
    from msrnet_cli.folder.records import Making
    from msrnet_cli.folder.relights import Relights

_MOST_AT_ONCE = 256
_MEGAPIXEL = 1_000_000


@dataclass(frozen=True)
class Ready:
    """What a worker tells once it has loaded the network.

    Attributes:
        opening: What is known of the job; the numbers of the plan are left out.
        making: How results are made, for people.
        way: Names all that decides the bytes of results but the inputs, and msrnet's
            version: of workers of one job it is the same.
        room: Pictures that keep all its stages at work.
        widths: How many calls of each stage run at the same time.
    """

    opening: JobStarted
    making: Making
    way: tuple[str, ...]
    room: int
    widths: dict[Stage, int]


@dataclass(frozen=True)
class Turn:
    """What became of pictures since the turn before.

    Attributes:
        done: The pictures that are done.
        halt: Why no further result can be written; None where it can.
    """

    done: tuple[FileDone, ...] = ()
    halt: Halt | None = None


class Worker:
    """Relights the pictures that it is told of, until it is stopped.

    Args:
        plan: The outline of a plan.
        relights: The network.
        options: The options of the plan.
        executor: Where the stages run.
        weights_name: Name of the weights.

    Attributes:
        ready: What is to be told first.

    Raises:
        UsageError: The weights see another number of pictures.
    """

    def __init__(
        self,
        plan: Plan,
        relights: Relights,
        options: FolderOptions,
        executor: Executor,
        weights_name: str = "",
    ) -> None:
        require_second(relights, options)
        self._plan = plan
        self._relights = relights
        self._options = options
        self._executor = executor
        self.ready = Ready(
            started(plan, relights, weights_name),
            made_by(plan, relights, weights_name),
            (__version__, *recipes(relights, options, is_fan=plan.is_fan)),
            self._room(),
            {stage: executor.width(stage) for stage in STAGES},
        )
        self._arrivals = Arrivals(more=True)
        self._tally = Tally(self._note, fail_fast=options.fail_fast)
        self._outputs: Outputs | None = None
        self._changed = threading.Condition()
        self._done: list[FileDone] = []
        self._error: Exception | None = None
        self._is_over = False
        self._thread = threading.Thread(target=self._work, name="scheduler")

    def begin(self, number: int, step: int) -> None:
        """Open the output folder, which must be there, and begin to work.

        Args:
            number: Names the worker's journal. Where another process writes to that
                one, `number + step` names it, and so on.
            step: A number that leaves the journals of other workers out.

        Raises:
            UsageError: There is no such folder, or it is another folder than that of
                the process that feeds the worker.
        """
        place = self._plan.place
        if isinstance(place, Path) and not (place / NAME).exists():
            raise UsageError(
                f"{place.absolute()} is another folder there, or none",
                "name a folder on a file system that all nodes share",
            )
        names = map(of_actor, itertools.count(number, step))
        exist = self._options.exist
        self._outputs = Outputs(self._plan, exist, self.ready.making, names)
        self._thread.start()

    def turn(self, jobs: Sequence[Job], freed: Sequence[Job], seconds: float) -> Turn:
        """Take pictures, and wait for what is done, at most so many seconds.

        Args:
            jobs: The pictures.
            freed: Those among them that a machine had which is lost.
            seconds: How many.
        """
        if self._outputs is not None:
            self._outputs.freed.update(job.relative for job in freed)
        self._arrivals.put(jobs)
        with self._changed:
            self._changed.wait_for(self._has_news, seconds)
        return self._news()

    def stop(self) -> Turn:
        """Finish what is being written, drop the rest, and close the folder."""
        self._tally.end()
        self._arrivals.close()
        if self._outputs is not None:
            self._outputs.stop()
            self._thread.join()
            self._outputs.close()
            self._outputs = None
        return self._news()

    def _has_news(self) -> bool:
        return bool(self._done) or self._is_over

    def _news(self) -> Turn:
        if self._error is not None:
            raise self._error
        with self._changed:
            done, self._done = self._done, []
        return Turn(tuple(done), self._tally.halt)

    def _note(self, done: FileDone) -> None:
        with self._changed:
            self._done.append(done)
            self._changed.notify_all()

    def _work(self) -> None:
        assert self._outputs is not None
        try:
            with closing(self._executor):
                Scheduler(
                    self._arrivals,
                    self._relights,
                    self._outputs,
                    self._options,
                    self._executor,
                    self._tally,
                    is_fan=self._plan.is_fan,
                ).run()
        except Exception as error:  # told by the thread that asks
            self._error = error
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def _room(self) -> int:
        """Pictures that the scheduler has in all stages together, and some in line."""
        side = math.isqrt(self._pixels())
        batch = self._options.batch_size or self._relights.batch_size(side, side)
        coders = self._executor.width("decode") + self._executor.width("encode")
        return min(_MOST_AT_ONCE, 2 * (coders + max(1, batch)))

    def _pixels(self) -> int:
        return next((job.pixels for job in self._plan.jobs if job.pixels), _MEGAPIXEL)
