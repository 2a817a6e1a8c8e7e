"""Keeps the page about a training run up to date while it runs."""

from __future__ import annotations

import io
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.pages.place import Page
from msrnet_cli.pages.training import Moment, Preview, Told, chosen, page
from msrnet_cli.report.terminal import count
from msrnet_cli.train import history, runs
from msrnet_cli.train.events import TrainProgress, TrainStarted, Validated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from msrnet_cli.train.events import TrainEvent, TrainSummary
    from msrnet_cli.train.options import TrainOptions

_PREVIEW_SIDE, _PREVIEW_QUALITY = 960, 82  # of a sheet of some pictures
_COSTS = 100  # a page is written again after so many times as long as that took
_WORDS = ("step", "stage", "size")


class Follower:
    """Keeps the page of a run up to date; takes the events of the run.

    It never takes more than a hundredth of the time of a run: after a page that took
    long to write, the next validations pass without one. The end is always told.

    Args:
        options: Of the run.
        warn: Is told, once, where the page cannot be written; the run goes on.
    """

    def __init__(self, options: TrainOptions, warn: Callable[[str], None]) -> None:
        self.page = Page("--report", runs.report(options))
        self._options, self._warn = options, warn
        self._moments: list[Moment] = []
        self._sheets: dict[int, Preview] = {}
        self._started: TrainStarted | None = None
        self._latest: TrainProgress | None = None
        self._machine: dict[str, str] = {}
        self._not_before, self._has_warned = 0.0, False

    def __call__(self, event: TrainEvent) -> None:
        """Take an event; write the page where it is one that changes much."""
        if isinstance(event, TrainStarted):
            self._begin(event)
        elif isinstance(event, TrainProgress):
            self._latest = event
            self._moments.append(_of_progress(event))
        elif isinstance(event, Validated):
            self._moments.append(_of_validation(event))
            if time.monotonic() >= self._not_before:
                self._write(None)
        else:
            self._write(event)

    def _begin(self, event: TrainStarted) -> None:
        self._started = event
        self._machine = _machine(event)
        try:
            earlier = history.read(Path(event.out) / runs.METRICS) if event.step else []
        except OSError as error:
            self._fail(error)
            return
        self._moments = [_of_row(row) for row in earlier]

    def _write(self, summary: TrainSummary | None) -> None:
        if self._started is None:
            return
        began = time.monotonic()
        told = Told(
            self._options, self._started, self._moments, self._previews(),
            self._machine, self._latest, summary,
        )  # fmt: skip
        try:
            self.page.write(page(told))
        except OSError as error:
            self._fail(error)
        now = time.monotonic()
        self._not_before = now + _COSTS * (now - began)

    def _fail(self, error: OSError) -> None:
        if not self._has_warned:
            what = f"{self.page.path} cannot be written ({error.strerror})"
            self._warn(f"{what}: training goes on")
        self._has_warned = True

    def _previews(self) -> list[Preview]:
        """Some previews, the newest among them; each is read once."""
        steps = [m.step for m in self._moments if "val_psnr" in m.values]
        found = []
        for step in chosen(sorted(set(steps))):
            sheet = self._sheets.get(step) or self._read(step)
            if sheet is not None:
                self._sheets[step] = sheet
                found.append(sheet)
        return found

    def _read(self, step: int) -> Preview | None:
        """A preview, reduced; None where it is missing or damaged."""
        from PIL import Image

        from msrnet_cli.pages.jpegs import embedded, jpeg

        folder = Path(self._options.run.out)
        path = runs.preview(folder, step)
        try:
            image = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
        except (OSError, ValueError):
            return None
        image.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE), Image.Resampling.LANCZOS)
        is_near = self.page.path.parent.resolve() == folder.resolve()
        link = path.relative_to(folder).as_posix() if is_near else ""
        address = embedded(jpeg(image, _PREVIEW_QUALITY))
        return Preview(step, address, *image.size, link)


def _machine(started: TrainStarted) -> dict[str, str]:
    """What a run runs on, by name."""
    import torch

    from msrnet_cli.bench.machine import environment

    found = environment(torch.device("cpu"))
    return {
        "device": f"{started.device}, {started.dtype}",
        "processor": found.processor or "unknown",
        "cores": f"{found.cores}; {count(found.threads, 'thread')} a process",
        "system": found.system,
        "msrnet": found.msrnet,
        "torch": found.torch,
        "Python": found.python,
        "begun": _moment(found.date),
        "went on from": f"step {started.step}" if started.step else "the first step",
    }


def _moment(date: str) -> str:
    return f"{datetime.fromisoformat(date).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _of_progress(event: TrainProgress) -> Moment:
    values = {
        key: float(value)
        for key, value in asdict(event).items()
        if key in history.COLUMNS and key not in _WORDS
    }
    return Moment(event.step, event.stage, event.size, values)


def _of_validation(event: Validated) -> Moment:
    values = {
        "seconds": event.seconds,
        "val_psnr": event.psnr,
        "val_psnr_copy": event.psnr_copy,
        "val_detail": event.detail,
        **{f"val_{name}": value for name, value in event.scores.items()},
    }
    return Moment(event.step, event.stage, event.size, values)


def _of_row(row: Mapping[str, str]) -> Moment:
    values = {
        key: float(text) for key, text in row.items() if text and key not in _WORDS
    }
    return Moment(int(row["step"]), row["stage"], int(float(row["size"])), values)
