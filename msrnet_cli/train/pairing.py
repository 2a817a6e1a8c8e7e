"""Pairs of pictures as material: one light into another."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from msrnet_cli import perceptual
from msrnet_cli.metrics import detail, psnr
from msrnet_cli.pairs.cut import Batch, Cutter
from msrnet_cli.pairs.store import PairStore
from msrnet_cli.train import losses
from msrnet_cli.train.material import About, Trial

if TYPE_CHECKING:
    from collections.abc import Collection

    import torch
    from torch import Tensor, nn

    from msrnet_cli.pairs.find import Pair
    from msrnet_cli.pairs.options import PairOptions
    from msrnet_cli.train.inventory import Inventory
    from msrnet_cli.train.material import Loss, Paint
    from msrnet_cli.train.options import LossName, LossOptions
    from msrnet_cli.train.schedule import Phase

_PREVIEW_ROWS = 4


@dataclass(frozen=True)
class Pairs:
    """The pairs of a run, found but not yet read.

    Attributes:
        training: Pairs to learn from.
        validation: Pairs to try the network on, without pictures to mirror.
        options: How they are varied.
        about: For people.
        files: Identify the data.
    """

    training: tuple[Pair, ...]
    validation: tuple[Pair, ...]
    options: PairOptions
    about: About
    files: Inventory

    def losses(
        self,
        names: Collection[LossName],
        options: LossOptions,
        device: torch.device,
        *,
        offline: bool = False,
    ) -> dict[LossName, Loss]:
        """The losses of these names; fetches VGG16 where one needs it.

        Raises:
            WeightsError: VGG16's weights are missing.
        """
        features: nn.Module | None = None
        if "combined" in names and options.perceptual:
            features = perceptual.load_vgg16(
                options.vgg, options.vgg_layer, offline=offline
            ).to(device)
        built = {name: losses.build(name, options, features) for name in names}
        return {name: partial(against_target, loss) for name, loss in built.items()}

    def open(self, largest: int, seed: int, device: torch.device) -> PairMaterial:
        """Read the pairs, as far as memory allows; see `PairMaterial`.

        Raises:
            PictureError: A picture cannot be read.
            DataError: Two pictures of a scene differ in size.
        """
        return PairMaterial(self, largest, seed, device)


class PairMaterial:
    """Examples cut out of pairs; see `Material`.

    Args:
        pairs: What was found.
        largest: Side of the largest examples, in pixels.
        seed: Of order and augmentation.
        device: Where batches are wanted.
    """

    def __init__(
        self, pairs: Pairs, largest: int, seed: int, device: torch.device
    ) -> None:
        options = pairs.options
        # A part of a zoomed picture must still have `largest` pixels.
        side = math.ceil(largest / (1 - options.zoom))
        self._store = PairStore(pairs.training, side, device)
        self._tried = PairStore(pairs.validation, largest, device)
        self._cutter = Cutter(self._store, options, seed)
        self._centre = Cutter(self._tried, options, seed=None)
        self._about, self._crop = pairs.about, options.crop

    @property
    def about(self) -> About:
        """For people."""
        if self._store.in_memory:
            return self._about
        note = "pictures do not fit into memory and are read ahead"
        return replace(self._about, notes=(note, *self._about.notes))

    def batch(self, numbers: range, size: int) -> Batch:
        """The examples of these numbers, at a size in pixels."""
        return self._cutter.batch(numbers, size, self._crop)

    def prefetch(self, numbers: range, size: int) -> None:  # noqa: ARG002 whole pictures
        """Start decoding what will be needed soon."""
        self._store.prefetch(self._cutter.files(numbers))

    def try_out(self, paint: Paint, phase: Phase) -> Trial:
        """Mean PSNR, PSNR of a copy and detail over the validation pairs."""
        scores: list[tuple[float, float]] = []
        details: list[float | None] = []
        rows: list[list[Tensor]] = []
        count = len(self._tried)
        for first in range(0, count, phase.batch):
            numbers = range(first, min(first + phase.batch, count))
            batch = self._centre.batch(numbers, phase.size)
            painted = paint(batch.inputs).clamp_(0, 1)
            for one in zip(batch.source, painted, batch.target, strict=True):
                source, output, target = one
                scores.append((psnr(output, target), psnr(source, target)))
                details.append(detail(output, target))
                if len(rows) < _PREVIEW_ROWS:
                    rows.append([picture.cpu() for picture in one])
        reached, copied = (sum(column) / count for column in zip(*scores, strict=True))
        known = [value for value in details if value is not None]
        sharp = sum(known) / len(known) if known else math.nan
        return Trial(reached, copied, sharp, rows)

    def close(self) -> None:
        """Stop the threads that decode."""
        self._store.close()
        self._tried.close()


def against_target(loss: losses.Loss, output: Tensor, batch: Batch) -> Tensor:
    """A loss of two pictures, between a network's output and the target."""
    return loss(output, batch.target)
