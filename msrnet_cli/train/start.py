"""What a run starts from: pairs, losses, the network before its first step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import torch

from msrnet_cli import networks
from msrnet_cli.errors import DataError, TrainingError, UsageError, WeightsError
from msrnet_cli.layers.store import open_store
from msrnet_cli.lights import every_light
from msrnet_cli.pairs.files import bytes_of
from msrnet_cli.pairs.find import find_pairs, spread
from msrnet_cli.train import checkpoint, inventory, record
from msrnet_cli.train.inventory import Inventory
from msrnet_cli.train.lighting import Scenes
from msrnet_cli.train.material import About
from msrnet_cli.train.pairing import Pairs
from msrnet_cli.weights.file import load_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from msrnet_cli.config import ModelConfig
    from msrnet_cli.pairs.files import PictureFile
    from msrnet_cli.pairs.find import Pair
    from msrnet_cli.train.checkpoint import Checkpoint
    from msrnet_cli.train.options import TrainOptions


def find_material(config: TrainOptions) -> Pairs | Scenes:
    """What a run learns from: scenes for a network of layers, else pairs.

    Raises:
        UsageError: No data is named.
        DataError: There is none, or the same in training and validation.
    """
    if not config.data.data:
        raise UsageError("no training data is named", "give --data DIR")
    if networks.architecture(config.network.model.arch).paints_layers:
        return _find_scenes(config)
    return _find_pairs(config)


def _find_pairs(config: TrainOptions) -> Pairs:
    found = find_pairs(config.data.data, config.data.pairs)
    held_out: dict[str, int] = {}
    tried, kind = found.pairs, "training pairs: they do not tell how it generalises"
    if config.data.val:
        plain = replace(config.data.pairs, mirror=False)
        tried = find_pairs(config.data.val, plain).pairs
        held_out = _listed_pairs(tried)
        kind = f"pairs of {Path(config.data.val).name}"
        shared = {pair.source for pair in tried} & {pair.source for pair in found.pairs}
        if shared:
            raise _in_both(str(min(shared)))
    some = spread(tried, max(1, config.data.val_pairs))
    validation = tuple(replace(pair, mirrored=None) for pair in some)
    about = About(
        count=len(found.pairs),
        kind="pair",
        mirrored=sum(pair.mirrored is not None for pair in found.pairs),
        validation=f"{len(validation)} {kind}",
        lights=lights(found.pairs),
        notes=found.left_out,
    )
    files = Inventory(_listed_pairs(found.pairs), held_out)
    return Pairs(found.pairs, validation, about, files)


def _find_scenes(config: TrainOptions) -> Scenes:
    every = open_store(Path(config.data.data))
    training = every.at_least(config.schedule.largest)
    small = len(every) - len(training)
    files = Inventory(_listed_scenes(every.paths), {})
    tried, kind = training, "training scenes: they do not tell how it generalises"
    if config.data.val:
        held_out = open_store(Path(config.data.val))
        files = replace(files, validation=_listed_scenes(held_out.paths))
        tried = held_out.at_least(config.schedule.largest)
        kind = f"scenes of {Path(config.data.val).name}"
        shared = set(tried.paths) & set(training.paths)
        if shared:
            raise _in_both(str(min(shared)))
    some = spread(tried.paths, max(1, config.data.val_pairs))
    about = About(
        count=len(training),
        kind="scene",
        mirrored=len(training),
        validation=f"{len(some)} {kind}",
        lights=("", ""),
        notes=(f"scenes under {config.schedule.largest} px: {small}, left out",)
        if small
        else (),
    )
    return Scenes(training, replace(tried, paths=some), about, files)


def _listed_pairs(pairs: Sequence[Pair]) -> dict[str, int]:
    files = list(dict.fromkeys(file for pair in pairs for file in pair.files))
    names = [file.name for file in files]
    return inventory.listed(zip(names, bytes_of(files), strict=True))


def _listed_scenes(paths: Sequence[Path]) -> dict[str, int]:
    return inventory.listed(
        (PurePosixPath(path.as_posix()), path.stat().st_size) for path in paths
    )


def _in_both(name: str) -> DataError:
    return DataError(f"{name} is in training and validation", "separate the folders")


def start_network(config: TrainOptions, before: Checkpoint | None) -> nn.Module:
    """The network before its first step."""
    torch.manual_seed(config.run.seed)
    network = networks.build(config.network.model)
    stage1 = record.stage_result(Path(config.run.out), "1")
    if before is not None:
        return network
    if config.network.init == "identity":
        _start_as_identity(network, config)
    elif config.network.init != "small":
        _take_weights(network, config, config.network.init)
    elif config.schedule.stage == "2" and stage1.exists():
        _take_weights(network, config, str(stage1))
    elif config.schedule.stage == "2":
        raise UsageError(
            f"stage 2 starts from the result of stage 1, and {stage1} does not exist",
            "train --stage 1 or --stage all first, or give --init WEIGHTS",
        )
    return network


def lights(pairs: Sequence[Pair]) -> tuple[str, str]:
    """Light of the inputs and of the targets, by the files' names; "" if unknown."""
    sources = {_light(pair.source) for pair in pairs}
    targets = {_light(pair.target) for pair in pairs}
    return _only(sources), _only(targets)


def require_new_stage(config: TrainOptions) -> None:
    """Refuse to begin a second stage anew over an existing one.

    Raises:
        UsageError: The run holds a stage 2.
    """
    folder = Path(config.run.out)
    if config.schedule.stage != "2":
        return
    try:
        begun = checkpoint.load(folder).position.stage == "2"
    except TrainingError:  # no sound checkpoint: nothing that could be gone on with
        begun = False
    if begun or record.stage_result(folder, "2").exists():
        raise UsageError(
            f"{folder} holds a stage 2 already",
            "go on with --resume, or begin a new run with --data and --init"
            f" {record.stage_result(folder, '1')}",
        )


def _light(file: PictureFile) -> str:
    light = "_".join(file.name.stem.split("_")[-2:])
    return light if light in map(str, every_light()) else ""


def _only(values: set[str]) -> str:
    return next(iter(values)) if len(values) == 1 else ""


def _take_weights(network: nn.Module, config: TrainOptions, spec: str) -> None:
    """Start from a weights file; a DMSHN becomes the first half of a stack."""
    found = load_weights(spec, offline=config.run.offline)
    upon = networks.architecture(config.network.model.arch).upon
    if found.card.model == config.network.model:
        network.load_state_dict(found.state)
    elif upon and found.card.model == replace(config.network.model, arch=upon.arch):
        _start_as_identity(network, config)
        below = {f"{upon.prefix}{name}": v for name, v in found.state.items()}
        network.load_state_dict(below, strict=False)
    else:
        raise WeightsError(
            f"{spec} is {_model_name(found.card.model)}, the run"
            f" {_model_name(config.network.model)}",
            "train the same network as the weights, or a stack upon a DMSHN",
        )


def _start_as_identity(network: nn.Module, config: TrainOptions) -> None:
    architecture = networks.architecture(config.network.model.arch)
    if architecture.start_as_identity is None:
        raise UsageError(
            f"{config.network.model.arch} cannot start as the identity",
            "use --init small",
        )
    if config.network.model.channels < architecture.identity_channels:
        raise UsageError(
            f"the identity needs {architecture.identity_channels} channels",
            "raise --channels, or use --init small",
        )
    architecture.start_as_identity(network)


def _model_name(config: ModelConfig) -> str:
    return f"{config.arch}, {config.channels} channels, {config.value_range}"
