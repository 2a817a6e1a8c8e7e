"""Named lights: those that come with the program, and a user's own.

A user's own stand in a TOML file, each a table of the options that it sets:

    [late-sun]
    about = "Low sun from the left, as I like it."
    to = "260"
    kelvin = 3100
"""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from msrnet_cli import documents
from msrnet_cli.errors import UsageError
from msrnet_cli.files import read_regular
from msrnet_cli.lights.options import LightOptions, spelled

FILE = "looks.toml"
_ABOUT = "about"
_HELP = "msrnet relight --help says what each option takes"
_NOT_OF_A_LOOK = ("look", "like")
_SETS = tuple(f.name for f in fields(LightOptions) if f.name not in _NOT_OF_A_LOOK)


@dataclass(frozen=True, kw_only=True)
class Look:
    """A named light.

    Attributes:
        name: As ``--look`` takes it.
        about: What it looks like, in a sentence; "" where its author left it out.
        light: What it sets.
        own: Whether it stands in the user's file.
        replaces: Whether it takes the place of a built-in one.
    """

    name: str
    about: str
    light: LightOptions
    own: bool = False
    replaces: bool = False


@dataclass(frozen=True, kw_only=True)
class LookFault:
    """What is wrong in the user's file.

    Attributes:
        name: Of the look, as its table says; "" where the whole file is meant.
        reason: What is wrong, with the file and the table.
        remedy: What to do about it.
    """

    name: str
    reason: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Looks:
    """The named lights.

    Attributes:
        own_file: Where a user's own stand, whether the file is there or not.
        looks: All that are sound, in order.
        faults: What is wrong in the user's file.
    """

    own_file: Path
    looks: tuple[Look, ...]
    faults: tuple[LookFault, ...] = ()


def _built_in(name: str, about: str, **sets: Any) -> Look:  # noqa: ANN401 fields of LightOptions
    return Look(name=name, about=about, light=LightOptions(**sets))


BUILT_IN = (
    _built_in(
        "golden-hour", "Low, warm sun from the left; shadows keep their own colour.",
        to="W", kelvin=3200, key=1.1, ambient=0.8,
    ),
    _built_in(
        "noon", "Bright, almost white sun from behind the camera.",
        to="S", kelvin=5500, key=1.1, ambient=0.8,
    ),
    _built_in(
        "overcast", "A bright grey sky: soft light from everywhere, a little cool.",
        even=True, kelvin=6800, key=0.9, ambient=1.1,
    ),
    _built_in(
        "blue-hour", "After sunset: dim, blue, hardly a direction.",
        even=True, kelvin=20000, key=0.5, ambient=0.4,
    ),
    _built_in(
        "moonlight", "One cold, weak light from behind the scene on the left.",
        to="NW", kelvin=20000, key=0.4, ambient=0.15,
    ),
    _built_in(
        "lamp", "A warm bulb on the right, in a dim room.",
        to="E", kelvin=2700, key=0.9, ambient=0.35, softness=20,
    ),
    _built_in(
        "studio", "Soft key from the front left, weaker fill from the right.",
        light=("SW:5500:0.9", "E:5500:0.35"), ambient=0.6, softness=30,
    ),
    _built_in(
        "rim", "From behind on both sides; what faces the camera is dim.",
        light=("NW::0.8", "NE::0.8"), ambient=0.25,
    ),
)  # fmt: skip


def all_looks() -> Looks:
    """Every look; a user's own come last, or in the place of a built-in one.

    A faulty one is told of among the faults. So is a file that cannot be read, and the
    looks that come with the program are there.
    """
    path, faults = own_file(), []
    found: dict[str, Look | None] = {look.name: look for look in BUILT_IN}
    try:
        tables = _tables(path)
    except UsageError as error:
        tables = {}
        faults.append(LookFault(name="", reason=error.reason, remedy=error.remedy))
    for name, table in tables.items():
        found[name] = None  # a built-in one of that name does not count, either
        try:
            found[name] = _look(path, name, table)
        except UsageError as error:
            fault = LookFault(name=name, reason=error.reason, remedy=error.remedy)
            faults.append(fault)
    sound = tuple(look for look in found.values() if look is not None)
    return Looks(own_file=path, looks=sound, faults=tuple(faults))


def find(name: str) -> Look:
    """The look of a name; faults in other looks of the user's file do no harm.

    Raises:
        UsageError: There is none, or the user's file cannot be read.
    """
    path = own_file()
    own, built_in = _tables(path), {look.name: look for look in BUILT_IN}
    if name in own:
        return _look(path, name, own[name])
    if name in built_in:
        return built_in[name]
    near = get_close_matches(name.lower(), [*built_in, *own])
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise UsageError(f"unknown look {name!r}", f"{hint}msrnet looks lists all")


def own_file() -> Path:
    """Where a user's own looks stand, whether the file is there or not."""
    name = "APPDATA" if sys.platform == "win32" else "XDG_CONFIG_HOME"
    base = Path(os.environ.get(name, ""))
    if not base.is_absolute():  # not set, or of no meaning
        usual = "~/AppData/Roaming" if sys.platform == "win32" else "~/.config"
        base = Path(os.path.expanduser(usual))  # noqa: PTH111 does without a home
    return base / "msrnet" / FILE


def sets(look: Look) -> dict[str, Any]:
    """What a look sets, by the names of options."""
    usual = LightOptions()
    values = {name: getattr(look.light, name) for name in _SETS}
    return {
        name: value for name, value in values.items() if value != getattr(usual, name)
    }


def _tables(path: Path) -> dict[str, Any]:
    """What the user's file holds by name; nothing where there is no file."""
    try:
        text = read_regular(Path(os.path.realpath(path))).decode("utf-8-sig")
        return tomllib.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "check the file") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: it is not text in UTF-8", "save it so") from error
    except RecursionError:
        raise UsageError(f"{path}: it is nested too deeply", "mend it") from None
    except ValueError as error:  # not TOML, or a number of too many digits
        raise UsageError(f"{path}: {error}", "mend the line") from error


def _look(path: Path, name: str, table: object) -> Look:
    """A look out of a table of the user's file."""
    place = f"{path}: [{name}]"
    if not isinstance(table, dict):
        raise UsageError(
            f"{path}: {name} stands outside a table", "begin a look with [NAME]"
        )
    values = dict(table)
    about = values.pop(_ABOUT, "")
    for key in values:
        if key not in _SETS:
            raise UsageError(
                f"{place} sets {key}", f"a look sets {', '.join(_SETS)}, and has about"
            )
    if not isinstance(about, str):
        raise UsageError(f"{place} about is not a text", "put it in quotes")
    try:
        light = documents.rebuilt(LightOptions, spelled(values))
    except UsageError as error:
        raise UsageError(f"{place} {error.reason}", error.remedy) from error
    except ValueError as error:
        raise UsageError(f"{place} {error}", _HELP) from error
    if light.is_fan:
        raise UsageError(f"{place} to is all", "a look has one light")
    if light.is_plain:
        raise UsageError(f"{place} sets no light", "give it a direction")
    replaces = any(look.name == name for look in BUILT_IN)
    return Look(name=name, about=about, light=light, own=True, replaces=replaces)
