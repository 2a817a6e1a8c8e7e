"""How alike two pictures are. Tensors in, numbers out."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

ROUNDING_DB = 10 * math.log10(12 * 255**2)
"""PSNR in dB of what rounding to 8 bits does on average: 58.92."""

_SIDE = 7
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_REACH, _SIGMA = 5, 1.5
_C1_UNIT, _C2_UNIT = 0.01**2, 0.03**2
_STEP = 64  # rows, and columns, of the Gaussian window's results computed together


def psnr(image: Tensor, reference: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures in [0, 1]: -10 log10(MSE).

    Args:
        image: Any shape.
        reference: The same shape.

    Returns:
        Decibels over all values together; infinity for equal pictures.
    """
    mse = torch.mean((image.double() - reference.double()) ** 2).item()
    return -10 * math.log10(mse) if mse else math.inf


def ssim(image: Tensor, reference: Tensor) -> float:
    """Structural similarity as the authors scored it: scikit-image's defaults.

    On 8 bits, uniform 7x7 window, each channel on its own, sample covariance, without
    the border (Wang et al. 2004).

    Args:
        image: 3 H W in [0, 1], both sides at least 7; rounded to 8 bits here.
        reference: The same shape.
    """
    x, y = ((picture * 255).round() for picture in (image, reference))
    # Channel by channel: intermediate results then stay in the processor's cache.
    return sum(map(_similarity, x, y)) / len(x)


def _similarity(x: Tensor, y: Tensor) -> float:
    """Mean structural similarity of one channel, H W, of whole numbers up to 255.

    Every term is multiplied by the square of the number of pixels in a window, so that
    sums stand for means. Sums of 8-bit values and of their products are exact in
    float32.
    """
    sum_x, sum_y, xx, yy, xy = (_summed(p) for p in (x, y, x * x, y * y, x * y))
    pixels = _SIDE**2
    sample = pixels / (pixels - 1)
    product = sum_x * sum_y
    numerator = xy.mul_(pixels).sub_(product).mul_(2 * sample).add_(_C2 * pixels**2)
    numerator *= product.mul_(2).add_(_C1 * pixels**2)
    means = sum_x.square_().add_(sum_y.square_())
    variances = xx.add_(yy).mul_(pixels).sub_(means).mul_(sample)
    denominator = variances.add_(_C2 * pixels**2)
    denominator *= means.add_(_C1 * pixels**2)
    return numerator.div_(denominator).mean().item()


def _summed(values: Tensor) -> Tensor:
    """The sum of each 7x7 window of H W, float64: by sums of two, then seven lines."""
    for axis in (0, 1):
        count = values.shape[axis] - _SIDE + 1
        two = values.narrow(axis, 0, count + 5) + values.narrow(axis, 1, count + 5)
        seven = two.narrow(axis, 0, count) + two.narrow(axis, 2, count)
        seven += two.narrow(axis, 4, count)
        seven += values.narrow(axis, 6, count)
        values = seven
    return values.double()


def ssim_gaussian(image: Tensor, reference: Tensor) -> float:
    """Structural similarity with a Gaussian 11x11 window, sigma 1.5 (Wang et al. 2004).

    Without the border, as in scikit-image. In double precision: where a picture is
    bright and nearly flat, a variance is the small difference of two large means.

    Args:
        image: 3 H W in [0, 1], both sides above 10.
        reference: The same shape.
    """
    channels, height, width = image.shape
    height, width = height - 2 * _REACH, width - 2 * _REACH
    total = 0.0
    for top in range(0, height, _STEP):  # strips stay in the processor's cache
        rows = min(_STEP, height - top)
        strips = (p.narrow(1, top, rows + 2 * _REACH) for p in (image, reference))
        total += _similarities(*strips).sum().item()
    return total / (channels * height * width)


def _similarities(image: Tensor, reference: Tensor) -> Tensor:
    """Structural similarity of each Gaussian window of C h w in [0, 1], double."""
    x, y = image.double(), reference.double()
    mean_x, mean_y, xx, yy, xy = _windowed(torch.stack([x, y, x * x, y * y, x * y]))
    product, squares = mean_x * mean_y, mean_x * mean_x + mean_y * mean_y
    numerator = (2 * product + _C1_UNIT) * (2 * (xy - product) + _C2_UNIT)
    return numerator / ((squares + _C1_UNIT) * (xx + yy - squares + _C2_UNIT))


def _windowed(values: Tensor) -> Tensor:
    """The Gaussian mean of each 11x11 window of ... h w.

    Each axis is a product with a banded matrix, the horizontal one in blocks of
    columns. In double precision that is several times faster than a convolution.
    """
    rows = values.flatten(0, -2)
    width = values.shape[-1] - 2 * _REACH
    across = rows.new_empty(len(rows), width)
    for left in range(0, width, _STEP):
        block = across.narrow(1, left, min(_STEP, width - left))
        count = block.shape[1]
        window = _band(count, rows.device)
        torch.mm(rows.narrow(1, left, count + 2 * _REACH), window, out=block)
    across = across.unflatten(0, values.shape[:-1])
    return _band(across.shape[-2] - 2 * _REACH, rows.device).T @ across


@cache
def _band(count: int, device: torch.device) -> Tensor:
    """Weights of `count` neighbouring windows, one per column; each adds up to 1."""
    place = torch.arange(count + 2 * _REACH)[:, None] - torch.arange(count)
    weights = torch.exp(-((place - _REACH) ** 2).double() / (2 * _SIGMA**2))
    weights = weights.masked_fill((place < 0) | (place > 2 * _REACH), 0)
    return (weights / weights.sum(0)).to(device)


def mps(ssim_: float, lpips: float) -> float:
    """Mean perceptual score of AIM 2020 and NTIRE 2021: (SSIM + 1 - LPIPS) / 2."""
    return (ssim_ + 1 - lpips) / 2


def detail(image: Tensor, reference: Tensor) -> float | None:
    """Mean gradient magnitude, relative to that of the reference.

    Shows blur, which PSNR rewards: 1 is as much detail as the reference has, 0 is no
    detail, more than 1 is noise.

    Args:
        image: ... 3 H W in [0, 1].
        reference: The same shape.

    Returns:
        A ratio. A flat reference has no gradient: then 1 if the picture equals the
        reference, else None.
    """
    wanted = _gradient(reference)
    if wanted:
        return _gradient(image) / wanted
    return 1.0 if torch.equal(image, reference) else None


def _gradient(image: Tensor) -> float:
    """Mean length of the gradient of luma (Rec. 709), by differences to the next."""
    red, green, blue = image.double().unbind(-3)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    down = luma[..., 1:, :-1] - luma[..., :-1, :-1]
    across = luma[..., :-1, 1:] - luma[..., :-1, :-1]
    return torch.hypot(down, across).mean().item()
