"""Resizing in strips of rows, one direction after the other.

A strip needs no rows but its own to change its width. Enlarging is done by small
matrices where that is faster than `torch.nn.functional.interpolate`.
"""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from msrnet_cli.images.pixels import unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STRIP_PIXELS = 1 << 21
_STRIP_ROWS = 1 << 12  # so that the matrix that enlarges a strip is small
_FEW = 32  # rows or columns, for which matrices cost more than they save
_MAIN = torch.device("cpu")
_BLOCK = 256  # columns that are enlarged together
_REACH = 2  # columns to each side that a bicubic one depends on, where it enlarges


def reduced_size(width: int, height: int, longest: int) -> tuple[int, int]:
    """Width and height with the longer side brought to `longest`; each at least 1."""
    scale = longest / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def reduce(picture: Tensor, width: int, height: int) -> Tensor:
    """Shrink C H W to C height width, antialiased; exact means for whole factors.

    Args:
        picture: uint8, or float32 in [0, 1].
        width: Of the result.
        height: Of the result.

    Returns:
        float32 in [0, 1].
    """
    rows = [narrowed(unit(strip), width) for strip in picture.split(_rows(picture), 1)]
    return shortened(torch.cat(rows, 1), height)


def enlarge(small: Tensor, width: int, height: int) -> Tensor:
    """Enlarge C h w to C height width, bicubic: a baseline for `carry.to_full`."""
    return widened(heightened(small, height, "bicubic"), width, "bicubic")


def strips(picture: Tensor) -> Iterator[slice]:
    """The rows of each strip of a picture, C H W."""
    height, step = picture.shape[1], min(_rows(picture), _STRIP_ROWS)
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


def narrowed(values: Tensor, width: int) -> Tensor:
    """C H W reduced to a width."""
    if values.shape[2] % width == 0:
        return F.avg_pool2d(values, (1, values.shape[2] // width))
    return _resized(values, values.shape[1], width, "bilinear")


def shortened(values: Tensor, height: int) -> Tensor:
    """C H W reduced to a height."""
    if values.shape[1] % height == 0:
        return F.avg_pool2d(values, (values.shape[1] // height, 1))
    return _resized(values, height, values.shape[2], "bilinear")


def widened(values: Tensor, width: int, mode: str = "bilinear") -> Tensor:
    """C h w enlarged to a width."""
    return _resized(values, values.shape[1], width, mode)


def heightened(values: Tensor, height: int, mode: str = "bilinear") -> Tensor:
    """C h w enlarged to a height."""
    return _resized(values, height, values.shape[2], mode)


def row_enlarger(values: Tensor, full: Tensor, mode: str) -> Callable[[slice], Tensor]:
    """Prepare `heightened` for a strip at a time.

    Args:
        values: C h w.
        full: C H W, a picture of the height to reach.
        mode: ``bilinear`` or ``bicubic``.

    Returns:
        Gives some rows of `values` enlarged to the height of `full`.
    """
    height, width = full.shape[1:]
    if width < _FEW:
        whole = heightened(values, height, mode)
        return lambda rows: whole[:, rows]

    def enlarged(rows: slice) -> Tensor:
        first, weights = _weights(rows, values.shape[1], height, mode, values.device)
        return weights.mT @ values[:, first : first + len(weights)]

    return enlarged


def column_enlarger(
    width: int, target: int, mode: str, full: Tensor
) -> Callable[[Tensor], Tensor]:
    """`widened` from a width to a target, in the way that is fastest for a picture.

    Args:
        width: Of what will be enlarged.
        target: The width to reach.
        mode: ``bilinear`` or ``bicubic``.
        full: C H W, the picture.
    """
    if full.device.type == "cpu" and full.shape[1] >= _FEW:
        return _products(width, target, mode)
    return partial(widened, width=target, mode=mode)


def _rows(picture: Tensor) -> int:
    """How many rows a strip has."""
    return max(1, _STRIP_PIXELS // picture.shape[2])


def _resized(values: Tensor, height: int, width: int, mode: str) -> Tensor:
    if width == 1 < height:  # torch would repeat the first row
        return _resized(values.mT, width, height, mode).mT
    # "antialias" is also faster for enlarging: it treats one direction at a time.
    size = (height, width)
    return F.interpolate(values[None], size, mode=mode, antialias=True)[0]


class _Products:
    """Enlarges widths by matrix products.

    On a CPU this takes a third of the time of interpolating. Enlarging is linear, and
    each new column depends on few old ones. So a block of new columns is the product of
    a few old columns and a small matrix; the matrices grow with the width alone.
    """

    def __init__(self, width: int, target: int, mode: str) -> None:
        self._target = target
        self._blocks = []
        with torch.inference_mode(False):  # else the cache holds inference tensors
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
    """The weights of a small picture's columns in some columns of the enlarged one.

    They are the weights of `torch.nn.functional.interpolate` with antialiasing, and of
    Pillow: https://github.com/python-pillow/Pillow, Resample.c, precompute_coeffs.

    Args:
        places: Columns of the enlarged picture; rows are treated alike.
        length: How many columns the small picture has.
        target: How many columns the enlarged picture has.
        mode: ``bilinear`` or ``bicubic``.
        device: Where to put the weights.

    Returns:
        The first of the small picture's columns that matter, and the weights from that
        column on: columns of the small picture, columns of the enlarged one; float32.
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
    """Keys' cubic convolution with a = -1/2 (Keys, 1981)."""
    inner = (1.5 * distance - 2.5) * distance * distance + 1
    outer = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return inner.where(distance < 1, outer).where(distance < 2, 0)


_FILTERS = {"bilinear": _triangle, "bicubic": _cubic}
