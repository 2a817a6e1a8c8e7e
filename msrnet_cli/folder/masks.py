"""Masks: where a picture changes, and how much.

White shows all of the change, grey a part, black nothing. A mask has the size of its
upright picture, and no colours.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import IO, TYPE_CHECKING

import torch

from msrnet_cli import images
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import opened_regular, read_regular
from msrnet_cli.images.formats import HEAD_BYTES
from msrnet_cli.images.pixels import unit
from msrnet_cli.images.rows import spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

_GREY = 8 / 255  # no encoder was seen to tint grey by more than 1
_PLAIN = ("png", "jpeg", "webp", "bmp")  # their headers tell the size of the picture


class Masks:
    """The masks of a folder job.

    Args:
        path: A folder that mirrors that of the pictures; or the mask of one picture.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_file = path.is_file()
        self._named: dict[Path, dict[str, list[Path]]] = {}

    def of(self, relative: Path, source: Path) -> Path:
        """The mask of a picture: the only one with its stem.

        Of two with its stem, one may be that of a neighbour: of a.jpg and a.png, each
        takes the mask with its whole name.

        Args:
            relative: The picture below its own folder.
            source: The picture; its neighbours are looked up.

        Raises:
            PictureError: There is none, or more than one.
        """
        if self._is_file:
            return self._path
        folder = self._path / relative.parent
        if folder not in self._named:
            self._named[folder] = _by_stem(folder)
        found = self._named[folder].get(_composed(relative.stem), [])
        own = [path for path in found if path.suffix == relative.suffix]
        rivals = [path for path in found if not _has_picture(path, source)]
        fitting = found if len(found) == 1 else own + rivals
        if len(fitting) == 1:
            return fitting[0]
        if found:
            names = ", ".join(map(str, fitting or found))
            raise PictureError(
                f"has {len(fitting or found)} masks: {names}", "leave one of them"
            )
        raise PictureError(
            f"has no mask: there is no picture {relative.stem}.* in {folder}",
            "add one; white everywhere changes all of the picture",
        )

    def seen(self) -> Iterator[Path]:
        """The masks in the folders that were asked for so far, or the one mask."""
        if self._is_file:
            yield self._path
        for named in self._named.values():
            for paths in named.values():
                yield from paths

    def holds(self, root: Path, path: Path) -> bool:
        """Whether a file lies among the masks, in a folder below that of the pictures.

        Args:
            root: The folder of the pictures.
            path: The file.
        """
        place = self._path.resolve()
        is_below = not self._is_file and root.resolve() in place.parents
        return is_below and path.resolve().is_relative_to(place)

    def require_apart(self, roots: Iterable[Path]) -> None:
        """Refuse masks in a folder of pictures, where nothing tells them apart.

        Args:
            roots: The folders of pictures.

        Raises:
            UsageError: One of them is the folder of masks.
        """
        if any(not self._is_file and self._path.samefile(root) for root in roots):
            raise UsageError(
                f"--mask {self._path} is also the folder of the pictures",
                "put masks into a folder of their own",
            )

    def require_no_results(self, output: Path) -> None:
        """Refuse results among masks: the next run would take them for masks.

        Args:
            output: The output folder; it need not exist.

        Raises:
            UsageError: It is the folder of masks.
        """
        if not self._is_file and output.is_dir() and self._path.samefile(output):
            raise UsageError(
                f"--mask {self._path} is also the output folder",
                "put results into a folder of their own",
            )

    def require_each(self, pictures: int) -> None:
        """Refuse one file as the mask of several pictures.

        Raises:
            UsageError: The mask is a file, and there are several.
        """
        if self._is_file and pictures > 1:
            raise UsageError(
                f"--mask {self._path} is one file for {pictures} pictures",
                "name a folder with a mask of the same stem for each",
            )


def open_masks(text: str | None) -> Masks | None:
    """The masks that a user names; None for none.

    Args:
        text: As the user wrote it.

    Raises:
        UsageError: It does not exist, or is neither a file nor a folder.
    """
    if text is None:
        return None
    if not text:  # it would mean the current folder
        reason = "--mask names no folder and no file"
        raise UsageError(reason, "look at the shell variable it came from")
    path = Path(text)
    if not path.is_dir() and not path.is_file():
        what = "is not a file or folder" if path.exists() else "does not exist"
        raise UsageError(f"--mask {text} {what}", "name a folder of masks, or a mask")
    return Masks(path)


def require_size(path: Path, picture: tuple[int, int]) -> None:
    """Refuse a mask of another size by its header, where the header tells for sure.

    Args:
        path: The mask.
        picture: Width and height that the picture's header tells, before any turn.

    Raises:
        PictureError: The two differ, however each of them is turned.
    """
    try:
        with opened_regular(path) as file:
            own = plain_size(file)
    except OSError:
        return  # reading it will say why
    if own is not None and sorted(own) != sorted(picture):
        raise _other_size(path, own, picture)


def plain_size(file: IO[bytes]) -> tuple[int, int] | None:
    """Width and height that a header tells, before any turn.

    Returns:
        None where the picture may be larger or smaller than its header says.
    """
    format = images.sniff(file.read(HEAD_BYTES))
    file.seek(0)
    return images.declared_size(file) if format in _PLAIN else None


def require_promising(path: Path, most: float) -> None:
    """Refuse a mask that its header shows to be no picture, or one that is not read.

    Args:
        path: The mask.
        most: Megapixels above which it is refused.

    Raises:
        PictureError: For the reason that `read` would give.
    """
    try:
        with opened_regular(path) as file:
            images.require_promising(file, path.suffix, most)
    except OSError as error:
        raise _unreadable(path, error) from error
    except PictureError as error:
        raise _of_mask(path, error) from error


def data_of(path: Path) -> bytes:
    """The bytes of a mask's file.

    Raises:
        PictureError: It cannot be read.
    """
    try:
        return read_regular(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def read(data: bytes, path: Path, size: tuple[int, int], most: float) -> Tensor:
    """A mask, from the bytes of its file.

    Args:
        data: Any grey picture; it counts as it looks, in sRGB: half of white is one
            half. Where it is transparent, nothing changes.
        path: Of the file.
        size: Width and height of the upright picture.
        most: Megapixels above which it is refused.

    Returns:
        H W, float32 in [0, 1]; exactly 0 for black, exactly 1 for white.

    Raises:
        PictureError: It cannot be read, has another size, or has colours.
    """
    try:
        picture = images.read(data, path.suffix, most)
    except PictureError as error:
        raise _of_mask(path, error) from error
    if picture.size != size:
        raise _other_size(path, picture.size, size)
    width, height = size
    mask = torch.empty(height, width)
    for rows in spans(height, width):
        colours = unit(picture.pixels[:, rows])
        red, green, blue = colours
        # Rec. 709; in this form exact for grey.
        share = green + 0.2126 * (red - green) + 0.0722 * (blue - green)
        spread = colours.amax(0) - colours.amin(0)
        if picture.alpha is not None:
            opaque = unit(picture.alpha[0, rows])
            share, spread = share * opaque, spread * opaque
        if float(spread.max()) > _GREY:
            raise PictureError(
                f"its mask {path} has colours, which mean nothing in a mask",
                "save it as grey; of mattes in red, green and blue, one at a time",
            )
        mask[rows] = share
    return mask.clamp_(0, 1)


def _unreadable(path: Path, error: OSError) -> PictureError:
    reason = f"its mask {path} cannot be read: {error.strerror}"
    return PictureError(reason, "check the mask")


def _of_mask(path: Path, error: PictureError) -> PictureError:
    return PictureError(f"its mask {path}: {error.reason}", error.remedy)


def _other_size(
    path: Path, own: tuple[int, int], picture: tuple[int, int]
) -> PictureError:
    (width, height), (wide, high) = own, picture
    return PictureError(
        f"its mask {path} is {width}x{height}, the picture {wide}x{high}",
        "make the mask as large as the upright picture",
    )


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


def _has_picture(mask: Path, picture: Path) -> bool:
    """Whether this picture, or one beside it, has the whole name of a mask."""
    return os.path.lexists(picture.with_name(f"{picture.stem}{mask.suffix}"))


def _composed(stem: str) -> str:
    """The same text for all Unicode forms of a name."""
    return unicodedata.normalize("NFC", stem)
