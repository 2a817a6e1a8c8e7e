"""Picture files and what they mean: bytes to pixels and back, nothing lost.

The only place that knows formats, profiles and metadata. It does not know networks
or folders.

formats      the facts of each format; which files are pictures, told by content
reading      bytes -> Picture: upright, in sRGB, at full depth
understanding
             pixels and what is claimed about them -> Picture
promise      what a header shows of a picture that cannot be read
writing      Picture + relit pixels -> bytes in the same format
previews     names of small copies beside pages, which are never inputs
extras       libraries for kinds of pictures that not everybody has
sheet        contact sheets, and rows of pictures
picture      the record in between
sixteen_bit  16 bits per channel, of which Pillow alone keeps 8
tiff         TIFF files at any depth, with all their metadata
pixels       Pillow images <-> tensors
rows         pixels a strip of rows at a time, so that large pictures need little memory
coding/      how each format holds its pixels
colour/      what the numbers of a picture mean
metadata/    what a file says about its picture, as bytes
"""

from msrnet_cli.images.formats import (
    PICTURE_SUFFIXES,
    SUFFIXES,
    format_of,
    recognise,
    require_fits,
    sniff,
)
from msrnet_cli.images.picture import Picture
from msrnet_cli.images.promise import require_promising
from msrnet_cli.images.reading import declared_size, from_pil, read, require_few
from msrnet_cli.images.sheet import contact_sheet, thumbnail
from msrnet_cli.images.writing import side_by_side, to_pil, write

__all__ = [
    "PICTURE_SUFFIXES",
    "SUFFIXES",
    "Picture",
    "contact_sheet",
    "declared_size",
    "format_of",
    "from_pil",
    "read",
    "recognise",
    "require_few",
    "require_fits",
    "require_promising",
    "side_by_side",
    "sniff",
    "thumbnail",
    "to_pil",
    "write",
]
