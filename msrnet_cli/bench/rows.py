"""One cell of the table: pictures of one size and batch, a row for each way to run.

The reference runs first, the others right after it on the same pictures: machines
drift, but what is measured together can be compared.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from msrnet_cli import hardware
from msrnet_cli.bench import machine, work
from msrnet_cli.bench.clock import (
    clock_for,
    launch_time,
    sample,
    wall_clock,
    warm_up,
)
from msrnet_cli.bench.results import EQUAL_DB, BenchRow
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
        device: Where.
        effort: How often.
    """

    subject: Subject
    pictures: Pictures
    device: torch.device
    effort: Effort


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
        size: Side of the pictures, a multiple of 16.
        batch: Pictures in a pass.
        ways: The reference first.
        notify: Is told the name of each row before it is measured.
    """
    images = setting.pictures.batch(size, batch)
    truth: Tensor | None = None
    rows: list[BenchRow] = []
    for index, way in enumerate(ways):
        blank = BenchRow(way.name, way.dtype, size, batch)
        notify(blank.name)
        # What `msrnet` does for itself must not make others seem faster.
        hardware.keep_freed_memory(way.kind == "own")
        row, output, exact = _row(setting, way, images, blank, is_truth=index == 0)
        truth = exact if index == 0 else truth
        rows.append(_judged(row, output, truth, rows[:1] or [row]))
        gc.collect()
        if setting.device.type == "cuda":
            torch.cuda.empty_cache()
    hardware.keep_freed_memory()
    return rows


def agreement(output: Tensor, truth: Tensor) -> float | None:
    """How well B 3 H W agrees with the truth, in dB: the worst picture.

    None where a value is not finite; `EQUAL_DB` at most.
    """
    if not output.isfinite().all():
        return None
    return min(
        EQUAL_DB, *(psnr(one, other) for one, other in zip(output, truth, strict=True))
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
    copy_share = _share(moved, seconds, ceilings.get(machine.COPY))
    most = _BEYOND.get(row.ceiling, _BEYOND_OTHERS)
    faults = row.faults
    if share is not None and share > most:
        faults += (
            f"doubtful: {share:.1f} times the most that this machine was seen to"
            f" compute in {row.ceiling}",
        )
    return replace(row, share=share, copy_share=copy_share, faults=faults)


def _row(
    setting: Setting, way: Way, images: Tensor, blank: BenchRow, *, is_truth: bool
) -> tuple[BenchRow, Tensor | None, Tensor | None]:
    """A row, its output, and the reference output if this is the reference row."""
    try:
        _require_memory(setting, way, images)
        began = time.perf_counter()
        runner = way.prepare(images)
        prepare = time.perf_counter() - began
        result, first, peak = _first_pass(runner, setting.device)
        output = runner.fetch(result)
        del result
        truth = _truth(runner, output, setting.device) if is_truth else None
        clock = clock_for(setting.device, on_stream=runner.on_stream)
        warm_up(runner.run, clock)
        launch = launch_time(runner.run, setting.device) if runner.on_stream else None
        timing, joules = _timed(runner, clock, setting)
    except Exception as error:  # a rival may raise anything; a row must not end all
        if way.kind != "rival" and not hardware.is_out_of_memory(error):
            raise
        return replace(blank, failure=_reason(error)), None, None
    model = setting.subject.card.model
    row = replace(
        blank,
        flop=work.flop(model, blank.size, blank.batch),
        ceiling=way.ceiling,
        timing=timing,
        prepare=prepare,
        first=first,
        launch=launch,
        peak=peak,
        joules=joules,
    )
    return row, output, truth


def _first_pass(runner: Runner, device: torch.device) -> tuple[Any, float, int | None]:
    """What the first pass gives, its seconds, and the memory it takes."""
    clock, seconds = wall_clock(device), 0.0

    def run() -> Any:  # noqa: ANN401 whatever the way gives
        nonlocal seconds
        results: list[Any] = []
        seconds = clock.measure(lambda: results.append(runner.run()))
        return results[0]

    result, peak = machine.peak_bytes(run, device)
    return result, seconds, peak


def _truth(runner: Runner, output: Tensor, device: torch.device) -> Tensor:
    """What every way should give: the reference, without rounding to tf32."""
    if device.type != "cuda":
        return output
    with machine.tf32(allowed=False):
        return runner.fetch(runner.run())


def _timed(
    runner: Runner, clock: Clock, setting: Setting
) -> tuple[Timing, float | None]:
    """The timing of a pass, and its energy in joules where that is known."""
    counter = machine.energy_counter(setting.device)
    before, began = counter() if counter else 0.0, time.perf_counter()
    timing = sample(runner.run, clock, setting.effort)
    if counter is None or time.perf_counter() - began < _LEAST_ENERGY_SECONDS:
        return timing, None
    return timing, (counter() - before) / timing.runs


def _judged(
    row: BenchRow, output: Tensor | None, truth: Tensor | None, first: list[BenchRow]
) -> BenchRow:
    """With its ratio to the reference, its agreement, and what is wrong with it."""
    if row.timing is None or output is None:
        return row
    base = first[0].timing
    times = base.median / row.timing.median if base else None
    found = None if truth is None else agreement(output, truth)
    spread = row.timing.spread
    row = replace(row, times=times, agreement=found)
    wrong = [] if truth is None else _wrong(found)
    notes = []
    if spread > _UNSTEADY:
        notes.append(f"unsteady: the middle half of its runs spans {spread:.0%}")
    return replace(row, faults=tuple(wrong), notes=tuple(notes))


def _wrong(found: float | None) -> list[str]:
    """What an agreement says against a row."""
    if found is None:
        return ["wrong: its output is not finite"]
    if found >= AGREEMENT_DB:
        return []
    return [f"wrong: agrees with fp32 to {found:.1f} dB, not {AGREEMENT_DB:g}"]


def _share(amount: float, seconds: float, ceiling: float | None) -> float | None:
    return amount / seconds / ceiling if ceiling else None


def _require_memory(setting: Setting, way: Way, images: Tensor) -> None:
    pixels = images.numel() // 3
    model = setting.subject.card.model
    needed = pixels * architecture(model.arch).memory(way.dtype, model.channels)
    if not hardware.has_room(needed, setting.device):
        free = hardware.free_bytes(setting.device) or 0
        raise MemoryError(f"needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free")


def _reason(error: Exception) -> str:
    if hardware.is_out_of_memory(error):
        return f"memory: {error}" if isinstance(error, MemoryError) else "out of memory"
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}"[:200]
