"""Profiles of all other kinds (tables, CMYK, LAB), through littleCMS at 8 bits."""

from __future__ import annotations

import io

from PIL import Image, ImageCms


def through_lcms(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Any image to 8-bit sRGB, through its profile where it has a sound one.

    Args:
        image: CMYK, LAB, RGB or L.
        profile: ICC bytes; None for LAB's own and for plain CMYK.

    Returns:
        An RGB image.

    Raises:
        ImageCms.PyCMSError: The profile is damaged or for another kind of pixel.
        ValueError: It makes black and white one.
    """
    if image.mode != "LAB":
        if profile is None:
            return image.convert("RGB")  # CMYK by its complement
        _require_contrast(image.mode, profile)
    return _converted(image, profile)


def _require_contrast(mode: str, profile: bytes) -> None:
    ends = Image.new(mode, (2, 1))
    ends.putpixel((1, 0), 255 if mode == "L" else (255,) * len(ends.getbands()))
    dark, light = sorted(_converted(ends, profile).convert("L").tobytes())
    if light - dark < 64:
        raise ValueError("the profile makes black and white one")


def _converted(image: Image.Image, profile: bytes | None) -> Image.Image:
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    if image.mode == "LAB":
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    else:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))
    converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    return converted or image.convert("RGB")
