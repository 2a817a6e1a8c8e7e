"""Colour spaces, against littleCMS and by what any colour space must satisfy."""

import io
import struct

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms

from conftest import photo
from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.images.colour.icc import space_from_icc
from msrnet_cli.images.colour.spaces import (
    adobe_rgb,
    linear_from_srgb,
    srgb_from_linear,
)

PRIMARIES = {  # columns of RGB to XYZ under D50, as public profiles hold them
    "P3": (
        (0.5151, 0.2412, -0.0011),
        (0.2920, 0.6922, 0.0419),
        (0.1571, 0.0666, 0.7841),
    ),
    "Rec2020": (
        (0.6734, 0.2790, -0.0019),
        (0.1656, 0.6753, 0.0300),
        (0.1251, 0.0456, 0.7969),
    ),
    "sRGB": (
        (0.4361, 0.2225, 0.0139),
        (0.3851, 0.7169, 0.0971),
        (0.1431, 0.0606, 0.7141),
    ),
}
CURVES = {
    "gamma": b"curv\0\0\0\0\0\0\0\1\2\x33\0\0",  # 2.2
    "linear": b"curv\0\0\0\0\0\0\0\0",
    "table": b"curv\0\0\0\0"
    + struct.pack(
        ">I1024H", 1024, *(round((i / 1023) ** 1.8 * 65535) for i in range(1024))
    ),
    "srgb": b"para\0\0\0\0\0\3\0\0"
    + struct.pack(
        ">5i",
        *(
            round(v * 65536)
            for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
        ),
    ),
}


def fixed(values):
    return struct.pack(">3i", *(round(v * 65536) for v in values))


def profile(primaries="P3", curve="srgb", space=b"RGB "):
    """A small ICC profile, version 4, made of a matrix and one curve."""
    tags = {
        b"desc": b"mluc\0\0\0\0"
        + struct.pack(">IIHHII", 1, 12, 0x656E, 0x5553, 8, 28)
        + "Test".encode("utf-16-be"),
        b"wtpt": b"XYZ \0\0\0\0" + fixed((0.9642, 1, 0.8249)),
    }
    if space == b"GRAY":
        tags[b"kTRC"] = CURVES[curve]
    else:
        for letter, column in zip(b"rgb", PRIMARIES[primaries], strict=True):
            tags[bytes([letter]) + b"XYZ"] = b"XYZ \0\0\0\0" + fixed(column)
            tags[bytes([letter]) + b"TRC"] = CURVES[curve]
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content
    head = bytearray(128)
    head[0:4] = struct.pack(">I", start + len(body))
    head[8:12] = b"\4\0\0\0"
    head[12:24] = b"mntr" + space + b"XYZ "
    head[36:40] = b"acsp"
    head[68:80] = fixed((0.9642, 1, 0.8249))
    return bytes(head) + struct.pack(">I", len(tags)) + table + body


def cube(steps=9):
    axis = torch.linspace(0, 1, steps)
    return torch.cartesian_prod(axis, axis, axis).T.reshape(3, steps * steps, steps)


@pytest.mark.parametrize("primaries", PRIMARIES)
@pytest.mark.parametrize("curve", CURVES)
def test_conversion_agrees_with_littlecms(primaries, curve):
    icc = profile(primaries, curve)
    colours = (cube() * 255).round() / 255
    ours = space_from_icc(icc).into_srgb(colours)
    image = Image.frombytes(
        "RGB",
        (9, 81),
        bytes((colours * 255).round().byte().permute(1, 2, 0).flatten().tolist()),
    )
    theirs = ImageCms.profileToProfile(
        image,
        ImageCms.ImageCmsProfile(io.BytesIO(icc)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    reference = torch.tensor(list(theirs.tobytes())).view(81, 9, 3).permute(2, 0, 1)
    # Its 8-bit path is itself off by a level or two near black.
    assert (ours * 255 - reference).abs().max() <= 2.5
    assert (ours * 255 - reference).abs().mean() < 0.5


@pytest.mark.parametrize("primaries", PRIMARIES)
@pytest.mark.parametrize("curve", CURVES)
def test_there_and_back_is_the_same_even_outside_srgb(primaries, curve):
    space = space_from_icc(profile(primaries, curve))
    native = cube()
    back = space.from_srgb(space.into_srgb(native), native)
    # Near black a table of 16-bit entries is flat, and a power curve so steep that the
    # rounding of a bright channel shows in a black one: a tenth of an 8-bit level.
    tolerance = {"table": 1e-3, "gamma": 4e-4}.get(curve, 2 / 65535)
    assert (back - native).abs().max() < tolerance


def test_a_colour_outside_srgb_is_dimmed_with_its_surroundings():
    space = space_from_icc(profile("Rec2020", "linear"))
    native = torch.tensor([0.1, 0.8, 0.1])[:, None, None].expand(3, 2, 2)
    seen = linear_from_srgb(space.into_srgb(native))
    dimmed = space.from_srgb(srgb_from_linear(seen * 0.5), native)
    assert torch.allclose(dimmed, native * 0.5, atol=2e-3)


def test_srgb_is_recognised_and_others_are_not():
    assert space_from_icc(profile("sRGB", "srgb")).is_srgb()
    assert not space_from_icc(profile("P3", "srgb")).is_srgb()
    assert not space_from_icc(profile("sRGB", "gamma")).is_srgb()
    theirs = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert space_from_icc(theirs).is_srgb()


def test_curves_are_inverses():
    values = torch.linspace(0, 1, 65536)
    assert torch.allclose(srgb_from_linear(linear_from_srgb(values)), values, atol=1e-6)


def test_adobe_rgb_is_wider_than_srgb():
    green = torch.tensor([0.0, 1.0, 0.0])[:, None, None]
    light = torch.einsum("ij,jhw->ihw", adobe_rgb().to_srgb, green)
    assert light[0] < -0.1
    grey = torch.full((3, 1, 1), 0.5)
    assert torch.allclose(
        adobe_rgb().into_srgb(grey)[0], adobe_rgb().into_srgb(grey)[2]
    )


@pytest.mark.parametrize("place", range(0, 600, 7))
def test_a_damaged_profile_never_raises(place):
    icc = bytearray(profile("P3", "srgb"))
    if place < len(icc):
        icc[place] ^= 0xFF
    space_from_icc(bytes(icc))
    space_from_icc(bytes(icc[:place]))


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff", "avif"])
def test_a_p3_picture_keeps_profile_and_pixels(format):
    icc = profile("P3", "srgb")
    image = photo(64, 64)
    out = io.BytesIO()
    settings = {"quality": 100} if format in ("jpeg", "avif") else {}
    settings |= {"lossless": True} if format == "webp" else {}
    image.save(out, format.upper(), icc_profile=icc, **settings)
    picture = images.read(out.getvalue())
    assert picture.space is not None
    data, _ = images.write(picture, picture.rgb, WriteOptions(quality=None))
    back = Image.open(io.BytesIO(data))
    assert back.info["icc_profile"] == icc
    native = Image.open(io.BytesIO(out.getvalue())).convert("RGB")
    gaps = [abs(a - b) for a, b in zip(back.tobytes(), native.tobytes(), strict=True)]
    assert sum(gaps) / len(gaps) < (3 if format in ("jpeg", "avif") else 0.01)


def test_a_profile_of_tables_is_left_to_littlecms():
    icc = bytearray(profile("P3", "srgb"))
    place = icc.index(b"wtpt", 128, 300)
    icc[place : place + 4] = b"A2B0"  # only its presence counts for us
    assert space_from_icc(bytes(icc)) is None


def test_sixteen_bits_through_littlecms_are_relit_in_sixteen():
    """That program converts 8 bits only; what the network makes of them has more."""
    icc = bytearray(profile("P3", "srgb"))
    place = icc.index(b"wtpt", 128, 300)
    icc[place : place + 4] = b"A2B0"
    levels = np.linspace(0, 65535, 3 * 40 * 50).astype(np.uint16).reshape(40, 50, 3)
    out = io.BytesIO()
    tifffile.imwrite(out, levels, photometric="rgb", iccprofile=bytes(icc))
    picture = images.read(out.getvalue())
    assert picture.encoding.depth == 16
    assert picture.pixels.dtype == torch.float32


def test_grey_profiles_are_applied():
    out = io.BytesIO()
    photo(mode="L").save(out, "PNG", icc_profile=profile(curve="linear", space=b"GRAY"))
    picture = images.read(out.getvalue())
    values = torch.tensor(list(photo(mode="L").tobytes())).view(40, 48) / 255
    assert torch.allclose(picture.rgb[0], srgb_from_linear(values), atol=1e-4)
    assert picture.metadata.icc is None


def test_png_gamma_is_applied():
    import zlib

    out = io.BytesIO()
    photo().save(out, "PNG")
    data = out.getvalue()
    chunk = b"gAMA" + struct.pack(">I", 100000)
    gama = struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    plain = images.read(data)
    linear = images.read(data[:33] + gama + data[33:])
    assert torch.allclose(linear.rgb, srgb_from_linear(plain.rgb), atol=1e-3)


def test_adobe_rgb_named_in_exif_is_applied():
    from PIL.ExifTags import IFD, Base

    exif = Image.Exif()
    details = exif.get_ifd(IFD.Exif)
    details[Base.ColorSpace] = 65535
    exif[IFD.Exif] = dict(details) | {IFD.Interop: {1: "R03"}}
    out = io.BytesIO()
    photo().save(out, "JPEG", exif=exif, quality=95)
    plain = io.BytesIO()
    photo().save(plain, "JPEG", quality=95)
    wide, narrow = images.read(out.getvalue()), images.read(plain.getvalue())
    assert torch.allclose(wide.rgb, adobe_rgb().into_srgb(narrow.rgb), atol=1e-4)
    assert any("Adobe RGB" in note for note in wide.notes)
    data, _ = images.write(wide, wide.rgb, WriteOptions())
    tags = Image.open(io.BytesIO(data)).getexif().get_ifd(IFD.Exif)
    assert tags[Base.ColorSpace] == 1


@pytest.mark.parametrize("name", ["P3-sRGB-color-ring", "R2020-sRGB-color-bars"])
def test_real_wide_gamut_charts_come_back(wide_gamut_charts, name):
    data = (wide_gamut_charts / f"{name}.png").read_bytes()
    picture = images.read(data)
    assert picture.space is not None
    out, _ = images.write(picture, picture.rgb, WriteOptions())
    before, after = (Image.open(io.BytesIO(d)).convert("RGB") for d in (data, out))
    gaps = [abs(a - b) for a, b in zip(before.tobytes(), after.tobytes(), strict=True)]
    assert max(gaps) <= 1


def test_a_profile_that_swaps_channels_is_applied(wide_gamut_charts):
    data = (wide_gamut_charts / "rgb-to-gbr-test.png").read_bytes()
    stored = Image.open(io.BytesIO(data)).convert("RGB")
    theirs = ImageCms.profileToProfile(
        stored,
        ImageCms.ImageCmsProfile(
            io.BytesIO(Image.open(io.BytesIO(data)).info["icc_profile"])
        ),
        ImageCms.createProfile("sRGB"),
    )
    reference = torch.frombuffer(bytearray(theirs.tobytes()), dtype=torch.uint8)
    reference = reference.view(stored.height, stored.width, 3).permute(2, 0, 1) / 255
    assert (images.read(data).rgb - reference).abs().mean() < 2 / 255


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_profile_that_cannot_be_used_costs_a_note_not_the_picture(mode):
    out = io.BytesIO()
    image = photo().convert(mode)
    for junk in (b"junk", bytes(200), profile("P3")[:150]):
        out = io.BytesIO()
        image.save(out, "TIFF", icc_profile=junk)
        picture = images.read(out.getvalue())
        assert any("profile" in note for note in picture.notes)
        assert picture.metadata.icc is None
        expected = images.pixels.to_tensor(image.convert("RGB")) / 255
        assert torch.allclose(picture.rgb, expected, atol=1e-6)
