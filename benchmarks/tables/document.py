"""A table as one document: what the paper prints, what was found here, and how."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.tables import protocol as protocols
from benchmarks.tables.data import data_of
from benchmarks.tables.runs import trained
from benchmarks.tables.scores import Scorer, summary
from benchmarks.tables.times import timed
from msrnet_cli import __version__
from msrnet_cli.evaluate.results import AFFINE, COPY
from msrnet_cli.pairs.find import find_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.tables.data import Data
    from benchmarks.tables.protocol import Protocol
    from benchmarks.tables.runs import Run
    from benchmarks.tables.scores import Pictures
    from benchmarks.tables.systems import Printed, System, Table

_PIXELS_OF_PAPER = 512
_BASELINES = {
    COPY: "nothing is learnt",
    AFFINE: "fitted to the training pairs by least squares",
}


@dataclass(frozen=True)
class Place:
    """Where runs lie, and where they are scored and timed.

    Attributes:
        out: The folder of all runs.
        device: As `msrnet` takes it.
        alexnet: AlexNet's weights; "" looks into torch's cache.
        time_size: Side of the picture that is timed, in pixels.
    """

    out: Path
    device: str = "auto"
    alexnet: str = ""
    time_size: int = 1024

    def scorer(self, data: Data, work_size: str) -> Scorer:
        """Scores weights, or reads their scores."""
        folder = self.out / "scores"
        return Scorer.make(data, work_size, self.device, self.alexnet, folder)

    def timed(self, weights: Path) -> dict[str, Any]:
        """Times of a network, or what they were."""
        return timed(weights, self.device, self.time_size, self.out / "times")


def document(table: Table, place: Place) -> dict[str, Any]:
    """A table with all runs that have come to their end.

    Scores and times that are not known yet are found.

    Raises:
        MSRNetError: Weights cannot be scored or timed.
    """
    protocol = protocols.read(place.out)
    found = {each.key: trained(each, place.out) for each in table.systems}
    runs = [run for each in found.values() for run in each]
    caption, scorer = ["Nothing has been trained yet."], None
    if protocol and runs:
        data = data_of(protocol, place.out)
        scorer = place.scorer(data, protocol.work_size)
        caption = _caption(protocol, data)
    rows = _rows(table, found, scorer)
    for row in rows if table.is_timed else ():
        if each := found.get(row["key"]):
            row["time"] = place.timed(each[0].weights)
    return {
        "table": table.number,
        "title": table.title,
        "msrnet": __version__,
        "is_timed": table.is_timed,
        "protocol": asdict(protocol) if protocol else None,
        "caption": caption,
        "rows": rows,
        "notes": list(scorer.notes if scorer else ()),
    }


def _rows(
    table: Table, found: Mapping[str, list[Run]], scorer: Scorer | None
) -> list[dict[str, Any]]:
    """Baselines and systems; without a scorer, systems as the paper prints them."""
    if scorer is None:
        return [_row(each, [], None) for each in table.systems]
    weights = [run.weights for runs in found.values() for run in runs]
    # Baselines are scored along with some weights: the smallest ones cost least.
    baselines = scorer.of_baselines(min(weights, key=lambda path: path.stat().st_size))
    copies = baselines[COPY]
    rows = [_baseline(name, each, copies) for name, each in baselines.items()]
    for system in table.systems:
        runs = found[system.key]
        seeds = [scorer.of_weights(run.weights) for run in runs]
        rows.append(_row(system, runs, summary(seeds, copies) if seeds else None))
    return rows


def _row(
    system: System, runs: list[Run], here: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "key": system.key,
        "title": system.title,
        "paper": _printed(system.printed) if system.printed else None,
        "here": here,
        "seeds": [run.seed for run in runs],
        "time": None,
        "differs": system.differs,
    }


def _printed(line: Printed) -> dict[str, float | None]:
    return {**asdict(line), "mps": line.mps}


def _baseline(name: str, pictures: Pictures, copies: Pictures) -> dict[str, Any]:
    return {
        "key": name,
        "title": name,
        "paper": None,
        "here": summary([pictures], None if name == COPY else copies),
        "seeds": [],
        "time": None,
        "differs": f"not in the paper; {_BASELINES[name]}",
    }


def _caption(protocol: Protocol, data: Data) -> list[str]:
    """How all rows were made, and how far that is from the paper."""
    pairs, val_pairs = (find_pairs(each).pairs for each in (data.train, data.val))
    train, val = len(pairs), len(val_pairs)
    width, height = val_pairs[0].source.size()
    seen = protocol.seen(train)
    of_paper = 100 * seen / protocols.PAPER_PICTURES
    source = "scenes that `msrnet synth` rendered" if data.is_rendered else "pairs"
    name = "" if data.is_rendered else f" of {Path(data.train).name}"
    caption = [
        f"Data: {train} {source}{name} to learn from, {val} to score on,"
        f" {width}x{height} (paper: VIDIT, 300 and 45, 1024x1024).",
        f"Budget: every system sees {seen:,} pictures, {of_paper:.2g} % of the paper's"
        f" {protocols.PAPER_PICTURES:,}, at {protocol.size} px (paper:"
        f" {_PIXELS_OF_PAPER}).",
        f"All that learn from pairs: {protocol.batch} a step, Adam, a rate that falls"
        f" from 2e-3 to 5e-5 in each stage, {protocol.dtype}, no augmentation.",
        f"The last weights count, not the best. Networks are scored at working size"
        f" {protocol.work_size}.",
    ]
    if not protocol.perceptual:
        caption.append("The combined loss is without its perceptual term (VGG16).")
    if protocol.more:
        caption.append(f"Further options of training: {' '.join(protocol.more)}.")
    return caption
