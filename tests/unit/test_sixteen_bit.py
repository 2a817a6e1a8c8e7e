"""Sixteen bits per channel, against readers and writers that are not ours."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from conftest import photo
from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.errors import PictureError


def samples(channels, height=23, width=37):
    """Values whose low bytes matter: a ramp with noise over the full range."""
    generator = np.random.default_rng(0)
    ramp = np.linspace(0, 65535, height * width * channels)
    noise = generator.integers(-300, 300, height * width * channels)
    values = np.clip(ramp + noise, 0, 65535).astype(np.uint16)
    return values.reshape(height, width, channels)


def tiff(array, **settings):
    out = io.BytesIO()
    tifffile.imwrite(
        out, array, photometric=settings.pop("photometric", "rgb"), **settings
    )
    return out.getvalue()


def as_array(picture):
    rgb = (picture.rgb * 65535).round().numpy().astype(np.uint16).transpose(1, 2, 0)
    if picture.alpha is None:
        return rgb
    alpha = picture.alpha.numpy().astype(np.uint16).transpose(1, 2, 0)
    return np.concatenate((rgb, alpha), 2)


def rewritten(data, format):
    picture = images.read(data)
    out, notes = images.write(picture, picture.rgb, WriteOptions(format=format))
    assert notes == ()
    return out


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("predictor", [False, True])
def test_tiff_is_read_at_full_depth(channels, order, compression, predictor):
    if predictor and compression is None:
        pytest.skip("a predictor needs compression")
    array = samples(channels)
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    data = tiff(
        array, byteorder=order, compression=compression, predictor=predictor, **extra
    )
    picture = images.read(data)
    assert picture.encoding.depth == 16
    assert np.array_equal(as_array(picture), array)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_is_written_at_full_depth(channels, compression):
    array = samples(channels)
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    out = rewritten(tiff(array, compression=compression, **extra), "tiff")
    assert np.array_equal(tifffile.imread(io.BytesIO(out)), array)
    page = tifffile.TiffFile(io.BytesIO(out)).pages[0]
    assert page.compression.name == ("ADOBE_DEFLATE" if compression else "NONE")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_8_bit_tiff_is_what_other_readers_see(mode):
    image = photo(mode=mode)
    for compression in ("raw", "tiff_lzw"):
        data = io.BytesIO()
        image.save(data, "TIFF", compression=compression)
        out = rewritten(data.getvalue(), "tiff")
        assert np.array_equal(tifffile.imread(io.BytesIO(out)), np.asarray(image))


@pytest.mark.parametrize("channels", [3, 4])
def test_png_is_written_and_read_at_full_depth(channels):
    array = samples(channels)
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    out = rewritten(tiff(array, **extra), "png")
    opened = Image.open(io.BytesIO(out))
    # Pillow, on its own, sees the high bytes of the very same picture.
    assert np.array_equal(np.asarray(opened), array >> 8)
    assert np.array_equal(as_array(images.read(out)), array)


def test_a_tall_picture_is_filtered_alike_across_strips(monkeypatch):
    monkeypatch.setattr("msrnet_cli.images.sixteen_bit._STRIP_BYTES", 1000)
    monkeypatch.setattr("msrnet_cli.images.tiff._STRIP_BYTES", 1000)
    array = samples(3, 50, 20)
    for format in ("png", "tiff"):
        out = rewritten(tiff(array), format)
        assert np.array_equal(as_array(images.read(out)), array)


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_grey_stays_deep(format):
    array = samples(1)[..., 0]
    image = Image.fromarray(array)
    data = io.BytesIO()
    image.save(data, format.upper())
    picture = images.read(data.getvalue())
    assert picture.encoding.grey
    out, _ = images.write(picture, picture.rgb, WriteOptions())
    back = Image.open(io.BytesIO(out))
    assert back.mode == "I;16"
    assert np.array_equal(np.asarray(back), array)


@pytest.mark.parametrize("order", "<>")
def test_grey_tiff_of_either_order_and_polarity(order):
    array = samples(1)[..., 0]
    data = tiff(array, photometric="minisblack", byteorder=order)
    assert np.array_equal(as_array(images.read(data))[..., 0], array)
    data = tiff(array, photometric="miniswhite", byteorder=order)
    assert np.array_equal(as_array(images.read(data))[..., 0], 65535 - array)


def test_a_dark_picture_is_not_taken_for_8_bits():
    array = samples(3) // 256
    assert np.array_equal(as_array(images.read(tiff(array))), array)


def test_planes_that_pillow_misreads_are_read_as_they_are():
    planes = np.ascontiguousarray(samples(3).transpose(2, 0, 1))
    picture = images.read(tiff(planes, planarconfig="separate"))
    assert np.array_equal(as_array(picture), samples(3))


def test_a_format_without_depth_says_so():
    picture = images.read(tiff(samples(3)))
    for format in ("jpeg", "webp", "bmp"):
        _, notes = images.write(picture, picture.rgb, WriteOptions(format=format))
        assert any("8 bits" in note for note in notes)


def test_metadata_is_kept_at_16_bits():
    from PIL.ExifTags import Base

    exif = Image.Exif()
    exif[Base.Artist] = "Artist"
    source = images.read(tiff(samples(3), resolution=(300, 300)))
    from dataclasses import replace

    metadata = replace(
        source.metadata, exif=exif.tobytes(), xmp=b"<x/>", icc=None, dpi=(300.0, 300.0)
    )
    picture = replace(source, metadata=metadata)
    for format in ("png", "tiff"):
        out, _ = images.write(picture, picture.rgb, WriteOptions(format=format))
        back = Image.open(io.BytesIO(out))
        back.load()
        assert back.getexif()[Base.Artist] == "Artist"
        assert back.info["dpi"][0] == pytest.approx(300, abs=0.1)
        assert back.info["xmp"] == b"<x/>"


DEEP_PHOTOS = (
    "u76c0g_bliznaca_709_g1",
    "vgqcws_vin_709_g1",
    "Nikon-D3-14bit_2020_g1",
    "cvo9xd_keong_macan_2020_g1",
)


@pytest.mark.parametrize("name", DEEP_PHOTOS)
def test_real_deep_photographs_agree_with_their_8_bit_twins(real_deep_photos, name):
    deep = images.read((real_deep_photos / f"{name}.png").read_bytes())
    name = name.rpartition("_")[0].rpartition("_")[0]
    twin = images.read((real_deep_photos / f"{name}_srgb8.png").read_bytes())
    assert deep.encoding.depth == 16
    assert (deep.rgb - twin.rgb).abs().mean() < 2 / 255


def test_a_transparent_grey_of_16_bits_becomes_alpha():
    array = samples(1)[..., 0]
    data = io.BytesIO()
    Image.fromarray(array).save(data, "PNG", transparency=int(array[0, 0]))
    picture = images.read(data.getvalue())
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha[0].numpy() == 0, array == array[0, 0])


def test_bigtiff_is_read_and_comes_back_as_tiff():
    array = samples(3)
    data = tiff(array, bigtiff=True)
    assert np.array_equal(tifffile.imread(io.BytesIO(rewritten(data, "tiff"))), array)


def test_what_pillow_cannot_identify_is_named_without_addresses():
    with pytest.raises(PictureError) as caught:
        images.read(tiff(samples(3).astype(np.float32)))
    assert "object at" not in str(caught.value)
