"""What `msrnet relight` tells of a folder job."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from msrnet_cli.folder.events import (
    FileDone,
    Forecast,
    Foreseen,
    JobStarted,
    JobSummary,
    WorkerLost,
)
from msrnet_cli.lights import told
from msrnet_cli.report import machine, passed, terminal
from msrnet_cli.report.terminal import count, say, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import TaskID

    from msrnet_cli.folder.events import Action, Event

EVENTS = {
    JobStarted: "start",
    FileDone: "file",
    WorkerLost: "lost",
    Foreseen: "plan",
    Forecast: "forecast",
    JobSummary: "summary",
}
"""The names of events in JSON."""

_LISTED = 20  # pictures that a terminal names for each action of a dry run


def reporter(*, as_json: bool = False, quiet: bool = False) -> Callable[[Event], None]:
    """The reporter that fits the options and the terminal."""
    if as_json:
        return json_lines
    if quiet:
        return report_failures
    return ProgressBar() if terminal.is_live() else PlainLines()


def of_one(*, as_json: bool = False, quiet: bool = False) -> Callable[[Event], None]:
    """The reporter of one picture through a pipe: its notes, or JSON."""
    if as_json:
        return json_lines
    return _nothing if quiet else _notes


def planned(*, as_json: bool = False, quiet: bool = False) -> Callable[[Event], None]:
    """The reporter of a dry run that fits the options."""
    return json_lines if as_json else PlannedLines(quiet=quiet)


def json_lines(event: Event) -> None:
    """Each event as a line of JSON."""
    more = {}
    if isinstance(event, JobSummary) and event.slowest_stage:
        more["slowest_stage"] = event.slowest_stage
    machine.event(EVENTS[type(event)], event, more)


def report_failures(event: Event) -> None:
    """Only what went wrong."""
    if isinstance(event, FileDone) and event.status == "failed":
        say(f"msrnet: {_file_line(event)}")
    elif isinstance(event, JobSummary):
        _halted(event)


def _nothing(_event: Event) -> None:
    """Say nothing: errors are told where the program ends."""


def _notes(event: Event) -> None:
    """What the user must know."""
    if isinstance(event, JobStarted | FileDone):
        for note in event.notes:
            terminal.warn(note)


class PlainLines:
    """A line for each picture, for logs."""

    def __init__(self) -> None:
        self._total = 0
        self._count = 0

    def __call__(self, event: Event) -> None:
        """Print one event."""
        if isinstance(event, JobStarted):
            self._total = event.pictures + event.unreadable
            say(_opening(event))
            _opening_notes(event)
        elif isinstance(event, FileDone):
            self._count += 1
            say(f"[{self._count}/{self._total}] {_file_line(event)}")
        elif isinstance(event, WorkerLost):
            say(_lost_line(event))
        elif isinstance(event, JobSummary):
            _halted(event)
            say(_closing(event))


class PlannedLines:
    """A line on standard output for each picture of a dry run.

    A terminal names the first pictures of each action only; a file or pipe gets all.

    Args:
        quiet: Whether only what is refused is told, on standard error.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._most = _LISTED if sys.stdout.isatty() else None
        self._told: Counter[Action] = Counter()

    def __call__(self, event: Event) -> None:
        """Print one event."""
        if isinstance(event, JobStarted) and not self._quiet:
            say(f"dry run: {_opening(event)}")
            _opening_notes(event)
        elif isinstance(event, Foreseen):
            self._tell(event)
        elif isinstance(event, Forecast) and not self._quiet:
            self._close(event)

    def _tell(self, event: Foreseen) -> None:
        if self._quiet:
            if event.action == "refuse":
                say(f"msrnet: {_planned_line(event)}")
            return
        self._told[event.action] += 1
        if self._most is None or self._told[event.action] <= self._most:
            show(_planned_line(event))

    def _close(self, event: Forecast) -> None:
        more = sum(max(0, told - (self._most or told)) for told in self._told.values())
        if more:
            say(f"... and {more} more; a pipe gets them all: ... --dry-run | less")
        say(_forecast_line(event))


class ProgressBar:
    """A bar with the time left, estimated by pixels, for terminals."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = terminal.console()
        self._files = self._total = 0
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[files]}", markup=False),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._bar: TaskID | None = None

    def __call__(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, JobStarted):
            self._bar = self._start(event)
        elif isinstance(event, FileDone) and self._bar is not None:
            self._advance(self._bar, event)
        elif isinstance(event, WorkerLost):
            self._console.print(_lost_line(event))
        elif isinstance(event, JobSummary):
            # Skipped pictures are taken out of the total, which may be 0 then.
            if self._bar is not None and self._files == self._total:
                self._progress.update(self._bar, total=1, completed=1)
            self._progress.stop()
            _halted(event)
            self._console.print(_closing(event))

    def _start(self, event: JobStarted) -> TaskID:
        terminal.clear()
        self._console.print(_opening(event))
        _opening_notes(event)
        self._total = event.pictures + event.unreadable
        bar = self._progress.add_task(
            "relighting", total=event.megapixels or None, files=f"0/{self._total}"
        )
        self._progress.start()
        return bar

    def _advance(self, bar: TaskID, event: FileDone) -> None:
        self._files += 1
        if event.notes or event.status == "failed":
            self._console.print(_file_line(event))
        total = self._progress.tasks[0].total
        if event.status == "skipped" and total is not None:
            # Skipped pixels cost nothing: they must not make the rest look fast.
            self._progress.update(bar, total=total - event.megapixels)
        else:
            self._progress.advance(bar, event.megapixels)
        self._progress.update(bar, files=f"{self._files}/{self._total}")


def _opening(event: JobStarted) -> str:
    pictures = count(event.pictures, "picture")
    if event.shard:
        pictures += f" (shard {event.shard} of {event.inputs})"
    if event.unreadable:
        pictures += f" and {event.unreadable} that cannot be relit"
    parts = [
        f"{pictures} -> {event.output}",
        _change_of_light(event),
        event.shown,
        f"weights {event.weights}",
        f"seen {_seen(event)}",
        f"on {event.device} in {event.dtype}",
        event.engine,
    ]
    return terminal.harmless(", ".join(filter(None, parts)))


def _seen(event: JobStarted) -> str:
    sizes = dict.fromkeys(filter(None, (event.work_size, event.others_work_size)))
    return " or ".join("whole" if one == "full" else f"at {one} px" for one in sizes)


def _change_of_light(event: JobStarted) -> str:
    if not event.to_light:
        return ""
    after = _light(event.to_light)
    if not event.from_light and not _is_named(event.to_light):  # a wish, in words
        return after
    before = _light(event.from_light) if event.from_light else "any light"
    if event.second_light:
        return f"{before} and {_light(event.second_light)} become {after}"
    return f"{before} becomes {after}"


def _is_named(light: str) -> bool:
    """Whether a text is one of VIDIT's, such as ``6500_N``."""
    return light.partition("_")[2] in told.WHENCE


def _light(text: str) -> str:
    """``6500_N`` in plain words; another text as it is."""
    words = told.named(text)
    return f"light of {words}" if _is_named(text) else f"light {words}"


def _opening_notes(event: JobStarted) -> None:
    for note in event.notes:
        terminal.warn(note)
    for line in passed.lines(event.ignored):
        say(line)


def _file_line(event: FileDone) -> str:
    line = f"{event.status}: {event.input}"
    if event.status == "failed":
        line += f": {event.reason}" + (f"; {event.remedy}" if event.remedy else "")
    else:
        line += f" -> {event.output}" + "".join(f"; {note}" for note in event.notes)
    return terminal.harmless(line)


def _lost_line(event: WorkerLost) -> str:
    what = f"the machine {event.machine}" if event.machine else "an actor"
    line = f"msrnet: {what} is lost: {event.reason}; others take its pictures"
    return terminal.harmless(line)


def _planned_line(event: Foreseen) -> str:
    line = f"{event.action}: {event.input}"
    if event.action == "refuse":
        return (
            line + f": {event.reason}" + (f"; {event.remedy}" if event.remedy else "")
        )
    line += f" -> {event.output}"
    if len(event.outputs) > 1:
        line += f" ({len(event.outputs)} files)"
    if event.action == "write" and event.replaces:
        line += f"; replaces {', '.join(event.replaces)}"
    if event.removes:
        line += f"; removes {', '.join(event.removes)}"
    return line


def _forecast_line(event: Forecast) -> str:
    counts = {
        "to make anew": event.anew,
        "to skip": event.skip,
        "to refuse": event.refuse,
    }
    parts = [f"{number} {what}" for what, number in counts.items() if number]
    line = ", ".join([f"{event.write} to write", *parts])
    line += f"; {count(event.files, 'file')}"
    if event.replaced:
        line += f", in place of {event.replaced}"
    return f"{line}; nothing was written"


def _halted(summary: JobSummary) -> None:
    if summary.halted:
        say(f"msrnet: {summary.halted}")


def _closing(summary: JobSummary) -> str:
    counts = {
        "skipped": summary.skipped,
        "failed": summary.failed,
        "unfinished": summary.unfinished,
    }
    parts = [f"{number} {name}" for name, number in counts.items() if number]
    line = ", ".join([f"{summary.relit} relit", *parts])
    line += f" in {summary.start + summary.seconds:.1f} s"
    if summary.relit:
        stages = ", ".join(f"{k} {v:.1f} s" for k, v in summary.stages.items())
        line += f" (start {summary.start:.1f} s, {stages}"
        line += f"; slowest: {summary.slowest_stage})"
    if summary.anew:
        line += f"; {summary.anew} made anew: input, weights or options have changed"
    if summary.failures_file:
        line += f"; list: {summary.failures_file}"
    if summary.stopped_by:
        line += "; run the same command again to finish"
    return terminal.harmless(line)
