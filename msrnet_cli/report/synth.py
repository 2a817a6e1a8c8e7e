"""What `msrnet synth` tells of a set of rendered scenes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msrnet_cli.report import machine, terminal
from msrnet_cli.report.terminal import count, duration, say
from msrnet_cli.synth.records import SceneDone, SetStarted, SynthSummary

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.synth.records import SynthEvent

EVENTS = {SetStarted: "start", SceneDone: "scene", SynthSummary: "summary"}
"""The names of events in JSON."""


def reporter(
    *, as_json: bool = False, quiet: bool = False
) -> Callable[[SynthEvent], None]:
    """The reporter that fits the options."""
    if as_json:
        return machine.events(EVENTS)
    return (lambda _: None) if quiet else Lines()


class Lines:
    """A line for each rendered scene, with the time left."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._total = self._present = self._rendered = 0

    def __call__(self, event: SynthEvent) -> None:
        """Print one event."""
        if isinstance(event, SetStarted):
            self._start(event)
        elif isinstance(event, SceneDone):
            self._advance(event)
        else:
            say(_closing(event))

    def _start(self, event: SetStarted) -> None:
        self._begin = time.monotonic()
        self._total, self._present = event.total, event.present
        if event.notice:
            terminal.warn(event.notice)
        say(
            f"{count(event.total, 'scene')}, {event.present} there already,"
            f" {event.workers} at a time, by {event.variant}"
        )

    def _advance(self, event: SceneDone) -> None:
        self._rendered += 1
        done = self._present + self._rendered
        left = (time.monotonic() - self._begin) / self._rendered * (self._total - done)
        say(f"[{done}/{self._total}] {event.name} {event.theme}, {duration(left)} left")


def _closing(summary: SynthSummary) -> str:
    """What a set has become."""
    scenes = count(summary.rendered, "scene")
    if summary.layout == "layers":
        what = f"the layers of {scenes}"
    else:
        what = f"{count(summary.pictures, 'picture')} of {scenes}"
    line = f"{what} written to {summary.out} in {duration(summary.seconds)}"
    return line + (f"; sheet: {summary.sheet}" if summary.sheet else "")
