"""The light of each picture of a folder: reads pictures, and writes nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import read_regular
from msrnet_cli.folder.events import Ignored, LightFailed, LightFound
from msrnet_cli.folder.search import Fault, Found, NothingFoundError, search
from msrnet_cli.folder.stages import as_picture_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from msrnet_cli.relight.relighter import Relighter

_NOWHERE = Path(os.devnull)  # nothing is written, so no folder is left out


def pictures_of(inputs: Sequence[str], *, recursive: bool) -> tuple[Found | Fault, ...]:
    """The pictures among inputs, and what cannot be read.

    Args:
        inputs: Files, folders and patterns.
        recursive: Enter subfolders.

    Raises:
        UsageError: An input is missing or not a regular file.
        NothingFoundError: There is no picture, and nothing that claims to be one.
    """
    try:
        entries = tuple(search(inputs, None, _NOWHERE, recursive=recursive))
    except OSError as error:
        reason = f"{error.filename or 'an input'}: {error.strerror or error}"
        raise UsageError(reason, "check the path") from error
    there = tuple(one for one in entries if not isinstance(one, Ignored))
    if not there:
        ignored = (one for one in entries if isinstance(one, Ignored))
        raise NothingFoundError(ignored, recursive=recursive)
    return there


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
    entries: Sequence[Found | Fault], relighter: Relighter, max_megapixels: float
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
            yield _light_of(entry.path, relighter, max_megapixels)
        except Exception as error:  # also a bug must cost one picture, not all
            failure = as_picture_error(error)
            yield LightFailed(str(entry.path), failure.reason, failure.remedy)


def _light_of(path: Path, relighter: Relighter, max_megapixels: float) -> LightFound:
    try:
        data = read_regular(path)
    except OSError as error:
        raise PictureError(f"cannot be read: {error.strerror}") from error
    picture = images.read(data, path.suffix, max_megapixels)
    light = relighter.layers(picture.pixels).source()
    return LightFound(
        input=str(path),
        azimuth=light.azimuth,
        spread=light.spread,
        kelvin=light.kelvin,
        key=light.key,
        ambient=light.ambient,
        sure=light.sure,
    )
