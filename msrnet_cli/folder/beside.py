"""Files beside pictures: one for each, of its stem, in a folder of their own.

Such as masks, and the second pictures of weights that see two. Each has the size of its
upright picture.
"""

from __future__ import annotations

import os
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import opened_regular, read_regular
from msrnet_cli.images.formats import HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PLAIN = ("png", "jpeg", "webp", "bmp")  # their headers tell the size of the picture


@dataclass(frozen=True)
class Kind:
    """What lies beside pictures.

    Attributes:
        flag: The option that names the folder.
        name: What one of them is called.
        remedy: What to do where one is missing.
    """

    flag: str
    name: str
    remedy: str

    @property
    def key(self) -> str:
        """Stands for it in the name of a recipe."""
        return self.flag.removeprefix("--")


MASK = Kind("--mask", "mask", "add one; white everywhere changes all of the picture")
SECOND = Kind("--second", "second picture", "add the scene under the other light")


class Beside:
    """The files of one kind of a folder job.

    Args:
        kind: What they are.
        path: A folder that mirrors that of the pictures; or the file of one picture.

    Attributes:
        kind: What they are.
    """

    def __init__(self, kind: Kind, path: Path) -> None:
        self.kind = kind
        self._path = path
        self._is_file = path.is_file()
        self._named: dict[Path, dict[str, list[Path]]] = {}
        self._place = path.resolve()
        self._roots: dict[Path, bool] = {}

    def of(self, relative: Path, picture: Path) -> Path:
        """The file of a picture: the only one with its stem.

        Of two with its stem, one may be that of a neighbour: of a.jpg and a.png, each
        takes the file with its whole name.

        Args:
            relative: The picture below its own folder.
            picture: The picture; its neighbours are looked up.

        Raises:
            PictureError: There is none, or more than one.
        """
        if self._is_file:
            return self._path
        folder, name = self._path / relative.parent, self.kind.name
        self.see(relative.parent)
        found = self._named[folder].get(_composed(relative.stem), [])
        own = [path for path in found if path.suffix == relative.suffix]
        rivals = [path for path in found if not _has_picture(path, picture)]
        fitting = found if len(found) == 1 else own + rivals
        if len(fitting) == 1:
            return fitting[0]
        if found:
            names = ", ".join(map(str, fitting or found))
            raise PictureError(
                f"has {len(fitting or found)} {name}s: {names}", "leave one of them"
            )
        raise PictureError(
            f"has no {name}: there is no picture {relative.stem}.* in {folder}",
            self.kind.remedy,
        )

    def of_sized(
        self, relative: Path, picture: Path, size: tuple[int, int] | None
    ) -> Path:
        """As `of`; refuses another size by the header, where headers tell for sure.

        Args:
            relative: The picture below its own folder.
            picture: The picture.
            size: Its width and height before any turn; None where its header does not
                tell for sure.

        Raises:
            PictureError: There is none, or one that has another size for sure, however
                each of the two is turned.
        """
        path = self.of(relative, picture)
        own = _plain_size(path) if size else None
        if own and size and sorted(own) != sorted(size):
            raise _other_size(self.kind, path, own, size)
        return path

    def see(self, within: Path) -> None:
        """Look at a folder as if one of its pictures had been asked for.

        Args:
            within: Below that of the pictures.
        """
        folder = self._path / within
        if not self._is_file and folder not in self._named:
            self._named[folder] = _by_stem(folder)

    def seen(self) -> Iterator[Path]:
        """The files in the folders that were asked for so far, or the one file."""
        if self._is_file:
            yield self._path
        for named in self._named.values():
            for paths in named.values():
                yield from paths

    def holds(self, root: Path, path: Path) -> bool:
        """Whether a file lies among them, in a folder below that of the pictures.

        Args:
            root: The folder of the pictures.
            path: The file.
        """
        if root not in self._roots:
            is_below = not self._is_file and root.resolve() in self._place.parents
            self._roots[root] = is_below
        return self._roots[root] and path.resolve().is_relative_to(self._place)

    def require_apart(self, roots: Iterable[Path]) -> None:
        """Refuse a folder of pictures, where nothing tells the files apart.

        Args:
            roots: The folders of pictures.

        Raises:
            UsageError: One of them is the folder of these files.
        """
        if any(not self._is_file and self._path.samefile(root) for root in roots):
            raise UsageError(
                f"{self.kind.flag} {self._path} is also the folder of the pictures",
                f"put {self.kind.name}s into a folder of their own",
            )

    def require_no_results(self, output: Path) -> None:
        """Refuse results among these files: the next run would take them for such.

        Args:
            output: The output folder; it need not exist.

        Raises:
            UsageError: It is the folder of these files.
        """
        if not self._is_file and output.is_dir() and self._path.samefile(output):
            raise UsageError(
                f"{self.kind.flag} {self._path} is also the output folder",
                "put results into a folder of their own",
            )

    def require_each(self, pictures: int) -> None:
        """Refuse one file for several pictures.

        Raises:
            UsageError: There is one file, and there are several pictures.
        """
        if self._is_file and pictures > 1:
            raise UsageError(
                f"{self.kind.flag} {self._path} is one file for {pictures} pictures",
                f"name a folder with a {self.kind.name} of the same stem for each",
            )


def open_beside(kind: Kind, text: str | None) -> Beside | None:
    """The files that a user names; None for none.

    Args:
        kind: What they are.
        text: Their folder, or the file of one picture, as the user wrote it.

    Raises:
        UsageError: It does not exist, or is neither a file nor a folder.
    """
    if text is None:
        return None
    if not text:  # it would mean the current folder
        reason = f"{kind.flag} names no folder and no file"
        raise UsageError(reason, "look at the shell variable it came from")
    path = Path(text)
    if not path.is_dir() and not path.is_file():
        what = "is not a file or folder" if path.exists() else "does not exist"
        raise UsageError(
            f"{kind.flag} {text} {what}", f"name a folder of {kind.name}s, or a file"
        )
    return Beside(kind, path)


def require_promising(kind: Kind, path: Path, most: float) -> None:
    """Refuse a file that its header shows to be no picture, or one that is not read.

    Args:
        kind: What it is.
        path: The file.
        most: Megapixels above which it is refused.

    Raises:
        PictureError: For the reason that `read` would give.
    """
    try:
        with opened_regular(path) as file:
            images.require_promising(file, path.suffix, most)
    except OSError as error:
        raise _unreadable(kind, path, error) from error
    except PictureError as error:
        raise _of_kind(kind, path, error) from error


def data_of(kind: Kind, path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        PictureError: It cannot be read.
    """
    try:
        return read_regular(path)
    except OSError as error:
        raise _unreadable(kind, path, error) from error


def read(
    kind: Kind, data: bytes, path: Path, size: tuple[int, int], most: float
) -> images.Picture:
    """Decode a file.

    Args:
        kind: What it is.
        data: Its bytes.
        path: Where it lies.
        size: Width and height of the upright picture.
        most: Megapixels above which it is refused.

    Raises:
        PictureError: It cannot be read, or has another size.
    """
    try:
        picture = images.read(data, path.suffix, most)
    except PictureError as error:
        raise _of_kind(kind, path, error) from error
    if picture.size != size:
        raise _other_size(kind, path, picture.size, size)
    return picture


def tells_size(start: bytes) -> bool:
    """Whether a picture with this start is just as large as its header says.

    Args:
        start: At least the first `HEAD_BYTES` of the file.
    """
    return images.sniff(start[:HEAD_BYTES]) in _PLAIN


def _plain_size(path: Path) -> tuple[int, int] | None:
    """Width and height, before any turn; None where the header does not tell surely."""
    with suppress(OSError), opened_regular(path) as file:  # reading it will say why
        if tells_size(file.read(HEAD_BYTES)):
            file.seek(0)
            return images.declared_size(file)
    return None


def _other_size(
    kind: Kind, path: Path, own: tuple[int, int], picture: tuple[int, int]
) -> PictureError:
    """The refusal of a file whose width and height are not those of its picture."""
    (width, height), (wide, high) = own, picture
    return PictureError(
        f"its {kind.name} {path} is {width}x{height}, the picture {wide}x{high}",
        f"make the {kind.name} as large as the upright picture",
    )


def _unreadable(kind: Kind, path: Path, error: OSError) -> PictureError:
    reason = f"its {kind.name} {path} cannot be read: {error.strerror}"
    return PictureError(reason, f"check the {kind.name}")


def _of_kind(kind: Kind, path: Path, error: PictureError) -> PictureError:
    return PictureError(f"its {kind.name} {path}: {error.reason}", error.remedy)


def _by_stem(folder: Path) -> dict[str, list[Path]]:
    """The pictures of a folder by stem; hidden files are left out."""
    found: dict[str, list[Path]] = {}
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return {}
    for path in entries:
        if path.suffix.lower() in images.PICTURE_SUFFIXES and path.name[0] != ".":
            found.setdefault(_composed(path.stem), []).append(path)
    return found


def _has_picture(beside: Path, picture: Path) -> bool:
    """Whether this picture, or one next to it, has the whole name of a file."""
    return os.path.lexists(picture.with_name(f"{picture.stem}{beside.suffix}"))


def _composed(stem: str) -> str:
    """The same text for all Unicode forms of a name."""
    return unicodedata.normalize("NFC", stem)
