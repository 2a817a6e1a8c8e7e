"""Commands derived from records: each declared field of a record becomes an option.

    @command(app, examples={"msrnet relight photos/ relit/": "a whole folder"})
    def relight(paths: Paths, given: Given[RelightOptions], output: Output) -> None:

A record parameter receives all values, defaults included. A `Given` parameter also
keeps the typed values apart from the defaults. Typer splits the command line; values
are read here, so that every option refuses in the same words.
"""

from __future__ import annotations

import inspect
import json
import os
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import typer

from msrnet_cli import documents
from msrnet_cli.cli.layout import GENERAL, Command
from msrnet_cli.cli.options import Json
from msrnet_cli.errors import UsageError
from msrnet_cli.files import read_regular
from msrnet_cli.options import Field, alternatives, asked, choices, replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Record = TypeVar("Record")

_CONFIG = "Take options from a JSON file, such as --print-config prints."
_PRINT = "Print the options as JSON, for --config, and end."
_NAMES = {int: "N", float: "X", str: "TEXT", Path: "FILE"}


@dataclass(frozen=True)
class Given(Generic[Record]):
    """What a user asked for, before the defaults.

    Attributes:
        kind: The record that is to hold it.
        changes: Values that were typed, by the path to their field.
        config: File with options that count where nothing was typed; None for none.
        is_printed: Whether the options are printed, and nothing is done.
    """

    kind: type[Record]
    changes: Mapping[tuple[str, ...], Any]
    config: Path | None = None
    is_printed: bool = False

    @property
    def record(self) -> Record:
        """The typed options over those of the --config file over the defaults.

        Raises:
            Exit: The record was to be printed, and is.
        """
        return self.over(self.base)

    @property
    def base(self) -> Record:
        """The record of the --config file, else of defaults.

        Raises:
            UsageError: The file cannot be read, or holds something else.
        """
        return (
            self.kind() if self.config is None else _read_config(self.kind, self.config)
        )

    @property
    def flags(self) -> set[str]:
        """The options that were typed, or that the --config file changes."""
        read = zip(asked(self.base), asked(self.kind()), strict=True)
        return {
            field.flags[0].partition("/")[0]
            for field, usual in read
            if field.path in self.changes or field.default != usual.default
        }

    def over(self, base: Record) -> Record:
        """A record with the typed values put in.

        Raises:
            Exit: The record was to be printed, and is.
        """
        for rival in self._rivals(base):
            base = replaced(base, rival.path, rival.default)
        for path, value in self.changes.items():
            base = replaced(base, path, value)
        if self.is_printed:
            print(json.dumps(documents.to_document(base), indent=2))
            raise typer.Exit
        return base

    def _rivals(self, base: Record) -> list[Field]:
        """The options, with their defaults, whose place a typed one takes."""
        usual = {field.path: field for field in asked(self.kind())}
        fields = [usual.get(field.path, field) for field in asked(base)]
        typed = {f.option.one_of for f in fields if f.path in self.changes} - {""}
        return [
            field
            for field in fields
            if field.option.one_of in typed and field.path not in self.changes
        ]


def _read_config(kind: type[Record], path: Path) -> Record:
    try:
        text = read_regular(Path(os.path.realpath(path))).decode("utf-8-sig")
        found = documents.rebuilt(kind, documents.parsed(text), strict=True)
    except OSError as error:
        raise UsageError(
            f"--config {path}: {error.strerror or error}", "check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"--config {path}: it is not text in UTF-8", "save it as UTF-8"
        ) from error
    except UsageError as error:  # two options of it contradict each other
        raise UsageError(f"--config {path}: {error.reason}", error.remedy) from error
    except ValueError as error:
        raise UsageError(
            f"--config {path}: {error}",
            "make one for this command with --print-config",
        ) from error
    return cast("Record", found)


def command(
    group: typer.Typer, name: str | None = None, *, examples: Mapping[str, str]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function; its parameters that are records become options.

    Args:
        group: The application or group that the command joins.
        name: Of the command; None takes the function's.
        examples: Command lines with what each does; at least two.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        wrapped = _wrapped(function)
        kind = type(f"{function.__name__}_command", (Command,), {"examples": examples})
        group.command(name, cls=kind)(wrapped)
        return function

    return register


def _wrapped(function: Callable[..., None]) -> Callable[..., None]:
    """The function as Typer sees it: every option a parameter."""
    hints = get_type_hints(function, include_extras=True)
    hints.pop("return", None)
    plain: list[inspect.Parameter] = []
    records: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if get_origin(hints[name]) is Given or is_dataclass(hints[name]):
            records[name] = hints[name]
        else:
            plain.append(parameter.replace(annotation=hints[name]))
    fields = {name: _fields(hint) for name, hint in records.items()}
    takes_config = any(get_origin(hint) is Given for hint in records.values())
    options = [_parameter(field) for found in fields.values() for field in found]

    def run(**values: Any) -> None:  # noqa: ANN401 whatever the options hold
        config, printed = values.pop("config", None), values.pop("print_config", False)
        made: dict[str, Any] = {}
        for name, hint in records.items():
            given = _given(_kind(hint), fields[name], values)
            if get_origin(hint) is Given:
                made[name] = replace(given, config=config, is_printed=printed)
            else:
                made[name] = given.record
        function(**values, **made)

    run.__name__, run.__doc__ = function.__name__, function.__doc__
    extra = [*_config_parameters()] if takes_config else []
    every = [*plain, *options, *extra]
    run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in every}
    return run


def _fields(hint: Any) -> list[Field]:  # noqa: ANN401 a record, or Given of one
    group = GENERAL if issubclass(_kind(hint), Json) else ""
    return list(asked(_kind(hint)(), group))


def _kind(hint: Any) -> type[Any]:  # noqa: ANN401 a record, or Given of one
    return cast("type[Any]", get_args(hint)[0] if get_origin(hint) is Given else hint)


def _given(
    kind: type[Any], fields: Iterable[Field], values: dict[str, Any]
) -> Given[Any]:
    """Take what belongs to a record out of what Typer parsed."""
    changes = {}
    for field in fields:
        typed = values.pop(_name(field))
        if typed is None or (typed is False and not _is_asked_off(field)):
            continue
        if field.option.once:
            typed = _single(field, typed)
        changes[field.path] = _read(field, typed)
    return Given(kind, changes)


def _single(field: Field, typed: list[str]) -> str:
    """The one value of an option.

    Raises:
        UsageError: There are several, which differ.
    """
    if len(set(typed)) > 1:
        flag = field.flags[0]
        each = " and ".join(f"{flag} {text}" for text in typed)
        raise UsageError(f"{each} contradict each other", field.option.once)
    return typed[0]


def _read(field: Field, typed: Any) -> Any:  # noqa: ANN401 of any type
    """The value of an option.

    Raises:
        UsageError: It cannot be read, or lies outside its range.
    """
    if _is_flag(field):
        return typed
    flag, shown = field.flags[0], ",".join(typed) if isinstance(typed, list) else typed
    try:
        value = _parsed(field, typed)
    except ValueError as error:
        raise UsageError(f"{flag} {shown}", f"give {error}") from None
    if not field.option.holds(value):
        raise UsageError(f"{flag} {shown}", f"give {field.option.expected(value)}")
    return value


def _parsed(field: Field, typed: Any) -> Any:  # noqa: ANN401 of any type
    """A value, or a sequence of values, out of text; a ValueError says what to give."""
    option, kind = field.option, alternatives(field.kind)[0]
    if get_origin(kind) is not tuple or (option.read and not option.repeated):
        return option.read(typed) if option.read else _value(field.kind, typed)
    inner = get_args(kind)[0]
    parts = typed if option.repeated else map(str.strip, typed.split(","))
    read = option.read or (lambda text: _value(inner, text, several=True))
    values = tuple(map(read, parts))
    return tuple(dict.fromkeys(values)) if choices(inner) else values


def _value(kind: Any, text: str, *, several: bool = False) -> Any:  # noqa: ANN401 of any type
    """A value out of its text; a ValueError says what is expected."""
    if names := choices(kind):
        if text not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return text
    (kind,) = alternatives(kind)
    try:
        return kind(text)
    except ValueError:
        number = "whole number" if kind is int else "number"
        what = f"{number}s, such as 8,4,2" if several else f"a {number}"
        raise ValueError(what) from None


def _parameter(field: Field) -> inspect.Parameter:
    """An option as Typer knows it: text, several texts, or a flag."""
    kind: Any = str | None
    default: Any = None
    if _is_flag(field):
        kind = bool | None if field.default or _has_both(field) else bool
        default = False if kind is bool else None
    elif field.option.repeated or field.option.once:
        kind = list[str] | None
    declaration = typer.Option(
        *_declared_flags(field),
        help=_help(field),
        metavar=None if _is_flag(field) else field.option.metavar or _metavar(field),
        show_default=False,
        rich_help_panel=field.group or None,
    )
    return inspect.Parameter(
        _name(field),
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, declaration],
    )


def _config_parameters() -> Iterable[inspect.Parameter]:
    for name, kind, default, text in (
        ("config", Path | None, None, _CONFIG),
        ("print_config", bool, False, _PRINT),
    ):
        flag = f"--{name.replace('_', '-')}"
        metavar = None if kind is bool else "FILE"
        declaration = typer.Option(
            flag,
            help=text,
            metavar=metavar,
            show_default=False,
            rich_help_panel=GENERAL,
        )
        yield inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[kind, declaration],
        )


def _name(field: Field) -> str:
    return "_".join(field.path)


def _is_flag(field: Field) -> bool:
    return field.kind is bool


def _is_asked_off(field: Field) -> bool:
    """Whether a flag that is False was typed, as ``--no-mirror``."""
    return bool(field.default) or _has_both(field)


def _has_both(field: Field) -> bool:
    return any("/" in flag for flag in field.option.flags)


def _declared_flags(field: Field) -> tuple[str, ...]:
    """Flags for Typer; one that is on by default can be switched off."""
    if _is_flag(field) and field.default and not _has_both(field):
        return (f"{field.flags[0]}/--no-{field.flags[0][2:]}",)
    return field.flags


def _metavar(field: Field) -> str:
    """Stands for the value in help: the choices, or the kind of value."""
    (kind, *others) = alternatives(field.kind)
    several = get_origin(kind) is tuple
    inner = get_args(kind)[0] if several else kind
    words = [*choices(inner)] or [_NAMES.get(part, "TEXT") for part in (inner, *others)]
    return "|".join(words) + (",..." if several and not field.option.repeated else "")


def _help(field: Field) -> str:
    default = _default(field)
    words = [field.option.in_help] if field.option.in_help else []
    words += [f"default: {default}"] if default else []
    return f"{field.option.help}  [{'; '.join(words)}]" if words else field.option.help


def _default(field: Field) -> str:
    """The default in words; "" where there is nothing to tell."""
    if field.option.default is not None:
        return field.option.default
    value = field.default
    if _has_both(field) or value is True:
        return "on" if value else "off"
    if value is None or value is False or value in ("", ()):
        return ""
    values = value if isinstance(value, tuple) else (value,)
    return ",".join(f"{v:g}" if isinstance(v, float) else str(v) for v in values)
