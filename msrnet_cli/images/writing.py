"""A Picture and its relit pixels to bytes, as close to the input file as possible.

Writes to memory only: `msrnet_cli.files` puts bytes into a file, safely.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from PIL import Image

from msrnet_cli.errors import PictureError
from msrnet_cli.images import sixteen_bit
from msrnet_cli.images.coding import bmp, gifs, heic, jpeg
from msrnet_cli.images.colour.codes import SRGB
from msrnet_cli.images.colour.heif import write_nclx
from msrnet_cli.images.formats import FORMATS, require_fits
from msrnet_cli.images.metadata.embedding import embed, encoder_arguments
from msrnet_cli.images.pixels import image_of, quantise, to_image, unit
from msrnet_cli.images.reading import written_size
from msrnet_cli.images.rows import Rows, spans, to_8_bits
from msrnet_cli.images.tiff import write_tiff

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from msrnet_cli.config import Format, WriteOptions
    from msrnet_cli.images.colour.spaces import ColourSpace
    from msrnet_cli.images.metadata.record import Metadata
    from msrnet_cli.images.picture import Picture

_COMPARE_HEIGHT = 2048
_Result = tuple[bytes, tuple[str, ...]]


def write(
    picture: Picture, relit: Tensor, options: WriteOptions
) -> tuple[bytes, tuple[str, ...]]:
    """Encode a relit picture.

    Args:
        picture: What was read.
        relit: 3 H W, sRGB, of the size of the picture: in [0, 1], or uint8.
        options: Format, quality, metadata.

    Returns:
        The file's bytes, and notes on what the format could not hold.

    Raises:
        PictureError: The format cannot hold the picture at all.
    """
    format = options.format or picture.encoding.format
    name, metadata = FORMATS[format].name, picture.metadata
    if options.strip_metadata:
        metadata = metadata.stripped()
    require_fits(format, *picture.size)
    pixels, notes = _pixels(picture, relit, format)
    try:
        plain, more = _ENCODERS[format](_Draft(picture, pixels, options, metadata))
        data, lost = embed(plain, metadata, format, picture.size)
    except PictureError:
        raise
    except Exception as error:  # encoders throw anything; the batch goes on
        text = str(error) or type(error).__name__
        reason = f"cannot be written as {name}: {text}"
        raise PictureError(reason, "choose another --format") from error
    if _fault(data, format, picture.size):  # the metadata may be at fault
        data, lost = plain, ("metadata could not be kept",)
    fault = _fault(data, format, picture.size)
    if fault:
        raise PictureError(
            f"what was written as {name} {fault}",
            "choose another --format, and report it",
        )
    return data, notes + more + lost


def _fault(data: bytes, format: Format, size: tuple[int, int]) -> str:
    """What is wrong with a file that was just written; "" for nothing."""
    try:
        there = written_size(data, format)
    except Exception as error:  # decoders throw anything
        return f"cannot be opened: {type(error).__name__}"
    return "" if there == size else f"has the size {there}, not {size}"


def side_by_side(picture: Picture, relit: Tensor) -> bytes:
    """Input and output beside each other as one JPEG, at most 2048 high."""
    width, height = picture.size
    pair = Image.new("RGB", (2 * width, height))
    for left, values in ((0, picture.pixels), (width, relit)):
        for rows in spans(height, width):
            pair.paste(to_image(quantise(values[:, rows], 8)), (left, rows.start))
    pair.thumbnail((FORMATS["jpeg"].largest_side, _COMPARE_HEIGHT))
    out = io.BytesIO()
    pair.save(out, "JPEG", quality=92, subsampling=0)
    return out.getvalue()


def to_pil(picture: Picture, relit: Tensor) -> Image.Image:
    """A relit picture in memory: L, RGB or RGBA, 16-bit grey where it stays grey."""
    pixels, _ = _pixels(picture, relit, "png")
    if pixels.depth == 16 and pixels.channels >= 3:
        pixels = pixels.changed(to_8_bits, depth=8)
    image = image_of(pixels)
    if picture.metadata.icc:
        image.info["icc_profile"] = picture.metadata.icc
    if picture.metadata.exif:
        image.info["exif"] = picture.metadata.exif
    return image


def _pixels(
    picture: Picture, relit: Tensor, format: Format
) -> tuple[Rows, tuple[str, ...]]:
    """Relit colours in the file's own space, with alpha."""
    facts, notes = FORMATS[format], tuple[str, ...]()
    depth = picture.encoding.depth
    if depth == 16 and facts.bits == 8:
        depth = 8
        notes += (f"reduced to 8 bits: {facts.name} holds no more",)
    space = picture.space
    if space is not None and not facts.labelled:
        space = None
        notes += (f"colours converted to sRGB: {facts.name} holds no profile",)
    pixels = _colours(picture, relit, depth, space)
    if picture.encoding.grey and _is_neutral(pixels):
        pixels = pixels.changed(lambda strip: strip[1:2], channels=1)
    alpha = picture.alpha
    if alpha is None:
        return pixels, notes
    if not facts.alpha:
        if int(alpha.min()) < alpha.new_tensor(255 if depth == 8 else 65535):
            notes += (f"transparency left out: {facts.name} holds none",)
        return pixels, notes
    return _with_alpha(pixels, alpha), notes


def _colours(
    picture: Picture, relit: Tensor, depth: int, space: ColourSpace | None
) -> Rows:
    """Relit colours in the file's own space, or in sRGB."""
    native = picture.native

    def compute(rows: slice) -> Tensor:
        colours = relit[:, rows]
        if space is not None and native is not None:
            colours = space.from_srgb(unit(colours), unit(native[:, rows]))
        return quantise(colours, depth)

    width, height = picture.size
    return Rows(3, height, width, depth, compute)


def _with_alpha(pixels: Rows, alpha: Tensor) -> Rows:
    """Put alpha, 1 H W, beside the colours."""
    deep = alpha.dtype != torch.uint8
    channels = pixels.channels
    if deep and pixels.depth == 16 and channels == 1:
        channels = 3  # no writer for 16-bit grey with alpha

    def compute(rows: slice) -> Tensor:
        colours, values = pixels.compute(rows), alpha[:, rows]
        if deep and pixels.depth == 8:
            values = to_8_bits(values)
        return torch.cat((colours.expand(channels, -1, -1), values))

    return replace(pixels, channels=channels + 1, compute=compute)


def _is_neutral(pixels: Rows) -> bool:
    """Whether the channels agree within one 8-bit level everywhere."""
    tolerance = 1 if pixels.depth == 8 else 257
    return all(
        int((strip.int().amax(0) - strip.int().amin(0)).max()) <= tolerance
        for _, strip in pixels.strips()
    )


# --- encoders: the file without its metadata, and notes on what its pixels lost ---


@dataclass(frozen=True)
class _Draft:
    """What an encoder is given.

    Attributes:
        picture: What was read.
        pixels: What the file shall hold, in its own colour space.
        options: What the user asks for.
        metadata: Of the output.
    """

    picture: Picture
    pixels: Rows
    options: WriteOptions
    metadata: Metadata

    def kept_settings(self, format: Format) -> dict[str, object]:
        """How the input file was compressed, where it has the same format."""
        encoding = self.picture.encoding
        return dict(encoding.save) if encoding.format == format else {}


def _png(draft: _Draft) -> _Result:
    if draft.pixels.depth == 16 and draft.pixels.channels >= 3:
        return sixteen_bit.write_png(draft.pixels, draft.metadata), ()
    return _by_pillow(image_of(draft.pixels), "png", {}, draft.metadata), ()


def _tiff(draft: _Draft) -> _Result:
    compress = draft.picture.encoding.save.get("compression") != "raw"
    return write_tiff(draft.pixels, draft.metadata, compress=compress), ()


def _gif(draft: _Draft) -> _Result:
    image, notes = gifs.as_palette(image_of(draft.pixels))
    return _by_pillow(image, "gif", {}, draft.metadata), notes


def _bmp(draft: _Draft) -> _Result:
    image = image_of(draft.pixels)
    if image.mode in ("LA", "RGBA"):
        return bmp.encoded(image.convert("RGBA"), draft.metadata.dpi), ()
    return _by_pillow(image, "bmp", {}, draft.metadata), ()


def _jpeg(draft: _Draft) -> _Result:
    settings = _jpeg_settings(draft)
    arguments = {**settings, **encoder_arguments(draft.metadata, "jpeg")}
    notes = _never_exact(draft, settings, "jpeg")
    return jpeg.encoded(image_of(draft.pixels), arguments), notes


def _webp(draft: _Draft) -> _Result:
    image = image_of(draft.pixels)
    settings = _quality_settings(draft, "webp", _LOSSLESS_WEBP)
    data = _by_pillow(image, "webp", settings, draft.metadata)
    exact = draft.options.lossless or settings.get("lossless")
    finer = image.mode in ("RGB", "RGBA") and draft.picture.encoding.chroma != (2, 2)
    if finer and not exact:
        return data, ("colours at half the resolution: lossy WebP holds no more",)
    return data, ()


def _avif(draft: _Draft) -> _Result:
    image = image_of(draft.pixels)
    settings = _quality_settings(draft, "avif", _LOSSLESS_AVIF)
    if image.mode in ("RGB", "RGBA"):
        own = draft.picture.encoding.chroma
        chroma = (1, 1) if settings["quality"] == 100 else own
        settings["subsampling"] = _AVIF_CHROMA[jpeg.subsampling(chroma)]
    data = _by_pillow(image, "avif", settings, draft.metadata)
    if draft.metadata.cicp:
        data = write_nclx(data, draft.metadata.cicp)
    return data, _never_exact(draft, settings, "avif")


def _heic(draft: _Draft) -> _Result:
    own = draft.kept_settings("heic")
    bits, notes = own.get("bits", 8), tuple[str, ...]()
    if draft.pixels.depth == 8:
        bits = 8
    elif not isinstance(bits, int) or bits == 8:
        bits = FORMATS["heic"].bits
        notes += (f"reduced to {bits} bits: {FORMATS['heic'].name} holds no more",)
    options = draft.options
    exact = options.lossless or (own.get("lossless") and options.quality is None)
    metadata, quality = draft.metadata, options.quality or _HEIC_QUALITY
    data = heic.encoded(
        draft.pixels,
        encoder_arguments(metadata, "heic"),
        bits=bits,
        chroma=draft.picture.encoding.chroma if quality < 100 else (1, 1),
        quality=None if exact else quality,
        codes=None if metadata.icc else metadata.cicp or SRGB,
    )
    if draft.pixels.channels in (2, 4) and not exact:
        notes += ("transparency is coded with loss, like the colours",)
    return data, notes


_HEIC_QUALITY = 75  # of libheif: as close to the original as JPEG's 95
_LOSSLESS_WEBP: dict[str, object] = {"lossless": True, "exact": True, "quality": 75}
_LOSSLESS_AVIF: dict[str, object] = {"lossless": True, "quality": 100}
_AVIF_CHROMA = ("4:4:4", "4:2:2", "4:2:0")


_ENCODERS: dict[Format, Callable[[_Draft], _Result]] = {
    "png": _png,
    "jpeg": _jpeg,
    "webp": _webp,
    "tiff": _tiff,
    "bmp": _bmp,
    "heic": _heic,
    "avif": _avif,
    "gif": _gif,
}


# Compression: as the user asks, else as in the input file, else a high default. Where
# the format allows, colours are never coarser than in the input.


def _quality_settings(
    draft: _Draft, format: Format, lossless: dict[str, object]
) -> dict[str, object]:
    """Settings of a format with a quality and a lossless form."""
    options, settings = draft.options, draft.kept_settings(format)
    own = settings.get("quality")
    least = max(90, own) if isinstance(own, int) else 90
    settings["quality"] = options.quality or least
    if options.lossless or (settings.get("lossless") and options.quality is None):
        return {**settings, **lossless}
    settings.pop("lossless", None)
    return settings


def _jpeg_settings(draft: _Draft) -> dict[str, object]:
    encoding, quality = draft.picture.encoding, draft.options.quality
    settings = draft.kept_settings("jpeg")
    tables = settings.get("qtables")
    if quality is not None:
        settings.pop("qtables", None)
        chroma = (1, 1) if quality >= 90 else encoding.chroma
        settings.update(quality=quality, subsampling=jpeg.subsampling(chroma))
    elif not isinstance(tables, list):
        settings.update(quality=95, subsampling=0)
    elif encoding.grey:  # its file has no table for colour: use the first one
        settings.update(qtables=tables[:1], subsampling=0)
    return {**settings, "optimize": True}


def _never_exact(
    draft: _Draft, settings: dict[str, object], format: Format
) -> tuple[str, ...]:
    """What a format that always loses says where no loss was asked for or read."""
    if draft.options.lossless or settings.get("lossless"):
        return (f"{FORMATS[format].name} has no lossless form here",)
    return ()


def _by_pillow(
    image: Image.Image, format: Format, settings: dict[str, object], metadata: Metadata
) -> bytes:
    arguments = {**settings, **encoder_arguments(metadata, format)}
    out = io.BytesIO()
    image.save(out, FORMATS[format].pillow, **arguments)
    return out.getvalue()
