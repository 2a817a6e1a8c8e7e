"""The work of a pass, counted on the meta device: arithmetic and traffic."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from msrnet_cli.networks import architecture, build
from msrnet_cli.networks.spec import Inputs

if TYPE_CHECKING:
    from msrnet_cli.config import ModelConfig


@cache
def flop(config: ModelConfig, size: int, batch: int = 1) -> int:
    """Operations of convolutions in one pass; a multiplication and an addition are 2.

    Args:
        config: The network.
        size: Side of the pictures, of a length that the network takes.
        batch: Pictures in the pass.
    """
    network, inputs = _on_paper(config, size, batch)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(*inputs.tensors)
    return counter.get_total_flops()


@cache
def training_flop(config: ModelConfig, size: int, batch: int) -> int:
    """The same for a step of training: forward, and backward to all parameters."""
    network, inputs = _on_paper(config, size, batch)
    with FlopCounterMode(display=False) as counter:
        sketches = architecture(config.arch).sketches
        painted = (
            [network(*inputs.tensors)]
            if sketches is None
            else sketches.paint(network, *inputs.tensors)
        )
        torch.stack([picture.sum() for picture in painted]).sum().backward()
    return counter.get_total_flops()


@cache
def traffic(config: ModelConfig, size: int, batch: int, bytes_per_value: int) -> int:
    """Bytes moved if each convolution reads its input and writes its output once."""
    network, inputs = _on_paper(config, size, batch)
    values = 0

    def count(
        _: nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor
    ) -> None:
        nonlocal values
        values += given[0].numel() + output.numel()

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(count)
    with torch.no_grad():
        network(*inputs.tensors)
    return values * bytes_per_value


def _on_paper(config: ModelConfig, size: int, batch: int) -> tuple[nn.Module, Inputs]:
    """A network and pictures on the meta device: shapes without values."""
    guide = architecture(config.arch).guide
    with torch.device("meta"):
        image, more = (torch.empty(batch, n, size, size) for n in (3, guide))
        return build(config), Inputs(image, more if guide else None)
