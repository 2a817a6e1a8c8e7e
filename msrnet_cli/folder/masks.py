"""Masks: where a picture changes, and how much.

White shows all of the change, grey a part, black nothing. A mask has the size of its
upright picture, and no colours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from msrnet_cli.errors import PictureError
from msrnet_cli.folder import beside
from msrnet_cli.images.pixels import unit
from msrnet_cli.images.rows import spans

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

_GREY = 8 / 255  # no encoder was seen to tint grey by more than 1


def read(data: bytes, path: Path, size: tuple[int, int], most: float) -> Tensor:
    """A mask, from the bytes of its file.

    Args:
        data: Any grey picture; it counts as it looks, in sRGB: half of white is one
            half. Where it is transparent, nothing changes.
        path: Of the file.
        size: Width and height of the upright picture.
        most: Megapixels above which it is refused.

    Returns:
        H W, float32 in [0, 1]; exactly 0 for black, exactly 1 for white.

    Raises:
        PictureError: It cannot be read, has another size, or has colours.
    """
    picture = beside.read(beside.MASK, data, path, size, most)
    width, height = size
    mask = torch.empty(height, width)
    for rows in spans(height, width):
        colours = unit(picture.pixels[:, rows])
        red, green, blue = colours
        # Rec. 709; in this form exact for grey.
        share = green + 0.2126 * (red - green) + 0.0722 * (blue - green)
        spread = colours.amax(0) - colours.amin(0)
        if picture.alpha is not None:
            opaque = unit(picture.alpha[0, rows])
            share, spread = share * opaque, spread * opaque
        if float(spread.max()) > _GREY:
            raise PictureError(
                f"its mask {path} has colours, which mean nothing in a mask",
                "save it as grey; of mattes in red, green and blue, one at a time",
            )
        mask[rows] = share
    return mask.clamp_(0, 1)
