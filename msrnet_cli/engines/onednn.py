"""Convolutions through the fused operators of oneDNN that torch carries.

There are no gradients.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable

FEWEST_CHANNELS = 16
"""Channels that oneDNN computes at least, however few the output has."""


class _Laid:
    """Weights as oneDNN wants them for the map that came last.

    What oneDNN wants depends on the processor and on the size of the map. It takes
    weights that lie otherwise, but may need more time to rearrange them than for the
    convolution: thirty times as long, where the map is small. To lay out the plain
    weights takes little.

    Args:
        weight: Of a convolution, plain.
        lay: Lays it out for maps of a shape.
    """

    def __init__(
        self, weight: Tensor, lay: Callable[[Tensor, list[int]], Tensor]
    ) -> None:
        self._plain = weight.detach().clone(memory_format=torch.channels_last)
        self._lay = lay
        self._last: tuple[torch.Size, Tensor] | None = None

    def __call__(self, shape: torch.Size) -> Tensor:
        last = self._last  # read once: another thread may be painting too
        if last is None or last[0] != shape:
            last = self._last = (shape, self._lay(self._plain, list(shape)))
        return last[1]


class Conv:
    """A convolution with padding 1; `rows` may set that of the rows to 0.

    Args:
        weight: Out, in, height, width.
        bias: Out; None where there is none.
        stride: Of rows and columns.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, stride: int = 1) -> None:
        self._dtype = weight.dtype
        self._bias = _copied(bias)
        self._where = ([stride, stride], [1, 1], 1)
        self._weight = _Laid(
            weight,
            lambda plain, shape: torch.ops.mkldnn._reorder_convolution_weight(
                plain, [1, 1], *self._where, shape
            ),
        )

    def __call__(self, x: Tensor, then: str = "none", rows: int = 1) -> Tensor:
        """The convolution, followed by ``none`` or ``relu``."""
        x = x.to(self._dtype, memory_format=torch.channels_last)
        return torch.ops.mkldnn._convolution_pointwise(
            x, self._weight(x.shape), self._bias, [rows, 1], *self._where, then, [], ""
        )

    def add_to(self, y: Tensor, x: Tensor, rows: int = 1) -> None:
        """Add the convolution of `x` to `y`, in place."""
        padding = [rows, 1]
        torch.ops.mkldnn._convolution_pointwise_.binary(
            *(y, x, self._weight(x.shape), self._bias, padding, *self._where),
            *("add", 1.0, None, [], None),
        )


class Up:
    """A transposed 4x4 convolution with stride 2 and padding 1."""

    def __init__(self, conv: nn.ConvTranspose2d) -> None:
        self._bias = _copied(conv.bias)
        self._where = ([1, 1], [0, 0], [2, 2], [1, 1], 1)
        self._weight = _Laid(
            conv.weight,
            lambda plain, shape: torch.ops.mkldnn._reorder_convolution_transpose_weight(
                plain, *self._where, shape
            ),
        )

    def __call__(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._convolution_transpose_pointwise(
            x, self._weight(x.shape), self._bias, *self._where, "none", [], ""
        )


def on_blocks(conv: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    """A 3x3 convolution to few channels, for 2x2 pixels at a time.

    oneDNN computes 16 channels at least, where a picture has three. So those of four
    pixels are computed at once, by a 4x4 convolution with stride 2: its weights are the
    3x3 ones, at the place of each pixel. It gives the same bits.
    """
    out, into = conv.weight.shape[:2]
    weight = conv.weight.new_zeros(out, 2, 2, into, 4, 4)
    for down, right in product(range(2), repeat=2):
        weight[:, down, right, :, down : down + 3, right : right + 3] = conv.weight
    bias = None if conv.bias is None else conv.bias.repeat_interleave(4)
    blocks = Conv(weight.flatten(0, 2), bias, stride=2)
    return lambda x: F.pixel_shuffle(blocks(x), 2)


def _copied(bias: Tensor | None) -> Tensor | None:
    return None if bias is None else bias.detach().clone()
