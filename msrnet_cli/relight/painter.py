"""From pictures of any size to all that a network paints of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from msrnet_cli.networks.spec import Inputs
from msrnet_cli.relight import carry, device_copy, memory, scaling, sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from msrnet_cli.networks.spec import Architecture
    from msrnet_cli.relight.records import Painted
    from msrnet_cli.relight.session import Session


@dataclass(frozen=True)
class Painter:
    """A session, and the size at which its network sees pictures.

    Attributes:
        session: The network on its device.
        architecture: Facts about the network.
    """

    session: Session
    architecture: Architecture

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
            guides: For each of them G H W, float32, where the architecture takes a
                guide.
            deep: Whether more than 8 bits matter.

        Returns:
            The pictures, each with what the network saw of it; and what it painted.
        """
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
            torch.stack(list(guides)) if guides else None,
        )
        painted = memory.run(self.session.forwards, forward, inputs)
        return places, painted.noted(notes)
