"""HEIC files, decoded and encoded by libheif, through pillow-heif.

libheif turns, mirrors and crops a picture as the file says (irot, imir, clap): the
orientation in EXIF must not be applied again (ISO/IEC 23008-12, 6.5.10). The settings
of x265 follow libheif's scale of quality.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from msrnet_cli.images.extras import library
from msrnet_cli.images.pixels import big_endian_16, native_16, planes, to_bytes
from msrnet_cli.images.rows import Rows

if TYPE_CHECKING:
    from pillow_heif import HeifImage
    from torch import Tensor

_MODE = re.compile(r"(?P<bands>I|L|La|LA|RGB|RGBa|RGBA)(?:;(?P<bits>10|12|16))?")
_CHANNELS = {"I": 1, "L": 1, "La": 2, "LA": 2, "RGB": 3, "RGBa": 4, "RGBA": 4}
_BANDS = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_CHROMAS = {444: (1, 1), 422: (2, 1), 420: (2, 2)}
_BT601, _IDENTITY = 6, 0  # matrix coefficients of ITU-T H.273
_UNSPECIFIED = (2, 2)
_PRESET = "medium"  # of x265: half the time of libheif's own, and as good


@dataclass(frozen=True)
class Opened:
    """A file whose pixels are not decoded yet.

    Attributes:
        size: Width and height, upright.
        bits: Per channel: 8, 10 or 12.
        grey: Whether it holds no colour.
        chroma: How many times coarser the colours are, across and down.
        exact: Whether RGB is coded without conversion, as in lossless files.
        pictures: How many there are; the primary one is read.
        handle: The library's object.
    """

    size: tuple[int, int]
    bits: int
    grey: bool
    chroma: tuple[int, int]
    exact: bool
    pictures: int
    handle: HeifImage


def opened(data: bytes) -> Opened:
    """Read a file's header.

    Raises:
        PictureError: The library is not installed.
        Exception: What the library raises.
    """
    file = library("heic").HeifFile(
        data, convert_hdr_to_8bit=False, hdr_to_16bit=False, remove_stride=True
    )
    image = file[file.primary_index]
    found = _MODE.fullmatch(image.mode)
    if found is None:
        raise ValueError(f"pixels of mode {image.mode}")
    matrix = image.info.get("nclx_profile", {}).get("matrix_coefficients")
    grey = "chroma" not in image.info
    return Opened(
        size=image.size,
        bits=int(image.info["bit_depth"]),
        grey=grey,
        chroma=_CHROMAS.get(image.info.get("chroma", 444), (1, 1)),
        exact=matrix == _IDENTITY,
        pictures=len(file),
        handle=image,
    )


def decoded(file: Opened) -> Rows:
    """The pixels of the primary picture: 8 bits, or stretched to 16.

    Raises:
        Exception: What the library raises.
    """
    image = file.handle
    data, stride = image.data, image.stride
    found = _MODE.fullmatch(image.mode)
    assert found is not None  # as it was when it was opened
    width, height = image.size
    bits = int(found["bits"] or 8)
    channels, wide = _CHANNELS[found["bands"]], 2 if bits > 8 else 1
    used, peak = width * channels * wide, (1 << bits) - 1
    if len(data) < stride * (height - 1) + used:
        raise ValueError("it has fewer pixels than it declares")
    view = memoryview(data)

    def compute(rows: slice) -> Tensor:
        lines = (view[y * stride : y * stride + used] for y in range(height)[rows])
        strip = b"".join(lines)
        many = rows.stop - rows.start
        if bits == 8:
            values = planes(strip, (width, many), channels)
        else:
            flat = native_16(strip, (width * channels, many), big=False)
            values = flat.view(many, width, channels).permute(2, 0, 1)
            values = (values * 65535 + peak // 2) // peak
        return _straight(values) if found["bands"].endswith("a") else values

    rows = Rows(channels, height, width, 8 if bits == 8 else 16, compute)
    if file.grey and channels > 2:  # a grey picture with alpha comes as RGBA
        return rows.changed(lambda strip: strip[[0, -1]], channels=2)
    return rows


def encoded(
    pixels: Rows,
    arguments: dict[str, object],
    *,
    bits: int,
    chroma: tuple[int, int],
    quality: int | None,
    codes: tuple[int, int] | None,
) -> bytes:
    """Encode a picture.

    Args:
        pixels: Of 8 or 16 bits.
        arguments: Metadata and profile.
        bits: Of each channel in the file: 8, 10 or 12.
        chroma: How many times coarser the colours shall be, across and down.
        quality: From 1 to 100; None for no loss at all.
        codes: Colour primaries and transfer characteristics (ITU-T H.273); None where
            a profile says it.

    Raises:
        PictureError: The library is not installed.
        Exception: What the library raises.
    """
    heif = library("heic")
    lossless = quality is None and pixels.channels > 2
    primaries, transfer = codes or _UNSPECIFIED
    subsampling = next(name for name, each in _CHROMAS.items() if each == chroma)
    file = heif.HeifFile()
    mode = _BANDS[pixels.channels] + (f";{bits}" if bits > 8 else "")
    file.add_frombytes(mode, (pixels.width, pixels.height), _packed(pixels, bits))
    out = io.BytesIO()
    file.save(
        out,
        quality=-1 if quality is None else quality,
        chroma=444 if quality is None else subsampling,
        bit_depth=bits,
        enc_params={"preset": _PRESET},
        color_primaries=primaries,
        transfer_characteristics=transfer,
        matrix_coefficients=_IDENTITY if lossless else _BT601,
        full_range_flag=1,
        **arguments,
    )
    return out.getvalue()


def _packed(pixels: Rows, bits: int) -> bytes:
    """All pixels as interleaved bytes, or little-endian pairs of bytes."""
    peak, parts = (1 << bits) - 1, []
    for _, strip in pixels.strips():
        values = strip.permute(1, 2, 0)
        if bits > 8:
            scaled = (values.int() * peak + pixels.peak // 2) // pixels.peak
            values = big_endian_16(scaled).flip(-1)
        parts.append(to_bytes(values))
    return b"".join(parts)


def _straight(values: Tensor) -> Tensor:
    """Colours that are multiplied by alpha, the last channel, without it."""
    peak = 255 if values.dtype == torch.uint8 else 65535
    wide, alpha = values.long(), values[-1:].long().clamp_min(1)
    wide[:-1] = ((wide[:-1] * peak + alpha // 2) // alpha).clamp_max(peak)
    return wide.to(values.dtype)
