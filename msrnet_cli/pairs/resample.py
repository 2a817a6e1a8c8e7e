"""Pictures, whole or in part, at another size: smoothed before pixels are dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence


def resize(pictures: Tensor, side: int) -> Tensor:
    """Bring the shorter side of B C H W to `side`, antialiased."""
    height, width = pictures.shape[-2:]
    scale = side / min(height, width)
    if scale == 1:
        return pictures
    if height % side == 0 and width % side == 0 and height == width:
        # For a whole factor the mean of each block is as good, and much faster.
        return F.avg_pool2d(pictures, height // side)
    size = (max(side, round(height * scale)), max(side, round(width * scale)))
    return F.interpolate(pictures, size, mode="bilinear", antialias=True)


class Span(NamedTuple):
    """The visible part of a side of a picture, and its scale.

    Attributes:
        start: Where the part begins, in pixels of the picture.
        length: Its length, in pixels of the picture.
        scaled: Its length after scaling.
        first: The first scaled pixel that is part of the example.
    """

    start: int
    length: int
    scaled: int
    first: int


def resampling(spans: Sequence[Span], side: int, length: int) -> Tensor:
    """Matrices that bring parts of one side of a picture to another length.

    A triangle filter of the width of a new pixel, where new pixels are larger: the
    bilinear, antialiased filter of `F.interpolate`.

    Args:
        spans: Of B pictures.
        side: Number of pixels in the result.
        length: Of the side of the picture.

    Returns:
        B side length, with rows that add up to 1.
    """
    start, part, scaled, first = (
        torch.tensor(column, dtype=torch.float64)[:, None, None]
        for column in zip(*spans, strict=True)
    )
    ratio = part / scaled
    centre = (first + torch.arange(side)[:, None] + 0.5) * ratio
    place = torch.arange(length) + 0.5 - start
    near = (1 - (place - centre).abs() / ratio.clamp_min(1)).clamp_min(0)
    near = near * ((place > 0) & (place < part))
    return (near / near.sum(-1, keepdim=True)).float()
