"""Guards against wrong output: what counts as a sound answer of a network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from msrnet_cli.errors import WeightsError
from msrnet_cli.networks.spec import COLOURS, Inputs

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

_TEST_SIZE = 48
_MOST_PAINTED = 1e3  # far above what any training leaves, far below an overflow


def are_sound(painted: Tensor, batch: Tensor) -> list[bool]:
    """Whether each answer is finite, and more than flat colours.

    A single output may be flat, such as a layer without light; and all may be where the
    input is.

    Args:
        painted: Answers, B C H W.
        batch: Inputs, B 3 H W, in the same order, on any device.
    """
    # Asked once for the batch: each answer waits for the device.
    least, most = _ends(painted)
    finite = (least.isfinite() & most.isfinite()).all(1)
    flat = _is_flat(*_ends(batch)).to(painted.device, non_blocking=painted.is_cuda)
    return (finite & (flat | ~_is_flat(least.clamp(0, 1), most.clamp(0, 1)))).tolist()


def probe_picture(multiple: int, guide: int) -> Inputs:
    """A fixed picture with smooth colours, an edge, and fine texture.

    Args:
        multiple: The sides are multiples of this.
        guide: Channels of the guide; 0 for none.

    Returns:
        One picture, in [0, 1].
    """
    side = math.ceil(_TEST_SIZE / multiple) * multiple
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(COLOURS, 12, 12, generator=generator)
    smooth = F.interpolate(noise[None], size=side, mode="bicubic")
    smooth[..., side // 2 :] *= 0.2
    smooth[..., ::2, ::2] += 0.05
    more = torch.rand(1, guide, side, side, generator=generator) if guide else None
    return Inputs(smooth.clamp(0, 1), more)


def require_sense(painted: Tensor, path: Path) -> None:
    """Refuse weights whose answer to the test picture no training can have meant.

    Weights that were hardly trained, or that start as the identity, pass: their
    outputs lie within a few times the range of pictures.

    Args:
        painted: The network's outputs for the test picture, B C H W, in about [0, 1].
        path: The weights file, for the message.

    Raises:
        WeightsError: The answer is not finite, far outside that range, or flat.
    """
    most = painted.abs().max().item()
    ends = (end.clamp(0, 1) for end in _ends(painted))
    if not most <= _MOST_PAINTED:  # also where `most` is nan
        what = f"paints values up to {most:.0e}, for pictures from 0 to 1"
    elif _is_flat(*ends).all():
        what = "paints one flat colour"
    else:
        return
    raise WeightsError(
        f"weights {path}: on a test picture their network {what}",
        "these values are damaged, or their training failed: use other weights, or"
        " fetch or export the file again",
    )


def _ends(values: Tensor) -> tuple[Tensor, Tensor]:
    """The least and the most of each channel of B C H W: B C each; nan where any is."""
    return values.amin((-1, -2)), values.amax((-1, -2))


def _is_flat(least: Tensor, most: Tensor) -> Tensor:
    """Whether each of a batch, by its `_ends`, has a single value in each channel."""
    return (least == most).all(1)
