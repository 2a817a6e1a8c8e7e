"""The page of `msrnet eval --layers --report`: each kind of change of light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.evaluate.results import COPY
from msrnet_cli.evaluate.rows import BASELINE
from msrnet_cli.pages import charts
from msrnet_cli.pages.assemble import assemble
from msrnet_cli.pages.gallery import heat_stops
from msrnet_cli.pages.scores import SCRIPTS, STYLES
from msrnet_cli.pages.shapes import Numbers
from msrnet_cli.report import evaluate as told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from msrnet_cli.evaluate.results import RowScores, StageResult, StageScores
    from msrnet_cli.pages.gallery import Gallery
    from msrnet_cli.pages.shapes import Chart

    ByRow = Mapping[str, RowScores]


@dataclass(frozen=True)
class Part:
    """What is told of one method.

    Attributes:
        name: Of the method.
        seen: At what size it saw the scenes; "" if it saw none.
        table: Its rows.
        remarks: What else was found.
        charts: Gains over the copy, scene by scene, for each row that has them.
        scenes: The score of each scene in each row.
    """

    name: str
    seen: str
    table: Numbers
    remarks: tuple[str, ...]
    charts: tuple[Chart, ...]
    scenes: Numbers


def page(result: StageResult, gallery: Gallery) -> str:
    """The page as HTML.

    Args:
        result: What `msrnet eval --layers` found; all numbers are its own.
        gallery: Holds pictures of a few scenes.

    Raises:
        OSError: Pictures could not be written beside the page.
    """
    copies = _rows(next((m for m in result.methods if m.name == COPY), None))
    cards = gallery.hung()
    values = {
        "opening": told.scenes_opening(result),
        "notes": result.notes,
        "parts": [
            _part(number, method, copies, result.scenes)
            for number, method in enumerate(result.methods)
        ],
        "cards": cards,
        "heat": heat_stops(),
    }
    return assemble(
        "scenes", f"Scores on the scenes of {result.data}", values,
        styles=STYLES, scripts=SCRIPTS, pictures=gallery.sink.sources,
    )  # fmt: skip


def gains_of(row: RowScores, copies: ByRow) -> dict[str, float]:
    """Gains in PSNR over the copy, by scene; empty where no gain is told."""
    copy = copies.get(BASELINE.get(row.name, row.name))
    if copy is None or row.over_copy is None:
        return {}
    return {scene: psnr - copy.scenes[scene] for scene, psnr in row.scenes.items()}


def _rows(method: StageScores | None) -> dict[str, RowScores]:
    return {row.name: row for row in method.rows} if method else {}


def _part(number: int, method: StageScores, copies: ByRow, scenes: int) -> Part:
    found = [
        charts.histogram(
            f"gains-{number}-{place}",
            f"{row.name}: gains over the copy, in dB",
            list(gains.values()),
            "gain in dB",
            "scenes",
        )
        for place, row in enumerate(method.rows)
        if (gains := gains_of(row, copies))
    ]
    return Part(
        method.name,
        told.seen(method.work_size, method.whole, scenes),
        Numbers(
            ("change of light", *told.STAGE_HEADS[1:]),
            tuple(map(tuple, told.scene_rows(method))),
        ),
        tuple(told.scene_remarks(method)),
        tuple(found),
        _by_scene(method.rows, copies),
    )


def _by_scene(rows: Sequence[RowScores], copies: ByRow) -> Numbers:
    """PSNR of each scene in each row, with its gain where it has one."""
    names = sorted({scene for row in rows for scene in row.scenes})
    gains = [gains_of(row, copies) for row in rows]
    cells = []
    for scene in names:
        each = zip(rows, gains, strict=True)
        cells.append((scene, *(_psnr(row, gain, scene) for row, gain in each)))
    return Numbers(("scene", *(row.name for row in rows)), tuple(cells))


def _psnr(row: RowScores, gains: Mapping[str, float], scene: str) -> str:
    if scene not in row.scenes:
        return ""
    gain = f" ({told.gain(gains[scene])})" if scene in gains else ""
    return f"{told.value('psnr', row.scenes[scene])}{gain}"
