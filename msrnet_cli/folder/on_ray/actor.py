"""What runs in an actor of Ray: a worker, and what it must load before."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.errors import MSRNetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from msrnet_cli.folder.jobs import Job
    from msrnet_cli.folder.options import RelightOptions
    from msrnet_cli.folder.plan import Plan
    from msrnet_cli.folder.worker import Ready, Turn, Worker


NOWHERE = "http://127.0.0.1:9"
"""The proxy of Ray's own requests where it is started for a job: nobody listens."""


@dataclass(frozen=True)
class Order:
    """What an actor is started for.

    Attributes:
        folder: Working folder of the process that plans: relative paths begin there.
        plan: The outline of the plan.
        options: Of the whole command.
        weights_name: Name of the weights.
        pictures: About how many pictures each actor will relight.
        cores: CPU cores that an actor may use.
    """

    folder: str
    plan: Plan
    options: RelightOptions
    weights_name: str
    pictures: int
    cores: int


class RayWorker:
    """A `Worker` as an actor. Errors of the user's come back as values.

    Args:
        environment: Variables that must be set before torch is imported.
        proxies: Those of the process that started Ray, in place of `NOWHERE`: what the
            worker itself asks for, as in a store, must arrive.
    """

    def __init__(
        self, environment: Mapping[str, str], proxies: Mapping[str, str]
    ) -> None:
        if os.environ.get("http_proxy") == NOWHERE:
            del os.environ["http_proxy"]
            os.environ.update(proxies)
        os.environ.update(environment)
        self._worker: Worker | None = None

    def machine(self) -> tuple[str, str]:
        """Ray's number of the machine, and the name that people know it by."""
        import ray

        return ray.get_runtime_context().get_node_id(), platform.node()

    def load(self, order: Order) -> Ready | MSRNetError:
        """Load the network."""
        try:
            os.chdir(order.folder)
        except OSError as error:
            reason = f"{order.folder}: {error.strerror}"
            remedy = "work on a file system that all nodes share"
            return _here(UsageError(reason, remedy))
        try:
            self._worker = _worker(order)
        except MSRNetError as error:
            return _here(error)
        return self._worker.ready

    def begin(self, number: int, step: int) -> MSRNetError | None:
        """As `Worker.begin`."""
        assert self._worker is not None
        try:
            self._worker.begin(number, step)
        except MSRNetError as error:
            return _here(error)
        return None

    def turn(self, jobs: Sequence[Job], freed: Sequence[Job], seconds: float) -> Turn:
        """As `Worker.turn`."""
        assert self._worker is not None
        return self._worker.turn(jobs, freed, seconds)

    def stop(self) -> Turn:
        """As `Worker.stop`."""
        assert self._worker is not None
        return self._worker.stop()


def _worker(order: Order) -> Worker:
    from msrnet_cli import hardware
    from msrnet_cli.folder import executor
    from msrnet_cli.folder.worker import Worker
    from msrnet_cli.relight.relighter import Relighter

    options = order.options
    hardware.keep_freed_memory()
    relighter = Relighter.load(
        options.weights, options.session, light=options.light, pictures=order.pictures
    )
    stored = order.plan.is_stored
    threads = executor.threads_for(relighter, order.cores, is_stored=stored)
    return Worker(order.plan, relighter, options.folder, threads, order.weights_name)


def _here(error: MSRNetError) -> MSRNetError:
    """The error with the name of the machine that it is about."""
    error.__init__(f"on {platform.node()}: {error.reason}", error.remedy)  # type: ignore[misc]
    return error
