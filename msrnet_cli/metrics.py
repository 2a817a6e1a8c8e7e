"""How alike two pictures are. Tensors in, numbers out."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def psnr(image: Tensor, reference: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures in [0, 1]: -10 log10(MSE).

    Args:
        image: Any shape.
        reference: The same shape.

    Returns:
        Decibels over all values together; infinity for equal pictures.
    """
    mse = torch.mean((image.double() - reference.double()) ** 2).item()
    return -10 * math.log10(mse) if mse else math.inf
