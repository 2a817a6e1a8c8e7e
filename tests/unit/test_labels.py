"""Labels of colours: what a file says its numbers mean, and what its copy says.

Files are made and read here by hand, and their numbers turned into colours by formulas
of the standards, so that nothing under test is its own judge.
"""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from PIL.ExifTags import IFD, Base

from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.images.colour.codes import meaning_of
from msrnet_cli.images.colour.hdr import hlg_scene_light, pq_light
from msrnet_cli.images.colour.heif import read_nclx, write_nclx
from msrnet_cli.images.metadata.record import Metadata
from msrnet_cli.images.pixels import rows_of
from msrnet_cli.images.tiff import write_tiff
from test_colour import profile

FORMATS = ("png", "jpeg", "webp", "tiff", "bmp", "avif", "gif")
LABELLED = ("png", "jpeg", "webp", "tiff", "avif")
EXACT = {
    "webp": {"lossless": True, "exact": True},
    "avif": {"quality": 100, "subsampling": "4:4:4"},
    "jpeg": {"quality": 100, "subsampling": 0},
}
LOSSY = ("jpeg", "avif")  # also at the best quality

# ITU-T H.273 table 2, and Adobe RGB (1998) 4.3.1.1.
PRIMARIES = {
    1: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    "adobe": (0.64, 0.33, 0.21, 0.71, 0.15, 0.06),
}


def srgb_light(v):
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def srgb_value(x):
    x = np.clip(x, 0, 1)
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)


def bt709_light(v):
    return np.where(v < 0.0812429, v / 4.5, ((v + 0.0992968) / 1.0992968) ** (1 / 0.45))


def power(gamma):
    return lambda v: v**gamma


CURVES = {1: bt709_light, 4: power(2.2), 8: power(1.0), 13: srgb_light, 14: bt709_light}


def to_xyz(primaries):
    """RGB to XYZ for D65 white: each column scaled so that the sum is white."""
    columns = np.array(
        [
            [x, y, 1 - x - y]
            for x, y in zip(primaries[::2], primaries[1::2], strict=True)
        ]
    ).T
    white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
    return columns @ np.diag(np.linalg.inv(columns) @ white)


def colours(values, primaries, light):
    """Numbers, ... 3 in [0, 1], to sRGB by the formulas."""
    matrix = np.linalg.inv(to_xyz(PRIMARIES[1])) @ to_xyz(PRIMARIES[primaries])
    return srgb_value(light(values) @ matrix.T)


def swatches(step=64, size=4):
    """Flat blocks of colours over the inside of a space, 8 bits."""
    levels = range(32, 256, step)
    every = [(r, g, b) for r in levels for g in levels for b in levels]
    image = Image.new("RGB", (size * len(every), size))
    for index, colour in enumerate(every):
        image.paste(colour, (size * index, 0, size * (index + 1), size))
    return image


def array(image):
    mode = "RGB" if image.mode not in ("L", "RGB") else image.mode
    flat = np.frombuffer(image.convert(mode).tobytes(), np.uint8) / 255
    return np.repeat(flat, 3).reshape(-1, 3) if mode == "L" else flat.reshape(-1, 3)


def encoded(image, format, **settings):
    out = io.BytesIO()
    image.save(out, format.upper(), **{**EXACT.get(format, {}), **settings})
    return out.getvalue()


def chunk(name, content):
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def png(image, *chunks):
    data = encoded(image, "png")
    return data[:33] + b"".join(chunks) + data[33:]


def cicp(primaries, transfer, full=1):
    return chunk(b"cICP", bytes((primaries, transfer, 0, full)))


def iccp(icc):
    return chunk(b"iCCP", b"x\0\0" + zlib.compress(icc))


def gama(value):
    return chunk(b"gAMA", struct.pack(">I", round(value * 100000)))


def chrm(primaries, white=(0.3127, 0.3290)):
    numbers = (round(v * 100000) for v in (*white, *primaries))
    return chunk(b"cHRM", struct.pack(">8I", *numbers))


def chunks_of(data):
    found, place = {}, 8
    while place < len(data):
        (size,) = struct.unpack_from(">I", data, place)
        found.setdefault(
            data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        )
        place += size + 12
    return found


def seen_by_profile(values, icc):
    """Numbers to sRGB by a profile of one parametric curve and a matrix (ICC.1)."""
    (count,) = struct.unpack_from(">I", icc, 128)
    tags = {}
    for i in range(count):
        name, start, size = struct.unpack_from(">4sII", icc, 132 + 12 * i)
        tags[name] = icc[start : start + size]
    (kind,) = struct.unpack_from(">H", tags[b"rTRC"], 8)
    p = struct.unpack_from(f">{1 if kind == 0 else 5}i", tags[b"rTRC"], 12)
    g, a, b, c, d = (v / 65536 for v in (p if kind else (*p, 65536, 0, 0, 0)))
    light = np.where(values >= d, np.maximum(a * values + b, 0) ** g, c * values)
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    columns = [struct.unpack_from(">3i", tags[n], 8) for n in names]
    theirs = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).profile
    srgb = [getattr(theirs, f"{c}_colorant")[0] for c in ("red", "green", "blue")]
    matrix = np.linalg.inv(np.array(srgb).T) @ (np.array(columns).T / 65536)
    return srgb_value(light @ matrix.T)


def seen(data, by="first"):
    """The colours of a file, as a viewer that reads its label would show them."""
    image = Image.open(io.BytesIO(data))
    codes = chunks_of(data).get(b"cICP") if image.format == "PNG" else None
    if image.format == "AVIF" and by == "codes":
        place = data.index(b"colrnclx") + 8
        codes = struct.unpack_from(">HH", data, place)
    values = array(image)
    if codes is not None and by != "profile":
        return colours(values, codes[0], CURVES[codes[1]])
    icc = image.info.get("icc_profile")
    return values if icc is None else seen_by_profile(values, icc)


def relit(data, format=None, network=lambda pixels: pixels, **options):
    picture = images.read(data)
    out, notes = images.write(
        picture, network(picture.rgb), WriteOptions(format=format, **options)
    )
    return out, (*picture.notes, *notes)


def levels(a, b):
    return np.abs(a - b).max() * 255


def apart(data, expected, format):
    """How far the colours of a file are off, in levels: at worst, or on average where
    its compression itself costs more than one level here and there."""
    gaps = np.abs(seen(data) - expected) * 255
    return gaps.mean() if format in LOSSY else gaps.max()


CODES = [(12, 13), (9, 13), (12, 1), (9, 14), (12, 4), (5, 13), (1, 8), (9, 8)]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("codes", CODES)
def test_code_points_mean_the_same_colours_in_every_format(codes, format):
    data = png(swatches(), cicp(*codes))
    expected = colours(array(swatches()), codes[0], CURVES[codes[1]])
    how = {"quality": 100} if format == "jpeg" else {"lossless": True}
    out, notes = relit(data, format, **how)
    assert apart(out, expected, format) <= 1
    assert (format in LABELLED) == ("icc_profile" in Image.open(io.BytesIO(out)).info)
    assert (format not in LABELLED) == any(
        "converted to sRGB" in note for note in notes
    )


@pytest.mark.parametrize("codes", CODES)
def test_code_points_and_profile_of_an_output_agree(codes):
    data = png(swatches(), cicp(*codes))
    for format in ("png", "avif"):
        out, _ = relit(data, format, lossless=True)
        by_codes, by_profile = seen(out, "codes"), seen(out, "profile")
        assert levels(by_codes, by_profile) <= 1
        assert read_nclx(out) == codes if format == "avif" else True
    assert chunks_of(relit(data)[0])[b"cICP"] == bytes((*codes, 0, 1))


@pytest.mark.parametrize("codes", CODES)
def test_the_profile_of_code_points_is_one_for_littlecms_too(codes):
    icc = meaning_of(*codes).profile
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    target = ImageCms.createProfile("sRGB")
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    theirs = ImageCms.profileToProfile(swatches(), source, target, intent)
    expected = colours(array(swatches()), codes[0], CURVES[codes[1]])
    assert levels(array(theirs), expected) <= 2.5


@pytest.mark.parametrize("codes", [(12, 13), (9, 14), (9, 13)])
@pytest.mark.parametrize("format", ["avif", "png", "tiff", "gif"])
def test_the_code_points_of_an_avif_are_honoured(codes, format):
    data = write_nclx(encoded(swatches(), "avif"), codes)
    expected = colours(array(Image.open(io.BytesIO(data))), codes[0], CURVES[codes[1]])
    out, _ = relit(data, format, lossless=True)
    assert apart(out, expected, format) <= 1


def test_a_profile_in_the_text_of_a_png_counts():
    icc = profile("P3", "srgb")
    raw = b"\nicc\n%8d\n%s\n" % (len(icc), icc.hex().encode())
    text = chunk(b"zTXt", b"Raw profile type icc\0\0" + zlib.compress(raw))
    plain = encoded(swatches(), "png")
    said, beside = plain[:33] + text + plain[33:], plain[:33] + iccp(icc) + plain[33:]
    assert torch.equal(images.read(said).rgb, images.read(beside).rgb)
    out, _ = relit(said)
    assert Image.open(io.BytesIO(out)).info["icc_profile"] == icc


def test_a_profile_in_an_avif_comes_before_its_code_points():
    icc = profile("P3", "srgb")
    data = write_nclx(encoded(swatches(), "avif", icc_profile=icc), (9, 14))
    out, _ = relit(data)
    assert Image.open(io.BytesIO(out)).info["icc_profile"] == icc
    assert read_nclx(out) == (2, 2)
    assert torch.equal(images.read(data).rgb, images.read(write_nclx(data, (2, 2))).rgb)


def test_an_avif_whose_profile_and_code_points_agree_keeps_both():
    icc = profile("P3", "srgb")
    data = write_nclx(encoded(swatches(), "avif", icc_profile=icc), (12, 13))
    out, _ = relit(data)
    assert Image.open(io.BytesIO(out)).info["icc_profile"] == icc
    assert read_nclx(out) == (12, 13)


@pytest.mark.parametrize("codes", [(2, 2), (2, 13), (1, 2)])
def test_what_is_unspecified_is_srgb(codes):
    out, notes = relit(png(swatches(), cicp(*codes)))
    assert levels(array(swatches()), seen(out)) < 0.01
    assert not notes


@pytest.mark.parametrize("matrix", ["alpha", "mono"])
def test_grey_and_transparent_avifs_are_read_by_their_code_points(matrix):
    image = Image.linear_gradient("L").resize((64, 64))
    if matrix == "alpha":
        image = Image.merge("RGBA", (image,) * 4)
    data = write_nclx(encoded(image, "avif"), (9, 8))
    rgb = images.read(data).rgb.permute(1, 2, 0).reshape(-1, 3).numpy()
    values = array(Image.open(io.BytesIO(data)))
    assert levels(rgb, colours(values, 9, power(1))) <= 1
    assert (images.read(data).alpha is None) == (matrix == "mono")


RANKED = [
    cicp(12, 13),
    iccp(profile("Rec2020", "srgb")),
    chunk(b"sRGB", b"\0"),
    gama(1.0),
]


@pytest.mark.parametrize("rank", range(4))
def test_of_several_chunks_the_first_in_rank_counts(rank):
    alone = images.read(png(swatches(), RANKED[rank])).rgb
    together = images.read(png(swatches(), *reversed(RANKED[rank:]))).rgb
    assert torch.equal(alone, together)


def test_ranks_of_chunks_give_different_pictures():
    pictures = [images.read(png(swatches(), one)).rgb for one in RANKED]
    for i, one in enumerate(pictures):
        assert all((one - other).abs().max() > 0.01 for other in pictures[:i])


def test_a_profile_that_agrees_with_the_code_points_stays_as_it_is():
    icc = meaning_of(12, 13).profile.replace(b"\0D\0i\0s\0p", b"\0M\0i\0s\0p")
    out, _ = relit(png(swatches(), cicp(12, 13), iccp(icc)))
    assert zlib.decompress(chunks_of(out)[b"iCCP"].partition(b"\0")[2][1:]) == icc
    out, _ = relit(png(swatches(), cicp(1, 13), iccp(icc)))
    assert b"iCCP" not in chunks_of(out)
    assert chunks_of(out)[b"cICP"] == bytes((1, 13, 0, 1))


def test_code_points_of_narrow_range_are_spread():
    narrow = swatches().point(lambda v: round(16 + v * 219 / 255))
    wide = images.read(png(swatches(), cicp(12, 13))).rgb
    out = relit(png(narrow, cicp(12, 13, full=0)))[0]
    assert (images.read(out).rgb - wide).abs().max() < 3 / 255
    assert chunks_of(out)[b"cICP"][3] == 1


def exif_of(space=None, rule=None):
    exif = Image.Exif()
    details = {} if space is None else {Base.ColorSpace: space}
    if rule:
        details[IFD.Interop] = {1: rule}
    exif[IFD.Exif] = details
    return exif


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif", "tiff"])
@pytest.mark.parametrize(("space", "rule"), [(65535, "R03"), (2, None), (None, "R03")])
def test_adobe_rgb_named_in_exif_is_honoured_in_every_format(format, space, rule):
    exif = exif_of(space, rule).tobytes()
    if format == "tiff":  # Pillow's writer loses the rule
        data = write_tiff(rows_of(swatches()), Metadata(exif=exif))
    else:
        data = encoded(swatches(), format, exif=exif)
    values = array(Image.open(io.BytesIO(data)))
    expected = colours(values, "adobe", power(563 / 256))
    for target in (format, "png", "bmp"):
        out, notes = relit(data, target, lossless=True)
        assert apart(out, expected, target) <= 1
        assert any("Adobe RGB" in note for note in notes)


@pytest.mark.parametrize(("space", "rule"), [(1, "R98"), (1, "R03"), (65535, None)])
def test_other_exif_leaves_colours_alone(space, rule):
    data = encoded(swatches(), "png", exif=exif_of(space, rule))
    assert levels(array(swatches()), seen(relit(data)[0])) == 0


def test_chunks_of_a_png_come_before_its_exif():
    data = encoded(swatches(), "png", exif=exif_of(2))
    labelled = data[:33] + chunk(b"sRGB", b"\0") + data[33:]
    assert levels(array(swatches()), seen(relit(labelled)[0])) == 0


@pytest.mark.parametrize("encoding", [1.0, 1 / 1.8, 0.5, 1 / 2.2223])
@pytest.mark.parametrize("primaries", [None, "adobe", 12])
def test_gamma_and_chromaticities_mean_what_they_say(encoding, primaries):
    parts = [gama(encoding)] + ([chrm(PRIMARIES[primaries])] if primaries else [])
    exact = round(encoding * 100000) / 100000
    expected = colours(array(swatches()), primaries or 1, power(1 / exact))
    assert levels(seen(relit(png(swatches(), *parts))[0]), expected) <= 1


def test_chromaticities_alone_have_the_curve_of_srgb():
    expected = colours(array(swatches()), 12, srgb_light)
    out, _ = relit(png(swatches(), chrm(PRIMARIES[12])))
    assert levels(seen(out), expected) <= 1


def test_the_numbers_that_writers_give_for_srgb_change_nothing():
    data = png(swatches(), gama(0.45455), chrm(PRIMARIES[1]))
    out, notes = relit(data)
    assert levels(array(swatches()), seen(out)) == 0
    assert not notes


@pytest.mark.parametrize("primaries", [1, 12])
def test_a_white_that_is_not_daylight_stays_white(primaries):
    grey = Image.linear_gradient("L").convert("RGB")
    data = png(grey, gama(0.45455), chrm(PRIMARIES[primaries], white=(0.3457, 0.3585)))
    rgb = images.read(data).rgb
    assert (rgb - rgb.mean(0)).abs().max() < 1e-3
    assert rgb.max() > 0.999


ABSURD = {
    "no chromaticities": chunk(b"cHRM", bytes(32)),
    "short chromaticities": chunk(b"cHRM", bytes(5)),
    "one colour": chrm((0.3, 0.3) * 3),
    "white outside": chrm((0.64, 0.33, 0.3, 0.6, 0.5, 0.4)),
    "gamma of next to nothing": gama(0.00001),
    "gamma of nothing": gama(0),
    "gamma of a thousand": gama(1000),
    "short gamma": chunk(b"gAMA", b"\0"),
    "reserved primaries": cicp(200, 13),
    "reserved transfer": cicp(12, 99),
    "codes with a matrix": chunk(b"cICP", bytes((9, 16, 9, 1))),
    "short codes": chunk(b"cICP", bytes(2)),
    "profile of junk": iccp(b"junk" * 40),
    "profile cut": chunk(b"iCCP", b"x\0\0" + zlib.compress(profile())[:90]),
    "unknown compression": chunk(b"iCCP", b"x\0\7" + zlib.compress(profile())),
    "profile without a name": chunk(b"iCCP", b"x"),
    "grey profile": iccp(profile(curve="srgb", space=b"GRAY")),
    "wrong checksum": cicp(12, 13)[:-1] + b"?",
}


@pytest.mark.parametrize("label", ABSURD)
def test_an_absurd_label_costs_a_note_and_not_the_picture(label):
    out, notes = relit(png(swatches(), ABSURD[label]))
    assert levels(array(swatches()), seen(out)) == 0
    assert any("left out" in note for note in notes)
    assert {b"cICP", b"iCCP", b"gAMA", b"cHRM"}.isdisjoint(chunks_of(out))


@pytest.mark.parametrize("label", ["reserved primaries", "profile of junk"])
def test_below_an_absurd_label_the_next_one_counts(label):
    expected = colours(array(swatches()), 1, power(1))
    out, notes = relit(png(swatches(), ABSURD[label], gama(1.0)))
    assert levels(seen(out), expected) <= 1
    assert any("left out" in note for note in notes)


@pytest.mark.parametrize("columns", [(0, 0, 0), (0.0001, 0.0001, 0.0001)])
@pytest.mark.parametrize("format", ["png", "jpeg", "tiff", "webp", "avif"])
def test_a_profile_that_would_make_all_black_is_left_out(columns, format):
    icc = bytearray(profile())
    (count,) = struct.unpack_from(">I", icc, 128)
    for i in range(count):
        name, start, _ = struct.unpack_from(">4sII", icc, 132 + 12 * i)
        if name in (b"rXYZ", b"gXYZ", b"bXYZ"):
            fixed = (round(v * 65536) for v in columns)
            struct.pack_into(">3i", icc, start + 8, *fixed)
    data = encoded(swatches(), format, icc_profile=bytes(icc))
    plain = array(Image.open(io.BytesIO(data)))
    out, notes = relit(data, "png")
    assert levels(seen(out), plain) == 0
    assert any("profile" in note for note in notes)


def piece(content):
    return b"\xff\xe2" + struct.pack(">H", len(content) + 2) + content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\1",
        b"\1\1",
        b"\1\1junk",
        b"\0\0" + profile(),
        b"\1\2" + profile(),
        b"\2\1" + profile(),
    ],
)
def test_a_damaged_profile_in_a_jpeg_costs_a_note_and_not_the_picture(content):
    data = encoded(swatches(), "jpeg")
    labelled = data[:2] + piece(b"ICC_PROFILE\0" + content) + data[2:]
    out, notes = relit(labelled, "png")
    assert levels(seen(out), array(Image.open(io.BytesIO(data)))) == 0
    assert len(notes) == 1
    assert "profile" in notes[0]


def test_a_profile_anywhere_in_a_jpeg_is_honoured():
    icc, data = profile("P3", "srgb"), encoded(swatches(), "jpeg")
    scan = data.index(b"\xff\xda")
    half = len(icc) // 2
    pieces = [
        piece(b"ICC_PROFILE\0\2\2" + icc[half:]),
        piece(b"ICC_PROFILE\0\1\2" + icc[:half]),
    ]
    for labelled in (
        data[:scan] + b"".join(pieces) + data[scan:],
        data[:2] + pieces[0] + data[2:scan] + b"\xff" + pieces[1] + data[scan:],
    ):
        out, notes = relit(labelled)
        assert Image.open(io.BytesIO(out)).info["icc_profile"] == icc
        assert not notes


def tiff(image, *tags):
    """A TIFF of RGB or grey with further tags: number, type (3 or 5), values."""
    depth = len(image.getbands())
    base = [(256, 3, [image.width]), (257, 3, [image.height]), (259, 3, [1])]
    base += [(258, 3, [8] * depth), (262, 3, [2 if depth == 3 else 1])]
    base += [(277, 3, [depth]), (278, 3, [image.height])]
    base += [(279, 4, [len(image.tobytes())]), (273, 4, [0]), *tags]
    merged = {tag: (tag, kind, values) for tag, kind, values in base}
    entries, body, start = b"", b"", 14 + 12 * len(merged)
    packed = []
    for tag, kind, values in sorted(merged.values()):
        if kind == 5:
            flat = [part for v in values for part in (round(v * 10**5), 10**5)]
            raw = struct.pack(f"<{len(flat)}I", *flat)
        else:
            raw = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        packed.append((tag, kind, len(values), raw))
    total = sum(len(raw) for *_, raw in packed if len(raw) > 4)
    for tag, kind, count, raw in packed:
        content = struct.pack("<I", start + total) if tag == 273 else raw
        if len(content) > 4:
            content, body = struct.pack("<I", start + len(body)), body + raw
        entries += struct.pack("<HHI", tag, kind, count) + content.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<IH", 8, len(merged))
    return head + entries + bytes(4) + body + image.tobytes()


WHITE = (318, 5, [0.3127, 0.3290])


def table(gamma):
    return [round((i / 255) ** gamma * 65535) for i in range(256)]


def test_tags_of_a_tiff_that_describe_colours_are_honoured():
    image = swatches()
    tags = [WHITE, (319, 5, PRIMARIES["adobe"]), (301, 3, table(1.8) * 3)]
    for given, light in ((tags, power(1.8)), (tags[:2], power(2.2))):
        out, _ = relit(tiff(image, *given))
        assert levels(seen(out), colours(array(image), "adobe", light)) <= 1
        assert not {301, 318, 319} & set(Image.open(io.BytesIO(out)).tag_v2)
    out, _ = relit(tiff(image, (301, 3, table(1.8))))
    assert levels(seen(out), colours(array(image), 1, power(1.8))) <= 1


def test_tags_of_a_tiff_that_are_absurd_or_say_srgb_change_nothing():
    for tags in (
        [WHITE, (319, 5, PRIMARIES[1])],
        [WHITE, (319, 5, [0.0] * 6)],
        [(318, 5, [0.0]), (319, 5, [0.1] * 6)],
        [(301, 3, [0] * 768)],
        [(301, 3, [7])],
    ):
        out, notes = relit(tiff(swatches(), *tags))
        assert levels(array(swatches()), seen(out)) == 0
        assert len(notes) == (0 if tags[-1][2] == PRIMARIES[1] else 1)


def test_a_profile_in_a_ycbcr_tiff_is_kept():
    icc = profile("P3", "srgb")
    data = encoded(swatches().convert("YCbCr"), "tiff", icc_profile=icc)
    out, _ = relit(data)
    assert Image.open(io.BytesIO(out)).info["icc_profile"] == icc


def test_a_tiff_of_another_video_matrix_and_range_becomes_the_same_rgb():
    red, green, blue = 0.2126, 0.7152, 0.0722
    rgb = array(swatches())
    y = rgb @ (red, green, blue)
    cb, cr = (rgb[:, 2] - y) / (2 - 2 * blue), (rgb[:, 0] - y) / (2 - 2 * red)
    coded = np.stack((16 + 219 * y, 128 + 224 * cb, 128 + 224 * cr), 1)
    image = Image.frombytes(
        "RGB", swatches().size, coded.round().astype(np.uint8).tobytes()
    )
    tags = [(262, 3, [6]), (530, 3, [1, 1]), (529, 5, [red, green, blue])]
    tags.append((532, 5, [16, 235, 128, 240, 128, 240]))
    out, _ = relit(tiff(image, *tags))
    assert levels(seen(out), rgb) <= 3  # 219 steps are coarser than 255


def bmp(image, kind=bytes(4), ends=(0.0,) * 9, gammas=(0.0,) * 3, icc=b""):
    """A BMP with a header of version 5."""
    rows = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGR")
    width, height = image.size
    header = struct.pack(
        "<IiiHHIIiiII", 124, width, height, 1, 24, 0, len(rows), 0, 0, 0, 0
    )
    header += bytes(16) + kind
    header += struct.pack("<9i", *(round(v * (1 << 30)) for v in ends))
    header += struct.pack("<3I", *(round(v * 65536) for v in gammas))
    header += struct.pack("<4I", 4, 124 + len(rows), len(icc), 0)
    size = 14 + 124 + len(rows) + len(icc)
    return b"BM" + struct.pack("<IHHI", size, 0, 0, 138) + header + rows + icc


def test_a_profile_in_a_bmp_is_honoured_and_goes_along():
    image, icc = swatches(), meaning_of(12, 13).profile
    data = bmp(image, b"DEBM", icc=icc)
    expected = colours(array(image), 12, srgb_light)
    for target in ("bmp", "png", "gif"):
        out, notes = relit(data, target)
        assert levels(seen(out), expected) <= 1
        assert any("converted" in note for note in notes) == (target != "png")


def test_calibrated_colours_of_a_bmp_are_honoured():
    image, matrix = swatches(), to_xyz(PRIMARIES[12])
    data = bmp(image, ends=matrix.T.flatten(), gammas=(1.8,) * 3)
    out, _ = relit(data)
    assert levels(seen(out), colours(array(image), 12, power(1.8))) <= 1


@pytest.mark.parametrize(
    ("settings", "notes"),
    [
        ({}, 0),
        ({"kind": b"BGRs", "gammas": (9.0,) * 3}, 0),
        ({"kind": b" niW"}, 0),
        ({"kind": b"KNIL", "icc": b"C:\\display.icc\0"}, 1),
        ({"kind": b"DEBM", "icc": b"junk" * 50}, 1),
        ({"gammas": (0.0, 0.0, 99.0)}, 2),
        ({"gammas": (2.2,) * 3, "ends": to_xyz(PRIMARIES[1]).T.flatten()}, 0),
    ],
)
def test_other_headers_of_a_bmp_change_nothing(settings, notes):
    out, given = relit(bmp(swatches(), **settings))
    assert levels(array(swatches()), seen(out)) == 0
    assert len(given) == notes


def test_a_profile_in_a_gif_is_honoured():
    image, icc = swatches(), meaning_of(12, 13).profile
    data = encoded(image, "gif")
    pieces = [icc[i : i + 255] for i in range(0, len(icc), 255)]
    blocks = b"".join(bytes([len(piece)]) + piece for piece in pieces)
    extension = b"\x21\xff\x0bICCRGBG1012" + blocks + b"\0"
    place = data.index(b"\x2c\0\0\0\0")
    labelled = data[:place] + extension + data[place:]
    expected = colours(array(Image.open(io.BytesIO(data))), 12, srgb_light)
    assert levels(seen(relit(labelled)[0]), expected) <= 1
    assert levels(seen(relit(labelled, "png")[0]), expected) <= 1


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "I;16"])
def test_every_kind_of_png_keeps_its_colours_under_a_label(mode):
    shades = Image.linear_gradient("L").resize((64, 8))
    image = swatches().quantize(64) if mode == "P" else shades
    if mode == "I;16":
        image = Image.frombytes("I;16", (64, 8), bytes(range(256)) * 4)
    elif mode != "P":
        image = image.convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(shades)
    out, _ = relit(png(image, cicp(9, 8)))
    back = Image.open(io.BytesIO(out))
    if mode in ("LA", "RGBA"):
        assert back.getchannel("A").tobytes() == shades.tobytes()
    if mode == "I;16":
        codes = np.frombuffer(image.tobytes(), "<u2") / 65535
        got = np.frombuffer(back.tobytes(), "<u2") / 65535
        assert np.abs(got - srgb_value(codes)).max() < 1e-4
        return
    expected = colours(array(image.convert("RGB")), 9, power(1))
    assert levels(seen(out), expected) <= 1


def test_sixteen_bits_under_code_points_stay_as_they_are():
    generator = torch.Generator().manual_seed(1)
    deep = torch.randint(65536, (8, 8, 3), generator=generator).numpy().astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    data = b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    )
    data += cicp(9, 14) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    out, _ = relit(data)
    assert chunks_of(out)[b"cICP"] == bytes((9, 14, 0, 1))
    picture = images.read(out)
    assert picture.encoding.depth == 16
    before = images.read(data).native.int()
    assert (picture.native.int() - before).abs().max() <= 2


def test_a_table_profile_for_sixteen_bit_grey_does_not_clip_it():
    icc = profile(curve="srgb", space=b"GRAY").replace(b"XYZ \0", b"Lab \0", 1)
    levels_16 = struct.pack("<512H", *range(0, 65536, 128))
    out = io.BytesIO()
    Image.frombytes("I;16", (32, 16), levels_16).save(out, "TIFF", icc_profile=icc)
    rgb = images.read(out.getvalue()).rgb
    assert rgb.mean() < 0.8
    assert len(rgb.unique()) > 100


# BT.2100: the luminance of PQ signals, BT.2408 table 1 and SMPTE ST 2084.
PQ_LEVELS = {0.0: 0, 0.5081: 100, 0.5807: 203, 0.7518: 1000, 0.9026: 4000, 1.0: 10000}


def test_pq_and_hlg_have_the_light_of_the_standard():
    for signal, luminance in PQ_LEVELS.items():
        assert pq_light(torch.tensor(signal)).item() == pytest.approx(
            luminance, rel=2e-3, abs=1e-6
        )
    for signal, light in {0: 0, 0.5: 1 / 12, 0.75: 0.26496, 1: 1}.items():
        assert hlg_scene_light(torch.tensor(float(signal))).item() == pytest.approx(
            light, rel=1e-4, abs=1e-7
        )
    white = meaning_of(9, 18).space.light(torch.full((3, 1, 1), 0.75))
    assert white.max().item() * 203 == pytest.approx(203, abs=1)


def pq_signal(luminance):
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    y = np.clip(luminance / 10000, 0, 1) ** m1
    return ((c1 + c2 * y) / (1 + c3 * y)) ** m2


def hlg_signal(light):
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    bright = np.maximum(12 * light - b, 1e-9)
    return np.where(light <= 1 / 12, np.sqrt(3 * light), a * np.log(bright) + c)


def hdr_codes_of(rgb, primaries, transfer):
    """SRGB colours as an HDR picture of which they are the part without highlights."""
    matrix = np.linalg.inv(to_xyz(PRIMARIES[primaries])) @ to_xyz(PRIMARIES[1])
    nits = np.clip(srgb_light(rgb) @ matrix.T, 0, None) * 203
    if transfer == 16:
        return pq_signal(nits)
    luminance = (nits @ to_xyz(PRIMARIES[primaries])[1])[:, None]
    scene = np.maximum(luminance, 1e-9) ** (1 / 1.2 - 1) * nits * 1000 ** (-1 / 1.2)
    return hlg_signal(scene)


def deep_png(values, *chunks):
    """Colours in [0, 1], n 3, as a PNG of 16 bits, one row."""
    numbers = (np.clip(values, 0, 1) * 65535).round().astype(">u2")
    head = struct.pack(">IIBBBBB", len(values), 1, 16, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" + numbers.tobytes()))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + b"".join(chunks)
        + body
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("transfer", [16, 18])
@pytest.mark.parametrize("primaries", [1, 9, 12])
def test_an_hdr_picture_without_highlights_shows_the_same_in_srgb(primaries, transfer):
    rgb = array(swatches(size=1))
    values = hdr_codes_of(rgb, primaries, transfer)
    out, notes = relit(deep_png(values, cicp(primaries, transfer)))
    assert np.abs(images.read(out).rgb.numpy()[:, 0].T - rgb).max() < 0.5 / 255
    assert any("tone-mapped" in note for note in notes)
    assert b"cICP" not in chunks_of(out)
    assert b"iCCP" not in chunks_of(out)


@pytest.mark.parametrize("transfer", [16, 18])
def test_highlights_get_dimmer_smoothly_and_white_stays_near_white(transfer):
    ramp = np.repeat(np.linspace(0, 1, 1024)[:, None], 3, 1)
    shown = images.read(deep_png(ramp, cicp(9, transfer))).rgb[0, 0]
    assert (shown.diff() >= 0).all()
    assert shown[-1] == pytest.approx(1, abs=1e-3)
    assert shown.diff().max() < 0.02
    white = 0.5807 if transfer == 16 else 0.75
    assert 230 < shown[round(white * 1023)] * 255 < 250
    grey = pq_signal(20.0) if transfer == 16 else None
    if grey is not None:
        expected = srgb_value(20 / 203)
        assert shown[round(grey * 1023)].item() == pytest.approx(expected, abs=5e-3)


def test_highlights_and_wide_colours_keep_their_hue_and_fit():
    values = np.array([[0.9, 0.5, 0.3], [0.0, 0.58, 0.0], [0.3, 0.3, 0.95]])
    rgb = images.read(deep_png(values, cicp(9, 16))).rgb[:, 0].T
    assert rgb[0].argmax() == 0
    assert rgb[1].argmax() == 1
    assert rgb[2].argmax() == 2
    assert rgb[1, 0] < 0.6


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff", "avif"])
def test_a_profile_that_says_pq_is_tone_mapped(format):
    icc = bytearray(meaning_of(9, 14).profile)
    place = icc.index(b"cicp", 132 + 12 * 11)
    icc[place + 9] = 16
    data = encoded(swatches(), format, icc_profile=bytes(icc))
    values = array(Image.open(io.BytesIO(data)))
    direct = png(
        Image.frombytes(
            "RGB", swatches().size, (values * 255).round().astype(np.uint8).tobytes()
        ),
        cicp(9, 16),
    )
    out, notes = relit(data, lossless=True)
    assert any("tone-mapped" in note for note in notes)
    assert "icc_profile" not in Image.open(io.BytesIO(out)).info
    assert (images.read(data).rgb - images.read(direct).rgb).abs().max() < 1e-6


def test_the_older_name_of_pq_in_a_png_counts():
    packed = zlib.compress(profile("Rec2020"))
    named = chunk(b"iCCP", b"ITUR_2100_PQ_FULL\0\0" + packed)
    ours, codes = (images.read(png(swatches(), c)) for c in (named, cicp(9, 16)))
    assert torch.equal(ours.rgb, codes.rgb)
    assert ours.metadata.icc is None


def test_an_hdr_avif_is_tone_mapped_and_says_srgb():
    data = write_nclx(encoded(swatches(), "avif"), (9, 16))
    out, notes = relit(data)
    assert any("tone-mapped from PQ" in note for note in notes)
    assert read_nclx(out) == (1, 13)


def test_a_change_of_light_is_written_under_the_label():
    """Half the light, in the space of the label, not only the unchanged picture."""
    half = lambda rgb: torch.as_tensor(srgb_value(srgb_light(rgb.numpy()) / 2))  # noqa: E731
    inside = Image.new("RGB", (8, 8), (120, 130, 110))
    out, _ = relit(png(inside, cicp(12, 13)), network=half)
    expected = srgb_value(srgb_light(colours(array(inside), 12, srgb_light)) / 2)
    assert levels(seen(out), expected) <= 1


def test_stripping_metadata_leaves_the_labels():
    out, _ = relit(png(swatches(), cicp(12, 13)), strip_metadata=True)
    assert {b"cICP", b"iCCP"} <= set(chunks_of(out))
    out, _ = relit(png(swatches(), cicp(12, 13)), "avif", strip_metadata=True)
    assert read_nclx(out) == (12, 13)


def test_damaged_boxes_never_raise():
    data = write_nclx(encoded(swatches(), "avif"), (12, 13))
    head = data[: data.index(b"mdat")]
    assert read_nclx(head) == (12, 13)
    for place in range(len(head)):
        for value in (0, 0xFF, head[place] ^ 1):
            read_nclx(head[:place] + bytes([value]) + head[place + 1 :])
        read_nclx(head[:place])
