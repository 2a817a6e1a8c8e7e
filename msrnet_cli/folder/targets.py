"""Every output of a job, looked at before the first write.

No output may be a file that the job reads, nor that of another picture, nor lie
outside the output folder.
"""

from __future__ import annotations

import os
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from msrnet_cli.folder.options import Exist

STDIN = Path("/dev/stdin")
"""Leads to the file that a shell puts there: ``< photo.jpg``."""

LONGEST_NAME = 255
"""Bytes of a name, on every common file system."""


@dataclass(frozen=True)
class Read:
    """A file that a job reads, whatever it is for.

    Attributes:
        what: For people, such as ``input`` or ``mask``.
        path: The file; it need not exist.
    """

    what: str
    path: Path

    def __str__(self) -> str:
        return f"{self.what} {self.path}"


class Reads:
    """The files that a job reads, by any name that leads to them.

    Args:
        files: In the order in which a message would name them.
    """

    def __init__(self, files: Iterable[Read]) -> None:
        self._paths: dict[str, str] = {}
        self._identities: dict[tuple[int, int], str] = {}
        for file in files:
            self._paths.setdefault(os.path.realpath(file.path), str(file))
            with suppress(OSError):
                found = file.path.stat()
                self._identities.setdefault((found.st_dev, found.st_ino), str(file))

    def require_apart(self, path: Path) -> None:
        """Refuse an output that is one of these files, through links of any kind too.

        Raises:
            UsageError: It is; says which.
        """
        name = self._paths.get(os.path.realpath(path))
        if name is None:
            with suppress(OSError):
                found = path.stat()
                name = self._identities.get((found.st_dev, found.st_ino))
        if name is not None:
            raise UsageError(
                f"{path} would overwrite the {name}", "choose another output"
            )


def check(
    outputs: Mapping[Path, Sequence[Path]],
    root: Path | None,
    reads: Reads,
    spelling: tuple[bool, bool],
    exist: Exist,
) -> None:
    """Check all outputs of a job.

    Args:
        outputs: Of each input, every file that is written for it.
        root: The output folder; None where the output is one named file.
        reads: What the job reads.
        spelling: Which spellings of a name are two files, as `files.probe` tells.
        exist: What to do where an output exists.

    Raises:
        UsageError: One of them cannot be meant, or cannot be written.
    """
    root = root.resolve() if root is not None else None
    taken: dict[str, Path] = {}
    paths = [path for several in outputs.values() for path in several]
    existing = [path for path in paths if os.path.lexists(path)]
    for source, several in outputs.items():
        for path in several:
            _check(path, root)
            reads.require_apart(path)
            key = _as_stored(str(path), *spelling)
            if key in taken:
                raise UsageError(
                    f"{taken[key]} and {source} would both become {path}",
                    "relight them into different folders, or rename one",
                )
            taken[key] = source
    _check_writable({path.parent for path in paths})
    if existing and exist == "error":
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise UsageError(
            f"{existing[0]}{more} exists", "use --exist overwrite to replace it"
        )


def _check(path: Path, root: Path | None) -> None:
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise UsageError(f"{path.name} is too long for a name", "rename the input")
    if root is not None and not path.parent.resolve().is_relative_to(root):
        raise UsageError(
            f"{path} lies outside the output folder",
            "remove the symbolic link that leads there",
        )
    if path.is_symlink():
        raise UsageError(f"{path} is a symbolic link", "remove it")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} exists and is not a regular file", "remove it")


def _check_writable(folders: set[Path]) -> None:
    for folder in folders:
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError(
                f"nothing can be written to {folder}: Permission denied",
                "check its permissions, or name another output",
            )


def _as_stored(path: str, case_counts: bool, form_counts: bool) -> str:
    """The same text for all spellings that name the same file."""
    if not form_counts:
        path = unicodedata.normalize("NFC", path)
    return path if case_counts else path.casefold()
