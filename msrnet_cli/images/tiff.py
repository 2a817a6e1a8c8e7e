"""TIFF files, written with all their metadata and at any depth (TIFF 6.0).

Pillow's own writer has no 16-bit colour and, with compression, drops EXIF.
"""

from __future__ import annotations

import io
import zlib
from collections import deque
from itertools import accumulate
from typing import TYPE_CHECKING

import torch

from msrnet_cli.images.metadata.embedding import directory
from msrnet_cli.images.pixels import big_endian_16, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from msrnet_cli.images.metadata.record import Metadata
    from msrnet_cli.images.rows import Rows

_STRIP_BYTES = 1 << 20
_UNCOMPRESSED, _DEFLATE = 1, 8
_GREY, _RGB = 1, 2
_UNASSOCIATED_ALPHA = 2


def write_tiff(pixels: Rows, metadata: Metadata, *, compress: bool = True) -> bytes:
    """Encode a picture.

    Args:
        pixels: Any channels, 8 or 16 bits.
        metadata: Kept whole.
        compress: Deflate each strip after horizontal differencing (predictor 2).

    Raises:
        ValueError: It would be larger than a TIFF file can be.
    """
    channels, height, width = pixels.channels, pixels.height, pixels.width
    bits = pixels.depth
    rows = max(1, min(height, _STRIP_BYTES // (width * channels * bits // 8)))
    tags = directory(metadata)
    strips = deque(_strips(pixels, rows, compress, tags.order))
    if sum(map(len, strips)) >> 32:
        raise ValueError("a TIFF file has at most 4 GiB")
    tags[256], tags[257] = width, height
    tags[258] = (bits,) * channels
    tags[259] = _DEFLATE if compress else _UNCOMPRESSED
    tags[262] = _GREY if channels < 3 else _RGB
    tags[273] = tuple(accumulate(map(len, strips), initial=0))[:-1]
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
    while strips:  # each strip is freed once it is copied
        out.write(strips.popleft())
    return out.getvalue()


def _strips(pixels: Rows, rows: int, compress: bool, order: str) -> Iterator[bytes]:
    for _, strip in pixels.strips(multiple=rows):
        for part in strip.permute(1, 2, 0).int().split(rows):
            values = part
            if compress:
                first = torch.zeros_like(part[:, :1])
                values = part.diff(dim=1, prepend=first) & pixels.peak
            data = to_bytes(_samples(values, pixels.depth, order))
            yield zlib.compress(data, 6) if compress else data


def _samples(values: Tensor, bits: int, order: str) -> Tensor:
    """Samples in the byte order of the file, which is that of its metadata."""
    if bits == 8:
        return values.to(torch.uint8)
    pairs = big_endian_16(values)
    return pairs.flip(-1) if order == "<" else pairs
