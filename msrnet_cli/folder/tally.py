"""What became of the pictures of a job so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli.folder.events import STAGES, FileDone, JobSummary, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.folder.outputs import Halt


class Tally:
    """Counts pictures, and reports each of them.

    Args:
        notify: Called with each picture.
        fail_fast: Whether the first failure ends the job.

    Attributes:
        failures: The pictures that failed.
        halt: Why no further result can be written; None where it can.
    """

    def __init__(
        self, notify: Callable[[FileDone], object], *, fail_fast: bool
    ) -> None:
        self.failures: list[FileDone] = []
        self._notify = notify
        self._fail_fast = fail_fast
        self._counts = {"relit": 0, "skipped": 0, "failed": 0}
        self._anew = 0
        self._busy: dict[Stage, float] = dict.fromkeys(STAGES, 0.0)
        self.halt: Halt | None = None
        self._is_ended = False

    @property
    def is_over(self) -> bool:
        """Whether no further picture should start."""
        return (
            self._is_ended
            or self.halt is not None
            or (self._fail_fast and bool(self.failures))
        )

    def end(self) -> None:
        """Let no further picture start."""
        self._is_ended = True

    def add(self, done: FileDone | Halt) -> None:
        """Count and report a picture; or remember the first reason to end the job."""
        if not isinstance(done, FileDone):
            self.halt = self.halt or done
            return
        self._counts[done.status] += 1
        self._anew += done.anew
        if done.status == "failed":
            self.failures.append(done)
        self._notify(done)

    def add_busy(self, stage: Stage, seconds: float) -> None:
        """Count the time that a stage has worked, as wall time of all its workers."""
        self._busy[stage] += seconds

    def summary(
        self,
        pictures: int,
        *,
        seconds: float,
        start: float,
        stopped_by: str,
        failures_file: str,
    ) -> JobSummary:
        """The end of a job.

        Args:
            pictures: How many there were to do.
            seconds: As in `JobSummary`, like the other arguments.
            start: Likewise.
            stopped_by: Likewise.
            failures_file: Likewise.
        """
        halt = self.halt
        return JobSummary(
            relit=self._counts["relit"],
            skipped=self._counts["skipped"],
            failed=self._counts["failed"],
            unfinished=pictures - sum(self._counts.values()),
            seconds=seconds,
            stages=dict(self._busy),
            failures=tuple(self.failures),
            failures_file=failures_file,
            stopped_by=stopped_by,
            halted=f"{halt.reason}; {halt.remedy}" if halt else "",
            anew=self._anew,
            start=start,
        )
