"""Which pictures there are in folders, patterns and lists, and what cannot be read.

Looks at names and at the first bytes of files; decodes nothing.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import NothingDoneError, UsageError
from msrnet_cli.files import opened_regular
from msrnet_cli.folder import bucket
from msrnet_cli.folder.events import Ignored
from msrnet_cli.folder.findings import (
    Fault,
    Finding,
    Found,
    beginning,
    listing,
)
from msrnet_cli.folder.lists import ROOT_MARK, meant, plain, read_list
from msrnet_cli.folder.names import is_hidden, parted
from msrnet_cli.images.formats import HEAD_BYTES
from msrnet_cli.images.previews import is_preview
from msrnet_cli.places import Place, start
from msrnet_cli.stores.address import Address, is_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LINK = "symbolic link"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


class NothingFoundError(NothingDoneError):
    """There is no picture among the inputs, and nothing that claims to be one.

    Args:
        ignored: What was passed over.
        recursive: Whether subfolders were entered.
    """

    def __init__(self, ignored: Iterable[Ignored], *, recursive: bool) -> None:
        self.ignored = tuple(ignored)
        counts = Counter(one.reason for one in self.ignored)
        passed = ", ".join(f"{what} ({count})" for what, count in counts.items())
        hints = []
        if bucket.SUBFOLDER in counts and not recursive:
            hints.append("--recursive enters subfolders")
        if _LINK in counts:
            hints.append("name the files that links lead to")
        super().__init__(
            f"no picture found{f', passed over: {passed}' if passed else ''}",
            ", ".join(["check the paths", *hints]),
        )


def search(
    inputs: Sequence[str], lists: str | None, target: Place, *, recursive: bool
) -> Iterator[Finding]:
    """All pictures of files, folders, patterns and a list, each once.

    Args:
        inputs: As the user wrote them.
        lists: A file with one path a line, or ``-`` for standard input.
        target: Where results go; files in that folder are not inputs.
        recursive: Enter subfolders.

    Raises:
        UsageError: An input, or each entry of a list, is missing or not a regular
            file.
    """
    seen: set[str] = set()
    here = beginning(str(Path.cwd()))
    search = _Search(target, recursive)
    for finding in search.all(inputs, lists):
        text = finding.text if isinstance(finding, Found) else str(Path(finding.path))
        # The same file named twice is one picture. Below the current folder, texts
        # stay as they are, which takes no further memory.
        text = os.path.normcase(text.removeprefix(here))
        if text not in seen:
            seen.add(text)
            yield finding


def check_input(text: str) -> None:
    """Require that an input exists and can be read; a pattern always passes.

    Raises:
        UsageError: The input is missing, a URL, a link or a special file.
    """
    path = Path(text)
    if is_address(text):
        bucket.check(text)
        return
    if is_url(text):
        raise UsageError(f"{text} is a URL, not a file", "download it first")
    if path.is_dir() or (glob.has_magic(text) and not os.path.lexists(path)):
        return
    reason, remedy = _objection(path)
    if reason:
        raise UsageError(f"{text} {reason}", remedy)


def is_url(text: str) -> bool:
    """Whether a text is a URL, such as ``https://host/x``, and not a path."""
    return _URL.match(text) is not None


def head(path: Place, size: int) -> bytes | None:
    """The first bytes of a file; None where the file cannot be read."""
    try:
        return start(path, size)
    except OSError:
        return None


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to enter, below the one whose tree is mirrored."""

    root: Path
    text: str


class _Search:
    def __init__(self, target: Place, recursive: bool) -> None:
        self._target = target
        self._recursive = recursive
        self._place = None if isinstance(target, Address) else _identity(target)
        self._roots: dict[str, Path] = {}

    def all(self, inputs: Sequence[str], lists: str | None) -> Iterator[Finding]:
        for text in inputs:
            yield from self._input(text)
        if lists is not None:
            yield from self._listed(lists)

    def _input(self, text: str) -> Iterator[Finding]:
        path = Path(text)
        check_input(text)
        if is_address(text):
            yield from bucket.named(text, self._target, recursive=self._recursive)
        elif path.is_dir():
            if self._is_target(path):
                raise UsageError(
                    f"input and output are the same folder: {text}",
                    "name another output folder",
                )
            yield from self._top(path)
        elif os.path.lexists(path):
            yield Found(path.parent, str(path))
        else:
            yield from self._matches(text)

    def _top(self, folder: Path) -> Iterator[Finding]:
        """A folder that the user has named; it must be readable."""
        for finding in self._scan(folder, folder):
            if isinstance(finding, Fault) and finding.path == str(folder):
                raise UsageError(f"{folder} {finding.reason}", finding.remedy)
            yield finding

    def _scan(self, root: Path, folder: Path) -> Iterator[Finding]:
        """All of a folder, in the order of names, however deep it goes."""
        top = _Folder(root, str(folder))
        waiting: list[Iterator[_Folder | Finding]] = [iter([top])]
        while waiting:
            for one in waiting[-1]:
                if isinstance(one, _Folder):
                    waiting.append(self._entries(one))
                    break
                yield one
            else:
                waiting.pop()

    def _entries(self, folder: _Folder) -> Iterator[_Folder | Finding]:
        """The entries of one folder: findings, and folders to enter."""
        root = folder.root
        try:
            with os.scandir(folder.text) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield _unreadable(root, Path(folder.text), error)
            return
        start = beginning(folder.text)
        for entry in found:
            text = f"{start}{entry.name}"
            if is_hidden(entry.name):
                yield Ignored(text, "hidden")
            elif entry.is_symlink():
                yield Ignored(text, _LINK)
            elif is_preview(entry.name):
                yield Ignored(text, "preview of a page")
            elif not entry.is_dir(follow_symlinks=False):
                regular = entry.is_file(follow_symlinks=False)
                yield _file(root, text, is_regular=regular)
            elif not self._recursive:
                yield Ignored(text, bucket.SUBFOLDER)
            elif not self._is_target(Path(text)):
                yield _Folder(root, text)

    def _matches(self, pattern: str) -> Iterator[Finding]:
        parts = Path(pattern).parts
        fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
        root = Path(*parts[:fixed])
        paths = sorted(map(Path, glob.glob(pattern, recursive=True)))
        faults = list(_unlisted(root, parts, fixed))
        if not paths and not faults:
            raise UsageError(f"{pattern} matches nothing", "check the pattern")
        yield from faults
        target = self._target
        inside = None if isinstance(target, Address) else target.resolve()
        for path in paths:
            if path.is_symlink():
                yield Ignored(str(path), _LINK)
            elif inside and path.resolve().is_relative_to(inside):
                yield Ignored(str(path), "in the output folder")
            elif not path.is_dir():
                yield _file(root, str(path), is_regular=path.is_file())
            elif self._recursive:
                yield from self._scan(root, path)

    def _listed(self, lists: str) -> Iterator[Finding]:
        entries = read_list(lists)
        found = [self._entry(entry) for entry in entries]
        del entries
        faults = [one for one in found if isinstance(one, Fault)]
        if faults and len(faults) == len(found):
            first = f"{faults[0].path} {faults[0].reason}"
            raise UsageError(
                f"nothing in the list {lists} can be read: {first}",
                "check its paths; relative ones begin at the current folder",
            )
        for one in found:
            if isinstance(one, _Folder):
                yield from self._scan(one.root, Path(one.text))
            else:
                yield one

    def _entry(self, entry: str) -> Found | Fault | _Folder:
        if (parts := plain(entry)) is not None:
            return Found(self._root(parts[0]), parts[1])
        entry = meant(entry)
        if is_address(entry):
            return bucket.listed(entry)
        before, mark, tail = entry.rpartition(ROOT_MARK)
        path = Path(entry)
        root = self._root(str(path.parent) if path.is_absolute() else "")
        if mark:
            root = self._root(before or "/")
            path = root / tail
        if is_url(entry):
            return Fault(entry, "is a URL, not a file", "download it first", entry)
        reason, remedy = _objection(path)
        if not reason:
            return Found(root, str(path))
        if path.is_dir():
            return _Folder(root, str(path))
        return Fault(str(path), reason, remedy, listing(root, path))

    def _root(self, text: str) -> Path:
        """A root that many entries share: one record for all of them."""
        found = self._roots.get(text)
        if found is None:
            found = self._roots[text] = Path(text)
        return found

    def _is_target(self, folder: Path) -> bool:
        return self._place is not None and _identity(folder) == self._place


def _file(root: Path, text: str, *, is_regular: bool) -> Finding:
    """A file in a folder; a file that cannot be read counts by its name."""
    if not is_regular and os.path.lexists(text):
        return Ignored(text, "not a regular file")
    _, suffix = parted(text.rpartition(os.sep)[2])
    if suffix.lower() in images.PICTURE_SUFFIXES:
        return Found(root, text)  # the job will say whether it can be read
    path = Path(text)
    try:
        with opened_regular(path) as file:
            is_picture = images.sniff(file.read(HEAD_BYTES)) is not None
    except OSError as error:
        if suffix:
            reason = "cannot be read, and is not named as a picture"
            return Ignored(text, reason)
        return _unreadable(root, path, error)
    return Found(root, text) if is_picture else Ignored(text, "not a picture")


def _unreadable(root: Path, path: Path, error: OSError) -> Fault:
    reason = f"cannot be read: {error.strerror}"
    return Fault(str(path), reason, "check its permissions", listing(root, path))


def _unlisted(root: Path, parts: tuple[str, ...], fixed: int) -> Iterator[Fault]:
    """Folders that a pattern needs to list, but that cannot be read."""
    for index in range(fixed, len(parts)):
        if not glob.has_magic(parts[index]):
            continue
        above = str(Path(*parts[:index], "**" if parts[index] == "**" else ""))
        for name in sorted(glob.glob(f"{above}{os.sep}", recursive=True)):
            try:
                os.scandir(name).close()
            except OSError as error:
                yield _unreadable(root, Path(name), error)


def _objection(path: Path) -> tuple[str, str]:
    """Why a path is not taken as an input, and what to do; "" where it is taken."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            return "", ""
        if stat.S_ISLNK(mode) and path.is_file() and path.parts[1:2] != ("dev",):
            return "is a symbolic link", "name the file it points to instead"
        if path.exists():  # a FIFO, a device; or a link to one, as bash writes <(...)
            return "is not a regular file", "pipe it through -"
    except FileNotFoundError:
        return "does not exist", "check the path"
    except OSError as error:
        return f"cannot be read: {error.strerror}", "check the path"
    return "is a symbolic link to nothing", "check the path"


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
