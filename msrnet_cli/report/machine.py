"""What programs read: JSON on standard output, one document or one event a line.

A number that is not finite is null, because JSON has no word for it. `docs/schema`
holds a schema of each document, see `report.schemas`.
"""

from __future__ import annotations

import json
import math
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

from msrnet_cli import documents
from msrnet_cli.report import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCHEMA_VERSION = 1
"""Stands in each event; a field that is added does not change it."""


def document(content: object) -> None:
    """One JSON document.

    Args:
        content: A record, or what JSON can hold, with records in lists.
    """
    _print(json.dumps(_plain(content), indent=2, allow_nan=False))


def event(name: str, record: object, more: Mapping[str, Any] | None = None) -> None:
    """One event as a line.

    Args:
        name: Says which kind of event it is.
        record: The event.
        more: Fields that the record does not have.
    """
    fields = {"event": name, "schema": SCHEMA_VERSION}
    fields |= documents.to_document(record) | dict(more or {})
    _print(json.dumps(_plain(fields), allow_nan=False), flush=True)


def events(names: Mapping[type, str]) -> Callable[[object], None]:
    """What writes events, by the names of their kinds."""
    return lambda record: event(names[type(record)], record)


def _print(text: str, *, flush: bool = False) -> None:
    terminal.clear()
    print(text, flush=flush)


def _plain(value: Any) -> Any:  # noqa: ANN401 whatever JSON can hold
    """What JSON can hold: records as objects, numbers that are not finite as null."""
    if is_dataclass(value):
        return _plain(documents.to_document(value))
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
