"""What was found, kept in a file under what it was found of."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from msrnet_cli.errors import UsageError
from msrnet_cli.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def kept(folder: Path, of: Mapping[str, Any], find: Callable[[], Any]) -> Any:  # noqa: ANN401 any JSON
    """What was found of something; it is found once.

    Args:
        folder: Where such findings lie.
        of: All that the finding depends on, as JSON.
        find: Finds it, as JSON.
    """
    text = json.dumps(of, sort_keys=True)
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.json"
    if (before := read(path)) is not None:
        return before["found"]
    document = {"of": of, "found": find()}
    write(path, document)
    return document["found"]


def read(path: Path) -> dict[str, Any] | None:
    """A JSON document; None where there is no such file.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}", "remove it") from error
    return document


def write(path: Path, document: object) -> None:
    """Write JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(document, indent=1) + "\n").encode())


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
