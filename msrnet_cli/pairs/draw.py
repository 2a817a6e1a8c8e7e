"""What is drawn at random for training examples, as numbers; knows no pixels.

An example is a pure function of its number in the run, without a random state, so a run
can go on from a number alone. The draws of a seed must never change: a resumed run has
to draw what the uninterrupted run would have drawn.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from msrnet_cli.pairs.resample import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msrnet_cli.pairs.files import PictureFile
    from msrnet_cli.pairs.find import Pair
    from msrnet_cli.pairs.options import PairOptions


@dataclass(frozen=True)
class Choice:
    """The pictures of an example.

    Attributes:
        pair: The scene.
        source: The picture that the network sees.
        target: The picture that it should give.
        flip: Whether all are mirrored.
        second: The other picture that it sees; None where it sees one.
    """

    pair: Pair
    source: PictureFile
    target: PictureFile
    flip: bool = False
    second: PictureFile | None = None

    @classmethod
    def of(cls, pair: Pair, *, mirrored: bool = False) -> Choice:
        """The pictures of a scene, or those of it that are lit from across."""
        pictures = pair.mirrored if mirrored else pair.pictures
        assert pictures  # nobody mirrors what is not there
        source, target, *second = pictures
        return cls(pair, source, target, mirrored, *second)

    @property
    def pictures(self) -> tuple[PictureFile, ...]:
        """Source, target, and the second input where there is one."""
        both = (self.source, self.target)
        return both if self.second is None else (*both, self.second)

    @property
    def name(self) -> str:
        """The scene, for messages."""
        return f"{self.pair.name} mirrored" if self.flip else self.pair.name


@dataclass(frozen=True)
class Draw:
    """Everything that determines an example, except for the pixels.

    Attributes:
        choice: The pictures.
        rows: The visible part of their rows, and its scale.
        columns: The same for their columns, before any flip.
        side: Side of the square that is cut out, in pixels of the example.
        gains: Factors of linear light for red, green and blue; None for no change.
    """

    choice: Choice
    rows: Span
    columns: Span
    side: int
    gains: tuple[float, float, float] | None


@dataclass(frozen=True)
class Sampler:
    """Draws the examples of a run.

    Attributes:
        pairs: The scenes; each pass shows every one once.
        options: Augmentation.
        seed: With the number of an example it determines every random choice. None:
            no random choice, but scenes in their order, whole, cut from the middle.
    """

    pairs: Sequence[Pair]
    options: PairOptions
    seed: int | None = 0

    def choice(self, number: int) -> Choice:
        """The pictures of an example, which can be read before the rest is drawn.

        Args:
            number: Counted from the start of the run, through all passes.
        """
        return self._choice(number, self._chance(number))

    def draw(
        self, number: int, shape: tuple[int, int], size: int, crop: int = 0
    ) -> Draw:
        """Everything that is drawn for an example.

        Args:
            number: Counted from the start of the run, through all passes.
            shape: Height and width of its pictures.
            size: The shorter side of the visible part is scaled to this.
            crop: Side of the square cut out of the scaled part; 0 for the largest.
        """
        # The order of these calls is part of the meaning of a seed.
        chance = self._chance(number)
        choice = self._choice(number, chance)
        parts, starts = self._part(shape, chance)
        scale = size / min(parts)
        scaled = [max(size, round(part * scale)) for part in parts]
        side = min(crop or size, size)
        firsts = _places(scaled, (side, side), chance)
        rows, columns = map(Span, starts, parts, scaled, firsts)
        return Draw(choice, rows, columns, side, self._gains(chance))

    def _chance(self, number: int) -> random.Random | None:
        if self.seed is None:
            return None
        return random.Random(f"{self.seed}/{number}")

    def _choice(self, number: int, chance: random.Random | None) -> Choice:
        turn, place = divmod(number, len(self.pairs))
        if chance is None:
            return Choice.of(self.pairs[place])
        pair = self.pairs[_order(len(self.pairs), f"{self.seed}/{turn}")[place]]
        can_flip = self.options.mirror and pair.mirrored is not None
        return Choice.of(pair, mirrored=can_flip and chance.random() < 0.5)

    def _part(
        self, shape: tuple[int, int], chance: random.Random | None
    ) -> tuple[list[int], list[int]]:
        """The visible length of each side, and where it begins."""
        if chance is None or not self.options.zoom:
            return list(shape), [0, 0]
        # Sides are shorter by up to `zoom`, mostly by less.
        share = 1 - self.options.zoom * chance.random() ** 2
        parts = [max(1, round(length * share)) for length in shape]
        return parts, _places(shape, parts, chance)

    def _gains(self, chance: random.Random | None) -> tuple[float, float, float] | None:
        exposure, tint = self.options.exposure, self.options.tint
        if chance is None or not (exposure or tint):
            return None
        stops = chance.uniform(-exposure, exposure)
        red, green, blue = (
            2.0 ** (stops + chance.uniform(-tint, tint)) for _ in range(3)
        )
        return red, green, blue


def _places(
    lengths: Sequence[int], parts: Sequence[int], chance: random.Random | None
) -> list[int]:
    """Where parts begin: at random, or without a seed in the middle."""
    spare = [length - part for length, part in zip(lengths, parts, strict=True)]
    return [chance.randint(0, s) if chance else s // 2 for s in spare]


@lru_cache(maxsize=16)  # of a long run, only the passes around the current one
def _order(count: int, seed: str) -> list[int]:
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return order
