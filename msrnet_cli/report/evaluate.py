"""What `msrnet eval` found, as tables of at most 80 columns, and as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from msrnet_cli.evaluate.results import SCORES
from msrnet_cli.report.terminal import COLUMNS, Table, count, harmless, show, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

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

SCORE_HEADS = {
    "psnr": ("PSNR", ".2f"),
    "ssim": ("SSIM 7x7", ".4f"),
    "ssim_gaussian": ("SSIM 11x11", ".4f"),
    "lpips": ("LPIPS", ".4f"),
    "mps": ("MPS", ".4f"),
    "detail": ("detail", ".3f"),
    "seconds": ("s/image", ".3f"),
}
"""By score: its head, and how it is written."""
STAGE_HEADS = ("", "PSNR", "SSIM", "detail", "over copy", "SSIM", "over better")
"""Of the tables of scenes."""


def table(result: EvalResult, *, each: bool = False) -> None:
    """Scores on pairs as a table on standard output.

    Means, and below them the margins of their 95 % confidence intervals.

    Args:
        result: What was found.
        each: Also print every picture.
    """
    present, heads = present_scores(result), method_heads(result)
    means = [method_rows(method, result) for method in result.methods]
    columns = Table([heads, *(row for rows in means for row in rows)])
    show(opening(result))
    show()
    show(columns.line(heads))
    for method, rows in zip(result.methods, means, strict=True):
        show(method.name + seen(method.work_size, method.whole, len(method.images)))
        columns.show(rows)
        for image in method.images if each else ():
            _show_picture(image, present, columns)
    for note in result.notes:
        warn(note)


def scene_tables(result: StageResult) -> None:
    """Scores on scenes whose lights are all known, as tables on standard output.

    Means with 95 % confidence intervals over scenes; gains of PSNR and SSIM.
    """
    show(scenes_opening(result))
    cells = [scene_rows(method) for method in result.methods]
    widest = ([f"  {name}", *rest] for rows in cells for name, *rest in rows)
    columns = Table([STAGE_HEADS, *widest])
    for method, rows in zip(result.methods, cells, strict=True):
        show()
        show(method.name + seen(method.work_size, method.whole, result.scenes))
        columns.show([STAGE_HEADS, *([f"  {name}", *rest] for name, *rest in rows)])
        for line in scene_remarks(method):
            show(f"  {line}")
    for note in result.notes:
        warn(note)


_NAMES = ("method", "name")
CSV_START = (",".join(_NAMES) + ",").encode()
"""What the table of `csv_of` starts with."""


def csv_of(result: EvalResult) -> bytes:
    """CSV: one row for each method and picture."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow((*_NAMES, *SCORES))
    for method in result.methods:
        for image in method.images:
            values = (getattr(image, score) for score in SCORES)
            writer.writerow((method.name, image.name, *values))
    return out.getvalue().encode("utf-8", "surrogateescape")


def opening(result: EvalResult) -> str:
    """What was scored, on which device."""
    return f"{result.data}: {count(result.pictures, 'picture')}{_on(result.device)}"


def scenes_opening(result: StageResult) -> str:
    """The same of scenes."""
    size = f"{result.size} px"
    if result.largest > result.size:
        size = f"{result.size} to {result.largest} px, scored at {size}"
    return (
        f"{result.data}: {count(result.scenes, 'scene')} of {size}{_on(result.device)}"
    )


def present_scores(result: EvalResult) -> list[str]:
    """The scores that any method has, in their order."""
    return [s for s in SCORES if any(s in m.means for m in result.methods)]


def method_heads(result: EvalResult) -> list[str]:
    """Heads of the columns of `method_rows`."""
    heads = ["", *(SCORE_HEADS[score][0] for score in present_scores(result))]
    return heads + (["worst gain"] if _has_gains(result) else [])


def method_rows(method: MethodScores, result: EvalResult) -> list[list[str]]:
    """A row of means, and one of their margins if there are any."""
    found = [(score, method.means.get(score)) for score in present_scores(result)]
    means = [value(score, each.mean if each else None) for score, each in found]
    margins = [
        "" if each is None or each.margin is None else f"±{value(score, each.margin)}"
        for score, each in found
    ]
    has_gains, worst = _has_gains(result), method.worst_gain
    last = [gain(worst)] if has_gains else []
    rows = [["", *means, *last]]
    if any(margins):
        rows.append(["", *margins, *([""] if has_gains else [])])
    return rows


def _has_gains(result: EvalResult) -> bool:
    return any(method.worst_gain is not None for method in result.methods)


def _show_picture(image: ImageScores, present: Sequence[str], columns: Table) -> None:
    """The scores of a picture and its name: on one line if they fit, else on two."""
    values = [value(score, getattr(image, score)) for score in present]
    line, name = columns.line(["", *values]), harmless(image.name)
    if len(line) + 2 + len(name) > COLUMNS:
        show(f"  {name}")
        show(line)
    else:
        show(f"{line}  {name}")


def _on(device: str) -> str:
    return f", on {device}" if device else ""


def seen(work_size: WorkSize | None, whole: int, pictures: int) -> str:
    """At what size weights saw pictures; "" if nothing was relit."""
    if work_size is None:
        return ""
    if work_size == "full" or whole == pictures:
        return ", seen whole"
    some = f", {whole} of {pictures} whole" if whole else ""
    return f", seen at {work_size} px{some}"


def scene_rows(method: StageScores) -> list[list[str]]:
    """A row for each kind of change, below `STAGE_HEADS`."""
    return [
        [
            row.name,
            _interval(row.psnr, ".2f"),
            f"{row.ssim.mean:.3f}",
            f"{row.detail.mean:.2f}" if row.detail else "",
            _interval(row.over_copy.psnr, "+.2f") if row.over_copy else "",
            f"{row.over_copy.ssim.mean:+.3f}" if row.over_copy else "",
            _interval(row.over_better.psnr, "+.2f") if row.over_better else "",
        ]
        for row in method.rows
    ]


def scene_remarks(method: StageScores) -> list[str]:
    """What else was found: the azimuth, even surfaces, figures that are wanted."""
    lines = [
        f"azimuth, {row.name}, {how}: {bearing.median:.0f}° off (median),"
        f" {bearing.near:.0%} within 60°"
        for row in method.rows
        for how, bearing in (("fitted", row.bearing), ("read", row.read))
        if bearing
    ]
    if method.even:
        lines.append(
            f"even surfaces: {_interval(method.even.deviation, '.2f')}/255 uneven,"
            f" at most {method.even.edge:.1f}/255 near an edge"
        )
    return lines + [_bar(bar) for bar in method.bars]


def _bar(bar: Bar) -> str:
    """Such as ``kelvin by night, error: 12.1 %, wanted: at most 10: missed``."""
    sign = "+" if bar.wanted < 0 else ""
    bound = "at least" if bar.is_least else "at most"
    unit = bar.unit if bar.unit == "°" else f" {bar.unit}"
    verdict = "kept" if bar.is_kept else "missed"
    return (
        f"{bar.name}: {bar.found:{sign}.1f}{unit},"
        f" wanted: {bound} {bar.wanted:{sign}g}: {verdict}"
    )


def value(score: str, found: float | None) -> str:
    """A score as it is written; "" for None."""
    return "" if found is None else format(found, SCORE_HEADS[score][1])


def gain(found: float | None) -> str:
    """A gain in dB as it is written; "" for None."""
    return "" if found is None else f"{found:+.2f}"


def _interval(found: Estimate, style: str) -> str:
    """A mean, and its margin if it has one."""
    if found.margin is None:
        return f"{found.mean:{style}}"
    # A margin of ten and more does not need hundredths.
    short = style.removeprefix("+") if found.margin < 10 else ".1f"
    return f"{found.mean:{style}} ±{found.margin:{short}}"
