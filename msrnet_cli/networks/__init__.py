"""The networks: tensors in, tensors out. One file each, and what all must say.

A new one is a file here with an `ARCHITECTURE`, and its name in `config.Arch`. Values
of pictures become its own in `ranges`. Code about files, devices, padding or training
lives elsewhere.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, get_args

from msrnet_cli.config import Arch

if TYPE_CHECKING:
    from torch import nn

    from msrnet_cli.config import ModelConfig
    from msrnet_cli.networks.spec import Architecture

NAMES: tuple[str, ...] = get_args(Arch)


def architecture(name: str) -> Architecture:
    """The architecture of a name in `NAMES`."""
    module = import_module(f"msrnet_cli.networks.{name}")
    found: Architecture = module.ARCHITECTURE
    return found


def build(config: ModelConfig) -> nn.Module:
    """The network that a config names, freshly initialised."""
    return architecture(config.arch).build(config.channels)
