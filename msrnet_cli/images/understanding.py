"""Pixels and what a file claims about them to a Picture: in sRGB, alpha apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from PIL import Image, TiffImagePlugin

from msrnet_cli.errors import PictureError
from msrnet_cli.images.colour.claims import UNUSABLE_PROFILE
from msrnet_cli.images.colour.lcms import through_lcms
from msrnet_cli.images.colour.meaning import converted_by, meaning_of_claims
from msrnet_cli.images.colour.ycbcr import rgb_from_ycbcr
from msrnet_cli.images.metadata.record import as_srgb
from msrnet_cli.images.picture import Picture
from msrnet_cli.images.pixels import native_16, rows_of, strip_of, unit
from msrnet_cli.images.rows import Rows

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.images.colour.claims import Claim
    from msrnet_cli.images.colour.hdr import HighRange
    from msrnet_cli.images.colour.spaces import ColourSpace
    from msrnet_cli.images.metadata.record import Metadata
    from msrnet_cli.images.picture import Encoding

_WHITE_IS_ZERO = 0


def understood(
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
    encoding = replace(encoding, mode=mode)
    return pictured(samples, grey, encoding, metadata, claims, notes)


def pictured(
    samples: Rows,
    grey: bool,
    encoding: Encoding,
    metadata: Metadata,
    claims: tuple[Claim, ...],
    notes: tuple[str, ...],
) -> Picture:
    """Upright pixels of known colours as a picture; arguments as `understood`."""
    meaning = meaning_of_claims(samples, grey, metadata, claims)
    pixels = _srgb(meaning.samples, meaning.space)
    return Picture(
        # A result of 16 bits must not be computed in 8.
        pixels=unit(pixels) if samples.depth == 16 else pixels,
        alpha=_alpha(samples),
        native=_native(meaning.samples) if meaning.kept else None,
        space=meaning.kept,
        encoding=replace(encoding, depth=samples.depth, grey=grey),
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
