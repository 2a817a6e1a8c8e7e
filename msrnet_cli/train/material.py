"""Material of a run: batches to learn from, and pictures to validate on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.networks.spec import Inputs
    from msrnet_cli.train.schedule import Phase

Paint = Callable[["Inputs"], "Tensor"]
"""Pictures in [0, 1], with guides if any, to the output: float32, not clamped."""


class Batch(Protocol):
    """The examples of one step."""

    @property
    def inputs(self) -> Inputs:
        """What the network sees: each B 3 S S, float32, sRGB in [0, 1]."""

    @property
    def names(self) -> tuple[str, ...]:
        """The scenes, for messages."""

    @property
    def target(self) -> Tensor:
        """B C S S: what is to be painted."""

    def with_target(self, target: Tensor) -> Batch:
        """The same examples with other targets, B C h w."""


Loss = Callable[["Tensor", Any], "Tensor"]
"""The network's output and the batch that it was made of, to a scalar."""


@dataclass(frozen=True)
class Trial:
    """How well a network does on pictures that it is not trained on.

    Attributes:
        psnr: Mean over the relit pictures, in dB.
        psnr_copy: The same for the unchanged inputs.
        detail: Mean gradient magnitude, relative to that of the targets.
        rows: Input, output and target of some pictures, each 3 S S on the CPU.
        scores: Other measurements, by name.
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
        count: Number of pairs or scenes.
        kind: ``pair`` or ``scene``.
        mirrored: How many of these have a mirrored twin.
        validation: The data for validation.
        lights: Light of inputs and of targets; "" if there are several.
        notes: For the user.
        second_light: Light of second inputs; "" if there are several, or none.
    """

    count: int
    kind: str
    mirrored: int
    validation: str
    lights: tuple[str, str]
    notes: tuple[str, ...] = ()
    second_light: str = ""


class Material(Protocol):
    """Training data. An example is a function of its number in the run alone."""

    @property
    def about(self) -> About:
        """For people."""

    def batch(self, numbers: range, size: int) -> Batch:
        """The examples of these numbers, at a size in pixels."""

    def prefetch(self, numbers: range, size: int) -> None:
        """Start to make examples that will be needed soon."""

    def try_out(self, paint: Paint, phase: Phase) -> Trial:
        """Score a network on pictures that it is not trained on."""

    def close(self) -> None:
        """Stop threads."""
