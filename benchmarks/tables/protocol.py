"""One protocol for all rows: what they learn from, how long, how they are scored."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks.tables import keeping
from msrnet_cli.errors import UsageError
from msrnet_cli.train.recipes import RECIPES

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.tables.systems import System

PAPER_PICTURES = 300 * 2500
"""Pictures that each of the paper's networks saw, if its epochs are of all stages."""

_FILE = "protocol.json"
_VALIDATIONS = ("--validations", "4")  # the result is the last one, not the best


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """What all rows have in common. Folders with the same one can share runs.

    Attributes:
        pictures: Seen by each system during training; None where `epochs` counts.
        epochs: Passes over the training data; None where `pictures` counts.
        size: Side in pixels to which pictures are resized for training.
        batch: Pairs a step.
        data: Training pairs; "" has scenes rendered.
        val: Pairs to score on.
        layers: The training scenes, light by light; "" leaves out who needs them.
        scenes: How many training scenes are rendered.
        val_scenes: How many are rendered to score on.
        perceptual: Whether the combined loss compares features of VGG16.
        vgg: File with VGG16's weights; "" fetches them.
        work_size: At which networks see the pictures that are scored.
        dtype: Number format of training; what is scored and timed is in fp32.
        more: Further options of `msrnet train`, for all systems.
    """

    pictures: int | None = None
    epochs: float | None = None
    size: int = 512
    batch: int = 2
    data: str = ""
    val: str = ""
    layers: str = ""
    scenes: int = 300
    val_scenes: int = 45
    perceptual: bool = True
    vgg: str = ""
    work_size: str = "full"
    dtype: str = "fp32"
    more: tuple[str, ...] = ()

    def words(self, system: System) -> list[str]:
        """What `msrnet train` is told of a system, but for data, seed and place."""
        layers = system.training == "layers"
        batch = RECIPES["lightstage"].schedule.batch[0] if layers else self.batch
        words = ["--size", str(self.size), *self._budget(batch), "--dtype", self.dtype]
        words += _VALIDATIONS
        if layers:
            return [*words, "--recipe", "lightstage", "--arch", system.arch, *self.more]
        words += ["--arch", system.arch, "--batch", str(batch), *system.words]
        if system.training == "combined":
            words += ["--vgg", self.vgg] if self.vgg else []
            words += [] if self.perceptual else ["--no-perceptual"]
        return [*words, *self.more]

    def _budget(self, batch: int) -> tuple[str, str]:
        if self.pictures is None:
            return "--epochs", f"{self.epochs:g}"
        return "--steps", str(math.ceil(self.pictures / batch))

    def seen(self, scenes: int) -> int:
        """Pictures that a system sees during training.

        Args:
            scenes: In the training data.
        """
        if self.pictures is not None:
            return self.pictures
        return round((self.epochs or 0) * scenes)


def settle(out: Path, protocol: Protocol) -> None:
    """Write down the protocol of a folder; refuse another one than it has.

    Raises:
        UsageError: With the first setting that differs.
    """
    before = read(out)
    if before is None:
        keeping.write(out / _FILE, asdict(protocol))
        return
    old, new = asdict(before), asdict(protocol)
    for name, value in new.items():
        if value != old[name]:
            raise UsageError(
                f"{out} holds runs of another protocol: {name} is {_told(old[name])}"
                f" there, not {_told(value)}",
                "name another folder, or give the same options",
            )


def read(out: Path) -> Protocol | None:
    """The protocol of a folder; None before its first run.

    Raises:
        UsageError: It cannot be read.
    """
    path = out / _FILE
    found = keeping.read(path)
    if found is None:
        return None
    try:
        return Protocol(**{**found, "more": tuple(found["more"])})
    except (TypeError, LookupError) as error:
        raise UsageError(f"{path} cannot be read: {error}", "remove it") from error


def _told(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(value) or "nothing"
    return "nothing" if value in ("", None) else str(value)
