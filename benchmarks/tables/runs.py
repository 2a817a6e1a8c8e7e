"""Trained systems: each a folder of `msrnet train`, kept, resumed, or begun."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.tables.program import msrnet
from msrnet_cli.train import runs

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.tables.data import Data
    from benchmarks.tables.protocol import Protocol
    from benchmarks.tables.systems import System


@dataclass(frozen=True)
class Run:
    """A system, trained from one seed.

    Attributes:
        system: What is trained.
        seed: Of first weights and order.
        out: The folder of all runs.
    """

    system: System
    seed: int
    out: Path

    @property
    def folder(self) -> Path:
        """Where `msrnet train` writes."""
        return self.out / f"{self.system.key}-seed{self.seed}"

    @property
    def weights(self) -> Path:
        """The weights with which the training ends."""
        return runs.stage_result(self.folder, self.system.last_stage)

    @property
    def is_trained(self) -> bool:
        """Whether the training has come to its end."""
        return self.weights.is_file()

    def train(self, protocol: Protocol, data: Data, device: str) -> None:
        """Train to the end; a run that was stopped goes on.

        Raises:
            MSRNetError: As `msrnet train` raises.
            SystemExit: A signal stopped it.
        """
        if self.is_trained:
            return
        place = ("--out", str(self.folder), "--device", device, *self._data(data))
        if runs.exists(self.folder):
            msrnet("train", "--resume", *place)
        else:
            seed = ("--seed", str(self.seed))
            msrnet("train", *place, *seed, *protocol.words(self.system))

    def _data(self, data: Data) -> tuple[str, ...]:
        if self.system.training == "layers":
            return ("--data", data.layers)
        return ("--data", data.train, "--val", data.val)


def trained(system: System, out: Path) -> list[Run]:
    """All runs of a system that have come to their end, by seed."""
    seeds = (
        re.fullmatch(rf"{re.escape(system.key)}-seed(\d+)", path.name)
        for path in out.glob(f"{system.key}-seed*")
    )
    found = [Run(system, int(match[1]), out) for match in seeds if match]
    return sorted((run for run in found if run.is_trained), key=lambda run: run.seed)
