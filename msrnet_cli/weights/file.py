"""A whole weights file: to parameters and a network, and back."""

from __future__ import annotations

import copy
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from msrnet_cli import tensorfile
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.errors import WeightsError
from msrnet_cli.networks import build
from msrnet_cli.weights import find
from msrnet_cli.weights.card import card_in, metadata
from msrnet_cli.weights.header import malformed, read_header, shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn


@dataclass(frozen=True)
class Weights:
    """A checked weights file.

    Attributes:
        path: The file.
        card: What it says about itself.
        sha256: Of the whole file; names it in journals.
        state: Parameters by name, float32 on the CPU.
    """

    path: Path
    card: WeightsCard
    sha256: str
    state: dict[str, Tensor]

    def network(self) -> nn.Module:
        """The network the file describes, float32, ready for inference."""
        network = copy.deepcopy(_outline(self.card.model))
        network.load_state_dict(self.state, assign=True)
        return network.eval().requires_grad_(False)


def load_weights(spec: str | Path | None = None, *, offline: bool = False) -> Weights:
    """Find, check and read a weights file.

    Args:
        spec: As for `find.locate`.
        offline: Never use the internet.

    Raises:
        WeightsError: It is missing, malformed, or not what it should be.
    """
    path = find.locate(None if spec is None else str(spec), offline=offline)
    try:
        return _read(path)
    except OSError as error:
        raise WeightsError(
            f"weights {path}: {error.strerror or error}", "check the file"
        ) from error


def load_network(spec: str | Path | None = None, *, offline: bool = False) -> nn.Module:
    """The network that a weights file describes, float32, in evaluation mode.

    Raises:
        WeightsError: As for `load_weights`.
    """
    return load_weights(spec, offline=offline).network()


def save_weights(
    path: Path,
    state: Mapping[str, Tensor],
    card: WeightsCard,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a weights file; the old one stays until the new one is complete.

    Args:
        path: Where to.
        state: Parameters by name.
        card: What the file says about itself.
        dtype: float32, float16 or bfloat16.

    Raises:
        WeightsError: The folder cannot be written.
    """
    tensors = {name: value.to(dtype) for name, value in state.items()}
    try:
        tensorfile.write(path, tensors, metadata(card))
    except OSError as error:
        raise WeightsError(
            f"cannot write {path}: {error.strerror}", "choose another place"
        ) from error


def export_weights(
    found: Weights, target: Path, card: WeightsCard, dtype: torch.dtype
) -> None:
    """Write weights again, with another card and in another number format.

    Args:
        found: What to write.
        target: Where to.
        card: What the new file says about itself.
        dtype: float32, float16 or bfloat16.

    Raises:
        WeightsError: A value leaves the range of the format, or the folder cannot be
            written.
    """
    if not all(value.to(dtype).isfinite().all() for value in found.state.values()):
        name = str(dtype).removeprefix("torch.")
        raise WeightsError(f"{found.path} leaves the range of {name}", "use bf16")
    save_weights(target, found.state, card, dtype)


def check_state(path: Path, state: Mapping[str, Tensor], model: ModelConfig) -> None:
    """See that parameters are those of a network, and finite.

    Args:
        path: Where they come from, for messages.
        state: By name.
        model: Of the network.

    Raises:
        WeightsError: A name, a shape or a value is wrong.
    """
    _check_shapes(path, {k: v.shape for k, v in state.items()}, _expected(model))
    _check_values(path, state)


def _read(path: Path) -> Weights:
    header = read_header(path)
    card = card_in(path, header)
    with ThreadPoolExecutor(1) as beside:
        hashing = beside.submit(_sha256, path)
        expected = _expected(card.model)  # takes about as long
        _check_shapes(path, shapes(header), expected)
    digest = hashing.result()
    for entry in find.built_in():
        if entry.path == path and entry.sha256 != digest:
            raise WeightsError(
                f"built-in weights {entry.name} are damaged (sha256 {digest[:12]}...)",
                "install msrnet again",
            )
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise malformed(path, str(error)) from error
    _check_values(path, state)
    return Weights(path, card, digest, {k: v.float() for k, v in state.items()})


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _expected(model: ModelConfig) -> dict[str, torch.Size]:
    return {name: v.shape for name, v in _outline(model).state_dict().items()}


@lru_cache(maxsize=8)
def _outline(model: ModelConfig) -> nn.Module:
    """The network without values: building it takes longer than copying it."""
    with torch.device("meta"):
        return build(model)


def _check_shapes(
    path: Path,
    found: Mapping[str, tuple[int, ...]],
    expected: Mapping[str, tuple[int, ...]],
) -> None:
    """Exactly the expected names and shapes, or a WeightsError."""
    missing, extra = expected.keys() - found.keys(), found.keys() - expected.keys()
    if missing or extra:
        some = min(missing or extra)
        kind = f"lacks {len(missing)}" if missing else f"has {len(extra)} unknown"
        raise malformed(path, f"it {kind} tensors, such as {some}")
    for name, shape in found.items():
        if shape != expected[name]:
            wanted = list(expected[name])
            raise malformed(path, f"{name} has shape {list(shape)}, not {wanted}")


def _check_values(path: Path, state: Mapping[str, Tensor]) -> None:
    """Finite values, or a WeightsError."""
    for name, value in state.items():
        # Both ends are nan where any value is; a quarter of the time of `isfinite`.
        if not all(end.isfinite() for end in value.aminmax()):
            raise malformed(path, f"{name} holds values that are not finite")
