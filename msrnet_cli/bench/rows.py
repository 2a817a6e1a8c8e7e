"""One cell of the table: pictures of one size and batch, a row for each way to run.

The reference runs first, and the other ways right after it on the same pictures:
machines drift, but what is measured together can be compared.
"""

from __future__ import annotations

import gc
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from msrnet_cli import hardware
from msrnet_cli.bench import machine, work
from msrnet_cli.bench.ceilings import COPY, tf32
from msrnet_cli.bench.clock import (
    clock_for,
    launch_time,
    sample,
    wall_clock,
    warm_up,
)
from msrnet_cli.bench.results import EQUAL_DB, BenchRow, Cell
from msrnet_cli.engines import AGREEMENT_DB
from msrnet_cli.metrics import psnr
from msrnet_cli.networks import architecture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from msrnet_cli.bench.clock import Clock, Effort
    from msrnet_cli.bench.results import Timing
    from msrnet_cli.bench.subject import Pictures, Subject
    from msrnet_cli.bench.ways import Runner, Way
    from msrnet_cli.config import ModelConfig

# A row is doubtful above this multiple of the measured ceiling. In fp32, Winograd's
# algorithm needs a quarter of a convolution's multiplications.
_BEYOND = {"fp32": 4.4}
_BEYOND_OTHERS = 1.1
_BYTES = {str(name): dtype.itemsize for name, dtype in hardware.DTYPES.items()}
_UNSTEADY = 0.1  # a spread that makes a median doubtful
_LEAST_ENERGY_SECONDS = 1.0  # the counters of GPUs are slow


@dataclass(frozen=True)
class Setting:
    """What all cells share.

    Attributes:
        subject: The network.
        pictures: What it is run on.
        device: Where it runs.
        effort: How often.
    """

    subject: Subject
    pictures: Pictures
    device: torch.device
    effort: Effort


@dataclass(frozen=True)
class Measured:
    """One way to run the network, measured; nothing is judged yet.

    Attributes:
        timing: Of a pass, synchronised.
        prepare: Seconds to make the network ready, conversion and compilation included.
        first: Seconds of the first pass after that.
        launch: Seconds until the call returns; None if that is when its work is done.
        peak: Bytes that the first pass takes; None if unknown.
        joules: Energy of a pass; None if unknown.
        output: What the network makes of the pictures: B 3 H W, float32 on the CPU.
        exact: The output of the reference without rounding to tf32; of the other ways,
            the output.
    """

    timing: Timing
    prepare: float
    first: float
    launch: float | None
    peak: int | None
    joules: float | None
    output: Tensor
    exact: Tensor


@dataclass(frozen=True)
class Judged:
    """A measurement beside the reference, fields as in `BenchRow`."""

    times: float | None = None
    agreement: float | None = None
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _FirstPass(NamedTuple):
    output: Tensor
    seconds: float
    peak: int | None


class _Passes(NamedTuple):
    timing: Timing
    joules: float | None


def measure_cell(
    setting: Setting,
    size: int,
    batch: int,
    ways: Sequence[Way],
    notify: Callable[[str], None] = lambda _: None,
) -> list[BenchRow]:
    """Measure every way on pictures of one size.

    Args:
        setting: What all cells share.
        size: Side of the pictures, of a length that the network takes.
        batch: Pictures in a pass.
        ways: The reference first.
        notify: Is told the name of each row before it is measured.
    """
    images = setting.pictures.batch(size, batch)
    reference: Measured | None = None
    rows: list[BenchRow] = []
    for way in ways:
        cell = Cell(way.name, way.dtype, size, batch)
        notify(cell.name)
        # What `msrnet` does for itself must not make others seem faster.
        hardware.keep_freed_memory(way.kind == "own")
        found = _outcome(setting, way, images)
        if isinstance(found, str):
            rows.append(BenchRow(**asdict(cell), failure=found))
        else:
            reference = found if way.kind == "reference" else reference
            flop = work.flop(setting.subject.card.model, size, batch)
            rows.append(_row(cell, way.ceiling, flop, found, judge(found, reference)))
        gc.collect()
        if setting.device.type == "cuda":
            torch.cuda.empty_cache()
    hardware.keep_freed_memory()
    return rows


def judge(found: Measured, reference: Measured | None) -> Judged:
    """How fast and how right a way is beside the reference.

    Args:
        found: The way.
        reference: Measured on the same pictures; None if it could not run.
    """
    spread = found.timing.spread
    notes: tuple[str, ...] = ()
    if spread > _UNSTEADY:
        notes = (f"unsteady: the middle half of its runs spans {spread:.0%}",)
    if reference is None:
        return Judged(notes=notes)
    times = reference.timing.median / found.timing.median
    agreed = agreement(found.output, reference.exact)
    return Judged(times, agreed, _wrong(agreed), notes)


def agreement(output: Tensor, exact: Tensor) -> float | None:
    """How well an output agrees with the exact one, in dB: the worst picture.

    Args:
        output: B 3 H W.
        exact: B 3 H W.

    Returns:
        `EQUAL_DB` at most; None if a value of the output is not finite.
    """
    if not output.isfinite().all():
        return None
    return min(
        EQUAL_DB, *(psnr(one, other) for one, other in zip(output, exact, strict=True))
    )


def with_ceilings(
    row: BenchRow, model: ModelConfig, ceilings: Mapping[str, float]
) -> BenchRow:
    """A row with the part of the machine's ceilings that it reached.

    Args:
        row: From `measure_cell`.
        model: Its network.
        ceilings: Operations, or bytes for a copy, per second, by name. The best seen
            before and after the rows: a machine that was busy would seem slow.
    """
    if row.timing is None:
        return row
    seconds = row.timing.median
    moved = work.traffic(model, row.size, row.batch, _BYTES[row.dtype])
    share = _share(row.flop, seconds, ceilings.get(row.ceiling))
    copy_share = _share(moved, seconds, ceilings.get(COPY))
    most = _BEYOND.get(row.ceiling, _BEYOND_OTHERS)
    faults = row.faults
    if share is not None and share > most:
        faults += (
            f"doubtful: {share:.1f} times the most that this machine was seen to"
            f" compute in {row.ceiling}",
        )
    return replace(row, share=share, copy_share=copy_share, faults=faults)


def _row(
    cell: Cell, ceiling: str, flop: int, found: Measured, judged: Judged
) -> BenchRow:
    return BenchRow(
        **asdict(cell),
        timing=found.timing,
        prepare=found.prepare,
        first=found.first,
        launch=found.launch,
        flop=flop,
        ceiling=ceiling,
        times=judged.times,
        peak=found.peak,
        joules=found.joules,
        agreement=judged.agreement,
        faults=judged.faults,
        notes=judged.notes,
    )


def _outcome(setting: Setting, way: Way, images: Tensor) -> Measured | str:
    """The measurement, or why it failed."""
    try:
        _require_memory(setting, way, images)
        return _measured(setting, way, images)
    except Exception as error:  # a rival may raise anything; a row must not end all
        if way.kind != "rival" and not hardware.is_out_of_memory(error):
            raise
        return _reason(error)


def _measured(setting: Setting, way: Way, images: Tensor) -> Measured:
    began = time.perf_counter()
    runner = way.prepare(images)
    prepare = time.perf_counter() - began
    first = _first_pass(runner, setting.device)
    exact = first.output
    if way.kind == "reference":
        exact = _exact(runner, first.output, setting.device)
    clock = clock_for(setting.device, on_stream=runner.on_stream)
    warm_up(runner.run, clock)
    launch = launch_time(runner.run, setting.device) if runner.on_stream else None
    passes = _passes(runner, clock, setting)
    return Measured(
        timing=passes.timing,
        prepare=prepare,
        first=first.seconds,
        launch=launch,
        peak=first.peak,
        joules=passes.joules,
        output=first.output,
        exact=exact,
    )


def _first_pass(runner: Runner, device: torch.device) -> _FirstPass:
    clock, seconds = wall_clock(device), 0.0

    def run() -> Any:  # noqa: ANN401 whatever the way gives
        nonlocal seconds
        results: list[Any] = []
        seconds = clock.measure(lambda: results.append(runner.run()))
        return results[0]

    watched = machine.peak_bytes(run, device)
    return _FirstPass(runner.fetch(watched.result), seconds, watched.peak)


def _exact(runner: Runner, output: Tensor, device: torch.device) -> Tensor:
    """What every way should give: the reference, without rounding to tf32."""
    if device.type != "cuda":
        return output
    with tf32(allowed=False):
        return runner.fetch(runner.run())


def _passes(runner: Runner, clock: Clock, setting: Setting) -> _Passes:
    """Time many passes; tell their energy if they last long enough for the counter."""
    counter = machine.energy_counter(setting.device)
    before, began = counter() if counter else 0.0, time.perf_counter()
    timing = sample(runner.run, clock, setting.effort)
    if counter is None or time.perf_counter() - began < _LEAST_ENERGY_SECONDS:
        return _Passes(timing, None)
    return _Passes(timing, (counter() - before) / timing.runs)


def _wrong(agreed: float | None) -> tuple[str, ...]:
    """What an agreement says against a row."""
    if agreed is None:
        return ("wrong: its output is not finite",)
    if agreed >= AGREEMENT_DB:
        return ()
    return (f"wrong: agrees with fp32 to {agreed:.1f} dB, not {AGREEMENT_DB:g}",)


def _share(amount: float, seconds: float, ceiling: float | None) -> float | None:
    return amount / seconds / ceiling if ceiling else None


def _require_memory(setting: Setting, way: Way, images: Tensor) -> None:
    pixels = images.numel() // 3
    model = setting.subject.card.model
    needed = pixels * architecture(model.arch).bytes_per_pixel_at(
        way.dtype, model.channels
    )
    if not hardware.has_room(needed, setting.device):
        free = hardware.free_bytes(setting.device) or 0
        raise MemoryError(f"needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free")


def _reason(error: Exception) -> str:
    if hardware.is_out_of_memory(error):
        return f"memory: {error}" if isinstance(error, MemoryError) else "out of memory"
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}"[:200]
