"""The before/after page: every result of a job beside its original.

Up to `MOST_WHOLE` results are held by the page itself; of more, all pictures lie in the
folder beside it. Scripts may not read these, so differences are drawn by CSS.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.errors import PictureError
from msrnet_cli.pages import previews
from msrnet_cli.pages.assemble import assemble
from msrnet_cli.pages.place import MOST_WHOLE
from msrnet_cli.pages.sinks import Beside, Within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from msrnet_cli.pages.place import Page
    from msrnet_cli.pages.previews import Preview
    from msrnet_cli.pages.sinks import Sink

_NAME = "compare"
_DIGITS = 12  # of a digest that a person compares
_UNKNOWN = "it is not known which picture this result was made from"


@dataclass(frozen=True)
class Shown:
    """A result, and what is told of it.

    Attributes:
        name: For people.
        output: The file.
        input: The picture that it was made from; None if unknown.
        light: The light that was asked for, in words.
        weights: Name of the weights.
        weights_sha256: Of their file, in hex.
        seconds: Time that it took; None if unknown.
        notes: What the user must know.
        input_sha256: Digest that the input must still have, in hex; "" for any.
    """

    name: str
    output: Path
    input: Path | None
    light: str = ""
    weights: str = ""
    weights_sha256: str = ""
    seconds: float | None = None
    notes: tuple[str, ...] = ()
    input_sha256: str = ""


@dataclass(frozen=True)
class Problem:
    """A picture without a result.

    Attributes:
        name: For people.
        reason: Why there is none.
        remedy: What to do about it.
    """

    name: str
    reason: str
    remedy: str = ""


@dataclass(frozen=True)
class Contents:
    """What a page shows.

    Attributes:
        title: Its heading.
        results: In the order of the job.
        problems: Pictures without a result.
        remarks: What is to be known of all of it.
    """

    title: str
    results: tuple[Shown, ...]
    problems: tuple[Problem, ...] = ()
    remarks: tuple[str, ...] = ()


def write(
    page: Page,
    contents: Contents,
    max_megapixels: float,
    notify: Callable[[str], object] = lambda _: None,
) -> None:
    """Write a page, whole or not at all, from the files on the disk.

    Args:
        page: Where it lies.
        contents: What it shows.
        max_megapixels: Larger pictures are not shown.
        notify: Called with the name of each result before it is read.

    Raises:
        OSError: The page, or a picture beside it, cannot be written.
    """
    is_small = len(contents.results) <= MOST_WHOLE
    sink = Within() if is_small else Beside(page)
    page.write(_page(contents, sink, max_megapixels, notify), sink.names)


def _page(
    contents: Contents,
    sink: Sink,
    max_megapixels: float,
    notify: Callable[[str], object],
) -> str:
    shown: list[dict[str, object]] = []
    problems = [*contents.problems]
    originals = _Originals(max_megapixels)
    with ThreadPoolExecutor(1) as beside:
        for one in contents.results:
            notify(one.name)
            original = beside.submit(originals.of, one)
            try:
                after = previews.preview(one.output, max_megapixels)
            except PictureError as error:
                reason = f"its result cannot be shown: {error.reason}"
                problems.append(Problem(one.name, reason, error.remedy))
                continue
            shown.append(_values(len(shown) + 1, one, after, original, sink))
    values = {
        "pictures": shown,
        "problems": [
            {
                "name": _text(p.name),
                "reason": _text(p.reason),
                "remedy": _text(p.remedy),
            }
            for p in problems
        ],
        "side": previews.SIDE,
        "remarks": [_text(each) for each in contents.remarks],
        "lazy": isinstance(sink, Beside),
    }
    title = _text(contents.title)
    return assemble(_NAME, title, values, pictures=sink.sources)


class _Originals:
    """Copies of originals; the last one is kept, because a fan has one for several."""

    def __init__(self, max_megapixels: float) -> None:
        self._most = max_megapixels
        self._last: tuple[tuple[Path, str], Preview] | None = None

    def of(self, one: Shown) -> Preview:
        """The original of a result.

        Raises:
            PictureError: It is not known, or cannot be shown.
        """
        if one.input is None:
            raise PictureError(_UNKNOWN)
        key = one.input, one.input_sha256
        if self._last is None or self._last[0] != key:
            self._last = None  # not two in memory
            self._last = key, previews.preview(one.input, self._most, one.input_sha256)
        return self._last[1]


def _values(
    number: int, one: Shown, after: Preview, original: Future[Preview], sink: Sink
) -> dict[str, object]:
    """What the template shows of one result."""
    before, changed, notes = None, None, [_text(note) for note in one.notes]
    try:
        found = original.result()
        before = _picture(found, sink)
        changed = previews.change(found, after)
    except PictureError as error:
        notes.append(_text(f"the original is not shown: {error.reason}"))
    return {
        "number": number,
        "name": _text(one.name),
        "before": before,
        "after": _picture(after, sink),
        "thumbnail": sink.put(after.thumbnail()),
        "seconds": one.seconds,
        "change": changed,
        "facts": [*_facts(one, after, changed)],
        "notes": notes,
    }


def _picture(found: Preview, sink: Sink) -> dict[str, object]:
    width, height = found.image.size
    return {"address": sink.put(found.encoded()), "width": width, "height": height}


def _facts(
    one: Shown, after: Preview, changed: float | None
) -> Iterator[tuple[str, str]]:
    """What is told below a picture: a word for it, and its value."""
    yield "Size", f"{after.width}x{after.height} px"
    if one.seconds is not None:
        yield (
            "Time",
            f"{one.seconds:.2g} s" if one.seconds < 10 else f"{one.seconds:.0f} s",
        )
    if changed is not None:
        yield "Change", f"{changed:.1%}"
    if one.light:
        yield "Light", _text(one.light)
    weights = " ".join(filter(None, (one.weights, one.weights_sha256[:_DIGITS])))
    if weights:
        yield "Weights", _text(weights)


def _text(text: str) -> str:
    """A text that a page can hold: names may have bytes that are not UTF-8."""
    return os.fsencode(text).decode(errors="replace")
