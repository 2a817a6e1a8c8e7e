"""EXIF, XMP, IPTC, text and colour profile, from any format to any format.

What Pillow carries over by itself differs by format; here it is the same for all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PIL import Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, TiffTags
from PIL.ExifTags import IFD, Base

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.config import Format

_XMP_TAG = 700
_XMP_KEY = "XML:com.adobe.xmp"
_PROFILE_TAG = 34675
# Tags that describe how a TIFF file stores its pixels: they belong to the old file.
_LAYOUT_TAGS = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 266, 269, 273, 277, 278, 279, 280, 281}
    | {284, 288, 289, 290, 291, 292, 293, 301, 317, 318, 319, 320, 322, 323, 324, 325}
    | {330, 332, 333, 334, 336, 338, 339, 340, 341, 342, 347, 512, 513, 514, 515, 517}
    | {518, 519, 520, 521, 529, 530, 531, 532, _XMP_TAG, _PROFILE_TAG}
)
_SRGB = 1  # EXIF ColorSpace


@dataclass(frozen=True)
class Metadata:
    r"""All that a file says about its picture.

    Attributes:
        icc: Colour profile.
        cicp: The same as code points of ITU-T H.273, primaries and transfer, where the
            file had them: for formats that hold them.
        exif: EXIF block, starting with ``Exif\0\0``; the orientation is cleared.
        xmp: XMP packet.
        iptc: APP13 segments of a JPEG, which hold IPTC.
        comment: JPEG comment.
        text: PNG text by keyword.
        dpi: Resolution in dots per inch.
    """

    icc: bytes | None = None
    cicp: tuple[int, int] | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: tuple[bytes, ...] = ()
    comment: bytes | None = None
    text: tuple[tuple[str, str], ...] = ()
    dpi: tuple[float, float] | None = None

    def stripped(self) -> Metadata:
        """Only what the colours need."""
        return Metadata(icc=self.icc, cicp=self.cicp)


def read_metadata(image: Image.Image) -> tuple[Metadata, tuple[str, ...]]:
    """Collect the metadata of a decoded, upright image.

    Returns:
        The metadata, and a note for each part that is damaged and left out.
    """
    notes: list[str] = []

    def part(name: str, read: Callable[[Image.Image], Any], default: Any) -> Any:  # noqa: ANN401 each part has a type of its own
        try:
            return read(image)
        except Exception:  # damaged metadata must not cost the picture
            notes.append(f"{name} is damaged and left out")
            return default

    metadata = Metadata(
        exif=part("EXIF", _exif, None),
        xmp=part("XMP", _xmp, None),
        iptc=part("IPTC", _iptc, ()),
        comment=part("the comment", _comment, None),
        text=part("text", _text, ()),
        dpi=part("the resolution", _dpi, None),
    )
    return metadata, tuple(notes)


def as_srgb(metadata: Metadata) -> Metadata:
    """The metadata of the same picture once its pixels are plain sRGB."""
    exif = metadata.exif
    if exif is not None:
        tags = Image.Exif()
        tags.load(exif)
        if IFD.Exif in tags:
            details = tags.get_ifd(IFD.Exif)
            details[Base.ColorSpace] = _SRGB
            details.pop(IFD.Interop, None)
        exif = tags.tobytes()
    return replace(metadata, icc=None, cicp=None, exif=exif)


def save_arguments(metadata: Metadata, format: Format) -> dict[str, object]:
    """What Pillow's writer of a format needs to keep the metadata."""
    arguments: dict[str, object] = {
        "icc_profile": metadata.icc,
        "exif": metadata.exif,
        "xmp": metadata.xmp,
        "dpi": metadata.dpi,
    }
    if format == "jpeg":
        arguments["comment"] = metadata.comment
        segments = (_segment(0xED, content) for content in metadata.iptc)
        arguments["extra"] = b"".join(segments) or None
    elif format == "png":
        arguments.pop("xmp")
        arguments["pnginfo"] = png_text(metadata)
    return {name: value for name, value in arguments.items() if value is not None}


def png_text(metadata: Metadata) -> PngImagePlugin.PngInfo:
    """Colour codes, XMP and text as PNG chunks."""
    chunks = PngImagePlugin.PngInfo()
    if metadata.cicp:
        chunks.add(b"cICP", bytes((*metadata.cicp, 0, 1)))  # RGB, full range
    if metadata.xmp:
        chunks.add_itxt(_XMP_KEY, metadata.xmp.decode("utf-8", "replace"))
    for key, value in metadata.text:
        try:
            value.encode("latin-1", "strict")
        except UnicodeEncodeError:
            chunks.add_itxt(key, value)
        else:
            chunks.add_text(key, value, zip=len(value) > 1024)
    return chunks


def tiff_directory(metadata: Metadata) -> TiffImagePlugin.ImageFileDirectory_v2:
    """Everything as tags of a TIFF file; EXIF and GPS as directories within it."""
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    if metadata.exif is not None:
        tags = Image.Exif()
        tags.load(metadata.exif)
        for tag, value in tags.items():
            directory[tag] = value
        for tag in {IFD.Exif, IFD.GPSInfo} & set(tags):
            directory[tag] = dict(tags.get_ifd(tag))
        if IFD.Exif in tags and IFD.Interop in directory[IFD.Exif]:
            directory[IFD.Exif][IFD.Interop] = dict(tags.get_ifd(IFD.Interop))
    for tag, content in ((_XMP_TAG, metadata.xmp), (_PROFILE_TAG, metadata.icc)):
        if content is not None:
            directory.tagtype[tag] = TiffTags.UNDEFINED
            directory[tag] = content
    if metadata.dpi:
        directory[282], directory[283] = metadata.dpi
        directory[296] = 2  # inches
    return directory


def _exif(image: Image.Image) -> bytes | None:
    tags = image.getexif()
    for tag in _LAYOUT_TAGS & set(tags):
        del tags[tag]
    tags.pop(Base.Orientation, None)
    tags.bigtiff = False  # a classic directory, whatever the picture came in
    if not tags:
        return None
    details = tags.get_ifd(IFD.Exif) if IFD.Exif in tags else {}
    if Base.ExifImageWidth in details and Base.ExifImageHeight in details:
        # The upright size: a quarter turn has exchanged the two.
        details[Base.ExifImageWidth], details[Base.ExifImageHeight] = image.size
    return tags.tobytes()


def _xmp(image: Image.Image) -> bytes | None:
    packet = image.info.get("xmp") or image.info.get(_XMP_KEY)
    if isinstance(packet, str):
        packet = packet.encode()
    return packet or None


def _iptc(image: Image.Image) -> tuple[bytes, ...]:
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return ()
    return tuple(content for name, content in image.applist if name == "APP13")


def _comment(image: Image.Image) -> bytes | None:
    comment = image.info.get("comment")
    return comment.encode() if isinstance(comment, str) else comment or None


def _text(image: Image.Image) -> tuple[tuple[str, str], ...]:
    if not isinstance(image, PngImagePlugin.PngImageFile):
        return ()
    kept = {
        key: str(value)
        for key, value in image.text.items()
        if key != _XMP_KEY and not key.startswith("Raw profile type ")
    }
    return tuple(kept.items())


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    dpi = image.info.get("dpi")
    if isinstance(image, TiffImagePlugin.TiffImageFile) and 282 not in image.tag_v2:
        return None  # Pillow's own guess
    if dpi is None or not all(0 < float(value) < 1e5 for value in dpi):
        return None
    return float(dpi[0]), float(dpi[1])


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content
