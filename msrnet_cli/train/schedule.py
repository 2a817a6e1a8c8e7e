"""What happens when in a training run, as data: phases, learning rate, what is done.

Pure functions of a position.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from msrnet_cli.errors import UsageError
from msrnet_cli.networks import architecture

if TYPE_CHECKING:
    from msrnet_cli.config import LossName
    from msrnet_cli.train.options import Shape, TrainConfig

_PAPER_LOSSES: dict[str, LossName] = {"1": "l2", "2": "combined"}
_VGG_POOLINGS = (5, 10, 17, 24, 31)
_LONGEST_WARMUP = 0.1
_MOST_STOPS = 16.0
_MOST = 1e100  # larger values overflow when multiplied
_FLAGS = {
    "from_light": "--from",
    "to_light": "--to",
    "perceptual": "--no-perceptual",
    "vgg_layer": "--vgg-layer",
    "sobel": "--sobel-weight",
    "structure": "--structure-weight",
}
_SEEDS = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Phase:
    """A stretch of a run in which stage, size and batch stay the same.

    Attributes:
        stage: ``1`` or ``2``.
        loss: What is made small.
        size: Side of the pictures, in pixels.
        batch: Pairs a step on each process.
        start: Position at which it begins, in the plan's unit.
        end: Position at which it ends.
        stage_start: Position at which its stage begins.
        stage_end: Position at which its stage ends.
    """

    stage: str
    loss: LossName
    size: int
    batch: int
    start: float
    end: float
    stage_start: float
    stage_end: float

    def progress(self, position: float) -> float:
        """Part of the stage that is done, 0 to 1."""
        length = self.stage_end - self.stage_start
        return min(1.0, max(0.0, (position - self.stage_start) / length))


@dataclass(frozen=True)
class Plan:
    """The phases of a run, end to end.

    Attributes:
        unit: What a position counts: steps, or seconds of training.
        phases: In order.
    """

    unit: Literal["steps", "seconds"]
    phases: tuple[Phase, ...]

    @property
    def end(self) -> float:
        """Position at which the run is over."""
        return self.phases[-1].end

    def phase(self, position: float) -> Phase:
        """The phase at a position; the last one at the end."""
        return next((p for p in self.phases if position < p.end), self.phases[-1])


def make_plan(config: TrainConfig, pairs: int, processes: int = 1) -> Plan:
    """Lay out a run.

    Args:
        config: Its settings.
        pairs: Training pairs: what an epoch is.
        processes: How many share the work.

    Raises:
        UsageError: A number is out of range, or sizes, shares and batches do not go
            together.
    """
    _check_numbers(config)
    _check_sides(config)
    shares = _shares(config)
    batches = config.batch * (len(config.sizes) if len(config.batch) == 1 else 1)
    if len(batches) != len(config.sizes):
        raise UsageError(
            f"--batch names {len(batches)} sizes, --size {len(config.sizes)}",
            "give one batch size, or one for each size",
        )
    stages = _stages(config)
    phases: list[Phase] = []
    for stage in stages:
        start = phases[-1].end if phases else 0.0
        ends = [start]
        for share, batch in zip(shares, batches, strict=True):
            length = _length(config, share / len(stages), batch * processes, pairs)
            ends.append(ends[-1] + length)
        loss = loss_name(config, stage)
        spans = zip(config.sizes, batches, pairwise(ends), strict=True)
        phases += [
            Phase(stage, loss, size, batch, a, b, start, ends[-1])
            for size, batch, (a, b) in spans
        ]
    return Plan("seconds" if config.minutes else "steps", tuple(phases))


def loss_name(config: TrainConfig, stage: str) -> LossName:
    """What a stage makes small."""
    if architecture(config.model.arch).paints_layers:
        return config.loss or "layers"
    return config.loss or _PAPER_LOSSES[stage]


def learning_rate(
    phase: Phase, position: float, steps_in_stage: int, config: TrainConfig
) -> float:
    """The learning rate of the step to come.

    Args:
        phase: The phase it lies in.
        position: Where the run is.
        steps_in_stage: Steps already taken in this stage, for warming up.
        config: Highest and last rate, shape, warm-up.
    """
    rate = _fall(config.shape, config.lr, config.lr_end, phase.progress(position))
    if not config.warmup:
        return rate
    # The faster of two rises: a short run would otherwise end while warming up.
    risen = (steps_in_stage + 1) / config.warmup
    return rate * min(1.0, max(risen, phase.progress(position) / _LONGEST_WARMUP))


def _fall(shape: Shape, high: float, low: float, progress: float) -> float:
    if shape == "constant":
        return high
    if shape == "linear":
        return high + (low - high) * progress
    if shape == "exponential":
        return high * (low / high) ** progress
    return low + (high - low) * (1 + math.cos(math.pi * progress)) / 2


def _stages(config: TrainConfig) -> tuple[str, ...]:
    return ("1", "2") if config.stage == "all" else (config.stage,)


def _check_numbers(config: TrainConfig) -> None:
    """Reject nan and inf, which `x < minimum` does not catch."""
    options, infinite = config.data_options, math.inf
    above_zero = {"--lr": config.lr}
    if config.minutes is not None:
        above_zero["--minutes"] = config.minutes
    elif config.steps is None:
        above_zero["--epochs"] = config.epochs
    from_zero = {
        "--lr-end": (config.lr_end, infinite),
        "--clip": (config.clip, infinite),
        "--save-minutes": (config.save_minutes, infinite),
        "--sobel-weight": (config.loss_options.sobel, infinite),
        "--structure-weight": (config.loss_options.structure, infinite),
        "--ema": (config.ema, 1.0),
        "--exposure": (options.exposure, _MOST_STOPS),
        "--tint": (options.tint, _MOST_STOPS),
        "--zoom": (options.zoom, 1.0),
    }
    for name, value in above_zero.items():
        if not 0 < value < _MOST:
            raise UsageError(
                f"{name} {value:g}", f"give a number above 0 and below {_MOST:g}"
            )
    for name, (value, limit) in from_zero.items():
        if not 0 <= value < limit:
            below = "" if limit == infinite else f" and below {limit:g}"
            raise UsageError(f"{name} {value:g}", f"give a number from 0 on{below}")
    if config.shape == "exponential" and not config.lr_end:
        raise UsageError(
            "an exponential fall never reaches 0",
            "give --lr-end above 0, or --shape cosine",
        )
    if config.seed not in _SEEDS:
        raise UsageError(f"--seed {config.seed}", "give a number of at most 18 digits")


def check_kind(config: TrainConfig) -> None:
    """Refuse options of pairs for a network of layers, and its loss for others.

    Raises:
        UsageError: With the first option that does not fit.
    """
    arch = config.model.arch
    if not architecture(arch).paints_layers:
        if config.loss == "layers":
            raise UsageError(
                f"--loss layers needs a network that paints layers, not {arch}",
                "train it by --recipe lightstage",
            )
        return
    given = {"--crop": bool(config.crop), "--stage": config.stage != "1"}
    given["--loss"] = config.loss not in (None, "layers")
    given["--value-range"] = config.model.value_range != "zero_one"
    for options in (config.data_options, config.loss_options):
        for field in fields(options):
            name = _FLAGS.get(field.name, f"--{field.name}")
            given[name] = getattr(options, field.name) != field.default
    for option, is_given in given.items():
        if is_given:
            raise UsageError(
                f"{option} is for pairs: {arch} learns from scenes, composed anew each"
                " time",
                f"drop {option}",
            )


def _check_sides(config: TrainConfig) -> None:
    """Refuse sides that the network, or VGG16 inside the loss, cannot take."""
    sides = [("--size", size) for size in config.sizes]
    sides += [("--crop", config.crop)] if config.crop else []
    if config.crop > max(config.sizes):
        raise UsageError(
            f"--crop {config.crop} is larger than --size {max(config.sizes)}",
            "pictures are brought to that size before they are cut",
        )
    network = architecture(config.model.arch)
    for name, side in sides:
        network.require_side(name, side)
    losses = {loss_name(config, stage) for stage in _stages(config)}
    if "combined" not in losses or not config.loss_options.perceptual:
        return
    layer = config.loss_options.vgg_layer
    least = 2 ** sum(layer >= pooling for pooling in _VGG_POOLINGS)
    name, side = min(sides, key=lambda item: item[1])
    if side < least:
        raise UsageError(
            f"{name} {side} is too small for the perceptual term",
            f"give {least} or more, or --no-perceptual",
        )


def _shares(config: TrainConfig) -> list[float]:
    shares = config.shares or tuple(0.5**i for i in range(len(config.sizes)))
    sound = all(0 < share < math.inf for share in shares)
    if len(shares) != len(config.sizes) or not sound:
        raise UsageError(
            f"shares {shares} for {len(config.sizes)} sizes",
            "write --size 128:6,256:3,512:1",
        )
    return [share / sum(shares) for share in shares]


def _length(config: TrainConfig, share: float, batch: int, pairs: int) -> float:
    """Length of a phase, in seconds where there is a time budget, else in steps."""
    if config.minutes:
        return share * config.minutes * 60
    steps = config.steps or config.epochs * math.ceil(pairs / batch)
    return max(1, round(share * steps))
