"""Declares options: each is a field of a record, with its default and an `Option`.

    quality: Annotated[int | None, Option("For JPEG and WebP.", least=1, most=100)] = 90

The record is what a job takes. The command line, its help and the documents that people
edit are derived from it.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, is_dataclass, replace
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


_FAR = 2**20


@dataclass(frozen=True, kw_only=True)
class Range:
    """The numbers that a field may hold. In a sequence, every number lies in the range.

    Attributes:
        least: The smallest; None for no bound.
        most: The largest; None for no bound.
        above: Whether `least` itself is excluded.
        below: Whether `most` itself is excluded.
        several: A sequence holds at least one value.
        endless: Whether infinity is allowed.
    """

    least: float | None = None
    most: float | None = None
    above: bool = False
    below: bool = False
    several: bool = False
    endless: bool = False

    def holds(self, value: Any) -> bool:  # noqa: ANN401 whatever a field may hold
        """Whether a value is allowed: a finite number in range, or any text."""
        if isinstance(value, tuple):
            return (bool(value) or not self.several) and all(map(self.holds, value))
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        if value in (math.inf, -math.inf) and not self.endless:
            return False
        if not (abs(value) <= sys.float_info.max or value in (math.inf, -math.inf)):
            return False  # nan, or a larger integer
        low = self.least is None or value > self.least
        high = self.most is None or value < self.most
        is_least = value == self.least and not self.above
        is_most = value == self.most and not self.below
        return (low or is_least) and (high or is_most)

    def __str__(self) -> str:
        """In words, such as ``1 to 100``; "" for any number."""
        least = "" if self.least is None else f"{self.least:.12g}"
        most = "" if self.most is None else f"{self.most:.12g}"
        if least and most:
            start, end = "more than " * self.above, "less than " * self.below
            return f"{start}{least} to {end}{most}"
        if least:
            return f"more than {least}" if self.above else f"{least} or more"
        return f"{'less than' if self.below else 'at most'} {most}" if most else ""

    @property
    def in_help(self) -> str:
        """The range in words, for help. Bounds of 2**20 and more are left out.

        Such bounds only prevent overflow.
        """
        return str(self._near)

    def expected(self, value: Any) -> str:  # noqa: ANN401 whatever a field may hold
        """What is allowed in place of a value that is not, in words."""
        if isinstance(value, tuple) and not value:
            return "at least one value"
        numbers = value if isinstance(value, tuple) else (value,)
        if not all(map(math.isfinite, numbers)):
            return ", ".join(filter(None, ("a finite number", self.in_help)))
        return str(self) if self._near.holds(value) else self.in_help

    @property
    def _near(self) -> Range:
        least, most = (
            end if end is None or abs(end) < _FAR else None
            for end in (self.least, self.most)
        )
        return Range(
            least=least, most=most, above=self.above, below=self.below,
            endless=self.endless,
        )  # fmt: skip


@dataclass(frozen=True)
class Option(Range):
    """How a field is asked for at the command line.

    Attributes:
        help: What it does, for people.
        flags: Such as ``("--recursive", "-r")``, or ``("--mirror/--no-mirror",)`` for
            one that can also be turned off; empty: made of the field's name.
        metavar: Stands for the value in help; "" for the names of its type.
        default: Words that stand for the default in help; None for the value itself.
        read: Makes the value of what was typed; None does it by the field's type.
            Raises a ValueError that says what is expected.
        repeated: A sequence is given as the same flag again, not as ``8,4,2``.
        once: What to do instead, where a single value is given twice; "" lets the last
            one count.
        one_of: Name of a set of options of which at most one counts: one that is typed
            takes the place of the others, which a document may hold.
    """

    help: str
    flags: tuple[str, ...] = ()
    metavar: str = ""
    default: str | None = None
    read: Callable[[str], Any] | None = None
    repeated: bool = False
    once: str = ""
    one_of: str = ""


@dataclass(frozen=True)
class Group:
    """Marks a field that holds a record: help lists its options under one title.

    Attributes:
        title: Above the options.
    """

    title: str


@dataclass(frozen=True)
class Field:
    """A field that is asked for, wherever it stands in a record of records.

    Attributes:
        path: Names of fields from the outer record inwards.
        kind: Its type.
        option: What was declared.
        default: What the record holds.
        group: Title of its group; "" for none.
    """

    path: tuple[str, ...]
    kind: Any
    option: Option
    default: Any
    group: str

    @property
    def flags(self) -> tuple[str, ...]:
        """Such as ``--lr-end``; what the declaration says goes first."""
        return self.option.flags or (f"--{self.path[-1].replace('_', '-')}",)

    @property
    def flag(self) -> str:
        """The flag that gives the field its value, such as ``--no-mirror`` for off."""
        on, _, off = self.flags[0].partition("/")
        return off if off and self.default is False else on


def hints(record: type[Any]) -> Mapping[str, Any]:
    """The types of a record's fields with all that is declared of them."""
    return get_type_hints(record, include_extras=True)


def declared(hint: Any, kind: type[Any]) -> Any:  # noqa: ANN401 any type
    """The declaration of a kind that a type carries; None where it carries none."""
    if get_origin(hint) is Annotated:
        found = (extra for extra in hint.__metadata__ if isinstance(extra, kind))
        return next(found, None)
    return None


def plain(hint: Any) -> Any:  # noqa: ANN401 any type
    """A type without what is declared of it."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def asked(record: Any, group: str = "") -> Iterator[Field]:  # noqa: ANN401 any record
    """All fields of a record of records that are options, in order.

    Args:
        record: One that holds the defaults.
        group: Title of those that stand in no group of their own.
    """
    types = hints(type(record))
    for name in _names(type(record)):
        hint = types[name]
        value, option = getattr(record, name), declared(hint, Option)
        if option is not None:
            yield Field((name,), plain(hint), option, value, group)
        elif is_dataclass(value):
            inner = declared(hint, Group) or Group("")
            for found in asked(value, inner.title or group):
                yield replace(found, path=(name, *found.path))


def _names(kind: type[Any]) -> list[str]:
    """The fields of a record; what it inherits comes last."""
    own = (vars(base).get("__annotations__", {}) for base in kind.__mro__)
    return list(dict.fromkeys(name for names in own for name in names))


def outside(record: Any) -> Iterator[Field]:  # noqa: ANN401 any record
    """Fields of a record of records that hold what their declaration does not allow."""
    return (field for field in asked(record) if not field.option.holds(field.default))


def replaced(record: Any, path: Sequence[str], value: Any) -> Any:  # noqa: ANN401 any record
    """A record of records with another value in one field.

    Args:
        record: The outer one.
        path: Names of fields from the outer record inwards, as in `Field`.
        value: For the last of them.
    """
    name, *inner = path
    new = replaced(getattr(record, name), inner, value) if inner else value
    return replace(record, **{name: new})


def alternatives(kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 any type
    """The members of a union, without None; of another type, itself."""
    if get_origin(kind) in (Union, UnionType):
        return tuple(part for part in get_args(kind) if part is not type(None))
    return (kind,)


def choices(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 any type
    """The values of a Literal, also of one in a union; empty for another type."""
    parts = [p for p in alternatives(kind) if get_origin(p) is Literal]
    return tuple(str(value) for part in parts for value in get_args(part))
