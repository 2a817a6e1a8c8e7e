"""data.json: the files that a run learns from, so that a resumed run has the same.

By name and size only: reading a large set twice would take minutes. Names are relative
to the folder that all files share, so a set may move, or be packed into a .zip.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import asdict, dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from msrnet_cli.documents import parsed
from msrnet_cli.files import write_whole
from msrnet_cli.train import settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path, PurePath

NAME = "data.json"


@dataclass(frozen=True)
class Inventory:
    """The files that a run learns from, and those that it is tried on.

    Attributes:
        training: Bytes of each file, by name.
        validation: The same; empty where some of the training data is tried.
    """

    training: Mapping[str, int]
    validation: Mapping[str, int]


def listed(files: Iterable[tuple[PurePath, int]]) -> dict[str, int]:
    """Bytes of files by their names below the folder that they share."""
    found = dict(files)
    shared = _shared([path.parent.parts for path in found])
    return {
        unicodedata.normalize("NFC", "/".join(path.parts[shared:])): size
        for path, size in found.items()
    }


def difference(before: Mapping[str, int], now: Mapping[str, int]) -> str:
    """In which files two sets differ, for people; "" if they are the same."""
    missing = sorted(before.keys() - now.keys())
    more = sorted(now.keys() - before.keys())
    other = sorted(
        name for name in before.keys() & now.keys() if before[name] != now[name]
    )
    parts = []
    for names, what in ((missing, "missing"), (more, "more"), (other, "of other size")):
        if names:
            parts.append(f"{len(names)} {what} ({_some(names)})")
    return ", ".join(parts)


def write(folder: Path, inventory: Inventory) -> None:
    """Write data.json.

    Raises:
        OSError: It could not be written.
    """
    text = json.dumps({**settings.stamp(), **asdict(inventory)}, indent=0)
    write_whole(folder / NAME, text.encode())


def read(folder: Path) -> Inventory | None:
    """Read data.json; None if it is missing, as in runs of the first releases.

    Raises:
        NewerError: A newer version wrote it.
        ValueError: It is damaged.
        OSError: It cannot be read.
    """
    try:
        document = parsed(settings.read_text(folder / NAME))
    except FileNotFoundError:
        return None
    if not isinstance(document, dict):
        raise ValueError("it does not list files")
    settings.known_version(document)
    return Inventory(_files(document, "training"), _files(document, "validation"))


def _files(document: dict[str, Any], part: str) -> dict[str, int]:
    found = document.get(part)
    if not isinstance(found, dict):
        raise ValueError(f"it does not list the {part} files")
    for name, size in found.items():
        if type(size) is not int or size < 0:
            raise ValueError(f"it does not tell the bytes of {name[:60]!r}")
    return found


def _some(names: list[str]) -> str:
    return f"{names[0]}, ..." if len(names) > 1 else names[0]


def _shared(folders: list[tuple[str, ...]]) -> int:
    """How many leading parts all folders have in common."""
    first, last = min(folders), max(folders)
    alike = takewhile(lambda both: both[0] == both[1], zip(first, last, strict=False))
    return sum(1 for _ in alike)
