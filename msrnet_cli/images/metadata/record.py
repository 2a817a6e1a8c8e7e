"""The metadata of a picture, as the bytes of its file.

Metadata are decoded only where necessary, and encoded anew only where changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msrnet_cli.images.metadata import exif, photoshop, xmp

if TYPE_CHECKING:
    from msrnet_cli.config import Format

EXIF_HEAD = b"Exif\0\0"


@dataclass(frozen=True)
class Block:
    """A part of a file that only files of the same format hold.

    Attributes:
        name: What the format calls it.
        content: Its bytes.
        kind: JPEG: the second byte of the marker, or 0 where only the place counts:
            the content is in another field. TIFF: the type. PNG: 1 behind the pixels,
            else 0.
    """

    name: str
    content: bytes
    kind: int = 0


@dataclass(frozen=True)
class Metadata:
    r"""All that a file says about its picture.

    Attributes:
        icc: Colour profile of the output.
        cicp: The same as code points of ITU-T H.273 (primaries and transfer), if the
            file had them; for formats that can hold them.
        exif: EXIF block, starting with ``Exif\0\0``; the orientation is 1, and there
            is no thumbnail.
        xmp: XMP packet.
        xmp_rest: What a JPEG could not hold in the packet's own segment.
        photoshop: Photoshop's resources, which hold IPTC, as JPEG segments cut them.
        comments: Comments of a JPEG or GIF file.
        dpi: Resolution in dots per inch.
        home: The format of `blocks` and `trailer`.
        blocks: Parts that only this format can hold.
        trailer: What follows the picture in a JPEG file.
        notes: What is left out of every output with metadata.
    """

    icc: bytes | None = None
    cicp: tuple[int, int] | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    xmp_rest: bytes | None = None
    photoshop: tuple[bytes, ...] = ()
    comments: tuple[bytes, ...] = ()
    dpi: tuple[float, float] | None = None
    home: Format | None = None
    blocks: tuple[Block, ...] = ()
    trailer: bytes = b""
    notes: tuple[str, ...] = ()

    @property
    def block(self) -> bytes | None:
        """EXIF from its TIFF header on: offsets within it count from there."""
        return self.exif.removeprefix(EXIF_HEAD) or None if self.exif else None

    def stripped(self) -> Metadata:
        """Without everything but the colours."""
        return Metadata(icc=self.icc, cicp=self.cicp)


@dataclass(frozen=True)
class Dissected:
    """A file taken apart.

    Attributes:
        metadata: As it fits the upright picture.
        orientation: How to turn the pixels: 1 to 8 as Exif counts them; None where
            only the decoder can tell.
        bare: The file with no more than a decoder needs.
        notes: What is damaged or cannot be kept, in words for a user.
    """

    metadata: Metadata
    orientation: int | None
    bare: bytes
    notes: tuple[str, ...] = ()


def uses_adobe_rgb(metadata: Metadata) -> bool:
    """Whether EXIF says that the pixels are Adobe RGB."""
    return metadata.block is not None and exif.is_adobe_rgb(metadata.block)


def as_srgb(metadata: Metadata) -> Metadata:
    """The metadata for the same picture in plain sRGB."""
    return replace(
        metadata,
        icc=None,
        cicp=None,
        exif=metadata.block and EXIF_HEAD + exif.as_srgb(metadata.block),
        xmp=metadata.xmp and xmp.as_srgb(metadata.xmp),
        photoshop=tuple(map(photoshop.without_profile, metadata.photoshop)),
        blocks=tuple(
            replace(block, content=photoshop.without_profile(block.content))
            for block in metadata.blocks
        ),
    )
