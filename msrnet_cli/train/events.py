"""What a training run tells while it runs. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TrainStarted:
    """A training run is about to take its first step.

    Attributes:
        out: Its folder.
        material: Kind of its training data: ``pair`` or ``scene``.
        count: Number of pairs or scenes.
        mirrored: How many of these have a mirrored twin.
        validation: The data for validation, for people.
        device: The device, for people.
        dtype: ``fp32``, ``bf16`` or ``fp16``.
        parameters: Of the network.
        plan: The phases, for people.
        step: Steps done before, when resumed.
        notes: For the user.
    """

    out: str
    material: str
    count: int
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
        images_per_second: Pairs or scenes a second, on all processes.
        seconds: Training time so far, without time between resumptions.
        eta: Seconds left, estimated.
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
        psnr_copy: The same for the unchanged inputs, to compare.
        detail: Mean gradient magnitude, relative to that of the targets.
        best: Whether no validation of this stage at this size was better.
        seconds: Training time so far.
        scores: Other measurements, by name.
        notes: For the user.
    """

    step: int
    stage: str
    size: int
    psnr: float
    psnr_copy: float
    detail: float
    best: bool
    seconds: float
    scores: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainSummary:
    """How a training run ended.

    Attributes:
        out: Its folder.
        steps: Steps since the start of the run.
        seconds: Training time.
        psnr: Last PSNR on the validation pairs.
        best: Best PSNR in the last phase; None if nothing was validated.
        stopped_by: The signal that stopped the run; "" if it came to its end.
        stages: PSNR at the end of each stage, if both were tried on the same
            pictures.
    """

    out: str
    steps: int
    seconds: float
    psnr: float
    best: float | None
    stopped_by: str = ""
    stages: dict[str, float] = field(default_factory=dict)


TrainEvent = TrainStarted | TrainProgress | Validated | TrainSummary
