"""What goes where, decided as a whole before the first write.

Looks at names and headers, and tests the output folder; decodes nothing.
"""

from __future__ import annotations

import errno
import io
import math
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import opened_regular
from msrnet_cli.folder import fan, targets
from msrnet_cli.folder.beside import MASK, SECOND, open_beside, tells_size
from msrnet_cli.folder.destination import destination, try_out
from msrnet_cli.folder.events import Ignored
from msrnet_cli.folder.search import (
    Fault,
    Found,
    NothingFoundError,
    check_input,
    head,
    search,
)
from msrnet_cli.folder.targets import LONGEST_NAME, STDIN, Read, Reads
from msrnet_cli.images.formats import HEAD_BYTES
from msrnet_cli.lights import DIRECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from msrnet_cli.config import Format
    from msrnet_cli.folder.beside import Beside, Kind
    from msrnet_cli.folder.destination import Destination
    from msrnet_cli.folder.options import FolderOptions
    from msrnet_cli.folder.search import Finding

_HEADER_BYTES = 1 << 16  # tells the size of nearly every picture
_FIELDS = "use the fields {stem} and {ext}, as they are"


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
    """

    jobs: tuple[Job, ...]
    folder: Path | None
    ignored: tuple[Ignored, ...] = ()
    faults: tuple[Fault, ...] = ()
    output: Path = Path()
    is_fan: bool = False

    @property
    def place(self) -> Path:
        """The folder that results are written to, below it or directly."""
        return self.output.parent if self.folder is None else self.folder

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
        _check_template(options.name)
        for text in inputs:
            check_input(text)
        place = destination(inputs, output, options.write.format, lists)
        if is_fan:
            _check_fan(place)
        besides = _besides(options)
        found = list(search(inputs, lists, place.path, recursive=options.recursive))
        for each in besides.values():
            each.require_apart({e.root for e in found if isinstance(e, Found)})
        found = [_unless_beside(one, besides.values()) for one in found]
        pictures = [one for one in found if isinstance(one, Found)]
        for each in besides.values():
            each.require_each(len(pictures))
        planned = [_job(one, place, options, besides, is_fan) for one in pictures]
        jobs = tuple(one for one in planned if isinstance(one, Job))
        ignored = tuple(one for one in found if isinstance(one, Ignored))
        faults = tuple(one for one in found + planned if isinstance(one, Fault))
        if not jobs and not faults:
            raise NothingFoundError(ignored, recursive=options.recursive)
        spelling = try_out(place.folder, dry=dry)
        folder = None if place.is_file else place.path
        outputs = {job.source: [path for _, path in job.outputs()] for job in jobs}
        known = Reads([*_reads(pictures, besides.values(), lists), *reads])
        targets.check(outputs, folder, known, spelling, options.exist)
        if folder is not None:
            for each in besides.values():
                each.require_no_results(folder)
        return Plan(jobs, folder, ignored, faults, place.path, is_fan)


def _reads(
    pictures: Iterable[Found], besides: Iterable[Beside], lists: str | None
) -> Iterator[Read]:
    yield from (Read("input", one.path) for one in pictures)
    for each in besides:
        yield from (Read(each.kind.name, path) for path in each.seen())
    if lists is not None:
        yield Read("list", STDIN if lists == "-" else Path(lists))


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
    is_fan: bool,
) -> Job | Fault:
    relative = Path(os.path.relpath(entry.path, entry.root))
    if ".." in relative.parts or relative.is_absolute():
        return _outside(entry)
    start = head(entry.path, _HEADER_BYTES) or b""
    told = _size(entry.path, start)
    size = told or (0, 0)  # the decoder will say why
    sure = told if tells_size(start) else None
    within = relative
    if place.is_file:
        relative, target = Path(place.path.name), place.path
    else:
        relative = relative.with_name(_output_name(entry.path, start, options))
        if is_fan:
            relative = relative.with_suffix("") / f"{DIRECTIONS[0]}{relative.suffix}"
        target = place.path / relative
    if _is_too_long(target):
        return _beyond_reach(entry, target)
    format = options.write.format or images.format_of(target.suffix)
    try:
        files = {
            kind: each.of_sized(within, entry.path, sure)
            for kind, each in besides.items()
        }
        _require_fits(format, size, options.max_megapixels)
    except PictureError as error:
        return Fault(str(entry.path), error.reason, error.remedy, entry.listing)
    extras = fan.neighbours(target, compare=options.compare) if is_fan else []
    if options.compare and not is_fan:
        extras.append(target.with_name(fan.compared(target.stem)))
    return Job(
        source=entry.path,
        target=target,
        relative=relative.as_posix(),
        listing=entry.listing,
        format=format,
        pixels=math.prod(size),
        extras=tuple(extras),
        mask=files.get(MASK),
        second=files.get(SECOND),
        is_fan=is_fan,
    )


def _besides(options: FolderOptions) -> dict[Kind, Beside]:
    """What lies beside the pictures, by its kind.

    Raises:
        UsageError: Something that is named does not exist.
    """
    named = {MASK: options.mask, SECOND: options.second}
    opened = {kind: open_beside(kind, text) for kind, text in named.items()}
    return {kind: each for kind, each in opened.items() if each is not None}


def _unless_beside(one: Finding, besides: Iterable[Beside]) -> Finding:
    for each in besides:
        if isinstance(one, Found) and each.holds(one.root, one.path):
            return Ignored(str(one.path), f"a {each.kind.name}")
    return one


def _outside(entry: Found) -> Fault:
    reason = f"lies outside the folder that is mirrored ({entry.root.absolute()})"
    remedy = "write its path without .., or absolute"
    return Fault(str(entry.path), reason, remedy, str(entry.path.absolute()))


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
    return Fault(str(entry.path), reason, remedy, entry.listing)


def _output_name(path: Path, start: bytes, options: FolderOptions) -> str:
    """The name of a result; its suffix always agrees with its format."""
    format = options.write.format or images.sniff(start[:HEAD_BYTES])
    suffix = path.suffix
    if format is not None and images.format_of(suffix) != format:
        suffix = images.SUFFIXES[format]
    return options.name.format(stem=path.stem, ext=suffix)


def _check_template(template: str) -> None:
    try:
        parts = [
            part[1:] for part in Formatter().parse(template) if part[1] is not None
        ]
    except ValueError as error:
        raise UsageError(f"--name {template}: {error}", _FIELDS) from error
    if not all(part in (("stem", "", None), ("ext", "", None)) for part in parts):
        raise UsageError(f"--name {template} has other fields", _FIELDS)
    name = template.format(stem="stem", ext=".ext")
    if "stem" not in name or not name.endswith(".ext") or Path(name).name != name:
        raise UsageError(
            f"--name {template} does not give a file name",
            "use {stem} and end with {ext}, without folders",
        )


def _check_fan(place: Destination) -> None:
    if place.is_file:
        raise UsageError(f"{place.text} is one file", "name a folder for --to all")


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
