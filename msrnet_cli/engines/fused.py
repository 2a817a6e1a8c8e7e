"""The network on a CPU, through the fused operators of oneDNN that torch carries.

A convolution with its ReLU, or with the addition of its residual, is one operator, and
weights are laid out for it once. Nothing is compiled, so nothing is waited for.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from msrnet_cli.engines.rewiring import rewired
from msrnet_cli.networks.dmshn import Chain, Decoder, ResidualBlock

_SIDE = 256  # weights are laid out for feature maps of about this size


def is_supported(dtype: torch.dtype) -> bool:
    """Whether this build of torch, on this processor, has the operators."""
    if not (torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled):
        return False
    needed = ("_convolution_pointwise", "_is_mkldnn_bf16_supported")
    if not all(hasattr(torch.ops.mkldnn, name) for name in needed):
        return False
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32


def covers(network: nn.Module) -> bool:
    """Whether all weights of a network lie in chains, which have fused operators."""
    chains = (m for m in network.modules() if isinstance(m, Chain))
    fused = {id(weight) for chain in chains for weight in chain.parameters()}
    return fused.issuperset(map(id, network.parameters()))


def fuse(network: nn.Module) -> nn.Module:
    """A network that computes the same with fused operators.

    Args:
        network: One that is covered, on the CPU, in a format that `is_supported`.

    Returns:
        A module that takes and gives float32: pictures are reduced, enlarged and added
        in full precision, only features are in the network's. It gives no gradients.
        It has weights of its own, and leaves the network alone.
    """
    with torch.no_grad():
        return _WithoutGradients(rewired(network, Chain, _Chain))


class _WithoutGradients(nn.Module):
    """The fused operators have none: what asks for them is to fail, not to be wrong."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = network

    def forward(self, *tensors: Tensor) -> Tensor:
        with torch.no_grad():
            return self._network(*tensors)


class _Chain(nn.Module):
    """An encoder or a decoder."""

    def __init__(self, chain: nn.Module) -> None:
        super().__init__()
        self._dtype = next(chain.parameters()).dtype
        self._paints = isinstance(chain, Decoder)
        self._parts = [_fused(part) for part in chain.children()]

    def forward(self, x: Tensor) -> Tensor:
        given = x
        x = x.to(self._dtype, memory_format=torch.channels_last)
        for part in self._parts:
            if isinstance(part, _Block) and x is given:
                x = x.clone()  # blocks work in place; this map is needed again
            x = part(x)
        return x.float().contiguous() if self._paints else x


class _Conv:
    """A 3x3 convolution with padding 1."""

    def __init__(self, conv: nn.Conv2d) -> None:
        self._bias = _copied(conv.bias)
        self._where = ([1, 1], list(conv.stride), [1, 1], 1)
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(
            conv.weight, *self._where, _shape(conv)
        )

    def __call__(self, x: Tensor, then: str = "none") -> Tensor:
        """The convolution, followed by ``none`` or ``relu``."""
        return torch.ops.mkldnn._convolution_pointwise(
            x, self._weight, self._bias, *self._where, then, [], ""
        )

    def add_to(self, y: Tensor, x: Tensor) -> None:
        """Add the convolution of `x` to `y`, in place."""
        torch.ops.mkldnn._convolution_pointwise_.binary(
            y, x, self._weight, self._bias, *self._where, "add", 1.0, None, [], None
        )


class _Up:
    """A transposed 4x4 convolution with stride 2 and padding 1."""

    def __init__(self, conv: nn.ConvTranspose2d) -> None:
        self._bias = _copied(conv.bias)
        self._where = ([1, 1], [0, 0], [2, 2], [1, 1], 1)
        self._weight = torch.ops.mkldnn._reorder_convolution_transpose_weight(
            conv.weight, *self._where, _shape(conv)
        )

    def __call__(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._convolution_transpose_pointwise(
            x, self._weight, self._bias, *self._where, "none", [], ""
        )


class _Block:
    """A residual block, in place."""

    def __init__(self, block: ResidualBlock) -> None:
        self._conv1 = _Conv(block.conv1)
        self._conv2 = _Conv(block.conv2)

    def __call__(self, x: Tensor) -> Tensor:
        self._conv2.add_to(x, self._conv1(x, "relu"))
        return x


def _fused(part: nn.Module) -> Any:  # noqa: ANN401  a block, or a step between blocks
    if isinstance(part, ResidualBlock):
        return _Block(part)
    if isinstance(part, nn.ConvTranspose2d):
        return _Up(part)
    assert isinstance(part, nn.Conv2d)  # encoders and decoders hold nothing else
    return _Conv(part)


def _copied(bias: Tensor | None) -> Tensor | None:
    return None if bias is None else bias.detach().clone()


def _shape(conv: nn.Conv2d | nn.ConvTranspose2d) -> list[int]:
    return [1, conv.in_channels, _SIDE, _SIDE]
