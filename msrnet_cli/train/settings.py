"""The settings of a run as a document: run.json, and the header of a checkpoint.

Whoever reads one may find anything in it: it is a file that people edit.
"""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from msrnet_cli import __version__
from msrnet_cli.files import read_regular
from msrnet_cli.train.options import TrainConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
"""Of run.json, data.json and checkpoints."""

_ALWAYS = ("data", "stage", "model")  # every release has written these
_SEVERAL = ("sizes", "batch")  # at least one value
_MOST = 2**53
_SHOWN = 60  # characters of a wrong value
# Of settings and of a position. What is not here is judged with the options.
_RANGES: dict[str, tuple[float, float]] = {
    "sizes": (1, 2**20),
    "batch": (1, 2**20),  # more would be drawn for hours
    "steps": (1, _MOST),
    "warmup": (0, _MOST),
    "crop": (0, _MOST),
    "validations": (1, _MOST),
    "val_pairs": (1, _MOST),
    "processes": (1, 64),
    "channels": (1, 2**20),
    "vgg_layer": (1, 31),
    "step": (0, _MOST),
    "drawn": (0, _MOST),
    "size": (0, _MOST),
    "seconds": (0, _MOST),
}


class NewerError(Exception):
    """A document that a newer version of this program has written."""


def to_json(config: TrainConfig) -> str:
    """Settings as a document, with paths that hold in any working directory."""
    document = {**stamp(), **asdict(with_absolute_paths(config))}
    return json.dumps(document, indent=2)


def from_json(text: str) -> TrainConfig:
    """Settings out of a document.

    Raises:
        NewerError: A newer version wrote it.
        ValueError: It holds something else.
    """
    document = parsed(text)
    require_known(document)
    return from_document(document)


def parsed(text: str) -> Any:  # noqa: ANN401 whatever JSON can hold
    """What a JSON document holds.

    Raises:
        ValueError: It is not JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_text(path: Path) -> str:
    """The text of a document, where it is a file or a link to one.

    Raises:
        OSError: It cannot be read, or is not a file.
        ValueError: It is not UTF-8.
    """
    return read_regular(Path(os.path.realpath(path))).decode("utf-8")


def from_document(document: Any) -> TrainConfig:  # noqa: ANN401 whatever JSON can hold
    """Settings out of what JSON made of them.

    Raises:
        ValueError: They are something else.
    """
    if not isinstance(document, dict) or not all(key in document for key in _ALWAYS):
        raise ValueError("it does not hold the settings of a run")
    found: TrainConfig = rebuilt(TrainConfig, document)
    return found


def stamp() -> dict[str, object]:
    """What each document says about its writer."""
    return {"version": VERSION, "msrnet": __version__}


def require_known(document: Any) -> None:  # noqa: ANN401 whatever JSON can hold
    """Refuse a document of a newer version; the first ones have no number.

    Raises:
        NewerError: It is one.
    """
    version = document.get("version", 1) if isinstance(document, dict) else 1
    if version != VERSION:
        writer = document.get("msrnet", "another version of msrnet")
        raise NewerError(
            f"it was written by {writer}, in format {version}; this program, msrnet"
            f" {__version__}, reads {VERSION}"
        )


def with_absolute_paths(config: TrainConfig) -> TrainConfig:
    """The same settings, to be understood in any working directory."""
    options = config.loss_options
    return replace(
        config,
        out=_absolute(config.out),
        data=_absolute(config.data),
        val=_absolute(config.val),
        # Else a name: of a start, of built-in weights, of a file on the hub.
        init=_absolute(config.init) if Path(config.init).is_file() else config.init,
        loss_options=replace(options, vgg=_absolute(options.vgg)),
    )


def rebuilt(kind: type[Any], values: Mapping[str, Any]) -> Any:  # noqa: ANN401 of any kind
    """A dataclass out of what `asdict` and JSON made of it; what it lacks is unknown.

    Raises:
        ValueError: A value is of another type or beyond its range; names its field.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{_shown(values)} stands where {kind.__name__} should")
    hints = get_type_hints(kind)
    made = {}
    for field in fields(kind):
        if field.name in values:
            made[field.name] = _value(field.name, hints[field.name], values[field.name])
    return kind(**made)


def _value(name: str, hint: Any, value: Any) -> Any:  # noqa: ANN401 of any kind
    if is_dataclass(hint) and isinstance(hint, type):
        return rebuilt(hint, value)
    value = tuple(value) if isinstance(value, list) else value
    if not _is(value, hint) or not _is_in_range(name, value):
        raise ValueError(f"{name} is {_shown(value)}")
    return value


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _is_in_range(name: str, value: object) -> bool:
    if value is None or name not in _RANGES:
        return True
    least, most = _RANGES[name]
    values = value if isinstance(value, tuple) else (value,)
    return all(least <= each <= most for each in values) and (
        bool(values) or name not in _SEVERAL
    )


def _is(value: Any, hint: Any) -> bool:  # noqa: ANN401 of any kind
    kind, parts = get_origin(hint), get_args(hint)
    if kind is Literal:
        return value in parts
    if kind is tuple:
        return isinstance(value, tuple) and all(_is(each, parts[0]) for each in value)
    if kind in (Union, UnionType):
        return any(_is(value, part) for part in parts)
    if isinstance(value, bool):  # which Python counts among the integers
        return hint is bool
    if isinstance(value, str):
        return hint is str and _is_text(value)
    if not isinstance(value, int | float if hint is float else hint):
        return False
    if isinstance(value, int | float):
        # An infinite PSNR is that of equal pictures; an integer may be beyond floats.
        return abs(value) <= sys.float_info.max or value in (math.inf, -math.inf)
    return True


def _is_text(value: str) -> bool:
    """Whether the system can take it as a path."""
    try:
        return b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def _absolute(path: str) -> str:
    # Not Path.resolve: a link may be pointed elsewhere.
    return os.path.abspath(path) if path else ""  # noqa: PTH100
