"""Where results go, as the user named it: a folder, or one file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import UsageError
from msrnet_cli.files import look_at, probe
from msrnet_cli.folder import bucket
from msrnet_cli.folder.search import is_url
from msrnet_cli.images.extras import missing_for, remedy
from msrnet_cli.images.formats import FORMATS
from msrnet_cli.places import Place, place
from msrnet_cli.stores.address import Address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msrnet_cli.config import Format


@dataclass(frozen=True)
class Destination:
    """An output as the user wrote it.

    Attributes:
        text: The words of the user.
        is_file: Whether they name the file of the only result; else a folder.
    """

    text: str
    is_file: bool

    @property
    def path(self) -> Place:
        """The folder or file."""
        return place(self.text)

    @property
    def folder(self) -> Place:
        """The folder that results are written to."""
        return self.path.parent if self.is_file else self.path


def destination(
    inputs: Sequence[str], output: str, format: Format | None, lists: str | None
) -> Destination:
    """Tell whether an output is a folder or a file.

    Args:
        inputs: Files, folders and patterns.
        output: As the user wrote it.
        format: The output format, where the user asks for one.
        lists: A list of further inputs, if there is one.

    Raises:
        UsageError: The output is a URL of another kind, a file where a folder is
            needed, or does not have the suffix of a format that is written here.
    """
    found = Destination(output, _names_a_file(inputs, output, lists))
    _check_output(found, format)
    if found.is_file:
        format = images.format_of(found.path.suffix)
    extra = missing_for(format) if format else None
    if format and extra:
        name = FORMATS[format].name
        reason = f"support for {name} pictures is not installed"
        raise UsageError(reason, remedy(extra))
    return found


def try_out(folder: Place, *, dry: bool = False) -> tuple[bool, bool]:
    """Require that a folder can be written to, before any work; leaves no trace.

    Of a store it is only asked whether it answers: to write there and remove it again
    would take a permission that the job does not need.

    Args:
        folder: Which one; it need not exist.
        dry: Write nothing: permissions must do.

    Returns:
        Which spellings of a name the file system tells apart, as `files.probe`.

    Raises:
        UsageError: Nothing can be written there.
    """
    if isinstance(folder, Address):
        bucket.require_there(folder)
        return True, True
    try:
        return look_at(folder) if dry else probe(folder)
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(
            f"nothing can be written to {folder}: {reason}",
            "check its space and permissions, or name another output",
        ) from error


def check_no_url(output: str) -> None:
    """Refuse a URL as output: it would become a folder of that name.

    Raises:
        UsageError: The output is a URL.
    """
    if is_url(output):
        raise UsageError(
            f"{output} is a URL; results go to files and folders",
            "name a folder, and copy it there afterwards",
        )


def _names_a_file(inputs: Sequence[str], output: str, lists: str | None) -> bool:
    path = place(output)
    is_single = len(inputs) == 1 and lists is None and _is_file(inputs[0])
    if not is_single or _is_folder(path) or _ends_as_a_folder(output):
        return False
    if images.format_of(path.suffix) is not None:
        return True
    if path.suffix.lower() in images.PICTURE_SUFFIXES:
        raise UsageError(
            f"{path.suffix} files are not written", "end the output in .tif or .png"
        )
    return False


def _check_output(output: Destination, wanted: Format | None) -> None:
    path = output.path
    if isinstance(path, Path):
        check_no_url(output.text)
    else:
        bucket.check(output.text)
    format = images.format_of(path.suffix)
    if output.is_file:
        if wanted and format != wanted:
            raise UsageError(
                f"{output.text} does not end like a {FORMATS[wanted].name} file",
                "drop --format or change the name",
            )
        return
    if isinstance(path, Path) and path.exists() and not path.is_dir():
        raise UsageError(f"{output.text} is a file", "name a folder for the output")
    if format and not _is_folder(path) and not _ends_as_a_folder(output.text):
        raise UsageError(
            f"{output.text} is named as a picture, but must be a folder",
            "name another folder, or end it in /",
        )


def _is_file(text: str) -> bool:
    path = place(text)
    return path.is_file() if isinstance(path, Path) else bucket.is_object(text)


def _is_folder(path: Place) -> bool:
    return isinstance(path, Path) and path.is_dir()


def _ends_as_a_folder(output: str) -> bool:
    return output.endswith(("/", os.sep))
