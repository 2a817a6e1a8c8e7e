"""One picture through standard input or output: no plan, no journal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.config import FolderOptions
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import write_whole
from msrnet_cli.folder.job import for_target, holds, relight_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.inference import Relighter

_STREAM = "-"


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
            picture's.
        PictureError: The picture cannot be read, relit or written, or the target holds
            something else.
    """
    if options.compare or options.name != FolderOptions.name:
        raise UsageError("--compare and --name need an output folder", "drop them")
    write = options.write
    if target != _STREAM:
        path = Path(target)
        format = images.format_of(path.suffix)
        if format is None:
            raise UsageError(f"{target} has no picture suffix", "end it in .png, .jpg")
        if write.format not in (None, format):
            raise UsageError(
                f"{target} does not end like a {write.format} file",
                "drop --format or change the name",
            )
        if path.is_symlink():
            raise UsageError(f"{target} is a symbolic link", "remove it")
        if path.exists() and options.exist == "error":
            raise UsageError(f"{target} exists", "use --exist overwrite to replace it")
        write = for_target(write, path)
    data, suffix = _read(source)
    relighter = load()
    encoded, notes = relight_bytes(
        data, relighter, write, suffix=suffix, max_megapixels=options.max_megapixels
    )
    try:
        if target == _STREAM:
            _write_out(encoded)
        elif options.exist == "overwrite" or not holds(Path(target), encoded):
            write_whole(Path(target), encoded)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise PictureError(
            f"{target} cannot be written: {error.strerror}", "check space, permissions"
        ) from error
    return relighter.notes + notes


def _write_out(data: bytes) -> None:
    """All of it to standard output, which takes only part at a time if unbuffered."""
    out, rest = sys.stdout.buffer, memoryview(data)
    while rest:
        rest = rest[out.write(rest) or 0 :]
    out.flush()


def _read(source: str) -> tuple[bytes, str]:
    if source == _STREAM:
        return sys.stdin.buffer.read(), ""
    try:
        return Path(source).read_bytes(), Path(source).suffix
    except OSError as error:
        raise UsageError(f"{source}: {error.strerror}", "check the path") from error
