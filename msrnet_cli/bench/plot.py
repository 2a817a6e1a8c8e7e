"""A result drawn: time against size, and against batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli import charts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from msrnet_cli.bench.results import BenchResult, BenchRow


def draw(result: BenchResult) -> bytes:
    """PNG: seconds a picture over megapixels, and over batch if there are several."""
    least = min(row.batch for row in result.rows)
    single = [row for row in result.rows if row.batch == least]
    panels = [
        (
            f"seconds a picture, {result.arch}, batch {least}",
            _curves(single, lambda row: row.size**2 / 1e6),
            False,
        )
    ]
    across = ["megapixels"]
    for size in sorted({row.size for row in result.rows}):
        rows = [row for row in result.rows if row.size == size]
        if len({row.batch for row in rows}) > 1:
            title = f"seconds a picture, {size}x{size}"
            panels.append((title, _curves(rows, lambda row: float(row.batch)), False))
            across.append("batch")
    return charts.curves(panels, across)


def _curves(
    rows: Iterable[BenchRow], place: Callable[[BenchRow], float]
) -> list[charts.Curve]:
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row.seconds is not None:
            name = f"{row.way} {row.dtype}"
            lines.setdefault(name, []).append((place(row), row.seconds))
    return [charts.Curve(name, tuple(sorted(line))) for name, line in lines.items()]
