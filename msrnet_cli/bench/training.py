"""A step of training, as `msrnet train` takes it: forward, backward, optimizer."""

from __future__ import annotations

import gc
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, get_args

import torch

from msrnet_cli import hardware
from msrnet_cli.bench import machine, work
from msrnet_cli.bench.clock import sample, wall_clock, warm_up
from msrnet_cli.bench.results import TrainTiming
from msrnet_cli.config import Engine
from msrnet_cli.networks import architecture, build, ranges
from msrnet_cli.pairs import cut
from msrnet_cli.train import lighting, losses, pairing
from msrnet_cli.train.learner import Learner, training_dtype
from msrnet_cli.train.options import LossOptions, OptimizerOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from msrnet_cli.bench.results import BenchRow
    from msrnet_cli.bench.rows import Setting
    from msrnet_cli.bench.ways import Way
    from msrnet_cli.config import Dtype
    from msrnet_cli.networks.spec import Architecture
    from msrnet_cli.train.material import Batch, Loss

_CELLS = {"cuda": ((512, 2), (512, 8)), "cpu": ((256, 2),), "mps": ((256, 2),)}
_RATE = 1e-4


def cells(
    device: torch.device, sizes: Sequence[int], batches: Sequence[int]
) -> list[tuple[int, int]]:
    """Sizes and batches to train at: as asked, else what suits the device."""
    usual = _CELLS[device.type]
    if not sizes and not batches:
        return list(usual)
    return [
        (size, batch)
        for size in sizes or (usual[0][0],)
        for batch in batches or (usual[0][1],)
    ]


def measure(setting: Setting, way: Way, size: int, batch: int) -> TrainTiming:
    """Time steps with L2, the paper's first stage; or with the loss of layers.

    Args:
        setting: The network, the device, how often.
        way: Gives the number format of the forward pass.
        size: Side of the pictures, a multiple of 16.
        batch: Pairs in a step.
    """
    flop = work.training_flop(setting.subject.card.model, size, batch)
    blank = TrainTiming(way.dtype, size, batch, flop=flop, ceiling=way.ceiling)
    try:
        return _timed(setting, way.dtype, blank)
    except (RuntimeError, MemoryError) as error:
        if not hardware.is_out_of_memory(error):
            raise
        return replace(blank, failure="out of memory")
    finally:
        gc.collect()


def with_ceilings(
    step: TrainTiming, rows: Sequence[BenchRow], ceilings: Mapping[str, float]
) -> TrainTiming:
    """A step with its share of the ceiling, and of the speed of a forward pass.

    Args:
        step: From `measure`.
        rows: The forward passes of this run.
        ceilings: Operations per second, by name.
    """
    if step.timing is None:
        return step
    rate, ceiling = step.flop / step.timing.median, ceilings.get(step.ceiling)
    forward = max((_rate(row) for row in rows if _is_own(row, step)), default=0.0)
    return replace(
        step,
        share=rate / ceiling if ceiling else None,
        forward_share=rate / forward if forward else None,
    )


def _timed(setting: Setting, dtype: Dtype, blank: TrainTiming) -> TrainTiming:
    model = setting.subject.card.model
    learner = Learner(
        build(model),
        OptimizerOptions(),
        setting.device,
        training_dtype(dtype, setting.device, model.arch),
        scale=ranges.of(model),
        sketches=architecture(model.arch).sketches,
    )
    source = setting.pictures.batch(blank.size, blank.batch).to(setting.device)
    loss, batch = _task(architecture(model.arch), source)

    def step() -> object:
        return learner.step(batch, loss, _RATE)

    clock = wall_clock(setting.device)
    _, peak = machine.peak_bytes(step, setting.device)
    warm_up(step, clock)
    return replace(blank, timing=sample(step, clock, setting.effort), peak=peak)


def _task(network: Architecture, source: Tensor) -> tuple[Loss, Batch]:
    """Something to learn that is as much work as in `msrnet train`."""
    names = ("",) * len(source)
    if network.paints_layers:
        target = source.flip(-1).repeat(1, len(network.outputs) - 1, 1, 1)
        light = source.new_zeros(len(source), 3)
        even = light[:, 0] > 0
        return lighting.of_layers, lighting.Batch(source, target, light, even, names)
    l2 = partial(pairing.against_target, losses.build("l2", LossOptions()))
    guide = source.flip(-2) if network.sees_two else None
    return l2, cut.Batch(source, source.flip(-1), names, guide)


def _is_own(row: BenchRow, step: TrainTiming) -> bool:
    return row.way in get_args(Engine) and row.dtype == step.dtype


def _rate(row: BenchRow) -> float:
    return row.flop / row.timing.median if row.timing else 0.0
