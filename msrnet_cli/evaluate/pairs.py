"""Scores: pairs and weights in, numbers with their uncertainty out.

Relights through `Relighter`, so that what ships is what is measured; scores what would
be saved: 8 bits.
"""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from msrnet_cli import hardware, metrics, perceptual, transfer
from msrnet_cli.config import DataOptions
from msrnet_cli.errors import DataError, PictureError, WeightsError
from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.inference import Relighter
from msrnet_cli.pairs.check import require_one_size, size_of
from msrnet_cli.pairs.find import find_pairs, match_folders, spread
from msrnet_cli.pairs.resample import resize
from msrnet_cli.results import SCORES, Estimate, EvalResult, ImageScores, MethodScores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from msrnet_cli.config import EvalOptions, WorkSize
    from msrnet_cli.pairs.files import PictureFile
    from msrnet_cli.pairs.find import Found, Pair
    from msrnet_cli.perceptual import LPIPS

COPY, AFFINE = "copy of the input", "affine colour map"
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
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
    relighters, notes = _relighters(options)
    methods: dict[str, Callable[[Tensor], Tensor]] = {COPY: lambda source: source}
    if options.fit_data:
        methods[AFFINE] = AffineMap.fit(_found(options.fit_data, options).pairs)
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
        more += _seen_whole(relighters, sizes)
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


class AffineMap:
    """Each colour channel times a factor plus a constant: the best such map.

    Args:
        gains: Three factors.
        offsets: Three constants.
    """

    def __init__(self, gains: Tensor, offsets: Tensor) -> None:
        self.gains, self.offsets = gains, offsets

    @classmethod
    def fit(cls, pairs: Sequence[Pair]) -> AffineMap:
        """Least squares over all pixels of some pairs."""
        sums = torch.zeros(5, 3, dtype=torch.float64)
        for pair in pairs:
            both = torch.stack(_decoded(pair.name, pair.source, pair.target))
            x, y = resize(both, _FIT_SIDE).double().flatten(2)
            each = (torch.ones_like(x), x, y, x * x, x * y)
            sums += torch.stack([term.sum(1) for term in each])
        n, x, y, xx, xy = sums
        gains = (n * xy - x * y) / (n * xx - x * x).clamp_min(1e-12)
        return cls(gains.float(), ((y - gains * x) / n).float())

    def __call__(self, source: Tensor) -> Tensor:
        """Map 3 H W."""
        return source * self.gains[:, None, None] + self.offsets[:, None, None]


def estimate(values: Sequence[float]) -> Estimate:
    """Mean with the margin of its 95 % confidence interval (Student's t)."""
    count = len(values)
    mean = statistics.fmean(values)
    if count < 2 or not all(map(math.isfinite, values)):
        return Estimate(mean, None)
    return Estimate(
        mean, _student(count - 1) * statistics.stdev(values) / math.sqrt(count)
    )


def _student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t distribution."""
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    z = statistics.NormalDist().inv_cdf(0.975)
    # Cornish and Fisher's expansion; from 11 degrees on right to 0.1 %.
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2


def _found(folder: str, options: EvalOptions) -> Found:
    """The pairs of a folder, no more of them than are asked for."""
    lights = DataOptions(from_light=options.from_light, to_light=options.to_light)
    found = find_pairs(folder, lights)
    return replace(found, pairs=spread(found.pairs, options.limit or len(found.pairs)))


def _relighters(
    options: EvalOptions,
) -> tuple[dict[str, Relighter], tuple[str, ...]]:
    try:
        found = {
            _row_name(spec, size): Relighter.load(
                spec or None,
                device=options.device,
                dtype=options.dtype,
                engine=options.engine,
                work_size=size,
                offline=options.offline,
            )
            for spec in options.weights or ("",)
            for size in options.work_sizes or (None,)
        }
    except WeightsError as error:
        if options.weights:
            raise
        return {}, (f"baselines only: {error}",)
    notes = (f"{name}: {note}" for name, one in found.items() for note in one.notes)
    return found, tuple(notes)


def _row_name(spec: str, size: WorkSize | None) -> str:
    name = spec or "built-in default"
    return f"{name}, work size {size}" if size else name


def _seen_whole(
    relighters: dict[str, Relighter], sizes: Sequence[tuple[int, int]]
) -> tuple[str, ...]:
    """Notes on working sizes that some pictures are too small for."""
    notes = []
    for name, relighter in relighters.items():
        whole = sum(relighter.working_size(*size) is None for size in sizes)
        if whole and relighter.work_size != "full":
            notes.append(f"{name}: {whole} of {len(sizes)} pictures are seen whole")
    return tuple(notes)


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
