"""The folders of runs: which there are, and what lies where in one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError
from msrnet_cli.files import write_whole
from msrnet_cli.train import checkpoint, settings

if TYPE_CHECKING:
    from msrnet_cli.train.options import TrainOptions

RUNS = Path("runs")
BEST, LAST = "best.safetensors", "last.safetensors"
SETTINGS, METRICS, REPORT = "run.json", "metrics.csv", "report.html"


def newest_run(runs: Path = RUNS) -> Path:
    """The run under a folder that was changed last.

    Raises:
        UsageError: There is no run.
    """
    files = (SETTINGS, checkpoint.NEWEST)
    found = {path.parent for name in files for path in runs.glob(f"*/{name}")}
    if not found:
        raise UsageError(f"there is no run under {runs}/", "name one with --out RUN")

    def last_change(run: Path) -> float:
        return max(path.stat().st_mtime for path in run.iterdir())

    return max(found, key=last_change)


def new_run(arch: str, runs: Path = RUNS) -> Path:
    """A folder for a new run that does not exist yet: ``runs/stacked-001``."""
    number = 1
    while (runs / f"{arch}-{number:03}").exists():
        number += 1
    return runs / f"{arch}-{number:03}"


def exists(run: Path) -> bool:
    """Whether a folder holds a run with a checkpoint."""
    return any((run / name).exists() for name in checkpoint.ORDER)


def read_settings(run: Path) -> TrainOptions:
    """The settings of an earlier run, from run.json; else from its checkpoint.

    Raises:
        UsageError: There is no such run, or nothing says how it was started.
        TrainingError: A newer version of this program wrote its checkpoint.
    """
    try:
        found = settings.from_json(settings.read_text(run / SETTINGS))
    except settings.NewerError as error:
        raise UsageError(
            f"{run / SETTINGS} cannot be read: {error}",
            "go on with the version that wrote it",
        ) from error
    except (OSError, ValueError) as error:
        in_checkpoint = checkpoint.load_settings(run)
        if in_checkpoint is None:
            raise _no_settings(run, error) from error
        found = in_checkpoint
    return replace(found, run=replace(found.run, out=str(run)))


def write_settings(run: Path, options: TrainOptions) -> None:
    """Write down how a run was started.

    Raises:
        OSError: It could not be written.
    """
    write_whole(run / SETTINGS, settings.to_json(options).encode())


def note_on_settings(run: Path) -> tuple[str, ...]:
    """A note for the user where run.json cannot be used; else empty."""
    try:
        settings.from_json(settings.read_text(run / SETTINGS))
    except (OSError, ValueError) as error:
        why = _why(error)
        return (f"{run / SETTINGS} {why}: written anew, from the checkpoint",)
    return ()


def _no_settings(run: Path, error: Exception) -> UsageError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return UsageError(f"{run} holds no run", "name its folder with --out")
    return UsageError(
        f"{run / SETTINGS} {_why(error)}, and there is no checkpoint with its settings",
        "start a new run",
    )


def _why(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "is missing"
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror})"
    return f"is damaged ({error})"


def stage_result(run: Path, stage: str) -> Path:
    """The file of the weights at the end of a stage."""
    return run / f"stage{stage}.safetensors"


def preview(run: Path, step: int) -> Path:
    """The file of what the network painted after a step."""
    return run / "previews" / f"step-{step:07}.png"


def report(options: TrainOptions) -> Path:
    """The page about a run."""
    place = options.run.report
    return Path(place) if place else Path(options.run.out) / REPORT


def bytes_replaced(run: Path) -> int:
    """Bytes of the checkpoints and weights in a folder, which a run overwrites."""
    stages = (stage_result(run, stage).name for stage in ("1", "2"))
    return sum(
        (run / name).stat().st_size
        for name in (*checkpoint.ORDER, BEST, LAST, *stages)
        if (run / name).is_file()
    )
