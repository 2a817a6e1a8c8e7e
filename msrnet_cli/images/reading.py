"""Bytes to a Picture: upright, in sRGB, at full depth, with all its metadata.

Every exception of a decoder becomes a PictureError: no file may stop a run.
"""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import replace
from typing import IO, TYPE_CHECKING

import torch
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
from msrnet_cli.images.coding import avif, bmp, gifs, jpeg, png, tiffs, webp
from msrnet_cli.images.coding.directories import SUBFILE_TYPES
from msrnet_cli.images.coding.opening import load, opened
from msrnet_cli.images.coding.quiet import hush
from msrnet_cli.images.colour.claims import UNUSABLE_PROFILE
from msrnet_cli.images.colour.jpeg import without_stubs
from msrnet_cli.images.colour.labels import read_claims
from msrnet_cli.images.colour.lcms import through_lcms
from msrnet_cli.images.colour.meaning import converted_by, meaning_of_claims
from msrnet_cli.images.colour.png import without_colour
from msrnet_cli.images.colour.ycbcr import rgb_from_ycbcr
from msrnet_cli.images.formats import FORMATS, recognise
from msrnet_cli.images.metadata.dissecting import bare, dissect, of_image
from msrnet_cli.images.metadata.record import as_srgb
from msrnet_cli.images.picture import Encoding, Picture
from msrnet_cli.images.pixels import native_16, rows_of, strip_of, unit
from msrnet_cli.images.rows import Rows

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile
    from torch import Tensor

    from msrnet_cli.config import Format
    from msrnet_cli.images.colour.claims import Claim
    from msrnet_cli.images.colour.hdr import HighRange
    from msrnet_cli.images.colour.spaces import ColourSpace
    from msrnet_cli.images.metadata.record import Dissected, Metadata

_WHITE_IS_ZERO = 0
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
        PictureError: It is not a picture, or a damaged, too large or odd one.
    """
    format = recognise(data, suffix)
    hush()
    try:
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
        return _understand(image, Encoding("png"), metadata, claims, notes)
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
    return tiffs.size(file.read())


def written_size(data: bytes, format: Format) -> tuple[int, int]:
    """Width and height of a file that was just written, opened like any other.

    Raises:
        Exception: It is damaged; the exception is the decoder's.
    """
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
    return _understand(upright, encoding, parts.metadata, claims, tuple(notes), samples)


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


def _understand(
    image: Image.Image,
    encoding: Encoding,
    metadata: Metadata,
    claims: tuple[Claim, ...],
    notes: tuple[str, ...] = (),
    samples: Rows | None = None,
) -> Picture:
    """Split an upright image into colour and alpha.

    Args:
        image: Loaded and upright.
        encoding: What is known of the file so far.
        metadata: What the file says.
        claims: What the file says of its colours.
        notes: What a user must know so far.
        samples: 16-bit RGB or RGBA, where the image holds only 8.
    """
    mode = image.mode
    if mode in ("I", "F"):
        raise PictureError(
            f"32-bit pixels (mode {mode}) have no defined white", "save it with 16 bits"
        )
    grey = mode in ("1", "L", "LA", "La") or mode.startswith("I;16")
    if mode in ("CMYK", "LAB"):
        image, more = _without_own_colours(image, claims)
        metadata, claims = as_srgb(metadata), ()
        notes += (f"converted from {mode} to sRGB", *more)
    elif mode in ("YCbCr", "HSV"):  # another form of RGB, and labelled like it
        image = rgb_from_ycbcr(image) if mode == "YCbCr" else image.convert("RGB")
        notes += (f"converted from {mode} to RGB",)
    samples = samples or _samples(image)
    if samples.depth == 16 and "transparency" in image.info:
        samples = _keyed(samples, image.info["transparency"])
    meaning = meaning_of_claims(samples, grey, metadata, claims)
    pixels = _srgb(meaning.samples, meaning.space)
    return Picture(
        # A result of 16 bits must not be computed in 8.
        pixels=unit(pixels) if samples.depth == 16 else pixels,
        alpha=_alpha(samples),
        native=_native(meaning.samples) if meaning.kept else None,
        space=meaning.kept,
        encoding=replace(encoding, mode=mode, depth=samples.depth, grey=grey),
        metadata=meaning.metadata,
        notes=notes + meaning.notes,
    )


def _without_own_colours(
    image: Image.Image, claims: tuple[Claim, ...]
) -> tuple[Image.Image, tuple[str, ...]]:
    """CMYK or LAB to sRGB; a profile that cannot be used costs a note."""
    profiles = [claim for claim in claims if claim.codes is None]
    notes = tuple(note for claim in profiles if claim.void for note in claim.notes)
    for claim in profiles:
        if image.mode == "CMYK" and claim.profile is not None:
            converted = converted_by(image, claim.profile)
            if converted is not None:
                return converted, notes
            notes += (UNUSABLE_PROFILE,)
    return through_lcms(image, None), notes


def _samples(image: Image.Image) -> Rows:
    """The pixels of an image as it is, colours and alpha."""
    if image.mode.startswith("I;16"):
        return _grey_16(image)
    return rows_of(_plain(image))


def _keyed(samples: Rows, transparent: int | tuple[int, ...]) -> Rows:
    """Add alpha to 16-bit pixels: 0 where they have this colour."""
    if samples.channels not in (1, 3):
        return samples
    key = torch.tensor(transparent, dtype=torch.int32).view(-1, 1, 1)

    def with_alpha(strip: Tensor) -> Tensor:
        opaque = (strip != key).any(0, keepdim=True)
        return torch.cat((strip, opaque.int() * 65535))

    return samples.changed(with_alpha, channels=samples.channels + 1)


def _srgb(samples: Rows, space: ColourSpace | HighRange | None) -> Tensor:
    """Colours as 3 H W, sRGB: uint8 where they are that, else float32 in [0, 1].

    Args:
        samples: Alpha is passed over.
        space: What they are in; None for sRGB.
    """
    exact = space is None and samples.depth == 8
    dtype = torch.uint8 if exact else torch.float32
    rgb = torch.empty(3, samples.height, samples.width, dtype=dtype)
    for rows, strip in samples.strips():
        colours = strip[: samples.colours].expand(3, -1, -1)
        values = colours if exact else unit(colours)
        rgb[:, rows] = values if space is None else space.into_srgb(values)
    return rgb


def _native(samples: Rows) -> Tensor:
    """RGB without alpha as it is: 3 H W, uint8 or uint16."""
    dtype = torch.uint8 if samples.depth == 8 else torch.uint16
    # In memory the channels of a pixel are interleaved, as in a strip.
    native = torch.empty(samples.height, samples.width, 3, dtype=dtype).permute(2, 0, 1)
    for rows, strip in samples.strips():
        native[:, rows] = strip[:3]
    return native


def _alpha(samples: Rows) -> Tensor | None:
    """Alpha as 1 H W, uint8 or int32; None where there is none."""
    if samples.channels in (1, 3):
        return None
    dtype = torch.uint8 if samples.depth == 8 else torch.int32
    alpha = torch.empty(1, samples.height, samples.width, dtype=dtype)
    for rows, strip in samples.strips():
        alpha[:, rows] = strip[-1:]
    return alpha


def _plain(image: Image.Image) -> Image.Image:
    """Any 8-bit mode as L, LA, RGB or RGBA, transparency included."""
    if image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info:
        return image
    if image.mode == "1" and "transparency" not in image.info:
        return image.convert("L")
    if image.mode == "1":
        key = 255 if image.info["transparency"] else 0
        image = image.convert("L")
        image.info["transparency"] = key
    if image.mode in ("L", "LA", "La"):
        return image.convert("LA")
    translucent = image.mode in ("PA", "RGBa", "RGBA") or "transparency" in image.info
    return image.convert("RGBA" if translucent else "RGB")


def _grey_16(image: Image.Image) -> Rows:
    big = {"I;16B": True, "I;16N": None}.get(image.mode, False)
    inverted = (
        isinstance(image, TiffImagePlugin.TiffImageFile)
        and image.tag_v2.get(262) == _WHITE_IS_ZERO
    )

    def compute(rows: slice) -> Tensor:
        strip = strip_of(image, rows)
        samples = native_16(strip.tobytes(), strip.size, big=big)
        return 65535 - samples if inverted else samples

    width, height = image.size
    return Rows(1, height, width, 16, compute)


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
