"""What every command shares: how it talks, and where it writes besides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from msrnet_cli.errors import UsageError
from msrnet_cli.options import Option

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Json:
    """For programs."""

    json: Annotated[bool, Option("JSON on standard output, for programs.")] = False


@dataclass(frozen=True, kw_only=True)
class Output(Json):
    """For programs, or for people who want to read little."""

    quiet: Annotated[
        bool, Option("Say only what went wrong.", flags=("--quiet", "-q"))
    ] = False


def require_place(flag: str, path: Path, suffix: str = "") -> None:
    """Refuse a file that could not be written, before the work that fills it.

    Raises:
        UsageError: Its folder does not exist, or its name has another suffix.
    """
    if suffix and path.suffix.lower() != suffix:
        raise UsageError(f"{flag} {path} must end in {suffix}", "rename it")
    if not path.parent.is_dir():
        raise UsageError(f"{flag} {path}: no such folder", "make it first")


def write_result(flag: str, path: Path, data: bytes) -> None:
    """Write a file that was asked for beside the result proper.

    Raises:
        UsageError: It cannot be written.
    """
    from msrnet_cli.files import write_whole

    try:
        write_whole(path, data)
    except OSError as error:
        raise UsageError(
            f"{flag} {path}: {error.strerror}", "choose another place"
        ) from error
