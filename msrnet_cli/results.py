"""What comes out: records that a job reports and others print. Loads no torch."""

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
        ignored: What was passed over.
    """

    pictures: int
    megapixels: float
    output: str
    device: str
    dtype: str
    weights: str
    ignored: tuple[Ignored, ...] = ()


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
    """

    input: str
    output: str
    status: Status
    megapixels: float = 0.0
    notes: tuple[str, ...] = ()
    reason: str = ""
    remedy: str = ""
    seconds: dict[Stage, float] = field(default_factory=dict)


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

    @property
    def slowest_stage(self) -> Stage:
        """The stage that the others waited for."""
        return max(STAGES, key=lambda stage: self.stages.get(stage, 0.0))


Event = JobStarted | FileDone | JobSummary


@dataclass(frozen=True)
class Check:
    """One line of `msrnet doctor`.

    Attributes:
        name: What was looked at.
        finding: What was found.
        remedy: What to do about it; "" where all is well.
    """

    name: str
    finding: str
    remedy: str = ""
