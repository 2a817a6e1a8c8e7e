"""Figures that are wanted of layers: how they mix, and what light is found by them."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from msrnet_cli.evaluate.changes import DAY_KEPT
from msrnet_cli.evaluate.further import BESIDE, BETWEEN, BOTH, EITHER
from msrnet_cli.evaluate.results import Bar
from msrnet_cli.evaluate.stage import DIRECTION, KELVIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msrnet_cli.evaluate.rows import Table

_TRUE_DB, _KEPT_DB = 30.0, 28.0
_BOTH_DB, _BETWEEN_DB = -0.3, -0.7  # against single lights
_DEGREES, _NEAR = 30.0, 60.0
_SHARE_NEAR, _PERCENT = 85.0, 10.0


def bars_of(table: Table) -> tuple[Bar, ...]:
    """The bars of weights that paint layers; those that the scenes do not test lack."""
    return (*_bars_of_mixing(table), *_bars_of_finding(table))


def bars_of_truth(table: Table) -> tuple[Bar, ...]:
    """The bars of true layers: one for each row of a table."""
    return tuple(
        Bar(
            f"N + E, {row}",
            table.mean(row).psnr,
            _TRUE_DB,
            True,
            "dB",
            len(scenes),
        )
        for row, scenes in table.rows.items()
    )


def _bars_of_mixing(table: Table) -> Iterator[Bar]:
    """How much worse a mixture is than the lights that it is made of."""
    for row, singles, wanted, name in (
        (BOTH, EITHER, _BOTH_DB, "N + E over N and E"),
        (BETWEEN, BESIDE, _BETWEEN_DB, "between over beside"),
    ):
        if row in table.rows:
            over = table.mean(row).psnr - table.mean(singles).psnr
            yield Bar(name, over, wanted, True, "dB", len(table.rows[row]))


def _bars_of_finding(table: Table) -> Iterator[Bar]:
    """How well the light of pictures is found."""
    if off := table.errors.get(DIRECTION):
        count, median = len(off), statistics.median(off)
        near = 100 * sum(degrees <= _NEAR for degrees in off) / count
        yield Bar("direction by clear day, error", median, _DEGREES, False, "°", count)
        yield Bar(f"... within {_NEAR:g}°", near, _SHARE_NEAR, True, "%", count)
    if wrong := table.errors.get(KELVIN):
        median = 100 * statistics.median(wrong)
        yield Bar("kelvin by night, error", median, _PERCENT, False, "%", len(wrong))
    if scenes := table.rows.get(DAY_KEPT):
        kept = table.mean(DAY_KEPT).psnr
        yield Bar("own light kept by day", kept, _KEPT_DB, True, "dB", len(scenes))
