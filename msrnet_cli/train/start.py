"""What a run starts from: pairs, losses, the network before its first step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from msrnet_cli import data, losses, model, perceptual, weights
from msrnet_cli.errors import DataError, UsageError, WeightsError
from msrnet_cli.train import record

if TYPE_CHECKING:
    from torch import nn

    from msrnet_cli.config import ModelConfig, TrainConfig
    from msrnet_cli.data import Pair
    from msrnet_cli.losses import Loss
    from msrnet_cli.train.checkpoint import Checkpoint
    from msrnet_cli.train.schedule import Plan


def find_pairs(config: TrainConfig) -> tuple[list[Pair], list[Pair], str]:
    """Training pairs, validation pairs, and what the latter are."""
    if not config.data:
        raise UsageError("there is no training data", "give --data DIR")
    pairs = data.find_pairs(config.data, config.data_options)
    if config.val:
        plain = replace(config.data_options, mirror=False)
        found = data.find_pairs(config.val, plain)
        shared = {pair.source for pair in found} & {pair.source for pair in pairs}
        if shared:
            raise DataError(
                f"{min(shared)} is in training and validation", "separate the folders"
            )
        name = Path(config.val).name
    else:
        found, name = pairs, "training pairs: they do not tell how it generalises"
    count = min(len(found), max(1, config.val_pairs))
    chosen = [found[i * len(found) // count] for i in range(count)]
    chosen = [replace(pair, mirrored=None) for pair in chosen]
    return pairs, chosen, f"{count} {'pairs of ' if config.val else ''}{name}"


def load_losses(
    config: TrainConfig, plan: Plan, device: torch.device
) -> dict[str, Loss]:
    """The losses of a plan, by name; fetches VGG16 where one needs it."""
    names = {phase.loss for phase in plan.phases}
    options = config.loss_options
    features: nn.Module | None = None
    if "combined" in names and options.perceptual:
        features = perceptual.load_vgg16(options.vgg, options.vgg_layer).to(device)
    return {name: losses.build(name, options, features) for name in names}


def start_network(config: TrainConfig, before: Checkpoint | None) -> nn.Module:
    """The network before its first step."""
    torch.manual_seed(config.seed)
    network = model.build(config.model)
    stage1 = record.stage_result(Path(config.out), "1")
    if before is not None:
        return network
    if config.init == "identity":
        if config.model.channels < model.IDENTITY_CHANNELS:
            raise UsageError(
                f"--init identity needs {model.IDENTITY_CHANNELS} channels",
                "raise --channels, or use --init small",
            )
        model.initialise_identity(network)
    elif config.init != "small":
        _take_weights(network, config, config.init)
    elif config.stage == "2" and stage1.exists():
        _take_weights(network, config, str(stage1))
    elif config.stage == "2" and config.loss is None:
        raise UsageError(
            "stage 2 starts from the result of stage 1, which is not there",
            "train --stage 1 or --stage all first, or give --init WEIGHTS",
        )
    return network


def _take_weights(network: nn.Module, config: TrainConfig, spec: str) -> None:
    found = weights.load(spec)
    if found.card.model != config.model:
        raise WeightsError(
            f"{spec} is {_model_name(found.card.model)}, the run"
            f" {_model_name(config.model)}",
            "train the same network as the weights",
        )
    network.load_state_dict(found.state)


def _model_name(config: ModelConfig) -> str:
    return f"{config.arch}, {config.channels} channels, {config.value_range}"
