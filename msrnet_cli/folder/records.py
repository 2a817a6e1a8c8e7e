"""What is known about existing outputs, from a journal or the user's cache."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msrnet_cli import places
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.folder.about import About
from msrnet_cli.folder.fan import compared
from msrnet_cli.folder.journal import cached_journal
from msrnet_cli.folder.known import Entry, digest
from msrnet_cli.folder.segments import Segments
from msrnet_cli.folder.shards import Shard
from msrnet_cli.folder.tails import Run
from msrnet_cli.stores.address import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from msrnet_cli.folder.journal import Journal
    from msrnet_cli.folder.known import Standing
    from msrnet_cli.folder.storage import Storage
    from msrnet_cli.places import Place
    from msrnet_cli.relight.records import WeightsName

_OVERWRITE = "use --exist overwrite to replace it"


@dataclass(frozen=True)
class Provenance:
    """What a result is made from.

    Attributes:
        source_sha256: Of the input's bytes, in hex.
        recipes: Names of everything else that decides the bytes of the result: first
            the name to record, then others that count as the same.
        origin: Path of the input; "" where the input came through a pipe.
        tag: Of the input's state, as a store tells it; "" elsewhere.
    """

    source_sha256: str
    recipes: tuple[str, ...]
    origin: str = ""
    tag: str = ""


@dataclass(frozen=True)
class Making:
    """How all results of a job are made, for people.

    Attributes:
        light: The light that was asked for, in words.
        weights: Name of the weights, or of several out of which each is chosen.
        weights_sha256: Of their file, in hex; "" where they are chosen.
    """

    light: str = ""
    weights: str = ""
    weights_sha256: str = ""

    def by(self, weights: WeightsName) -> Making:
        """The same by these weights; by those of the job where they have no name."""
        if not weights.name:
            return self
        return replace(self, weights=weights.name, weights_sha256=weights.sha256)

    def about(
        self, place: Place, source: Place, seconds: float, notes: tuple[str, ...]
    ) -> About:
        """What is told of one result.

        Args:
            place: The output folder.
            source: The input.
            seconds: Time of all stages.
            notes: What the user must know.
        """
        return About(
            way_to(source, place),
            self.light,
            self.weights,
            self.weights_sha256,
            round(seconds, 3),
            notes,
        )


def way_to(source: Place, place: Place) -> str:
    """A path from a folder on, with forward slashes: it holds when both are moved.

    Links to the folders are followed, because ``..`` means the folder above the real
    one.

    Returns:
        The address of an object in a store; the absolute path where none leads there,
        as to another drive.
    """
    if isinstance(source, Address):
        return str(source)
    real = Path(os.path.realpath(source.parent), source.name)
    if isinstance(place, Address):
        return real.as_posix()
    try:
        return Path(os.path.relpath(real, os.path.realpath(place))).as_posix()
    except ValueError:
        return real.as_posix()


@dataclass(frozen=True)
class Existing:
    """The outputs of one picture that are there before it is relit.

    Attributes:
        same: Paths of files that are there, made in the same way.
        are_same: Whether all outputs are there, made in the same way.
        is_stale: Whether one of them is replaced: msrnet made it in another way.
        unknown: Paths of files that no journal knows.
    """

    are_same: bool = False
    is_stale: bool = False
    unknown: frozenset[Place] = frozenset()
    same: frozenset[Place] = frozenset()

    @classmethod
    def of(cls, standings: Mapping[Place, Standing]) -> Existing:
        """From the standing of each output."""
        found = standings.items()
        return cls(
            are_same=set(standings.values()) == {"same"},
            is_stale="stale" in standings.values(),
            unknown=frozenset(path for path, what in found if what == "foreign"),
            same=frozenset(path for path, what in found if what == "same"),
        )


class Records:
    """The provenance of one job's outputs. Safe to share between threads.

    A folder of results has a journal of its own. A single picture may lie anywhere: no
    journal is left beside the picture, unless one is there already.

    Args:
        storage: Folder of the outputs.
        single: Whether the output is one named file.
        to_read: Whether the records are only read: then no journal is made.
        shard: Whose journal is written; None for that of a run that is not split.
        wanted: As `Journal` takes it.
        own: As `Journal` takes it, for a folder of results.

    Raises:
        UsageError: The folder's journal cannot be written, or one not be read.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        single: bool,
        to_read: bool = False,
        shard: Shard | None = None,
        wanted: Callable[[str], bool] | None = None,
        own: Iterable[str] = (),
    ) -> None:
        self._single = single
        self._by_path = False
        self._journal: Journal | Segments | None = None
        if not single:
            self._journal = storage.journal(
                shard=shard, to_read=to_read, wanted=wanted, own=own
            )
        elif storage.has_journal():
            with suppress(UsageError):
                self._journal = storage.journal(to_read=to_read)
        if self._journal is None and single:
            self._journal, self._by_path = cached_journal(to_read=to_read), True

    def close(self) -> None:
        """Close the journal, and release all claims."""
        if self._journal is not None:
            self._journal.close()

    def standing(self, output: str, path: Place, provenance: Provenance) -> Standing:
        """As `Journal.standing`; ``foreign`` only for a single picture.

        Raises:
            PictureError: The existing file must not be replaced.
        """
        try:
            standing = self._standing(output, path, provenance)
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

    def _standing(self, output: str, path: Place, provenance: Provenance) -> Standing:
        if self._journal is None:
            return "foreign" if places.exists(path) else "absent"
        return self._journal.standing(
            self._key(output, path),
            path,
            provenance.source_sha256,
            provenance.recipes,
            provenance.origin if self._single else None,
        )

    def known(
        self, output: str, source: Place, recipes: tuple[str, ...]
    ) -> Provenance | None:
        """What a result was made from, if that is known without reading its input.

        Args:
            output: The path below the output folder.
            source: The input.
            recipes: Of the result about to be made.
        """
        if not isinstance(self._journal, Segments) or not isinstance(source, Address):
            return None
        with suppress(OSError):  # reading it will say why
            found = self._journal.source_of(output, source)
            if found is not None:
                sha256, tag = found
                return Provenance(sha256, recipes, str(source), tag)
        return None

    def outdated(
        self, outputs: Sequence[tuple[str, Place]], provenance: Provenance
    ) -> list[tuple[str, Place]]:
        """Comparisons beside results that show an older state of them.

        What somebody else made there, or changed since, does not count.

        Args:
            outputs: The results, and the comparisons that are made with them: paths
                below the output folder, and in full.
            provenance: What the results are made from now.

        Returns:
            The same two paths of each comparison.
        """
        made = {path for _, path in outputs}
        found = []
        for relative, path in outputs:
            other = path.with_name(compared(path.stem))
            name = PurePosixPath(relative).with_name(other.name).as_posix()
            if other not in made and self._is_outdated(
                (name, other), self._key(relative, path), provenance
            ):
                found.append((name, other))
        return found

    def _is_outdated(
        self, file: tuple[str, Place], beside: str, provenance: Provenance
    ) -> bool:
        if self._journal is None:
            return False
        name, path = file
        sha256, recipes = provenance.source_sha256, provenance.recipes
        key = self._key(name, path)
        try:
            return self._journal.is_outdated(key, path, beside, sha256, recipes)
        except OSError:
            return False

    def note(
        self,
        output: str,
        path: Place,
        data: bytes,
        provenance: Provenance,
        about: About | None = None,
    ) -> str:
        """Record a result that is about to be moved into place.

        Args:
            output: Its path below the output folder.
            path: The same in full.
            data: Its bytes.
            provenance: What it was made from.
            about: What people want to know of it. The user's cache does not keep that.

        Returns:
            What a store is to keep beside the bytes; "" for nothing.

        Raises:
            JournalError: The folder's journal cannot be written.
        """
        if self._journal is None:
            return ""
        entry = Entry(
            self._key(output, path),
            digest(data),
            provenance.source_sha256,
            provenance.recipes[0],
            provenance.origin if self._single else "",
        )
        try:
            self._journal.add(entry, None if self._by_path else about)
        except OSError:
            if not self._single:
                raise
        if isinstance(self._journal, Segments):
            return self._journal.label(entry, len(data), provenance.tag)
        return ""

    def note_run(self, run: Run) -> None:
        """Record that a run of a shard begins or has ended.

        Raises:
            JournalError: The folder's journal cannot be written.
        """
        if self._journal is not None:
            self._journal.add_run(run)

    def is_first(self) -> bool:
        """Whether no other run is at work in this folder."""
        return self._single or self._journal is None or self._journal.is_first()

    def claim(self, output: str) -> bool:
        """Claim a result for this run; False where another run has claimed it."""
        return self._single or self._journal is None or self._journal.claim(output)

    def release(self, output: str) -> None:
        """Give up the claim to a result, whether the result was made or not."""
        if self._journal is not None and not self._single:
            self._journal.release(output)

    def _key(self, output: str, path: Place) -> str:
        return str(path.absolute()) if self._by_path else output


def holds(path: Place, data: bytes) -> bool:
    """Whether a file has these very bytes: proves a result that no journal knows.

    Returns:
        False where there is no file.

    Raises:
        PictureError: The file has other bytes, and so must not be replaced.
        OSError: The file cannot be read.
    """
    if not (path.exists() if isinstance(path, Path) else places.exists(path)):
        return False
    if places.read(path) != data:
        raise _not_ours(path)
    return True


def _not_ours(path: Place) -> PictureError:
    reason = f"{path} exists and was not made by msrnet, or was changed since"
    return PictureError(reason, _OVERWRITE)
