"""The whole bench: cells of sizes and batches, the folder job, training."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from msrnet_cli import hardware
from msrnet_cli.bench import carrying, ceilings, machine, pipeline, rivals, training
from msrnet_cli.bench.clock import Effort
from msrnet_cli.bench.results import BenchResult
from msrnet_cli.bench.rows import Setting, measure_cell, with_ceilings
from msrnet_cli.bench.subject import load_pictures, load_subject
from msrnet_cli.bench.ways import ours, reference
from msrnet_cli.networks import architecture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch

    from msrnet_cli.bench.options import BenchOptions
    from msrnet_cli.bench.results import BenchRow, TrainTiming
    from msrnet_cli.bench.subject import Subject
    from msrnet_cli.bench.ways import Way

_SIZES = {
    "cuda": (256, 512, 1024, 2048),
    "cpu": (256, 512, 1024),
    "mps": (256, 512, 1024),
}
_BATCH_SIZE = {"cuda": 1024, "cpu": 256, "mps": 512}  # the size that batches grow at
_MOST_BATCH = {"cuda": 32, "cpu": 8, "mps": 8}
_OTHER_STEPS = 4  # ceilings, before and after; carrying; the folder job
_PAYS = 0.97  # double the batch while the time per picture falls below 97 %


def measure(
    options: BenchOptions, notify: Callable[[str], None] = lambda _: None
) -> BenchResult:
    """Measure a network on this machine.

    Args:
        options: What to measure.
        notify: Is told what is measured next.

    Raises:
        UsageError: Options do not go together, or there are no pictures.
        DeviceError: The device does not exist, or lacks a number format.
        WeightsError: Weights are missing or malformed.
        PictureError: A picture cannot be read.
    """
    device = hardware.choose_device(options.where.device)
    setting = _setting(options, device)
    environment = machine.environment(device)
    ways, notes = _ways(setting.subject, device, options)
    notify = _counting(notify, _steps(ways, options, device), more=not options.batches)
    names = ("fp32", *(way.ceiling for way in ways))
    notify("ceilings of this machine")
    hardware.keep_freed_memory()
    before = ceilings.measure(names, device)

    def cell(size: int, batch: int) -> list[BenchRow]:
        return measure_cell(setting, size, batch, ways, notify)

    measured = tuple(_rows(cell, options, device))
    notify("light carried to full resolution")
    carried = carrying.measure(device, setting.effort)
    notify("the folder job")
    job = pipeline.measure(
        setting.subject,
        setting.pictures,
        device,
        _ours(ways)[0].dtype,
        options.engines[0],
    )
    steps = _training(setting, ways, options, notify)
    notify("ceilings of this machine")
    best = ceilings.best_of(before, ceilings.measure(names, device))
    rates = {ceiling.name: ceiling.rate for ceiling in best}
    model = setting.subject.card.model
    rows = tuple(with_ceilings(row, model, rates) for row in measured)
    return BenchResult(
        environment=environment,
        arch=model.arch,
        channels=model.channels,
        weights=setting.subject.weights,
        pictures=setting.pictures.source,
        ceilings=best,
        rows=rows,
        carrying=carried,
        job=job,
        training=tuple(training.with_ceilings(s, rows, rates) for s in steps),
        notes=(*filter(None, [machine.other_work(environment)]), *notes),
    )


def _setting(options: BenchOptions, device: torch.device) -> Setting:
    subject = load_subject(options)
    for size in options.sizes:
        architecture(subject.card.model.arch).require_side("--size", size)
    pictures = load_pictures(options.pictures)
    return Setting(subject, pictures, device, Effort(options.seconds, options.runs))


def _counting(
    notify: Callable[[str], None], steps: int, *, more: bool
) -> Callable[[str], None]:
    """Count the steps as they are told; there are more of them if batches grow."""
    total = f"{steps} or more" if more else str(steps)
    numbers = itertools.count(1)
    return lambda text: notify(f"{next(numbers)} of {total}: {text}")


def _steps(ways: Sequence[Way], options: BenchOptions, device: torch.device) -> int:
    """How many times `measure` notifies if no batch grows."""
    sizes = options.sizes or _SIZES[device.type]
    rows = len(sizes) * len(options.batches or (1,)) * len(ways)
    trained = 0
    if options.train:
        cells = training.cells(device, options.sizes, options.batches)
        trained = len(cells) * len(_trained(ways))
    return rows + trained + _OTHER_STEPS


def _ways(
    subject: Subject, device: torch.device, options: BenchOptions
) -> tuple[list[Way], tuple[str, ...]]:
    """The reference, msrnet's own ways and rivals; and what the user must know."""
    own = ours(subject, device, options.dtypes, options.engines)
    found = [reference(subject, device), *own]
    notes = tuple(note for way in own for note in way.notes)
    if not options.rivals:
        return found, notes
    others, missing = rivals.ways(subject, device)
    return [*found, *others], notes + missing


def _ours(ways: Sequence[Way]) -> list[Way]:
    return [way for way in ways if way.kind == "own"]


def _rows(
    cell: Callable[[int, int], list[BenchRow]],
    options: BenchOptions,
    device: torch.device,
) -> Iterator[BenchRow]:
    """All rows: every size with every batch asked for, or with growing batches."""
    sizes = options.sizes or _SIZES[device.type]
    usual = max(
        (size for size in sizes if size <= _BATCH_SIZE[device.type]),
        default=min(sizes),
    )
    for size in sizes:
        for batch in options.batches or (1,):
            rows = cell(size, batch)
            yield from rows
        if not options.batches and size == usual:
            yield from _growing(cell, size, rows, _MOST_BATCH[device.type])


def _growing(
    cell: Callable[[int, int], list[BenchRow]],
    size: int,
    before: list[BenchRow],
    most: int,
) -> Iterator[BenchRow]:
    """Double the batch while that makes a picture faster."""
    batch = 2
    while batch <= most:
        rows = cell(size, batch)
        yield from rows
        # The first of msrnet's own stands right after the reference.
        old, new = before[1].seconds, rows[1].seconds
        if old is None or new is None or new > _PAYS * old:
            return
        before, batch = rows, 2 * batch


def _training(
    setting: Setting,
    ways: Sequence[Way],
    options: BenchOptions,
    notify: Callable[[str], None],
) -> tuple[TrainTiming, ...]:
    if not options.train:
        return ()
    found = []
    cells = training.cells(setting.device, options.sizes, options.batches)
    for way in _trained(ways):
        for size, batch in cells:
            notify(f"training {way.dtype} {size}x{size} batch {batch}")
            found.append(training.measure(setting, way, size, batch))
    return tuple(found)


def _trained(ways: Sequence[Way]) -> list[Way]:
    """One of msrnet's own ways for each number format that training can use."""
    by_dtype: dict[str, Way] = {}
    for way in _ours(ways):  # training uses no engine: one way a format is enough
        by_dtype.setdefault(way.dtype, way)
    by_dtype.pop("fp16", None)  # gradients overflow in it: `msrnet train` refuses it
    return list(by_dtype.values())
