"""Carries a change of light from a small picture up to the full one.

A network relights a picture at its working size; the photograph has the detail. Between
the two lies one affine map of colour for each small pixel:

    full = gain * photograph + offset

1. The map is fitted at the working size, in a window around each pixel, so that it
   turns the small picture into the relit one: He, Sun and Tang, "Guided Image
   Filtering", PAMI 2013, equations 5 to 8, for each colour channel. An edge that is in
   both is followed, so there are no halos.
2. Where a window is flat there is nothing to fit. He's ridge then pulls the gain to 0,
   which would blur; here it pulls towards the ratio of light, output over input, which
   carries texture as a change of light does. In the dark that ratio tends to 1: noise
   is not raised, and shadows that the network lights up take its own pixels.
3. The map is computed small and enlarged: He and Sun, "Fast Guided Filter", 2015.
4. What still differs from the network's output at the working size is enlarged and
   added (back-projection: Irani and Peleg, 1991): reduced again, the result is that
   output.

Large pictures pass in strips of rows; only the result is as large as the picture.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from msrnet_cli.images.pixels import quantise, unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RADIUS = 1  # of a window, in pixels of the working size
_RIDGE = 1.3e-3  # variance below which a window counts as flat
_DARK = 0.12  # values well below this count as dark
_MOST = 3.0  # the ratio of light is limited to this
_STRIP_PIXELS = 1 << 21
_BLOCK = 256  # columns that are enlarged together
_REACH = 2  # columns to each side that a bicubic one depends on


def reduced_size(width: int, height: int, longest: int) -> tuple[int, int]:
    """Width and height with the longer side brought to `longest`, never to 0."""
    scale = longest / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def reduce(picture: Tensor, width: int, height: int) -> Tensor:
    """Shrink 3 H W to 3 height width, antialiased; exact means for whole factors.

    uint8 counts as [0, 1]; what comes out is float32.
    """
    rows = [_narrowed(unit(strip), width) for strip in picture.split(_rows(picture), 1)]
    return _flattened(torch.cat(rows, 1), height)


def enlarge(small: Tensor, width: int, height: int) -> Tensor:
    """Enlarge 3 h w to 3 height width, bicubic: what `transfer` is measured against."""
    return _widened(_heightened(small, height, "bicubic"), width, "bicubic")


def transfer(picture: Tensor, small: Tensor, relit: Tensor) -> Tensor:
    """Relight a picture as a small copy of it was relit.

    Args:
        picture: 3 H W, sRGB, float32 in [0, 1] or uint8, on any device.
        small: 3 h w, `reduce` of it, on the device that is to compute.
        relit: 3 h w, the network's answer to `small`, in [0, 1], on that device.

    Returns:
        3 H W of the picture's type, on its device. Reduced again, it agrees with
        `relit` but for what had to be limited to [0, 1].
    """
    _, height, width = picture.shape
    full = torch.empty(picture.shape, dtype=torch.float32, device=small.device)
    gain, offset = (_heightened(grid, height) for grid in _fit(small, relit))
    widened = _widening(small.shape[-1], width, "bilinear", small.device)
    reduced = []
    for top, bottom in _strips(picture):
        strip = torch.addcmul(
            widened(offset[:, top:bottom]),
            unit(picture[:, top:bottom].to(small.device)),
            widened(gain[:, top:bottom]),
        ).clamp_(0, 1)
        reduced.append(_narrowed(strip, small.shape[-1]))
        full[:, top:bottom] = strip
    missing = relit - _flattened(torch.cat(reduced, 1), small.shape[-2])
    rest = _heightened(_sharpened(missing), height, "bicubic")
    widened = _widening(small.shape[-1], width, "bicubic", small.device)
    is_result = (picture.dtype, picture.device) == (full.dtype, full.device)
    result = full if is_result else torch.empty_like(picture)
    for top, bottom in _strips(picture):
        strip = full[:, top:bottom]
        strip += widened(rest[:, top:bottom])
        strip.clamp_(0, 1)
        if not is_result:
            is_eight_bits = picture.dtype == torch.uint8
            result[:, top:bottom] = quantise(strip, 8) if is_eight_bits else strip
    return result


def _fit(small: Tensor, relit: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and offset for each pixel and colour, 3 h w each."""
    mean, relit_mean = _mean(small), _mean(relit)
    variance = (_mean(small * small) - mean * mean).clamp_min_(0)
    covariance = _mean(small * relit) - mean * relit_mean
    dark = _DARK * _DARK
    ratio = (relit_mean * mean + dark) / (mean * mean + dark)
    ratio = ratio.clamp_max_(_MOST)
    gain = (covariance + _RIDGE * ratio) / (variance + _RIDGE)
    offset = relit_mean - gain * mean
    # Of the windows around a pixel those with an edge know most about it. A plain mean
    # lets their flat neighbours in, which shows as a rim.
    weight = variance + _RIDGE
    total = _mean(weight)
    return _mean(gain * weight) / total, _mean(offset * weight) / total


def _mean(values: Tensor) -> Tensor:
    """The mean of the window around each pixel, of C h w."""
    side = 2 * _RADIUS + 1
    return F.avg_pool2d(
        values[None], side, 1, _RADIUS, count_include_pad=False
    ).squeeze(0)


def _sharpened(values: Tensor) -> Tensor:
    """What, enlarged and reduced again, gives `values` back, to second order."""
    _, height, width = values.shape
    tall = _heightened(values, 4 * height, "bicubic")
    there = _widened(tall, 4 * width, "bicubic")
    back = _flattened(_narrowed(there, width), height)
    return 2 * values - back


def _strips(picture: Tensor) -> Iterator[tuple[int, int]]:
    """First row and end of each strip."""
    height, step = picture.shape[1], _rows(picture)
    for top in range(0, height, step):
        yield top, min(top + step, height)


def _rows(picture: Tensor) -> int:
    return max(1, _STRIP_PIXELS // picture.shape[2])


# Each direction on its own: a strip needs no rows but its own to change its width.


def _narrowed(values: Tensor, width: int) -> Tensor:
    if values.shape[2] % width == 0:
        return F.avg_pool2d(values, (1, values.shape[2] // width))
    return _resized(values, values.shape[1], width, "bilinear")


def _flattened(values: Tensor, height: int) -> Tensor:
    if values.shape[1] % height == 0:
        return F.avg_pool2d(values, (values.shape[1] // height, 1))
    return _resized(values, height, values.shape[2], "bilinear")


def _widened(values: Tensor, width: int, mode: str = "bilinear") -> Tensor:
    return _resized(values, values.shape[1], width, mode)


def _heightened(values: Tensor, height: int, mode: str = "bilinear") -> Tensor:
    return _resized(values, height, values.shape[2], mode)


def _resized(values: Tensor, height: int, width: int, mode: str) -> Tensor:
    if width == 1 < height:  # there, torch repeats the first row
        return _resized(values.mT, width, height, mode).mT
    # "antialias" also is the faster way to enlarge: one direction after the other.
    size = (height, width)
    return F.interpolate(values[None], size, mode=mode, antialias=True)[0]


def _widening(
    width: int, target: int, mode: str, device: torch.device
) -> Callable[[Tensor], Tensor]:
    """`_widened` from a width to a target, in the way that is fastest on a device."""
    if device.type == "cpu":
        return _products(width, target, mode)
    return partial(_widened, width=target, mode=mode)


class _Products:
    """Widens by matrix products: on a CPU in a third of the time of interpolating.

    Enlarging is linear, and each pixel depends on few: a block of columns is the
    product of the columns that it depends on with a small matrix.
    """

    def __init__(self, width: int, target: int, mode: str) -> None:
        self._target = target
        self._blocks = []
        for left in range(0, target, _BLOCK):
            right = min(left + _BLOCK, target)
            first = max(0, left * width // target - _REACH)
            end = min(width, right * width // target + 1 + _REACH)
            with torch.inference_mode(False):  # what is kept must serve outside of it
                ones = torch.eye(end - first, width, dtype=torch.float32, device="cpu")
                ones = ones.roll(first, 1)
                weights = _widened(ones[None], target, mode)[0, :, left:right]
                self._blocks.append((first, end, weights.contiguous()))

    def __call__(self, values: Tensor) -> Tensor:
        """Widen C h w."""
        rows = values.reshape(-1, values.shape[-1])
        wide = rows.new_empty(len(rows), self._target)
        targets = wide.split(_BLOCK, 1)
        for (first, end, weights), target in zip(self._blocks, targets, strict=True):
            torch.mm(rows[:, first:end], weights, out=target)
        return wide.view(*values.shape[:-1], -1)


_products = lru_cache(8)(_Products)
