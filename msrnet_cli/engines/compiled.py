"""The network through torch.compile: kernels written for it, after a wait."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from typing import Any, cast

import torch
from torch import nn

from msrnet_cli.engines.cuda.graph import Graphs
from msrnet_cli.engines.eager import Eager

_COMPILERS = ("g++", "c++", "clang++", "gcc", "clang", "cl")


def is_supported(device: torch.device) -> bool:
    """Whether kernels can be compiled here."""
    if device.type == "cuda" and find_spec("triton") is None:
        return False
    return any(shutil.which(name) for name in _COMPILERS)


def compile_network(network: nn.Module) -> nn.Module:
    """A network that compiles itself for each shape it meets.

    Args:
        network: From `msrnet_cli.networks`, on its device and in its number format.
    """
    is_cuda = next(network.parameters()).device.type == "cuda"
    # Frozen weights are laid out, and biases and ReLUs fused, at compile time.
    options: dict[str, Any] = {"freezing": True, "max_autotune": is_cuda}
    made = cast(
        nn.Module, torch.compile(Eager(network), dynamic=False, options=options)
    )
    return Graphs(made) if is_cuda else made
