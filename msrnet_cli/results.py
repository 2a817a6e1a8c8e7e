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
        work_size: Longer side at which the network sees a picture, or ``full``.
        ignored: What was passed over.
    """

    pictures: int
    megapixels: float
    output: str
    device: str
    dtype: str
    weights: str
    work_size: int | Literal["full"] = "full"
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


@dataclass(frozen=True)
class DataFault:
    """Something wrong with a set of pairs.

    Attributes:
        name: The file or scene.
        kind: ``partner`` missing or one too many, ``size`` differing, or ``broken``.
        reason: For people.
    """

    name: str
    kind: Literal["partner", "size", "broken"]
    reason: str


@dataclass(frozen=True)
class DataReport:
    """What `msrnet data check` found.

    Attributes:
        data: The folder or archive.
        pairs: Complete pairs.
        mirrored: How many of them have pictures to mirror, too.
        files: Pictures in these pairs; each was decoded.
        sizes: Widths and heights that occur.
        faults: All that is wrong.
    """

    data: str
    pairs: int
    mirrored: int
    files: int
    sizes: tuple[tuple[int, int], ...]
    faults: tuple[DataFault, ...] = ()


@dataclass(frozen=True)
class TrainStarted:
    """A training run is about to take its first step.

    Attributes:
        out: Its folder.
        pairs: Training pairs.
        mirrored: How many of them have a mirrored twin.
        validation: What is validated on, for people.
        device: The device, for people.
        dtype: ``fp32``, ``bf16`` or ``fp16``.
        parameters: Of the network.
        plan: The phases, for people.
        step: Steps done before, when resumed.
        notes: What the user must know.
    """

    out: str
    pairs: int
    mirrored: int
    validation: str
    device: str
    dtype: str
    parameters: int
    plan: tuple[str, ...]
    step: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainProgress:
    """Some steps were taken; one row of metrics.csv.

    Attributes:
        step: Steps since the start of the run.
        progress: Part of the run that is done, 0 to 1.
        stage: ``1`` or ``2``.
        size: Side of the pictures, in pixels.
        lr: Learning rate of the last step.
        loss: Mean loss of the steps.
        gradient: Largest norm of the gradient among them, before clipping.
        images_per_second: Pairs worked through a second, on all processes.
        seconds: Training time so far, without time between resumptions.
        eta: Seconds left, as far as one can tell.
    """

    step: int
    progress: float
    stage: str
    size: int
    lr: float
    loss: float
    gradient: float
    images_per_second: float
    seconds: float
    eta: float


@dataclass(frozen=True)
class Validated:
    """The network was tried on validation pairs.

    Attributes:
        step: Steps since the start of the run.
        stage: ``1`` or ``2``.
        size: Side of the pictures, in pixels.
        psnr: Mean over the pairs, in dB.
        psnr_copy: The same for the inputs as they are, to compare.
        detail: Mean gradient magnitude, as a part of the targets'.
        best: Whether no validation of this stage at this size was better.
        seconds: Training time so far.
    """

    step: int
    stage: str
    size: int
    psnr: float
    psnr_copy: float
    detail: float
    best: bool
    seconds: float


@dataclass(frozen=True)
class TrainSummary:
    """How a training run ended.

    Attributes:
        out: Its folder.
        steps: Steps since the start of the run.
        seconds: Training time.
        psnr: Last PSNR on the validation pairs.
        best: Best one in the last phase; None where nothing was validated.
        stopped_by: The signal that stopped it, "" if none did.
    """

    out: str
    steps: int
    seconds: float
    psnr: float
    best: float | None
    stopped_by: str = ""


TrainEvent = TrainStarted | TrainProgress | Validated | TrainSummary


@dataclass(frozen=True)
class ImageScores:
    """How good one picture is.

    Attributes:
        name: The scene.
        psnr: In dB.
        ssim: 7x7 uniform window on 8 bits, as the authors scored.
        ssim_gaussian: 11x11 Gaussian window.
        detail: Mean gradient magnitude, as a part of the target's.
        lpips: AlexNet; None where its weights are not at hand.
        mps: (SSIM + 1 - LPIPS) / 2; None without LPIPS.
        seconds: Time to relight it; None for pictures that were there.
    """

    name: str
    psnr: float
    ssim: float
    ssim_gaussian: float
    detail: float
    lpips: float | None = None
    mps: float | None = None
    seconds: float | None = None


SCORES = ("psnr", "ssim", "ssim_gaussian", "lpips", "mps", "detail", "seconds")


@dataclass(frozen=True)
class Estimate:
    """A mean over pictures.

    Attributes:
        mean: The mean.
        margin: The 95 % confidence interval is the mean plus or minus this; None for
            fewer than two pictures.
    """

    mean: float
    margin: float | None


@dataclass(frozen=True)
class MethodScores:
    """How good one method is on all pictures.

    Attributes:
        name: Weights, or the baseline.
        images: Picture by picture.
        means: By score.
        worst_gain: Smallest gain in PSNR over the copy of the input, in dB; None
            where there is no input.
    """

    name: str
    images: tuple[ImageScores, ...]
    means: dict[str, Estimate]
    worst_gain: float | None = None


@dataclass(frozen=True)
class EvalResult:
    """What `msrnet eval` found.

    Attributes:
        data: What was scored on.
        pictures: How many.
        device: The device, for people; "" where nothing was relit.
        methods: Baselines first.
        notes: What the user must know.
    """

    data: str
    pictures: int
    device: str
    methods: tuple[MethodScores, ...]
    notes: tuple[str, ...] = ()
