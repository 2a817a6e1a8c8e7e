"""Checkpoints: everything that resuming needs, in one file, without pickle.

Tensors as safetensors; the rest as JSON in its header. The file appears whole or not
at all, and the one before it is kept.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from safetensors import SafetensorError, safe_open

from msrnet_cli import tensorfile
from msrnet_cli.config import TrainConfig
from msrnet_cli.errors import TrainingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

NEWEST = "checkpoint.safetensors"
PREVIOUS = "checkpoint.previous.safetensors"
SETTINGS = "run.json"
_VERSION = 1
_KEY = "msrnet-run"
# safetensors tells a file that cannot be opened by a plain RuntimeError.
_UNREADABLE = (SafetensorError, OSError, RuntimeError, ValueError, KeyError, TypeError)


@dataclass(frozen=True)
class Position:
    """Where a run is.

    Every random choice of a run follows from its seed and `drawn`; there is no other
    random state.

    Attributes:
        step: Steps taken.
        drawn: Training examples drawn, on all processes.
        seconds: Training time.
        stage: Stage of the last step, "" before the first.
        size: Picture size of the last step.
        psnr: Last PSNR on the validation pairs.
        best: Best one in this stage at this size; None before the first.
    """

    step: int = 0
    drawn: int = 0
    seconds: float = 0.0
    stage: str = ""
    size: int = 0
    psnr: float = 0.0
    best: float | None = None


@dataclass(frozen=True)
class Checkpoint:
    """A moment of a run.

    Attributes:
        config: Its settings.
        position: Where it was.
        tensors: What was learnt, as `Learner.tensors` gives it.
    """

    config: TrainConfig
    position: Position
    tensors: Mapping[str, Tensor]


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the newest checkpoint and keep the one before it.

    Raises:
        OSError: It could not be written; the older ones are still there.
    """
    text = json.dumps(
        {
            "version": _VERSION,
            "config": asdict(checkpoint.config),
            "position": asdict(checkpoint.position),
        }
    )
    fresh = folder / f"{NEWEST}.new"
    tensorfile.write(fresh, checkpoint.tensors, {_KEY: text})
    newest = folder / NEWEST
    if newest.exists():
        newest.replace(folder / PREVIOUS)
    fresh.replace(newest)


def load(folder: Path) -> Checkpoint:
    """Read the newest valid checkpoint of a run.

    Raises:
        TrainingError: There is none.
    """
    problems = []
    for name in (NEWEST, f"{NEWEST}.new", PREVIOUS):
        path = folder / name
        if path.exists():
            try:
                return _read(path)
            except _UNREADABLE as error:
                problems.append(f"{name}: {error}")
    reason = "; ".join(problems) or "no checkpoint there"
    raise TrainingError(f"{folder} cannot be resumed: {reason}", "start a new run")


def forget_previous(folder: Path) -> None:
    """Remove the checkpoint before the newest: it belongs to another run."""
    (folder / PREVIOUS).unlink(missing_ok=True)


def config_to_json(config: TrainConfig) -> str:
    """Settings as a JSON document."""
    return json.dumps(asdict(config), indent=2)


def config_from_json(text: str) -> TrainConfig:
    """Settings out of a JSON document.

    Raises:
        UsageError: It holds something else.
    """
    try:
        found = _rebuilt(TrainConfig, json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"unreadable settings ({error})", "start a new run") from error
    return found


def _read(path: Path) -> Checkpoint:
    with safe_open(path, framework="pt") as file:
        fields_ = json.loads(file.metadata()[_KEY])
        if fields_["version"] != _VERSION:
            raise ValueError(f"version {fields_['version']}, this program reads 1")
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    config = _rebuilt(TrainConfig, fields_["config"])
    return Checkpoint(config, Position(**fields_["position"]), tensors)


def _rebuilt(kind: type[Any], values: dict[str, Any]) -> Any:  # noqa: ANN401 of any kind
    """A dataclass out of what `asdict` and JSON made of it."""
    hints = get_type_hints(kind)
    made = {}
    for field in fields(kind):
        if field.name in values:
            value = values[field.name]
            if is_dataclass(hints[field.name]):
                value = _rebuilt(hints[field.name], value)
            made[field.name] = tuple(value) if isinstance(value, list) else value
    return kind(**made)
