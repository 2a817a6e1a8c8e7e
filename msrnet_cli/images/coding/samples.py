"""TIFF pixels that Pillow refuses or misreads, rewritten as a TIFF that it reads.

Any number of bits up to 16, either polarity and byte order, interleaved or separate
channels, extra channels among them. Pillow (libtiff) decompresses the bytes: each row
is presented as grey pixels of one byte. Sources: TIFF 6.0 sections 7, 14 (predictor)
and 15 (tiles), Adobe's technical note 3 on alpha (ExtraSamples).
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from PIL import TiffImagePlugin

from msrnet_cli.errors import PictureError
from msrnet_cli.images.coding import directories as tiff
from msrnet_cli.images.coding.directories import Directory, Tag, integers, presented
from msrnet_cli.images.coding.opening import load, opened
from msrnet_cli.images.pixels import big_endian_16, strip_of, to_bytes, to_tensor
from msrnet_cli.images.rows import spans

if TYPE_CHECKING:
    from torch import Tensor

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_SEPARATE = 2
_ASSOCIATED, _UNASSOCIATED = 1, 2
_COREL_ALPHA = 999
_BYTEWISE = (1, 5, 8, 32773, 32946, 34925, 50000)
_COLOURS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3}  # by photometric interpretation
_FORMATS = {2: "signed", 3: "float", 5: "complex", 6: "complex"}


@dataclass(frozen=True)
class Layout:
    """How a page keeps its samples.

    Attributes:
        bits: Of a sample.
        colours: Channels of colour: 1 or 3.
        channels: All channels.
        alpha: Which channel is transparency; None for none.
        associated: Whether colours are multiplied by alpha.
        inverted: Whether 0 is white.
        separate: Whether each channel has strips of its own.
    """

    bits: int
    colours: int
    channels: int
    alpha: int | None
    associated: bool
    inverted: bool
    separate: bool


def refuse_numbers(page: Directory) -> None:
    """Refuse pixels that have no defined black and white.

    Raises:
        PictureError: They are signed, floating-point or complex numbers.
    """
    kinds = {_FORMATS.get(number) for number in page.numbers(tiff.SAMPLE_FORMAT)}
    bits = max(page.numbers(tiff.BITS), default=1)
    if "float" in kinds:
        raise PictureError(
            f"{bits}-bit float pixels have no defined white",
            "save it with 16-bit integers",
        )
    if kinds - {None}:
        kind = "complex numbers" if "complex" in kinds else "signed integers"
        raise PictureError(
            f"{bits}-bit {kind} have no defined black and white",
            "save it with unsigned 16-bit integers",
        )
    if bits > 16:
        raise PictureError(
            f"{bits}-bit integers have no defined white", "save it with 16 bits"
        )


def dropped_channels(page: Directory) -> int:
    """How many channels are neither colour nor transparency."""
    colours = _COLOURS.get(page.number(tiff.PHOTOMETRIC, -1), 0)
    more = page.number(tiff.SAMPLES, 1) - colours
    if not colours or more <= 0:
        return 0
    return more - (_alpha(page, colours) is not None)


def _alpha(page: Directory, colours: int) -> tuple[int, int] | None:
    """Which channel is transparency, and what kind of it."""
    channels = page.number(tiff.SAMPLES, 1)
    extra = page.numbers(tiff.EXTRA_SAMPLES)[: max(0, channels - colours)]
    if not extra and (colours, channels) == (3, 4):
        extra = (_UNASSOCIATED,)  # as in other readers
    found = (
        (colours + place, kind)
        for place, kind in enumerate(extra)
        if kind in (_ASSOCIATED, _UNASSOCIATED, _COREL_ALPHA)
    )
    return next(found, None)


def layout_of(page: Directory) -> Layout | None:
    """The layout of a page; None where it is not grey or RGB of up to 16 bits."""
    photometric = page.number(tiff.PHOTOMETRIC, -1)
    bits = page.numbers(tiff.BITS) or (1,)
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        return None
    if len({*bits}) != 1 or not 1 <= bits[0] <= 16:
        return None
    colours = 3 if photometric == _RGB else 1
    channels = page.number(tiff.SAMPLES, 1)
    alpha, kind = _alpha(page, colours) or (None, 0)
    if channels < colours:
        return None
    return Layout(
        bits=bits[0],
        colours=colours,
        channels=channels,
        alpha=alpha,
        associated=kind == _ASSOCIATED,
        inverted=photometric == _WHITE_IS_ZERO,
        separate=page.number(tiff.PLANAR, 1) == _SEPARATE and channels > 1,
    )


def is_ours(page: Directory, layout: Layout) -> bool:
    """Whether `plain` can read what Pillow refuses, misreads or cuts to 8 bits."""
    predictor = page.number(tiff.PREDICTOR, 1)
    if page.number(tiff.COMPRESSION, 1) not in _BYTEWISE:
        return False
    if predictor != 1 and not (predictor == 2 and layout.bits in (8, 16)):
        return False
    deep = layout.bits > 8
    further = layout.channels - layout.colours - (layout.alpha is not None)
    if layout.separate and layout.channels != 3:
        return True
    if deep and (layout.separate or layout.associated or further):
        return True
    known = (
        b"II" if page.order == "<" else b"MM",
        page.number(tiff.PHOTOMETRIC, -1),
        page.numbers(tiff.SAMPLE_FORMAT)[:1] or (1,),
        page.number(tiff.FILL_ORDER, 1),
        (layout.bits,) * layout.channels,
        page.numbers(tiff.EXTRA_SAMPLES),
    )
    return layout.bits == 12 or known not in TiffImagePlugin.OPEN_INFO


def plain(data: bytes, page: Directory, layout: Layout) -> bytes:
    """The same picture in 8 or 16 bits, interleaved, uncompressed, 0 as black.

    Grey with alpha becomes RGB with alpha.

    Args:
        data: The file.
        page: The page of it.
        layout: Of this page.

    Raises:
        PictureError: The page is damaged.
    """
    width, height = page.number(tiff.WIDTH, 0), page.number(tiff.HEIGHT, 0)
    planes = range(layout.channels if layout.separate else 1)
    rows = [_Bytes(data, page, layout, plane) for plane in planes]
    depth = 8 if layout.bits <= 8 else 16
    pixels = bytearray()
    for span in spans(height, width):
        samples = torch.cat([plane.samples(span) for plane in rows])
        pixels += _encoded(_picture(samples, layout, depth), depth, page.order)
    channels = len(pixels) // (width * height * depth // 8)
    start = len(data) + len(data) % 2
    about = {tag: v for tag, v in page.tags.items() if tag not in _REPLACED}
    described = {
        tiff.BITS: integers((depth,) * channels, page.order),
        tiff.COMPRESSION: integers((1,), page.order),
        tiff.PHOTOMETRIC: integers(
            (_RGB if channels > 1 else _BLACK_IS_ZERO,), page.order
        ),
        tiff.STRIP_OFFSETS: integers((start,), page.order),
        tiff.SAMPLES: integers((channels,), page.order),
        tiff.ROWS_PER_STRIP: integers((height,), page.order),
        tiff.STRIP_BYTES: integers((len(pixels),), page.order),
    }
    if channels == 4:
        described[tiff.EXTRA_SAMPLES] = integers((_UNASSOCIATED,), page.order)
    return presented(
        b"".join((data, bytes(len(data) % 2), pixels)),
        replace(page, tags={**about, **described}),
    )


_REPLACED = frozenset(
    {tiff.FILL_ORDER, tiff.PLANAR, tiff.PREDICTOR, tiff.TILE_WIDTH, tiff.TILE_HEIGHT}
    | {tiff.TILE_OFFSETS, tiff.TILE_BYTES, tiff.EXTRA_SAMPLES, tiff.SAMPLE_FORMAT}
)


class _Bytes:
    """The decompressed bytes of a page, or of one of its separate channels."""

    def __init__(
        self, data: bytes, page: Directory, layout: Layout, plane: int
    ) -> None:
        self._layout = layout
        self._order = page.order
        self._width = page.number(tiff.WIDTH, 0)
        self._channels = 1 if layout.separate else layout.channels
        tile = page.number(tiff.TILE_WIDTH, 0) if tiff.TILE_OFFSETS in page.tags else 0
        self._part = tile or self._width
        self._parts = -(-self._width // max(1, self._part))
        self._predicted = page.number(tiff.PREDICTOR, 1) == 2
        row = -(-self._part * self._channels * layout.bits // 8)
        tags = _as_bytes(page, layout, plane, row, self._parts, bool(tile))
        shown = presented(data, replace(page, tags=tags))
        self._image = opened(io.BytesIO(shown), ("TIFF",))
        load(self._image)

    def samples(self, rows: slice) -> Tensor:
        """C h W, int32 in [0, 2^bits)."""
        strip = to_tensor(strip_of(self._image, rows))[0]
        parts = strip.view(len(strip), self._parts, -1)
        values = _unpacked(parts, self._layout.bits, self._order)
        values = values[..., : self._part * self._channels]
        values = values.view(len(strip), self._parts, self._part, self._channels)
        if self._predicted:
            values = values.cumsum(2).bitwise_and((1 << self._layout.bits) - 1).int()
        whole = values.flatten(1, 2)[:, : self._width]
        return whole.permute(2, 0, 1)


def _as_bytes(
    page: Directory, layout: Layout, plane: int, row: int, parts: int, tiled: bool
) -> dict[int, Tag]:
    """Tags that present the compressed bytes of a page, or a plane, as grey pixels."""
    keys = (tiff.TILE_OFFSETS, tiff.TILE_BYTES)
    if not tiled:
        keys = (tiff.STRIP_OFFSETS, tiff.STRIP_BYTES)
    of_rows = tiff.TILE_HEIGHT if tiled else tiff.ROWS_PER_STRIP
    kept = (tiff.HEIGHT, tiff.COMPRESSION, tiff.FILL_ORDER, of_rows)
    tags = {tag: page.tags[tag] for tag in kept if tag in page.tags}
    planes = layout.channels if layout.separate else 1
    for key in keys:
        numbers = page.numbers(key)
        each = len(numbers) // planes
        if numbers:
            own = numbers[plane * each : (plane + 1) * each]
            tags[key] = integers(own, page.order)
    tags[tiff.WIDTH] = integers((row * parts,), page.order)
    tags[tiff.BITS] = integers((8,), page.order)
    tags[tiff.PHOTOMETRIC] = integers((_BLACK_IS_ZERO,), page.order)
    tags[tiff.SAMPLES] = integers((1,), page.order)
    if tiled:
        tags[tiff.TILE_WIDTH] = integers((row,), page.order)
    return tags


def _unpacked(packed: Tensor, bits: int, order: str) -> Tensor:
    """Bytes along the last axis to samples along it, int32; the high bit comes first.

    Samples of 16 bits are in the byte order of the file.
    """
    if bits == 8:
        return packed.int()
    if bits == 16:
        pairs = packed.unflatten(-1, (-1, 2)).int()
        high, low = (0, 1) if order == ">" else (1, 0)
        return pairs[..., high] << 8 | pairs[..., low]
    shifts = torch.arange(7, -1, -1, dtype=torch.uint8)
    single = (packed[..., None] >> shifts & 1).flatten(-2)
    single = single[..., : single.shape[-1] // bits * bits].unflatten(-1, (-1, bits))
    value = torch.zeros(single.shape[:-1], dtype=torch.int32)
    for place in range(bits):
        value = value << 1 | single[..., place]
    return value


def _picture(samples: Tensor, layout: Layout, depth: int) -> Tensor:
    """Colours, and alpha where there is one, int32 in [0, 2^depth)."""
    peak, most = (1 << depth) - 1, (1 << layout.bits) - 1
    colours = samples[: layout.colours]
    if layout.inverted:
        colours = most - colours
    values = colours.double() / most
    if layout.alpha is not None:
        alpha = samples[layout.alpha : layout.alpha + 1].double() / most
        if layout.associated:
            values = (values / alpha.clamp_min(1 / most)).clamp(0, 1)
        values = torch.cat((values.expand(3, -1, -1), alpha))
    return values.mul_(peak).round_().int()


def _encoded(values: Tensor, depth: int, order: str) -> bytes:
    pixels = values.permute(1, 2, 0)
    if depth == 8:
        return to_bytes(pixels.to(torch.uint8))
    pairs = big_endian_16(pixels)
    return to_bytes(pairs if order == ">" else pairs.flip(-1))
