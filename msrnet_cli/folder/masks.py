"""Masks: where a picture changes, and how much.

White shows all of the change, grey a part, black nothing. A mask has the size of its
upright picture.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from msrnet_cli import images
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import read_regular
from msrnet_cli.images.pixels import unit

if TYPE_CHECKING:
    from torch import Tensor


class Masks:
    """The masks of a folder job.

    Args:
        path: A folder that mirrors that of the pictures; or the mask of one picture.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_file = path.is_file()
        self._named = cache(_by_stem)

    def of(self, relative: Path) -> Path:
        """The mask of a picture.

        Args:
            relative: The picture below its own folder.

        Raises:
            PictureError: There is none, or more than one.
        """
        if self._is_file:
            return self._path
        folder = self._path / relative.parent
        found = self._named(folder).get(relative.stem, [])
        if len(found) == 1:
            return found[0]
        if found:
            raise PictureError(
                f"it has {len(found)} masks: {', '.join(path.name for path in found)}",
                "leave one of them",
            )
        raise PictureError(
            f"it has no mask: there is no picture {relative.stem}.* in {folder}",
            "add one; white everywhere changes all of the picture",
        )


def open_masks(text: str | None, pictures: int) -> Masks | None:
    """The masks that a user names; None for none.

    Args:
        text: As the user wrote it.
        pictures: How many pictures want one.

    Raises:
        UsageError: It does not exist, or is one file for several pictures.
    """
    if text is None:
        return None
    path = Path(text)
    if not path.is_dir() and not path.is_file():
        what = "is not a file or folder" if path.exists() else "does not exist"
        raise UsageError(f"--mask {text} {what}", "name a folder of masks, or a mask")
    if path.is_file() and pictures > 1:
        raise UsageError(
            f"--mask {text} is one file for {pictures} pictures",
            "name a folder with a mask of the same stem for each",
        )
    return Masks(path)


def data_of(path: Path) -> bytes:
    """The bytes of a mask's file.

    Raises:
        PictureError: It cannot be read.
    """
    try:
        return read_regular(path)
    except OSError as error:
        raise PictureError(
            f"its mask {path} cannot be read: {error.strerror}"
        ) from error


def read(data: bytes, path: Path, size: tuple[int, int], most: float) -> Tensor:
    """A mask, from the bytes of its file.

    Args:
        data: Any picture. Where it is transparent, nothing changes.
        path: Of the file.
        size: Width and height of the upright picture.
        most: Megapixels above which it is refused.

    Returns:
        H W, float32 in [0, 1]; exactly 0 for black, exactly 1 for white.

    Raises:
        PictureError: It cannot be read, or has another size.
    """
    try:
        picture = images.read(data, path.suffix, most)
    except PictureError as error:
        raise PictureError(f"its mask {path}: {error.reason}", error.remedy) from error
    if picture.size != size:
        (width, height), (wide, high) = picture.size, size
        raise PictureError(
            f"its mask {path} is {width}x{height}, the upright picture {wide}x{high}",
            "make the mask as large as the picture",
        )
    red, green, blue = picture.rgb
    # Rec. 709; in this form exact for grey.
    share = green + 0.2126 * (red - green) + 0.0722 * (blue - green)
    if picture.alpha is not None:
        opaque = 255 if picture.alpha.dtype == torch.uint8 else 65535
        share *= unit(picture.alpha[0]) if opaque == 255 else picture.alpha[0] / opaque
    return share.clamp_(0, 1)


def _by_stem(folder: Path) -> dict[str, list[Path]]:
    """The pictures of a folder by stem; hidden files are left out."""
    found: dict[str, list[Path]] = {}
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return {}
    for path in entries:
        if path.suffix.lower() in images.PICTURE_SUFFIXES and path.name[0] != ".":
            found.setdefault(path.stem, []).append(path)
    return found
