"""Pictures that come to a scheduler: a whole plan, or some now and then."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from msrnet_cli.folder.jobs import Job


class Arrivals:
    """A queue of pictures between the thread that brings them and the scheduler's.

    Args:
        jobs: What is there already.
        more: Whether further pictures may come, until `close`.
    """

    def __init__(self, jobs: Iterable[Job] = (), *, more: bool = False) -> None:
        self._jobs = [*jobs]
        self._is_open = more
        self._changed = threading.Condition()

    def put(self, jobs: Iterable[Job]) -> None:
        """Bring pictures."""
        with self._changed:
            self._jobs.extend(jobs)
            self._changed.notify_all()

    def close(self) -> None:
        """No further picture comes."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()

    def take(self) -> list[Job]:
        """What has come since the last time; never waits."""
        with self._changed:
            jobs, self._jobs = self._jobs, []
        return jobs

    def wait(self) -> bool:
        """Wait until there is something to take; False where nothing comes any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or not self._is_open)
            return bool(self._jobs)
