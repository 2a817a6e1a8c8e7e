"""What `msrnet eval` found, as tables of at most 80 columns, and as CSV."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from msrnet_cli.evaluate.results import SCORES
from msrnet_cli.report.terminal import COLUMNS, Table, count, harmless, show, warn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from msrnet_cli.config import WorkSize
    from msrnet_cli.evaluate.results import (
        Bar,
        Estimate,
        EvalResult,
        ImageScores,
        MethodScores,
        StageResult,
        StageScores,
    )

_SCORES = {
    "psnr": ("PSNR", ".2f"),
    "ssim": ("SSIM 7x7", ".4f"),
    "ssim_gaussian": ("SSIM 11x11", ".4f"),
    "lpips": ("LPIPS", ".4f"),
    "mps": ("MPS", ".4f"),
    "detail": ("detail", ".3f"),
    "seconds": ("s/image", ".3f"),
}
_STAGE_HEADS = ("", "PSNR", "SSIM", "detail", "over copy", "SSIM", "over better")


def table(result: EvalResult, *, each: bool = False) -> None:
    """Scores on pairs as a table on standard output.

    Means, and below them the margins of their 95 % confidence intervals.

    Args:
        result: What was found.
        each: Also print every picture.
    """
    present = [s for s in SCORES if any(s in m.means for m in result.methods)]
    has_gains = any(method.worst_gain is not None for method in result.methods)
    heads = ["", *(_SCORES[score][0] for score in present)]
    heads += ["worst gain"] if has_gains else []
    means = [_means(method, present, has_gains) for method in result.methods]
    columns = Table([heads, *(row for rows in means for row in rows)])
    show(f"{result.data}: {count(result.pictures, 'picture')}{_on(result.device)}")
    show()
    show(columns.line(heads))
    for method, rows in zip(result.methods, means, strict=True):
        show(method.name + _seen(method.work_size, method.whole, len(method.images)))
        columns.show(rows)
        for image in method.images if each else ():
            _show_picture(image, present, columns)
    for note in result.notes:
        warn(note)


def scene_tables(result: StageResult) -> None:
    """Scores on scenes whose lights are all known, as tables on standard output.

    Means with 95 % confidence intervals over scenes; gains of PSNR and SSIM.
    """
    size = f"{result.size} px"
    if result.largest > result.size:
        size = f"{result.size} to {result.largest} px, scored at {size}"
    show(
        f"{result.data}: {count(result.scenes, 'scene')} of {size}{_on(result.device)}"
    )
    cells = [_scene_rows(method) for method in result.methods]
    columns = Table([_STAGE_HEADS, *(row for rows in cells for row in rows)])
    for method, rows in zip(result.methods, cells, strict=True):
        show()
        show(method.name + _seen(method.work_size, method.whole, result.scenes))
        columns.show([_STAGE_HEADS, *rows])
        for line in _scene_remarks(method):
            show(line)
    for note in result.notes:
        warn(note)


def write_csv(result: EvalResult, path: Path) -> None:
    """One row for each method and picture.

    Raises:
        OSError: The file cannot be written.
    """
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("method", "name", *SCORES))
        for method in result.methods:
            for image in method.images:
                values = (getattr(image, score) for score in SCORES)
                writer.writerow((method.name, image.name, *values))


def _means(
    method: MethodScores, present: Sequence[str], has_gains: bool
) -> list[list[str]]:
    """A row of means, and one of their margins if there are any."""
    found = [(score, method.means.get(score)) for score in present]
    means = [_value(score, each.mean if each else None) for score, each in found]
    margins = [
        "" if each is None or each.margin is None else f"±{_value(score, each.margin)}"
        for score, each in found
    ]
    gain = method.worst_gain
    last = ["" if gain is None else f"{gain:+.2f}"] if has_gains else []
    rows = [["", *means, *last]]
    if any(margins):
        rows.append(["", *margins, *([""] if has_gains else [])])
    return rows


def _show_picture(image: ImageScores, present: Sequence[str], columns: Table) -> None:
    """The scores of a picture and its name: on one line if they fit, else on two."""
    values = [_value(score, getattr(image, score)) for score in present]
    line, name = columns.line(["", *values]), harmless(image.name)
    if len(line) + 2 + len(name) > COLUMNS:
        show(f"  {name}")
        show(line)
    else:
        show(f"{line}  {name}")


def _on(device: str) -> str:
    return f", on {device}" if device else ""


def _seen(work_size: WorkSize | None, whole: int, pictures: int) -> str:
    """At what size weights saw pictures; "" if nothing was relit."""
    if work_size is None:
        return ""
    if work_size == "full" or whole == pictures:
        return ", seen whole"
    some = f", {whole} of {pictures} whole" if whole else ""
    return f", seen at {work_size} px{some}"


def _scene_rows(method: StageScores) -> list[list[str]]:
    return [
        [
            f"  {row.name}",
            _interval(row.psnr, ".2f"),
            f"{row.ssim.mean:.3f}",
            f"{row.detail.mean:.2f}" if row.detail else "",
            _interval(row.over_copy.psnr, "+.2f") if row.over_copy else "",
            f"{row.over_copy.ssim.mean:+.3f}" if row.over_copy else "",
            _interval(row.over_better.psnr, "+.2f") if row.over_better else "",
        ]
        for row in method.rows
    ]


def _scene_remarks(method: StageScores) -> list[str]:
    lines = [
        f"  azimuth, {row.name}, {how}: {bearing.median:.0f}° off (median),"
        f" {bearing.near:.0%} within 60°"
        for row in method.rows
        for how, bearing in (("fitted", row.bearing), ("read", row.read))
        if bearing
    ]
    if method.even:
        lines.append(
            f"  even surfaces: {_interval(method.even.deviation, '.2f')}/255 uneven,"
            f" at most {method.even.edge:.1f}/255 near an edge"
        )
    return lines + [_bar(bar) for bar in method.bars]


def _bar(bar: Bar) -> str:
    """Such as ``  kelvin by night, error: 12.1 %, wanted: at most 10: missed``."""
    sign = "+" if bar.wanted < 0 else ""
    bound = "at least" if bar.is_least else "at most"
    unit = bar.unit if bar.unit == "°" else f" {bar.unit}"
    verdict = "kept" if bar.is_kept else "missed"
    return (
        f"  {bar.name}: {bar.found:{sign}.1f}{unit},"
        f" wanted: {bound} {bar.wanted:{sign}g}: {verdict}"
    )


def _value(score: str, value: float | None) -> str:
    return "" if value is None else format(value, _SCORES[score][1])


def _interval(found: Estimate, style: str) -> str:
    """A mean, and its margin if it has one."""
    if found.margin is None:
        return f"{found.mean:{style}}"
    # A margin of ten and more does not need hundredths.
    short = style.removeprefix("+") if found.margin < 10 else ".1f"
    return f"{found.mean:{style}} ±{found.margin:{short}}"
