"""Where a weights file lies: by a built-in name, a path or a hub address."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from msrnet_cli.errors import WeightsError
from msrnet_cli.hub import cache
from msrnet_cli.hub.address import SCHEME, parse_address

_OF_A_RUN = ("best.safetensors", "last.safetensors")


@dataclass(frozen=True)
class BuiltIn:
    """A weights file that is part of the package.

    Attributes:
        name: What names it.
        path: Where it lies.
        sha256: Of the file.
        default: Whether it is used where no weights and no light are named.
        light: Whether it is used where a light is named, and no weights.
    """

    name: str
    path: Path
    sha256: str
    default: bool
    light: bool = False


def built_in() -> list[BuiltIn]:
    """The weights that came with the package, by name."""
    folder = _built_in_folder()
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    return [
        BuiltIn(
            name,
            folder / f"{name}.safetensors",
            sha,
            default=name == manifest["default"],
            light=name == manifest.get("light"),
        )
        for name, sha in sorted(manifest["files"].items())
    ]


def default() -> BuiltIn | None:
    """The built-in weights that are used where none are named, if there are any."""
    return next((entry for entry in built_in() if entry.default), None)


def for_light() -> BuiltIn | None:
    """The built-in weights that are used where a light is named, if there are any."""
    return next((entry for entry in built_in() if entry.light), None)


def name_of(spec: str | Path | None = None) -> str:
    """What names weights for people, see `locate`; "" without a default."""
    if spec is not None:
        return str(spec)
    found = default()
    return found.name if found else ""


def locate(spec: str | None = None, *, offline: bool = False) -> Path:
    """Find a weights file.

    Args:
        spec: A built-in name, a path, or ``hf://owner/repo[@revision][/file]``; None
            for the built-in default.
        offline: Never use the internet.

    Raises:
        WeightsError: There is no such file.
        DownloadError: It could not be fetched.
    """
    if spec is None:
        found = default()
        if found is None:
            raise WeightsError(
                "this version of msrnet comes without default weights",
                "name a file with --weights FILE or --weights hf://owner/repo",
            )
        return found.path
    if spec.startswith(SCHEME):
        return cache.fetch(parse_address(spec), offline=offline)
    named = {entry.name: entry.path for entry in built_in()}
    return named.get(spec) or _existing(spec, ", ".join(named) or "none")


def kind_of(path: Path) -> str:
    """Why a path is not a weights file, as far as can be seen without opening it."""
    if path.is_dir():
        return "is a folder"
    return "is not a regular file" if path.exists() else "does not exist"


def _existing(spec: str, names: str) -> Path:
    """The file that a path names.

    Args:
        spec: The path, as the user wrote it.
        names: Of the built-in weights, for the message.

    Raises:
        WeightsError: There is no such file.
    """
    path = Path(spec)
    try:
        path = path.expanduser()
        found = path.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # no such user, a long name
        raise WeightsError(f"weights {spec}: {error}", "check the path") from error
    if found:
        return path
    remedy = f"give a .safetensors file, hf://owner/repo, or a built-in name ({names})"
    raise WeightsError(f"weights {spec}: {kind_of(path)}", _in_run(path) or remedy)


def _in_run(folder: Path) -> str:
    """Which weights a training run left in its folder; "" where it left none."""
    for name in _OF_A_RUN:
        if (folder / name).is_file():
            return f"name the weights in it: {folder / name}"
    return ""


@functools.cache
def _built_in_folder() -> Path:
    package = Path(__file__).parents[1]
    packaged = package / "_weights"
    return packaged if packaged.is_dir() else package.parent / "weights"
