"""Training examples out of whole pictures: cut, mirrored, under another exposure.

`draw` decides what is cut from where.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from msrnet_cli.images.colour.spaces import linear_from_srgb, srgb_from_linear
from msrnet_cli.images.pixels import unit
from msrnet_cli.networks.spec import Inputs
from msrnet_cli.pairs.draw import Draw, Sampler
from msrnet_cli.pairs.files import PictureFile
from msrnet_cli.pairs.options import PairOptions
from msrnet_cli.pairs.resample import resampling, resize
from msrnet_cli.pairs.store import PairStore
from msrnet_cli.relight import device_copy

if TYPE_CHECKING:
    from collections.abc import Sequence

_RESAMPLED = 1 << 26  # values at a time, as float32


@dataclass(frozen=True)
class Batch:
    """The examples of one training step.

    Attributes:
        source: B 3 S S, float32, sRGB in [0, 1].
        target: The same pictures under the other light.
        names: The scenes, for messages.
        guide: The same pictures under the light of the second input; None where the
            network sees one.
    """

    source: Tensor
    target: Tensor
    names: tuple[str, ...]
    guide: Tensor | None = None

    @property
    def inputs(self) -> Inputs:
        """What the network sees."""
        return Inputs(self.source, self.guide)

    def with_target(self, target: Tensor) -> Batch:
        """The same examples with other targets, B C h w."""
        return replace(self, target=target)


class Example(NamedTuple):
    """The material of an example.

    Attributes:
        pictures: Source, target and second input if any, each 3 H W, uint8, on any
            device.
        draw: Part, scale, mirror and exposure.
    """

    pictures: Sequence[Tensor]
    draw: Draw


@dataclass(frozen=True)
class Cutter:
    """Makes the examples of a run out of stored pictures.

    Attributes:
        store: The pictures.
        options: Augmentation.
        seed: With the number of an example it determines order and augmentation. None
            keeps the order, cuts from the middle and augments nothing.
    """

    store: PairStore
    options: PairOptions
    seed: int | None = 0

    @property
    def sampler(self) -> Sampler:
        """What draws the examples."""
        return Sampler(self.store.pairs, self.options, self.seed)

    def batch(self, numbers: Sequence[int], size: int, crop: int = 0) -> Batch:
        """The examples of these numbers.

        Args:
            numbers: Counted from the start of the run, through all passes.
            size: The shorter side of the whole picture is scaled to this.
            crop: Side of the square cut out of the scaled picture; 0 for the largest.

        Raises:
            PictureError: A picture cannot be read.
            DataError: Two pictures of a scene differ in size.
        """
        examples = [self._example(number, size, crop) for number in numbers]
        # Nothing here waits for the device, which may still compute the last batch.
        pictures = device_copy.upload(cut(examples), self.store.device)
        gains = [draw.gains for _, draw in examples if draw.gains is not None]
        if gains:  # for all pictures, or for none
            gain = torch.tensor(gains)[..., None, None]
            gain = gain.to(self.store.device, non_blocking=pictures[0].is_cuda)
            pictures = [_brighten(values, gain) for values in pictures]
        source, target, *guide = pictures
        names = tuple(draw.choice.name for _, draw in examples)
        return Batch(source, target, names, *guide)

    def files(self, numbers: Sequence[int]) -> list[PictureFile]:
        """The pictures that these examples will need."""
        choices = map(self.sampler.choice, numbers)
        return [file for one in choices for file in one.pictures]

    def _example(self, number: int, size: int, crop: int) -> Example:
        choice = self.sampler.choice(number)
        pictures = self.store.pictures(choice.pair, choice.pictures)
        _, height, width = pictures[0].shape
        draw = self.sampler.draw(number, (height, width), size, crop)
        return Example(pictures, draw)


def cut(examples: Sequence[Example]) -> tuple[Tensor, ...]:
    """Sources, targets and second inputs if any; gains are left out.

    Each B 3 S S, float32 in [0, 1].
    """
    found = {i: alone(one) for i, one in enumerate(examples) if _is_fast(one)}
    alike: dict[tuple[torch.Size, int], list[int]] = {}
    for place, (pictures, draw) in enumerate(examples):
        if place not in found:
            alike.setdefault((pictures[0].shape, draw.side), []).append(place)
    for (shape, _), places in alike.items():
        step = max(1, _RESAMPLED // (len(examples[0].pictures) * shape.numel()))
        for some in (places[i : i + step] for i in range(0, len(places), step)):
            found |= zip(some, together([examples[i] for i in some]), strict=True)
    return torch.stack([found[place] for place in range(len(examples))], 1).unbind()


def alone(example: Example) -> Tensor:
    """N 3 S S: the N pictures of one example, float32 in [0, 1]."""
    rows, columns, side = example.draw.rows, example.draw.columns, example.draw.side
    bottom, right = rows.start + rows.length, columns.start + columns.length
    parts = [p[:, rows.start : bottom, columns.start : right] for p in example.pictures]
    x = resize(unit(torch.stack(parts)), min(rows.scaled, columns.scaled))
    x = x[..., rows.first : rows.first + side, columns.first : columns.first + side]
    return x.flip(-1) if example.draw.choice.flip else x


def together(examples: Sequence[Example]) -> Tensor:
    """B N 3 S S: `alone` for pictures of one size and one side, in a few launches.

    One by one, a GPU would spend more time on launches than on training. The filter is
    that of `resize` for a factor that is not whole.
    """
    draws = [draw for _, draw in examples]
    pictures = torch.stack([one for pictures, _ in examples for one in pictures])
    height, width = pictures.shape[-2:]
    side, device = draws[0].side, pictures.device
    down = resampling([draw.rows for draw in draws], side, height)
    across = resampling([draw.columns for draw in draws], side, width)
    mirrored = torch.tensor([draw.choice.flip for draw in draws])[:, None, None]
    across = torch.where(mirrored, across.flip(1), across)
    down, across = (
        matrix[:, None, None].to(device, non_blocking=pictures.is_cuda)
        for matrix in (down, across)
    )
    return down @ unit(pictures).unflatten(0, (len(examples), -1)) @ across.mT


def _is_fast(example: Example) -> bool:
    """Whether batching this example with others gains nothing."""
    pictures, draw = example
    whole = (draw.rows.length, draw.columns.length) == pictures[0].shape[-2:]
    return whole or not pictures[0].is_cuda


def _brighten(values: Tensor, gain: Tensor) -> Tensor:
    """Scale the linear light of sRGB values; the result is clipped at white."""
    return srgb_from_linear((linear_from_srgb(values) * gain).clamp_(0, 1))
