"""The page of `msrnet eval --report`: each picture with its scores, and all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.evaluate.results import COPY, SCORES
from msrnet_cli.pages import charts
from msrnet_cli.pages.assemble import assemble
from msrnet_cli.pages.gallery import heat_stops
from msrnet_cli.report import evaluate as told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msrnet_cli.evaluate.results import EvalResult, ImageScores, MethodScores
    from msrnet_cli.pages.gallery import Copy, Gallery, Hung
    from msrnet_cli.pages.shapes import Chart

STYLES = ("shared/charts.css", "shared/pictures.css")
SCRIPTS = ("shared/viewer.js",)
"""Of pages with charts and cards of pictures."""

_KEYS = {"gain": "gain over the copy", "psnr": "PSNR", "ssim": "SSIM", "name": "name"}


@dataclass(frozen=True)
class Line:
    """The scores of one method on one picture, as they are written.

    Attributes:
        method: Number of the method among those that are shown.
        name: Of the method.
        cells: Head and value of each score.
    """

    method: int
    name: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Card:
    """One picture.

    Attributes:
        number: Its place among the pictures that were scored, from 0 on.
        name: The scene.
        copies: What is seen of it, each with the number of its method; None for input
            and target.
        lines: Its scores.
    """

    number: int
    name: str
    copies: tuple[tuple[int | None, Copy], ...]
    lines: tuple[Line, ...]


def page(result: EvalResult, gallery: Gallery) -> str:
    """The page as HTML.

    Args:
        result: What `msrnet eval` found; all numbers are its own.
        gallery: Holds the pictures of all scenes, in the order of the result.

    Raises:
        OSError: Pictures could not be written beside the page.
    """
    methods = shown(result)
    gains = [gains_of(method, result) for method in methods]
    cards = [
        _card(number, hung, methods, gains)
        for number, hung in enumerate(gallery.hung())
    ]
    first = gains[0] if methods else []
    order = sorted(
        cards, key=lambda card: _by_gain(first[card.number] if first else None)
    )
    keys = {k: text for k, text in _KEYS.items() if k != "gain" or any(gains)}
    values = {
        "opening": told.opening(result),
        "heads": told.method_heads(result),
        "rows": [
            (
                method.name,
                told.seen(method.work_size, method.whole, len(method.images)),
                _joined(told.method_rows(method, result)),
            )
            for method in result.methods
        ],
        "notes": result.notes,
        "charts": [
            _chart(n, m, g) for n, (m, g) in enumerate(zip(methods, gains, strict=True))
        ],
        "methods": [method.name for method in methods],
        "cards": order,
        "keys": keys,
        "heat": heat_stops(),
    }
    data = {
        "names": [card.name for card in cards],
        "methods": [
            {"name": method.name, "gain": gain, **_plain(method.images)}
            for method, gain in zip(methods, gains, strict=True)
        ],
    }
    return assemble(
        "scores", f"Scores on {result.data}", values, data,
        styles=STYLES, scripts=SCRIPTS, pictures=gallery.sink.sources,
    )  # fmt: skip


def shown(result: EvalResult) -> list[MethodScores]:
    """The methods whose pictures are shown: all but the copy of the input."""
    return [method for method in result.methods if method.name != COPY]


def gains_of(method: MethodScores, result: EvalResult) -> list[float]:
    """Gains in PSNR over the copy, picture by picture; empty where there is none."""
    copies = next((m.images for m in result.methods if m.name == COPY), ())
    return [
        ours.psnr - copy.psnr
        for ours, copy in zip(method.images, copies, strict=bool(copies))
    ]


def _card(
    number: int,
    hung: Hung,
    methods: Sequence[MethodScores],
    gains: Sequence[Sequence[float]],
) -> Card:
    places = {method.name: place for place, method in enumerate(methods)}
    copies = tuple((places.get(copy.method), copy) for copy in hung.copies)
    lines = tuple(
        Line(place, method.name, _cells(method.images[number], gain, number))
        for place, (method, gain) in enumerate(zip(methods, gains, strict=True))
    )
    return Card(number, hung.name, copies, lines)


def _cells(
    image: ImageScores, gains: Sequence[float], number: int
) -> tuple[tuple[str, str], ...]:
    found = [("gain", f"{told.gain(gains[number])} dB")] if gains else []
    for score in SCORES:
        value = getattr(image, score)
        if value is not None:
            found.append((told.SCORE_HEADS[score][0], told.value(score, value)))
    return tuple(found)


def _joined(rows: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """Means with their margins, without the empty first cell."""
    means = rows[0][1:]
    margins = rows[1][1:] if len(rows) > 1 else [""] * len(means)
    return list(zip(means, margins, strict=True))


def _chart(number: int, method: MethodScores, gains: Sequence[float]) -> Chart:
    if gains:
        title = f"Gains over the copy of the input, in dB: {method.name}"
        return charts.histogram(f"gains-{number}", title, gains, "gain in dB")
    psnr = [image.psnr for image in method.images]
    title = f"PSNR in dB: {method.name}"
    return charts.histogram(f"psnr-{number}", title, psnr, "PSNR in dB")


def _plain(images: Sequence[ImageScores]) -> dict[str, list[float]]:
    return {key: [getattr(image, key) for image in images] for key in ("psnr", "ssim")}


def _by_gain(gain: float | None) -> float:
    return 0.0 if gain is None else gain
