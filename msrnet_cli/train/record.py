"""The folder of a run: settings, metrics.csv, weights, previews, curves.

What a person looks at while a network learns; checkpoints have a file of their own.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msrnet_cli import weights
from msrnet_cli.config import SMALLEST_WORK_SIZE, WeightsCard
from msrnet_cli.errors import UsageError
from msrnet_cli.files import write_whole
from msrnet_cli.images import charts
from msrnet_cli.networks import architecture
from msrnet_cli.train import checkpoint, schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from msrnet_cli.config import TrainConfig
    from msrnet_cli.images.charts import Curve
    from msrnet_cli.results import TrainProgress, Validated
    from msrnet_cli.train.material import About

RUNS = Path("runs")
BEST, LAST = "best.safetensors", "last.safetensors"
METRICS = "metrics.csv"
_COLUMNS = (
    "step", "progress", "stage", "size", "lr", "loss", "gradient",
    "images_per_second", "seconds", "val_psnr", "val_psnr_copy", "val_detail",
    "val_task", "val_night", "val_day", "val_ambient", "val_azimuth", "val_read",
)  # fmt: skip


def newest_run(runs: Path = RUNS) -> Path:
    """The run under a folder that was worked on last.

    Raises:
        UsageError: There is none.
    """
    found = [path.parent for path in runs.glob(f"*/{checkpoint.SETTINGS}")]
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


def read_settings(run: Path) -> TrainConfig:
    """The settings of an earlier run.

    Raises:
        UsageError: There is no such run.
    """
    try:
        text = (run / checkpoint.SETTINGS).read_text("utf-8")
    except OSError as error:
        raise UsageError(f"{run} holds no run", "name its folder with --out") from error
    return checkpoint.config_from_json(text)


def stage_result(run: Path, stage: str) -> Path:
    """Where the weights lie that a stage ended with."""
    return run / f"stage{stage}.safetensors"


class Record:
    """Writes what a run reports.

    Args:
        folder: The run's folder; made where it does not exist.
        step: Rows of metrics.csv beyond this step are dropped: a resumed run takes
            these steps again.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        if not step:
            _put_aside(folder / METRICS)
        self._rows = [row for row in self._read_rows() if int(row["step"]) <= step]
        self._board = _tensorboard(folder)
        self._write_rows()

    def settings(self, config: TrainConfig) -> None:
        """Write down how the run was started."""
        text = checkpoint.config_to_json(config)
        write_whole(self.folder / checkpoint.SETTINGS, text.encode())

    def progress(self, event: TrainProgress) -> None:
        """Add a row to metrics.csv."""
        row = {k: v for k, v in asdict(event).items() if k in _COLUMNS}
        self._add(row)

    def validated(self, event: Validated, rows: Sequence[Sequence[Tensor]]) -> None:
        """Add a row to metrics.csv; write the preview and the curves.

        Args:
            event: What was found.
            rows: Input, output and target of some pairs.
        """
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
        previews = self.folder / "previews"
        sheet = charts.grid(rows)
        write_whole(previews / f"step-{event.step:07}.png", sheet)
        write_whole(self.folder / "curves.png", self._curves())

    def weights(self, name: str, network: nn.Module, card: WeightsCard) -> None:
        """Write weights that `msrnet relight --weights` takes."""
        weights.save(self.folder / name, network.state_dict(), card)

    def close(self) -> None:
        """Finish TensorBoard's file."""
        if self._board is not None:
            self._board.close()

    def _add(self, row: dict[str, Any]) -> None:
        self._rows.append({k: _text(v) for k, v in row.items()})
        with (self.folder / METRICS).open("a", newline="") as file:
            csv.DictWriter(file, _COLUMNS).writerow(self._rows[-1])
        if self._board is not None:
            for key, value in row.items():
                if isinstance(value, float):
                    self._board.add_scalar(key, value, row["step"])

    def _read_rows(self) -> list[dict[str, str]]:
        path = self.folder / METRICS
        if not path.exists():
            return []
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        # A killed run may have left half a line.
        return [row for row in rows if (row.get("step") or "").isdigit()]

    def _write_rows(self) -> None:
        out = io.StringIO()
        writer = csv.DictWriter(out, _COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(self._rows)
        write_whole(self.folder / METRICS, out.getvalue().encode())

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
        for row in self._rows:
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
    config: TrainConfig,
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
    score = "validation_psnr" if config.val else "training_psnr"
    data = Path(config.data).resolve().name
    layers = architecture(config.model.arch).paints_layers
    usual = f"stage {stage} of MSR-Net's training"
    done = ["the light stage's training" if layers else usual]
    done.append(f"start: {_start(config, stage)}")
    if config.loss:
        done.append(f"loss {config.loss}")
    if config.optimizer != "adam":
        done.append(f"optimizer {config.optimizer}")
    loss = schedule.loss_name(config, stage)
    if loss == "combined" and not config.loss_options.perceptual:
        done.append("without the perceptual term")
    return WeightsCard(
        model=config.model,
        from_light=about.lights[0],
        to_light=about.lights[1],
        work_size=max(size, SMALLEST_WORK_SIZE),
        training_data=f"{data}, {about.count} {about.kind}s",
        scores={score: round(psnr, 3)} if psnr else {},
        notes="; ".join(done),
    )


def _start(config: TrainConfig, stage: str) -> str:
    known = ("small", "identity")
    if stage == "2" and (config.stage == "all" or config.init == "small"):
        return "the result of stage 1"
    return config.init if config.init in known else Path(config.init).name


def _put_aside(path: Path) -> None:
    """Keep the metrics of an earlier run in this folder: ``metrics-1.csv``."""
    if path.exists():
        number = 1
        while (aside := path.with_stem(f"{path.stem}-{number}")).exists():
            number += 1
        path.replace(aside)


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _tensorboard(folder: Path) -> Any:  # noqa: ANN401 tensorboard is optional
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))
