"""The network of a run before its first step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from msrnet_cli import networks
from msrnet_cli.config import ModelConfig
from msrnet_cli.errors import UsageError, WeightsError
from msrnet_cli.networks import ranges
from msrnet_cli.weights.file import load_weights

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from msrnet_cli.train.options import NetworkOptions


def build(options: NetworkOptions, seed: int) -> nn.Module:
    """The network with weights drawn at random, as for ``small``."""
    torch.manual_seed(seed)
    return networks.build(options.model)


def start_network(
    options: NetworkOptions,
    seed: int = 0,
    *,
    stage1: Path | None = None,
    offline: bool = False,
) -> nn.Module:
    """The network with the weights from which it is to learn.

    Args:
        options: The network, and what it begins with.
        seed: Of weights that are drawn at random.
        stage1: Weights from which a second stage begins; None for a first stage.
        offline: Never fetch weights.

    Raises:
        UsageError: The network cannot start so.
        WeightsError: The weights are missing, or those of another network.
    """
    network = build(options, seed)
    if options.init == "identity":
        _require_own_range(options.model)
        _start_as_identity(network, options.model)
    elif options.init != "small":
        _take_weights(network, options.model, options.init, offline=offline)
    elif stage1 is not None and stage1.exists():
        _take_weights(network, options.model, str(stage1), offline=offline)
    elif stage1 is not None:
        raise UsageError(
            f"stage 2 starts from the result of stage 1, and {stage1} does not exist",
            "train --stage 1 or --stage all first, or give --init WEIGHTS",
        )
    return network


def _take_weights(
    network: nn.Module, model: ModelConfig, spec: str, *, offline: bool
) -> None:
    """Start from a weights file; a DMSHN becomes the first half of a stack."""
    found = load_weights(spec, offline=offline)
    upon = networks.architecture(model.arch).upon
    if found.card.model == model:
        network.load_state_dict(found.state)
    elif upon and found.card.model == replace(model, arch=upon.arch):
        _start_as_identity(network, model)
        below = {f"{upon.prefix}{name}": v for name, v in found.state.items()}
        network.load_state_dict(below, strict=False)
    else:
        raise WeightsError(
            f"{spec} is {_name(found.card.model)}, the run {_name(model)}",
            "train the same network as the weights, or a stack upon a DMSHN",
        )


def _require_own_range(model: ModelConfig) -> None:
    """Refuse a range in which the start of a network is not the identity."""
    own = ModelConfig(model.arch, model.channels)
    if ranges.of(model).identity != ranges.of(own).identity:
        raise UsageError(
            f"{model.arch} cannot start as the identity with --value-range"
            f" {model.value_range}",
            f"use --value-range {own.value_range}, or --init small",
        )


def _start_as_identity(network: nn.Module, model: ModelConfig) -> None:
    architecture = networks.architecture(model.arch)
    if architecture.start_as_identity is None:
        raise UsageError(
            f"{model.arch} cannot start as the identity", "use --init small"
        )
    if model.channels < architecture.identity_channels:
        raise UsageError(
            f"the identity needs {architecture.identity_channels} channels",
            "raise --channels, or use --init small",
        )
    architecture.start_as_identity(network)


def _name(model: ModelConfig) -> str:
    return f"{model.arch}, {model.channels} channels, {model.value_range}"
