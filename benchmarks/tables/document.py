"""A table as one document: what the paper prints, what was found here, and how."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.tables import protocol as protocols
from benchmarks.tables.data import data_of
from benchmarks.tables.runs import done
from benchmarks.tables.scores import Scorer, summary
from benchmarks.tables.times import timed
from msrnet_cli import __version__
from msrnet_cli.evaluate.results import AFFINE, COPY
from msrnet_cli.pairs.find import find_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.tables.data import Data
    from benchmarks.tables.place import Place
    from benchmarks.tables.protocol import Protocol
    from benchmarks.tables.runs import Run
    from benchmarks.tables.scores import Finding, Pictures
    from benchmarks.tables.systems import Printed, System, Table

_PIXELS_OF_PAPER = 512
_RATE_OF_PAPER = "2e-3"
_BASELINES = {
    COPY: "nothing is learnt",
    AFFINE: "fitted to the training pairs by least squares",
}


def document(table: Table, place: Place) -> dict[str, Any]:
    """A table with all runs that have come to their end.

    Scores and times that are not known yet are found.

    Raises:
        MSRNetError: Weights cannot be scored or timed.
    """
    protocol = protocols.read(place.out)
    runs = {each.key: done(each, place.out) for each in table.systems}
    caption, scorer = ["Nothing has been trained yet."], None
    found: dict[str, list[Finding]] = {}
    if protocol and any(runs.values()):
        data = data_of(protocol, place.out)
        scorer = Scorer.make(data, protocol, place)
        found = {key: list(map(scorer.of_run, each)) for key, each in runs.items()}
        caption = [*_caption(protocol, data), _machines(found)]
    rows = _rows(table, runs, found, scorer)
    for row in rows if table.is_timed else ():
        if each := found.get(row["key"]):
            row["time"] = timed(each[0].model, place)
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
    table: Table,
    runs: Mapping[str, list[Run]],
    found: Mapping[str, list[Finding]],
    scorer: Scorer | None,
) -> list[dict[str, Any]]:
    """Baselines and systems; without a scorer, systems as the paper prints them."""
    if scorer is None:
        return [_row(each, [], None) for each in table.systems]
    baselines = scorer.of_baselines([run for each in runs.values() for run in each])
    copies = baselines[COPY]
    rows = [_baseline(name, each, copies) for name, each in baselines.items()]
    for system in table.systems:
        seeds = [each.found for each in found[system.key]]
        here = summary(seeds, copies) if seeds else None
        rows.append(_row(system, runs[system.key], here))
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
    train, val, (width, height) = _counted(protocol, data)
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
        f" from {_rate(protocol)} to 5e-5 in each stage, {protocol.dtype}, no"
        " augmentation.",
        f"The last weights count, not the best. Networks are scored at working size"
        f" {protocol.work_size}.",
    ]
    if not protocol.perceptual:
        caption.append("The combined loss is without its perceptual term (VGG16).")
    if protocol.more:
        caption.append(f"Further options of training: {' '.join(protocol.more)}.")
    return caption


def _rate(protocol: Protocol) -> str:
    """The highest rate, as it was typed last; the paper's without."""
    typed = zip(protocol.more, protocol.more[1:], strict=False)
    return [_RATE_OF_PAPER, *(value for name, value in typed if name == "--lr")][-1]


def _counted(protocol: Protocol, data: Data) -> tuple[int, int, tuple[int, int]]:
    """Pairs to learn from, pairs to score on, and their width and height."""
    if data.is_rendered:
        return protocol.scenes, protocol.val_scenes, (protocol.size, protocol.size)
    pairs, val_pairs = (find_pairs(each).pairs for each in (data.train, data.val))
    return len(pairs), len(val_pairs), val_pairs[0].source.size()


def _machines(found: Mapping[str, list[Finding]]) -> str:
    """On what the rows were made."""
    count = Counter(each.machine for findings in found.values() for each in findings)
    told = (f"{name} ({runs} of the runs)" for name, runs in count.most_common())
    return f"Scored, and as a rule trained, on: {'; '.join(told)}."
