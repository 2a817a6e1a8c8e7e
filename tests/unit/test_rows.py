"""Pictures worked on in strips are the pictures worked on whole."""

import pytest
import torch
from PIL import Image

from conftest import encoded, photo
from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.images import rows
from msrnet_cli.images.colour.icc import space_from_icc
from test_colour import profile
from test_sixteen_bit import samples, tiff

P3 = profile("P3", "srgb")


@pytest.fixture
def narrow(monkeypatch):
    """Gives a function after which every picture is cut into strips of a few rows."""

    def cut(pixels=150):
        monkeypatch.setattr(rows, "STRIP_PIXELS", pixels)
        monkeypatch.setattr(rows, "WHOLE_PIXELS", 0)

    return cut


FILES = {
    "RGB": encoded(photo()),
    "RGBA": encoded(photo(mode="RGBA")),
    "L": encoded(photo(mode="L")),
    "LA": encoded(photo(mode="LA")),
    "P": encoded(photo().quantize(16), transparency=3),
    "1": encoded(photo(mode="L").convert("1")),
    "JPEG": encoded(photo(), "jpeg", quality=95),
    "JPEG, turned": encoded(
        photo(),
        "jpeg",
        exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0",
    ),
    "CMYK": encoded(photo().convert("CMYK"), "jpeg"),
    "16-bit RGB": tiff(samples(3)),
    "16-bit RGBA": tiff(samples(4), extrasamples=["unassalpha"]),
    "16-bit grey": encoded(Image.fromarray(samples(1)[..., 0])),
    "16-bit grey with a key": encoded(
        Image.fromarray(samples(1)[..., 0]), transparency=int(samples(1)[0, 0, 0])
    ),
}
WIDE = {
    "RGB": encoded(photo(), icc_profile=P3),
    "RGBA": encoded(photo(mode="RGBA"), icc_profile=P3),
    "16-bit RGB": tiff(samples(3), iccprofile=P3),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("format", ["png", "tiff", "webp", "jpeg"])
def test_strips_give_the_same_bytes_as_the_whole(narrow, kind, format):
    options = WriteOptions(format=format, lossless=format == "webp")
    whole = images.read(FILES[kind])
    expected = images.write(whole, whole.rgb * 0.9, options)
    narrow()
    cut = images.read(FILES[kind])
    assert torch.equal(cut.rgb, whole.rgb)
    assert (cut.alpha is None) == (whole.alpha is None)
    assert cut.alpha is None or torch.equal(cut.alpha, whole.alpha)
    assert images.write(cut, cut.rgb * 0.9, options) == expected


@pytest.mark.parametrize("kind", WIDE)
def test_wide_colours_in_strips_differ_by_no_more_than_rounding(narrow, kind):
    whole = images.read(WIDE[kind])
    expected, _ = images.write(whole, whole.rgb * 0.9, WriteOptions())
    narrow()
    cut = images.read(WIDE[kind])
    # The last bit of a power depends on where in a vector a number stands.
    assert torch.allclose(cut.rgb, whole.rgb, rtol=0, atol=1e-6)
    assert torch.equal(cut.native, whole.native)
    written, _ = images.write(cut, cut.rgb * 0.9, WriteOptions())
    gap = images.read(written).rgb - images.read(expected).rgb
    assert gap.abs().max() <= 2 / whole_peak(whole)


def whole_peak(picture):
    return (1 << picture.encoding.depth) - 1


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16])
def test_the_native_picture_is_the_file_s_own(dtype):
    picture = images.read(WIDE["RGB" if dtype == torch.uint8 else "16-bit RGB"])
    assert picture.native.dtype == dtype
    peak = whole_peak(picture)
    values = picture.native.float() / peak
    assert torch.equal(space_from_icc(P3).into_srgb(values), picture.rgb)


def test_a_comparison_in_strips_is_the_same(narrow):
    picture = images.read(FILES["RGB"])
    whole = images.side_by_side(picture, picture.rgb * 0.5)
    narrow()
    assert images.side_by_side(picture, picture.rgb * 0.5) == whole


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (7, 33)])
@pytest.mark.parametrize("multiple", [1, 4, 100])
def test_strips_cover_every_row_once(narrow, size, multiple):
    width, height = size
    narrow(20)
    spans = list(rows.spans(height, width, multiple))
    assert [row for s in spans for row in range(s.start, s.stop)] == list(range(height))
    assert all((s.stop - s.start) % multiple == 0 for s in spans[:-1])
