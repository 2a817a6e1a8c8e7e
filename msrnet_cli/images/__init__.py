"""Picture files and what they mean: bytes to pixels and back, nothing lost.

The only place that knows formats, profiles and metadata. It does not know networks
or folders.

    formats    which files are pictures, told by content
    reading    bytes -> Picture: upright, in sRGB, at full depth
    writing    Picture + relit pixels -> bytes in the same format
    picture    the record in between
    labels     what a file claims about its colours: chunks (PNG), boxes (AVIF),
               segments (JPEG), each as one of `claims`
    meaning    which claim counts, and what the copy is to say
    codes      colours named by numbers; profiles: ICC profiles that say the same
    spaces     colour spaces of curves and a matrix: into sRGB and back
    icc, lcms  ICC profiles as such spaces; all others through littleCMS
    hdr        PQ and HLG into the range of sRGB
    luma       YCbCr by the numbers of a TIFF file
    sixteen_bit  16 bits per channel, which Pillow alone cuts to 8
    metadata   what a file says about its picture, as bytes
    dissecting  a file to metadata, and to what Pillow needs of it; dissecting_jpeg,
               dissecting_png: the two that hold most
    embedding  metadata into a file that was just encoded
    exif, makernotes, xmp, photoshop     blocks, changed in place
    tiff_directory, tiff_tags            the directories of TIFF files and EXIF blocks
    exif_layout, tiff_builder            tags as a new EXIF block, a new TIFF file
    jpeg_segments, multipicture, png_chunks, webp_chunks,
    gif_blocks, avif_items                                  files taken apart
    pixels     Pillow images <-> tensors
    rows       a strip of rows at a time: what keeps large pictures small in memory
    limits     how large a picture each format can hold
    png, webp  what hinders a decoder beside a sound picture, taken out beforehand
    jpeg, avif, gifs, bmp    what Pillow does not show of these, or does not write
    tiffs      which page of a TIFF is the picture: directories; odd pixels: samples
    quiet      no lines of C libraries on standard error
"""

from msrnet_cli.images.formats import (
    PICTURE_SUFFIXES,
    SUFFIXES,
    format_of,
    recognise,
    sniff,
)
from msrnet_cli.images.limits import require_fits
from msrnet_cli.images.picture import Picture
from msrnet_cli.images.reading import declared_size, from_pil, read
from msrnet_cli.images.writing import side_by_side, to_pil, write

__all__ = [
    "PICTURE_SUFFIXES",
    "SUFFIXES",
    "Picture",
    "declared_size",
    "format_of",
    "from_pil",
    "read",
    "recognise",
    "require_fits",
    "side_by_side",
    "sniff",
    "to_pil",
    "write",
]
