"""Relighter: pictures in, relit pictures out, of any size, on any device.

Evaluation and the bench use the same class, so they measure what users get.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

import torch
from torch import Tensor

from msrnet_cli import hardware
from msrnet_cli.images.pixels import quantise
from msrnet_cli.networks import architecture
from msrnet_cli.networks.spec import Inputs
from msrnet_cli.relight import (
    adapters,
    carry,
    device_copy,
    memory,
    scaling,
    session,
    sizes,
    soundness,
)
from msrnet_cli.relight.options import DEFAULTS
from msrnet_cli.relight.records import Relit
from msrnet_cli.weights.file import load_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Unpack

    import numpy as np
    from PIL import Image
    from torch import nn

    from msrnet_cli.config import WeightsCard
    from msrnet_cli.errors import PictureError
    from msrnet_cli.relight.forward import Forward
    from msrnet_cli.relight.options import SessionKeywords, SessionOptions

    ImageT = TypeVar("ImageT", Image.Image, np.ndarray[Any, Any], Tensor)


class Relighter:
    """A network on a device, ready to relight.

    Safe to share between threads. Prints nothing.

    Args:
        network: From `msrnet_cli.networks`, any floating type; it is copied.
        card: The card of its weights.
        options: Where and how it runs.
        digest: Names the weights in journals.
        pictures: About how many pictures will be relit, for the engine ``auto``.
        **keywords: Fields of `SessionOptions`, in place of those in `options`.

    Attributes:
        card: The card of the weights.
        digest: Names the weights in journals.
        architecture: Facts about the network.
        device: Where the network runs.
        dtype: The number format that was chosen.
        keeps_format: Whether the number format was asked for by name.
        engine: The engine that was chosen.
        keeps_engine: Whether the engine was asked for by name.
        work_size: Longer side that the network sees, or ``full``.
        notes: Notes for the user on the chosen format and engine.

    Raises:
        DeviceError: The device does not exist, cannot compute in this format, does not
            have this engine, or does not have enough memory.
        UsageError: The working size is not valid.
    """

    def __init__(
        self,
        network: nn.Module,
        card: WeightsCard,
        options: SessionOptions = DEFAULTS,
        *,
        digest: str = "",
        pictures: int = 1,
        **keywords: Unpack[SessionKeywords],
    ) -> None:
        self.card = card
        self.digest = digest
        self._options = replace(options, **keywords)
        self._pictures = pictures
        self._session = session.choose(network, card, self._options, pictures)
        self.architecture = architecture(card.model.arch)
        self.device = self._session.device
        self.dtype = self._session.dtype
        self.keeps_format = self._session.keeps_format
        self.engine = self._session.engine
        self.keeps_engine = self._session.keeps_engine
        self.work_size = self._session.work_size
        self.notes = self._session.notes

    def __reduce__(self) -> tuple[Callable[..., Relighter], tuple[Any, ...]]:
        """Copies, also in other processes, choose anew: engines cannot be pickled."""
        options = replace(
            self._options, device=str(self.device), work_size=self.work_size
        )
        make = partial(type(self), digest=self.digest, pictures=self._pictures)
        return make, (self._session.plain, self.card, options)

    @classmethod
    def load(
        cls,
        spec: str | Path | None = None,
        options: SessionOptions = DEFAULTS,
        *,
        pictures: int = 1,
        **keywords: Unpack[SessionKeywords],
    ) -> Relighter:
        """Load weights and make them ready.

        Args:
            spec: A built-in name, a path, or ``hf://owner/repo[@revision][/file]``;
                None for the built-in default.
            options: Where and how the network runs.
            pictures: About how many pictures will be relit, where that is known.
            **keywords: Fields of `SessionOptions`, in place of those in `options`:
                ``device``, ``dtype``, ``engine``, ``work_size``, ``offline``.

        Raises:
            WeightsError: The weights are missing or malformed, or their answer to a
                test picture makes no sense.
            DeviceError: The device does not exist, cannot compute in this format, does
                not have this engine, or does not have enough memory.
            UsageError: The working size is not valid.
        """
        options = replace(options, **keywords)
        found = load_weights(spec, offline=options.offline)
        relighter = cls(
            found.network(),
            found.card,
            options,
            digest=found.sha256,
            pictures=pictures,
        )
        forward = relighter._session.forwards.chosen
        painted = relighter._session.probe.exact[0] + forward.offset
        soundness.require_sense(painted, forward, found.path)
        return relighter

    @overload
    def relight(self, image: ImageT) -> ImageT: ...
    @overload
    def relight(self, image: Sequence[ImageT]) -> list[ImageT]: ...
    def relight(self, image: Any) -> Any:
        """Relight one picture, or a sequence of them, each of any kind and size.

        - PIL image: any mode a file can have; orientation and colour profile are
          applied, transparency is kept. Comes back upright, RGB (or L where a grey
          picture stays neutral), with A where it had transparency.
        - NumPy array: H W, H W 3, H W 4 or B H W 3, uint8, uint16, or floats in
          [0, 1], sRGB. Comes back in the same type; H W becomes H W 3.
        - Tensor: 3 H W or B 3 H W, uint8 or floats in [0, 1], sRGB. Comes back in the
          same type on the same device.

        Raises:
            PictureError: A value outside its range, a shape or mode not supported, or
                not enough memory.
            TypeError: Not a picture.
        """
        if isinstance(image, list | tuple):
            return [self.relight(one) for one in image]
        return adapters.adapted(image, self._relight_all)

    def run(
        self,
        batch: Sequence[Tensor],
        guides: Sequence[Tensor] = (),
        *,
        deep: bool = False,
    ) -> Relit:
        """Relight pictures of one size together; the folder job calls this.

        Args:
            batch: Each 3 H W, sRGB, on the CPU: float32 in [0, 1] or uint8; all of one
                size and type.
            guides: For each of them G H W, float32, where the architecture takes a
                guide.
            deep: Whether more than 8 bits matter. bfloat16 has only 8, so such pictures
                are computed in float32, unless a format was asked for by name.
        """
        try:
            with device_copy.lane(self.device):
                return self._run(batch, guides, deep=deep)
        except (RuntimeError, MemoryError) as error:
            if not hardware.is_out_of_memory(error):
                raise
        return Relit(tuple(carry.no_room(one) for one in batch))

    def paint(self, pictures: Tensor) -> Tensor:
        """All outputs of the network, at the size of the pictures.

        Args:
            pictures: B 3 H W in [0, 1].

        Returns:
            B C H W in [0, 1] on the CPU, as the architecture orders its outputs.
        """
        painted = self._session.forwards.chosen.paint(Inputs(pictures))
        return painted.clamp_(0, 1).cpu()

    @property
    def network(self) -> nn.Module:
        """The network as it runs here: `Inputs` to B C H W, float32 on the device.

        There are three channels for each of its outputs. For computing only: most
        engines give no gradients.
        """
        return self._session.forwards.chosen.network

    @property
    def lanes(self) -> int:
        """From how many threads to call `run` at a time."""
        return device_copy.lanes(self.device)

    def working_size(self, width: int, height: int) -> tuple[int, int] | None:
        """Width and height at which the network sees a picture.

        None where the network sees the picture unreduced. See `sizes.working_size`.
        """
        multiple = self.architecture.multiple
        return sizes.working_size(width, height, self.work_size, multiple)

    def batch_size(self, width: int, height: int) -> int:
        """How many pictures of a size to run together on this device."""
        size = (width, height)
        seen = self.working_size(*size) or size
        multiple = self.architecture.multiple
        return sizes.batch_size(size, seen, self.device.type, multiple)

    def _relight_all(self, pictures: Sequence[Tensor], *, deep: bool) -> list[Tensor]:
        """Relight pictures, each 3 H W, of one size; raises where one fails."""
        outputs: list[Tensor] = []
        height, width = pictures[0].shape[-2:]
        count = self.batch_size(width, height)
        for start in range(0, len(pictures), count):
            relit = self.run(pictures[start : start + count], deep=deep)
            outputs += relit.pictures()
        return outputs

    def _run(
        self, batch: Sequence[Tensor], guides: Sequence[Tensor], *, deep: bool
    ) -> Relit:
        """As `run`, but may raise where memory runs out."""
        forward, notes = self._session.suited(deep=deep)
        height, width = batch[0].shape[-2:]
        size = self.working_size(width, height)
        if size is None:
            relit = self._compute(forward, batch, guides)
            outputs = [_in_type(one, batch[0].dtype) for one in relit.outputs]
        else:
            if self.work_size == "full":
                thin = f"so thin that the network saw it at {size[0]}x{size[1]}"
                notes = (*notes, thin)
            reduced = carry.reduced(batch, size, self.device)
            guides = [scaling.reduce(one, *size) for one in guides]
            relit = self._compute(forward, [one.seen for one in reduced], guides)
            outputs = carry.carried(reduced, relit.outputs)
        notes = tuple(dict.fromkeys(notes + relit.notes))
        return Relit(_in_main_memory(outputs), notes)

    def _compute(
        self, forward: Forward, seen: Sequence[Tensor], guides: Sequence[Tensor]
    ) -> Relit:
        """Run the network on pictures at the size at which it sees them."""
        inputs = Inputs(
            device_copy.stacked(seen, self.device),
            torch.stack(list(guides)) if guides else None,
        )
        return memory.run(self._session.forwards, forward, inputs)


def _in_type(
    output: Tensor | PictureError, dtype: torch.dtype
) -> Tensor | PictureError:
    """A relit picture, in the type of the picture that came in."""
    if isinstance(output, Tensor) and dtype == torch.uint8:
        return quantise(output, 8)
    return output


def _in_main_memory(
    outputs: Sequence[Tensor | PictureError],
) -> tuple[Tensor | PictureError, ...]:
    relit = iter(device_copy.download([o for o in outputs if isinstance(o, Tensor)]))
    return tuple(next(relit) if isinstance(o, Tensor) else o for o in outputs)
