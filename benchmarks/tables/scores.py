"""Scores of trained systems and of baselines, by `msrnet eval`."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.tables.data import listed
from benchmarks.tables.keeping import digest, kept
from msrnet_cli.config import read_work_size
from msrnet_cli.evaluate import pairs
from msrnet_cli.evaluate.intervals import estimate
from msrnet_cli.evaluate.judge import Judge
from msrnet_cli.evaluate.options import EvalOptions
from msrnet_cli.evaluate.results import AFFINE, COPY
from msrnet_cli.relight.options import EngineOptions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.tables.data import Data

Pictures = list[dict[str, Any]]
"""Scores of each picture, by the fields of `evaluate.results.ImageScores`."""

SCORES = ("psnr", "over_copy", "ssim", "ssim_gaussian", "lpips", "mps")
"""`over_copy`: gain in PSNR over the copy of the input, picture by picture."""

BASELINES = (COPY, AFFINE)
_NO_LPIPS = "without LPIPS and MPS: AlexNet's weights were not at hand"


@dataclass(frozen=True)
class Scorer:
    """Scores weights on held-out pairs, once for each file and set of pairs.

    Attributes:
        data: On what, and what the colour map is fitted to.
        work_size: At which networks see pictures.
        device: Where they run.
        alexnet: AlexNet's weights; "" looks into torch's cache.
        folder: Where scores are kept.
        of: What all scores depend on.
        notes: Why a score is left out.
    """

    data: Data
    work_size: str
    device: str
    alexnet: str
    folder: Path
    of: dict[str, Any]
    notes: tuple[str, ...]

    @classmethod
    def make(
        cls, data: Data, work_size: str, device: str, alexnet: str, folder: Path
    ) -> Scorer:
        """A scorer; looks at the pairs and for AlexNet.

        Raises:
            DataError: There are no pairs.
            WeightsError: AlexNet's file is missing or malformed.
        """
        left_out = Judge.load(alexnet).notes
        notes = (_NO_LPIPS,) if left_out else ()
        of = {"val": listed(data.val), "work_size": work_size, "lpips": not notes}
        return cls(data, work_size, device, alexnet, folder, of, notes)

    def of_weights(self, weights: Path) -> Pictures:
        """Scores of a weights file.

        Raises:
            MSRNetError: As `evaluate.pairs.evaluate` raises.
        """
        of = {**self.of, "weights": digest(weights)}
        return kept(self.folder, of, lambda: self._evaluated(weights)[-1][1])

    def of_baselines(self, weights: Path) -> dict[str, Pictures]:
        """Scores of `BASELINES`, by name; some weights must be scored along with them.

        Raises:
            MSRNetError: As `evaluate.pairs.evaluate` raises.
        """
        of = {**self.of, "fit": listed(self.data.train)}
        fit = self.data.train
        return kept(self.folder, of, lambda: dict(self._evaluated(weights, fit)[:-1]))

    def _evaluated(self, weights: Path, fit: str = "") -> list[tuple[str, Pictures]]:
        found = pairs.evaluate(
            EvalOptions(
                data=self.data.val,
                weights=(str(weights),),
                fit_data=fit,
                alexnet=self.alexnet,
                work_sizes=(read_work_size(self.work_size),),
                session=EngineOptions(device=self.device, dtype="fp32"),
            )
        )
        return [(each.name, list(map(asdict, each.images))) for each in found.methods]


def summary(
    seeds: Sequence[Pictures], copies: Pictures | None
) -> dict[str, dict[str, Any]]:
    """Means of each score with their intervals, over pictures and over seeds.

    Args:
        seeds: Scores of the same pictures, for each seed.
        copies: Scores of these pictures' inputs; None for those themselves.

    Returns:
        By score, without those that no picture has: ``mean``; ``margin`` of its 95 %
        interval over pictures, each averaged over seeds; ``seeds``, the mean of each;
        ``seeds_margin``, the interval over these. A margin of fewer than three is None.
    """
    found = {}
    for score in SCORES:
        values = [_values(pictures, score, copies) for pictures in seeds]
        known = [[value for value in row if value is not None] for row in values]
        if known != values:
            continue
        over_pictures = estimate(
            [statistics.fmean(each) for each in zip(*known, strict=True)]
        )
        means = [statistics.fmean(row) for row in known]
        found[score] = {
            "mean": over_pictures.mean,
            "margin": over_pictures.margin,
            "seeds": means,
            "seeds_margin": estimate(means).margin,
        }
    return found


def _values(
    pictures: Pictures, score: str, copies: Pictures | None
) -> list[float | None]:
    """A score of each picture; None where it is not known."""
    if score != "over_copy":
        return [picture[score] for picture in pictures]
    if copies is None:
        return [None for _ in pictures]
    both = zip(pictures, copies, strict=True)
    return [picture["psnr"] - copy["psnr"] for picture, copy in both]
