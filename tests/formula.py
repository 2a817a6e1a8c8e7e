"""Weights and pictures by formula: numbers that anyone can compute again, bit by bit.

The golden data of the networks that the paper compares with were made with them, see
`golden/baselines/README.md`.
"""

from __future__ import annotations

import math

import torch

_MASK = 0xFFFFFFFF


def values(key, shape):
    """Numbers in (-1, 1), float64, as a hash of their place makes them.

    Args:
        key: Another one gives other numbers.
        shape: Of the tensor.
    """
    x = torch.arange(math.prod(shape)) * 0x9E3779B1 + (key + 1) * 0x85EBCA77
    x &= _MASK
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        x ^= x >> shift
        # 64-bit products wrap around, which leaves their lower 32 bits as they are.
        x = x * factor & _MASK
    return (2 * ((x.double() + 0.5) / 2**32) - 1).reshape(shape)


def picture(key, shape, low=-1.0, high=1.0):
    """Numbers between two bounds, float32."""
    return (low + (high - low) * (values(key, shape) + 1) / 2).float()


@torch.no_grad()
def fill(network, gain):
    """Set all parameters of a network, in the order in which it names them.

    Weights of two dimensions and more get about the deviation that keeps that of their
    input, times a gain; biases lie in (-0.1, 0.1).
    """
    for key, parameter in enumerate(network.parameters()):
        shape = parameter.shape
        scale = 0.1
        if len(shape) > 1:
            scale = gain * math.sqrt(6 / (parameter.numel() / shape[0]))
        parameter.copy_((scale * values(key, shape)).float())
