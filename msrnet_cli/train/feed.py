"""The examples of each step, made before they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli.train.processes import ALONE

if TYPE_CHECKING:
    from msrnet_cli.train.material import Batch, Material
    from msrnet_cli.train.position import Position
    from msrnet_cli.train.processes import Processes
    from msrnet_cli.train.schedule import Phase


class Feed:
    """Gives each process its own part of the examples of a step.

    Args:
        material: Makes examples by their number.
        processes: Which share the examples of a step.
    """

    def __init__(self, material: Material, processes: Processes = ALONE) -> None:
        self._material = material
        self._processes = processes
        self._ahead: dict[tuple[range, int], Batch] = {}

    def images(self, phase: Phase) -> int:
        """Examples of a step, on all processes."""
        return phase.batch * self._processes.count

    def take(self, position: Position, phase: Phase) -> Batch:
        """The batch of the step to come."""
        wanted = self._numbers(position, phase, 0), phase.size
        batch = self._ahead.pop(wanted, None)
        self._ahead.clear()  # of another size, perhaps
        return batch or self._material.batch(*wanted)

    def prepare(self, position: Position, phase: Phase) -> None:
        """Make the batch after the one to come, and start on the one after that."""
        wanted = self._numbers(position, phase, 1), phase.size
        self._ahead = {wanted: self._material.batch(*wanted)}
        self._material.prefetch(self._numbers(position, phase, 2), phase.size)

    def _numbers(self, position: Position, phase: Phase, ahead: int) -> range:
        """The examples of this process, so many steps ahead of the one to come."""
        first = position.drawn + ahead * self.images(phase)
        start = first + self._processes.rank * phase.batch
        return range(start, start + phase.batch)
