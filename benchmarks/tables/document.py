"""A table as one document: what the paper prints, what was found here, and how."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.tables import protocol as protocols
from benchmarks.tables.data import data_of
from benchmarks.tables.runs import trained
from benchmarks.tables.scores import BASELINES, Scorer, summary
from benchmarks.tables.times import timed
from msrnet_cli import __version__
from msrnet_cli.pairs.find import find_pairs

if TYPE_CHECKING:
    from benchmarks.tables.data import Data
    from benchmarks.tables.protocol import Protocol
    from benchmarks.tables.runs import Run
    from benchmarks.tables.systems import Printed, System, Table

_PIXELS_OF_PAPER = 512


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


def document(table: Table, place: Place) -> dict[str, Any]:
    """A table with all runs that have come to their end.

    Scores and times that are not known yet are found.

    Raises:
        MSRNetError: Weights cannot be scored or timed.
    """
    found = {system.key: trained(system, place.out) for system in table.systems}
    protocol = protocols.read(place.out)
    runs = [run for each in found.values() for run in each]
    rows: list[dict[str, Any]] = []
    caption = ["Nothing has been trained yet."]
    notes: tuple[str, ...] = ()
    if protocol and runs:
        data = data_of(protocol, place.out)
        scorer = place.scorer(data, protocol.work_size)
        caption, notes = _caption(protocol, data), scorer.notes
        rows += _baselines(scorer, runs)
        rows += [_row(each, found[each.key], scorer) for each in table.systems]
    else:
        rows += [_row(each, [], None) for each in table.systems]
    if table.is_timed:
        for row in rows:
            if each := found.get(row["key"]):
                folder = place.out / "times"
                weights = each[0].weights
                row["time"] = timed(weights, place.device, place.time_size, folder)
    return {
        "table": table.number,
        "title": table.title,
        "msrnet": __version__,
        "is_timed": table.is_timed,
        "protocol": asdict(protocol) if protocol else None,
        "caption": caption,
        "rows": rows,
        "notes": list(notes),
    }


def _row(system: System, runs: list[Run], scorer: Scorer | None) -> dict[str, Any]:
    here = None
    if runs and scorer:
        here = summary([scorer.of_weights(run.weights) for run in runs])
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


def _baselines(scorer: Scorer, runs: list[Run]) -> list[dict[str, Any]]:
    # They are scored along with some weights: the smallest ones cost least.
    smallest = min((run.weights for run in runs), key=lambda path: path.stat().st_size)
    found = scorer.of_baselines(smallest)
    told = ("nothing is learnt", "fitted to the training pairs by least squares")
    return [
        {
            "key": name,
            "title": name,
            "paper": None,
            "here": summary([found[name]]),
            "seeds": [],
            "time": None,
            "differs": f"not in the paper; {differs}",
        }
        for name, differs in zip(BASELINES, told, strict=True)
    ]


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
