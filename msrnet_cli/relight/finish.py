"""How much of the change a picture shows, and what of it stays, at full size.

All in linear light, strip by strip: with the weight w of the change,

    result = before + w (after - before),  w = amount * mask
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from msrnet_cli.layers.camera import linear_from_srgb, shouldered
from msrnet_cli.lights import LUMINANCE
from msrnet_cli.relight.carry import untouched

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.lights.options import Keep
    from msrnet_cli.relight.carry import Ending

    Gains = tuple[float, float, float]

_PIXELS = {"cpu": 1 << 15, "others": 1 << 21}  # at a time: on a CPU they stay in caches
_DARK = 1e-4  # linear light; below it a colour fades to grey


@dataclass(frozen=True)
class Finish:
    """What is done to the relit picture last.

    Attributes:
        amount: How far from the picture, 0, to the relit one, 1.
        keep: What of the picture stays: its ``colour`` (only luminance changes), or its
            ``brightness`` (only colour changes).
    """

    amount: float = 1.0
    keep: Keep | None = None


NOTHING = Finish()


def finished(
    before: Tensor, after: Tensor, finish: Finish, mask: Tensor | None = None
) -> Tensor:
    """The finished picture.

    Args:
        before: 3 R W, the picture as it came, sRGB in [0, 1].
        after: 3 R W, the relit picture, sRGB in [0, 1].
        finish: What to do.
        mask: R W in [0, 1], the part of the change that each pixel shows; None for all.

    Returns:
        3 R W, sRGB in [0, 1]. Exactly `before` where amount times mask is 0, exactly
        `after` where amount times mask is 1 and nothing is kept.
    """
    if finish.amount == 0:
        return before
    if finish.keep is None and finish.amount == 1 and mask is None:
        return after
    old, new = linear_from_srgb(before), linear_from_srgb(after)
    if finish.keep == "colour":
        new = _coloured_like(old, _luminance(new))
    elif finish.keep == "brightness":
        new = _coloured_like(new, _luminance(old))
    weight = torch.as_tensor(finish.amount) if mask is None else finish.amount * mask
    result = shouldered(torch.lerp(old, new, weight.to(old)), 1.0)
    if mask is None:
        return result
    if finish.keep is None:
        result = torch.where(weight == 1, after, result)
    return torch.where(weight == 0, before, result)


def ending(
    finish: Finish, mask: Tensor | None = None, gains: Gains | None = None
) -> Ending:
    """What is done to each strip of a picture last.

    Args:
        finish: What to do.
        mask: As for `finished`, H W, of the whole picture.
        gains: Of red, green and blue of the relit picture, first of all; what becomes
            brighter than white is white.
    """
    if finish == NOTHING and mask is None and gains is None:
        return untouched

    def finish_strip(before: Tensor, after: Tensor, rows: slice) -> Tensor:
        part = None if mask is None else mask[rows].to(after)
        pixels = _PIXELS["cpu" if after.device.type == "cpu" else "others"]
        step = max(1, pixels // after.shape[2])
        for top in range(0, after.shape[1], step):
            few = slice(top, top + step)
            share = None if part is None else part[few]
            relit = after[:, few] if gains is None else _times(after[:, few], gains)
            after[:, few] = finished(before[:, few], relit, finish, share)
        return after

    return finish_strip


def _times(picture: Tensor, gains: Gains) -> Tensor:
    """A picture, 3 R W, with its linear light times gains, cut at white."""
    factors = torch.tensor(gains).to(picture)[:, None, None]
    return shouldered(linear_from_srgb(picture) * factors, 1.0)


def _coloured_like(light: Tensor, luminance: Tensor) -> Tensor:
    """The colour of linear light, 3 R W, with the luminance of another, 1 R W.

    What would be brighter than white fades towards grey, so that luminance stays.
    """
    coloured = luminance * (light + _DARK) / (_luminance(light) + _DARK)
    room = (1 - luminance).clamp_min(0)
    over = (coloured.amax(0, keepdim=True) - luminance).clamp_min(1e-9)
    return luminance + (room / over).clamp_max(1) * (coloured - luminance)


def _luminance(light: Tensor) -> Tensor:
    """1 R W of 3 R W."""
    return torch.einsum("crw,c->rw", light, torch.tensor(LUMINANCE).to(light))[None]
