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


@dataclass(frozen=True)
class Check:
    """One line of `msrnet doctor`.

    Attributes:
        name: What was looked at.
        finding: What was found.
        remedy: What to do about it; "" where nothing needs to be done.
        absent: Whether it is not there, which is no fault unless there is a remedy.
    """

    name: str
    finding: str
    remedy: str = ""
    absent: bool = False


@dataclass(frozen=True)
class DataFault:
    """Something wrong with a set of pairs.

    Attributes:
        name: The file or scene.
        kind: ``partner`` missing, ``second`` picture where one is wanted, ``size``
            differing, or ``broken``.
        reason: For people.
    """

    name: str
    kind: Literal["partner", "second", "size", "broken"]
    reason: str


@dataclass(frozen=True)
class DataReport:
    """What `msrnet data check` found.

    Attributes:
        data: The folder or archive.
        pairs: Complete pairs, whose pictures can be read and have one size.
        mirrored: How many of them have pictures to mirror, too.
        files: All pictures, in pairs or not; each was decoded.
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
        material: What it learns from: ``pair`` or ``scene``.
        count: How many of these.
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
        scores: What else was measured, by name.
        notes: What the user must know.
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
        best: Best one in the last phase; None where nothing was validated.
        stopped_by: The signal that stopped it, "" if none did.
        stages: PSNR at the end of each stage, where both were tried on the same
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


@dataclass(frozen=True)
class ImageScores:
    """How good one picture is.

    Attributes:
        name: The scene.
        psnr: In dB; at most 58.92, what rounding to 8 bits does on average.
        ssim: 7x7 uniform window on 8 bits, as the authors scored.
        ssim_gaussian: 11x11 Gaussian window.
        detail: Mean gradient magnitude, as a part of the target's; None for a flat
            target that the picture does not equal.
        lpips: AlexNet; None where its weights are not at hand.
        mps: (SSIM + 1 - LPIPS) / 2; None without LPIPS.
        seconds: Time to relight it; None for pictures that were there.
    """

    name: str
    psnr: float
    ssim: float
    ssim_gaussian: float
    detail: float | None
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
            fewer than three pictures.
    """

    mean: float
    margin: float | None


@dataclass(frozen=True)
class MethodScores:
    """How good one method is on all pictures.

    Attributes:
        name: Weights, or the baseline.
        images: Picture by picture.
        means: By score, over the pictures that have it.
        worst_gain: Smallest gain in PSNR over the copy of the input, in dB; None
            where there is no input.
        work_size: Longer side at which weights saw the pictures, or ``full``; None
            where nothing was relit.
        whole: How many pictures were seen whole because they are no larger than that.
    """

    name: str
    images: tuple[ImageScores, ...]
    means: dict[str, Estimate]
    worst_gain: float | None = None
    work_size: int | Literal["full"] | None = None
    whole: int = 0


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


@dataclass(frozen=True)
class Gain:
    """By how much a method is better than another, over scenes.

    Attributes:
        psnr: In dB.
        ssim: 7x7 uniform window.
    """

    psnr: Estimate
    ssim: Estimate


@dataclass(frozen=True)
class Bearing:
    """How well the azimuth of the key light of pictures is found.

    Attributes:
        median: Error in degrees; by chance 90.
        near: Share within 60 degrees; by chance a third.
    """

    median: float
    near: float


@dataclass(frozen=True)
class RowScores:
    """How good one method is at one kind of change of light.

    Attributes:
        name: The kind of change.
        psnr: In dB, of 8 bits. Intervals are over scenes here and below: changes of one
            scene are averaged first.
        ssim: 7x7 uniform window.
        detail: Mean gradient magnitude, as a part of the target's; None where all
            targets are flat.
        over_copy: Gain over a copy of the input; None for a baseline, and where the
            input is the target.
        over_better: Gain over the better of the copy and the affine colour map by their
            mean PSNR; None where no map was fitted.
        bearing: How well the light was fitted; None where it was not looked for.
        read: How well the network read it; None where it does not.
        scenes: Mean PSNR of each scene, by name: two results on the same scenes can be
            compared scene by scene.
        flat: How many pictures are left out of `detail`: their targets are flat.
    """

    name: str
    psnr: Estimate
    ssim: Estimate
    detail: Estimate | None
    over_copy: Gain | None
    over_better: Gain | None
    bearing: Bearing | None
    read: Bearing | None
    scenes: dict[str, float]
    flat: int = 0


@dataclass(frozen=True)
class Evenness:
    """What layers of even surfaces have that they should not have, in 1/255.

    Attributes:
        deviation: Standard deviation of what is finer than 49 pixels.
        edge: Largest value of that within 8 pixels of an edge.
    """

    deviation: Estimate
    edge: float


@dataclass(frozen=True)
class StageScores:
    """How good one method is on scenes whose every light is known.

    Attributes:
        name: Weights, or the baseline.
        rows: By kind of change, as far as the method knows them.
        work_size: Longer side at which weights saw the pictures, or ``full``; None for
            baselines.
        even: None where no layers are painted.
        whole: How many scenes were seen whole because they are no larger than that.
    """

    name: str
    rows: tuple[RowScores, ...]
    work_size: int | Literal["full"] | None = None
    even: Evenness | None = None
    whole: int = 0


@dataclass(frozen=True)
class StageResult:
    """What `msrnet eval --layers` found.

    Attributes:
        data: Folder of the scenes.
        scenes: How many.
        size: Side of the pictures that are scored, in pixels: the shorter side of the
            smallest scene; larger scenes are reduced to it.
        device: The device, for people; "" where nothing was relit.
        methods: Baselines first.
        notes: What the user must know.
        largest: The shorter side of the largest scene, in pixels.
    """

    data: str
    scenes: int
    size: int
    device: str
    methods: tuple[StageScores, ...]
    notes: tuple[str, ...] = ()
    largest: int = 0


@dataclass(frozen=True)
class Environment:
    """What a measurement was made with; a field is "" or None where nothing tells it.

    Attributes:
        date: In UTC, ISO 8601.
        msrnet: Its version.
        torch: Its version, with the build.
        python: Its version.
        system: Operating system and machine.
        device: ``cpu``, ``cuda`` or ``mps``.
        processor: Name of the CPU.
        processor_mhz: Its clock when the bench began.
        cores: CPUs of the machine.
        threads: Threads that torch computes on.
        load: Programs that wanted a CPU in the minute before.
        gpu: Name of the GPU.
        gpu_mhz: Clock of its processors when the bench began.
        driver: Version of its driver.
        cuda: Version of CUDA that torch was built for.
    """

    date: str
    msrnet: str
    torch: str
    python: str
    system: str
    device: str
    processor: str
    processor_mhz: float | None
    cores: int
    threads: int
    load: float | None
    gpu: str = ""
    gpu_mhz: float | None = None
    driver: str = ""
    cuda: str = ""


@dataclass(frozen=True)
class Ceiling:
    """The most that this machine was seen to do.

    Attributes:
        name: ``fp32``, ``tf32``, ``bf16`` or ``fp16`` for a matrix product, ``copy``.
        rate: Operations, or bytes read and written, per second.
        what: What was run.
    """

    name: str
    rate: float
    what: str


@dataclass(frozen=True)
class Timing:
    """Many runs of one thing, each from an idle device to one that is done.

    Attributes:
        runs: How many.
        median: Seconds.
        p95: Seconds.
        best: Seconds.
        spread: The middle half of all runs, as a part of the median.
    """

    runs: int
    median: float
    p95: float
    best: float
    spread: float


EQUAL_DB = 300.0
"""The agreement of equal pictures, which in truth is without bound."""


@dataclass(frozen=True)
class BenchRow:
    """One way to run the network, on pictures of one size.

    Attributes:
        way: ``reference`` is the network as its authors' script runs it: eager, fp32,
            NCHW. ``eager`` is msrnet's. Others are rivals.
        dtype: Number format.
        size: Side of the pictures in pixels.
        batch: Pictures in a pass.
        timing: Of a pass, synchronised; None where it could not run.
        prepare: Seconds to make the network ready, conversion and compilation included.
        first: Seconds of the first pass after that.
        launch: Seconds until the call returns while the device still works: no
            execution time. None where a call returns when its work is done.
        flop: Operations in a pass.
        ceiling: Which ceiling counts for its arithmetic.
        share: Part of that ceiling reached.
        copy_share: Part of the copying rate reached, were all convolutions to read
            their input and write their output once.
        times: How many times as fast as the reference at this size and batch.
        peak: Bytes that a pass takes beyond what was there before; None where unknown.
        joules: Energy of a pass; None where nothing tells it.
        agreement: With fp32, in dB over all pixels; the worst picture. 300 is equal.
        faults: Why it must not be believed; none where all is well.
        notes: What else to know.
        failure: Why it could not run; "" where it could.
    """

    way: str
    dtype: str
    size: int
    batch: int
    timing: Timing | None = None
    prepare: float | None = None
    first: float | None = None
    launch: float | None = None
    flop: int = 0
    ceiling: str = ""
    share: float | None = None
    copy_share: float | None = None
    times: float | None = None
    peak: int | None = None
    joules: float | None = None
    agreement: float | None = None
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    failure: str = ""

    @property
    def name(self) -> str:
        """Names it among the rows of a document."""
        return f"{self.way} {self.dtype} {self.size}x{self.size} batch {self.batch}"

    @property
    def seconds(self) -> float | None:
        """Median seconds a picture."""
        return self.timing.median / self.batch if self.timing else None

    @property
    def pixels(self) -> int:
        """Pixels in a pass."""
        return self.size * self.size * self.batch


@dataclass(frozen=True)
class JobTiming:
    """The folder job on real files, from decoding to encoding.

    Attributes:
        pictures: How many.
        megapixels: Their pixels together.
        source: Whose pictures.
        dtype: Number format of the network.
        load: Seconds to load the network and run it once.
        seconds: Wall time after that.
        stages: Wall time that each stage was busy; they overlap.
        slowest: The stage that the others waited for.
        failed: Pictures that could not be relit.
    """

    pictures: int
    megapixels: float
    source: str
    dtype: str
    load: float
    seconds: float
    stages: dict[Stage, float]
    slowest: Stage
    failed: int = 0


@dataclass(frozen=True)
class CarryTiming:
    """A change of light carried from the working size to a whole photograph.

    Attributes:
        megapixels: Of the photograph.
        work_size: Longer side, in pixels, of the reduced copy.
        timing: Of reducing it and carrying the light, without the network.
    """

    megapixels: float
    work_size: int
    timing: Timing


@dataclass(frozen=True)
class TrainTiming:
    """A step of training: forward, backward, optimizer.

    Attributes:
        dtype: Number format of the forward pass.
        size: Side of the pictures in pixels.
        batch: Pairs in a step.
        timing: Of a step, synchronised; None where it could not run.
        flop: Operations in a step.
        ceiling: Which ceiling counts for its arithmetic.
        share: Part of that ceiling reached.
        forward_share: Its rate as a part of the best rate of msrnet's forward pass in
            the same number format in this run.
        peak: Bytes that the first step takes; None where unknown.
        failure: Why it could not run; "" where it could.
    """

    dtype: str
    size: int
    batch: int
    timing: Timing | None = None
    flop: int = 0
    ceiling: str = ""
    share: float | None = None
    forward_share: float | None = None
    peak: int | None = None
    failure: str = ""

    @property
    def name(self) -> str:
        """Names it among the rows of a document."""
        size = f"{self.size}x{self.size}"
        return f"training {self.dtype} {size} batch {self.batch}"


@dataclass(frozen=True)
class BenchResult:
    """What `msrnet bench` found.

    Attributes:
        environment: What it was measured with.
        arch: The kind of network.
        channels: Of the network, at full resolution.
        weights: Which weights, or that there were none.
        pictures: What the passes were run on.
        ceilings: What this machine can do.
        rows: The network alone, at each size and batch in each way.
        carrying: The light carried to full resolution.
        job: The folder job.
        training: Steps of training, where asked for.
        notes: What the user must know.
    """

    environment: Environment
    arch: str
    channels: int
    weights: str
    pictures: str
    ceilings: tuple[Ceiling, ...]
    rows: tuple[BenchRow, ...]
    carrying: CarryTiming
    job: JobTiming
    training: tuple[TrainTiming, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """A row beside the same row of an older document.

    Attributes:
        name: The row.
        before: Its figure then; larger is better.
        after: Its figure now; None where it is not there or not to be believed.
        slower: Growth of its time in relation to the reference: 0.1 is a tenth more.
        regressed: Whether that is more than allowed.
        reason: Why `after` is None; "" otherwise.
    """

    name: str
    before: float
    after: float | None
    slower: float | None
    regressed: bool
    reason: str = ""
