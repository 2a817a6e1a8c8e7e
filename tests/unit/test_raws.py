"""Camera raw files: known, developed to what was put in, kept as TIFF of 16 bits."""

import io
import struct
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from conftest import encoded, photo
from containers import directory, exif_block, jpeg_with, tags
from dng import dng, linear, ratios, squares
from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.errors import PictureError
from msrnet_cli.images.coding import raws
from msrnet_cli.images.metadata.dissecting_raw import dissect_raw

COLOURS = ((0.2, 0.2, 0.2), (0.5, 0.1, 0.05), (0.1, 0.4, 0.1), (0.05, 0.1, 0.6))
GREYS = ((0.1,) * 3, (0.25,) * 3, (1.0,) * 3)
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
    b' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
    b' rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    b' xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"'
    b' xmp:Rating="4" crs:Exposure2012="+1.50"/></rdf:RDF></x:xmpmeta>'
)


@pytest.fixture
def developing():
    pytest.importorskip("rawpy", reason="no msrnet[raw]")


@pytest.fixture
def without_rawpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)


def light_of(picture, size=32):
    """Linear light in the middle of each square, upright."""
    rgb = linear(picture.rgb.permute(1, 2, 0))
    return rgb[size // 2, size // 2 :: size]


# --- known by content -----------------------------------------------------------


def test_an_ordinary_tiff_is_not_a_raw_file():
    for data in (encoded(photo(), "tiff"), encoded(photo(), "tiff", exif=Image.Exif())):
        assert not raws.is_raw(data, ".tif")
        assert images.read(data).notes == ()


def test_a_dng_is_known_whatever_its_name():
    data = dng(squares(*GREYS))
    assert all(raws.is_raw(data, suffix) for suffix in ("", ".tif", ".dng"))


def test_a_picture_under_the_name_of_a_raw_file_is_that_picture():
    assert images.read(encoded(photo(), "png"), ".dng").encoding.format == "png"


@pytest.mark.parametrize(
    "head",
    [
        b"II*\0\x10\0\0\0CR\2\0",
        b"IIRO\x08\0\0\0",
        b"IIU\0\x18\0\0\0",
        b"FUJIFILMCCD-RAW 0201\0",
        b"\0\0\0\x18ftypcrx \0\0\0\1crx ",
    ],
)
def test_the_output_of_a_raw_file_is_a_tiff_by_its_first_bytes(head):
    assert images.sniff(head.ljust(64, b"\0")) == "tiff"


# --- developed ------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
def test_colours_are_those_that_the_sensor_saw(developing, order):
    picture = images.read(dng(squares(*COLOURS), order))
    assert picture.encoding.depth == 16
    assert np.abs(light_of(picture) - COLOURS).max() < 0.002
    assert picture.notes == (raws.DEVELOPED,)


def test_brightness_is_that_of_the_exposure_not_of_the_brightest_pixel(developing):
    dark, bright = squares(*GREYS[:2]), squares(*GREYS)
    found = [light_of(images.read(dng(light))) for light in (dark, bright)]
    assert np.abs(found[0] - found[1][:2]).max() < 0.001


def test_highlights_beyond_the_sensor_are_white(developing):
    light = squares((1.0, 1.0, 1.0), (2.5, 1.6, 2.0))
    clipped = np.minimum(light, 1 / np.array((0.5, 1.0, 0.6)))
    assert (light_of(images.read(dng(clipped))) > 0.999).all()


@pytest.mark.parametrize("stops", [-1.0, 0.5])
def test_the_baseline_exposure_of_a_dng_counts(developing, stops):
    more = [(50730, 10, ratios("<", stops))]
    picture = images.read(dng(squares(*GREYS[:2]), more=more))
    assert np.abs(light_of(picture) - np.array(GREYS[:2]) * 2**stops).max() < 0.002


def test_a_file_without_a_white_balance_says_so(developing):
    picture = images.read(dng(squares(*GREYS), balance=False))
    assert picture.notes == (raws.NO_BALANCE,)


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [(3, "ROTATE_180"), (6, "ROTATE_270"), (8, "ROTATE_90")],
)
def test_a_raw_file_comes_upright_once(developing, orientation, turn):
    light = squares(*COLOURS)
    light[:8] = 0.7
    plain = images.read(dng(light))
    picture = images.read(dng(light, orientation=orientation))
    as_image = [
        Image.fromarray((one.rgb * 255).byte().permute(1, 2, 0).numpy())
        for one in (plain, picture)
    ]
    expected = as_image[0].transpose(Image.Transpose[turn])
    apart = np.abs(np.asarray(expected).astype(int) - np.asarray(as_image[1]))
    assert np.median(apart) == 0
    assert (apart.max(-1) > 8).mean() < 0.1  # edges of another mosaic
    out, _ = images.write(picture, picture.pixels, WriteOptions())
    assert Image.open(io.BytesIO(out)).tag_v2[274] == 1


# --- limits ---------------------------------------------------------------------


def test_the_size_is_told_before_anything_is_developed(developing):
    data = dng(squares(*COLOURS))
    assert images.declared_size(io.BytesIO(data)) == (128, 32)
    with pytest.raises(PictureError, match="megapixels"):
        images.read(data, max_megapixels=0.004)


@pytest.mark.parametrize("left", [9, 4000, -1000])
def test_a_raw_file_that_is_cut_is_refused(developing, left):
    data = dng(squares(*COLOURS))
    with pytest.raises(PictureError, match=r"raw|TIFF"):
        images.read(data[:left], ".dng")


# --- what is written ------------------------------------------------------------


def test_the_output_is_a_tiff_that_holds_all_sixteen_bits(developing):
    picture = images.read(dng(squares(*COLOURS)))
    out, _ = images.write(picture, picture.pixels, WriteOptions())
    array = tifffile.imread(io.BytesIO(out))
    assert array.dtype == np.uint16
    assert np.abs(linear(array[16, 16::32] / 65535) - COLOURS).max() < 0.002
    assert not raws.is_raw(out)
    assert images.read(out).notes == ()


def test_what_is_about_the_picture_is_kept_and_the_rest_is_not(developing):
    more = [
        (305, 2, b"Firmware 1\0"),
        (315, 2, b"Artist\0"),
        (700, 1, XMP),
        (50735, 2, b"serial\0"),
    ]
    picture = images.read(dng(squares(*COLOURS), more=more))
    out, _ = images.write(picture, picture.pixels, WriteOptions())
    found = tags(out)
    assert found[271][1] == b"Maker\0"
    assert found[315][1] == b"Artist\0"
    assert b"Rating" in found[700][1]
    assert b"crs:" not in found[700][1]  # or they would be applied once more
    assert not {33421, 33422, *range(50706, 50800)} & found.keys()


# --- metadata of other kinds of raw files -------------------------------------------


def test_exif_is_found_in_raw_files_with_a_signature_of_their_own():
    block = exif_block("<", [(271, 2, b"Maker\0")], [(36867, 2, b"2024:01:01 \0")])
    for head in (b"IIRO", b"IIU\0"):
        found = dissect_raw(head + block[4:]).metadata
        assert tags(found.block)[271][1] == b"Maker\0"
        assert tags(found.block, 34665)[36867][1] == b"2024:01:01 \0"


def test_exif_of_a_raf_is_that_of_the_jpeg_within():
    block = exif_block("<", [(271, 2, b"FUJIFILM\0")], [(33434, 5, bytes(8))])
    inner = jpeg_with(encoded(photo(), "jpeg"), (0xE1, b"Exif\0\0" + block))
    head = b"FUJIFILMCCD-RAW ".ljust(84, b"\0")
    data = head + struct.pack(">II", 100, len(inner))
    found = dissect_raw(data.ljust(100, b"\0") + inner).metadata
    assert tags(found.block)[271][1] == b"FUJIFILM\0"


def box(name, content):
    return struct.pack(">I4s", 8 + len(content), name) + content


def test_exif_of_a_cr3_is_put_together():
    def block(*entries):
        return b"II*\0\x08\0\0\0" + directory("<", 8, entries)

    inner = box(b"CMT1", block((271, 2, b"Canon\0"), (274, 3, b"\6\0")))
    inner += box(b"CMT2", block((36867, 2, b"2024:01:01 \0")))
    inner += box(b"CMT4", block((1, 2, b"N\0")))
    canon = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48") + inner
    data = box(b"ftyp", b"crx \0\0\0\1") + box(b"moov", box(b"uuid", canon))
    found = dissect_raw(data).metadata
    assert tags(found.block)[271][1] == b"Canon\0"
    assert tags(found.block, 34665)[36867][1] == b"2024:01:01 \0"
    assert tags(found.block, 34853)[1][1] == b"N\0"


# --- in a folder ----------------------------------------------------------------


def test_a_folder_of_raw_files_becomes_tiffs(developing, program, identity_file):
    (program.folder / "in").mkdir()
    (program.folder / "in/a.dng").write_bytes(dng(squares(*COLOURS)))
    (program.folder / "in/raw").write_bytes(dng(squares(*COLOURS)))
    program.run("relight", "in", "out", "--weights", identity_file)
    for name in ("a.tif", "raw.tif"):
        array = tifffile.imread(program.folder / "out" / name)
        assert array.dtype == np.uint16
        assert np.abs(linear(array[16, 16::32] / 65535) - COLOURS).max() < 0.003
    program.run("relight", "in/a.dng", "a.jpg", "--weights", identity_file)
    assert images.sniff((program.folder / "a.jpg").read_bytes()[:64]) == "jpeg"
    program.run("relight", "in", "o2", "--format", "png", "--weights", identity_file)
    assert images.sniff((program.folder / "o2/a.png").read_bytes()[:64]) == "png"


def test_without_the_extra_a_raw_file_fails_alone(
    without_rawpy, program, identity_file
):
    (program.folder / "in").mkdir()
    (program.folder / "in/a.dng").write_bytes(dng(squares(*COLOURS)))
    photo().save(program.folder / "in/b.png")
    told = ["camera raw file: support for it is not installed", "'msrnet[raw]'"]
    program.run("relight", "in", "out", "--weights", identity_file, code=3, says=told)
    assert (program.folder / "out/b.png").is_file()


LOADED = """
import sys
from msrnet_cli import images
print(sorted({"rawpy", "pillow_heif", "numpy"} & sys.modules.keys()))
"""


def test_neither_library_is_loaded_before_it_is_needed():
    command = [sys.executable, "-W", "ignore", "-c", LOADED]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("[]", "['numpy']")  # torch may load NumPy
