"""What is known of outputs that exist: from a folder's journal, or the user's cache."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import Folder, read_regular
from msrnet_cli.folder.journal import NAME, Entry, Journal, cached_journal, digest

if TYPE_CHECKING:
    from pathlib import Path

    from msrnet_cli.folder.journal import Standing

_OVERWRITE = "use --exist overwrite to replace it"


@dataclass(frozen=True)
class Making:
    """What a result is made from.

    Attributes:
        source: sha256 of the input's bytes.
        recipe: Names all else that decides its bytes.
        origin: Path of the input; "" where it came through a pipe.
    """

    source: str
    recipe: str
    origin: str = ""


class Records:
    """What made the outputs of one job. Safe to share between threads.

    A folder of results has a journal of its own. A single picture may lie anywhere: no
    journal is left beside it, unless there is one already.

    Args:
        folder: Where the outputs are.
        single: Whether the output is one named file.

    Raises:
        UsageError: The folder's journal cannot be written.
    """

    def __init__(self, folder: Folder, *, single: bool) -> None:
        self._single = single
        self._by_path = False
        self._journal: Journal | None = None
        if not single:
            self._journal = Journal(folder)
        elif (folder.path / NAME).exists():
            with suppress(UsageError):
                self._journal = Journal(folder)
        if self._journal is None:
            self._journal, self._by_path = cached_journal(), True

    def close(self) -> None:
        """Let go of the journal, and of all claims."""
        if self._journal is not None:
            self._journal.close()

    def standing(self, output: str, path: Path, making: Making) -> Standing:
        """As `Journal.standing`; ``foreign`` only for a single picture.

        Raises:
            PictureError: What is there must not be replaced.
        """
        if self._journal is None:
            return "foreign"
        try:
            standing = self._journal.standing(
                self._key(output, path),
                path,
                making.source,
                making.recipe,
                making.origin if self._single else None,
            )
        except OSError as error:
            reason = f"{path} exists and cannot be read: {error.strerror}"
            raise PictureError(reason, "remove it, or name another output") from error
        if standing == "other":
            raise PictureError(
                f"{path} exists and was made from another input", _OVERWRITE
            )
        if standing == "foreign" and not self._single:
            raise _not_ours(path)
        return standing

    def note(self, output: str, path: Path, data: bytes, making: Making) -> None:
        """Record a result that is about to be moved into place.

        Args:
            output: Its path below the output folder.
            path: The same in full.
            data: Its bytes.
            making: What it was made from.

        Raises:
            JournalError: The folder's journal cannot be written.
        """
        if self._journal is None:
            return
        entry = Entry(
            self._key(output, path),
            digest(data),
            making.source,
            making.recipe,
            making.origin if self._single else "",
        )
        try:
            self._journal.add(entry)
        except OSError:
            if not self._single:
                raise

    def is_first(self) -> bool:
        """Whether no other run is at work in this folder."""
        return self._single or self._journal is None or self._journal.is_first()

    def claim(self, output: str) -> bool:
        """Take a result upon this run; False where another run has done that."""
        return self._single or self._journal is None or self._journal.claim(output)

    def release(self, output: str) -> None:
        """Leave a result, made or not, to other runs."""
        if self._journal is not None and not self._single:
            self._journal.release(output)

    def _key(self, output: str, path: Path) -> str:
        return str(path.absolute()) if self._by_path else output


def holds(path: Path, data: bytes) -> bool:
    """Whether a file has these very bytes: a result's proof where no journal has it.

    Returns:
        False where there is no file.

    Raises:
        PictureError: It has others, which are not to be replaced.
        OSError: It cannot be read.
    """
    if not path.exists():
        return False
    if read_regular(path) != data:
        raise _not_ours(path)
    return True


def _not_ours(path: Path) -> PictureError:
    reason = f"{path} exists and was not made by msrnet, or was changed since"
    return PictureError(reason, _OVERWRITE)
