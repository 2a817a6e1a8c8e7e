"""Files of a run that people look at: metrics, previews, weights."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from msrnet_cli.errors import WeightsError
from msrnet_cli.files import write_whole
from msrnet_cli.images.sheet import grid
from msrnet_cli.train.history import COLUMNS, History
from msrnet_cli.train.runs import METRICS, preview
from msrnet_cli.weights.file import save_weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from msrnet_cli.config import WeightsCard
    from msrnet_cli.train.events import TrainProgress, Validated


class Record:
    """Writes what a run reports into its folder.

    Args:
        folder: Of the run; must exist.
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
        """For the user, about files that were there before."""
        return (self._history.note,) if self._history.note else ()

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
        """Write a preview; a run goes on if that fails.

        Args:
            step: Names the preview.
            rows: Input, output and target of some pairs.

        Returns:
            A note where it cannot be written, the first time; else "".
        """
        path, told = preview(self.folder, step), ""
        try:
            write_whole(path, grid(rows))
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
            # A run cannot go on in another folder: this one has to be mended.
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


def _tensorboard(folder: Path) -> Any:  # noqa: ANN401 tensorboard is optional
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))
