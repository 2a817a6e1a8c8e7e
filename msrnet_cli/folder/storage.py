"""Where the files of an output folder lie: on this machine, or in a store."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msrnet_cli.files import Folder, remove_leftovers
from msrnet_cli.folder.journal import Journal
from msrnet_cli.folder.segments import Segments
from msrnet_cli.folder.shards import marked
from msrnet_cli.folder.tails import NAME, names_in
from msrnet_cli.stores import client
from msrnet_cli.stores.address import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from msrnet_cli.folder.shards import Shard
    from msrnet_cli.places import Place


class Storage(Protocol):
    """An output folder, and how files are put there."""

    @property
    def lasting(self) -> frozenset[int]:
        """Numbers of errors that would come again with every further file."""
        ...

    @property
    def path(self) -> Place:
        """The folder."""
        ...

    def check(self) -> None:
        """See that the folder is still where it was.

        Raises:
            FolderGoneError: It is not.
        """
        ...

    def write_whole(self, name: str, data: bytes, label: str = "") -> None:
        """Give a file its new content in one step.

        Args:
            name: Below the folder, with forward slashes.
            data: The content.
            label: From the journal: what a store keeps beside the content.

        Raises:
            OSError: It could not be written; the old content is still there.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove a file.

        Raises:
            OSError: It cannot be removed.
        """
        ...

    def remove_leftovers(self, folders: Iterable[Place]) -> None:
        """Remove unfinished files that a killed run left in folders."""
        ...

    def has_journal(self) -> bool:
        """Whether the folder has a journal of its own."""
        ...

    def journal(
        self,
        *,
        shard: Shard | None = None,
        to_read: bool = False,
        wanted: Callable[[str], bool] | None = None,
        own: Iterable[str] = (),
    ) -> Journal | Segments:
        """The journal of the folder.

        Args:
            shard: Whose journal is written; None for that of a run that is not split.
            to_read: Only to be read: nothing is made or written.
            wanted: As `Known` takes it.
            own: As `Journal` takes it. In a store each run writes objects of its own.

        Raises:
            UsageError: It cannot be written, or not be read.
        """
        ...

    def close(self) -> None:
        """Let go of the folder."""
        ...


class LocalStorage:
    """A folder of this machine, held open.

    Args:
        folder: Which one.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    @property
    def lasting(self) -> frozenset[int]:
        return frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})

    @property
    def path(self) -> Path:
        return self._folder.path

    def check(self) -> None:
        self._folder.check()

    def write_whole(self, name: str, data: bytes, label: str = "") -> None:  # noqa: ARG002 a file has its bytes only
        self._folder.write_whole(name, data)

    def remove(self, name: str) -> None:
        self._folder.remove(name)

    def remove_leftovers(self, folders: Iterable[Place]) -> None:
        for folder in folders:
            if isinstance(folder, Path):
                remove_leftovers(folder)

    def has_journal(self) -> bool:
        try:
            return bool(names_in(self.path))
        except OSError:  # it may be written to, but not listed
            return (self.path / NAME).exists()

    def journal(
        self,
        *,
        shard: Shard | None = None,
        to_read: bool = False,
        wanted: Callable[[str], bool] | None = None,
        own: Iterable[str] = (),
    ) -> Journal:
        name = marked(NAME, shard)
        return Journal(self._folder, name, to_read=to_read, wanted=wanted, own=own)

    def close(self) -> None:
        self._folder.close()


class ObjectStorage:
    """What stands for a folder in a store. Objects are put whole, or not at all.

    Args:
        path: Its address.
    """

    def __init__(self, path: Address) -> None:
        self._path = path

    @property
    def path(self) -> Address:
        return self._path

    @property
    def lasting(self) -> frozenset[int]:
        return frozenset({errno.EPERM, errno.ENOENT})  # no credentials, no bucket

    def check(self) -> None:
        """Nothing: no other folder can take the place of an address."""

    def write_whole(self, name: str, data: bytes, label: str = "") -> None:
        client.put(self._path / name, data, label)

    def remove(self, name: str) -> None:
        client.remove(self._path / name)

    def remove_leftovers(self, folders: Iterable[Place]) -> None:
        """Nothing: what was not put whole is not there."""

    def has_journal(self) -> bool:
        return True

    def journal(
        self,
        *,
        shard: Shard | None = None,
        to_read: bool = False,
        wanted: Callable[[str], bool] | None = None,
        own: Iterable[str] = (),  # noqa: ARG002 segments have names of their own
    ) -> Segments:
        return Segments(self._path, shard=shard, to_read=to_read, wanted=wanted)

    def close(self) -> None:
        """Nothing is held open."""


def made(place: Place) -> Storage:
    """An output folder, which is made where it does not exist.

    Raises:
        OSError: It cannot be made.
    """
    if isinstance(place, Address):
        return ObjectStorage(place)
    return LocalStorage(Folder.made(place))


def there(place: Place) -> Storage | None:
    """An output folder, to look at; None where it does not exist.

    Raises:
        OSError: It cannot be opened.
    """
    if isinstance(place, Address):
        return ObjectStorage(place)
    return LocalStorage(Folder(place)) if place.is_dir() else None
