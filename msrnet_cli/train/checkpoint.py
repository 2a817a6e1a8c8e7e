"""Checkpoints: everything that resuming needs, in one file, without pickle.

Tensors as safetensors; the rest as JSON in the header. A checkpoint appears whole or
not at all, and the checkpoint before is kept.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from msrnet_cli import tensorfile
from msrnet_cli.documents import parsed, rebuilt
from msrnet_cli.errors import TrainingError
from msrnet_cli.files import require_regular
from msrnet_cli.train import settings
from msrnet_cli.train.position import Position

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor

    from msrnet_cli.train.options import TrainOptions

NEWEST = "checkpoint.safetensors"
PREVIOUS = "checkpoint.previous.safetensors"
UNFINISHED = f"{NEWEST}.new"
_KEY = "msrnet-run"
ORDER = (NEWEST, UNFINISHED, PREVIOUS)
"""In which order to try them."""

# safetensors raises a plain RuntimeError for a file that it cannot open.
_UNREADABLE = (SafetensorError, OSError, RuntimeError, ValueError, KeyError, TypeError)


@dataclass(frozen=True)
class Checkpoint:
    """A moment of a run.

    Attributes:
        options: Its settings.
        position: Of the run at that moment.
        tensors: From `Learner.tensors`.
        note: For the user, where a newer checkpoint could not be read.
    """

    options: TrainOptions
    position: Position
    tensors: Mapping[str, Tensor]
    note: str = ""


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the newest checkpoint and keep the one before.

    Raises:
        OSError: It could not be written; older checkpoints are still there.
    """
    text = json.dumps(
        {
            **settings.stamp(),
            "config": settings.document_of(checkpoint.options),
            "position": asdict(checkpoint.position),
            "crc32": tensorfile.checksum(checkpoint.tensors),
        }
    )
    fresh = folder / UNFINISHED
    tensorfile.write(fresh, checkpoint.tensors, {_KEY: text})
    newest = folder / NEWEST
    if newest.exists():
        newest.replace(folder / PREVIOUS)
    fresh.replace(newest)


def load(folder: Path) -> Checkpoint:
    """Read the newest valid checkpoint of a run.

    Raises:
        TrainingError: There is none that is valid, or a newer version of this program
            wrote it.
    """
    problems: list[str] = []
    for path in _there(folder):
        try:
            found = _read(path)
        except settings.NewerError as error:
            raise _newer(path, error) from error
        except _UNREADABLE as error:
            problems.append(f"{path.name} {_told(error)}")
        else:
            note = "; ".join(problems)
            note += f": going on from {path.name}" if problems else ""
            return replace(found, note=note)
    last = folder / "last.safetensors"
    begin = f" with --init {last}" if last.exists() else ""
    raise TrainingError(
        f"{folder} cannot be resumed: {'; '.join(problems) or 'it has no checkpoint'}",
        f"start a new run{begin}",
    )


def load_settings(folder: Path) -> TrainOptions | None:
    """The settings in the newest checkpoint with a valid header; None without one.

    Raises:
        TrainingError: A newer version of this program wrote it.
    """
    for path in _there(folder):
        try:
            with _opened(path) as file:
                return _settings(_header(file))
        except settings.NewerError as error:
            raise _newer(path, error) from error
        except _UNREADABLE:
            continue
    return None


def forget_previous(folder: Path) -> None:
    """Remove the previous checkpoint: it belongs to another run."""
    (folder / PREVIOUS).unlink(missing_ok=True)


def _there(folder: Path) -> list[Path]:
    return [folder / name for name in ORDER if (folder / name).exists()]


@contextmanager
def _opened(path: Path) -> Iterator[safe_open]:
    require_regular(path.stat().st_mode)  # opening a FIFO would wait
    path.open("rb").close()  # safetensors does not tell a missing permission
    with safe_open(path, framework="pt") as file:
        yield file


def _read(path: Path) -> Checkpoint:
    with _opened(path) as file:
        header = _header(file)
        options = _settings(header)
        position: Position = rebuilt(Position, header["position"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    # The first releases wrote none.
    if "crc32" in header and header["crc32"] != tensorfile.checksum(tensors):
        raise ValueError("its tensors are not those that were written")
    return Checkpoint(options, position, tensors)


def _header(file: safe_open) -> dict[str, Any]:
    text = (file.metadata() or {}).get(_KEY)
    if text is None:
        raise ValueError("it is not a checkpoint of a run")
    header: dict[str, Any] = parsed(text)
    settings.known_version(header)
    return header


def _settings(header: dict[str, Any]) -> TrainOptions:
    version = settings.known_version(header)
    return settings.from_document(header["config"], version)


def _newer(path: Path, error: settings.NewerError) -> TrainingError:
    return TrainingError(
        f"{path} cannot be read: {error}", "resume with the version that wrote it"
    )


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror})"
    what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
    first_line, _, _ = what.partition("\n")
    return f"is damaged ({first_line})"
