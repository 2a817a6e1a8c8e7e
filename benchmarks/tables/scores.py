"""Scores of trained systems and of baselines, by `msrnet eval`, and what is kept."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.tables import keeping
from benchmarks.tables.data import sources
from benchmarks.tables.runs import found_in
from msrnet_cli.config import read_work_size
from msrnet_cli.errors import UsageError
from msrnet_cli.evaluate import pairs
from msrnet_cli.evaluate.intervals import estimate
from msrnet_cli.evaluate.judge import Judge
from msrnet_cli.evaluate.options import EvalOptions
from msrnet_cli.evaluate.results import AFFINE, COPY
from msrnet_cli.relight.options import EngineOptions
from msrnet_cli.weights.file import load_weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.tables.data import Data
    from benchmarks.tables.place import Place
    from benchmarks.tables.protocol import Protocol
    from benchmarks.tables.runs import Run

Pictures = list[dict[str, Any]]
"""Scores of each picture, by the fields of `evaluate.results.ImageScores`."""

SCORES = ("psnr", "over_copy", "ssim", "ssim_gaussian", "lpips", "mps")
"""`over_copy`: gain in PSNR over the copy of the input, picture by picture."""

BASELINES = (COPY, AFFINE)
_NO_LPIPS = "without LPIPS and MPS: AlexNet's weights were not at hand"


@dataclass(frozen=True)
class Finding:
    """What was found of a trained system, as JSON.

    Attributes:
        of: What scores depend on, beside the weights.
        weights: Digest of these.
        model: The network, as its card tells.
        machine: Where it was scored, and as a rule trained.
        found: Scores of each picture.
    """

    of: dict[str, Any]
    weights: str
    model: dict[str, Any]
    machine: str
    found: Pictures


@dataclass(frozen=True)
class Scorer:
    """Scores runs on held-out pairs, once each; what is found is kept.

    Attributes:
        data: On what, and what the colour map is fitted to.
        work_size: At which networks see pictures.
        place: Where networks run, and where AlexNet is.
        of: What scores depend on.
        fit: What the colour map depends on.
        notes: Why a score is left out.
    """

    data: Data
    work_size: str
    place: Place
    of: dict[str, Any]
    fit: dict[str, Any]
    notes: tuple[str, ...]

    @classmethod
    def make(cls, data: Data, protocol: Protocol, place: Place) -> Scorer:
        """A scorer; looks at the pairs and for AlexNet.

        Raises:
            DataError: There are no pairs.
            WeightsError: AlexNet's file is missing or malformed.
        """
        left_out = Judge.load(place.alexnet).notes
        notes = (_NO_LPIPS,) if left_out else ()
        fit, val = sources(data, protocol)
        of = {"val": val, "work_size": protocol.work_size, "lpips": not notes}
        return cls(data, protocol.work_size, place, of, fit, notes)

    def of_run(self, run: Run) -> Finding:
        """What is found of a run: what was found before, where its weights are gone.

        Raises:
            UsageError: These were other pictures.
            MSRNetError: As `evaluate.pairs.evaluate` raises.
        """
        known = keeping.read(run.finding)
        if not run.has_weights:
            found = known or {}
            if found.get("of", {}).get("val") != self.of["val"]:
                raise UsageError(
                    f"{run.finding} is of other pictures, and its weights are not here",
                    "give the data that it names, or remove it to train anew",
                )
            return Finding(**found)
        weights = keeping.digest(run.weights)
        if known and (known["of"], known["weights"]) == (self.of, weights):
            return Finding(**known)
        finding = Finding(
            self.of,
            weights,
            asdict(load_weights(run.weights).card.model),
            self.place.machine,
            self._evaluated(run.weights)[-1][1],
        )
        keeping.write(run.finding, asdict(finding))
        return finding

    def of_baselines(self, runs: Sequence[Run]) -> dict[str, Pictures]:
        """Scores of `BASELINES`, by name; some weights must be scored along with them.

        Args:
            runs: Have such weights, unless the baselines are known.

        Raises:
            UsageError: They are not known, and no run has weights.
            MSRNetError: As `evaluate.pairs.evaluate` raises.
        """
        path = found_in(self.place.out) / "baselines.json"
        of = {**self.of, "fit": self.fit}
        known = keeping.read(path)
        weights = [run.weights for run in runs if run.has_weights]
        if known and (known["of"] == of or not weights):
            return known["found"]
        if not weights:
            raise UsageError(
                f"{path} is missing, and so are all weights", "train a row"
            )
        # The smallest ones cost least.
        least = min(weights, key=lambda each: each.stat().st_size)
        found = dict(self._evaluated(least, self.data.train)[:-1])
        keeping.write(path, {"of": of, "found": found})
        return found

    def _evaluated(self, weights: Path, fit: str = "") -> list[tuple[str, Pictures]]:
        found = pairs.evaluate(
            EvalOptions(
                data=self.data.val,
                weights=(str(weights),),
                fit_data=fit,
                alexnet=self.place.alexnet,
                work_sizes=(read_work_size(self.work_size),),
                session=EngineOptions(device=self.place.device, dtype="fp32"),
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
