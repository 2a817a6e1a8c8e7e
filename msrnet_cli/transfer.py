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

import math
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
_STRIP_ROWS = 1 << 12  # so that the matrix that enlarges a strip is small
_FEW = 32  # rows or columns, for which matrices cost more than they save
_MAIN = torch.device("cpu")
_BLOCK = 256  # columns that are enlarged together
_REACH = 2  # columns to each side that a bicubic one depends on, where it enlarges


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
    width = picture.shape[2]
    full = torch.empty(picture.shape, dtype=torch.float32, device=small.device)
    gain, offset = (_heightening(grid, full, "bilinear") for grid in _fit(small, relit))
    widened = _widening(small.shape[-1], width, "bilinear", full)
    reduced = []
    for rows in _strips(picture):
        strip = torch.addcmul(
            widened(offset(rows)),
            unit(picture[:, rows].to(small.device)),
            widened(gain(rows)),
        ).clamp_(0, 1)
        reduced.append(_narrowed(strip, small.shape[-1]))
        full[:, rows] = strip
    missing = relit - _flattened(torch.cat(reduced, 1), small.shape[-2])
    rest = _heightening(_sharpened(missing), full, "bicubic")
    widened = _widening(small.shape[-1], width, "bicubic", full)
    is_result = (picture.dtype, picture.device) == (full.dtype, full.device)
    result = full if is_result else torch.empty_like(picture)
    for rows in _strips(picture):
        strip = full[:, rows]
        strip += widened(rest(rows))
        strip.clamp_(0, 1)
        if not is_result:
            is_eight_bits = picture.dtype == torch.uint8
            result[:, rows] = quantise(strip, 8) if is_eight_bits else strip
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


def _strips(picture: Tensor) -> Iterator[slice]:
    """The rows of each strip."""
    height, step = picture.shape[1], min(_rows(picture), _STRIP_ROWS)
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


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


def _heightening(values: Tensor, full: Tensor, mode: str) -> Callable[[slice], Tensor]:
    """Gives rows of `_heightened` to a picture's height, when they are asked for."""
    height, width = full.shape[1:]
    if width < _FEW:
        whole = _heightened(values, height, mode)
        return lambda rows: whole[:, rows]

    def heightened(rows: slice) -> Tensor:
        first, weights = _weights(rows, values.shape[1], height, mode, values.device)
        return weights.mT @ values[:, first : first + len(weights)]

    return heightened


def _widening(
    width: int, target: int, mode: str, full: Tensor
) -> Callable[[Tensor], Tensor]:
    """`_widened` from a width to a target, in the way that is fastest for a picture."""
    if full.device.type == "cpu" and full.shape[1] >= _FEW:
        return _products(width, target, mode)
    return partial(_widened, width=target, mode=mode)


class _Products:
    """Widens by matrix products: on a CPU in a third of the time of interpolating.

    Enlarging is linear, and each pixel depends on few: a block of columns is the
    product of the columns that it depends on with a small matrix. All of them together
    grow with the width alone.
    """

    def __init__(self, width: int, target: int, mode: str) -> None:
        self._target = target
        self._blocks = []
        with torch.inference_mode(False):  # what is kept must serve outside of it
            for left in range(0, target, _BLOCK):
                columns = slice(left, min(left + _BLOCK, target))
                first, weights = _weights(columns, width, target, mode, _MAIN)
                self._blocks.append((first, first + len(weights), weights))

    def __call__(self, values: Tensor) -> Tensor:
        """Widen C h w."""
        rows = values.reshape(-1, values.shape[-1])
        wide = rows.new_empty(len(rows), self._target)
        targets = wide.split(_BLOCK, 1)
        for (first, end, weights), target in zip(self._blocks, targets, strict=True):
            torch.mm(rows[:, first:end], weights, out=target)
        return wide.view(*values.shape[:-1], -1)


_products = lru_cache(8)(_Products)


def _weights(
    places: slice, length: int, target: int, mode: str, device: torch.device
) -> tuple[int, Tensor]:
    """What some columns of an enlarged picture take from those of the small one.

    The weights of `torch.nn.functional.interpolate` with antialiasing, which are those
    of Pillow: https://github.com/python-pillow/Pillow, Resample.c, precompute_coeffs.

    Args:
        places: Columns of the enlarged picture; or rows, which are no different.
        length: Columns of the small picture.
        target: Columns of the enlarged one.
        mode: ``bilinear`` or ``bicubic``.
        device: Where the weights are to lie.

    Returns:
        The first column that they depend on, and the weights of the columns from there
        on: columns of the small picture, columns of the enlarged one; float32.
    """
    scale = length / target
    stretch = max(1.0, scale)
    reach = math.ceil(_REACH * stretch)
    first = max(0, int((places.start + 0.5) * scale) - reach)
    end = min(length, int((places.stop - 0.5) * scale) + reach + 1)
    near, centres = (
        torch.arange(start, stop, dtype=torch.float64, device=device) + 0.5
        for start, stop in ((first, end), (places.start, places.stop))
    )
    distance = (near[:, None] - centres * scale).abs() / stretch
    weights = _FILTERS[mode](distance)
    return first, (weights / weights.sum(0)).float()


def _triangle(distance: Tensor) -> Tensor:
    return (1 - distance).clamp_min(0)


def _cubic(distance: Tensor) -> Tensor:
    """Keys' cubic convolution with a = -1/2."""
    inner = (1.5 * distance - 2.5) * distance * distance + 1
    outer = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return inner.where(distance < 1, outer).where(distance < 2, 0)


_FILTERS = {"bilinear": _triangle, "bicubic": _cubic}
