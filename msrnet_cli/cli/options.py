"""What every command shares: how it talks, and where it writes besides."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from msrnet_cli.errors import UsageError
from msrnet_cli.options import Option

if TYPE_CHECKING:
    from collections.abc import Iterable

_RESULTS = {".csv", ".html"}


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


def require_place(
    flag: str, path: Path, suffix: str = "", reads: Iterable[str | Path] = ()
) -> None:
    """Refuse a file that could not be written, before the work that fills it.

    Args:
        flag: The option that names it.
        path: The file.
        suffix: With which its name must end; "" for any.
        reads: Files and folders that the command reads; those that do not exist, such
            as names of built-in weights, are passed over.

    Raises:
        UsageError: Its folder does not exist or takes no files, its name has another
            suffix, it is a folder, or the command reads it.
    """
    if suffix and path.suffix.lower() != suffix:
        raise UsageError(f"{flag} {path} must end in {suffix}", "rename it")
    if not path.parent.is_dir():
        raise UsageError(f"{flag} {path}: no such folder", "make it first")
    if path.is_dir():
        raise UsageError(f"{flag} {path} is a folder", "name a file")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        reason = f"{flag} {path}: its folder cannot be written to"
        raise UsageError(reason, "choose another place")
    for read in reads:
        if read and _holds(Path(read), path):
            raise UsageError(
                f"{flag} {path} would replace a file that is read ({read})",
                "choose another place",
            )


def _holds(read: Path, path: Path) -> bool:
    """Whether a file is what is read, or may be one of the files in a folder.

    In a folder only tables and pages may be replaced: no picture, scene or weights file
    has such a name.
    """
    try:
        if path.samefile(read):
            return True
    except OSError:  # one of them does not exist
        return False
    inside = path.resolve().is_relative_to(read.resolve())
    return inside and path.suffix.lower() not in _RESULTS


def write_result(flag: str, path: Path, data: bytes) -> None:
    """Write a file that was asked for beside the result proper.

    A pipe or a device, such as ``/dev/stdout``, is written to as it is.

    Raises:
        UsageError: It cannot be written.
    """
    from msrnet_cli.files import write_whole

    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            write_whole(path.resolve(), data)  # of a link the file, not the link
    except OSError as error:
        raise UsageError(
            f"{flag} {path}: {error.strerror}", "choose another place"
        ) from error


def write_page(path: Path, page: str) -> None:
    """Write the page of --report; of odd names only what UTF-8 holds.

    Raises:
        UsageError: It cannot be written.
    """
    write_result("--report", path, page.encode("utf-8", "replace"))
