"""HEIC pictures, as phones write them: read, kept, written."""

import io
import struct
import sys

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from conftest import encoded, photo
from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.errors import PictureError
from msrnet_cli.images.colour.heif import read_nclx, read_profile
from msrnet_cli.images.metadata.wording import DEPTH, GAIN_MAP, THUMBNAIL
from test_colour import profile

pillow_heif = pytest.importorskip("pillow_heif", reason="no msrnet[heic]")

EXACT = {"quality": -1, "chroma": 444, "matrix_coefficients": 0, "full_range_flag": 1}
EXACT |= {"color_primaries": 1, "transfer_characteristics": 13}
PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
    b' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
    b' rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="%d"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


def heic(*pictures, primary=0, **settings):
    """A file of pictures, each an image, or mode, array and its own settings."""
    file = pillow_heif.HeifFile()
    for one in pictures:
        if isinstance(one, Image.Image):
            file.add_frombytes(one.mode, one.size, one.tobytes())
            continue
        mode, array, own = one
        added = file.add_frombytes(mode, array.shape[1::-1], array.tobytes())
        added.info.update(own)
    out = io.BytesIO()
    file.save(out, primary_index=primary, **settings)
    return out.getvalue()


def array(picture):
    """A picture of 8 bits as H W 3."""
    return picture.pixels.permute(1, 2, 0).numpy()


def theirs(data):
    """A file as libheif shows it: H W channels, of as many bits as it holds."""
    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    return np.asarray(file)


def relit(data, **options):
    picture = images.read(data)
    return images.write(picture, picture.pixels, WriteOptions(**options))


def deep(bits, channels=3):
    chance = np.random.default_rng(0)
    return chance.integers(0, 1 << bits, (40, 48, channels)).astype("<u2")


def replaced(data, old, new):
    assert data.count(old) == 1
    return data.replace(old, new.ljust(len(old), b"\0"))


# --- known by content -----------------------------------------------------------


@pytest.mark.parametrize(
    ("brands", "format"),
    [
        (b"heic\0\0\0\0mif1heic", "heic"),
        (b"heix\0\0\0\0mif1heix", "heic"),
        (b"mif1\0\0\0\0mif1heic", "heic"),
        (b"hevc\0\0\0\0msf1hevc", "heic"),
        (b"msf1\0\0\0\0msf1hevc", "heic"),
        (b"avif\0\0\0\0mif1avif", "avif"),
        (b"mif1\0\0\0\0mif1avif", "avif"),
        (b"mp42\0\0\0\0isommp42", None),
    ],
)
def test_heic_is_told_by_its_brands(brands, format):
    head = struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands
    assert images.sniff(head.ljust(64, b"\0")) == format


def test_an_avif_that_says_mif1_first_is_an_avif():
    data = encoded(photo(), "avif", speed=10)
    data = data[:8] + b"mif1" + data[12:]
    assert images.read(data).encoding.format == "avif"


# --- pixels ---------------------------------------------------------------------


def test_pixels_are_those_that_were_written():
    picture = images.read(heic(photo(), **EXACT))
    assert np.array_equal(array(picture), np.asarray(photo()))
    assert picture.encoding.depth == 8


@pytest.mark.parametrize("bits", [10, 12])
def test_deep_pixels_are_read_and_written_at_their_depth(bits):
    values = deep(bits)
    data = heic((f"RGB;{bits}", values, {}), bit_depth=bits, **EXACT)
    picture = images.read(data)
    peak = (1 << bits) - 1
    found = (picture.rgb * peak).permute(1, 2, 0)
    assert np.abs(found.numpy() - values).max() < 0.1
    assert picture.encoding.depth == 16  # the network's result is not rounded to 8
    out, notes = images.write(picture, picture.pixels, WriteOptions())
    assert np.array_equal(theirs(out), values)
    assert notes == ()


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("mode", ["L", "LA", "RGBA"])
def test_grey_and_transparency_survive_a_lossless_copy(mode, bits):
    values = deep(bits, len(mode))
    values = values if bits > 8 else values.astype(np.uint8)
    name = mode if bits == 8 else f"{mode};{bits}"
    how = EXACT if mode == "RGBA" else {**EXACT, "matrix_coefficients": 6}
    picture = images.read(heic((name, values, {}), bit_depth=bits, **how))
    out, notes = images.write(picture, picture.pixels, WriteOptions(lossless=True))
    back = images.read(out)
    assert torch.equal(back.pixels, picture.pixels)
    if (mode, bits) != ("LA", 10):  # libheif itself codes that as RGB
        assert picture.encoding.grey == (mode[0] == "L") == back.encoding.grey
    assert notes == ()
    if "A" in mode:
        assert torch.equal(back.alpha, picture.alpha)
        most = 255 if bits == 8 else 65535
        expected = values[..., -1].astype(int) * most / ((1 << bits) - 1)
        assert np.abs(picture.alpha[0].numpy() - expected).max() < 1


def test_colours_multiplied_by_alpha_are_divided_again():
    values = np.zeros((16, 16, 4), np.uint8)
    values[:] = (100, 50, 0, 128)
    picture = images.read(heic(("RGBa", values, {}), **EXACT))
    assert array(picture)[8, 8].tolist() == [199, 100, 0]
    assert set(picture.alpha.flatten().tolist()) == {128}


def test_lossy_transparency_is_said():
    _, notes = relit(heic(photo(mode="RGBA"), quality=80))
    assert "transparency is coded with loss, like the colours" in notes


# --- turned once ----------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turn_that_is_said_twice_is_made_once(orientation):
    """As iPhones do: in the container (irot, imir), and in EXIF."""
    exif = Image.Exif()
    exif[274] = orientation
    data = heic(photo(), exif=exif.tobytes(), **EXACT)
    image = photo()
    image.getexif()[274] = orientation
    picture = images.read(data)
    assert np.array_equal(array(picture), np.asarray(ImageOps.exif_transpose(image)))
    out, _ = images.write(picture, picture.pixels, WriteOptions())
    kept = pillow_heif.open_heif(out).info["exif"]
    assert Image.open(io.BytesIO(_with(kept))).getexif()[274] == 1
    assert images.read(out).size == picture.size


def _with(exif):
    return encoded(photo(), "jpeg", exif=exif)


def test_a_turn_in_exif_alone_is_none():
    exif = Image.Exif()
    exif[271], exif[274] = "Maker", 1
    data = heic(photo(), exif=exif.tobytes(), **EXACT)
    block, exif[274] = exif.tobytes(), 6
    turned = replaced(data, block, exif.tobytes())
    assert np.array_equal(array(images.read(turned)), np.asarray(photo()))


# --- colours --------------------------------------------------------------------


def test_display_p3_of_a_phone_is_honoured_and_kept():
    icc = profile("P3")
    data = heic(photo(), icc_profile=icc, **EXACT)
    same = images.read(encoded(photo(), "png", icc_profile=icc))
    assert torch.equal(images.read(data).rgb, same.rgb)
    out, _ = relit(data, lossless=True)
    assert read_profile(out) == icc
    assert np.array_equal(theirs(out), np.asarray(photo()))


def test_colours_named_by_codes_are_honoured_and_kept():
    data = heic(photo(), **{**EXACT, "color_primaries": 12})
    p3 = images.read(heic(photo(), icc_profile=profile("P3"), **EXACT))
    assert (images.read(data).rgb - p3.rgb).abs().max() < 1e-3
    out, _ = relit(data)
    assert (images.read(out).rgb - p3.rgb).abs().max() < 1e-3
    assert read_nclx(heic(photo())) == (1, 13)


def test_tiles_are_one_picture_with_the_colours_of_a_tile():
    icc, size = profile("P3"), (100, 80)
    image = photo(*size)
    data = heic(image, tile_size=64, icc_profile=icc, quality=-1, chroma=444)
    picture = images.read(data)
    assert images.declared_size(io.BytesIO(data)) == picture.size == size
    assert np.abs(theirs(data).astype(int) - np.asarray(image)).max() <= 3
    assert picture.metadata.icc == icc


# --- what else a file holds ---------------------------------------------------------


def test_the_primary_picture_is_read_with_its_own_metadata():
    first, second = (np.asarray(photo(seed=seed)) for seed in (1, 2))
    own = [{"xmp": PACKET % rating} for rating in (1, 2)]
    data = heic(("RGB", first, own[0]), ("RGB", second, own[1]), primary=1, **EXACT)
    picture = images.read(data)
    assert np.array_equal(array(picture), second)
    assert picture.metadata.xmp == PACKET % 2
    assert "only its primary picture is kept" in picture.notes


def test_metadata_are_kept_byte_for_byte():
    exif = Image.Exif()
    exif[271], exif[315] = "Maker", "Artist"
    data = heic(photo(), exif=exif.tobytes(), xmp=PACKET % 3)
    out, notes = relit(data)
    found = pillow_heif.open_heif(out).info
    assert found["exif"] == exif.tobytes()
    assert found["xmp"] == PACKET % 3
    assert notes == ()
    out, _ = relit(data, strip_metadata=True)
    assert pillow_heif.open_heif(out).info["exif"] is None


def test_a_thumbnail_is_left_out_and_said():
    out, notes = relit(heic(photo(), thumbnails=[16]))
    assert THUMBNAIL in notes
    assert pillow_heif.open_heif(out).info["thumbnails"] == []


ALPHA = b"urn:mpeg:hevc:2015:auxid:1"


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        (b"urn:mpeg:hevc:2015:auxid:2", DEPTH),
        (b"urn:apple:aux:hdrgainmap", GAIN_MAP),
        (b"urn:apple:aux:skymatte", "auxiliary pictures left out: skymatte"),
    ],
)
def test_further_planes_are_left_out_and_named(kind, note):
    data = replaced(heic(photo(mode="RGBA"), **EXACT), ALPHA, kind)
    picture = images.read(data)
    assert note in picture.notes
    assert picture.alpha is None


# --- limits ---------------------------------------------------------------------


def test_the_size_is_told_by_the_header_without_the_library(monkeypatch):
    data = heic(photo(90, 50))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert images.declared_size(io.BytesIO(data)) == (90, 50)
    assert images.declared_size(io.BytesIO(data[:900])) == (90, 50)
    assert images.declared_size(io.BytesIO(data[:100])) is None


def test_a_large_picture_is_refused_before_it_is_decoded(monkeypatch):
    data = bytearray(heic(photo(128, 128)))
    monkeypatch.setattr(pillow_heif, "HeifFile", None)
    place = data.index(b"ispe") + 8
    data[place : place + 8] = struct.pack(">II", 20_000, 20_000)
    with pytest.raises(PictureError, match="400 megapixels"):
        images.read(bytes(data))


@pytest.mark.parametrize("side", [64, 4000])
def test_a_size_that_is_not_that_of_the_pixels_is_refused(side):
    data = bytearray(heic(photo(128, 128)))
    place = data.index(b"ispe") + 8
    data[place : place + 8] = struct.pack(">II", side, side)
    with pytest.raises(PictureError, match="HEIC"):
        images.read(bytes(data))


@pytest.mark.parametrize("left", [24, 300, -200])
def test_a_file_that_is_cut_is_refused(left):
    with pytest.raises(PictureError, match="HEIC"):
        images.read(heic(photo())[:left])


# --- written --------------------------------------------------------------------


def test_lossless_loses_nothing():
    out, notes = relit(encoded(photo(), "png"), format="heic", lossless=True)
    assert np.array_equal(theirs(out), np.asarray(photo()))
    assert notes == ()


def test_a_lossless_file_stays_lossless_unless_a_quality_is_asked_for():
    data = heic(photo(), **EXACT)
    assert np.array_equal(theirs(relit(data)[0]), np.asarray(photo()))
    assert len(relit(data, quality=50)[0]) < len(relit(data)[0])


def test_quality_counts_and_the_default_is_close():
    data = encoded(photo(200, 160), "png")
    sizes = [len(relit(data, format="heic", quality=q)[0]) for q in (20, 60, 95)]
    assert sizes == sorted(sizes)
    out, _ = relit(data, format="heic")
    gap = np.abs(theirs(out).astype(int) - np.asarray(photo(200, 160)))
    assert gap.mean() < 3


@pytest.mark.parametrize("chroma", [420, 422, 444])
def test_chroma_is_as_coarse_as_it_came(chroma):
    out, _ = relit(heic(photo(64, 64), quality=80, chroma=chroma))
    assert pillow_heif.open_heif(out).info["chroma"] == chroma


def test_sixteen_bits_become_ten_and_it_is_said():
    picture = images.read(encoded(Image.new("I;16", (70, 70), 40_000), "png"))
    out, notes = images.write(picture, picture.pixels, WriteOptions(format="heic"))
    assert notes == ("reduced to 10 bits: HEIC holds no more",)
    found = pillow_heif.open_heif(out, convert_hdr_to_8bit=False)
    assert found.info["bit_depth"] == 10


# --- the library --------------------------------------------------------------------


def test_nothing_is_registered_with_pillow():
    Image.init()
    before = set(Image.OPEN), set(Image.SAVE), dict(Image.EXTENSION)
    relit(heic(photo()))
    assert before == (set(Image.OPEN), set(Image.SAVE), dict(Image.EXTENSION))


def test_a_folder_keeps_its_heic_pictures(program, identity_file):
    (program.folder / "in").mkdir()
    (program.folder / "in/IMG_1.HEIC").write_bytes(heic(photo(), **EXACT))
    program.run("relight", "in", "out", "--weights", identity_file)
    out = (program.folder / "out/IMG_1.HEIC").read_bytes()
    assert np.abs(theirs(out).astype(int) - np.asarray(photo())).max() <= 1


@pytest.fixture
def without_heif(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)


def test_without_the_extra_a_heic_picture_fails_alone(
    program, identity_file, monkeypatch
):
    (program.folder / "in").mkdir()
    (program.folder / "in/a.heic").write_bytes(heic(photo()))
    (program.folder / "in/named-otherwise").write_bytes(heic(photo()))
    photo().save(program.folder / "in/b.png")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    told = ["a HEIC picture: support for it is not installed", "'msrnet[heic]'"]
    arguments = ("relight", "in", "out", "--weights", identity_file)
    found = program.run(*arguments, code=3, says=told)
    assert found.err.count("not installed") >= 2
    assert (program.folder / "out/b.png").is_file()


def test_a_library_that_is_too_old_is_not_used(monkeypatch):
    data = heic(photo())
    monkeypatch.setattr("importlib.metadata.version", lambda _: "1.6.2")
    with pytest.raises(PictureError, match=r"pillow-heif 1\.6\.2 is too old.*-U"):
        images.read(data)


@pytest.mark.parametrize("output", [("out", "--format", "heic"), ("b.heic",)])
def test_without_the_extra_none_is_written(
    program, identity_file, without_heif, output
):
    photo().save(program.folder / "b.png")
    arguments = ("relight", "b.png", *output, "--weights", identity_file)
    program.run(*arguments, code=2, says="'msrnet[heic]'")
    assert not (program.folder / "b.heic").exists()
