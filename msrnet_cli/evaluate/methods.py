"""What is scored on scenes whose lights are all known: baselines and weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from msrnet_cli.evaluate import changes, stage
from msrnet_cli.evaluate.affine import AffineMap
from msrnet_cli.evaluate.changes import DAY, NIGHT, TASK, TURNS
from msrnet_cli.evaluate.stage import Answer
from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.layers.store import LayerStore
from msrnet_cli.pairs.find import spread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from msrnet_cli.evaluate.changes import Day, Nights
    from msrnet_cli.evaluate.further import Further
    from msrnet_cli.evaluate.stage import Painter
    from msrnet_cli.relight.relighter import Relighter

_FIT_SCENES, _FIT_SIDE = 64, 128  # a map of colour does not need more or larger ones


class Method(Protocol):
    """Relights scenes."""

    def by_night(self, nights: Nights) -> Answer:
        """A scene by night."""
        ...

    def by_day(self, day: Day) -> Answer:
        """A photograph by day."""
        ...

    def by_further(self, further: Further) -> Answer:
        """A scene under further lights by night; nothing if the method knows none."""
        ...


class Copy:
    """Leaves everything as it is."""

    def by_night(self, nights: Nights) -> Answer:
        same = nights.sources
        return Answer({row: same[row] for row in (TASK, NIGHT)})

    def by_day(self, day: Day) -> Answer:
        same = day.sources
        return Answer({row: same[row] for row in (DAY, changes.AMBIENT)})

    def by_further(self, further: Further) -> Answer:  # noqa: ARG002 makes none of them
        return Answer({})


class ColourMaps:
    """The affine map of colour that is best for each kind of change.

    Args:
        task: For the paper's task.
        night: For each of `changes.TURNS`.
        day: For the key turned by day.
    """

    def __init__(
        self, task: AffineMap, night: Iterable[AffineMap], day: AffineMap
    ) -> None:
        self._task, self._night, self._day = task, tuple(night), day

    @classmethod
    def fit(cls, store: LayerStore) -> ColourMaps:
        """Fit them to some scenes, evenly spread over a store.

        Raises:
            DataError: A scene is damaged.
        """
        store = LayerStore(store.folder, spread(store.paths, _FIT_SCENES))
        size = min(_FIT_SIDE, store.smallest)
        count = range(len(store))
        nights = [changes.nights(store[number], size) for number in count]
        days = [changes.day(store, number, size) for number in count]
        return cls(
            _fitted((one.pictures[0], one.task) for one in nights),
            [
                _fitted((one.pictures[source], one.pictures[target]) for one in nights)
                for source, target in TURNS
            ],
            _fitted((one.picture, one.target) for one in days),
        )

    def by_night(self, nights: Nights) -> Answer:
        sources = nights.sources
        turned = zip(self._night, sources[NIGHT], strict=True)
        return Answer(
            {
                TASK: [_mapped(self._task, *sources[TASK])],
                NIGHT: [_mapped(each, source) for each, source in turned],
            }
        )

    def by_day(self, day: Day) -> Answer:
        return Answer({DAY: [_mapped(self._day, day.picture)]})

    def by_further(self, further: Further) -> Answer:  # noqa: ARG002 makes none of them
        return Answer({})


class Layered:
    """Weights that paint layers; each light is a mixture of them.

    Args:
        painter: The weights.
        fitted: Also relight nights with a source light that is found in them, and
            score further lights.
    """

    def __init__(self, painter: Painter, *, fitted: bool = True) -> None:
        self.painter = painter
        self._fitted = fitted

    def by_night(self, nights: Nights) -> Answer:
        seen = self.painter.see(nights.pictures)
        plain = stage.by_night(seen)
        if not self._fitted:
            return Answer(plain)
        fitted = stage.by_night_fitted(seen)
        return Answer(plain | fitted.pictures, fitted.off, fitted.misread)

    def by_day(self, day: Day) -> Answer:
        (seen,) = self.painter.see(day.picture[None])
        return stage.by_day(seen, day)

    def by_further(self, further: Further) -> Answer:
        if not self._fitted:
            return Answer({})
        pictures = torch.cat((further.picture[None], further.coloured))
        seen, *coloured = self.painter.see(pictures)
        return stage.by_further(seen, coloured, further)


class Direct:
    """Weights that paint the relit picture itself: they know the paper's task only."""

    def __init__(self, relighter: Relighter) -> None:
        self._relighter = relighter

    def by_night(self, nights: Nights) -> Answer:
        relit = self._relighter.run(nights.sources[TASK])
        return Answer({TASK: relit.pictures()})

    def by_day(self, day: Day) -> Answer:  # noqa: ARG002 no change by day is known
        return Answer({})

    def by_further(self, further: Further) -> Answer:  # noqa: ARG002 makes none of them
        return Answer({})


def _fitted(pictures: Iterable[tuple[Tensor, Tensor]]) -> AffineMap:
    return AffineMap.fit((unit(source), unit(target)) for source, target in pictures)


def _mapped(map_: AffineMap, source: Tensor) -> Tensor:
    return quantise(map_(unit(source)), 8)
