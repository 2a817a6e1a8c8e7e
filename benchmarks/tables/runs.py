"""Trained systems: each a folder of `msrnet train`, kept, resumed, or begun.

What was found of a system outlives its weights: a system that is scored is not trained
again. So the rows of a table can come from several machines.
"""

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
    def name(self) -> str:
        """Names the run among all."""
        return f"{self.system.key}-seed{self.seed}"

    @property
    def folder(self) -> Path:
        """Where `msrnet train` writes."""
        return self.out / self.name

    @property
    def weights(self) -> Path:
        """The weights with which the training ends."""
        return runs.stage_result(self.folder, self.system.last_stage)

    @property
    def finding(self) -> Path:
        """What was found of it."""
        return found_in(self.out) / f"{self.name}.json"

    @property
    def has_weights(self) -> bool:
        """Whether the training has come to its end here."""
        return self.weights.is_file()

    @property
    def is_done(self) -> bool:
        """Whether the training has come to its end, here or where it was scored."""
        return self.has_weights or self.finding.is_file()

    def train(self, protocol: Protocol, data: Data, device: str) -> None:
        """Train to the end; a run that was stopped goes on.

        Raises:
            MSRNetError: As `msrnet train` raises.
            SystemExit: A signal stopped it.
        """
        if self.is_done:
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


def found_in(out: Path) -> Path:
    """The folder of what was found, small enough for a repository."""
    return out / "found"


def done(system: System, out: Path) -> list[Run]:
    """All runs of a system that have come to their end, by seed."""
    name = re.compile(rf"{re.escape(system.key)}-seed(\d+)(\.json)?")
    paths = (*out.glob("*"), *found_in(out).glob("*.json"))
    matches = (name.fullmatch(path.name) for path in paths)
    seeds = {int(match[1]) for match in matches if match}
    runs = (Run(system, seed, out) for seed in sorted(seeds))
    return [run for run in runs if run.is_done]
