"""What a folder job tells while it runs. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Status = Literal["relit", "skipped", "failed"]


Stage = Literal["decode", "network", "encode"]


STAGES: tuple[Stage, ...] = ("decode", "network", "encode")


@dataclass(frozen=True)
class Ignored:
    """A path that was passed over while collecting pictures, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class JobStarted:
    """A folder job is planned and about to run.

    Attributes:
        pictures: How many will be worked on.
        megapixels: Their pixels together, as far as their headers tell.
        output: Where results go.
        device: The device, for people.
        dtype: ``fp32``, ``bf16`` or ``fp16``.
        weights: Which weights.
        work_size: Longer side at which the network sees a picture, or ``full``.
        engine: How the network runs.
        from_light: Light of the pictures that the weights take, as ``6500_N``; "" if
            unknown, or any.
        to_light: Light of the pictures that they give.
        notes: What the user must know about that.
        ignored: What was passed over.
        unreadable: Folders and files, beside the pictures, that cannot be looked at;
            each is told of as one that failed.
    """

    pictures: int
    megapixels: float
    output: str
    device: str
    dtype: str
    weights: str
    work_size: int | Literal["full"] = "full"
    engine: str = "eager"
    from_light: str = ""
    to_light: str = ""
    notes: tuple[str, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    unreadable: int = 0


@dataclass(frozen=True)
class FileDone:
    """One picture is finished, one way or the other.

    Attributes:
        input: Its path.
        output: Where it went, or would have gone.
        status: What became of it.
        megapixels: Its size.
        notes: What the user must know about it.
        reason: Why it failed.
        remedy: What to do about it.
        seconds: Time spent on it by stage; its share where it was in a batch.
        anew: Whether it replaced what msrnet had made with other options, or of an
            older input.
    """

    input: str
    output: str
    status: Status
    megapixels: float = 0.0
    notes: tuple[str, ...] = ()
    reason: str = ""
    remedy: str = ""
    seconds: dict[Stage, float] = field(default_factory=dict)
    anew: bool = False


@dataclass(frozen=True)
class JobSummary:
    """What became of a folder job.

    Attributes:
        relit: Pictures written.
        skipped: Pictures that were there already, made alike.
        failed: Pictures that could not be relit.
        unfinished: Pictures not reached because the job was stopped.
        seconds: Wall time.
        stages: Wall time each stage was busy.
        failures: One record for each failed picture.
        failures_file: Where their list was written, for --files-from.
        stopped_by: The signal that stopped the job, "" if none did.
        halted: Why no more could be written, and what to do; "" if more could be.
        anew: How many of those relit replaced an older result of ours.
        start: Seconds that loading took before.
    """

    relit: int
    skipped: int
    failed: int
    unfinished: int
    seconds: float
    stages: dict[Stage, float]
    failures: tuple[FileDone, ...] = ()
    failures_file: str = ""
    stopped_by: str = ""
    halted: str = ""
    anew: int = 0
    start: float = 0.0

    @property
    def slowest_stage(self) -> Stage | None:
        """The stage that the others waited for; None where nothing was done."""
        slowest = max(STAGES, key=lambda stage: self.stages.get(stage, 0.0))
        return slowest if self.stages.get(slowest) else None


Event = JobStarted | FileDone | JobSummary
