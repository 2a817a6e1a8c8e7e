"""Small copies of pictures for pages, in sRGB, made of any file that msrnet reads.

Each call holds one or two pictures in memory, so a page of any number of pictures
needs no more than a page of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageStat

from msrnet_cli import images
from msrnet_cli.errors import PictureError
from msrnet_cli.files import read_regular
from msrnet_cli.folder.known import digest
from msrnet_cli.images.pixels import quantise, to_image
from msrnet_cli.pages.jpegs import jpeg

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

SIDE = 1024
"""Longer side of a preview."""
THUMBNAIL = 320
"""Longer side of a picture on a contact sheet."""

_QUALITY, _SMALL_QUALITY = 80, 72
_BACK = (128, 128, 128)  # below what is transparent


@dataclass(frozen=True)
class Preview:
    """A small copy of a picture.

    Attributes:
        image: The copy, RGB, its longer side at most `SIDE`.
        width: Of the picture itself, upright.
        height: Likewise.
    """

    image: Image.Image
    width: int
    height: int

    def encoded(self) -> bytes:
        """The copy as a JPEG file."""
        return jpeg(self.image, _QUALITY, progressive=True)

    def thumbnail(self) -> bytes:
        """A still smaller copy as a JPEG file."""
        small = self.image.copy()
        small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
        return jpeg(small, _SMALL_QUALITY, progressive=True)


def preview(path: Path, max_megapixels: float, sha256: str = "") -> Preview:
    """The small copy of a picture file.

    Args:
        path: The file.
        max_megapixels: A larger picture is refused before it is decoded.
        sha256: Digest that the file must have, in hex; "" for any.

    Raises:
        PictureError: It cannot be read, is not a picture, or has changed.
    """
    try:
        data = read_regular(path)
    except FileNotFoundError:
        raise PictureError("it is no longer there") from None
    except OSError as error:
        raise PictureError(f"it cannot be read: {error.strerror}") from error
    if sha256 and digest(data) != sha256:
        raise PictureError("it has changed since")
    picture = images.read(data, path.suffix, max_megapixels)
    image = images.thumbnail(picture.pixels, SIDE)
    if picture.alpha is not None:
        image = _on_grey(image, picture.alpha)
    width, height = picture.size
    return Preview(image, width, height)


def change(one: Preview, other: Preview) -> float | None:
    """The mean difference of all values of two pictures, of full scale, 0 to 1.

    Args:
        one: A picture.
        other: The other one.

    Returns:
        None where the pictures have different sizes.
    """
    if one.image.size != other.image.size:
        return None
    means = ImageStat.Stat(ImageChops.difference(one.image, other.image)).mean
    return sum(means) / len(means) / 255


def _on_grey(image: Image.Image, alpha: Tensor) -> Image.Image:
    """A picture on grey, as far as it is transparent."""
    share = to_image(quantise(alpha, 8)).resize(image.size, Image.Resampling.BOX)
    return Image.composite(image, Image.new("RGB", image.size, _BACK), share)
