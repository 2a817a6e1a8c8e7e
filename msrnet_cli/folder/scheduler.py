"""Moves the pictures of a job through the stages, in bounded memory."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from msrnet_cli.folder import stages, work
from msrnet_cli.folder.batches import Batches
from msrnet_cli.folder.budget import Budget
from msrnet_cli.folder.events import FileDone
from msrnet_cli.folder.relights import recipes

if TYPE_CHECKING:
    from msrnet_cli.folder.arrivals import Arrivals
    from msrnet_cli.folder.events import Stage
    from msrnet_cli.folder.executor import Executor, Pending
    from msrnet_cli.folder.jobs import Job
    from msrnet_cli.folder.options import FolderOptions
    from msrnet_cli.folder.outputs import Halt, Outputs
    from msrnet_cli.folder.relights import Relights
    from msrnet_cli.folder.stages import Decoded, RelitBatch
    from msrnet_cli.folder.tally import Tally

# A pixel in flight takes up to 58 bytes: 12 each for input, second input and output as
# floats, at most 6 in the file's own numbers, 12 in an encoder, 4 in a mask. With the
# network on the CPU, the sum stays below 6 GiB.
_IN_FLIGHT_MEGAPIXELS = 100
_LAYERS = 6  # so many times a pixel: nine layers of floats, painted and as linear light
_PATIENCE = 0.1  # seconds between two attempts to claim a picture of another run


class Scheduler:
    """Moves pictures from stage to stage, and counts each of them out.

    Only the thread that calls `run` admits pictures, gives their room back and reports
    them. It blocks only on calls that never block on the scheduler, so the pipeline
    cannot deadlock: while the budget is full, pictures in flight are finished.

    Args:
        arrivals: What to do, in this order.
        relights: The network.
        outputs: Where results go.
        options: As the plan was made with.
        executor: Where the stages run.
        tally: Counts and reports.
        is_fan: Whether each picture becomes a fan.
    """

    def __init__(
        self,
        arrivals: Arrivals,
        relights: Relights,
        outputs: Outputs,
        options: FolderOptions,
        executor: Executor,
        tally: Tally,
        *,
        is_fan: bool = False,
    ) -> None:
        self._arrivals = arrivals
        self._relights = relights
        self._outputs = outputs
        self._options = options
        self._executor = executor
        self._tally = tally
        self._budget = Budget(int(_IN_FLIGHT_MEGAPIXELS * 1e6))
        # Decoded ahead of the network, beyond one batch.
        self._ahead = 2 * executor.width("decode")
        self._waiting: deque[Job] = deque()
        self._is_fan = is_fan
        self._recipes = recipes(relights, options, is_fan=is_fan)
        self._decoding: deque[tuple[Job, Pending[Decoded | FileDone]]] = deque()
        self._batches = Batches(self._batch_limit, self._ahead)
        self._relighting: deque[tuple[list[Job], Pending[RelitBatch]]] = deque()
        self._encoding: deque[tuple[Job, Pending[FileDone | Halt | None]]] = deque()

    def run(self) -> None:
        """Process all jobs.

        After a halt, or a failure under --fail-fast, drop all pictures that are not yet
        being encoded, and the files of a fan that are not yet begun.
        """
        most_encoding = 2 * self._executor.width("encode")
        while not self._tally.is_over and self._step():
            self._report_encoded(leave=most_encoding)
            if self._tally.is_over:
                self._outputs.stop()
        self._report_encoded(leave=0)

    def stop(self) -> None:
        """Wait for the files that are being encoded, and report what is whole.

        Of a fan only the file in work is finished: the next run makes the others.
        """
        self._outputs.stop()
        self._report_encoded(leave=0)

    def _step(self) -> bool:
        """Start what there is room for, and move the oldest pictures one stage on.

        Where other runs have claimed all pictures that are left, wait a moment; where
        none is left and more may come, wait for them.

        Returns:
            False where no picture is left to start or to move.
        """
        # No local variable holds a picture from one step to the next: the picture would
        # stay in memory without being counted.
        self._admit()
        if self._decoding:
            self._relight(self._take_decoded())
        elif self._batches:  # cannot grow until pictures in flight are finished
            self._relight(self._batches.oldest())
        elif self._relighting:
            self._encode_relit(leave=len(self._relighting) - 1)
        elif self._encoding:
            self._report_encoded(leave=len(self._encoding) - 1)
        elif self._waiting:  # other runs have claimed all of them
            time.sleep(_PATIENCE)
        else:
            return self._arrivals.wait()
        return True

    def _admit(self) -> None:
        """Start to decode, in plan order, as many pictures as there is room for."""
        self._waiting.extend(self._arrivals.take())
        ahead = self._ahead + (self._options.batch_size or 0)
        for _ in range(len(self._waiting)):
            job = self._waiting[0]
            if len(self._decoding) >= ahead or not self._budget.admits(self._load(job)):
                return
            self._waiting.popleft()
            if not self._outputs.claim(job):
                self._waiting.append(job)
                continue
            self._budget.take(self._load(job))
            pending = self._executor.submit(
                "decode",
                work.prepare,
                job,
                self._outputs,
                self._recipes,
                self._options.max_megapixels,
            )
            self._decoding.append((job, pending))

    def _take_decoded(self) -> list[Decoded]:
        """Wait for the next decoded picture, and add it to its batch.

        Returns:
            Pictures that need not wait for others any longer.
        """
        job, pending = self._decoding.popleft()
        decoded = pending.result()
        if isinstance(decoded, FileDone):
            self._count_out(job, decoded)
            return []
        self._add_busy("decode", decoded.seconds)
        return self._batches.add(decoded)

    def _batch_limit(self, width: int, height: int) -> int:
        """Pictures of a size that run together; never more than memory allows."""
        if self._is_fan:  # the layers of one picture fill as much as a batch
            return 1
        wanted = self._options.batch_size or self._relights.batch_size(width, height)
        # The other half is for pictures that are decoded and encoded meanwhile.
        room = self._budget.limit // 2 // (width * height)
        return min(wanted, max(1, room))

    def _relight(self, batch: list[Decoded]) -> None:
        """Give a batch to the network."""
        if not batch:
            return
        jobs = [decoded.job for decoded in batch]
        pending = self._executor.submit(
            "network", stages.relight, batch, self._relights
        )
        self._relighting.append((jobs, pending))
        self._encode_relit(leave=self._executor.width("network"))

    def _encode_relit(self, leave: int) -> None:
        """Encode what is relit, waiting until at most `leave` batches are left."""
        while self._relighting:
            jobs, pending = self._relighting[0]
            if len(self._relighting) <= leave and not pending.done():
                return
            self._encode(jobs, pending.result())
            self._relighting.popleft()

    def _encode(self, jobs: list[Job], batch: RelitBatch) -> None:
        self._add_busy("network", batch.seconds)
        for job, relit in zip(jobs, batch.pictures, strict=True):
            if isinstance(relit, FileDone):
                self._count_out(job, relit)
                continue
            pending = self._executor.submit(
                "encode", work.finish, relit, self._outputs, self._options.write
            )
            self._encoding.append((job, pending))

    def _report_encoded(self, leave: int) -> None:
        """Report what is written, waiting until at most `leave` pictures are left."""
        while self._encoding:
            job, pending = self._encoding[0]
            if len(self._encoding) <= leave and not pending.done():
                return
            done = pending.result()  # a signal while waiting loses nothing
            self._encoding.popleft()
            if isinstance(done, FileDone):
                self._add_busy("encode", done.seconds.get("encode", 0.0))
            self._count_out(job, done)

    def _count_out(self, job: Job, done: FileDone | Halt | None) -> None:
        """Report a picture, unless it was abandoned; give its room and claim back.

        Called once for each picture that was admitted and is not dropped. The claims
        to dropped pictures end with the job.
        """
        self._budget.give_back(self._load(job))
        self._outputs.release(job)
        if done is not None:
            self._tally.add(done)

    def _load(self, job: Job) -> int:
        """What a picture counts in the budget: its pixels, and of a fan the layers."""
        if not job.is_fan:
            return job.pixels
        side = self._relights.work_size
        seen = job.pixels if side == "full" else min(job.pixels, side * side)
        return job.pixels + _LAYERS * seen

    def _add_busy(self, stage: Stage, seconds: float) -> None:
        self._tally.add_busy(stage, seconds / self._executor.width(stage))
