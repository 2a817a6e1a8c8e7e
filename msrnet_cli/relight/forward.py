"""A forward pass as a value: the network, ready to run, and the facts a pass needs."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from msrnet_cli import engines
from msrnet_cli.images.pixels import unit
from msrnet_cli.networks.spec import COLOURS
from msrnet_cli.relight import device_copy, sizes

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from msrnet_cli.networks.ranges import Scale
    from msrnet_cli.networks.spec import Architecture, Inputs


@dataclass(frozen=True)
class Forward:
    """A network ready to run, in one number format.

    Attributes:
        network: As an engine made it: takes the tensors of `Inputs`, gives B C H W,
            float32.
        device: Where it runs.
        dtype: The number format in which it computes.
        architecture: Facts about the network.
        scale: Between pictures in [0, 1] and what the network sees and paints.
        bytes_per_pixel: About the most memory that a pass takes for each pixel.
        from_mirror: As `Architecture.from_mirror`, where the network also sees the
            mirror image (geometric self-ensemble: Lim et al., EDSR, 2017, section 3.4);
            None where it sees the picture alone.
    """

    network: nn.Module
    device: torch.device
    dtype: torch.dtype
    architecture: Architecture
    scale: Scale
    bytes_per_pixel: float
    from_mirror: Callable[[Tensor], Tensor] | None = None

    @property
    def channels(self) -> int:
        """Of all that the network paints: three for each output."""
        return COLOURS * len(self.architecture.outputs)

    def paint(self, inputs: Inputs) -> Tensor:
        """All outputs of the network.

        Args:
            inputs: The image as B 3 H W, and its guide where there is one, uint8 or
                float32 in [0, 1], on any device.

        Returns:
            B C H W, float32 in about [0, 1], on the device; not clamped.
        """
        height, width = inputs.image.shape[-2:]
        # no_grad, not inference_mode: callers may go on computing with the result.
        with torch.no_grad():
            placed = inputs.map(lambda x: unit(x.to(self.device, non_blocking=True)))
            seen = self.scale.inputs(placed).map(self.padded)
            painted = self._painted(seen)
            if self.from_mirror:
                mirrored = self._painted(seen.map(lambda x: x.flip(-1)))
                painted = painted.add_(self.from_mirror(mirrored)).div_(2)
            return painted[..., :height, :width]

    def _painted(self, seen: Inputs) -> Tensor:
        """All outputs for inputs that the network takes, in about [0, 1]."""
        return self.scale.painted(self.network(*seen.tensors))

    def padded(self, x: Tensor) -> Tensor:
        """B C H W with sides that the network takes."""
        facts = self.architecture
        return sizes.pad_to_multiple(x, facts.multiple, facts.least)

    def bytes_needed(self, batch: Tensor) -> int:
        """About the most bytes that a pass over a batch, B 3 H W, takes."""
        height, width = batch.shape[-2:]
        facts = self.architecture
        pixels = sizes.padded_pixels(width, height, facts.multiple, facts.least)
        return int(len(batch) * pixels * self.bytes_per_pixel)


class Forwards:
    """The two forms of a network on a device: the chosen one, and the exact one.

    Args:
        chosen: The form for most pictures.
        make_exact: Makes the same network in float32; called at most once.

    Attributes:
        chosen: The form for most pictures.
        turn: Held while a batch is computed. On CUDA it lets one batch at a time use
            all free memory.
    """

    def __init__(self, chosen: Forward, make_exact: Callable[[], Forward]) -> None:
        self.chosen = chosen
        is_cuda = chosen.device.type == "cuda"
        self.turn = threading.RLock() if is_cuda else nullcontext()
        self._lock = threading.Lock()
        self._make_exact = make_exact
        self._exact = chosen if chosen.dtype == torch.float32 else None

    def exact(self) -> Forward:
        """The float32 form, made when it is first needed."""
        with self.turn, self._lock:
            if self._exact is None:
                self._exact = self._make_exact()
                device_copy.settle(self.chosen.device)
            return self._exact

    def release(self) -> None:
        """Free the device memory that engines and torch cache."""
        if self.chosen.device.type != "cuda":
            return
        for one in filter(None, (self._exact, self.chosen)):
            engines.release(one.network)
        torch.cuda.empty_cache()
