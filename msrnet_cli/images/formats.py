"""Which files are pictures: told by content, never by name alone.

Reads no pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msrnet_cli.errors import PictureError

if TYPE_CHECKING:
    from msrnet_cli.config import Format

HEAD_BYTES = 64
"""How much of a file `sniff` needs."""

SUFFIXES: dict[Format, str] = {
    "png": ".png",
    "jpeg": ".jpg",
    "webp": ".webp",
    "tiff": ".tif",
    "bmp": ".bmp",
    "avif": ".avif",
    "gif": ".gif",
}
"""The suffix of an output whose format is not that of the input."""

_FORMAT_OF_SUFFIX: dict[str, Format] = {
    **{suffix: name for name, suffix in SUFFIXES.items()},
    ".apng": "png",
    ".dib": "bmp",
    ".jpe": "jpeg",
    ".jpeg": "jpeg",
    ".jfif": "jpeg",
    ".mpo": "jpeg",
    ".tiff": "tiff",
}

_RAW_SUFFIXES = frozenset(
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .gpr .iiq .kdc .mef .mos .mrw .nef"
    " .nrw .orf .pef .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f".split()
)
_OTHER_SUFFIXES = frozenset(
    ".heic .heif .hif .jp2 .j2k .jxl .psd .psb .exr .hdr .tga .ico .svg .xcf .pcx"
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
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_BMP_BITS = (1, 2, 4, 8, 16, 24, 32)

PICTURE_SUFFIXES = frozenset(_FORMAT_OF_SUFFIX) | _RAW_SUFFIXES | _OTHER_SUFFIXES
"""Suffixes of pictures: a file with one of these is never ignored silently."""


def sniff(head: bytes) -> Format | None:
    """Tell a format from the first `HEAD_BYTES` of a file.

    Returns:
        The format; None where `msrnet` reads no such format, and for a text that only
        begins like a picture ("BMW M3", "GIF89a is ...").
    """
    if _is_text(head):
        return None
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "tiff"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis"):
        return "avif"
    return "bmp" if _is_bmp(head) else None


def _is_bmp(head: bytes) -> bool:
    """Whether a sensible header follows the first two letters."""
    if not head.startswith(b"BM") or len(head) < 26:
        return False
    size = int.from_bytes(head[14:18], "little")
    start = 22 if size == 12 else 26
    planes, bits = head[start : start + 2], head[start + 2 : start + 4]
    return (
        size in _BMP_HEADERS
        and planes == b"\1\0"
        and int.from_bytes(bits, "little") in _BMP_BITS
    )


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
    """Name the format of a whole file, or say why it cannot be read.

    Camera raw files are refused even where they open: read as TIFF, they show a small
    preview instead of the picture.

    Args:
        data: The file, or at least its first `HEAD_BYTES`.
        suffix: The suffix of its name, "" where it has none.

    Raises:
        PictureError: Empty, a camera raw file, or no known format.
    """
    suffix = suffix.lower()
    if not data:
        raise PictureError("the file is empty", "copy it again from its source")
    if suffix in _RAW_SUFFIXES or _is_raw(data):
        raise PictureError(
            "camera raw files are not read", "develop it to 16-bit TIFF or JPEG first"
        )
    found = sniff(data[:HEAD_BYTES])
    if found is None:
        readable = ", ".join(name.upper() for name in cast("dict[str, str]", SUFFIXES))
        kind = _foreign_kind(data, suffix)
        raise PictureError(f"{kind} is not read", f"convert it to one of {readable}")
    return found


def _is_raw(data: bytes) -> bool:
    """Whether the first bytes are of a camera raw file; `tiffs` checks the tags."""
    return (
        (data[8:10] == b"CR" and data[:2] in (b"II", b"MM"))
        or data[4:12] == b"ftypcrx "
        or data.startswith(_RAW_HEADS)
    )


def _foreign_kind(data: bytes, suffix: str) -> str:
    if data[4:8] == b"ftyp" and data[8:11] in (b"hei", b"hev", b"mif", b"msf"):
        return "a HEIC picture"
    if suffix in _OTHER_SUFFIXES:
        return f"a picture of type {suffix[1:].upper()}"
    return "a file that is not a picture by its content"
