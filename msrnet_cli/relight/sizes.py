"""At which size the network sees a picture, and how many pictures at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch.nn.functional as F

from msrnet_cli.relight.scaling import reduced_size

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.config import WorkSize

WHOLE_UP_TO = 1.25
"""Pictures up to this many times the working size are not reduced: it gains little."""

_THIN_COST = 2  # a thin picture may cost this many times a square of as many pixels
_BATCH_MEGAPIXELS = {"cuda": 8.0, "cpu": 0.25, "mps": 2.0}
_MAX_BATCH = 32
# On a CPU a batch saves 0 to 10 % of the time of single pictures. For large pictures
# that is little beside decoding and encoding, and single pictures show progress sooner.
_SINGLE_MEGAPIXELS = 2.0


def working_size(
    width: int, height: int, work_size: WorkSize, multiple: int, least: int = 0
) -> tuple[int, int] | None:
    """The size at which the network sees a picture.

    Both sides are padded to multiples. A picture thinner than one multiple could then
    have many times its own pixels. Such a picture is reduced, also where the working
    size is ``full``, until it costs at most twice a square with as many pixels.

    Args:
        width: Of the picture.
        height: Of the picture.
        work_size: Longer side to reduce larger pictures to, or ``full``.
        multiple: The network takes sides that are multiples of this.
        least: It takes sides from this on.

    Returns:
        Width and height; None where the network sees the picture as it is.
    """
    side = max(width, height)
    longest = _longest_side(height, width, multiple, least)
    if work_size != "full" and side > WHOLE_UP_TO * work_size:
        longest = min(longest, work_size)
    return None if side <= longest else reduced_size(width, height, longest)


def batch_size(
    size: tuple[int, int],
    seen: tuple[int, int],
    device: str,
    multiple: int,
    least: int = 0,
) -> int:
    """How many pictures of one size to run together.

    Args:
        size: Width and height of a picture.
        seen: Width and height at which the network sees it.
        device: ``cpu``, ``cuda`` or ``mps``.
        multiple: The network takes sides that are multiples of this.
        least: It takes sides from this on.
    """
    if device == "cpu" and math.prod(size) > _SINGLE_MEGAPIXELS * 1e6:
        return 1
    budget = _BATCH_MEGAPIXELS[device] * 1e6
    pixels = padded_pixels(*seen, multiple, least)
    return max(1, min(_MAX_BATCH, int(budget // pixels)))


def padded_pixels(width: int, height: int, multiple: int, least: int = 0) -> int:
    """The pixels of a picture after `pad_to_multiple`."""
    return _padded(width, multiple, least) * _padded(height, multiple, least)


def pad_to_multiple(image: Tensor, multiple: int, least: int = 0) -> Tensor:
    """Enlarge B C H W to the right and below until both sides are multiples.

    By reflection. Where a side is too short for that, the rest is replicated. A size
    that already fits is returned as it is.

    Args:
        image: B C H W.
        multiple: Of pixels, that both sides become.
        least: Pixels that both sides have then, at the least: a multiple, too.
    """
    for axis in (-1, -2):
        size = image.shape[axis]
        missing = _padded(size, multiple, least) - size
        reflected = min(missing, size - 1)
        for amount, mode in (
            (reflected, "reflect"),
            (missing - reflected, "replicate"),
        ):
            if amount:
                sides = (0, amount, 0, 0) if axis == -1 else (0, 0, 0, amount)
                image = F.pad(image, sides, mode=mode)
    return image


def _padded(side: int, multiple: int, least: int) -> int:
    return max(side + -side % multiple, least)


def _longest_side(height: int, width: int, multiple: int, least: int) -> int:
    """The longer side at which a picture is not too thin; its own where it is not."""
    rows, columns, side = (
        math.ceil(max(length, least) / multiple)
        for length in (height, width, math.sqrt(height * width))
    )
    longest = max(height, width)
    if rows * columns <= _THIN_COST * side * side:
        return longest
    return min(longest, _THIN_COST * side * side // min(rows, columns) * multiple)
