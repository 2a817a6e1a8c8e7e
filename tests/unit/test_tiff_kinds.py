"""TIFF: which page is the picture, and pixels of every kind, against other writers."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from conftest import photo
from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.errors import PictureError
from mutations import packed_tiff

LONG = 4


def directory(tags, start, following=0):
    """A little-endian directory of single LONG values at a place in the file."""
    entries = b"".join(
        struct.pack("<HHII", tag, LONG, 1, value) for tag, value in sorted(tags.items())
    )
    del start  # all values are inline
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)


def page(width, height, where, **more):
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: where, 277: 1}
    tags |= {278: height, 279: width * height}
    return tags | {int(tag.removeprefix("t")): value for tag, value in more.items()}


def two_pages(first, second, *, inner):
    """A small first page of 12x10 with one value, a large one of 40x30 with another."""
    small, large = bytes([50]) * 120, bytes([200]) * 1200
    pixels = 8
    start = pixels + len(small) + len(large)
    tags = page(12, 10, pixels, **first)
    if inner:
        tags[330] = 0
    behind = start + 2 + 12 * len(tags) + 4
    if inner:
        tags[330] = behind
    one = directory(tags, start, 0 if inner else behind)
    two = directory(page(40, 30, pixels + len(small), **second), behind)
    return b"II*\0" + struct.pack("<I", start) + small + large + one + two


@pytest.mark.parametrize("inner", [True, False], ids=["SubIFD", "second page"])
@pytest.mark.parametrize("mark", [{"t254": 1}, {"t255": 2}], ids=["new", "old"])
def test_a_reduced_first_page_is_not_taken_for_the_picture(inner, mark):
    data = two_pages(mark, {"t254": 0}, inner=inner)
    picture = images.read(data)
    assert picture.size == (40, 30)
    assert picture.pixels.unique().tolist() == [200]
    assert any("reduced" in note for note in picture.notes)
    assert images.declared_size(io.BytesIO(data)) == (40, 30)


def test_a_first_page_of_full_size_is_taken_and_further_ones_are_said():
    picture = images.read(two_pages({"t254": 0}, {"t254": 0}, inner=False))
    assert picture.size == (12, 10)
    assert picture.notes == ("only its first page is kept",)
    picture = images.read(two_pages({"t254": 0}, {"t254": 1}, inner=False))
    assert picture.notes == ()  # a preview of it is nothing that is lost


def test_a_reduced_page_alone_is_refused():
    with pytest.raises(PictureError, match="reduced picture"):
        images.read(two_pages({"t254": 1}, {"t254": 1}, inner=True))


@pytest.mark.parametrize("sensor", [{"t262": 32803}, {"t262": 34892}, {"t259": 34713}])
def test_a_camera_raw_file_without_a_name_is_known_by_its_tags(sensor):
    data = two_pages({"t254": 1}, {"t254": 0, **sensor}, inner=True)
    with pytest.raises(PictureError, match="camera raw"):
        images.read(data, "")


def test_what_the_first_page_says_is_kept_for_the_full_one():
    small, large = photo(16, 12), photo(64, 48)
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        settings = {"photometric": "rgb", "metadata": None}
        artist = [(315, "s", 0, "Artist", True)]
        writer.write(np.asarray(small), subfiletype=1, extratags=artist, **settings)
        writer.write(np.asarray(large), **settings)
    picture = images.read(out.getvalue())
    written, _ = images.write(picture, picture.pixels, WriteOptions())
    back = Image.open(io.BytesIO(written))
    assert np.array_equal(np.asarray(back), np.asarray(large))
    assert back.tag_v2[315] == "Artist"


@pytest.mark.parametrize(
    ("dtype", "reason", "remedy"),
    [
        (np.int8, "8-bit signed integers", "unsigned"),
        (np.int16, "16-bit signed integers", "unsigned"),
        (np.float16, "16-bit float", "16-bit integers"),
        (np.float32, "32-bit float", "16-bit integers"),
        (np.float64, "64-bit float", "16-bit integers"),
        (np.complex64, "complex", "unsigned"),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_numbers_without_black_and_white_are_refused_by_name(
    dtype, reason, remedy, channels
):
    array = np.zeros((8, 9, channels), dtype).squeeze()
    out = io.BytesIO()
    tifffile.imwrite(out, array, photometric="rgb" if channels == 3 else "minisblack")
    with pytest.raises(PictureError) as caught:
        images.read(out.getvalue())
    assert reason in caught.value.reason
    assert remedy in caught.value.remedy


def values(picture, peak):
    colours = picture.rgb.numpy().transpose(1, 2, 0).astype(np.float64)
    return np.rint(colours * peak).astype(np.int64)


@pytest.mark.parametrize("bits", [3, 6, 10, 12, 14])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("order", "<>")
def test_any_number_of_bits_is_read_at_full_depth(bits, channels, order):
    chance = np.random.default_rng(bits)
    array = chance.integers(0, 1 << bits, (23, 29, channels))
    data = packed_tiff(array, bits, order)
    assert images.declared_size(io.BytesIO(data)) == (29, 23)
    picture = images.read(data)
    peak = 65535 if bits > 8 else 255
    expected = np.rint(array * peak / ((1 << bits) - 1)).astype(np.int64)
    assert np.array_equal(values(picture, peak), np.broadcast_to(expected, (23, 29, 3)))


KINDS = {
    "grey with alpha": ("minisblack", 2, ["unassalpha"]),
    "white is zero": ("miniswhite", 1, []),
    "colour": ("rgb", 3, []),
    "colour with alpha": ("rgb", 4, ["unassalpha"]),
    "colour with a mask": ("rgb", 4, ["unspecified"]),
    "colour with alpha and a mask": ("rgb", 5, ["unassalpha", "unspecified"]),
}
STORAGE = {
    "strips": {"rowsperstrip": 7},
    "tiles": {"tile": (16, 32)},
    "deflate": {"compression": "zlib", "predictor": True, "rowsperstrip": 7},
    "deflate in tiles": {"compression": "zlib", "tile": (16, 16), "predictor": True},
    "big": {"bigtiff": True},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_of_every_kind_are_read_right(kind, storage, planes, order, dtype):
    photometric, channels, extra = KINDS[kind]
    peak = np.iinfo(dtype).max
    chance = np.random.default_rng(0)
    array = chance.integers(0, peak, (37, 53, channels), dtype, endpoint=True)
    settings = {"extrasamples": extra} if extra else {}
    stored = array[..., 0] if channels == 1 else array
    if channels > 1:
        settings["planarconfig"] = planes
        if planes == "separate":
            stored = np.ascontiguousarray(array.transpose(2, 0, 1))
    out = io.BytesIO()
    tifffile.imwrite(
        out,
        stored,
        photometric=photometric,
        byteorder=order,
        metadata=None,
        **STORAGE[storage],
        **settings,
    )
    picture = images.read(out.getvalue())
    colours = array[..., :3] if photometric == "rgb" else array[..., :1]
    colours = peak - colours if photometric == "miniswhite" else colours
    assert np.array_equal(
        values(picture, peak), np.broadcast_to(colours, (37, 53, 3)).astype(np.int64)
    )
    if "unassalpha" in extra:
        alpha = array[..., 3 if photometric == "rgb" else 1]
        assert np.array_equal(picture.alpha[0].numpy(), alpha)
    else:
        assert picture.alpha is None
    said = any("neither colour nor transparency" in note for note in picture.notes)
    assert said == ("unspecified" in extra)


def test_associated_alpha_is_divided_out_at_full_depth():
    chance = np.random.default_rng(0)
    colours = chance.integers(0, 65536, (9, 11, 3))
    alpha = chance.integers(30000, 65536, (9, 11, 1))
    stored = np.concatenate((np.rint(colours * (alpha / 65535)), alpha), 2)
    out = io.BytesIO()
    tifffile.imwrite(
        out, stored.astype(np.uint16), photometric="rgb", extrasamples=["assocalpha"]
    )
    picture = images.read(out.getvalue())
    assert picture.encoding.depth == 16
    assert np.abs(values(picture, 65535) - colours).max() <= 2
    assert np.array_equal(picture.alpha[0].numpy(), alpha[..., 0])


def test_an_odd_picture_keeps_its_turn_metadata_and_compression():
    array = np.zeros((20, 30, 2), np.uint16)
    array[:10] = 65535
    out = io.BytesIO()
    tags = [(274, "H", 1, 6, True), (315, "s", 0, "Artist", True)]
    tifffile.imwrite(
        out,
        array,
        photometric="minisblack",
        extrasamples=["unassalpha"],
        compression="zlib",
        extratags=tags,
        metadata=None,
    )
    picture = images.read(out.getvalue())
    assert picture.size == (20, 30)
    assert picture.rgb[0, 0].tolist() == [0.0] * 10 + [1.0] * 10  # a turn to the right
    written, _ = images.write(picture, picture.rgb, WriteOptions())
    with tifffile.TiffFile(io.BytesIO(written)) as back:
        assert back.pages[0].tags[315].value == "Artist"
        assert back.pages[0].compression == 8
        assert back.pages[0].tags[274].value == 1


def test_tags_that_lie_outside_the_file_cost_a_note():
    out = io.BytesIO()
    description = "words " * 20
    photo(40, 30).save(out, "TIFF", description=description)
    data = bytearray(out.getvalue())
    place = data.find(struct.pack("<HH", 270, 2))
    data[place + 8 : place + 12] = struct.pack("<I", len(data) - 5)
    picture = images.read(bytes(data))
    assert any("270" in note and "left out" in note for note in picture.notes)
    assert np.array_equal(
        picture.pixels.numpy().transpose(1, 2, 0), np.asarray(photo(40, 30))
    )


def test_a_large_picture_is_not_stopped_by_a_limit_of_pillow(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for compression in ("raw", "tiff_lzw"):
        out = io.BytesIO()
        photo(40, 30).save(out, "TIFF", compression=compression)
        assert images.read(out.getvalue()).size == (40, 30)
    array = np.zeros((30, 40), int)
    assert images.read(packed_tiff(array, 10)).size == (40, 30)
    assert Image.MAX_IMAGE_PIXELS == 100
