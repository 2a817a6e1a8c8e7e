"""What a folder job reports while it runs. Loads no torch."""

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
        pictures: How many there are to relight.
        megapixels: The sum of their sizes, as far as the headers tell.
        output: Where results go.
        device: The device, for people.
        dtype: ``fp32``, ``bf16`` or ``fp16``.
        weights: Name of the weights.
        work_size: Longer side at which the network sees a picture, or ``full``.
        engine: How the network runs.
        from_light: Light of the pictures that the weights were trained to take, as
            ``6500_N``; "" where the light is unknown, or any light will do.
        to_light: Light of the pictures that are given: as ``4500_E`` where the weights
            make the turn that they were trained for, else in words.
        shown: How much of the change of light shows, and what stays, such as ``amount
            0.5, colour kept, within masks``; "" for all of the change.
        notes: What the user must know about these choices.
        ignored: Entries that were passed over.
        unreadable: Folders and files, beside the pictures, that cannot be read or have
            no mask; each of them is reported as a failure.
        second_light: Light of the second pictures, as `from_light`; "" where the
            weights see one picture.
        shard: Which part of the job this is, as ``3/8``; "" for the whole job.
        inputs: Pictures of all parts of the job together, those that cannot be read
            included.
        others_work_size: As `work_size`, of the weights for pictures that `weights` do
            not know; None where they know all.
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
    shown: str = ""
    notes: tuple[str, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    unreadable: int = 0
    second_light: str = ""
    shard: str = ""
    inputs: int = 0
    others_work_size: int | Literal["full"] | None = None


@dataclass(frozen=True)
class FileDone:
    """One picture is relit, skipped or failed.

    Attributes:
        input: Path of the picture.
        output: Path of the result, also where there is none.
        status: What became of the picture.
        megapixels: Size of the picture.
        notes: What the user must know about the result.
        reason: Why the picture failed.
        remedy: What to do about the failure.
        seconds: Time of each stage; of a batch, the picture's share.
        anew: Whether the result replaced an older result of msrnet, made with other
            options or from an older state of the input.
        weights: Name of the weights that relit it; "" where nothing was relit now.
        weights_sha256: Of their file, in hex; "" likewise.
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
    weights: str = ""
    weights_sha256: str = ""


@dataclass(frozen=True)
class WorkerLost:
    """A process that relights on a cluster is lost. Its pictures are handed to others.

    Attributes:
        reason: What is known of its end.
        machine: Name of the machine that is lost with all its processes, which are
            told of once; "" where only the process is.
    """

    reason: str
    machine: str = ""


@dataclass(frozen=True)
class JobSummary:
    """What became of a folder job.

    Attributes:
        relit: Pictures written.
        skipped: Pictures whose results were there already, made in the same way.
        failed: Pictures that could not be relit.
        unfinished: Pictures not reached because the job was stopped.
        seconds: Wall time, without `start`.
        stages: Wall time during which each stage was busy.
        failures: One record for each failed picture.
        failures_file: Path of the list of failures for --files-from; "" without one.
        stopped_by: The signal that stopped the job; "" without one.
        halted: Why no further result could be written, and what to do; "" otherwise.
        anew: How many of the relit pictures replaced an older result of msrnet.
        start: Seconds of loading before the job.
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
        """The stage for which the others waited; None where nothing was done."""
        slowest = max(STAGES, key=lambda stage: self.stages.get(stage, 0.0))
        return slowest if self.stages.get(slowest) else None


@dataclass(frozen=True)
class LightFound:
    """The light that a picture has.

    Attributes:
        input: Path of the picture; ``-`` for standard input.
        azimuth: Where the key light comes from, degrees clockwise from N, which is
            behind the scene; E is the right. None without a direction: where the key
            gives less than a tenth of the light, as fitted or as the network reads it
            from the picture.
        spread: Softness: standard deviation around the azimuth, degrees; None without a
            direction.
        kelvin: Apparent temperature of the key, 1900 to 20000; None without a
            direction.
        key: Mean luminance that the key adds to the picture, in linear light; 0 without
            a direction. White paper in full light has about 1.
        ambient: Mean luminance of all other light.
        sure: How sure the azimuth is, 0 to 1; below 0.3 it is hardly better than a
            guess.
    """

    input: str
    azimuth: float | None
    spread: float | None
    kelvin: float | None
    key: float
    ambient: float
    sure: float


@dataclass(frozen=True)
class LightFailed:
    """A picture whose light could not be found.

    Attributes:
        input: Path of the picture.
        reason: Why.
        remedy: What to do about it.
    """

    input: str
    reason: str
    remedy: str = ""


Action = Literal["write", "anew", "skip", "refuse"]
ACTIONS: tuple[Action, ...] = ("write", "anew", "skip", "refuse")


@dataclass(frozen=True)
class Foreseen:
    """What a job would do about one picture, as far as that shows without decoding it.

    Attributes:
        input: Path of the picture.
        output: Path of the result; of a fan its folder.
        action: ``write`` files, make ``anew`` what msrnet made in another way or from
            an older state of the input, ``skip`` what is there, or ``refuse`` the
            picture.
        outputs: Every file that would be written or skipped.
        replaces: Files among them that exist and would be replaced.
        removes: Comparisons beside them, made by msrnet, that would show an older
            result and be removed.
        megapixels: Size of the picture.
        reason: Why the picture would fail.
        remedy: What to do about that.
    """

    input: str
    output: str
    action: Action
    outputs: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    megapixels: float = 0.0
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Forecast:
    """What a job would do, as far as that shows without decoding; nothing was done.

    Attributes:
        write: Pictures that would be written.
        anew: Pictures of which an older result of msrnet would be replaced.
        skip: Pictures whose results are there already, made in the same way.
        refuse: Pictures that would fail.
        files: Files that would be written.
        replaced: Files among them that exist.
    """

    write: int
    anew: int
    skip: int
    refuse: int
    files: int
    replaced: int


Event = JobStarted | FileDone | WorkerLost | JobSummary | Foreseen | Forecast
