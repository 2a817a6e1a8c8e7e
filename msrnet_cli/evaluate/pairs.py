"""Scores on pairs: weights and baselines, or existing pictures."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from msrnet_cli import hardware, metrics, perceptual
from msrnet_cli.errors import DataError, WeightsError
from msrnet_cli.evaluate import relighters as loaded
from msrnet_cli.evaluate.affine import AffineMap
from msrnet_cli.evaluate.intervals import estimate
from msrnet_cli.evaluate.results import SCORES, EvalResult, ImageScores, MethodScores
from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.pairs.check import require_one_size, size_fault, size_of
from msrnet_cli.pairs.find import find_pairs, spread
from msrnet_cli.pairs.match import match_folders
from msrnet_cli.pairs.options import PairOptions
from msrnet_cli.pairs.resample import resize
from msrnet_cli.relight import scaling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from msrnet_cli.evaluate.options import EvalOptions
    from msrnet_cli.pairs.check import Size
    from msrnet_cli.pairs.files import PictureFile
    from msrnet_cli.pairs.find import Found, Pair
    from msrnet_cli.perceptual import LPIPS
    from msrnet_cli.relight.relighter import Relighter

COPY, AFFINE = "copy of the input", "affine colour map"
_SSIM_SIDE, _LPIPS_SIDE = 11, 64  # the larger window; AlexNet's smallest picture
_FIT_SIDE = 256  # a colour map does not need more pixels


def evaluate(
    options: EvalOptions, notify: Callable[[str], None] = lambda _: None
) -> EvalResult:
    """Score weights and baselines on pairs.

    Args:
        options: What to score on what.
        notify: Is told the name of each scene when it is done.

    Raises:
        DataError: There are no pairs, they differ in size or are too small.
        PictureError: A picture cannot be read or relit.
        WeightsError: Weights are missing or malformed.
    """
    found = _found(options.data, options)
    relighters, notes = loaded.load(options)
    methods: dict[str, Callable[[Tensor], Tensor]] = {COPY: lambda source: source}
    if options.fit_data:
        training = _found(options.fit_data, options).pairs
        methods[AFFINE] = AffineMap.fit(map(_small, training))
    seen_by: dict[str, Relighter] = {}
    for name, relighter in relighters.items():
        methods[name], seen_by[name] = _as_shipped(relighter), relighter
        if options.enlarged and relighter.work_size != "full":
            bare = f"{name}, enlarged"
            methods[bare], seen_by[bare] = _enlarged(relighter), relighter
    judge, more = _judge(options)
    scores: dict[str, list[ImageScores]] = {name: [] for name in methods}
    sizes: list[Size] = []
    for index, pair in enumerate(found.pairs):
        source, target = _decoded(pair.name, pair.source, pair.target)
        sizes.append(size_of(source))
        for name, method in methods.items():
            if index == 0 and name in relighters:
                method(source)  # the first run is slow: memory, kernels
            began = time.perf_counter()
            output = method(source)
            seconds = time.perf_counter() - began
            timed = seconds if name in relighters else None
            scores[name].append(judge(pair.name, output, target, timed))
        notify(pair.name)
    device = next((hardware.describe(r.device) for r in relighters.values()), "")
    rows = tuple(
        _summary(name, each, scores[COPY], seen_by.get(name), sizes)
        for name, each in scores.items()
    )
    if options.work_sizes:
        more += loaded.notes_on_whole(relighters, sizes)
    notes = found.left_out + notes + more + _notes_on_scores(rows)
    return EvalResult(options.data, len(found.pairs), device, rows, notes)


def compare(
    outputs: str,
    targets: str,
    options: EvalOptions,
    light: str = "",
    notify: Callable[[str], None] = lambda _: None,
) -> EvalResult:
    """Score existing pictures against targets of the same name or scene.

    Args:
        outputs: Folder or .zip of pictures.
        targets: Folder or .zip with a picture for each of them; suffixes may differ.
        options: Where AlexNet's weights are.
        light: Of the targets, see `match_folders`.
        notify: Is told the name of each picture when it is done.

    Raises:
        DataError: A target is missing, or sizes differ.
        PictureError: A picture cannot be read.
    """
    judge, notes = _judge(options)
    matched = match_folders(Path(outputs), Path(targets), light)
    scores = []
    for name, *files in matched.pictures:
        output, target = (unit(file.decode()) for file in files)
        fault = size_fault(name, map(size_of, (output, target)))
        if fault:
            remedy = "give outputs of the size of their targets"
            raise DataError(f"{name}: {fault.reason}", remedy)
        scores.append(judge(name, output, target, None))
        notify(name)
    found = _summary(outputs, scores, [])
    notes = matched.notes + notes + _notes_on_scores([found])
    return EvalResult(targets, len(scores), "", (found,), notes)


def _found(folder: str, options: EvalOptions) -> Found:
    """The pairs of a folder, no more of them than are asked for."""
    lights = PairOptions(from_light=options.from_light, to_light=options.to_light)
    found = find_pairs(folder, lights)
    return replace(found, pairs=spread(found.pairs, options.limit or len(found.pairs)))


def _small(pair: Pair) -> tuple[Tensor, Tensor]:
    """Source and target, as a map of colour is fitted to them."""
    both = torch.stack(_decoded(pair.name, pair.source, pair.target))
    source, target = resize(both, _FIT_SIDE)
    return source, target


def _as_shipped(relighter: Relighter) -> Callable[[Tensor], Tensor]:
    """Relight as the folder job does a picture of 8 bits, number format included."""
    return lambda source: unit(_run(relighter, quantise(source, 8)))


def _run(relighter: Relighter, picture: Tensor) -> Tensor:
    (output,) = relighter.run([picture]).pictures()
    return output


def _enlarged(relighter: Relighter) -> Callable[[Tensor], Tensor]:
    """The network's own pixels at its working size, without the picture's detail."""

    def relight_and_enlarge(source: Tensor) -> Tensor:
        height, width = source.shape[-2:]
        size = relighter.working_size(width, height)
        small = scaling.reduce(source, *size) if size else source
        return scaling.enlarge(_run(relighter, small), width, height).clamp(0, 1)

    return relight_and_enlarge


def _judge(
    options: EvalOptions,
) -> tuple[Callable[[str, Tensor, Tensor, float | None], ImageScores], tuple[str, ...]]:
    """What scores one picture, and a note where LPIPS cannot be had."""
    lpips: LPIPS | None = None
    notes: tuple[str, ...] = ()
    try:
        lpips = perceptual.load_lpips(options.alexnet)
    except WeightsError as error:
        if options.alexnet:
            raise
        notes = (f"without LPIPS and MPS: {error}",)

    smallest = _LPIPS_SIDE if lpips else _SSIM_SIDE

    def judge(
        name: str, output: Tensor, target: Tensor, seconds: float | None
    ) -> ImageScores:
        height, width = target.shape[-2:]
        if min(height, width) < smallest:
            raise DataError(
                f"{name}: {width}x{height} is too small to score",
                f"give pictures of at least {smallest}x{smallest}",
            )
        saved = (output.clamp(0, 1) * 255).round() / 255
        ssim = metrics.ssim(saved, target)
        distance = lpips(saved[None], target[None]).item() if lpips else None
        return ImageScores(
            name=name,
            psnr=min(metrics.psnr(saved, target), metrics.ROUNDING_DB),
            ssim=ssim,
            ssim_gaussian=metrics.ssim_gaussian(saved, target),
            detail=metrics.detail(saved, target),
            lpips=distance,
            mps=None if distance is None else metrics.mps(ssim, distance),
            seconds=seconds,
        )

    return judge, notes


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
    """What means leave out, or limit."""
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
    """Pictures of a scene, of one size: each 3 H W in [0, 1]."""
    pictures = [unit(file.decode()) for file in files]
    require_one_size(name, map(size_of, pictures))
    return pictures
