"""The light of each picture of a folder: reads pictures, and writes nothing."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import read_endless
from msrnet_cli.folder.events import Ignored, LightFailed, LightFound
from msrnet_cli.folder.findings import Fault, Found
from msrnet_cli.folder.reasons import as_picture_error
from msrnet_cli.folder.search import NothingFoundError, search
from msrnet_cli.places import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from msrnet_cli.relight.relighter import Relighter

_NOWHERE = Path(os.devnull)  # nothing is written, so no folder is left out


@dataclass(frozen=True)
class StandardInput:
    """The one picture that comes through standard input."""

    path: str = "-"


Entry = Found | Fault | StandardInput


@dataclass(frozen=True)
class Pictures:
    """What there is to look at.

    Attributes:
        entries: Pictures, and what cannot be read.
        ignored: Entries that were passed over.
    """

    entries: tuple[Entry, ...]
    ignored: tuple[Ignored, ...] = ()


def pictures_of(
    inputs: Sequence[str], lists: str | None = None, *, recursive: bool
) -> Pictures:
    """The pictures among inputs.

    Args:
        inputs: Files, folders and patterns; or ``-`` alone for standard input.
        lists: A file with one path a line, or ``-`` for standard input.
        recursive: Enter subfolders.

    Raises:
        UsageError: An input is missing or not a regular file, or ``-`` is not alone.
        NothingFoundError: There is no picture, and nothing that claims to be one.
    """
    standard = StandardInput()
    if standard.path in inputs:
        if len(inputs) > 1 or lists is not None:
            raise UsageError("- takes no other input", "write: msrnet light - < a.jpg")
        return Pictures((standard,))
    try:
        found = tuple(search(inputs, lists, _NOWHERE, recursive=recursive))
    except OSError as error:
        reason = f"{error.filename or 'an input'}: {error.strerror or error}"
        raise UsageError(reason, "check the path") from error
    entries = tuple(one for one in found if not isinstance(one, Ignored))
    ignored = tuple(one for one in found if isinstance(one, Ignored))
    if not entries:
        raise NothingFoundError(ignored, recursive=recursive)
    return Pictures(entries, ignored)


def require_layers(relighter: Relighter, name: str) -> None:
    """Refuse weights that cannot tell where the light comes from.

    Raises:
        UsageError: The weights paint one relit picture, not layers.
    """
    if not relighter.architecture.paints_layers:
        raise UsageError(
            f"the weights {name} paint one light only, and find none",
            "use weights of a light stage: --weights lightstage",
        )


def lights_of(
    entries: Sequence[Entry], relighter: Relighter, max_megapixels: float
) -> Iterator[LightFound | LightFailed]:
    """The light of each picture, one after another; never raises for a picture.

    Args:
        entries: From `pictures_of`.
        relighter: With weights that paint layers.
        max_megapixels: A larger picture is refused before it is decoded.
    """
    for entry in entries:
        if isinstance(entry, Fault):
            yield LightFailed(entry.path, entry.reason, entry.remedy)
            continue
        try:
            yield _light_of(entry, relighter, max_megapixels)
        except Exception as error:  # also a bug must cost one picture, not all
            failure = as_picture_error(error)
            yield LightFailed(str(entry.path), failure.reason, failure.remedy)


def _light_of(
    entry: Found | StandardInput, relighter: Relighter, max_megapixels: float
) -> LightFound:
    data, suffix = _content(entry)
    picture = images.read(data, suffix, max_megapixels)
    light = relighter.layers(picture.pixels).source()
    is_lit = light.azimuth is not None
    return LightFound(
        input=str(entry.path),
        azimuth=light.azimuth,
        spread=light.spread if is_lit else None,
        kelvin=light.kelvin if is_lit else None,
        key=light.key,
        ambient=light.ambient,
        sure=light.sure,
    )


def _content(entry: Found | StandardInput) -> tuple[bytes, str]:
    """The bytes of a picture, and the suffix of its name."""
    try:
        if isinstance(entry, StandardInput):
            return read_endless(sys.stdin.buffer), ""
        return read(entry.path), entry.path.suffix
    except OSError as error:
        raise PictureError(f"cannot be read: {error.strerror}") from error
