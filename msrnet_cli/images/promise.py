"""What the header of a file shows of a picture that cannot be read.

Reads pixels only where a header is so odd that it does not tell the size.
"""

from __future__ import annotations

from contextlib import suppress
from typing import IO, TYPE_CHECKING

from PIL import TiffImagePlugin

from msrnet_cli.images.coding import directories, raws, tiffs
from msrnet_cli.images.coding.opening import opened
from msrnet_cli.images.coding.quiet import has_tiff_codec, hush
from msrnet_cli.images.extras import library
from msrnet_cli.images.formats import HEAD_BYTES, has_raw_head, is_named_raw, recognise
from msrnet_cli.images.reading import declared_size, read, require_few

if TYPE_CHECKING:
    from msrnet_cli.config import Format

_INTEGERS = (1, 4)  # unsigned, or not said: TIFF 6.0, SampleFormat
_UNCOMPRESSED = 1


def require_promising(
    file: IO[bytes], suffix: str, max_megapixels: float
) -> tuple[Format, tuple[int, int] | None]:
    """Refuse a picture that `reading.read` would refuse for its header.

    Args:
        file: At its beginning.
        suffix: Of its name.
        max_megapixels: As for `reading.read`.

    Returns:
        The format that it is read as, and its size before any turn, where it is told.

    Raises:
        PictureError: For the reason that `reading.read` would give.
    """
    head = file.read(HEAD_BYTES)
    format = recognise(head, suffix)
    hush()
    is_raw = has_raw_head(head) or is_named_raw(head, suffix)
    if is_raw or format == "heic":
        library("raw" if is_raw else "heic")
    file.seek(0)
    size = declared_size(file)
    if size is not None:
        require_few(size, max_megapixels)
    file.seek(0)
    if format == "tiff" and not is_raw:
        _require_pixels(file)
    elif size is None:
        picture = read(file.read(), suffix, max_megapixels)
        return picture.encoding.format, picture.size
    return format, size


def _require_pixels(file: IO[bytes]) -> None:
    """Refuse a TIFF of pixels that are not read; looks at its directories only."""
    with suppress(Exception):  # a kind that Pillow does not know
        image = opened(file, ("TIFF",))
        if isinstance(image, TiffImagePlugin.TiffImageFile) and _is_plain(image.tag_v2):
            return
    file.seek(0)
    data = file.read()
    if raws.is_raw(data):
        library("raw")
    else:
        tiffs.require_readable(data)


def _is_plain(tags: TiffImagePlugin.ImageFileDirectory_v2) -> bool:
    """Whether a page is the picture, in whole numbers of up to 16 bits."""
    return (
        not any(tags.get(tag) for tag in directories.SUBFILE_TYPES)
        and directories.SUB_IFDS not in tags
        and {*tags.get(directories.SAMPLE_FORMAT, (1,))} <= {*_INTEGERS}
        and max(tags.get(directories.BITS, (1,))) <= 16
        and has_tiff_codec(tags.get(directories.COMPRESSION, _UNCOMPRESSED))
    )
