"""What `msrnet train` tells of a run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msrnet_cli.report import machine, terminal
from msrnet_cli.report.terminal import count, duration, say
from msrnet_cli.train.events import TrainProgress, TrainStarted, TrainSummary, Validated

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.train.events import TrainEvent

EVENTS = {
    TrainStarted: "start",
    TrainProgress: "progress",
    Validated: "validation",
    TrainSummary: "summary",
}
"""The names of events in JSON."""

_BAR_WIDTH = 24


def reporter(
    *, as_json: bool = False, quiet: bool = False
) -> Callable[[TrainEvent], None]:
    """The reporter that fits the options and the terminal."""
    if as_json:
        return machine.events(EVENTS)
    if quiet:
        return report_notes
    return LiveLine() if terminal.is_live() else Lines()


def report_notes(event: TrainEvent) -> None:
    """Only what the user must know."""
    for note in event.notes if isinstance(event, TrainStarted | Validated) else ():
        terminal.warn(note)


class Lines:
    """Training as lines, for logs: one a minute, and each validation.

    Args:
        seconds_between: Training time between two lines.
    """

    def __init__(self, seconds_between: float = 60.0) -> None:
        self._between = seconds_between
        self._next = 0.0

    def __call__(self, event: TrainEvent) -> None:
        """Print one event."""
        if isinstance(event, TrainStarted):
            _opening(event)
        elif isinstance(event, Validated):
            say(_validated_line(event))
            report_notes(event)
        elif isinstance(event, TrainSummary):
            say(_closing(event))
        elif event.seconds >= self._next:
            self._next = event.seconds + self._between
            say(_progress_line(event))


class LiveLine:
    """Training as one live line below the validations, for terminals."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._console = terminal.console()
        # A narrow terminal shows the line, which holds the time left, without the bar.
        is_wide = self._console.width > terminal.COLUMNS + _BAR_WIDTH
        self._progress = Progress(
            *((BarColumn(bar_width=_BAR_WIDTH),) if is_wide else ()),
            TextColumn("{task.description}", markup=False),
            console=self._console,
        )
        self._bar = self._progress.add_task("first steps", total=1.0)

    def __call__(self, event: TrainEvent) -> None:
        """Show one event."""
        if isinstance(event, TrainStarted):
            _opening(event)
            self._progress.start()
        elif isinstance(event, TrainProgress):
            self._progress.update(
                self._bar,
                completed=event.progress,
                description=_progress_line(event),
            )
        elif isinstance(event, Validated):
            self._console.print(_validated_line(event))
            report_notes(event)
        else:
            self._progress.stop()
            self._console.print(_closing(event))


def _opening(event: TrainStarted) -> None:
    mirrored = f" ({event.mirrored} also mirrored)" if event.mirrored else ""
    resumed = f", from step {event.step} on" if event.step else ""
    say(
        f"{count(event.count, event.material)}{mirrored} -> {event.out},"
        f" {event.parameters / 1e6:.2f} M parameters,"
        f" on {event.device} in {event.dtype}{resumed}"
    )
    for line in event.plan:
        say(f"  {line}")
    say(f"  validated on {event.validation}")
    report_notes(event)


def _progress_line(event: TrainProgress) -> str:
    """At most 80 columns; metrics.csv has the rest."""
    left = duration(event.eta) if math.isfinite(event.eta) else "unknown time"
    return (
        f"{event.progress:5.1%}, {left} left: step {event.step},"
        f" {event.size} px, loss {event.loss:.4g},"
        f" {event.images_per_second:.3g} images/s"
    )


def _validated_line(event: Validated) -> str:
    more = "".join(f", {name} {value:.2f}" for name, value in event.scores.items())
    place = f"stage {event.stage} at {event.size} px"
    return (
        f"step {event.step}: PSNR {event.psnr:.2f} dB (copy {event.psnr_copy:.2f}),"
        f" detail {event.detail:.2f}{more}, {'best of ' if event.best else ''}{place}"
    )


def _closing(event: TrainSummary) -> str:
    line = f"{count(event.steps, 'step')} in {duration(event.seconds)}: {event.out}"
    if event.stopped_by:
        line += "; go on with --resume"
    if event.stages:
        ends = ", ".join(f"stage {k} {psnr:.2f} dB" for k, psnr in event.stages.items())
        better = max(event.stages, key=event.stages.__getitem__)
        line += f"; PSNR at the end: {ends}; better: stage{better}.safetensors"
    return terminal.harmless(line)
