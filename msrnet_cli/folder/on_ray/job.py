"""Carries out a plan with actors of Ray."""

from __future__ import annotations

import math
import os
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError
from msrnet_cli.files import Folder
from msrnet_cli.folder.crew import Crew, Shift
from msrnet_cli.folder.job import carry_out, counted
from msrnet_cli.folder.on_ray.actor import Order
from msrnet_cli.folder.tails import of_actor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from msrnet_cli.folder.events import Event, JobSummary
    from msrnet_cli.folder.on_ray.cluster import Cluster
    from msrnet_cli.folder.options import RelightOptions
    from msrnet_cli.folder.outputs import Outputs
    from msrnet_cli.folder.plan import Plan
    from msrnet_cli.folder.records import Making
    from msrnet_cli.folder.tally import Tally
    from msrnet_cli.folder.worker import Ready


class RayJob:
    """A plan and the actors that carry it out. Close it in the end.

    Args:
        plan: From `make_plan`.
        options: Of the whole command.
        cluster: Ray.
        weights_name: Name of the weights.

    Attributes:
        making: How results are made, for people.

    Raises:
        UsageError: No node has what an actor asks for, or the results are one file.
        MSRNetError: The actors cannot load the network.
    """

    def __init__(
        self, plan: Plan, options: RelightOptions, cluster: Cluster, weights_name: str
    ) -> None:
        if plan.folder is None:
            reason = f"{plan.output} is one file"
            raise UsageError(reason, "name a folder for --executor ray")
        self._plan = plan
        self._options = options
        count = min(cluster.count(options.cluster), max(1, len(plan.jobs)))
        self._nodes = cluster.nodes
        order = Order(
            str(Path.cwd()),
            plan.outline,
            options,
            weights_name,
            math.ceil(len(plan.jobs) / count),
            max(1, int(options.cluster.ray_cpus)),
        )
        self._crew = Crew(cluster.actors(order, options.cluster), count)
        self._ready: Ready = self._crew.first()
        self.making: Making = self._ready.making

    def run(self, notify: Callable[[Event], None], start: float = 0.0) -> JobSummary:
        """Carry out the plan; as `relight_folder`."""
        ready, count = self._ready, self._crew.count
        where = f"{count} actor{'s' * (count > 1)} of Ray"
        where += f" on up to {self._nodes} nodes" if self._nodes > 1 else ""
        opening = counted(self._plan, ready.opening)
        opening = replace(opening, device=f"{where}, each on {opening.device}")
        return carry_out(
            self._plan,
            self._options.folder,
            opening,
            ready.making,
            partial(self._working, notify),
            notify,
            start,
            knows=False,
        )

    def close(self) -> None:
        """End the actors."""
        self._crew.close()

    @contextmanager
    def _working(
        self, tell: Callable[[Event], None], outputs: Outputs, tally: Tally
    ) -> Iterator[Shift]:
        self._make_journals()
        yield Shift(self._crew, self._ready, self._plan.jobs, outputs, tally, tell)

    def _make_journals(self) -> None:
        """Let every actor find the journals of the others when it begins.

        In a store each writes objects of its own, which are listed.
        """
        place = self._plan.place
        if not isinstance(place, Path):
            return
        with suppress(OSError), closing(Folder(place)) as folder:
            for number in range(1, self._crew.count + 1):
                os.close(folder.open(of_actor(number), os.O_WRONLY | os.O_CREAT))
