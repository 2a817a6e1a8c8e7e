"""What a weights file says about itself: to JSON and back, each value checked."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast, get_args

from msrnet_cli import networks
from msrnet_cli.config import (
    LARGEST_WORK_SIZE,
    SMALLEST_WORK_SIZE,
    ModelConfig,
    ValueRange,
    WeightsCard,
)
from msrnet_cli.errors import WeightsError
from msrnet_cli.weights.header import IMPORT_HINT, METADATA, malformed, read_header

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT_VERSION = 1
_KEY = "msrnet"
_MAX_CHANNELS = 1024


def read_card(path: Path) -> WeightsCard:
    """What a weights file says about itself, by its header alone.

    Raises:
        WeightsError: Its header is malformed.
        OSError: It cannot be read.
    """
    return card_in(path, read_header(path))


def card_in(path: Path, header: Mapping[str, Any]) -> WeightsCard:
    """The card in the header of a weights file.

    Raises:
        WeightsError: There is no card, or a value in it makes no sense.
    """
    text = header.get(METADATA, {}).get(_KEY)
    if text is None:
        raise WeightsError(f"weights {path}: made by another program", IMPORT_HINT)
    try:
        return _from_json(text)
    except (
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise malformed(path, f"its card is not readable ({error})") from error


def metadata(card: WeightsCard) -> dict[str, str]:
    """What goes into the header of a weights file."""
    fields = asdict(card)
    if not card.second_light:  # earlier versions refuse fields that they do not know
        del fields["second_light"]
    return {_KEY: json.dumps({"format_version": FORMAT_VERSION, **fields})}


def change_of_light(card: WeightsCard) -> str:
    """Which light weights take and which they give, for people."""
    if card.from_light or card.to_light:
        source = card.from_light or "unknown"
        if card.second_light:
            source += f" and {card.second_light}"
        return f"{source} to {card.to_light or 'unknown'}"
    is_any = networks.architecture(card.model.arch).paints_layers
    return "any light" if is_any else "light unknown"


def _from_json(text: str) -> WeightsCard:
    fields = json.loads(text)
    version = fields.pop("format_version")
    if version != FORMAT_VERSION:
        raise ValueError(f"format version {version}; this program reads 1")
    model = ModelConfig(**fields.pop("model"))
    _check_model(model)
    card = WeightsCard(model=model, **fields)
    _check_values(card)
    return card


def _check_model(model: ModelConfig) -> None:
    known = model.arch in networks.NAMES
    if not known or model.value_range not in get_args(ValueRange):
        raise ValueError(f"unknown architecture {model}")
    if type(model.channels) is not int or not 1 <= model.channels <= _MAX_CHANNELS:
        raise ValueError(f"{model.channels} channels")


def _check_values(card: WeightsCard) -> None:
    size = card.work_size
    if type(size) is not int or not (
        size == 0 or SMALLEST_WORK_SIZE <= size <= LARGEST_WORK_SIZE
    ):
        raise ValueError(f"working size {size}")
    lights = (card.from_light, card.to_light, card.second_light)
    texts = (*lights, card.training_data, card.licence, card.notes, *card.scores)
    if not all(map(_is_text, texts)):
        raise ValueError("a text field is not a string")
    if not all(map(_is_finite, card.scores.values())):
        raise ValueError("a score is not a finite number")


def _is_text(value: object) -> bool:
    """Whether this is a string of whole characters, which any stream can encode."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def _is_finite(value: object) -> bool:
    """Whether this is a number that a float can hold."""
    if type(value) not in (int, float):
        return False
    try:
        return math.isfinite(cast("float", value))
    except OverflowError:
        return False
