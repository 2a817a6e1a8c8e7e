"""What goes where, decided as a whole before the first write.

Looks at names and headers, and tests the output folder; decodes nothing.
"""

from __future__ import annotations

import errno
import io
import itertools
import math
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import opened_regular
from msrnet_cli.folder import clusters, targets
from msrnet_cli.folder.beside import MASK, SECOND, open_beside, tells_size
from msrnet_cli.folder.destination import destination, try_out
from msrnet_cli.folder.events import Ignored
from msrnet_cli.folder.lists import ROOT_MARK
from msrnet_cli.folder.naming import Naming
from msrnet_cli.folder.search import (
    Fault,
    Found,
    NothingFoundError,
    check_input,
    head,
    search,
)
from msrnet_cli.folder.targets import LONGEST_NAME, STDIN, Read, Reads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from msrnet_cli.config import Format
    from msrnet_cli.folder.beside import Beside, Kind
    from msrnet_cli.folder.destination import Destination
    from msrnet_cli.folder.options import FolderOptions
    from msrnet_cli.folder.shards import Shard

_HEADER_BYTES = 1 << 16  # tells the size of nearly every picture


@dataclass(frozen=True)
class Job:
    """One picture to relight.

    Attributes:
        source: The input file.
        target: The output file.
        relative: The target below the output folder, with forward slashes.
        listing: The input as a line for --files-from that leads to the same target.
        format: Format of the output; None for that of the input, whose header does not
            tell it.
        pixels: As the input's header tells; 0 where it does not.
        extras: Further files that the job writes, beside the target.
        mask: File that tells where the picture changes; None for everywhere.
        second: The same scene under another light, for weights that see both; None for
            others.
        is_fan: Whether the target and its neighbours are a fan, see `folder.fan`.
    """

    source: Path
    target: Path
    relative: str
    listing: str
    format: Format | None = None
    pixels: int = 0
    extras: tuple[Path, ...] = ()
    mask: Path | None = None
    second: Path | None = None
    is_fan: bool = False

    def outputs(self) -> list[tuple[str, Path]]:
        """All files that the job writes: paths below the output folder, and in full."""
        folder = Path(self.relative).parent
        others = [((folder / path.name).as_posix(), path) for path in self.extras]
        return [(self.relative, self.target), *others]

    @property
    def name(self) -> str:
        """The input below the folder whose tree is mirrored, with forward slashes."""
        return self.listing.rpartition(ROOT_MARK)[2]

    @property
    def shown(self) -> str:
        """The result for people: the file, or the folder of a fan."""
        return str(self.target.parent if self.is_fan else self.target)


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
    folder: Path | None
    ignored: tuple[Ignored, ...] = ()
    faults: tuple[Fault, ...] = ()
    output: Path = Path()
    is_fan: bool = False
    shard: Shard | None = None
    inputs: int = 0

    @property
    def place(self) -> Path:
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
            each.require_each(len(found.pictures))
        own = found.of(shard)
        planned = [_job(one, place, options, besides, naming) for one in own.pictures]
        jobs = tuple(one for one in planned if isinstance(one, Job))
        faults = (*own.faults, *(one for one in planned if isinstance(one, Fault)))
        spelling = try_out(place.folder, dry=dry)
        if not place.is_file:
            naming.require_apart(found.pictures, place.path, spelling)
        _see_all(besides.values(), () if shard is None else found.pictures)
        known = Reads([*_named(lists), *reads], _Many(found.pictures, besides.values()))
        outputs = [path for job in jobs for _, path in job.outputs()]
        folder = None if place.is_file else place.path
        targets.check(outputs, folder, known, options.exist)
        if folder is not None:
            for each in besides.values():
                each.require_no_results(folder)
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


class _Many:
    """Pictures and what lies beside them: too many to be copied."""

    def __init__(self, pictures: Sequence[Found], besides: Iterable[Beside]) -> None:
        self._pictures = pictures
        self._besides = tuple(besides)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for one in self._pictures:
            yield "input", one.text
        for each in self._besides:
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
        roots = {one.root for one in pictures}
        for each in besides.values():
            each.require_apart(roots)
    return _Collected(pictures, tuple(ignored), tuple(faults))


def _beside_of(one: Found, besides: Iterable[Beside]) -> Kind | None:
    for each in besides:
        if each.holds(one.root, one.path):
            return each.kind
    return None


def _see_all(besides: Iterable[Beside], pictures: Iterable[Found]) -> None:
    """See what lies beside the pictures of other shards, too."""
    for each in besides:
        for folder in {one.relative.rpartition("/")[0] for one in pictures}:
            each.see(Path(folder))


def _named(lists: str | None) -> Iterator[Read]:
    if lists is not None:
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


def _job(
    entry: Found,
    place: Destination,
    options: FolderOptions,
    besides: Mapping[Kind, Beside],
    naming: Naming,
) -> Job | Fault:
    within = Path(entry.relative)
    if ".." in within.parts or within.is_absolute():
        return _outside(entry)
    source = entry.path
    start = head(source, _HEADER_BYTES) or b""
    told = _size(source, start)
    size = told or (0, 0)  # the decoder will say why
    sure = told if tells_size(start) else None
    if place.is_file:
        relative, target = Path(place.path.name), place.path
    else:
        relative = naming.target(within, start)
        target = place.path / relative
    if _is_too_long(target):
        return _beyond_reach(entry, target)
    format = options.write.format or images.format_of(target.suffix)
    try:
        files = {
            kind: each.of_sized(within, source, sure) for kind, each in besides.items()
        }
        _require_fits(format, size, options.max_megapixels)
    except PictureError as error:
        return Fault(entry.text, error.reason, error.remedy, entry.listing)
    return Job(
        source=source,
        target=target,
        relative=relative.as_posix(),
        listing=entry.listing,
        format=format,
        pixels=math.prod(size),
        extras=tuple(naming.extras(target)),
        mask=files.get(MASK),
        second=files.get(SECOND),
        is_fan=naming.is_fan,
    )


def _besides(options: FolderOptions) -> dict[Kind, Beside]:
    """What lies beside the pictures, by its kind.

    Raises:
        UsageError: Something that is named does not exist.
    """
    named = {MASK: options.mask, SECOND: options.second}
    opened = {kind: open_beside(kind, text) for kind, text in named.items()}
    return {kind: each for kind, each in opened.items() if each is not None}


def _outside(entry: Found) -> Fault:
    reason = f"lies outside the folder that is mirrored ({entry.root.absolute()})"
    remedy = "write its path without .., or absolute"
    return Fault(entry.text, reason, remedy, str(entry.path.absolute()))


def _is_too_long(target: Path) -> bool:
    """Whether the system refuses the path for its length, though each name is short."""
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in target.parts):
        return False  # refused later, by its name, which the user can change
    try:
        target.lstat()
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


def _beyond_reach(entry: Found, target: Path) -> Fault:
    reason = f"{target} is too long for a path"
    remedy = "name an output nearer the root"
    return Fault(entry.text, reason, remedy, entry.listing)


def _require_fits(
    format: Format | None, size: tuple[int, int], max_megapixels: float
) -> None:
    """Refuse what a header shows to be too large for the format of the output."""
    # A picture that is too large in itself is refused for that reason when it is read.
    if format is not None and math.prod(size) <= max_megapixels * 1e6:
        images.require_fits(format, *size)


def _size(path: Path, start: bytes) -> tuple[int, int] | None:
    size = images.declared_size(io.BytesIO(start))
    if size is None and len(start) == _HEADER_BYTES:
        # A TIFF file, for example, may tell its size at its end.
        with suppress(OSError), opened_regular(path) as file:
            size = images.declared_size(file)
    return size
