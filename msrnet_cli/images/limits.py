"""How large a picture each format can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.errors import PictureError

if TYPE_CHECKING:
    from msrnet_cli.config import Format


@dataclass(frozen=True)
class _Limit:
    side: int
    pixels: int | None = None


# Sources: libjpeg's JPEG_MAX_DIMENSION (T.81 itself allows 65,535); RFC 9649 section
# 3.4 (14 bits; libwebp's WEBP_MAX_DIMENSION); libavif's AVIF_DEFAULT_IMAGE_SIZE_LIMIT
# and AVIF_DEFAULT_IMAGE_DIMENSION_LIMIT, above which its decoders refuse; GIF89a
# section 18 (16 bits); W3C PNG 3 section 7.1 (31 bits); BITMAPINFOHEADER (31 bits, in a
# file of at most 4 GiB); TIFF 6.0 (32 bits).
_LIMITS: dict[Format, _Limit] = {
    "jpeg": _Limit(65_500),
    "webp": _Limit(16_383),
    "avif": _Limit(32_768, 16_384**2),
    "gif": _Limit(65_535),
    "bmp": _Limit(2**31 - 1, 2**30),
    "png": _Limit(2**31 - 1),
    "tiff": _Limit(2**32 - 1),
}
_NAMES: dict[Format, str] = {"webp": "a WebP picture", "avif": "an AVIF picture"}


def require_fits(format: Format, width: int, height: int) -> None:
    """Refuse a picture that is too large for a format.

    Args:
        format: Of the output.
        width: In pixels; may be exchanged with the height.
        height: In pixels.

    Raises:
        PictureError: With the limit, and a format that can hold the picture.
    """
    limit = _LIMITS[format]
    name = _NAMES.get(format, f"a {format.upper()} picture")
    reason = ""
    if max(width, height) > limit.side:
        reason = f"{name} has at most {limit.side:,} pixels a side"
    elif limit.pixels is not None and width * height > limit.pixels:
        reason = f"{name} has at most {limit.pixels / 1e6:.0f} megapixels"
    if reason:
        others = "tiff" if format == "png" else "png or --format tiff"
        raise PictureError(
            f"{reason}, this one is {width:,}x{height:,}", f"use --format {others}"
        )
