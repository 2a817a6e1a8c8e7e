"""Bytes to a Picture: upright, in sRGB, at full depth, with all its metadata.

Every exception of a decoder becomes a PictureError: no file may stop a run.
"""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from PIL import (
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
)

from msrnet_cli.config import MAX_MEGAPIXELS
from msrnet_cli.errors import PictureError
from msrnet_cli.images import sixteen_bit
from msrnet_cli.images.coding import (
    avif,
    bmp,
    gifs,
    heic,
    jpeg,
    png,
    raws,
    tiffs,
    webp,
)
from msrnet_cli.images.coding.directories import SUBFILE_TYPES
from msrnet_cli.images.coding.opening import load, opened
from msrnet_cli.images.coding.quiet import hush
from msrnet_cli.images.colour.jpeg import without_stubs
from msrnet_cli.images.colour.labels import read_claims
from msrnet_cli.images.colour.png import without_colour
from msrnet_cli.images.formats import (
    FORMATS,
    RAW_BECOMES,
    has_raw_head,
    recognise,
    sniff,
)
from msrnet_cli.images.metadata.dissecting import (
    bare,
    dissect,
    dissect_developed,
    of_image,
)
from msrnet_cli.images.metadata.heif_properties import declared_size as heif_size
from msrnet_cli.images.metadata.record import as_srgb
from msrnet_cli.images.picture import Encoding, Picture
from msrnet_cli.images.understanding import pictured, understood

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

    from msrnet_cli.config import Format
    from msrnet_cli.images.metadata.record import Dissected

_HEAD = 32


def read(
    data: bytes, suffix: str = "", max_megapixels: float = MAX_MEGAPIXELS
) -> Picture:
    """Decode a picture file.

    Args:
        data: The whole file.
        suffix: The suffix of its name: it tells camera raw files from TIFF.
        max_megapixels: A picture that declares more is refused before it is decoded.

    Raises:
        PictureError: It is not a picture, or a damaged, too large or odd one; or it
            needs an extra that is not installed.
    """
    format = recognise(data, suffix)
    hush()
    try:
        if raws.is_raw(data, suffix):
            return _developed(data, max_megapixels)
        if format == "heic":
            return _from_heic(data, max_megapixels)
        page = tiffs.Prepared(data)
        if format == "tiff":
            page = tiffs.prepared(data, max_megapixels)
        parts = dissect(page.data, format)
        mended, notes = _mended(parts.bare, format, max_megapixels)
        ready = replace(page, data=mended, notes=page.notes + notes)
        try:
            return _picture(data, parts, ready, format, max_megapixels)
        except OSError:
            ended = jpeg.ended(mended) if format == "jpeg" else None
            if ended is None:
                raise
        ready = replace(ready, data=ended, notes=("the marker of its end was missing",))
        return _picture(data, parts, ready, format, max_megapixels)
    except PictureError:
        raise
    except Exception as error:  # decoders throw anything: OSError, SyntaxError, ...
        raise _undecodable(error, FORMATS[format].name) from error


def from_pil(image: Image.Image) -> Picture:
    """A Picture from an image in memory.

    Pillow keeps only 8 of 16 bits per colour, and loses cICP of PNG and nclx of AVIF;
    `read` keeps all of these.

    Raises:
        PictureError: It is empty, of a mode not supported, or cannot be loaded.
    """
    if 0 in image.size:
        raise PictureError(f"an image of size {image.size}", "give one with pixels")
    try:
        image = ImageOps.exif_transpose(image)
        metadata, notes = of_image(image)
        claims = read_claims(image, metadata)
        return understood(image, Encoding("png"), metadata, claims, notes)
    except PictureError:
        raise
    except Exception as error:  # a file opened lazily is decoded only now
        raise _undecodable(error, image.format or "image") from error


def _undecodable(error: Exception, kind: str) -> PictureError:
    if isinstance(error, MemoryError):
        return PictureError("not enough memory to decode it", "free memory")
    remedy = "open and save it again elsewhere"
    if isinstance(
        error, UnidentifiedImageError
    ):  # its text names an object of this program
        return PictureError(f"damaged, or a rare kind of {kind}", remedy)
    text = str(error) or type(error).__name__
    return PictureError(f"damaged or unusual {kind}: {text}", remedy)


def declared_size(file: IO[bytes]) -> tuple[int, int] | None:
    """Width and height that a file, or its beginning, declares, before any turn.

    Returns:
        None where nothing is declared, or the file is not a picture.
    """
    try:
        head = file.read(_HEAD)
        file.seek(0)
        if head[:8] + head[12:16] == b"\x89PNG\r\n\x1a\nIHDR":
            # Pillow would read all text first, and might refuse it.
            return int.from_bytes(head[16:20], "big"), int.from_bytes(
                head[20:24], "big"
            )
        if sniff(head) == "heic":
            return heif_size(file.read())
        if has_raw_head(head):
            return raws.size(file.read())
        if head[8:12] == b"WEBP":
            return webp.canvas(head)  # Pillow would want the whole file
        if head.startswith((b"II", b"MM")):
            return _tiff_size(file)
        image = opened(file, None)
        if isinstance(image, GifImagePlugin.GifImageFile):
            gifs.trimmed(image)
        return image.size
    except Exception:  # decoding the file will tell why
        return None


def _tiff_size(file: IO[bytes]) -> tuple[int, int] | None:
    """The size of the page that is the picture, whatever its pixels are."""
    with suppress(Exception):  # a kind that Pillow does not know
        image = opened(file, ("TIFF",))
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        if not any(image.tag_v2.get(tag) for tag in SUBFILE_TYPES):
            return image.size
    file.seek(0)
    data = file.read()
    return raws.size(data) if raws.is_raw(data) else tiffs.size(data)


def written_size(data: bytes, format: Format) -> tuple[int, int]:
    """Width and height of a file that was just written, opened like any other.

    Raises:
        Exception: It is damaged; the exception is the decoder's.
    """
    if format == "heic":
        return heic.opened(bare(data, format)).size
    return opened(io.BytesIO(bare(data, format)), (FORMATS[format].pillow,)).size


def _mended(
    data: bytes, format: Format, max_megapixels: float
) -> tuple[bytes, tuple[str, ...]]:
    """A file without the parts that hinder a decoder, and notes on these parts."""
    # For some labels of colour Pillow refuses the picture: they are read without it.
    if format == "png":
        return png.mended(without_colour(data))
    if format == "jpeg":
        return without_stubs(data), ()
    if format == "webp":
        return webp.mended(data)
    if format == "bmp":
        return bmp.mended(data, max_megapixels), ()
    return data, ()


def _open(data: bytes, format: Format, max_megapixels: float) -> ImageFile:
    if format == "webp":
        require_few(webp.canvas(data[:_HEAD]) or (0, 0), max_megapixels)
    image = opened(io.BytesIO(data), (FORMATS[format].pillow,))
    if not isinstance(image, GifImagePlugin.GifImageFile):
        require_few(image.size, max_megapixels)
    return image


def require_few(size: tuple[int, int], max_megapixels: float) -> None:
    """Refuse a size with too many pixels.

    Raises:
        PictureError: Width times height is more than `max_megapixels`.
    """
    width, height = size
    megapixels = width * height / 1e6
    if megapixels > max_megapixels:
        digits = 0 if megapixels >= 10 else 1
        raise PictureError(
            f"it declares {width}x{height} = {megapixels:.{digits}f} megapixels,"
            f" more than the {max_megapixels:g} allowed",
            "raise --max-megapixels if you trust it",
        )


def _picture(
    source: bytes,
    parts: Dissected,
    prepared: tiffs.Prepared,
    format: Format,
    max_megapixels: float,
) -> Picture:
    """Decode.

    Args:
        source: The whole file.
        parts: The file taken apart.
        prepared: Its pixels, for the decoder.
        format: Of the file.
        max_megapixels: A picture that declares more is refused.
    """
    data, notes = prepared.data, list(prepared.notes)
    image = _open(data, format, max_megapixels)
    claims = read_claims(image, parts.metadata, source, format)
    frame = None
    if isinstance(image, GifImagePlugin.GifImageFile):
        if gifs.has_more_frames(image):
            notes.append("only its first frame is kept")
        notes += gifs.trimmed(image)
        require_few(image.size, max_megapixels)
        frame = gifs.frame_of(image)
    elif format != "tiff" and getattr(image, "is_animated", False):
        notes.append("only its first frame is kept")
        image.seek(0)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        jpeg.require_plausible(image, data)
    if format == "avif":
        avif.require_plausible(image.size, data)
    bits = sixteen_bit.bits_per_sample(image, data)
    tiles = sixteen_bit.low_byte_tiles(image)
    encoding = Encoding(
        format,
        image.mode,
        16 if tiles else 8,
        chroma=_chroma(image, data, format),
        save=_save_settings(image, prepared, format),
    )
    samples = None
    if tiles:
        second = _open(data, format, float("inf"))
        second.tile = tiles
        turn = parts.orientation
        samples = sixteen_bit.joined(_upright(image, turn), _upright(second, turn))
    elif bits > 8 and not image.mode.startswith("I;16"):
        notes.append(f"reduced from {bits} to 8 bits per channel")
    upright = image if tiles else _upright(image, parts.orientation)
    if frame is not None:
        upright = gifs.on_clear_canvas(upright, frame)
    notes += parts.notes
    return understood(upright, encoding, parts.metadata, claims, tuple(notes), samples)


def _from_heic(data: bytes, max_megapixels: float) -> Picture:
    """Decode the primary picture of a HEIC file; libheif turns it upright."""
    require_few(heif_size(data) or (0, 0), max_megapixels)
    parts = dissect(data, "heic")
    file = heic.opened(parts.bare)
    require_few(file.size, max_megapixels)
    notes = parts.notes
    if file.pictures > 1:
        notes += ("only its primary picture is kept",)
    samples = heic.decoded(file)
    encoding = Encoding(
        "heic",
        "L" if file.grey else "RGB",
        chroma=file.chroma,
        save={"bits": file.bits, "lossless": file.exact},
    )
    claims = read_claims(None, parts.metadata, data, "heic")
    return pictured(samples, file.grey, encoding, parts.metadata, claims, notes)


def _developed(data: bytes, max_megapixels: float) -> Picture:
    """Develop a camera raw file to what a TIFF of 16 bits holds."""
    samples, note = raws.developed(data, lambda size: require_few(size, max_megapixels))
    parts = dissect_developed(data, RAW_BECOMES)
    metadata = as_srgb(parts.metadata)  # it may name the space of the camera's JPEG
    grey = samples.channels == 1
    encoding = Encoding(RAW_BECOMES, "I;16" if grey else "RGB")
    return pictured(samples, grey, encoding, metadata, (), (note, *parts.notes))


def _upright(image: Image.Image, orientation: int | None) -> Image.Image:
    """Load and turn an image, in place: by Exif's number, or as Pillow does."""
    load(image)
    if orientation is None:
        ImageOps.exif_transpose(image, in_place=True)
    elif orientation > 1:
        image.im = image.im.transpose(_TURNS[orientation])
        image._size = image.im.size
    return image


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _chroma(image: ImageFile, data: bytes, format: Format) -> tuple[int, int]:
    """How many times coarser the colours of a file are, across and down."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        return jpeg.chroma(image)
    if format == "avif":
        return avif.coding(data).chroma
    if format == "webp" and not webp.is_lossless(data):
        return 2, 2
    return 1, 1


def _save_settings(
    image: ImageFile, prepared: tiffs.Prepared, format: Format
) -> dict[str, object]:
    """How the file was compressed, as arguments of Pillow's writer."""
    if format == "jpeg" and isinstance(image, JpegImagePlugin.JpegImageFile):
        settings: dict[str, object] = {"progressive": "progressive" in image.info}
        tables = jpeg.tables(image)
        if image.mode in ("L", "RGB") and tables is not None:
            settings["qtables"] = tables
            settings["subsampling"] = jpeg.subsampling(jpeg.chroma(image))
        settings["lossless"] = not image.quantization
        return settings
    if format == "webp":
        lossless = webp.is_lossless(prepared.data)
        return {"lossless": lossless, "quality": webp.quality(prepared.data)}
    if format == "avif":
        exact = avif.coding(prepared.data).exact
        return {"lossless": exact, "quality": avif.quality(prepared.data)}
    if format == "tiff":
        return {"compression": "compressed" if prepared.compressed else "raw"}
    return {}
