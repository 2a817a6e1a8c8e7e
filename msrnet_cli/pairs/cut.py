"""Training examples out of pairs of pictures: cut, mirrored, under another exposure.

An example is a pure function of its number in the run: nothing here holds a random
state, so a run goes on from a number alone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from msrnet_cli import staging
from msrnet_cli.config import DataOptions
from msrnet_cli.images.colour import linear_from_srgb, srgb_from_linear
from msrnet_cli.images.pixels import unit
from msrnet_cli.pairs.files import PictureFile
from msrnet_cli.pairs.find import Pair
from msrnet_cli.pairs.resample import Span, resampling, resize
from msrnet_cli.pairs.store import PairStore

if TYPE_CHECKING:
    from collections.abc import Sequence

_RESAMPLED = 1 << 26  # values at a time, as float32


@dataclass(frozen=True)
class Batch:
    """What one step sees.

    Attributes:
        source: B 3 S S, float32, sRGB in [0, 1].
        target: The same pictures under the other light.
        names: The scenes, for messages.
    """

    source: Tensor
    target: Tensor
    names: tuple[str, ...]


@dataclass(frozen=True)
class Cutter:
    """Makes training examples out of whole pictures.

    Attributes:
        store: The pictures.
        options: Augmentation.
        seed: Decides order and augmentation, with the number of an example.
        training: False keeps the order, cuts from the centre and augments nothing.
    """

    store: PairStore
    options: DataOptions
    seed: int = 0
    training: bool = True

    def batch(self, numbers: Sequence[int], size: int, crop: int = 0) -> Batch:
        """The examples of these numbers.

        Args:
            numbers: Counted from the start of the run, through all passes.
            size: The shorter side of the whole picture is brought to this.
            crop: Side of the square cut out of that; 0 for the largest one.
        """
        examples = [self._example(number, size, crop) for number in numbers]
        # Nothing here waits for the device, which may still be at the batch before.
        both = _cut_out([example.cut for example in examples])
        source, target = staging.upload(both, self.store.device)
        gains = [example.gains for example in examples]
        if any(gain is not None for gain in gains):
            gain = torch.tensor(gains)[..., None, None]
            gain = gain.to(source.device, non_blocking=source.is_cuda)
            source, target = _brighten(source, gain), _brighten(target, gain)
        return Batch(source, target, tuple(example.name for example in examples))

    def files(self, numbers: Sequence[int]) -> list[PictureFile]:
        """The pictures that these examples will need."""
        return [file for number in numbers for file in self._chosen(number)[1:3]]

    def _chosen(
        self, number: int
    ) -> tuple[Pair, PictureFile, PictureFile, bool, random.Random]:
        """Pair, source, target, whether they are to be flipped; what else to draw."""
        chance = random.Random(f"{self.seed}/{number}")
        turn, place = divmod(number, len(self.store))
        order = _order(len(self.store), f"{self.seed}/{turn}" if self.training else "")
        pair = self.store.pairs[order[place]]
        mirrored = self.training and self.options.mirror and pair.mirrored
        if mirrored and chance.random() < 0.5:
            return pair, *mirrored, True, chance
        return pair, pair.source, pair.target, False, chance

    def _example(self, number: int, size: int, crop: int) -> _Example:
        pair, source_file, target_file, flip, chance = self._chosen(number)
        pictures = self.store.pictures(pair, (source_file, target_file))
        lengths = pictures[0].shape[-2:]
        parts, starts = list(lengths), [0, 0]
        if self.training and self.options.zoom:
            # Sides shorter by up to `zoom`, mostly by little.
            share = 1 - self.options.zoom * chance.random() ** 2
            parts = [max(1, round(length * share)) for length in lengths]
            starts = _places(lengths, parts, chance)
        scale = size / min(parts)
        scaled = [max(size, round(part * scale)) for part in parts]
        side = min(crop or size, *scaled)
        firsts = _places(scaled, [side, side], chance if self.training else None)
        rows, columns = map(Span, starts, parts, scaled, firsts)
        cut = Cut(pictures, rows, columns, side, flip)
        name = f"{pair.name} mirrored" if flip else pair.name
        return _Example(cut, self._gains(chance), name)

    def _gains(self, chance: random.Random) -> list[float] | None:
        """Factors of linear light for each colour channel; None for no change."""
        o = self.options
        if not self.training or not (o.exposure or o.tint):
            return None
        stops = chance.uniform(-o.exposure, o.exposure)
        return [2.0 ** (stops + chance.uniform(-o.tint, o.tint)) for _ in range(3)]


class Cut(NamedTuple):
    """An example in its pictures: source and target, each 3 H W, uint8."""

    pictures: list[Tensor]
    rows: Span
    columns: Span
    side: int
    flip: bool


class _Example(NamedTuple):
    cut: Cut
    gains: list[float] | None
    name: str


def _places(
    lengths: Sequence[int], parts: Sequence[int], chance: random.Random | None
) -> list[int]:
    """Where parts begin: anywhere, or without chance in the middle."""
    spare = [length - part for length, part in zip(lengths, parts, strict=True)]
    return [chance.randint(0, s) if chance else s // 2 for s in spare]


def _cut_out(cuts: Sequence[Cut]) -> tuple[Tensor, Tensor]:
    """Sources and targets, each B 3 side side, in [0, 1]."""
    found = {place: _alone(cut) for place, cut in enumerate(cuts) if _is_fast(cut)}
    alike: dict[tuple[torch.Size, int], list[int]] = {}
    for place, cut in enumerate(cuts):
        if place not in found:
            alike.setdefault((cut.pictures[0].shape, cut.side), []).append(place)
    for (shape, _), places in alike.items():
        step = max(1, _RESAMPLED // (2 * shape.numel()))
        for some in (places[i : i + step] for i in range(0, len(places), step)):
            found |= zip(some, together([cuts[i] for i in some]), strict=True)
    both = torch.stack([found[place] for place in range(len(cuts))], 1)
    return both[0], both[1]


def _is_fast(cut: Cut) -> bool:
    """Whether it takes no longer alone than together with others."""
    height, width = cut.pictures[0].shape[-2:]
    whole = (cut.rows.length, cut.columns.length) == (height, width)
    return whole or not cut.pictures[0].is_cuda


def _alone(cut: Cut) -> Tensor:
    """2 3 side side of one example."""
    (top, height, *_), (left, width, *_) = cut.rows, cut.columns
    x = torch.stack(
        [p[:, top : top + height, left : left + width] for p in cut.pictures]
    )
    x = resize(unit(x), min(cut.rows.scaled, cut.columns.scaled))
    top, left = cut.rows.first, cut.columns.first
    x = x[..., top : top + cut.side, left : left + cut.side]
    return x.flip(-1) if cut.flip else x


def together(cuts: Sequence[Cut]) -> Tensor:
    """B 2 3 side side of parts of pictures of one size, in a few launches.

    One by one, a GPU would spend more time on launches than on training. The filter is
    that of `resize` where no whole factor makes it simpler.
    """
    pictures = torch.stack([one for cut in cuts for one in cut.pictures])
    height, width = pictures.shape[-2:]
    side, device = cuts[0].side, pictures.device
    down = resampling([cut.rows for cut in cuts], side, height)
    across = resampling([cut.columns for cut in cuts], side, width)
    mirrored = torch.tensor([cut.flip for cut in cuts])[:, None, None]
    across = torch.where(mirrored, across.flip(1), across)
    down, across = (
        matrix[:, None, None].to(device, non_blocking=pictures.is_cuda)
        for matrix in (down, across)
    )
    return down @ unit(pictures).unflatten(0, (-1, 2)) @ across.mT


def _brighten(values: Tensor, gain: Tensor) -> Tensor:
    """Scale the linear light of sRGB values; what exceeds white is cut off."""
    return srgb_from_linear((linear_from_srgb(values) * gain).clamp_(0, 1))


@cache
def _order(count: int, seed: str) -> list[int]:
    order = list(range(count))
    if seed:
        random.Random(seed).shuffle(order)
    return order
