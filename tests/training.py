"""Settings of training runs for tests, by the names of their fields alone."""

from __future__ import annotations

from dataclasses import asdict, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from msrnet_cli.options import replaced
from msrnet_cli.train.options import Size, TrainOptions

if TYPE_CHECKING:
    from collections.abc import Iterator


def settings(base: TrainOptions | None = None, **changes: Any) -> TrainOptions:
    """Settings with some fields changed, wherever these stand.

    Args:
        base: The other settings; None for the defaults.
        changes: By name of the field, as `lr=0.1`; `sizes` may hold plain numbers, and
            `shares` gives them theirs.
    """
    options = base or TrainOptions()
    if "sizes" in changes or "shares" in changes:
        shares = changes.pop("shares", None)
        sides = changes.get("sizes", options.schedule.sizes)
        changes["sizes"] = _sizes(sides, shares or (None,) * len(sides))
    for name, value in changes.items():
        options = replaced(options, places(options)[name], value)
    return options


def places(options: TrainOptions) -> dict[str, tuple[str, ...]]:
    """Where each field stands, by its name."""
    return {path[-1]: path for path in _paths(options)}


def flat(options: TrainOptions) -> dict[str, Any]:
    """The document of settings as the first releases wrote it."""
    data, network, loss = asdict(options.data), asdict(options.network), options.loss
    schedule, pairs = asdict(options.schedule), data.pop("pairs")
    sizes = options.schedule.sizes
    return {
        "version": 1,
        "msrnet": "0.1.0",
        **data,
        **network,
        **asdict(options.optimizer),
        **asdict(options.rate),
        **{key: value for key, value in schedule.items() if key != "sizes"},
        **asdict(options.run),
        "loss": loss.loss,
        "crop": pairs.pop("crop"),
        "sizes": [size.side for size in sizes],
        "shares": [size.share for size in sizes if size.share is not None],
        "data_options": pairs,
        "loss_options": {
            "l1": loss.l1_weight,
            "ssim": loss.ssim_weight,
            "perceptual": loss.perceptual_weight if loss.perceptual else 0.0,
            "tv": loss.tv_weight,
            "sobel": loss.sobel_weight,
            "structure": loss.structure_weight,
            "vgg": loss.vgg,
            "vgg_layer": loss.vgg_layer,
        },
    }


def _sizes(sides: tuple[Any, ...], shares: tuple[Any, ...]) -> tuple[Size, ...]:
    plain = [side.side if isinstance(side, Size) else side for side in sides]
    return tuple(map(Size, plain, shares))


def _paths(record: Any) -> Iterator[tuple[str, ...]]:
    """Records first, so that a field hides a record of its name."""
    for field in fields(record):
        yield (field.name,)
        inner = getattr(record, field.name)
        if is_dataclass(inner):
            for path in _paths(inner):
                yield (field.name, *path)
