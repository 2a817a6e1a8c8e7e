"""What the bench finds. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass

from msrnet_cli.folder.events import Stage


@dataclass(frozen=True)
class Environment:
    """What a measurement was made with; a field is "" or None if it is unknown.

    Attributes:
        date: In UTC, ISO 8601.
        msrnet: Its version.
        torch: Its version, with the build.
        python: Its version.
        system: Operating system and machine.
        device: ``cpu``, ``cuda`` or ``mps``.
        processor: Name of the CPU.
        processor_mhz: Its clock when the bench began.
        cores: CPUs that this process may use.
        threads: Threads that torch computes on.
        load: Mean number of running programs in the minute before.
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
        rate: Operations per second; of a copy, bytes read and written per second.
        what: What was run.
    """

    name: str
    rate: float
    what: str


@dataclass(frozen=True)
class Timing:
    """Many runs of one thing, each from an idle device to a finished one.

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
"""Stands for the agreement of equal pictures, which has no bound."""


@dataclass(frozen=True)
class Cell:
    """One way to run the network on pictures of one size.

    Attributes:
        way: ``reference`` is the network as its authors' script runs it: eager, fp32,
            NCHW. ``eager`` is msrnet's. Others are rivals.
        dtype: Number format.
        size: Side of the pictures in pixels.
        batch: Pictures in a pass.
    """

    way: str
    dtype: str
    size: int
    batch: int

    @property
    def name(self) -> str:
        """Names it among the rows of a document."""
        return f"{self.way} {self.dtype} {self.size}x{self.size} batch {self.batch}"

    @property
    def pixels(self) -> int:
        """Pixels in a pass."""
        return self.size * self.size * self.batch


@dataclass(frozen=True)
class BenchRow(Cell):
    """What was found in a cell.

    Attributes:
        timing: Of a pass, synchronised; None if it could not run.
        prepare: Seconds to make the network ready, conversion and compilation included.
        first: Seconds of the first pass after that.
        launch: Seconds until the call returns while the device still works. This is not
            an execution time. None if a call returns when its work is done.
        flop: Operations in a pass.
        ceiling: Which ceiling counts for its arithmetic.
        share: Part of that ceiling reached.
        copy_share: Part of the copying rate reached, if each convolution read its input
            and wrote its output once.
        times: How many times as fast as the reference at this size and batch.
        peak: Bytes that a pass takes beyond what was in use before; None if unknown.
        joules: Energy of a pass; None if unknown.
        agreement: With fp32, in dB over all pixels; the worst picture. 300 is equal.
        faults: Why it must not be believed; empty if all is well.
        notes: What else to know.
        failure: Why it could not run; "" if it could.
    """

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
    def seconds(self) -> float | None:
        """Median seconds a picture."""
        return self.timing.median / self.batch if self.timing else None


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
        stages: Wall time that each stage was busy; stages overlap.
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
        timing: Of a step, synchronised; None if it could not run.
        flop: Operations in a step.
        ceiling: Which ceiling counts for its arithmetic.
        share: Part of that ceiling reached.
        forward_share: Its rate as a part of the best rate of msrnet's forward pass in
            the same number format in this run.
        peak: Bytes that the first step takes; None if unknown.
        failure: Why it could not run; "" if it could.
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
        weights: Which weights, or how the network was drawn.
        pictures: What the passes were run on.
        ceilings: What this machine can do.
        rows: The network alone, at each size and batch in each way.
        carrying: The light carried to full resolution.
        job: The folder job.
        training: Steps of training; empty if none were asked for.
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
        after: Its figure now; None if there is none, or if it must not be believed.
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
