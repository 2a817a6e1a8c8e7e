"""Every output of a job, looked at before the first write.

No output may be a file that the job reads, nor that of another picture, nor lie
outside the output folder.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
        many: What and path of further files, which exist. There may be millions, of
            which nothing is kept.
    """

    def __init__(
        self, files: Iterable[Read], many: Iterable[tuple[str, str]] = ()
    ) -> None:
        self._many = many
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
        self.require_all_apart([path])

    def require_all_apart(self, paths: Iterable[Path]) -> None:
        """As `require_apart`, for each of many outputs.

        Raises:
            UsageError: One of them is one of these files; says which.
        """
        real = Real()
        there: dict[tuple[int, int], Path] = {}
        for path in paths:
            name = self._paths.get(real.of(path))
            with suppress(OSError):
                found = path.stat()
                there.setdefault((found.st_dev, found.st_ino), path)
                name = name or self._identities.get((found.st_dev, found.st_ino))
            if name is not None:
                raise _overwrites(path, name)
        # What is not there is none of many files, which are.
        for what, text in self._many if there else ():
            with suppress(OSError):
                one = os.stat(text)  # noqa: PTH116 a Path costs more than the call
                if (one.st_dev, one.st_ino) in there:
                    path = there[one.st_dev, one.st_ino]
                    raise _overwrites(path, f"{what} {text}")


class Real:
    """Real paths of many files; folders are looked at once."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def of(self, path: Path) -> str:
        """As os.path.realpath."""
        if path.is_symlink() or not path.name:
            return os.path.realpath(path)
        folder = self.folder_of(path)
        return f"{folder}{'' if folder.endswith(os.sep) else os.sep}{path.name}"

    def folder_of(self, path: Path) -> str:
        """The real folder of a file."""
        text = str(path).removesuffix(path.name)
        found = self._folders.get(text)
        if found is None:
            found = self._folders[text] = os.path.realpath(text)
        return found


def _overwrites(path: Path, name: str) -> UsageError:
    return UsageError(f"{path} would overwrite the {name}", "choose another output")


def check(paths: Sequence[Path], root: Path | None, reads: Reads, exist: Exist) -> None:
    """Check the outputs of a job.

    Args:
        paths: Every file that is written.
        root: The output folder; None where the output is one named file.
        reads: What the job reads.
        exist: What to do where an output exists.

    Raises:
        UsageError: One of them cannot be meant, or cannot be written.
    """
    real = Real()
    within = None if root is None else Path(os.path.realpath(root))
    inside: set[str] = set()
    for path in paths:
        folder = real.folder_of(path)
        if within is not None and folder not in inside:
            _require_inside(path, Path(folder), within)
            inside.add(folder)
        _check(path)
    reads.require_all_apart(paths)
    _check_writable({path.parent for path in paths})
    existing = [path for path in paths if os.path.lexists(path)]
    if existing and exist == "error":
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise UsageError(
            f"{existing[0]}{more} exists", "use --exist overwrite to replace it"
        )


def _require_inside(path: Path, folder: Path, root: Path) -> None:
    if not folder.is_relative_to(root):
        raise UsageError(
            f"{path} lies outside the output folder",
            "remove the symbolic link that leads there",
        )


def _check(path: Path) -> None:
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise UsageError(f"{path.name} is too long for a name", "rename the input")
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if stat.S_ISLNK(mode):
        raise UsageError(f"{path} is a symbolic link", "remove it")
    if not stat.S_ISREG(mode):
        raise UsageError(f"{path} exists and is not a regular file", "remove it")


def _check_writable(folders: set[Path]) -> None:
    for folder in folders:
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError(
                f"nothing can be written to {folder}: Permission denied",
                "check its permissions, or name another output",
            )
