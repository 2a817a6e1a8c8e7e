"""Scores of pictures, averaged within scenes, into rows with intervals over scenes."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from msrnet_cli import metrics
from msrnet_cli.evaluate.changes import DAY, DAY_BARE, NIGHT, NIGHT_FITTED
from msrnet_cli.evaluate.intervals import estimate
from msrnet_cli.evaluate.results import Bearing, Gain, RowScores
from msrnet_cli.images.pixels import unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import Tensor

    from msrnet_cli.evaluate.changes import Pictures
    from msrnet_cli.evaluate.stage import Answer

    ByScene = Mapping[str, "Scores"]

_NEAR = 60.0  # degrees
BASELINE = {NIGHT_FITTED: NIGHT, DAY_BARE: DAY}
"""Rows of baselines with the same changes, where these have another name."""


class Scores(NamedTuple):
    """Means over some pictures; fields as in `results.RowScores`."""

    psnr: float
    ssim: float
    detail: float | None
    flat: int = 0


class Table:
    """Scores of one method.

    Attributes:
        rows: By row and scene.
        off: By row, the errors of azimuths that were fitted, in degrees.
        misread: By row, the errors of azimuths that a network read, in degrees.
        errors: By figure, each error of what was found of lights.
    """

    def __init__(self) -> None:
        self.rows: defaultdict[str, dict[str, Scores]] = defaultdict(dict)
        self.off: defaultdict[str, list[float]] = defaultdict(list)
        self.misread: defaultdict[str, list[float]] = defaultdict(list)
        self.errors: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, scene: str, answer: Answer, targets: Pictures) -> None:
        """Score what the method made of a scene, in each of its rows."""
        for row, pictures in answer.pictures.items():
            self.rows[row][scene] = judge(pictures, targets[row])
        for row, degrees in answer.off.items():
            self.off[row] += degrees
        for row, degrees in answer.misread.items():
            self.misread[row] += degrees
        for figure, errors in answer.errors.items():
            self.errors[figure] += errors

    def compared(self, row: str) -> ByScene:
        """Scores of a baseline on the changes of a row; empty if it has none."""
        return self.rows.get(BASELINE.get(row, row), {})

    def mean(self, row: str) -> Scores:
        """The mean of a row over scenes."""
        return mean(list(self.rows[row].values()))


def judge(outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Scores:
    """The mean scores of pictures, each 3 S S, uint8."""
    return mean([_score(*both) for both in zip(outputs, targets, strict=True)])


def mean(scores: Sequence[Scores]) -> Scores:
    """The mean of each score; of detail, over the pictures that have it."""
    details = _known(scores)
    return Scores(
        psnr=statistics.fmean(each.psnr for each in scores),
        ssim=statistics.fmean(each.ssim for each in scores),
        detail=statistics.fmean(details) if details else None,
        flat=sum(each.flat for each in scores),
    )


def _known(scores: Iterable[Scores]) -> list[float]:
    """The details that are known; a flat target has none."""
    return [each.detail for each in scores if each.detail is not None]


def summary(
    table: Table, copies: Table | None, maps: Table | None
) -> tuple[RowScores, ...]:
    """Rows of a method, with its gains over the baselines.

    Args:
        table: Scores of the method.
        copies: Scores of the copy of the input; None for a baseline.
        maps: Scores of the affine colour map; None if none was fitted.
    """
    return tuple(_row(row, table, copies, maps) for row in table.rows)


def _row(row: str, table: Table, copies: Table | None, maps: Table | None) -> RowScores:
    scores = table.rows[row]
    details = _known(scores.values())
    copy = copies.compared(row) if copies else {}
    map_ = maps.compared(row) if maps else {}
    return RowScores(
        name=row,
        psnr=estimate([each.psnr for each in scores.values()]),
        ssim=estimate([each.ssim for each in scores.values()]),
        detail=estimate(details) if details else None,
        over_copy=_gain(scores, copy) if copy else None,
        over_better=_gain(scores, _better(copy, map_)) if copy and map_ else None,
        bearing=_bearing(table.off.get(row, [])),
        read=_bearing(table.misread.get(row, [])),
        scenes={scene: each.psnr for scene, each in scores.items()},
        flat=sum(each.flat for each in scores.values()),
    )


def _bearing(off: Sequence[float]) -> Bearing | None:
    if not off:
        return None
    near = sum(degrees <= _NEAR for degrees in off) / len(off)
    return Bearing(statistics.median(off), near)


def _better(one: ByScene, other: ByScene) -> ByScene:
    """The scores with the higher mean PSNR."""
    return max(one, other, key=lambda found: mean(list(found.values())).psnr)


def _gain(scores: ByScene, others: ByScene) -> Gain:
    both = [(each, others[scene]) for scene, each in scores.items()]
    return Gain(
        psnr=estimate([ours.psnr - theirs.psnr for ours, theirs in both]),
        ssim=estimate([ours.ssim - theirs.ssim for ours, theirs in both]),
    )


def _score(output: Tensor, target: Tensor) -> Scores:
    x, y = unit(output), unit(target)
    psnr = min(metrics.psnr(x, y), metrics.ROUNDING_DB)
    detail = metrics.detail(x, y)
    return Scores(psnr, metrics.ssim(x, y), detail, flat=int(detail is None))
