"""Documents against the schemas in docs/schema, by a library of others."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema

from documents import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER = ROOT / "docs" / "schema"


def closed(schema: Any) -> Any:
    """A schema that also refuses fields of which it does not tell."""
    if isinstance(schema, list):
        return [closed(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    return {**made, "additionalProperties": False} if "required" in schema else made


@cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        closed(json.loads((FOLDER / f"{name}.json").read_text("utf-8")))
    )


def _refused(text: str) -> float:
    raise AssertionError(f"{text} is not JSON")


def fitting(name: str, text: str | bytes) -> Any:
    """What a text of JSON holds; it fits a schema."""
    document = json.loads(text, parse_constant=_refused)
    _validator(name).validate(document)
    return document


def fitting_lines(name: str, lines: Iterable[str | bytes]) -> list[Any]:
    """What each line holds; each fits a schema."""
    return [fitting(name, line) for line in lines]
