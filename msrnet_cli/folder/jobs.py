"""What is to be done for each picture, as its name and its header tell."""

from __future__ import annotations

import errno
import io
import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import PictureError
from msrnet_cli.folder.beside import MASK, SECOND, tells_size
from msrnet_cli.folder.findings import Fault, mirrored
from msrnet_cli.folder.search import head
from msrnet_cli.folder.targets import LONGEST_NAME
from msrnet_cli.places import Place, opened
from msrnet_cli.stores import client
from msrnet_cli.stores.address import Address, objection_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from msrnet_cli.config import Format
    from msrnet_cli.folder.beside import Beside, Kind
    from msrnet_cli.folder.destination import Destination
    from msrnet_cli.folder.findings import Found
    from msrnet_cli.folder.naming import Naming
    from msrnet_cli.folder.options import FolderOptions

_HEADER_BYTES = 1 << 16  # tells the size of nearly every picture
_MOST_HEADER_BYTES = 1 << 20  # read of an object in a store before it is relit


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

    source: Place
    target: Place
    relative: str
    listing: str
    format: Format | None = None
    pixels: int = 0
    extras: tuple[Place, ...] = ()
    mask: Path | None = None
    second: Path | None = None
    is_fan: bool = False

    def outputs(self) -> list[tuple[str, Place]]:
        """All files that the job writes: paths below the output folder, and in full."""
        folder = Path(self.relative).parent
        others = [((folder / path.name).as_posix(), path) for path in self.extras]
        return [(self.relative, self.target), *others]

    @property
    def name(self) -> str:
        """The input below the folder that is mirrored, with forward slashes."""
        return mirrored(self.listing)

    @property
    def shown(self) -> str:
        """The result for people: the file, or the folder of a fan."""
        return str(self.target.parent if self.is_fan else self.target)


def jobs_of(
    pictures: Sequence[Found],
    place: Destination,
    options: FolderOptions,
    besides: Mapping[Kind, Beside],
    naming: Naming,
) -> Iterator[Job | Fault]:
    """The jobs of pictures, in their order; faults of those that are known to fail.

    Args:
        pictures: In the order of the work.
        place: The output.
        options: How to treat the folder.
        besides: What lies beside the pictures, by its kind.
        naming: Of the results.
    """

    def planned(one: Found) -> Job | Fault:
        return _job(one, place, options, besides, naming)

    if not any(isinstance(one.root, Address) for one in pictures):
        yield from map(planned, pictures)
        return
    yield from client.each(planned, pictures)


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
            kind: each.of_sized(within, source, sure)
            for kind, each in besides.items()
            if isinstance(source, Path)
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


def _outside(entry: Found) -> Fault:
    reason = f"lies outside the folder that is mirrored ({entry.root.absolute()})"
    remedy = "write its path without .., or absolute"
    return Fault(entry.text, reason, remedy, str(entry.path.absolute()))


def _is_too_long(target: Place) -> bool:
    """Whether the system refuses the path for its length, though each name is short."""
    if isinstance(target, Address):
        return bool(objection_to(target.key))
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in target.parts):
        return False  # refused later, by its name, which the user can change
    try:
        target.lstat()
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


def _beyond_reach(entry: Found, target: Place) -> Fault:
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


def _size(path: Place, start: bytes) -> tuple[int, int] | None:
    size = images.declared_size(io.BytesIO(start))
    if size is None and len(start) == _HEADER_BYTES:
        # A TIFF file, for example, may tell its size at its end.
        with suppress(OSError), opened(path, _MOST_HEADER_BYTES) as file:
            size = images.declared_size(file)
    return size
