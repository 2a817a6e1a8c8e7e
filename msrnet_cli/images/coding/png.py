"""PNG files with a sound picture and damaged other chunks (W3C PNG 3).

As in libpng and browsers, a damaged ancillary chunk is left out, with a note; a damaged
critical chunk is an error. Metadata and labels of colour are taken out before, see
`images.metadata.dissecting` and `images.colour.png`.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from msrnet_cli.errors import PictureError
from msrnet_cli.images.metadata.png_chunks import COLOUR

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNATURE_BYTES = 8
_ANIMATION = (b"acTL", b"fcTL", b"fdAT")
_KEY_BYTES = {0: 2, 2: 6, 3: 1}  # of a transparent colour, by colour type


def mended(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Leave out the chunks that make a decoder refuse a sound picture.

    Further frames of an animation are left out, too: they cost time, not only space.

    Args:
        data: A PNG file.

    Returns:
        The file for the decoder, and a note for each kind of chunk left out.

    Raises:
        PictureError: A critical chunk is damaged.
    """
    kept: list[memoryview | bytes] = [data[:_SIGNATURE_BYTES]]
    notes: dict[str, None] = {}
    for name, whole in _chunks(data):
        fault = _fault(name, whole, data[25])
        if name in _ANIMATION:
            notes["only its first frame is kept"] = None
        elif not fault:
            kept.append(whole)
        elif name[0] & 0x20:
            notes[f"PNG chunk {name.decode()} {fault} and is left out"] = None
        else:
            raise PictureError(
                f"damaged PNG: its {name.decode()} chunk {fault}",
                "copy it again from its source",
            )
    return (b"".join(kept) if notes else data), tuple(notes)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Name and all bytes of each chunk; last, the bytes that are not a chunk."""
    view, start = memoryview(data), _SIGNATURE_BYTES
    while start + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, start)
        end = start + 12 + length
        if not name.isalpha() or (end > len(data) and not name[0] & 0x20):
            yield b"", view[start:]
            return
        yield name, view[start:end]
        if name == b"IEND":
            return
        start = end


def _fault(name: bytes, whole: memoryview, colour_type: int) -> str:
    """Why a chunk cannot be used; "" where it can, or is checked elsewhere."""
    if not name or name in COLOUR:
        return ""
    (length,) = struct.unpack_from(">I", whole)
    if len(whole) < 12 + length:
        return "is cut short"
    if zlib.crc32(whole[4:-4]) != int.from_bytes(whole[-4:], "big"):
        return "has a wrong checksum"
    if name == b"tRNS" and length < _KEY_BYTES.get(colour_type, 0):
        return "is damaged"
    return ""
