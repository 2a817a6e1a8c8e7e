"""Pillow without its own limit on size, which warns at half of it.

`reading` has a limit of its own, which the user can raise.
"""

from __future__ import annotations

import threading
from typing import IO, TYPE_CHECKING

from PIL import Image, TiffImagePlugin

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_opening = threading.Lock()


def opened(file: IO[bytes], formats: tuple[str, ...] | None) -> ImageFile:
    """Read a file's header.

    Raises:
        Exception: What Pillow raises.
    """
    with _opening:
        guard, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file, formats=formats)
        finally:
            Image.MAX_IMAGE_PIXELS = guard


def load(image: Image.Image) -> None:
    """Decode an image.

    Raises:
        Exception: What Pillow raises.
    """
    if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tile:
        # Pillow checks the limit again only where it allocates the image itself.
        image.im = Image.new(image.mode, image._tile_size, None).im
    image.load()
