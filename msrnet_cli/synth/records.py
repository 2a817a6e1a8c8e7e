"""What a set of scenes tells while it is rendered. Loads no renderer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from msrnet_cli.synth.options import Layout


@dataclass(frozen=True)
class SetStarted:
    """Reported once, before the first scene.

    Attributes:
        total: Scenes of the set.
        present: Scenes that an earlier run has finished.
        variant: Mitsuba's variant in use.
        workers: Scenes rendered side by side.
        notice: One line for the user, as when LLVM is missing; "" for none.
    """

    total: int
    present: int
    variant: str
    workers: int
    notice: str


@dataclass(frozen=True)
class SceneDone:
    """One scene is on disk.

    Attributes:
        index: Its number in the set.
        name: Its name in the set, as ``Image000``.
        theme: Which kind of place it shows.
        attempts: How often it was drawn; more than once if a draw was too dark.
        pictures: Pictures written; 0 if the set holds layers.
        seconds: Time it took in its process.
    """

    index: int
    name: str
    theme: str
    attempts: int
    pictures: int
    seconds: float


@dataclass(frozen=True)
class SynthSummary:
    """What a finished run did.

    Attributes:
        out: The folder.
        layout: What the files of the set are.
        scenes: Scenes of the set.
        rendered: Scenes this run rendered; the others existed.
        pictures: Pictures this run wrote.
        seconds: Wall time.
        variant: Mitsuba's variant in use.
        sheet: The contact sheet; None for none.
    """

    out: Path
    layout: Layout
    scenes: int
    rendered: int
    pictures: int
    seconds: float
    variant: str
    sheet: Path | None


SynthEvent = SetStarted | SceneDone | SynthSummary
