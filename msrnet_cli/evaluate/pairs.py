"""Scores on pairs: weights and baselines, or pictures that are there."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from msrnet_cli import hardware, metrics, perceptual, transfer
from msrnet_cli.config import DataOptions
from msrnet_cli.errors import DataError, PictureError, WeightsError
from msrnet_cli.evaluate import relighters as loaded
from msrnet_cli.evaluate.affine import AffineMap
from msrnet_cli.evaluate.intervals import estimate
from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.pairs.check import require_one_size, size_of
from msrnet_cli.pairs.find import find_pairs, match_folders, spread
from msrnet_cli.pairs.resample import resize
from msrnet_cli.results import SCORES, EvalResult, ImageScores, MethodScores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from msrnet_cli.config import EvalOptions, WorkSize
    from msrnet_cli.inference import Relighter
    from msrnet_cli.pairs.files import PictureFile
    from msrnet_cli.pairs.find import Found, Pair
    from msrnet_cli.perceptual import LPIPS

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
    seen_at: dict[str, WorkSize] = {}
    for name, relighter in relighters.items():
        methods[name], seen_at[name] = _as_shipped(relighter), relighter.work_size
        if options.enlarged and relighter.work_size != "full":
            bare = f"{name}, enlarged"
            methods[bare], seen_at[bare] = _enlarged(relighter), relighter.work_size
    judge, more = _judge(options)
    scores: dict[str, list[ImageScores]] = {name: [] for name in methods}
    sizes: list[tuple[int, int]] = []
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
        _summary(name, each, scores[COPY], seen_at.get(name))
        for name, each in scores.items()
    )
    if options.work_sizes:
        more += loaded.seen_whole(relighters, sizes)
    notes = found.left_out + notes + more
    return EvalResult(options.data, len(found.pairs), device, rows, notes)


def compare(outputs: str, targets: str, options: EvalOptions) -> EvalResult:
    """Score pictures that are there against targets of the same name.

    Args:
        outputs: Folder of pictures.
        targets: Folder with a picture for each of them; suffixes may differ.
        options: Where AlexNet's weights are.

    Raises:
        DataError: A target is missing, or sizes differ.
        PictureError: A picture cannot be read.
    """
    judge, notes = _judge(options)
    scores = []
    for name, *files in match_folders(Path(outputs), Path(targets)):
        output, target = _decoded(name, *files)
        scores.append(judge(name, output, target, None))
    found = _summary(outputs, scores, [])
    return EvalResult(targets, len(scores), "", (found,), notes)


def _found(folder: str, options: EvalOptions) -> Found:
    """The pairs of a folder, no more of them than are asked for."""
    lights = DataOptions(from_light=options.from_light, to_light=options.to_light)
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
    relit = relighter.run([picture])
    if relit.images[0] is None:
        raise relit.failures[0] or PictureError("no output")
    return relit.images[0]


def _enlarged(relighter: Relighter) -> Callable[[Tensor], Tensor]:
    """The network's own pixels at its working size, without the picture's detail."""

    def relight_and_enlarge(source: Tensor) -> Tensor:
        height, width = source.shape[-2:]
        size = relighter.working_size(width, height)
        small = transfer.reduce(source, *size) if size else source
        return transfer.enlarge(_run(relighter, small), width, height).clamp(0, 1)

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
            psnr=metrics.psnr(saved, target),
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
    seen_at: WorkSize | None = None,
) -> MethodScores:
    means = {}
    for score in SCORES:
        values = [getattr(image, score) for image in images]
        if None not in values:
            means[score] = estimate(values)
    gains = [a.psnr - b.psnr for a, b in zip(images, copies, strict=bool(copies))]
    worst = min(gains, default=None)
    return MethodScores(name, tuple(images), means, worst, seen_at)


def _decoded(name: str, *files: PictureFile) -> list[Tensor]:
    """Pictures of a scene, of one size: each 3 H W in [0, 1]."""
    pictures = [unit(file.decode()) for file in files]
    require_one_size(name, map(size_of, pictures))
    return pictures
