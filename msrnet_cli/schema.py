"""JSON Schemas, draft 2020-12, of the documents that records become."""

from __future__ import annotations

import inspect
import re
from dataclasses import is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from msrnet_cli.options import Range, declared, hints, plain

Schema = dict[str, Any]
_Definitions = dict[str, Schema]

_TYPES: dict[Any, str | list[str]] = {
    str: "string",
    Path: "string",
    bool: "boolean",
    int: "integer",
    float: ["number", "null"],
    type(None): "null",
}
_ENTRY = re.compile(r"^ {4}(\w+): (.*?)(?=^ {4}\w|\Z)", re.MULTILINE | re.DOTALL)


def of(kind: Any) -> Schema:  # noqa: ANN401 any type
    """The schema of what `documents.to_document` makes of a type.

    All fields are required, because none is left out of a document. Others may follow
    in later versions. A float may be null: it was not finite.

    Args:
        kind: A dataclass, or a type made of dataclasses and of what JSON has.

    Raises:
        TypeError: JSON has nothing for the type.
    """
    definitions: _Definitions = {}
    found = _of_type(kind, definitions)
    if _is_record(kind):
        found = definitions.pop(kind.__name__)
    return found | ({"$defs": definitions} if definitions else {})


def _is_record(kind: Any) -> bool:  # noqa: ANN401 any type
    return isinstance(kind, type) and is_dataclass(kind)


def _of_type(hint: Any, definitions: _Definitions) -> Schema:  # noqa: ANN401 any type
    """The schema of a type; records within it go into the definitions."""
    kind, parts = get_origin(hint), get_args(hint)
    if _is_record(hint):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = _of_record(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if kind in (Union, UnionType):
        return _any_of([_of_type(part, definitions) for part in parts])
    if kind is Literal:
        return {"enum": list(parts)}
    if kind is tuple:
        return _of_sequence(parts, definitions)
    if kind is dict:
        keys, values = (_of_type(part, definitions) for part in parts)
        named = {"propertyNames": keys} if "enum" in keys else {}
        return {"type": "object", **named, "additionalProperties": values}
    if hint not in _TYPES:
        raise TypeError(f"JSON has nothing for {hint}")
    return {"type": _TYPES[hint]}


def _of_sequence(parts: tuple[Any, ...], definitions: _Definitions) -> Schema:
    if parts[-1] is Ellipsis:
        return {"type": "array", "items": _of_type(parts[0], definitions)}
    each = [_of_type(part, definitions) for part in parts]
    return {
        "type": "array",
        "prefixItems": each,
        "minItems": len(each),
        "items": False,
    }


def _any_of(schemas: list[Schema]) -> Schema:
    """What fits one of some schemas; those that only name a type are joined."""
    names: dict[str, None] = {}
    rest = []
    for each in schemas:
        if each.keys() == {"type"}:
            kinds = each["type"]
            names |= dict.fromkeys([kinds] if isinstance(kinds, str) else kinds)
        else:
            rest.append(each)
    if not names:
        return {"anyOf": rest}
    joined = {"type": list(names) if len(names) > 1 else next(iter(names))}
    return {"anyOf": [*rest, joined]} if rest else joined


def _of_record(record: type[Any], definitions: _Definitions) -> Schema:
    """The schema of a dataclass, with what its docstring says."""
    about, attributes = _described(record)
    properties = {}
    for name, hint in hints(record).items():
        found = _of_type(plain(hint), definitions)
        numbers = found.get("items") or found
        numbers |= _bounds(declared(hint, Range))
        said = attributes.get(name)
        properties[name] = found | ({"description": said} if said else {})
    return {
        "type": "object",
        "description": about,
        "properties": properties,
        "required": list(properties),
    }


def _bounds(allowed: Range | None) -> Schema:
    if allowed is None:
        return {}
    least = "exclusiveMinimum" if allowed.above else "minimum"
    found = {least: allowed.least, "maximum": allowed.most}
    return {name: bound for name, bound in found.items() if bound is not None}


def _described(record: type[Any]) -> tuple[str, dict[str, str]]:
    """What docstrings say of a record, and of each attribute, inherited ones too."""
    about = ""
    said: dict[str, str] = {}
    for kind in reversed([kind for kind in record.__mro__ if is_dataclass(kind)]):
        text = inspect.getdoc(kind) or ""
        about, _, attributes = text.partition("\n\nAttributes:\n")
        said |= dict(_ENTRY.findall(attributes))
    return _on_one_line(about), {
        name: _on_one_line(text) for name, text in said.items()
    }


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
