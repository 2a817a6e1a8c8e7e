"""What a run learns from: batches to learn, and pictures to try a network on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.train.schedule import Phase

Paint = Callable[["Tensor"], "Tensor"]
"""Pictures in [0, 1] to what the network paints of them, float32, not clamped."""


class Batch(Protocol):
    """What one step sees."""

    @property
    def source(self) -> Tensor:
        """B 3 S S, float32, sRGB in [0, 1]."""

    @property
    def names(self) -> tuple[str, ...]:
        """The scenes, for messages."""


Loss = Callable[["Tensor", Any], "Tensor"]
"""What the network painted of a batch, and the batch of its material, to a scalar."""


@dataclass(frozen=True)
class Trial:
    """What a network was found to do on pictures that it is not trained on.

    Attributes:
        psnr: Of finished pictures, mean, in dB.
        psnr_copy: The same for the inputs as they are.
        detail: Mean gradient magnitude, as a part of the targets'.
        rows: Input, output and target of some pictures, each 3 S S on the CPU.
        scores: Whatever else was measured, by name.
    """

    psnr: float
    psnr_copy: float
    detail: float
    rows: Sequence[Sequence[Tensor]]
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class About:
    """A run's material, for people and for the card of its weights.

    Attributes:
        count: How many pairs or scenes.
        kind: ``pair`` or ``scene``.
        mirrored: How many of them have pictures to mirror.
        validation: What the network is tried on.
        lights: Of inputs and targets; "" where there are several.
        notes: What the user must know.
    """

    count: int
    kind: str
    mirrored: int
    validation: str
    lights: tuple[str, str]
    notes: tuple[str, ...] = ()


class Material(Protocol):
    """What a run learns from. An example is a function of its number in the run."""

    @property
    def about(self) -> About:
        """For people."""

    def batch(self, numbers: range, size: int) -> Batch:
        """The examples of these numbers, at a size in pixels."""

    def prefetch(self, numbers: range, size: int) -> None:
        """Start on what will be needed soon."""

    def try_out(self, paint: Paint, phase: Phase) -> Trial:
        """Try a network on pictures that it is not trained on."""

    def close(self) -> None:
        """Stop threads."""
