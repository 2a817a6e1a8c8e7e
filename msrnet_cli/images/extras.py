"""The libraries for kinds of pictures that not everybody has: loaded when one comes.

Nothing of theirs is registered with Pillow, nor are they loaded by any import.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from msrnet_cli.errors import PictureError

if TYPE_CHECKING:
    from types import ModuleType

    from msrnet_cli.config import Format

Extra = Literal["heic", "raw"]
"""The extras of the package for pictures."""


@dataclass(frozen=True)
class ExtraFacts:
    """What is known of an extra.

    Attributes:
        package: Its name in Python.
        distribution: Its name for pip.
        oldest: The first version that does all that is asked of it.
        pictures: What it reads, for people; without a verb.
    """

    package: str
    distribution: str
    oldest: tuple[int, int]
    pictures: str


EXTRAS: dict[Extra, ExtraFacts] = {
    "heic": ExtraFacts("pillow_heif", "pillow-heif", (1, 7), "a HEIC picture"),
    "raw": ExtraFacts("rawpy", "rawpy", (0, 24), "a camera raw file"),
}


def library(extra: Extra) -> ModuleType:
    """Load the library of an extra.

    Raises:
        PictureError: It is not installed, or too old; the remedy names the extra.
    """
    facts = EXTRAS[extra]
    try:
        found = import_module(facts.package)
    except ImportError as error:
        raise PictureError(
            f"{facts.pictures}: support for it is not installed", remedy(extra)
        ) from error
    version = metadata.version(facts.distribution)
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < facts.oldest:
        raise PictureError(
            f"{facts.pictures}: {facts.distribution} {version} is too old for it",
            f"pip install -U 'msrnet[{extra}]'",
        )
    return found


def remedy(extra: Extra) -> str:
    """How to install an extra."""
    inject = f"pipx inject msrnet {EXTRAS[extra].distribution}"
    return f"pip install 'msrnet[{extra}]', or where pipx is used: {inject}"


def missing_for(format: Format) -> Extra | None:
    """The extra that is needed to write a format, and is not installed."""
    if format == "heic" and find_spec(EXTRAS["heic"].package) is None:
        return "heic"
    return None
