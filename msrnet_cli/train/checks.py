"""Which settings of a run do not go together: told before any work is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError
from msrnet_cli.networks import architecture
from msrnet_cli.options import asked, outside
from msrnet_cli.train import losses
from msrnet_cli.train.options import LossOptions, TrainOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msrnet_cli.options import Field

_VGG_POOLINGS = (5, 10, 17, 24, 31)
# Of records that are for pairs; the loss of layers may be named.
_OF_PAIRS = (("data", "pairs"), ("loss",), ("schedule", "stage"))
_VALUE_RANGE = ("network", "model", "value_range")


def check(options: TrainOptions) -> None:
    """Refuse settings with which no run can be made.

    Raises:
        UsageError: With the first option that is out of range, or does not fit another.
    """
    for field in outside(options):
        raise _out_of_range(field)
    rate = options.rate
    if rate.shape == "exponential" and not rate.lr_end:
        raise UsageError(
            "an exponential fall never reaches 0",
            "give --lr-end above 0, or --shape cosine",
        )
    if options.run.processes > 1 and options.run.device not in ("auto", "cpu"):
        raise UsageError(
            f"--processes {options.run.processes} learn on the CPU, not on"
            f" {options.run.device}",
            "start one process a GPU with torchrun",
        )
    _check_kind(options)
    _check_sides(options)


def _out_of_range(field: Field) -> UsageError:
    value = field.default
    shown = ",".join(f"{v:g}" for v in value) if isinstance(value, tuple) else value
    return UsageError(f"{field.flag} {shown}", f"give {field.option}")


def _check_kind(options: TrainOptions) -> None:
    """Refuse options of pairs for a network of layers, and its loss for others."""
    arch = options.network.model.arch
    if not architecture(arch).paints_layers:
        if options.loss.loss == "layers":
            raise UsageError(
                f"--loss layers needs a network that paints layers, not {arch}",
                "train it by --recipe lightstage",
            )
        _check_inputs(options)
        return
    for field in _given_for_pairs(options):
        raise UsageError(
            f"{field.flag} is for pairs: {arch} learns from scenes, composed anew each"
            " time",
            f"drop {field.flag}",
        )


def _check_inputs(options: TrainOptions) -> None:
    """Refuse one input for a network that sees two, and two for one that sees one."""
    arch, inputs = options.network.model.arch, options.data.pairs.inputs
    if architecture(arch).sees_two and not inputs:
        raise UsageError(
            f"{arch} sees two pictures of a scene, and no second light is named",
            "give both: --inputs 6500_N,6500_S",
        )
    if inputs and not architecture(arch).sees_two:
        raise UsageError(
            f"--inputs {','.join(inputs)} are two pictures, and {arch} sees one",
            "give --arch two_views, or --from LIGHT in place of --inputs",
        )


def _given_for_pairs(options: TrainOptions) -> Iterator[Field]:
    """Options that say something about pairs only, where they have another value."""
    defaults = {field.path: field.default for field in asked(TrainOptions())}
    for field in asked(options):
        of_pairs = any(field.path[: len(path)] == path for path in _OF_PAIRS)
        is_usual = field.default in (defaults[field.path], "layers")
        if (of_pairs or field.path == _VALUE_RANGE) and not is_usual:
            yield field


def _check_sides(options: TrainOptions) -> None:
    """Refuse sides that the network, or VGG16 inside the loss, cannot take."""
    sizes, crop = options.schedule.sizes, options.data.pairs.crop
    sides = [("--size", size.side) for size in sizes]
    sides += [("--crop", crop)] if crop else []
    if crop > options.schedule.largest:
        raise UsageError(
            f"--crop {crop} is larger than --size {options.schedule.largest}",
            "pictures are brought to that size before they are cut",
        )
    network = architecture(options.network.model.arch)
    for name, side in sides:
        network.require_side(name, side)
    stages = options.schedule.stages
    named = losses.by_stage(options.loss, stages, layers=network.paints_layers)
    if "combined" not in named.values() or not options.loss.perceptual:
        return
    name, side = min(sides, key=lambda item: item[1])
    sketches = network.sketches
    least = _least_side(options.loss) * (sketches.smallest if sketches else 1)
    if side < least:
        raise UsageError(
            f"{name} {side} is too small for the perceptual term",
            f"give {least} or more, or --no-perceptual",
        )


def _least_side(loss: LossOptions) -> int:
    """Of a picture of which VGG16 leaves a pixel."""
    return 2 ** sum(loss.vgg_layer >= pooling for pooling in _VGG_POOLINGS)
