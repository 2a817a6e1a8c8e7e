"""Values that a formula draws: parameters and pictures that anybody can make again.

The golden data of `golden/baselines` was computed from them; its README has the formula
in words.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

_WORD = 2**32 - 1


def hashes(k: int, count: int) -> Tensor:
    """`count` whole numbers below 2**32, int64, of the tensor with number k."""
    x = torch.arange(count, dtype=torch.int64) * 0x9E3779B1 + (k + 1) * 0x85EBCA77
    x &= _WORD
    x ^= x >> 16
    x = x * 0x7FEB352D & _WORD  # wraps at 2**64, which keeps the lower word
    x ^= x >> 15
    x = x * 0x846CA68B & _WORD
    return x ^ (x >> 16)


def drawn(k: int, shape: Sequence[int]) -> Tensor:
    """float64 between -1 and 1."""
    x = hashes(k, math.prod(shape)).double()
    return (2 * ((x + 0.5) / 2**32) - 1).view(*shape)


def data(k: int, shape: Sequence[int], low: float = 0.0, high: float = 1.0) -> Tensor:
    """A picture: float32 between two values."""
    return (low + (high - low) * (drawn(k, shape) + 1) / 2).float()


def parameter(k: int, shape: Sequence[int], gain: float) -> Tensor:
    """float32: a bias, or a weight whose gain is that of its input."""
    t = drawn(k, shape)
    if len(shape) == 1:
        return (0.1 * t).float()
    fan = math.prod(shape) // shape[0]
    return ((gain * math.sqrt(6 / fan)) * t).float()


def coefficient(k: int, shape: Sequence[int]) -> Tensor:
    """float32 around 1."""
    return (1 + 0.25 * drawn(k, shape)).float()


@torch.no_grad()
def fill(parameters: Iterable[Tensor], gain: float, first: int = 0) -> None:
    """Set parameters, which are numbered from `first` in the order of the golden data.

    Args:
        parameters: Weights and biases.
        gain: Of all weights.
        first: Number of the first parameter.
    """
    for k, each in enumerate(parameters, first):
        each.copy_(parameter(k, each.shape, gain))


def digest(values: Tensor) -> str:
    """As the golden data tells a tensor: of its float32 bytes in C order."""
    raw = values.detach().float().contiguous().view(torch.uint8).flatten()
    return hashlib.sha256(bytes(raw.tolist())).hexdigest()[:16]
