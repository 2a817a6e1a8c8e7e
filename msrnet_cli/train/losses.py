"""Losses: the paper's, those of its ablation, the scores, and one for layers.

Tensors in, a scalar tensor out. Pictures are B C H W in [0, 1] unless a docstring says
otherwise; the first argument is the output of the network, the second the target.

Sources: paper section 3, equation 1; its authors' dehazing code for TV and the
perceptual term; Wang et al. 2004 for SSIM; Zheng et al. 2020 (MBCNN) for Sobel; the
published training of DRN for its loss.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from msrnet_cli.errors import UsageError
from msrnet_cli.lights import LUMINANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor, nn

    from msrnet_cli.train.options import LossName, LossOptions

    Loss = Callable[[Tensor, Tensor], Tensor]

_PAPER: dict[str, LossName] = {"1": "l2", "2": "combined"}
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2
_LIT = 27  # channels of layers
_LAYER_SHARES = (1.0, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
_LAYER_FLOOR = 3e-4  # 35 dB
_SLOPE, _NORMAL, _EVEN = 2.0, 0.6, 8.0
_ERROR_FLOOR = 1e-4  # 40 dB: better is not worth a steeper gradient
_LEVELS = 5  # bands of the Laplacian pyramid
_SOBEL = (
    ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0)),
    ((-1.0, -2.0, -1.0), (0.0, 0.0, 0.0), (1.0, 2.0, 1.0)),
    ((0.0, 1.0, 2.0), (-1.0, 0.0, 1.0), (-2.0, -1.0, 0.0)),
    ((2.0, 1.0, 0.0), (1.0, 0.0, -1.0), (0.0, -1.0, -2.0)),
)


def by_stage(
    options: LossOptions, stages: Iterable[str], *, layers: bool
) -> dict[str, LossName]:
    """What each stage makes small.

    Args:
        options: May replace the paper's losses.
        stages: ``1``, ``2``.
        layers: Whether the network paints layers.
    """
    if layers:
        return dict.fromkeys(stages, options.loss or "layers")
    return {stage: options.loss or _PAPER[stage] for stage in stages}


def build(
    name: LossName, options: LossOptions, features: nn.Module | None = None
) -> Loss:
    """The loss that has a name.

    Args:
        name: ``l2``, ``l1``, ``combined``, ``sobel``, ``psnr``, ``scores`` or ``drn``;
            not ``layers``, which is not a loss of one picture and its target.
        options: Weights of the terms of a loss.
        features: VGG16 features for the perceptual term, B 3 H W to B F h w; needed
            where ``combined`` gives it a weight.

    Raises:
        UsageError: The features are needed and missing.
    """
    if name == "l2":
        return F.mse_loss
    if name == "l1":
        return F.l1_loss
    if name == "psnr":
        return log_error
    if name == "drn":
        return drn
    if name == "scores":
        return lambda image, target: scores(image, target, options.structure_weight)
    if name == "sobel":
        return lambda image, target: (
            F.mse_loss(image, target) + options.sobel_weight * sobel(image, target)
        )
    if options.perceptual and features is None:
        raise UsageError(
            "the combined loss needs VGG16's weights", "give --vgg or --no-perceptual"
        )
    return lambda image, target: combined(image, target, options, features)


def combined(
    image: Tensor, target: Tensor, options: LossOptions, features: nn.Module | None
) -> Tensor:
    """L1, SSIM, perceptual and TV, weighted (paper, equation 1)."""
    loss = options.l1_weight * F.l1_loss(image, target)
    loss = loss + options.ssim_weight * (1 - ssim(image, target))
    if options.perceptual and features is not None:
        loss = loss + options.perceptual_weight * perceptual(image, target, features)
    return loss + options.tv_weight * total_variation(image)


def log_error(image: Tensor, target: Tensor) -> Tensor:
    """Mean of log10 of each picture's squared error: -PSNR / 10, as it is averaged.

    The worst pictures dominate L2; here a dB counts the same in every picture.
    """
    error = (image - target).square().mean((-3, -2, -1))
    return (error + _ERROR_FLOOR).log10().mean()


def scores(image: Tensor, target: Tensor, structure: float) -> Tensor:
    """The scores as a loss: PSNR, and SSIM with a weight."""
    return log_error(image, target) + structure * (1 - ssim(image, target))


def drn(image: Tensor, target: Tensor) -> Tensor:
    """What DRN's authors make small when they train all of it, without VGG19.

    Ten times L1, and a tenth of the bands of a Laplacian pyramid and of SSIM, all of
    pictures in [-1, 1]. As published, SSIM is added: the loss rewards pictures that are
    less alike. It counts little beside L1, which keeps that in bounds.
    """
    x, y = 2 * image - 1, 2 * target - 1
    # SSIM of numbers in [-1, 1], over a range of 2, is that of their halves over 1.
    likeness = ssim(x / 2, y / 2, inside=True)
    return 0.1 * (sum(laplacian(x, y)) + 0.1 * likeness) + 10 * F.l1_loss(x, y)


def laplacian(image: Tensor, target: Tensor) -> tuple[Tensor, ...]:
    """Mean absolute difference in each band of a Laplacian pyramid, fine to coarse.

    Five bands and what is left; fewer where a side has less than 32 pixels. A band is a
    picture without its blurred self. The blurred picture, at half the size, is the
    next. The blur is that of DRN's authors: their 5x5 window adds the Gaussians of both
    axes instead of multiplying them.
    """
    # All steps are linear: the difference of pyramids is that of the pictures.
    difference = image - target
    channels = difference.shape[1]
    place = torch.arange(-2, 3, dtype=image.dtype, device=image.device)
    bell = torch.exp(-(place**2) / 4)
    window = bell[:, None] + bell
    window = (window / window.sum()).repeat(channels, 1, 1, 1)
    bands: list[Tensor] = []
    while len(bands) < _LEVELS and min(difference.shape[-2:]) > 1:
        wide = F.pad(difference, (2, 2, 2, 2), mode="replicate")
        blurred = F.conv2d(wide, window, groups=channels)
        bands.append((difference - blurred).abs().mean())
        difference = F.avg_pool2d(blurred, 2)
    return (*bands, difference.abs().mean())


def layers(output: Tensor, target: Tensor, light: Tensor, even: Tensor) -> Tensor:
    """How far painted layers are from the true ones.

    The sum of: the mean over layers of log10 of the squared error, so that a dB counts
    the same in each of them (E counts twice: the paper's own task needs it); the
    structure of their luma; their gradients; the surface normals; the light that is
    read; and the unevenness of layers that should be smooth, because only smooth layers
    show a checkerboard.

    Args:
        output: B 33 H W: eight lights, ambient light, normals in [0, 1], and what is
            read of the light, three channels each.
        target: B 30 H W: lights and normals, true.
        light: B 3: what should be read of the light, see `layers.reading`.
        even: B, bool: pictures whose layers are smooth everywhere.
    """
    lit, faces = output[:, :_LIT].contiguous(), output[:, _LIT : _LIT + 3]
    true = target[:, :_LIT]
    difference = lit - true
    squares = difference.unflatten(1, (-1, 3)).square().mean((-3, -2, -1))
    shares = squares.new_tensor(_LAYER_SHARES)
    loss = ((squares + _LAYER_FLOOR).log10() * (shares / shares.sum())).sum(1).mean()
    loss = loss + 1 - sparse_ssim(_luma(lit), _luma(true))
    loss = loss + _SLOPE * sum(
        difference.diff(dim=axis).abs().mean() for axis in (-1, -2)
    )
    loss = loss + _NORMAL * (faces - target[:, _LIT:]).abs().mean()
    read = output[:, _LIT + 3 :].mean((-2, -1))
    loss = loss + (read - light).square().sum(1).mean()
    return loss + _EVEN * unevenness(lit, even)


def _luma(layers_: Tensor) -> Tensor:
    """B L H W of B 3L H W, encoded: structure is compared without colour."""
    red, green, blue = LUMINANCE
    x = layers_.unflatten(1, (-1, 3))
    return x[:, :, 0] * red + x[:, :, 1] * green + x[:, :, 2] * blue


def unevenness(output: Tensor, even: Tensor) -> Tensor:
    """Mean absolute Laplacian of the pictures that should be even, over all pictures.

    Args:
        output: B C H W.
        even: B, bool.
    """
    x = output[even]
    around = x[..., :-2, 1:-1] + x[..., 2:, 1:-1] + x[..., 1:-1, :-2] + x[..., 1:-1, 2:]
    bend = (x[..., 1:-1, 1:-1] - around / 4).abs().mean((-3, -2, -1))
    return bend.sum() / len(output)


def ssim(image: Tensor, target: Tensor, *, inside: bool = False) -> Tensor:
    """Mean structural similarity, at most 1.

    Window: Gaussian, 11x11, sigma 1.5, each channel on its own, zeros beyond the
    border, as the authors' later repository computes it.

    Args:
        image: B C H W.
        target: The same.
        inside: Leave out windows that reach beyond the border.
    """
    stack = (image, target, image * image, target * target, image * target)
    means = _blur(torch.cat(stack))
    if inside:
        half = _WINDOW // 2
        means = means[..., half:-half, half:-half]
    return _similarity(*means.chunk(5))


def sparse_ssim(image: Tensor, target: Tensor) -> Tensor:
    """As `ssim`, with windows at every second pixel of each axis: a third of the time.

    Neighbouring windows are nearly equal. No gradient reaches the target.
    """
    with torch.no_grad():
        my, yy = _blur(target, 2), _blur(target * target, 2)
    mx, xx, xy = (_blur(x, 2) for x in (image, image * image, image * target))
    return _similarity(mx, my, xx, yy, xy)


def _similarity(mx: Tensor, my: Tensor, xx: Tensor, yy: Tensor, xy: Tensor) -> Tensor:
    """Mean structural similarity from the local means of x, y and their products."""
    var_x, var_y, cov = xx - mx * mx, yy - my * my, xy - mx * my
    numerator = (2 * mx * my + _C1) * (2 * cov + _C2)
    denominator = (mx * mx + my * my + _C1) * (var_x + var_y + _C2)
    return (numerator / denominator).mean()


def total_variation(image: Tensor) -> Tensor:
    """Twice the sum of the mean squared differences of neighbours, down and across."""
    down = (image[..., 1:, :] - image[..., :-1, :]).square().mean()
    across = (image[..., 1:] - image[..., :-1]).square().mean()
    return 2 * (down + across)


def perceptual(image: Tensor, target: Tensor, features: nn.Module) -> Tensor:
    """Mean squared difference of features."""
    with torch.no_grad():
        wanted = features(target)
    return F.mse_loss(features(image), wanted)


def sobel(image: Tensor, target: Tensor) -> Tensor:
    """Advanced Sobel loss: mean absolute difference of four directional gradients.

    Each channel on its own; horizontal, vertical and both diagonal 3x3 kernels; zeros
    beyond the border.
    """
    # The responses are linear: their difference is the response of the difference.
    difference = image - target
    channels = difference.shape[1]
    kernels = torch.tensor(_SOBEL, dtype=image.dtype, device=image.device)[:, None]
    kernels = kernels.repeat(channels, 1, 1, 1)
    return F.conv2d(difference, kernels, padding=1, groups=channels).abs().mean()


def _blur(images: Tensor, step: int = 1) -> Tensor:
    """Convolve B C H W with the window along both axes, zeros beyond the border."""
    height, width = images.shape[-2:]
    down = _band(height, step, images.dtype, images.device)
    across = _band(width, step, images.dtype, images.device)
    return down @ images @ across.mT.contiguous()


@lru_cache(maxsize=16)
def _band(length: int, step: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The window as a banded matrix, with a row for every `step`-th place.

    A product with the matrix equals the convolution. At training sizes the product is
    several times faster than a convolution of one channel, forward and backward.
    """
    place = torch.arange(length, dtype=torch.float64)
    distance = (place[::step, None] - place[None]).abs()
    half = _WINDOW // 2
    total = sum(math.exp(-(i**2) / (2 * _SIGMA**2)) for i in range(-half, half + 1))
    weights = torch.exp(-(distance**2) / (2 * _SIGMA**2)) / total
    return weights.masked_fill(distance > half, 0).to(device, dtype)
