"""What every command shares: how it talks, and where it writes besides."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from msrnet_cli.errors import UsageError
from msrnet_cli.options import Option

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from msrnet_cli.pages.place import Page


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


def require_page(flag: str, path: str | Path, reads: Iterable[str | Path] = ()) -> Page:
    """The page that an option names.

    Args:
        flag: The option.
        path: The page.
        reads: Files and folders that the command reads; those that do not exist, such
            as names of built-in weights, are passed over.

    Raises:
        UsageError: It could not be written, or would take another file's place.
    """
    from msrnet_cli.folder.targets import Read, Reads
    from msrnet_cli.pages.place import Page

    page = Page.named(flag, str(path))
    page.require_place(Reads(Read("input", Path(read)) for read in reads if read))
    return page


def require_place(
    flag: str, path: Path, reads: Iterable[str | Path] = (), *, start: bytes
) -> None:
    """Refuse a table that could not be written, before the work that fills it.

    Args:
        flag: The option that names it.
        path: The table, which may be a pipe or a device.
        reads: As of `require_page`.
        start: What every table of this kind starts with.

    Raises:
        UsageError: Its folder does not exist or takes no files, it is a folder, the
            command reads it, or it is a file that is not such a table.
    """
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
    if path.is_file() and not _may_replace(path, start):
        raise UsageError(
            f"{flag} {path} exists and is not a table that msrnet wrote",
            "remove it, or choose another name",
        )


def _may_replace(path: Path, start: bytes) -> bool:
    """Whether a file is a table of an earlier run, or empty."""
    try:
        with path.open("rb") as file:
            return file.read(len(start)) in (b"", start)
    except OSError:
        return False


def _holds(read: Path, path: Path) -> bool:
    """Whether a file is what is read, or may be one of the files in a folder.

    In a folder only tables may be replaced: no picture, scene or weights file has such
    a name.
    """
    try:
        if path.samefile(read):
            return True
    except OSError:  # one of them does not exist
        return False
    inside = path.resolve().is_relative_to(read.resolve())
    return inside and path.suffix.lower() != ".csv"


def write_result(flag: str, path: Path, data: bytes) -> None:
    """Write a table that was asked for beside the result proper.

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


def write_page(page: Page, html: str, beside: Collection[str] = ()) -> None:
    """Write a page; never through a link, as it may replace only another page.

    Args:
        page: Where it lies.
        html: What it is.
        beside: Names of its pictures in the folder beside it.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        page.write(html, beside)
    except OSError as error:
        raise page.unwritten(error) from error
