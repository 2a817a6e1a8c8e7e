"""One picture through standard input or output: no plan, no folder."""

from __future__ import annotations

import errno
import stat
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import MOST_BYTES, Folder, read_regular
from msrnet_cli.folder import fan, masks
from msrnet_cli.folder.destination import check_no_url, try_out
from msrnet_cli.folder.journal import digest
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.records import Provenance, Records, holds
from msrnet_cli.folder.relights import masked, recipes
from msrnet_cli.folder.search import is_url
from msrnet_cli.folder.targets import STDIN, Read, Reads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import BinaryIO

    from msrnet_cli.config import WriteOptions
    from msrnet_cli.folder.relights import Relights

_STREAM = "-"
_PART_BYTES = 1 << 20


def relight_stream(
    source: str,
    target: str,
    load: Callable[[], Relights],
    options: FolderOptions,
    reads: Iterable[Read] = (),
) -> tuple[str, ...]:
    """Relight one picture; ``-`` stands for standard input or output.

    Args:
        source: A file or ``-``.
        target: A file or ``-``.
        load: Loads the network; called after the input was read.
        options: Format, quality and what to do where the target exists.
        reads: Files that are read beside the picture and its mask.

    Returns:
        Notes for the user.

    Raises:
        UsageError: The target exists against the user's wish, is read, or has no suffix
            of a picture; nothing can be written there.
        PictureError: The picture cannot be read, relit or written, or the target has
            another content.
    """
    if options.compare or options.name != FolderOptions.name:
        raise UsageError("--compare and --name need an output folder", "drop them")
    write = options.write
    if target != _STREAM:
        _check_target(target, options)
        format = write.format or images.format_of(Path(target).suffix)
        write = replace(write, format=format)
    mask = _mask(source, options.mask)
    if target != _STREAM:
        own = [Read("input", STDIN if source == _STREAM else Path(source))]
        own += [Read("mask", mask.path)] if mask else []
        Reads([*own, *reads]).require_apart(Path(target))
    data, suffix = _read(source)
    relights = load()

    def relit() -> tuple[bytes, tuple[str, ...]]:
        return _relit_bytes(data, suffix, mask, relights, write, options.max_megapixels)

    if target == _STREAM:
        encoded, notes = relit()
        _guarded("standard output", lambda: _write_out(encoded))
    else:
        origin = "" if source == _STREAM else str(Path(source).absolute())
        names = recipes(relights, options)
        if mask:
            names = masked(names, digest(mask.data))
        provenance = Provenance(digest(data), names, origin)
        notes = _into_file(Path(target), relit, provenance, options)
    return relights.notes + notes


def _relit_bytes(
    data: bytes,
    suffix: str,
    mask: _Mask | None,
    relights: Relights,
    write: WriteOptions,
    max_megapixels: float,
) -> tuple[bytes, tuple[str, ...]]:
    """The relit file of a file, and notes for the user."""
    picture = images.read(data, suffix, max_megapixels)
    images.require_fits(write.format or picture.encoding.format, *picture.size)
    share = None
    if mask is not None:
        share = masks.read(mask.data, mask.path, picture.size, max_megapixels)
    relit = relights.run(
        [picture.pixels], deep=picture.encoding.depth > 8, masks=[share]
    )
    (pixels,) = relit.pictures()
    encoded, notes = images.write(picture, pixels, write)
    return encoded, picture.notes + relit.notes + notes


@dataclass(frozen=True)
class _Mask:
    """The file of a mask."""

    path: Path
    data: bytes


def _mask(source: str, text: str | None) -> _Mask | None:
    """The mask of the one picture.

    Raises:
        UsageError: There is no such mask, or a folder for a picture without a name.
        PictureError: The folder has no mask of the picture, or it cannot be read.
    """
    found = masks.open_masks(text)
    if found is None:
        return None
    if source == _STREAM and Path(str(text)).is_dir():
        raise UsageError(f"--mask {text} is a folder", "name the mask's file")
    path = found.of(Path(Path(source).name))
    return _Mask(path, masks.data_of(path))


def _check_target(target: str, options: FolderOptions) -> None:
    check_no_url(target)
    path, wanted = Path(target), options.write.format
    format = images.format_of(path.suffix)
    if format is None:
        raise UsageError(f"{target} has no picture suffix", "end it in .png, .jpg")
    if wanted not in (None, format):
        raise UsageError(
            f"{target} does not end like a {wanted} file",
            "drop --format or change the name",
        )
    if path.is_symlink():
        raise UsageError(f"{target} is a symbolic link", "remove it")
    if path.exists() and not path.is_file():
        raise UsageError(f"{target} exists and is not a regular file", "remove it")
    if path.exists() and options.exist == "error":
        raise UsageError(f"{target} exists", "use --exist overwrite to replace it")
    try_out(path.parent)


def _into_file(
    path: Path,
    relit: Callable[[], tuple[bytes, tuple[str, ...]]],
    provenance: Provenance,
    options: FolderOptions,
) -> tuple[str, ...]:
    """Write the result, unless it is there already, made in the same way."""
    with (
        Folder.made(path.parent) as folder,
        closing(Records(folder, single=True)) as records,
    ):
        standing = "absent"
        if options.exist != "overwrite":
            standing = records.standing(path.name, path, provenance)
        if standing == "same":
            return (f"{path} is there already, made in the same way",)
        encoded, notes = relit()

        def put() -> None:
            is_known = standing == "foreign" and holds(path, encoded)
            records.note(path.name, path, encoded, provenance)
            if not is_known:
                folder.check()
                folder.write_whole(path.name, encoded)

        _guarded(str(path), put)
        beside = path.with_name(fan.compared(path.stem))
        if records.is_outdated((beside.name, beside), (path.name, path), provenance):
            folder.remove(beside.name)
            notes += (f"removed {beside}, which showed an older result",)
    return (*notes, f"{path} was made anew") if standing == "stale" else notes


def _guarded(target: str, put: Callable[[], None]) -> None:
    try:
        put()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise PictureError(
            f"{target} cannot be written: {error.strerror}", "check space, permissions"
        ) from error


def _write_out(data: bytes) -> None:
    """Write all data to standard output: unbuffered, each call may take a part only."""
    out, rest = sys.stdout.buffer, memoryview(data)
    while rest:
        rest = rest[out.write(rest) or 0 :]
    out.flush()
    # The command line's own stream goes on after a failure, and keeps it here.
    failure = getattr(getattr(out, "raw", None), "failure", None)
    if failure is not None:
        raise failure


def _read(source: str) -> tuple[bytes, str]:
    try:
        if source == _STREAM:
            return _limited(sys.stdin.buffer), ""
        path = Path(source)
        if is_url(source):
            raise UsageError(f"{source} is a URL, not a file", "download it first")
        if stat.S_ISFIFO(path.stat().st_mode):  # as bash writes <(...)
            with path.open("rb") as file:
                return _limited(file), path.suffix
        return read_regular(path.resolve()), path.suffix
    except OSError as error:
        raise UsageError(f"{source}: {error.strerror}", "check the path") from error


def _limited(file: BinaryIO) -> bytes:
    data = bytearray()
    while part := file.read(_PART_BYTES):
        data += part
        if len(data) > MOST_BYTES:
            raise OSError(errno.EFBIG, f"it has more than {MOST_BYTES >> 30} GiB")
    return bytes(data)
