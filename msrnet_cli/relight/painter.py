"""From pictures of any size to all that a network paints of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.images.pixels import unit
from msrnet_cli.networks.spec import Inputs
from msrnet_cli.relight import carry, device_copy, memory, scaling, sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from msrnet_cli.networks.spec import Architecture
    from msrnet_cli.relight.records import Painted, WeightsName
    from msrnet_cli.relight.session import Session


GIVE_SECOND = "give the other: relight(picture, second=OTHER) in Python"
"""What to do about weights that see two pictures."""


@dataclass(frozen=True)
class Painter:
    """A session, and the size at which its network sees pictures.

    Attributes:
        session: The network on its device.
        architecture: Facts about the network.
        weights: What names its weights.
    """

    session: Session
    architecture: Architecture
    weights: WeightsName

    def working_size(self, width: int, height: int) -> tuple[int, int] | None:
        """As `sizes.working_size`, for a picture of a width and height."""
        facts = self.architecture
        return sizes.working_size(
            width, height, self.session.work_size, facts.multiple, facts.least
        )

    def batch_size(self, width: int, height: int) -> int:
        """How many pictures of a size to run together on the device."""
        size = (width, height)
        seen = self.working_size(*size) or size
        facts, device = self.architecture, self.session.device.type
        return sizes.batch_size(size, seen, device, facts.multiple, facts.least)

    def paint(
        self, batch: Sequence[Tensor], guides: Sequence[Tensor] = (), *, deep: bool
    ) -> tuple[Sequence[carry.Whole | carry.Reduced], Painted]:
        """Paint pictures of one size.

        Args:
            batch: Each 3 H W, sRGB, on the CPU: float32 in [0, 1] or uint8; all of one
                size and type.
            guides: For each of them G H W, of their size, uint8 or float32 in [0, 1],
                where the architecture takes a guide.
            deep: Whether more than 8 bits matter.

        Returns:
            The pictures, each with what the network saw of it; and what it painted.

        Raises:
            UsageError: There are guides for a network that takes none, or too few.
            PictureError: A guide has another size than its picture.
        """
        _check(self.architecture, batch, guides)
        forward, notes = self.session.suited(deep=deep)
        height, width = batch[0].shape[-2:]
        size = self.working_size(width, height)
        device = self.session.device
        places: Sequence[carry.Whole | carry.Reduced] = list(map(carry.Whole, batch))
        if size:
            if self.session.work_size == "full":
                thin = f"so thin that the network saw it at {size[0]}x{size[1]}"
                notes = (*notes, thin)
            places = carry.reduced(batch, size, device)
            guides = [scaling.reduce(one, *size) for one in guides]
        inputs = Inputs(
            device_copy.stacked([one.seen for one in places], device),
            torch.stack([unit(one) for one in guides]) if guides else None,
        )
        painted = memory.run(self.session.forwards, forward, inputs)
        return places, painted.noted(notes)


def _check(
    architecture: Architecture, batch: Sequence[Tensor], guides: Sequence[Tensor]
) -> None:
    """Refuse guides that do not fit the network or the pictures.

    Raises:
        UsageError: There are some for a network that takes none, or too few.
        PictureError: One has another size than its picture.
    """
    if guides and not architecture.guide:
        raise UsageError(
            "these weights see one picture, and a second one is given", "leave it out"
        )
    if architecture.guide and not guides:
        raise UsageError(
            "these weights see two pictures of a scene, and there is one", GIVE_SECOND
        )
    if guides and len(guides) != len(batch):
        raise UsageError(
            f"{len(guides)} second pictures for {len(batch)}", "give one for each"
        )
    for picture, guide in zip(batch, guides, strict=bool(guides)):
        if picture.shape[-2:] != guide.shape[-2:]:
            (high, wide), (height, width) = guide.shape[-2:], picture.shape[-2:]
            raise PictureError(
                f"its second picture is {wide}x{high}, the picture {width}x{height}",
                "make both of one size",
            )
