"""Camera raw files, developed by LibRaw, through rawpy.

What a picture becomes depends on its exposure alone, never on its brightest pixels: a
series keeps its differences. So LibRaw's automatic brightness and its stretching to the
brightest pixel are off. White is where the sensor saturates, clipped in all three
colours, so that highlights are white. The baseline exposure of a DNG counts: it is a
part of the format (DNG 1.7, BaselineExposure).
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import torch

from msrnet_cli.errors import PictureError
from msrnet_cli.images.coding import directories
from msrnet_cli.images.extras import library
from msrnet_cli.images.formats import has_raw_head, is_named_raw
from msrnet_cli.images.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from rawpy import RawPy
    from torch import Tensor

_SRGB_CURVE = (2.4, 12.92)  # IEC 61966-2-1, as LibRaw names power and slope
_BASELINE_EXPOSURE, _SIGNED_RATIO = 50730, 10
_MOST_STOPS = 4.0
_REMEDY = "develop it to 16-bit TIFF or JPEG first"
DEVELOPED = "developed from a camera raw file, with the camera's white balance"
"""The note on every such picture."""
NO_BALANCE = (
    "developed from a camera raw file, which names no white balance: daylight's"
)


def is_raw(data: bytes, suffix: str = "") -> bool:
    """Whether a whole file holds the data of a camera's sensor.

    Args:
        data: The file.
        suffix: Of its name: some old raw files cannot be told from TIFF otherwise.
    """
    if has_raw_head(data[:64]) or is_named_raw(data, suffix):
        return True
    if not data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return False
    try:
        return directories.read_pages(data).hold_sensor
    except struct.error:
        return False


def size(data: bytes) -> tuple[int, int] | None:
    """Width and height before any turn, by the header; decodes nothing.

    Args:
        data: The whole file.

    Returns:
        None where LibRaw is not installed, or cannot open the file.
    """
    try:
        return _size(library("raw").RawPy(), data)
    except Exception:  # developing it will tell why
        return None


def developed(
    data: bytes, require_few: Callable[[tuple[int, int]], None]
) -> tuple[Rows, str]:
    """Develop a raw file: upright, in sRGB, 16 bits.

    Args:
        data: The whole file.
        require_few: Raises for a size that is too large, before anything is decoded.

    Returns:
        The pixels, grey or RGB, and a note.

    Raises:
        PictureError: rawpy is not installed, or LibRaw cannot open the file.
    """
    rawpy = library("raw")
    with rawpy.RawPy() as raw:
        try:
            require_few(_size(raw, data))
            # Where LibRaw has told sizes, it must open the file anew.
            raw.open_buffer(io.BytesIO(data))
            raw.unpack()
            return _pixels(raw, 2.0 ** _baseline_exposure(data))
        except rawpy.LibRawError as error:
            raise _refused(error) from error


def _size(raw: RawPy, data: bytes) -> tuple[int, int]:
    raw.open_buffer(io.BytesIO(data))
    sizes = raw.sizes
    return sizes.width, sizes.height


def _pixels(raw: RawPy, gain: float) -> tuple[Rows, str]:
    rawpy = library("raw")
    balanced = raw.camera_whitebalance[0] > 0
    array = raw.postprocess(
        use_camera_wb=True,
        output_color=rawpy.ColorSpace.sRGB,
        output_bps=16,
        gamma=_SRGB_CURVE,
        bright=gain,
        no_auto_bright=True,
        adjust_maximum_thr=0.0,
        highlight_mode=rawpy.HighlightMode.Clip,
        user_sat=_saturation(raw),
    )
    height, width, *_ = array.shape
    samples = torch.from_numpy(array).view(height, width, -1)

    def compute(rows: slice) -> Tensor:
        return samples[rows].permute(2, 0, 1).int()

    note = DEVELOPED if balanced else NO_BALANCE
    return Rows(samples.shape[2], height, width, 16, compute), note


def _saturation(raw: RawPy) -> int | None:
    """Where the camera itself says that white is; None for LibRaw's own table.

    A level that is too high would leave the highlights coloured.
    """
    levels = raw.camera_white_level_per_channel or ()
    own = raw.white_level
    said = min((level for level in levels if level > 0), default=own)
    return said if said < own else None


def _baseline_exposure(data: bytes) -> float:
    """Stops by which a DNG says that it should be brightened."""
    if data[:2] not in (b"II", b"MM"):
        return 0.0
    try:
        first = directories.read_pages(data).chain[0]
        tag = first.tags[_BASELINE_EXPOSURE]
        above, below = struct.unpack(first.order + "ii", tag.content)
    except (struct.error, LookupError):
        return 0.0
    stops = above / below if below and tag.kind == _SIGNED_RATIO else 0.0
    return max(-_MOST_STOPS, min(_MOST_STOPS, stops))


def _refused(error: Exception) -> PictureError:
    text = error.args[0] if error.args else type(error).__name__
    text = text.decode("latin-1") if isinstance(text, bytes) else str(text)
    return PictureError(f"a camera raw file that LibRaw cannot read: {text}", _REMEDY)
