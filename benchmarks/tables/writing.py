"""A table's document as Markdown, on its own or between two marks in a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msrnet_cli.errors import UsageError
from msrnet_cli.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SCORES = {
    "psnr": ("PSNR, dB", 2),
    "ssim": ("SSIM, 7x7", 4),
    "ssim_gaussian": ("SSIM, 11x11", 4),
    "lpips": ("LPIPS", 4),
    "mps": ("MPS", 4),
}
"""By score: its head, and decimals."""

_TIMES = ("seconds", "launch only")
_DIFFERS = "what else differs from the paper"
_NO_LAUNCH = "none on a CPU"
_READING = (
    "± is the 95 % interval over pictures; with three seeds or more, that over seeds"
    " follows; with two, the mean of each."
)
_PRINTED_TIMES = (
    "The paper's seconds: 1024x1024 on a GTX 1080 Ti; it does not tell how they were"
    " taken. Those of DMSHN and its stack are a tenth of what their arithmetic alone"
    " takes that card."
)
_TIMING = (
    "Seconds: one picture of {size}x{size}, eager, {format}, from an idle device to one"
    " that is done, median; on {device}. Launch only: until the call returns, which is"
    " what a script without synchronisation reports. On a CPU the work is done by then:"
    " there is no such number."
)


def markdown(document: Mapping[str, Any]) -> str:
    """The table, two lines a system, the paper's and ours; below, how it was made."""
    is_timed = document["is_timed"]
    head = ["system", "from", *(name for name, _ in _SCORES.values())]
    head += [*(_TIMES if is_timed else ()), _DIFFERS]
    lines = [head, ["---"] * len(head)]
    for row in document["rows"]:
        lines += _lines(row, is_timed=is_timed)
    sentences = [*document["caption"]]
    if document["protocol"]:
        sentences.append(_READING)
    sentences += [_PRINTED_TIMES] if is_timed else []
    times = (row["time"] for row in document["rows"])
    if time := next(filter(None, times), None):
        sentences.append(_TIMING.format(**time))
    sentences += [f"Note: {note}." for note in document["notes"]]
    table = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([*table, "", *(f"- {each}" for each in sentences)]) + "\n"


def insert(page: Path, number: int, text: str) -> None:
    """Put a table between its marks in a page, in place of what stands there.

    Raises:
        UsageError: The page cannot be read, or has no such marks.
    """
    first, last = f"<!-- table {number} -->\n", f"<!-- end of table {number} -->"
    try:
        before, _, rest = page.read_text(encoding="utf-8").partition(first)
    except OSError as error:
        raise UsageError(f"--docs {page}: {error.strerror}", "name a page") from error
    _, mark, after = rest.partition(last)
    if not mark:
        raise UsageError(
            f"--docs {page} has no place for table {number}",
            f"write {first.strip()} and {last} into it",
        )
    write_whole(page, f"{before}{first}{text}{last}{after}".encode())


def _lines(row: Mapping[str, Any], *, is_timed: bool) -> list[list[str]]:
    lines, printed, here = [], row["paper"], row["here"]
    if printed:
        most = printed["decimals"]
        scores = [_number(printed.get(score), score, most) for score in _SCORES]
        times = [_seconds(printed["seconds"]), ""] if is_timed else []
        lines.append([row["title"], "paper", *scores, *times, ""])
    if here:
        scores = [
            _found(here[score], score) if score in here else "" for score in _SCORES
        ]
    else:
        scores = ["not run yet", *[""] * (len(_SCORES) - 1)]
    times = _time(row["time"]) if is_timed else []
    title = "" if printed else row["title"]
    return [*lines, [title, "here", *scores, *times, row["differs"]]]


def _found(one: Mapping[str, Any], score: str) -> str:
    """Mean, its interval over pictures, and what tells how seeds differ."""
    text = _number(one["mean"], score)
    if one["margin"] is not None:
        text += f" ± {_number(one['margin'], score)}"
    if one["seeds_margin"] is not None:
        text += f", seeds ± {_number(one['seeds_margin'], score)}"
    elif len(one["seeds"]) > 1:
        text += f", seeds {', '.join(_number(mean, score) for mean in one['seeds'])}"
    return text


def _number(value: float | None, score: str, most: int = 9) -> str:
    """A score, with no more than so many decimals."""
    return "" if value is None else f"{value:.{min(_SCORES[score][1], most)}f}"


def _time(time: Mapping[str, Any] | None) -> list[str]:
    if time is None:
        return ["", ""]
    launch = time["launch"]
    return [_seconds(time["seconds"]), _seconds(launch) if launch else _NO_LAUNCH]


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
