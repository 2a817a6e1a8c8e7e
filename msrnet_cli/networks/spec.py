"""What the rest of the program must know of a network: facts, not code.

Tiling, memory, engines, schedule, weights and bench ask here, so that a new network is
one file that says all this of itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import torch.nn.functional as F

from msrnet_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import EllipsisType

    from torch import Tensor, nn

    from msrnet_cli.config import Arch, Engine

PICTURE = "picture"
"""The output of a network that paints the relit picture itself."""

COLOURS = 3
"""Channels of a picture, and of each output."""


class Inputs(NamedTuple):
    """What a network is called with, in this order: ``network(*inputs.tensors)``.

    Attributes:
        image: B 3 H W in the range that the weights were trained on.
        guide: B G H W in the same range, pixel by pixel with the picture, such as depth
            or a second picture; None where the architecture takes none.
    """

    image: Tensor
    guide: Tensor | None = None

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What is there."""
        return (self.image,) if self.guide is None else (self.image, self.guide)

    def map(self, change: Callable[[Tensor], Tensor]) -> Inputs:
        """The same change of place (padding, enlarging, a mirror) to all of them."""
        return Inputs(*map(change, self.tensors))

    def part(self, *index: slice | EllipsisType) -> Inputs:
        """The same part of all of them."""
        return self.map(lambda tensor: tensor[index])


@dataclass(frozen=True)
class Upon:
    """Weights of a smaller network, from which a larger one can go on.

    Attributes:
        arch: Whose weights.
        prefix: Where they go among its own; the rest starts as the identity.
    """

    arch: Arch
    prefix: str


@dataclass(frozen=True)
class Sketches:
    """Pictures that a network paints on the way to its result.

    In training, the loss of each is added to that of the result. Nobody else sees them.

    Attributes:
        paint: Gives all pictures that a network paints of B 3 H W, each B C h w, in the
            order in which it paints them. The last is the result, as the network's call
            gives it.
        resize: Brings a target to the height and width of a sketch; by default, to
            means of blocks.
        smallest: How many times smaller than the result the smallest is.
    """

    paint: Callable[[nn.Module, Tensor], Sequence[Tensor]]
    resize: Callable[[Tensor, tuple[int, int]], Tensor] = F.adaptive_avg_pool2d
    smallest: int = 1


@dataclass(frozen=True)
class Published:
    """How the authors of a network name its parameters.

    Attributes:
        our_name: Gives our name for theirs, None for a name that is not theirs.
        width: One of our names, of a bias with as many values as the network has
            channels.
    """

    our_name: Callable[[str], str | None]
    width: str


@dataclass(frozen=True)
class Architecture:
    """A kind of network.

    A network takes `Inputs` and gives B C H W, in the ranges that `ranges` says, not
    clamped: three channels for each of its outputs.

    Attributes:
        build: Makes one, freshly initialised, of so many channels.
        multiple: Heights and widths must be multiples of this.
        reach: How far a pixel of the output sees, in pixels, as a multiple of
            `multiple`; None where it sees the whole picture, so that tiles would not
            be exact.
        bytes_per_pixel: About how much memory a pass takes for each pixel, at the
            most, by number format, at 32 channels.
        painter: Name of the convolution that paints the finest output.
        outputs: What it paints, in order.
        guide: Channels of its guide; 0 where it takes none. Three are those of a second
            picture: the same scene under another light.
        start_as_identity: Initialises a network so that each output is its picture, in
            the value range of its authors; raises a ValueError where it has too few
            channels.
        identity_channels: Fewest channels for that.
        upon: Which weights it can go on from, other than its own.
        published: How its authors name its parameters.
        sketches: What it paints besides, and learns from; None where its output is all.
        least: Heights and widths must have so many pixels, a multiple of `multiple`; 0
            where one multiple is enough.
        needs_fp32: Whether bfloat16 is too coarse for its gradients: where no number
            format is named, it learns in float32.
        fused_bytes: As `bytes_per_pixel`, of engine ``fused``, where that takes less.
        from_mirror: Turns what it paints of a mirrored picture, B C H W in [0, 1], into
            what it paints of the picture; None where its light comes from one side.
    """

    build: Callable[[int], nn.Module]
    multiple: int
    reach: int | None
    bytes_per_pixel: dict[str, float]
    painter: str
    outputs: tuple[str, ...] = (PICTURE,)
    guide: int = 0
    start_as_identity: Callable[[nn.Module], None] | None = None
    identity_channels: int = 1
    upon: Upon | None = None
    published: Published | None = None
    sketches: Sketches | None = None
    needs_fp32: bool = False
    least: int = 0
    fused_bytes: dict[str, float] = field(default_factory=dict)
    from_mirror: Callable[[Tensor], Tensor] | None = None

    @property
    def paints_layers(self) -> bool:
        """Whether it paints a picture under many lights, not one relit picture."""
        return self.outputs != (PICTURE,)

    @property
    def smallest(self) -> int:
        """The smallest height and width that it takes, in pixels."""
        return max(self.multiple, self.least)

    @property
    def sees_two(self) -> bool:
        """Whether it sees two pictures of a scene: its guide is the second."""
        return self.guide == COLOURS

    def require_side(self, option: str, side: int) -> None:
        """Refuse a side of a picture that the network cannot take.

        Raises:
            UsageError: With the nearest one that it can.
        """
        if side % self.multiple == 0 and side >= self.smallest:
            return
        nearest = math.floor(side / self.multiple + 0.5) * self.multiple
        is_whole = side > 0 and side % self.multiple == 0
        fault = "too small" if is_whole else f"not a multiple of {self.multiple}"
        raise UsageError(
            f"{option} {side} is {fault}", f"give {max(nearest, self.smallest)}"
        )

    def bytes_per_pixel_at(
        self, dtype: str, channels: int, engine: Engine = "auto"
    ) -> float:
        """About the most memory that a pass takes for each pixel, in bytes.

        Args:
            dtype: ``fp32``, ``bf16`` or ``fp16``.
            channels: Of the network.
            engine: The engine that runs it; ``auto`` where that is not known, which
                counts as the hungriest.
        """
        known = self.bytes_per_pixel | (self.fused_bytes if engine == "fused" else {})
        return known[dtype] * max(1.0, channels / 32)
