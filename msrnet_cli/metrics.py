"""How alike two pictures are. Tensors in, numbers out."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_SIDE = 7
_REACH = 5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


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
    the border (Wang et al. 2004). torchmetrics has this window, but not the sample
    covariance.

    Args:
        image: 3 H W in [0, 1], both sides at least 7; rounded to 8 bits here.
        reference: The same shape.
    """
    x, y = ((picture * 255).round() for picture in (image, reference))
    # Channel by channel: what is under way stays in the processor's cache.
    return sum(map(_similarity, x, y)) / len(x)


def _similarity(x: Tensor, y: Tensor) -> float:
    """Mean structural similarity of one channel, H W, of whole numbers up to 255.

    All is multiplied by the square of the window's pixels, so that sums stand for
    means. Sums of 8 bits and of their products are exact in float32.
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
    """The sum of each 7x7 window of H W, float64: of two, four, then seven lines."""
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

    Without the border, as scikit-image does.

    Args:
        image: 3 H W in [0, 1], both sides above 10.
        reference: The same shape.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    _, places = structural_similarity_index_measure(
        image[None].float(),  # in double the convolution is 100 times slower
        reference[None].float(),
        data_range=1.0,
        return_full_image=True,
    )
    # Where the window reaches beyond the border, torchmetrics counts mirrored pixels.
    return places[..., _REACH:-_REACH, _REACH:-_REACH].mean().item()


def mps(ssim_: float, lpips: float) -> float:
    """Mean perceptual score of AIM 2020 and NTIRE 2021: (SSIM + 1 - LPIPS) / 2."""
    return (ssim_ + 1 - lpips) / 2


def detail(image: Tensor, reference: Tensor) -> float:
    """Mean gradient magnitude, as a part of the reference's.

    Tells a blur, which PSNR likes, from a picture: 1 is as much detail as there
    should be, 0 is none, more than 1 is noise.

    Args:
        image: ... 3 H W in [0, 1].
        reference: The same shape.
    """
    wanted = _gradient(reference)
    return _gradient(image) / wanted if wanted else math.inf


def _gradient(image: Tensor) -> float:
    """Mean length of the gradient of luma (Rec. 709), by differences to the next."""
    red, green, blue = image.double().unbind(-3)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    down = luma[..., 1:, :-1] - luma[..., :-1, :-1]
    across = luma[..., :-1, 1:] - luma[..., :-1, :-1]
    return torch.hypot(down, across).mean().item()
