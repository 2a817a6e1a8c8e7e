"""How a JPEG holds its picture, and how to write another like it (ITU-T T.81)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from msrnet_cli.errors import PictureError

if TYPE_CHECKING:
    from PIL.JpegImagePlugin import JpegImageFile

_LARGEST_BASELINE = 255
_ROOM = 6  # bytes a pixel beyond Pillow's own two: noise at quality 100 takes four
_HUFFMAN_DCT = (b"\xff\xc0", b"\xff\xc1", b"\xff\xc2")
_BLOCK = 64
_END = b"\xff\xd9"
_FILLERS = (b"", b"\x5a" * 64, b"\xa5" * 64)


class Roomy(bytes):
    """Segments that report a greater length than they have.

    Pillow sizes the buffer of a JPEG by two bytes a pixel plus the length of `extra`,
    and fails where the picture needs more. A greater length enlarges the buffer without
    a global setting; memory that is never written costs nothing.
    """

    room = 0

    @classmethod
    def around(cls, segments: bytes, pixels: int) -> Roomy:
        """The same segments, with room for a picture of so many pixels."""
        roomy = cls(segments)
        roomy.room = _ROOM * pixels
        return roomy

    def __len__(self) -> int:
        return super().__len__() + self.room

    def __add__(self, other: bytes) -> Roomy:  # type: ignore[override] # stays roomy
        total = type(self)(super().__add__(other))
        total.room = self.room
        return total


def chroma(image: JpegImageFile) -> tuple[int, int]:
    """How many times coarser the colours are than the brightness, across and down.

    Where the two colours differ, the finer one counts.
    """
    if len(image.layer) != 3:
        return 1, 1
    across = max(layer[1] for layer in image.layer)
    down = max(layer[2] for layer in image.layer)
    return (
        min(across // max(1, layer[1]) for layer in image.layer[1:]),
        min(down // max(1, layer[2]) for layer in image.layer[1:]),
    )


def subsampling(chroma: tuple[int, int]) -> int:
    """The coarsest of Pillow's three settings that is not coarser than the picture.

    4:4:0 becomes 4:4:4 (0), 4:1:1 becomes 4:2:2 (1), 4:1:0 becomes 4:2:0 (2).
    """
    across, down = chroma
    return 0 if across < 2 else 1 if down < 2 else 2


def tables(image: JpegImageFile) -> list[list[int]] | None:
    """Quantization tables, one for each component as far as they differ.

    Returns:
        None where the file has no usable tables, as a lossless JPEG.
    """
    found = [image.quantization.get(layer[3]) for layer in image.layer]
    if not found or any(table is None or 0 in table for table in found):
        return None
    # Baseline holds 8 bits: a coarser step becomes a finer one, never the reverse.
    limited = [
        [min(step, _LARGEST_BASELINE) for step in table] for table in found if table
    ]
    while len(limited) > 1 and limited[-1] == limited[-2]:
        limited.pop()  # Pillow uses the last one for all that follow
    return limited


def encoded(image: Image.Image, arguments: dict[str, object]) -> bytes:
    """Encode with optimal Huffman tables, in a buffer that is always large enough.

    Args:
        image: L or RGB.
        arguments: For Pillow's writer.

    Raises:
        Exception: What Pillow raises.
    """
    segments = arguments.get("extra")
    extra = segments if isinstance(segments, bytes) else b""
    roomy = Roomy.around(extra, image.width * image.height)
    out = io.BytesIO()
    image.save(out, "JPEG", **{**arguments, "extra": roomy})
    return out.getvalue()


def require_plausible(image: JpegImageFile, data: bytes) -> None:
    """Refuse a file with fewer bits than its picture has blocks.

    libjpeg fills missing blocks with grey, so a few bytes could make a picture of any
    size. A block takes at least one bit, for its mean.

    Raises:
        PictureError: It is cut short, or was made to look large.
    """
    if not any(marker in data for marker in _HUFFMAN_DCT):
        return
    width, height = image.size
    if len(data) * 8 < width * height // _BLOCK:
        raise PictureError(
            f"damaged JPEG: it declares {width}x{height}, but holds {len(data)} bytes",
            "copy it again from its source",
        )


def ended(data: bytes) -> bytes | None:
    """A JPEG that lacks only its end marker, with the marker.

    Missing pixels depend on the bytes before the marker. So the file is whole if it
    decodes alike with any bytes there.

    Returns:
        None where pixels are missing, or a further scan may be.
    """
    if not _is_one_scan(data):
        return None
    wholes = [data.removesuffix(b"\xff") + filler + _END for filler in _FILLERS]
    pictures = []
    for whole in wholes:
        try:
            with Image.open(io.BytesIO(whole), formats=("JPEG",)) as image:
                pictures.append(image.tobytes())
        except Exception:  # decoders throw anything
            return None
    return wholes[0] if pictures[0] == pictures[1] == pictures[2] else None


def _is_one_scan(data: bytes) -> bool:
    """Whether the first scan holds all components, and nothing refines it."""
    file = io.BytesIO(data)
    try:
        image = Image.open(file, formats=("JPEG",))
    except Exception:  # decoders throw anything
        return False
    layers = len(image.getbands())
    head = data[: file.tell()]  # ends with the scan's own header
    return "progressive" not in image.info and head[-4 - 2 * layers] == layers
