"""The settings of a run as the first releases wrote them: in one flat record.

Loads no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msrnet_cli.documents import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALWAYS = ("data", "stage", "model")  # every release has written these
_PLACES = {
    "data": "data",
    "val": "data",
    "val_pairs": "data",
    "model": "network",
    "init": "network",
    "loss": "loss",
    "optimizer": "optimizer",
    "clip": "optimizer",
    "ema": "optimizer",
    "lr": "rate",
    "lr_end": "rate",
    "shape": "rate",
    "warmup": "rate",
    "stage": "schedule",
    "epochs": "schedule",
    "steps": "schedule",
    "minutes": "schedule",
    "batch": "schedule",
    "validations": "schedule",
    "save_minutes": "schedule",
    "out": "run",
    "seed": "run",
    "processes": "run",
    "device": "run",
    "dtype": "run",
    "compile": "run",
    "offline": "run",
}
"""The record in which each of its fields stands now."""

_LOSS = {
    "l1": "l1_weight",
    "ssim": "ssim_weight",
    "perceptual": "perceptual_weight",
    "tv": "tv_weight",
    "sobel": "sobel_weight",
    "structure": "structure_weight",
}
"""New names in what were its options of losses."""


def nested(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document that would be written today.

    Raises:
        ValueError: It does not hold settings.
    """
    if not all(key in document for key in _ALWAYS):
        raise ValueError("it does not hold the settings of a run")
    found: dict[str, dict[str, Any]] = {place: {} for place in _PLACES.values()}
    for name, place in _PLACES.items():
        if name in document:
            found[place][name] = document[name]
    found["loss"] |= _loss(_record(document, "loss_options"))
    found["data"]["pairs"] = dict(_record(document, "data_options"))
    if "crop" in document:
        found["data"]["pairs"]["crop"] = document["crop"]
    if "sizes" in document:
        found["schedule"]["sizes"] = _sizes(document["sizes"], document.get("shares"))
    return found


def _record(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise ValueError(f"{name} is {shown(found)}")
    return found


def _loss(options: Mapping[str, Any]) -> dict[str, Any]:
    """Whether features are compared was said by their weight: 0 left them out."""
    found = {_LOSS.get(name, name): value for name, value in options.items()}
    if found.get("perceptual_weight") == 0:
        del found["perceptual_weight"]
        found["perceptual"] = False
    return found


def _sizes(sides: Any, shares: Any) -> list[dict[str, Any]]:  # noqa: ANN401 whatever JSON can hold
    if not isinstance(sides, list):
        raise ValueError(f"sizes is {shown(sides)}")
    shares = shares or [None] * len(sides)
    if not isinstance(shares, list) or len(shares) != len(sides):
        raise ValueError(f"shares is {shown(shares)}, for {len(sides)} sizes")
    return [
        {"side": side, "share": share}
        for side, share in zip(sides, shares, strict=True)
    ]
