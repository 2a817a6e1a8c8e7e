"""What goes where, decided as a whole before the first write.

Looks at names and headers, and tests the output folder; decodes nothing.
"""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError
from msrnet_cli.folder import bucket, clusters, targets
from msrnet_cli.folder.beside import MASK, SECOND, open_beside
from msrnet_cli.folder.destination import destination, try_out
from msrnet_cli.folder.events import Ignored
from msrnet_cli.folder.findings import Fault, Found
from msrnet_cli.folder.jobs import Job, jobs_of
from msrnet_cli.folder.naming import Naming
from msrnet_cli.folder.search import NothingFoundError, check_input, search
from msrnet_cli.folder.targets import STDIN, Read, Reads
from msrnet_cli.places import Place
from msrnet_cli.stores.address import Address, is_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from msrnet_cli.folder.beside import Beside, Kind
    from msrnet_cli.folder.destination import Destination
    from msrnet_cli.folder.options import Exist, FolderOptions
    from msrnet_cli.folder.shards import Shard


@dataclass(frozen=True)
class Plan:
    """A whole job.

    Attributes:
        jobs: In the order of the work.
        folder: The output folder; None where the output is one named file.
        ignored: Entries that were passed over.
        faults: Files and folders that cannot be read, and pictures that are known to
            fail.
        output: What the user named: the folder, or the one file.
        is_fan: Whether each picture becomes a fan.
        shard: Which part of the whole job this is; None for all of it.
        inputs: Pictures and faults of all shards together.
    """

    jobs: tuple[Job, ...]
    folder: Place | None
    ignored: tuple[Ignored, ...] = ()
    faults: tuple[Fault, ...] = ()
    output: Place = Path()
    is_fan: bool = False
    shard: Shard | None = None
    inputs: int = 0

    @property
    def place(self) -> Place:
        """The folder that results are written to, below it or directly."""
        return self.output.parent if self.folder is None else self.folder

    @property
    def outline(self) -> Plan:
        """The plan for a process that is told of each picture by itself.

        Of the pictures it has at most one: with a mask, if any has one.
        """
        masked = (job for job in self.jobs if job.mask)
        jobs = tuple(itertools.islice(itertools.chain(masked, self.jobs), 1))
        return replace(self, jobs=jobs, ignored=(), faults=())

    @property
    def is_stored(self) -> bool:
        """Whether pictures come from a store, or go there."""
        if isinstance(self.place, Address):
            return True
        return any(isinstance(job.source, Address) for job in self.jobs)

    @property
    def is_masked(self) -> bool:
        """Whether masks tell where pictures change."""
        return any(job.mask for job in self.jobs)


def make_plan(
    inputs: Sequence[str],
    output: str,
    options: FolderOptions,
    lists: str | None = None,
    *,
    is_fan: bool = False,
    dry: bool = False,
    reads: Iterable[Read] = (),
) -> Plan:
    """Collect the pictures, decide every output path, test the output folder.

    Args:
        inputs: Files, folders and patterns.
        output: A folder, or for one input file a file.
        options: How to treat the folder.
        lists: A file with one path a line, or ``-`` for standard input.
        is_fan: Whether each picture becomes a folder with all eight directions.
        dry: Write nothing, not even to test the output folder.
        reads: Further files that the job reads.

    Raises:
        UsageError: An input is missing or not a regular file; two outputs collide; an
            output is a file that the job reads, exists against the user's wish, or lies
            outside the output folder; nothing can be written there.
        NothingFoundError: There is no picture, and nothing that claims to be one.
    """
    with _path_errors(output):
        shard = clusters.asked(options.shard, os.environ)
        naming = Naming(
            options.name, options.write.format, compare=options.compare, is_fan=is_fan
        )
        for text in inputs:
            check_input(text)
        place = destination(inputs, output, options.write.format, lists)
        _require_folder(place, shard, is_fan=is_fan)
        besides = _besides(options)
        found = _collected(inputs, lists, place, options, besides)
        if not found.pictures and not found.faults:
            raise NothingFoundError(found.ignored, recursive=options.recursive)
        for each in besides.values():
            _require_local(found.pictures, place)
            each.require_each(len(found.pictures))
        own = found.of(shard)
        planned = [*jobs_of(own.pictures, place, options, besides, naming)]
        jobs = tuple(one for one in planned if isinstance(one, Job))
        faults = (*own.faults, *(one for one in planned if isinstance(one, Fault)))
        spelling = try_out(place.folder, dry=dry)
        if not place.is_file:
            naming.require_apart(found.pictures, place.path, spelling)
        _see_all(besides.values(), () if shard is None else found.pictures)
        many = _Many(found.pictures, besides.values())
        _check_outputs(jobs, place, [*_named(lists), *reads], many, options.exist)
        folder = None if place.is_file else place.path
        return Plan(
            jobs, folder, own.ignored, faults, place.path, is_fan, shard, found.count
        )


@dataclass(frozen=True)
class _Collected:
    """What there is among the inputs."""

    pictures: Sequence[Found]
    ignored: tuple[Ignored, ...]
    faults: tuple[Fault, ...]

    @property
    def count(self) -> int:
        """Pictures, and what cannot be read."""
        return len(self.pictures) + len(self.faults)

    def of(self, shard: Shard | None) -> _Collected:
        """What a shard is to do, and to tell; None for all."""
        if shard is None:
            return self
        return _Collected(
            [one for one in self.pictures if shard.holds(one.relative)],
            tuple(one for one in self.ignored if shard.holds(one.path)),
            tuple(one for one in self.faults if shard.holds(one.relative)),
        )


def _check_outputs(
    jobs: Sequence[Job],
    place: Destination,
    named: Iterable[Read],
    many: _Many,
    exist: Exist,
) -> None:
    """Check every output of a job.

    Raises:
        UsageError: As `targets.check` and `bucket.check_targets`.
    """
    outputs = [path for job in jobs for _, path in job.outputs()]
    if isinstance(place.path, Address):
        bucket.check_targets(outputs, place.path, many.pictures, exist)
        return
    local = [path for path in outputs if isinstance(path, Path)]
    root = None if place.is_file else place.path
    targets.check(local, root, Reads(named, many), exist)
    if root is not None:
        for each in many.besides:
            each.require_no_results(root)


class _Many:
    """Pictures and what lies beside them: too many to be copied."""

    def __init__(self, pictures: Sequence[Found], besides: Iterable[Beside]) -> None:
        self.pictures = pictures
        self.besides = tuple(besides)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for one in self.pictures:
            yield "input", one.text
        for each in self.besides:
            for path in each.seen():
                yield each.kind.name, str(path)


def _collected(
    inputs: Sequence[str],
    lists: str | None,
    place: Destination,
    options: FolderOptions,
    besides: Mapping[Kind, Beside],
) -> _Collected:
    """All pictures, of all shards.

    Raises:
        UsageError: As `search`; or what lies beside the pictures is their own folder.
    """
    pictures: list[Found] = []
    ignored: list[Ignored] = []
    faults: list[Fault] = []
    for one in search(inputs, lists, place.path, recursive=options.recursive):
        if isinstance(one, Found):
            kind = _beside_of(one, besides.values())
            if kind is None:
                pictures.append(one)
            else:
                ignored.append(Ignored(one.text, f"a {kind.name}"))
        elif isinstance(one, Fault):
            faults.append(one)
        else:
            ignored.append(one)
    if besides:
        roots = {one.root for one in pictures if isinstance(one.root, Path)}
        for each in besides.values():
            each.require_apart(roots)
    return _Collected(pictures, tuple(ignored), tuple(faults))


def _beside_of(one: Found, besides: Iterable[Beside]) -> Kind | None:
    root, path = one.root, one.path
    for each in besides:
        if isinstance(root, Path) and isinstance(path, Path) and each.holds(root, path):
            return each.kind
    return None


def _require_local(pictures: Iterable[Found], place: Destination) -> None:
    """Refuse stores together with files beside pictures, which are looked up here.

    Raises:
        UsageError: A picture, or the output, lies in a store.
    """
    stored = (one.text for one in pictures if isinstance(one.root, Address))
    text = next(stored, place.text if isinstance(place.path, Address) else "")
    if text:
        raise UsageError(
            f"--mask and --second take pictures of this machine, not {text}",
            "copy the pictures here, and name a folder for the output",
        )


def _see_all(besides: Iterable[Beside], pictures: Iterable[Found]) -> None:
    """See what lies beside the pictures of other shards, too."""
    for each in besides:
        for folder in {one.relative.rpartition("/")[0] for one in pictures}:
            each.see(Path(folder))


def _named(lists: str | None) -> Iterator[Read]:
    if lists is not None and not is_address(lists):
        yield Read("list", STDIN if lists == "-" else Path(lists))


def _require_folder(place: Destination, shard: Shard | None, *, is_fan: bool) -> None:
    if place.is_file and is_fan:
        raise UsageError(f"{place.text} is one file", "name a folder for --to all")
    if place.is_file and shard is not None:
        raise UsageError(f"{place.text} is one file", "name a folder for --shard")


@contextmanager
def _path_errors(output: str) -> Iterator[None]:
    """Name the path of a system error, such as a name that is too long."""
    try:
        yield
    except OSError as error:
        reason = f"{error.filename or output}: {error.strerror or error}"
        raise UsageError(reason, "check the path") from error


def _besides(options: FolderOptions) -> dict[Kind, Beside]:
    """What lies beside the pictures, by its kind.

    Raises:
        UsageError: Something that is named does not exist.
    """
    named = {MASK: options.mask, SECOND: options.second}
    opened = {kind: open_beside(kind, text) for kind, text in named.items()}
    return {kind: each for kind, each in opened.items() if each is not None}
