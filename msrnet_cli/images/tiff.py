"""TIFF files, written with all their metadata and at any depth (TIFF 6.0).

Pillow's own writer has no 16-bit colour and, with compression, drops EXIF.
"""

from __future__ import annotations

import io
import zlib
from itertools import accumulate
from typing import TYPE_CHECKING

import torch

from msrnet_cli.images.metadata import tiff_directory
from msrnet_cli.images.pixels import big_endian_16, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from msrnet_cli.images.metadata import Metadata

_STRIP_BYTES = 1 << 20
_UNCOMPRESSED, _DEFLATE = 1, 8
_GREY, _RGB = 1, 2
_UNASSOCIATED_ALPHA = 2


def write_tiff(pixels: Tensor, metadata: Metadata, *, compress: bool = True) -> bytes:
    """Encode a picture.

    Args:
        pixels: C H W, C from 1 (grey) to 4 (RGB and alpha), uint8, or int32 in
            [0, 65535] for 16 bits.
        metadata: Kept whole.
        compress: Deflate each strip after horizontal differencing (predictor 2).
    """
    channels, height, width = pixels.shape
    bits = 8 if pixels.dtype == torch.uint8 else 16
    rows = max(1, min(height, _STRIP_BYTES // (width * channels * bits // 8)))
    strips = list(_strips(pixels, rows, bits, compress))
    tags = tiff_directory(metadata)
    tags[256], tags[257] = width, height
    tags[258] = (bits,) * channels
    tags[259] = _DEFLATE if compress else _UNCOMPRESSED
    tags[262] = _GREY if channels < 3 else _RGB
    tags[273] = tuple(accumulate(map(len, strips[:-1]), initial=0))
    tags[277] = channels
    tags[278] = rows
    tags[279] = tuple(map(len, strips))
    tags[284] = 1  # channels interleaved
    if compress:
        tags[317] = 2  # horizontal differencing
    if channels in (2, 4):
        tags[338] = _UNASSOCIATED_ALPHA
    out = io.BytesIO()
    tags.save(out)
    out.writelines(strips)
    return out.getvalue()


def _strips(pixels: Tensor, rows: int, bits: int, compress: bool) -> Iterator[bytes]:
    for strip in pixels.permute(1, 2, 0).int().split(rows):
        values = strip
        if compress:
            first = torch.zeros_like(strip[:, :1])
            values = strip.diff(dim=1, prepend=first) & ((1 << bits) - 1)
        little_endian = (
            values.to(torch.uint8) if bits == 8 else big_endian_16(values).flip(-1)
        )
        data = to_bytes(little_endian)
        yield zlib.compress(data, 6) if compress else data
