"""Pictures in a folder or inside a .zip: listed, read, decoded one by one."""

from __future__ import annotations

import lzma
import os
import stat
import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import DataError, PictureError
from msrnet_cli.images.pixels import quantise
from msrnet_cli.images.previews import is_preview

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

# zipfile raises RuntimeError for encryption and unknown compression, and lets through
# the errors of its decoders of names, numbers and members.
_UNREADABLE = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,  # with UnicodeDecodeError
    LookupError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
_STEP = 4096  # bytes at a time, which may unpack to thousands of times as much
_MAX_MEMBER = 1 << 30
# Flat pictures shrink this far, too; a large member that does is not a photograph.
_SMALL_MEMBER = 64 << 20
_MAX_RATIO = 200


@dataclass(frozen=True, order=True)
class PictureFile:
    """A picture in a folder, or inside a .zip.

    Attributes:
        path: The file, or the archive.
        member: Its name inside the archive; "" for a plain file.
    """

    path: Path
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.member}" if self.member else str(self.path)

    @property
    def name(self) -> PurePosixPath:
        """Its path, or its name inside the archive, with forward slashes."""
        return _slashed(self.member or str(self.path))

    def read(self) -> bytes:
        """The whole file.

        Raises:
            PictureError: It cannot be read.
        """
        with self._opened() as file:
            return self._rest(file)

    def decode(self) -> Tensor:
        """Its pixels: 3 H W, uint8, sRGB, upright.

        Raises:
            PictureError: It is damaged, or not a picture.
        """
        suffix = self.name.suffix
        try:
            with self._opened() as file:
                head = file.read(_STEP)
                images.recognise(head, suffix)  # before the whole member is in memory
                data = head + self._rest(file)
            picture = images.read(data, suffix)
        except _FileError:
            raise
        except PictureError as error:
            raise PictureError(f"{self}: {error.reason}", error.remedy) from error
        return quantise(picture.pixels, 8)

    def size(self) -> tuple[int, int]:
        """Width and height from the header alone, before any turn.

        Raises:
            PictureError: The header cannot be read.
        """
        with self._opened() as file:
            size = images.declared_size(file)
        if size is None:
            raise PictureError(f"{self}: no readable picture", "remove it")
        return size

    def _rest(self, file: IO[bytes]) -> bytes:
        """The rest of the file."""
        if not self.member:
            return file.read()
        return b"".join(iter(lambda: file.read(_STEP), b""))

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        try:
            if self.member:
                with zipfile.ZipFile(self.path) as archive:
                    _require_modest(archive.getinfo(self.member))
                    with archive.open(self.member) as file:
                        yield file
            else:
                with self.path.open("rb") as file:
                    yield file
        except _UNREADABLE as error:
            reason = getattr(error, "strerror", None) or str(error)
            reason = reason or "it is damaged"
            raise _FileError(f"{self}: {reason}", "check the file") from error


class _FileError(PictureError):
    """A file that cannot be read, named in the reason."""


def _require_modest(member: zipfile.ZipInfo) -> None:
    """Refuse a member that is small in the archive but would fill the memory.

    Raises:
        ValueError: With its size.
    """
    size, packed = member.file_size, max(1, member.compress_size)
    dense = size > _SMALL_MEMBER and size > _MAX_RATIO * packed
    if dense or size > _MAX_MEMBER:
        raise ValueError(f"{packed} bytes that unpack to {size / 1e9:.1f} GB")


def list_pictures(data: Path) -> list[PictureFile]:
    """All pictures below a folder or inside a .zip, by their names.

    Raises:
        DataError: It does not exist, or is neither.
    """
    require_data(data)
    if data.is_dir():
        return sorted(
            PictureFile(path)
            for path in _walk(data)
            if _is_picture(path.relative_to(data)) and path.is_file()
        )
    members = [info.filename for info in _members(data)]
    # An archive may hold a name twice after files were added; the last one counts.
    return sorted({PictureFile(data, name) for name in members if _is_picture(name)})


def bytes_of(files: Sequence[PictureFile]) -> list[int]:
    """The size of each file; inside an archive, its unpacked size.

    Raises:
        DataError: A file or an archive has gone.
    """
    archives = {
        path: {info.filename: info.file_size for info in _members(path)}
        for path in {file.path for file in files if file.member}
    }
    return [
        archives[file.path].get(file.member, 0)
        if file.member
        else _bytes_on_disk(file.path)
        for file in files
    ]


def _bytes_on_disk(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}", "check the path"
        ) from error


def _members(archive: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(archive) as file:
            return file.infolist()
    except _UNREADABLE as error:
        raise DataError(
            f"{archive} is neither a folder nor a readable .zip", "check the file"
        ) from error


def require_data(data: Path) -> None:
    """Refuse a path that is neither a folder nor a file.

    Raises:
        DataError: With the kind of thing that it is.
    """
    try:
        mode = data.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{data} does not exist", "check the path") from error
    except OSError as error:
        raise DataError(
            f"{data} cannot be read: {error.strerror}", "mend its permissions"
        ) from error
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise DataError(f"{data} is neither a folder nor a .zip", "check the path")


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder.

    Raises:
        DataError: A folder cannot be read, so that part of the set would be missing.
    """

    def refuse(error: OSError) -> None:
        raise DataError(
            f"{error.filename} cannot be read: {error.strerror}",
            "mend its permissions, or move it elsewhere",
        ) from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = (name for name in folders if not _is_hidden(name))
        yield from (Path(parent, name) for name in names)


def _is_picture(name: PurePath | str) -> bool:
    path = _slashed(str(name))
    if any(map(_is_hidden, path.parts)) or is_preview(path.name):
        return False
    return path.suffix.lower() in images.PICTURE_SUFFIXES


def _is_hidden(part: str) -> bool:
    return part.startswith((".", "__MACOSX"))


def _slashed(name: str) -> PurePosixPath:
    """A name with the separators that it should have.

    Some archives made on Windows have backslashes; after unpacking on another system,
    the backslashes are part of file names.
    """
    return PurePosixPath(name.replace("\\", "/"))
