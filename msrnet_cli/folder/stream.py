"""One picture through standard input or output: no plan, no folder."""

from __future__ import annotations

import errno
import stat
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import MOST_BYTES, Folder, read_regular
from msrnet_cli.folder.job import for_target, recipe, relight_bytes
from msrnet_cli.folder.journal import digest
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import check_no_url, try_out
from msrnet_cli.folder.records import Making, Records, holds
from msrnet_cli.folder.search import is_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from msrnet_cli.relight.relighter import Relighter

_STREAM = "-"
_PART_BYTES = 1 << 20


def relight_stream(
    source: str, target: str, load: Callable[[], Relighter], options: FolderOptions
) -> tuple[str, ...]:
    """Relight one picture; ``-`` stands for standard input or output.

    Args:
        source: A file or ``-``.
        target: A file or ``-``.
        load: Makes the network ready; called after the input was read.
        options: Format, quality and what to do where the target exists.

    Returns:
        Notes for the user.

    Raises:
        UsageError: The target exists against the user's wish, or its name is no
            picture's; nothing can be written there.
        PictureError: The picture cannot be read, relit or written, or the target holds
            something else.
    """
    if options.compare or options.name != FolderOptions.name:
        raise UsageError("--compare and --name need an output folder", "drop them")
    write = options.write
    if target != _STREAM:
        _check_target(target, options)
        write = for_target(write, Path(target))
    data, suffix = _read(source)
    relighter = load()
    limit = options.max_megapixels

    def relit() -> tuple[bytes, tuple[str, ...]]:
        return relight_bytes(
            data, relighter, write, suffix=suffix, max_megapixels=limit
        )

    if target == _STREAM:
        encoded, notes = relit()
        _guarded("standard output", lambda: _write_out(encoded))
    else:
        made_from = "" if source == _STREAM else str(Path(source).absolute())
        making = Making(digest(data), recipe(relighter, options), made_from)
        notes = _into_file(Path(target), relit, making, options)
    return relighter.notes + notes


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
    making: Making,
    options: FolderOptions,
) -> tuple[str, ...]:
    """Write the result, unless it is there already, made in the same way."""
    with (
        Folder.made(path.parent) as folder,
        closing(Records(folder, single=True)) as records,
    ):
        standing = "absent"
        if options.exist != "overwrite":
            standing = records.standing(path.name, path, making)
        if standing == "same":
            return (f"{path} is there already, made in the same way",)
        encoded, notes = relit()

        def put() -> None:
            is_known = standing == "foreign" and holds(path, encoded)
            records.note(path.name, path, encoded, making)
            if not is_known:
                folder.check()
                folder.write_whole(path.name, encoded)

        _guarded(str(path), put)
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
    """All of it to standard output, which takes only part at a time if unbuffered."""
    out, rest = sys.stdout.buffer, memoryview(data)
    while rest:
        rest = rest[out.write(rest) or 0 :]
    out.flush()
    # Where the command line keeps on through such failures, they are found here.
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
