"""Pictures as JPEG files, and such files as addresses that hold them."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


def jpeg(
    image: Image.Image, quality: int, subsampling: int = 2, *, progressive: bool = False
) -> bytes:
    """A picture as a JPEG file.

    Args:
        image: RGB.
        quality: 1 to 100.
        subsampling: Of colours: 0 for none, 2 for half of each side.
        progressive: Whether a browser can show it before all of it is there.
    """
    out = io.BytesIO()
    image.save(
        out, "JPEG", quality=quality, subsampling=subsampling, optimize=True,
        progressive=progressive,
    )  # fmt: skip
    return out.getvalue()


def embedded(data: bytes) -> str:
    """A JPEG file as an address that holds it."""
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
