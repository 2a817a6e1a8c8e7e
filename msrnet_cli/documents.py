"""Records as JSON and back: the one codec for settings, cards, checkpoints and results.

A document may hold anything, because people edit such files.
"""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from msrnet_cli.options import Range, alternatives, choices, declared, hints, plain

_SHOWN = 60  # characters of a wrong value
_KINDS = {
    str: "a text",
    Path: "a path",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "a list",
}


def to_document(record: Any) -> dict[str, Any]:  # noqa: ANN401 any dataclass
    """What JSON can hold of a record: an object of its fields, paths as text."""
    document: dict[str, Any] = asdict(record, dict_factory=_with_text)
    return document


def parsed(text: str) -> Any:  # noqa: ANN401 whatever JSON can hold
    """What a JSON document holds.

    Raises:
        ValueError: It is not JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError:
        raise
    except ValueError:
        raise ValueError("a number in it has too many digits") from None


def rebuilt(kind: type[Any], document: Any, *, strict: bool = False) -> Any:  # noqa: ANN401 of any kind
    """A record out of its document; fields that the document lacks keep their default.

    Args:
        kind: A dataclass.
        document: What JSON made of it.
        strict: Refuse fields that the record does not have, instead of leaving them.

    Raises:
        ValueError: A value is of another type or outside its range, or a field without
            default is missing. The message names the field.
    """
    if not isinstance(document, dict):
        raise ValueError(f"{shown(document)} is not an object with fields")
    names = {field.name for field in fields(kind)}
    unknown = sorted(document.keys() - names)
    if strict and unknown:
        raise ValueError(f"{unknown[0]} is not one of {', '.join(sorted(names))}")
    known = {name: value for name, value in document.items() if name in names}
    types = hints(kind)
    made = {
        name: _value(name, types[name], value, strict) for name, value in known.items()
    }
    try:
        return kind(**made)
    except TypeError:
        missing = [field.name for field in fields(kind) if field.name not in made]
        raise ValueError(f"one of {', '.join(missing)} is missing") from None


def require_declared(record: Any) -> None:  # noqa: ANN401 any dataclass without others within
    """Refuse a record whose fields hold what their declarations do not allow.

    `rebuilt` does so for documents; this is for records that Python code makes.

    Raises:
        ValueError: A value is of another type or outside its range. The message names
            the field.
    """
    for name, hint in hints(type(record)).items():
        value = getattr(record, name)
        if _value(name, hint, value, strict=True) != value:  # a list for a tuple
            raise ValueError(f"{name} is {shown(value)}, not {_words(plain(hint))}")


def shown(value: object) -> str:
    """A value as JSON, or as Python where JSON has nothing for it; cut if long."""
    text = json.dumps(value, default=repr)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _value(name: str, hint: Any, value: Any, strict: bool) -> Any:  # noqa: ANN401 of any kind
    allowed = declared(hint, Range)
    try:
        made = _made(plain(hint), value, strict)
    except TypeError:
        raise ValueError(
            f"{name} is {shown(value)}, not {_words(plain(hint))}"
        ) from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if allowed is not None and not allowed.holds(made):
        raise ValueError(f"{name} is {shown(value)}, not {allowed.expected(made)}")
    return made


def _words(hint: Any) -> str:  # noqa: ANN401 any type
    """What a type allows, in words."""
    if known := choices(hint):
        return f"one of {', '.join(known)}"
    kinds = (get_origin(part) or part for part in alternatives(hint))
    return " or ".join(dict.fromkeys(_KINDS.get(kind, "an object") for kind in kinds))


def _made(hint: Any, value: Any, strict: bool) -> Any:  # noqa: ANN401 of any kind
    """A value in the declared type.

    Raises:
        TypeError: It is of another type.
        ValueError: A record within it is wrong.
    """
    kind, parts = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return _first_that_fits(parts, value, strict)
    if is_dataclass(hint) and isinstance(hint, type):
        return rebuilt(hint, value, strict=strict)
    if kind is Literal:
        return _require(
            value, any(value == p and type(value) is type(p) for p in parts)
        )
    if kind is tuple:
        return _sequence(parts, value, strict)
    if kind is dict:
        return _mapping(parts, value, strict)
    return _scalar(hint, value)


def _first_that_fits(parts: tuple[Any, ...], value: Any, strict: bool) -> Any:  # noqa: ANN401
    if value is None:
        return _require(None, type(None) in parts)
    failure: Exception = TypeError()
    for part in parts:
        try:
            return _made(part, value, strict)
        except (TypeError, ValueError) as error:
            failure = error
    raise failure


def _sequence(parts: tuple[Any, ...], value: Any, strict: bool) -> tuple[Any, ...]:  # noqa: ANN401
    _require(value, isinstance(value, list | tuple))
    if parts[-1] is Ellipsis:
        return tuple(_made(parts[0], each, strict) for each in value)
    _require(value, len(value) == len(parts))
    return tuple(
        _made(part, each, strict) for part, each in zip(parts, value, strict=True)
    )


def _mapping(parts: tuple[Any, ...], value: Any, strict: bool) -> dict[str, Any]:  # noqa: ANN401
    _require(value, isinstance(value, dict))
    return {
        _made(parts[0], key, strict): _made(parts[1], each, strict)
        for key, each in value.items()
    }


def _scalar(hint: Any, value: Any) -> Any:  # noqa: ANN401 of any kind
    if isinstance(value, bool):  # which Python counts among the integers
        return _require(value, hint is bool)
    if isinstance(value, str):
        _require(value, hint in (str, Path) and _is_text(value))
        return Path(value) if hint is Path else value
    _require(value, isinstance(value, int | float if hint is float else hint))
    is_number = isinstance(value, int | float)
    return _require(value, not is_number or _is_sound(value))


def _is_sound(value: float) -> bool:
    # An infinite PSNR is that of equal pictures; an integer may be beyond floats.
    return abs(value) <= sys.float_info.max or value in (math.inf, -math.inf)


def _require(value: Any, is_right: bool) -> Any:  # noqa: ANN401 of any kind
    if not is_right:
        raise TypeError
    return value


def _is_text(value: str) -> bool:
    """Whether the system can take it as a path."""
    try:
        return b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def _with_text(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {k: str(v) if isinstance(v, Path) else v for k, v in items}
