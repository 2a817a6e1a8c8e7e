"""Scores on pairs: weights and baselines, or existing pictures."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from msrnet_cli import hardware, metrics
from msrnet_cli.errors import DataError
from msrnet_cli.evaluate import relighters as loaded
from msrnet_cli.evaluate.affine import AffineMap
from msrnet_cli.evaluate.intervals import estimate
from msrnet_cli.evaluate.judge import Judge
from msrnet_cli.evaluate.results import (
    AFFINE,
    COPY,
    SCORES,
    EvalResult,
    ImageScores,
    MethodScores,
)
from msrnet_cli.evaluate.shown import Shown
from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.pairs.check import require_one_size, size_fault, size_of
from msrnet_cli.pairs.find import find_pairs, spread
from msrnet_cli.pairs.match import match_folders
from msrnet_cli.pairs.options import PairOptions
from msrnet_cli.pairs.resample import resize
from msrnet_cli.relight import scaling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from msrnet_cli.evaluate.options import EvalOptions
    from msrnet_cli.evaluate.shown import Show
    from msrnet_cli.pairs.check import Size
    from msrnet_cli.pairs.files import PictureFile
    from msrnet_cli.pairs.find import Found, Pair
    from msrnet_cli.relight.relighter import Relighter

_FIT_SIDE = 256  # a colour map does not need more pixels


@dataclass(frozen=True)
class _Method:
    """What makes an output of a source.

    Attributes:
        relight: Takes the source, and the second input where there is one; gives the
            output. Each 3 H W in [0, 1].
        relighter: The weights; None for a baseline.
        is_timed: Whether its time is that of `msrnet relight`.
    """

    relight: Callable[..., Tensor]
    relighter: Relighter | None = None
    is_timed: bool = False


def evaluate(
    options: EvalOptions,
    notify: Callable[[str], None] = lambda _: None,
    show: Show | None = None,
) -> EvalResult:
    """Score weights and baselines on pairs.

    Args:
        options: What to score on what.
        notify: Is told the name of each scene when it is done.
        show: Is handed the pictures of each scene.

    Raises:
        DataError: There are no pairs, they differ in size or are too small.
        PictureError: A picture cannot be read or relit.
        WeightsError: Weights are missing or malformed.
    """
    found = _found(options.data, options)
    relighters, notes = loaded.load(options)
    seen = loaded.with_inputs(options, relighters)
    if seen != options:
        found = _found(options.data, seen)
    methods = _methods(options, relighters)
    judge = Judge.load(options.alexnet)
    scores: dict[str, list[ImageScores]] = {name: [] for name in methods}
    sizes: list[Size] = []
    for index, pair in enumerate(found.pairs):
        source, target, *second = _decoded(pair.name, *pair.pictures)
        sizes.append(size_of(source))
        outputs: dict[str, Tensor] = {}
        for name, method in methods.items():
            if index == 0 and method.is_timed:
                # The first run is slow: memory, kernels.
                method.relight(source, *second)
            began = time.perf_counter()
            output = method.relight(source, *second)
            seconds = time.perf_counter() - began
            timed = seconds if method.is_timed else None
            scores[name].append(judge.score(pair.name, output, target, timed))
            if show:
                outputs[name] = output
        if show:
            show(Shown(pair.name, "", source, target, outputs))
        notify(pair.name)
    device = next((hardware.describe(r.device) for r in relighters.values()), "")
    rows = tuple(
        _summary(name, each, scores[COPY], methods[name].relighter, sizes)
        for name, each in scores.items()
    )
    notes = found.left_out + notes + judge.notes
    if options.work_sizes:
        notes += loaded.notes_on_whole(relighters, sizes)
    notes += _notes_on_scores(rows)
    return EvalResult(options.data, len(found.pairs), device, rows, notes)


def compare(
    outputs: str,
    targets: str,
    options: EvalOptions,
    light: str = "",
    notify: Callable[[str], None] = lambda _: None,
    show: Show | None = None,
) -> EvalResult:
    """Score existing pictures against targets of the same name or scene.

    Args:
        outputs: Folder or .zip of pictures.
        targets: Folder or .zip with a picture for each of them; suffixes may differ.
        options: Where AlexNet's weights are.
        light: Of the targets, see `match_folders`.
        notify: Is told the name of each picture when it is done.
        show: Is handed each picture with its target.

    Raises:
        DataError: A target is missing, or sizes differ.
        PictureError: A picture cannot be read.
    """
    judge = Judge.load(options.alexnet)
    matched = match_folders(Path(outputs), Path(targets), light)
    scores = []
    for name, *files in matched.pictures:
        output, target = (unit(file.decode()) for file in files)
        fault = size_fault(name, map(size_of, (output, target)))
        if fault:
            remedy = "give outputs of the size of their targets"
            raise DataError(f"{name}: {fault.reason}", remedy)
        scores.append(judge.score(name, output, target))
        if show:
            show(Shown(name, "", None, target, {outputs: output}))
        notify(name)
    found = _summary(outputs, scores, [])
    notes = matched.notes + judge.notes + _notes_on_scores([found])
    return EvalResult(targets, len(scores), "", (found,), notes)


def _methods(
    options: EvalOptions, relighters: Mapping[str, Relighter]
) -> dict[str, _Method]:
    """Baselines and weights, by the names of their rows."""
    methods = {COPY: _Method(lambda source, *_: source)}
    if options.fit_data:
        training = _found(options.fit_data, options.alone()).pairs
        fitted = AffineMap.fit(map(_small, training))
        methods[AFFINE] = _Method(lambda source, *_: fitted(source))
    for name, relighter in relighters.items():
        methods[name] = _Method(_as_shipped(relighter), relighter, is_timed=True)
        if options.enlarged and relighter.work_size != "full":
            methods[f"{name}, enlarged"] = _Method(_enlarged(relighter), relighter)
    return methods


def _found(folder: str, options: EvalOptions) -> Found:
    """The pairs of a folder; at most as many as the options ask for."""
    lights = PairOptions(
        from_light=options.from_light, to_light=options.to_light, inputs=options.inputs
    )
    found = find_pairs(folder, lights)
    return replace(found, pairs=spread(found.pairs, options.limit or len(found.pairs)))


def _small(pair: Pair) -> tuple[Tensor, Tensor]:
    """Source and target, reduced to fit a map of colour to them."""
    both = torch.stack(_decoded(pair.name, pair.source, pair.target))
    source, target = resize(both, _FIT_SIDE)
    return source, target


def _as_shipped(relighter: Relighter) -> Callable[..., Tensor]:
    """Relight as the folder job relights a picture of 8 bits."""

    def relight(*inputs: Tensor) -> Tensor:
        return unit(_run(relighter, *(quantise(one, 8) for one in inputs)))

    return relight


def _run(relighter: Relighter, source: Tensor, *second: Tensor) -> Tensor:
    guides = (second,) if relighter.sees_two else ()
    (output,) = relighter.run([source], *guides).pictures()
    return output


def _enlarged(relighter: Relighter) -> Callable[..., Tensor]:
    """Enlarge the network's own pixels, without the detail of the picture."""

    def relight_and_enlarge(*inputs: Tensor) -> Tensor:
        height, width = inputs[0].shape[-2:]
        size = relighter.working_size(width, height)
        small = [scaling.reduce(one, *size) if size else one for one in inputs]
        return scaling.enlarge(_run(relighter, *small), width, height).clamp(0, 1)

    return relight_and_enlarge


def _summary(
    name: str,
    images: Sequence[ImageScores],
    copies: Sequence[ImageScores],
    relighter: Relighter | None = None,
    sizes: Sequence[Size] = (),
) -> MethodScores:
    means = {}
    for score in SCORES:
        each = (getattr(image, score) for image in images)
        if values := [value for value in each if value is not None]:
            means[score] = estimate(values)
    gains = [a.psnr - b.psnr for a, b in zip(images, copies, strict=bool(copies))]
    return MethodScores(
        name=name,
        images=tuple(images),
        means=means,
        worst_gain=min(gains, default=None),
        work_size=relighter.work_size if relighter else None,
        whole=loaded.seen_whole(relighter, sizes) if relighter else 0,
    )


def _notes_on_scores(methods: Sequence[MethodScores]) -> tuple[str, ...]:
    """Pictures that are left out of means, and scores that are limited."""
    notes = []
    for method in methods:
        flat = sum(image.detail is None for image in method.images)
        if flat:
            notes.append(f"{method.name}: flat targets: {flat}, left out of detail")
        most = sum(image.psnr == metrics.ROUNDING_DB for image in method.images)
        if most:
            notes.append(
                f"{method.name}: equal to the target, or nearly: {most}, each counted"
                f" as {metrics.ROUNDING_DB:.2f} dB, the error of rounding to 8 bits"
            )
    return tuple(notes)


def _decoded(name: str, *files: PictureFile) -> list[Tensor]:
    """Pictures of a scene, each 3 H W in [0, 1].

    Raises:
        DataError: They differ in size.
        PictureError: One cannot be read.
    """
    pictures = [unit(file.decode()) for file in files]
    require_one_size(name, map(size_of, pictures))
    return pictures
