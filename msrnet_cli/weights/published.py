"""Checkpoints in the layout of DMSHN's authors: into weights files of ours."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from msrnet_cli import networks
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.errors import MSRNetError, UsageError, WeightsError
from msrnet_cli.weights.file import check_state, save_weights
from msrnet_cli.weights.find import kind_of
from msrnet_cli.weights.header import MAX_FILE_BYTES, malformed, read_header

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from msrnet_cli.config import Arch


def import_published(source: Path, target: Path, card: WeightsCard) -> WeightsCard:
    """Convert weights in the layout of DMSHN's authors into our format.

    Args:
        source: A folder with their six files (``encoder_lv1.pkl`` to
            ``decoder_lv3.pkl``), one ``.pth``, or safetensors with their names.
        target: Where to write.
        card: What the new file says about itself; its architecture is replaced by
            the one found.

    Returns:
        The card as written.

    Raises:
        WeightsError: The source is not readable as such weights, or is unsafe.
    """
    theirs = _state(source)
    found, ours = _renamed(
        {name.replace("module.", ""): value for name, value in theirs.items()}, source
    )
    model = replace(found, value_range=card.model.value_range)
    card = replace(card, model=model)
    check_state(source, ours, model)
    save_weights(target, ours, card)
    return card


def require_new_target(target: Path) -> None:
    """Refuse a target that exists or does not have the name of a safetensors file.

    Raises:
        UsageError: With what to do instead.
    """
    if target.suffix != ".safetensors":
        raise UsageError(f"{target} must end in .safetensors", "rename the target")
    if target.exists():
        raise UsageError(f"{target} exists", "remove it or choose another name")


def _renamed(
    theirs: Mapping[str, Tensor], source: Path
) -> tuple[ModelConfig, dict[str, Tensor]]:
    """The network whose authors use these names, and the parameters by our names."""
    strange: list[list[str]] = []
    for arch in networks.NAMES:
        published = networks.architecture(arch).published
        if published is None:
            continue
        names = {name: published.our_name(name) for name in theirs}
        unknown = [name for name, ours in names.items() if ours is None]
        if unknown:
            strange.append(unknown)
            continue
        ours = {names[name] or "": value.float() for name, value in theirs.items()}
        width = ours.get(published.width)
        if width is None or width.ndim != 1:
            raise WeightsError(f"{source} holds no DMSHN weights", "check the file")
        return ModelConfig(cast("Arch", arch), len(width)), ours
    first = min(strange, key=len)[0]  # of the network whose names come closest
    raise WeightsError(f"{first} is not a layer of a published DMSHN", "check the file")


def _state(source: Path) -> dict[str, Tensor]:
    """Parameters by the authors' names, out of any of their layouts."""
    if source.is_dir():
        state: dict[str, Tensor] = {}
        for half in ("encoder", "decoder"):
            for level in (1, 2, 3):
                part = _unpickled(source / f"{half}_lv{level}.pkl")
                state |= {f"{half}_lv{level}.{k}": v for k, v in part.items()}
        return state
    if source.suffix == ".safetensors":
        try:
            read_header(source)
            return load_file(source)
        except (SafetensorError, OSError) as error:
            raise malformed(source, str(error)) from error
    return _unpickled(source)


def _unpickled(path: Path) -> dict[str, Tensor]:
    """A pickled state dict, opened without running anything in it."""
    try:
        if path.exists() and not path.is_file():
            raise malformed(path, kind_of(path))
        if path.stat().st_size > MAX_FILE_BYTES:
            raise malformed(path, "it is larger than any DMSHN")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(f"{path} does not exist", "check the path") from error
    except MSRNetError:
        raise
    except Exception as error:  # unpickling damaged bytes throws anything
        # torch's own text would advise to run whatever the file holds.
        raise WeightsError(
            f"{path} cannot be opened safely: it is damaged, not a weights file, or"
            " holds more than tensors",
            "ask for a plain state dict",
        ) from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor)
        for name, value in state.items()
    ):
        raise WeightsError(f"{path} is not a state dict", "ask for a plain state dict")
    return {name.removeprefix("module."): value for name, value in state.items()}
