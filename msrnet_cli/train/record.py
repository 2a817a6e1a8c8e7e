"""The folder of a run: settings, metrics.csv, weights, previews, curves.

What a person looks at while a network learns; checkpoints have a file of their own.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msrnet_cli import charts
from msrnet_cli.config import SMALLEST_WORK_SIZE, WeightsCard
from msrnet_cli.errors import UsageError, WeightsError
from msrnet_cli.files import write_whole
from msrnet_cli.networks import architecture
from msrnet_cli.train import checkpoint, losses, settings
from msrnet_cli.train.history import COLUMNS, History
from msrnet_cli.weights.file import load_weights, save_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from msrnet_cli.charts import Curve
    from msrnet_cli.train.events import TrainProgress, Validated
    from msrnet_cli.train.material import About
    from msrnet_cli.train.options import TrainOptions

RUNS = Path("runs")
BEST, LAST = "best.safetensors", "last.safetensors"
SETTINGS, METRICS = "run.json", "metrics.csv"


def newest_run(runs: Path = RUNS) -> Path:
    """The run under a folder that was worked on last.

    Raises:
        UsageError: There is none.
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
    """Whether a folder holds a run that could be gone on with."""
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


def note_on_settings(run: Path) -> tuple[str, ...]:
    """What the user must know where run.json does not say how a run was started."""
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


def compared_stages(run: Path) -> dict[str, float]:
    """PSNR at the end of each stage, where both were tried on the same pictures.

    Returns:
        By stage, in dB; empty where one is missing or they cannot be compared.
    """
    cards = {}
    for stage in ("1", "2"):
        path = stage_result(run, stage)
        try:
            cards[stage] = load_weights(path).card
        except WeightsError:
            return {}
    one, two = cards.values()
    if one.work_size != two.work_size or one.training_data != two.training_data:
        return {}
    shared = [name for name in one.scores if name in two.scores]
    return {k: card.scores[shared[0]] for k, card in cards.items()} if shared else {}


def stage_result(run: Path, stage: str) -> Path:
    """Where the weights lie that a stage ended with."""
    return run / f"stage{stage}.safetensors"


def bytes_replaced(run: Path) -> int:
    """Size of the checkpoints and weights in a folder that a run writes anew."""
    stages = (stage_result(run, stage).name for stage in ("1", "2"))
    return sum(
        (run / name).stat().st_size
        for name in (*checkpoint.ORDER, BEST, LAST, *stages)
        if (run / name).is_file()
    )


class Record:
    """Writes what a run reports.

    Args:
        folder: The run's folder; made where it does not exist.
        step: Rows of metrics.csv beyond this step are dropped: a resumed run takes
            these steps again.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        self.folder = folder
        self._history = History(folder / METRICS, step)
        self._board = _tensorboard(folder)
        self._has_told = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user must know of what was there."""
        return (self._history.note,) if self._history.note else ()

    def settings(self, config: TrainOptions) -> None:
        """Write down how the run was started."""
        write_whole(self.folder / SETTINGS, settings.to_json(config).encode())

    def progress(self, event: TrainProgress) -> None:
        """Add a row to metrics.csv."""
        row = {k: v for k, v in asdict(event).items() if k in COLUMNS}
        self._add(row)

    def validated(self, event: Validated) -> None:
        """Add a row to metrics.csv."""
        self._add(
            {
                "step": event.step,
                "stage": event.stage,
                "size": event.size,
                "seconds": event.seconds,
                "val_psnr": event.psnr,
                "val_psnr_copy": event.psnr_copy,
                "val_detail": event.detail,
                **{f"val_{name}": value for name, value in event.scores.items()},
            }
        )

    def draw(self, step: int, rows: Sequence[Sequence[Tensor]]) -> str:
        """Write a preview and the curves: a run goes on without them.

        Args:
            step: Names the preview.
            rows: Input, output and target of some pairs.

        Returns:
            What the user must know where they cannot be written, once; else "".
        """
        preview = self.folder / "previews" / f"step-{step:07}.png"
        pictures = {
            preview: charts.grid(rows),
            self.folder / "curves.png": self._curves(),
        }
        told = ""
        for path, data in pictures.items():
            try:
                write_whole(path, data)
            except OSError as error:
                told = f"{path} cannot be written ({error.strerror}): training goes on"
        had_told, self._has_told = self._has_told, bool(told)
        return "" if had_told else told

    def weights(self, name: str, network: nn.Module, card: WeightsCard) -> None:
        """Write weights that `msrnet relight --weights` takes.

        Raises:
            OSError: They could not be written.
        """
        try:
            save_weights(self.folder / name, network.state_dict(), card)
        except WeightsError as error:
            # Another place is no way out for a run: its folder has to be mended.
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from error
            raise

    def close(self) -> None:
        """Finish TensorBoard's file."""
        if self._board is not None:
            with suppress(OSError):  # a full disk, which has been told
                self._board.close()

    def _add(self, row: dict[str, Any]) -> None:
        self._history.add(row)
        if self._board is not None:
            for key, value in row.items():
                if isinstance(value, float):
                    self._board.add_scalar(key, value, row["step"])

    def _curves(self) -> bytes:
        return charts.curves(
            [
                ("training loss", [self._curve("loss", "loss")], True),
                (
                    "PSNR on the validation pairs, dB",
                    [
                        self._curve("network", "val_psnr"),
                        self._curve("copy of the input", "val_psnr_copy"),
                    ],
                    False,
                ),
            ]
        )

    def _curve(self, name: str, column: str) -> Curve:
        points: list[tuple[float, float]] = []
        before = None
        for row in self._history.rows:
            if not row.get(column):
                continue
            here, step = (row["stage"], row["size"]), float(row["step"])
            if before not in (None, here):
                # Another loss, or pictures of another size: not comparable.
                points.append((step, math.nan))
            points.append((step, float(row[column])))
            before = here
        return charts.Curve(name, tuple(points))


def make_card(
    config: TrainOptions,
    about: About,
    stage: str,
    size: int,
    psnr: float,
) -> WeightsCard:
    """What weights of this run say about themselves.

    Args:
        config: Its settings.
        about: What it learns from.
        stage: The stage it is in.
        size: What it trains at, in pixels: other scales are strange to it, so this is
            where it should see pictures.
        psnr: On the pairs it validates on; 0 before the first time.
    """
    # Without held-out pairs, some training pairs are scored.
    score = "validation_psnr" if config.data.val else "training_psnr"
    data = Path(config.data.data).resolve().name
    layers = architecture(config.network.model.arch).paints_layers
    usual = f"stage {stage} of MSR-Net's training"
    done = ["the light stage's training" if layers else usual]
    done.append(f"start: {_start(config, stage)}")
    if config.loss.loss:
        done.append(f"loss {config.loss.loss}")
    if config.optimizer.optimizer != "adam":
        done.append(f"optimizer {config.optimizer.optimizer}")
    loss = losses.by_stage(config.loss, (stage,), layers=layers)[stage]
    if loss == "combined" and not config.loss.perceptual:
        done.append("without the perceptual term")
    return WeightsCard(
        model=config.network.model,
        from_light=about.lights[0],
        to_light=about.lights[1],
        work_size=max(size, SMALLEST_WORK_SIZE),
        training_data=f"{data}, {about.count} {about.kind}s",
        scores={score: round(psnr, 3)} if psnr else {},
        notes="; ".join(done),
    )


def _start(config: TrainOptions, stage: str) -> str:
    known = ("small", "identity")
    if stage == "2" and (
        config.schedule.stage == "all" or config.network.init == "small"
    ):
        return "the result of stage 1"
    return (
        config.network.init
        if config.network.init in known
        else Path(config.network.init).name
    )


def _tensorboard(folder: Path) -> Any:  # noqa: ANN401 tensorboard is optional
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))
