"""Pictures in a folder or inside a .zip: listed, read, decoded one by one."""

from __future__ import annotations

import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import DataError, PictureError
from msrnet_cli.images.pixels import quantise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

# zipfile raises RuntimeError for what is encrypted or compressed in an unknown way.
_UNREADABLE = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


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
        """Its path, or that inside the archive, with forward slashes."""
        return PurePosixPath(self.member or self.path.as_posix())

    def read(self) -> bytes:
        """The whole file.

        Raises:
            PictureError: It cannot be read.
        """
        with self._opened() as file:
            return file.read()

    def decode(self) -> Tensor:
        """Its pixels: 3 H W, uint8, sRGB, upright.

        Raises:
            PictureError: It is damaged, or not a picture.
        """
        data = self.read()
        try:
            picture = images.read(data, self.name.suffix)
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

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        try:
            if self.member:
                with (
                    zipfile.ZipFile(self.path) as archive,
                    archive.open(self.member) as file,
                ):
                    yield file
            else:
                with self.path.open("rb") as file:
                    yield file
        except _UNREADABLE as error:
            reason = getattr(error, "strerror", None) or error
            raise PictureError(f"{self}: {reason}", "check the file") from error


def list_pictures(data: Path) -> list[PictureFile]:
    """All pictures below a folder or inside a .zip, by their names.

    Raises:
        DataError: It does not exist, or is neither.
    """
    if data.is_dir():
        return sorted(
            PictureFile(path)
            for path in data.rglob("*")
            if _is_picture(path.relative_to(data)) and path.is_file()
        )
    if not data.is_file():
        raise DataError(f"{data} does not exist", "check the path")
    try:
        with zipfile.ZipFile(data) as archive:
            members = archive.namelist()
    except _UNREADABLE as error:
        raise DataError(
            f"{data} is neither a folder nor a readable .zip", "check the file"
        ) from error
    return sorted(
        PictureFile(data, name) for name in members if _is_picture(PurePosixPath(name))
    )


def _is_picture(name: PurePath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.parts[-2:])
    return name.suffix.lower() in images.PICTURE_SUFFIXES and not hidden
