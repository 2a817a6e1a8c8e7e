"""The facts of each format, and which files are pictures.

A picture is told by its content, never by its name alone. Reads no pixels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from msrnet_cli.errors import PictureError

if TYPE_CHECKING:
    from msrnet_cli.config import Format

Block = Literal["EXIF", "XMP", "IPTC", "comment"]
"""The metadata that more than one format holds."""

HEAD_BYTES = 64
"""How much of a file `sniff` needs."""


@dataclass(frozen=True, kw_only=True)
class FormatFacts:
    """What is known of a format, apart from code.

    Attributes:
        name: For people.
        article: The one before its name.
        pillow: Pillow's name; "" where another library reads and writes it.
        suffixes: In lower case; the first one is that of an output.
        signature: Matches the first `HEAD_BYTES` of a file.
        largest_side: In pixels.
        most_pixels: Of a picture; None for no limit of its own.
        holds: Metadata of other formats that it can hold, too.
        bits: The most per channel that are written.
        alpha: Holds transparency.
        labelled: Can name a colour space; a file that cannot holds sRGB.
    """

    name: str
    article: str = "a"
    pillow: str
    suffixes: tuple[str, ...]
    signature: re.Pattern[bytes]
    largest_side: int
    most_pixels: int | None = None
    holds: frozenset[Block] = frozenset()
    bits: int = 8
    alpha: bool = True
    labelled: bool = True


def _signature(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL | re.VERBOSE)


FORMATS: dict[Format, FormatFacts] = {
    "png": FormatFacts(
        name="PNG",
        pillow="PNG",
        suffixes=(".png", ".apng"),
        signature=_signature(rb"\x89PNG\r\n\x1a\n"),
        largest_side=2**31 - 1,  # W3C PNG 3, section 7.1
        holds=frozenset({"EXIF", "XMP", "IPTC", "comment"}),
        bits=16,
    ),
    "jpeg": FormatFacts(
        name="JPEG",
        pillow="JPEG",  # opens MPO, the format of phones, too
        suffixes=(".jpg", ".jpe", ".jpeg", ".jfif", ".mpo"),
        signature=_signature(rb"\xff\xd8\xff"),
        largest_side=65_500,  # libjpeg's JPEG_MAX_DIMENSION; T.81 itself: 65,535
        holds=frozenset({"EXIF", "XMP", "IPTC", "comment"}),
        alpha=False,
    ),
    "webp": FormatFacts(
        name="WebP",
        pillow="WEBP",
        suffixes=(".webp",),
        signature=_signature(rb"RIFF .{4} WEBP"),
        largest_side=16_383,  # RFC 9649, section 3.4: 14 bits
        holds=frozenset({"EXIF", "XMP"}),
    ),
    "tiff": FormatFacts(
        name="TIFF",
        pillow="TIFF",
        suffixes=(".tif", ".tiff"),
        signature=_signature(rb"II[*+]\0 | MM\0[*+]"),
        largest_side=2**32 - 1,  # TIFF 6.0
        holds=frozenset({"EXIF", "XMP", "IPTC"}),
        bits=16,
    ),
    "bmp": FormatFacts(
        name="BMP",
        pillow="BMP",
        suffixes=(".bmp", ".dib"),
        # The size of the second header, the picture's size, one plane, bits per pixel.
        signature=_signature(
            rb"""BM .{12}
            (?: \x0c\0{3} .{4} | [\x28\x34\x38\x40\x6c\x7c]\0{3} .{8})
            \x01\0 [\x01\x02\x04\x08\x10\x18\x20]\0"""
        ),
        largest_side=2**31 - 1,  # BITMAPINFOHEADER
        most_pixels=2**30,  # in a file of at most 4 GiB
        labelled=False,
    ),
    # A HEIF file of another kind of pixels has an AVIF brand among its further brands.
    # Sources: ISO/IEC 23008-12, annex B (brands) and 10.2; libheif's limit of size.
    "heic": FormatFacts(
        name="HEIC",
        pillow="",
        suffixes=(".heic", ".heif", ".hif"),
        signature=_signature(
            rb".{4} ftyp (?: hei[cxms] | hev[cxms]"
            rb" | (?: mif[12] | msf1) (?! .{4} (?: .{4})* avi[fs]))"
        ),
        largest_side=32_768,
        holds=frozenset({"EXIF", "XMP"}),
        bits=10,
    ),
    # Sources: AVIF_DEFAULT_IMAGE_DIMENSION_LIMIT and AVIF_DEFAULT_IMAGE_SIZE_LIMIT of
    # libavif, above which its decoders refuse.
    "avif": FormatFacts(
        name="AVIF",
        article="an",
        pillow="AVIF",
        suffixes=(".avif",),
        signature=_signature(
            rb".{4} ftyp (?: avi[fs] | (?: mif[12] | msf1) .{4} (?: .{4})* avi[fs])"
        ),
        largest_side=32_768,
        most_pixels=16_384**2,
        holds=frozenset({"EXIF", "XMP"}),
    ),
    "gif": FormatFacts(
        name="GIF",
        pillow="GIF",
        suffixes=(".gif",),
        signature=_signature(rb"GIF8[79]a"),
        largest_side=65_535,  # GIF89a, section 18: 16 bits
        holds=frozenset({"XMP", "comment"}),
        labelled=False,
    ),
}

SUFFIXES: dict[Format, str] = {
    format: facts.suffixes[0] for format, facts in FORMATS.items()
}
"""The suffix of an output whose format is not that of the input."""

_FORMAT_OF_SUFFIX: dict[str, Format] = {
    suffix: format for format, facts in FORMATS.items() for suffix in facts.suffixes
}

_RAW_SUFFIXES = frozenset(
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .gpr .iiq .kdc .mef .mos .mrw .nef"
    " .nrw .orf .pef .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f".split()
)
_OTHER_SUFFIXES = frozenset(
    ".jp2 .j2k .jxl .psd .psb .exr .hdr .tga .ico .svg .xcf .pcx"
    " .ppm .pgm .pbm .eps .dds".split()
)

_RAW_HEADS = (
    b"IIRO",
    b"IIRS",
    b"MMOR",
    b"IIU\0",
    b"FUJIFILMCCD-RAW",
    b"\0MRM",
    b"FOVb",
)
RAW_BECOMES: Format = "tiff"
"""The format that a camera raw file is developed to, and written as."""

PICTURE_SUFFIXES = frozenset(_FORMAT_OF_SUFFIX) | _RAW_SUFFIXES | _OTHER_SUFFIXES
"""Suffixes of pictures: a file with one of these is never ignored silently."""


def sniff(head: bytes) -> Format | None:
    """Tell the format that a file is read as from its first `HEAD_BYTES`.

    Returns:
        The format; `RAW_BECOMES` for a camera raw file; None where `msrnet` reads no
        such format, and for a text that only begins like a picture ("BMW M3",
        "GIF89a is ...").
    """
    if _is_text(head):
        return None
    if has_raw_head(head):
        return RAW_BECOMES
    matches = (name for name, facts in FORMATS.items() if facts.signature.match(head))
    return next(matches, None)


def _is_text(head: bytes) -> bool:
    """Whether these bytes are characters and line ends only, as in no picture."""
    for cut in range(4):  # the last character may be cut
        try:
            text = head[: len(head) - cut].decode()
        except UnicodeDecodeError:
            continue
        return all(letter >= " " or letter in "\t\n\f\r" for letter in text)
    return False


def format_of(suffix: str) -> Format | None:
    """The format that a suffix (".JPG") names, or None."""
    return _FORMAT_OF_SUFFIX.get(suffix.lower())


def recognise(data: bytes, suffix: str) -> Format:
    """Name the format that a whole file is read as, or say why it cannot be read.

    Args:
        data: The file, or at least its first `HEAD_BYTES`.
        suffix: The suffix of its name, "" where it has none.

    Raises:
        PictureError: Empty, or no known format.
    """
    suffix = suffix.lower()
    if not data:
        raise PictureError("the file is empty", "copy it again from its source")
    if is_named_raw(data, suffix):
        return RAW_BECOMES
    found = sniff(data[:HEAD_BYTES])
    if found is None:
        readable = ", ".join(facts.name for facts in FORMATS.values())
        kind = "a file that is not a picture by its content"
        if suffix in _OTHER_SUFFIXES:
            kind = f"a picture of type {suffix[1:].upper()}"
        raise PictureError(f"{kind} is not read", f"convert it to one of {readable}")
    return found


def has_raw_head(head: bytes) -> bool:
    """Whether the first bytes are those of a camera raw file alone.

    Many raw files begin like any TIFF: `coding.directories` tells these.
    """
    return (
        (head[8:10] == b"CR" and head[:2] in (b"II", b"MM"))
        or head[4:12] == b"ftypcrx "
        or head.startswith(_RAW_HEADS)
    )


def is_named_raw(data: bytes, suffix: str) -> bool:
    """Whether a file is named as a camera raw file, and is no other kind of picture.

    Old cameras wrote TIFF files that only their name tells from a picture.
    """
    if suffix.lower() not in _RAW_SUFFIXES or not data:
        return False
    return sniff(data[:HEAD_BYTES]) in (RAW_BECOMES, None)


def require_fits(format: Format, width: int, height: int) -> None:
    """Refuse a picture that is too large for a format.

    Args:
        format: Of the output.
        width: In pixels; may be exchanged with the height.
        height: In pixels.

    Raises:
        PictureError: With the limit, and a format that can hold the picture.
    """
    facts = FORMATS[format]
    side, pixels = facts.largest_side, facts.most_pixels
    if max(width, height) > side:
        limit = f"{side:,} pixels a side"
    elif pixels is not None and width * height > pixels:
        limit = f"{pixels / 1e6:.0f} megapixels"
    else:
        return
    others = "tiff" if format == "png" else "png or --format tiff"
    raise PictureError(
        f"{facts.article} {facts.name} picture has at most {limit},"
        f" this one is {width:,}x{height:,}",
        f"use --format {others}",
    )
