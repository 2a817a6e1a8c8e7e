"""A table's document as Markdown, on its own or between two marks in a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msrnet_cli.errors import UsageError
from msrnet_cli.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SCORES = {
    "psnr": ("PSNR, dB", ".2f"),
    "over_copy": ("over the copy, dB", "+.2f"),
    "ssim": ("SSIM, 7x7", ".4f"),
    "ssim_gaussian": ("SSIM, 11x11", ".4f"),
    "lpips": ("LPIPS", ".4f"),
    "mps": ("MPS", ".4f"),
}
"""By score: its head, and how it is written."""

_TIMES = ("seconds", "launch only")
_DIFFERS = "what else differs from the paper"
_NO_LAUNCH = "none on a CPU"
_READING = (
    "± is the 95 % interval over pictures; with three seeds or more, that over seeds"
    " follows; with two, the mean of each. The gain over the copy is taken picture by"
    " picture, so its interval is that of a difference."
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
        scores = [_printed(printed, score) for score in _SCORES]
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
    form = _SCORES[score][1]
    wide = form.removeprefix("+")  # of what has no sign
    text = format(one["mean"], form)
    if one["margin"] is not None:
        text += f" ± {one['margin']:{wide}}"
    if one["seeds_margin"] is not None:
        text += f", seeds ± {one['seeds_margin']:{wide}}"
    elif len(one["seeds"]) > 1:
        text += f", seeds {', '.join(format(mean, form) for mean in one['seeds'])}"
    return text


def _printed(line: Mapping[str, Any], score: str) -> str:
    """A score of the paper, with as many decimals as it has there."""
    if score not in line:
        return ""
    return f"{line[score]:{_SCORES[score][1].replace('4', str(line['decimals']))}}"


def _time(time: Mapping[str, Any] | None) -> list[str]:
    if time is None:
        return ["", ""]
    launch = time["launch"]
    return [_seconds(time["seconds"]), _seconds(launch) if launch else _NO_LAUNCH]


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
