"""What each format says about its colours, the most reliable claim first.

An ICC profile comes first, then the format's own numbers, then EXIF; PNG has an order
of its own (`png`). Sources: AVIF, MIAF (a profile overrides the codes of nclx); BMP:
BITMAPV5HEADER (Windows GDI); TIFF 6.0 section 20; Exif 2.32 and DCF 2.0 (ColorSpace,
R03); ICC.1:2022 annex B.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import torch
from PIL import TiffImagePlugin

from msrnet_cli.images.colour.claims import (
    UNUSABLE_PROFILE,
    Claim,
    calibrated,
    from_codes,
    from_profile,
    png_calibrated,
    void,
)
from msrnet_cli.images.colour.codes import SRGB
from msrnet_cli.images.colour.heif import read_nclx, read_profile
from msrnet_cli.images.colour.jpeg import jpeg_claims
from msrnet_cli.images.colour.png import png_claims
from msrnet_cli.images.colour.spaces import (
    D65,
    SRGB_PRIMARIES,
    adobe_rgb,
    space_from_primaries,
    table_curve,
)
from msrnet_cli.images.metadata import gif_blocks, png_chunks
from msrnet_cli.images.metadata.record import uses_adobe_rgb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

    from msrnet_cli.config import Format
    from msrnet_cli.images.metadata.record import Metadata

_BMP_HEADER = 14  # where the second header of a BMP file begins
_TRANSFER, _WHITE, _PRIMARIES = 301, 318, 319  # tags of TIFF
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_TEXT_PROFILES = (b"Raw profile type icc", b"Raw profile type icm")
_GIF_PROFILE = b"\x21\xff\x0bICCRGBG1012"


def read_claims(
    image: Image.Image | None,
    metadata: Metadata,
    data: bytes = b"",
    format: Format | None = None,
) -> tuple[Claim, ...]:
    """All that a file says about its colours; the first that can be used counts.

    Args:
        image: The file as Pillow opens it; None where another library does.
        metadata: Of the file.
        data: The whole file; empty for an image in memory.
        format: Of the file.
    """
    if format == "png":
        claims = (*png_claims(data), *_text_profile(data))
        said = any(not claim.void for claim in claims)
        return claims if said else (*claims, *_exif(metadata))
    return (
        *_profiles(image, data, format),
        *_numbers(image, data, format),
        *_exif(metadata),
    )


def _profiles(
    image: Image.Image | None, data: bytes, format: Format | None
) -> Iterator[Claim]:
    profile = image.info.get("icc_profile") if image is not None else None
    if format == "bmp":
        yield from _bmp_profile(data)
    elif format == "gif":
        yield from _gif_profile(data)
    elif format == "jpeg":
        yield from jpeg_claims(data)
    elif format == "heic":
        yield from map(from_profile, filter(None, (read_profile(data),)))
    elif profile:
        yield from_profile(profile)


def _numbers(
    image: Image.Image | None, data: bytes, format: Format | None
) -> Iterator[Claim]:
    if format in ("avif", "heic"):
        codes = read_nclx(data)
        claim = from_codes(*codes) if codes else void()
        if claim.codes != SRGB:  # encoders write sRGB unasked: EXIF may know better
            yield claim
    elif format == "bmp":
        yield from _bmp_calibration(data)
    elif format == "tiff" and isinstance(image, TiffImagePlugin.TiffImageFile):
        yield from _tiff_calibration(image)
    elif format is None and image is not None:
        yield from _png_in_memory(image)


def _png_in_memory(image: Image.Image) -> Iterator[Claim]:
    gamma, points = image.info.get("gamma"), image.info.get("chromaticity")
    if "srgb" in image.info:
        yield Claim("sRGB")
    elif gamma is not None or points is not None:
        yield png_calibrated(gamma, points)


def _exif(metadata: Metadata) -> Iterator[Claim]:
    if uses_adobe_rgb(metadata):
        yield Claim("Adobe RGB", adobe_rgb())


def _text_profile(data: bytes) -> Iterator[Claim]:
    """A profile in the text of a PNG, where ImageMagick may put it."""
    if not any(key in data for key in _TEXT_PROFILES):
        return
    for chunk in png_chunks.split(data).chunks:
        if png_chunks.key_of(chunk) in _TEXT_PROFILES:
            profile = png_chunks.from_raw_profile(chunk)
            yield from_profile(profile) if profile else void(UNUSABLE_PROFILE)


def _bmp_header(data: bytes) -> bytes:
    """The header if it is one of version 4 or 5, which have room for colours."""
    size = int.from_bytes(data[_BMP_HEADER : _BMP_HEADER + 4], "little")
    header = data[_BMP_HEADER : _BMP_HEADER + size]
    return header if size in (108, 124) and len(header) == size else b""


def _bmp_profile(data: bytes) -> Iterator[Claim]:
    header = _bmp_header(data)
    if len(header) < 124:
        return
    if header[56:60] == b"KNIL":  # LINK, the low byte first
        yield void("its colour profile is in another file, and left out")
    if header[56:60] == b"DEBM":
        place, size = struct.unpack_from("<2I", header, 112)
        profile = data[_BMP_HEADER + place : _BMP_HEADER + place + size]
        yield from_profile(profile) if profile else void(UNUSABLE_PROFILE)


def _bmp_calibration(data: bytes) -> Iterator[Claim]:
    header = _bmp_header(data)
    if not header or header[56:60] != bytes(4):
        return
    ends = [value / (1 << 30) for value in struct.unpack_from("<9i", header, 60)]
    powers = tuple(value / 65536 for value in struct.unpack_from("<3I", header, 96))
    if not any(ends) and not any(powers):
        return  # the fields were left empty
    points: tuple[float, ...] = D65
    for x, y, z in (ends[0:3], ends[3:6], ends[6:9]):
        total = x + y + z or 1.0
        points += (x / total, y / total)
    yield calibrated("its BMP gamma", powers, points)


def _gif_profile(data: bytes) -> Iterator[Claim]:
    place = data.find(_GIF_PROFILE)
    if place < 0:
        return
    yield from_profile(gif_blocks.content_at(data, place + len(_GIF_PROFILE)))


def _tiff_calibration(image: TiffImagePlugin.TiffImageFile) -> Iterator[Claim]:
    tags = image.tag_v2
    points = _tiff_points(tags.get(_WHITE), tags.get(_PRIMARIES))
    table = tags.get(_TRANSFER)
    if table is not None:
        inverted = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
        yield _tabulated(table, inverted=inverted, points=points)
    elif points:
        # Without a curve TIFF 6.0 means gamma 2.2; but with the primaries of sRGB, its
        # curve is meant.
        yield calibrated("its TIFF chromaticities", (2.2,), points)


def _tiff_points(white: object, primaries: object) -> tuple[float, ...] | None:
    """Chromaticities of white, red, green, blue; zeros where they are damaged."""
    if white is None or primaries is None:
        return None
    try:
        points = tuple(float(value) for part in (white, primaries) for value in part)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError):
        points = ()
    return points if len(points) == 8 else (0.0,) * 8


def _tabulated(
    table: tuple[int, ...], *, inverted: bool, points: tuple[float, ...] | None
) -> Claim:
    """The claim of a TransferFunction: one table for all channels, or three."""
    base = calibrated("its TIFF chromaticities", None, points)
    x, y, *primaries = points if points and not base.notes else (*D65, *SRGB_PRIMARIES)
    name = "its TIFF transfer function"
    try:
        many = 1 if len(table).bit_count() == 1 else 3
        size = len(table) // many
        tables = [table[size * i : size * (i + 1)] for i in range(many)]
        rows = [part[::-1] if inverted else part for part in tables]
        curves = torch.stack([table_curve(row) for row in rows])
        space = space_from_primaries(tuple(primaries), curves, name, (x, y))
    except (TypeError, ValueError, IndexError, RuntimeError):
        return void(f"{name} is absurd, and left out", *base.notes)
    if space.is_srgb():
        return Claim("sRGB", notes=base.notes)
    return Claim(name, space, notes=base.notes)
