"""Scores of weights that paint layers, on scenes whose lights are all known.

Weights that paint the relit picture itself are scored on the paper's task only.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import hardware
from msrnet_cli.errors import UsageError
from msrnet_cli.evaluate import changes, further, relighters, stage
from msrnet_cli.evaluate.bars import bars_of, bars_of_truth
from msrnet_cli.evaluate.changes import AMBIENT, DAY, NIGHT, TASK
from msrnet_cli.evaluate.intervals import estimate
from msrnet_cli.evaluate.methods import ColourMaps, Copy, Direct, Layered
from msrnet_cli.evaluate.results import (
    AFFINE,
    COPY,
    TRUTH,
    Evenness,
    StageResult,
    StageScores,
)
from msrnet_cli.evaluate.rows import Table, mean, summary
from msrnet_cli.evaluate.shown import Shown
from msrnet_cli.evaluate.stage import Painter
from msrnet_cli.images.pixels import unit
from msrnet_cli.layers.store import LayerStore, open_store
from msrnet_cli.networks.spec import COLOURS, PICTURE
from msrnet_cli.pairs.find import spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor

    from msrnet_cli.evaluate.changes import Day, Nights, Pictures
    from msrnet_cli.evaluate.methods import Method
    from msrnet_cli.evaluate.options import EvalOptions
    from msrnet_cli.evaluate.shown import Show
    from msrnet_cli.evaluate.stage import Paint
    from msrnet_cli.relight.relighter import Relighter

_TRIED = (TASK, NIGHT, DAY)
_EVEN_DRAWS = 24
_SHOWN, _SHOWN_ROWS = 4, (TASK, NIGHT, DAY, AMBIENT)


def evaluate(
    options: EvalOptions,
    notify: Callable[[str], None] = lambda _: None,
    show: Show | None = None,
) -> StageResult:
    """Score weights and baselines on scenes.

    Args:
        options: What to score on what.
        notify: Is told the name of each scene when it is done.
        show: Is handed a picture of each kind of change, of a few scenes.

    Raises:
        DataError: There is no scene, or one is damaged.
        PictureError: A picture cannot be relit.
        UsageError: The options fit maps of colour on the scenes that are scored.
        WeightsError: Weights are missing or malformed.
    """
    _require_two_folders(options)
    store = open_store(Path(options.layers))
    store = _some(store, options.limit or len(store))
    size = store.smallest
    methods: dict[str, Method] = {COPY: Copy()}
    if options.fit:
        methods[AFFINE] = ColourMaps.fit(open_store(Path(options.fit)))
    loaded, notes = relighters.load(options)
    methods |= {name: _method(relighter) for name, relighter in loaded.items()}
    tables = score(store, size, methods, notify, show)
    sizes = [(size, size)] * len(store)
    scores = []
    for name, method in methods.items():
        relighter = loaded.get(name)
        copies = tables[COPY] if relighter else None
        rows = summary(tables[name], copies, tables.get(AFFINE))
        even = _evenness(method, store, size)
        work_size = relighter.work_size if relighter else None
        whole = relighters.seen_whole(relighter, sizes) if relighter else 0
        bars = bars_of(tables[name])
        scores.append(StageScores(name, rows, work_size, even, whole, bars))
    scores.append(_by_truth(store, size))
    if options.work_sizes:
        notes += relighters.notes_on_whole(loaded, sizes)
    return StageResult(
        data=options.layers,
        scenes=len(store),
        size=size,
        device=next((hardware.describe(one.device) for one in loaded.values()), ""),
        methods=tuple(scores),
        notes=notes + _notes(scores),
        largest=store.largest,
    )


@dataclass(frozen=True)
class Outcome:
    """Scores of a network during training, on a few scenes.

    Attributes:
        psnr: Mean PSNR of finished pictures in dB: of task, night and day alike.
        psnr_copy: The same of copies of the input.
        detail: Mean gradient magnitude of these pictures, as a part of the targets';
            nan if all targets are flat.
        rows: Input, output and target of some, each 3 S S in [0, 1].
        scores: ``task``, ``night`` and ``day``: gains over a copy of the input in dB;
            ``ambient``: PSNR in dB of pictures by day without their key;
            ``azimuth`` and ``read``: median error of the light, fitted and as the
            network reads it, in degrees.
    """

    psnr: float
    psnr_copy: float
    detail: float
    rows: tuple[tuple[Tensor, Tensor, Tensor], ...]
    scores: dict[str, float]


def try_out(paint: Paint, store: LayerStore, size: int, scenes: int = 8) -> Outcome:
    """Score a network quickly, on pictures that it sees whole.

    Args:
        paint: The network; its output must be finite.
        store: Scenes that it does not learn from.
        size: Side of the pictures in pixels.
        scenes: How many of the first scenes to score on.

    Raises:
        DataError: A scene is damaged, or smaller than `size` pixels.
    """
    few = LayerStore(store.folder, store.paths[:scenes])
    network = Layered(Painter(paint), fitted=False)
    tables = score(few, size, {"": network, COPY: Copy()})
    ours, copies = ([tables[name].mean(row) for row in _TRIED] for name in ("", COPY))
    scores = {
        row: one.psnr - other.psnr
        for row, one, other in zip(_TRIED, ours, copies, strict=True)
    }
    scores["ambient"] = tables[""].mean(AMBIENT).psnr
    scores["azimuth"] = statistics.median(tables[""].off[DAY])
    if misread := tables[""].misread[DAY]:
        scores["read"] = statistics.median(misread)
    reached = mean(ours)
    detail = math.nan if reached.detail is None else reached.detail
    shown = _shown(network, few, size)
    return Outcome(reached.psnr, mean(copies).psnr, detail, shown, scores)


def score(
    store: LayerStore,
    size: int,
    methods: Mapping[str, Method],
    notify: Callable[[str], None] = lambda _: None,
    show: Show | None = None,
) -> dict[str, Table]:
    """What each method made of each scene, by night and by day."""
    tables = {name: Table() for name in methods}
    shown = set(spread(range(len(store)), _SHOWN)) if show else set()
    for number in range(len(store)):
        nights = changes.nights(store[number], size)
        day = changes.day(store, number, size)
        more = further.further(store[number], size, number)
        made: dict[str, dict[str, Tensor]] = {}
        for name, method in methods.items():
            by_night, by_day = method.by_night(nights), method.by_day(day)
            tables[name].add(nights.name, by_night, nights.targets)
            tables[name].add(day.name, by_day, day.targets)
            answer = method.by_further(more)
            tables[name].add(more.name, answer, more.targets)
            made[name] = _middle(by_night.pictures | by_day.pictures)
        if show and number in shown:
            for one in _pictures(nights, day, made):
                show(one)
        notify(nights.name)
    return tables


def _pictures(
    nights: Nights, day: Day, made: Mapping[str, Mapping[str, Tensor]]
) -> Iterator[Shown]:
    """A picture of each kind of change, with what each method made of it."""
    sources = _middle(nights.sources | day.sources)
    targets = _middle(nights.targets | day.targets)
    for row in _SHOWN_ROWS:
        outputs = {name: found[row] for name, found in made.items() if row in found}
        yield Shown(nights.name, row, sources[row], targets[row], outputs)


def _middle(pictures: Pictures) -> dict[str, Tensor]:
    """One picture of each row that is shown; the others can be forgotten."""
    found = {row: pictures[row] for row in _SHOWN_ROWS if row in pictures}
    return {row: each[len(each) // 2] for row, each in found.items()}


def _by_truth(store: LayerStore, size: int) -> StageScores:
    """What mixing alone loses: true layers under two lights."""
    table = Table()
    for number in range(len(store)):
        scene = store[number]
        mixtures, targets = further.by_truth(scene, size)
        table.add(scene.name, stage.Answer(mixtures), targets)
    return StageScores(TRUTH, summary(table, None, None), bars=bars_of_truth(table))


def _shown(
    method: Method, store: LayerStore, size: int
) -> tuple[tuple[Tensor, Tensor, Tensor], ...]:
    """Input, output and target of one picture of each kind."""
    nights, day = changes.nights(store[0], size), changes.day(store, 0, size)
    sources, targets = nights.sources | day.sources, nights.targets | day.targets
    outputs = method.by_night(nights).pictures | method.by_day(day).pictures
    rows = []
    for row in (*_TRIED, AMBIENT):
        place = len(outputs[row]) // 2
        source, output, target = (
            unit(pictures[row][place]) for pictures in (sources, outputs, targets)
        )
        rows.append((source, output, target))
    return tuple(rows)


def _require_two_folders(options: EvalOptions) -> None:
    scored, fitted = Path(options.layers), Path(options.fit)
    if options.fit and scored.resolve() == fitted.resolve():
        raise UsageError(
            f"--layers and --fit are both {options.layers}",
            "fit the colour maps on scenes that are not scored",
        )


def _some(store: LayerStore, most: int) -> LayerStore:
    """At most so many scenes, evenly spread."""
    return LayerStore(store.folder, spread(store.paths, most))


def _notes(scores: Sequence[StageScores]) -> tuple[str, ...]:
    """How many pictures are left out of the mean of detail."""
    return tuple(
        f"{method.name}, {row.name}: flat targets: {row.flat}, left out of detail"
        for method in scores
        for row in method.rows
        if row.flat
    )


def _method(relighter: Relighter) -> Method:
    if relighter.sees_two:
        raise UsageError(
            f"{relighter.card.model.arch} sees two pictures, and --layers shows one",
            "score it on pairs: --data DIR",
        )
    if relighter.architecture.outputs == (PICTURE,):
        return Direct(relighter)
    painter = Painter(
        lambda pictures: relighter.paint(pictures).unflatten(1, (-1, COLOURS)),
        relighter.working_size,
    )
    return Layered(painter)


def _evenness(method: Method, store: LayerStore, size: int) -> Evenness | None:
    if not isinstance(method, Layered):
        return None
    found = [
        stage.unevenness(method.painter, changes.even(store, number, size))
        for number in range(_EVEN_DRAWS)
    ]
    deviations, edges = zip(*found, strict=True)
    return Evenness(estimate(deviations), max(edges))
