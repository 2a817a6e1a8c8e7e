"""Picture files through a network that changes nothing: what goes in must come out."""

import pytest
import torch
from PIL import Image, ImageCms, PngImagePlugin
from PIL.ExifTags import GPS, IFD, Base

from conftest import encoded, largest_difference, opened, photo, pixels
from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.errors import PictureError

LOSSLESS = {"png": {}, "tiff": {}, "bmp": {}, "webp": {"lossless": True, "exact": True}}


def unchanged(data, **options):
    """Read and write, as if relit by a network that changes nothing."""
    picture = images.read(data)
    out, _notes = images.write(picture, picture.rgb, WriteOptions(**options))
    return opened(out)


def test_eight_bits_of_srgb_are_kept_as_they_are():
    picture = images.from_pil(photo(40, 30))
    assert picture.pixels.dtype == torch.uint8
    assert torch.equal(picture.rgb, picture.pixels.float() / 255)
    relit = 255 - picture.pixels
    floats, _ = images.write(picture, relit.float() / 255, WriteOptions())
    assert images.write(picture, relit, WriteOptions())[0] == floats


@pytest.mark.parametrize("format", LOSSLESS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_lossless_formats_keep_every_pixel(format, mode):
    image = photo(mode=mode)
    source = "png" if (format, mode) == ("bmp", "RGBA") else format
    back = unchanged(encoded(image, source, **LOSSLESS[source]), format=format)
    assert back.format == format.upper()
    assert largest_difference(back.convert(mode), image) == 0


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif", "heic"])
def test_lossy_formats_stay_close(format):
    data = encoded(photo(64, 64), format, quality=95)
    back = unchanged(data)
    assert back.format == format.upper()
    mean = sum(
        abs(a - b) for a, b in zip(pixels(back), pixels(opened(data)), strict=True)
    ) / len(pixels(back))
    assert mean < 3


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (17, 33)])
@pytest.mark.parametrize(
    "format", ["png", "jpeg", "tiff", "bmp", "webp", "gif", "avif", "heic"]
)
def test_every_size_survives(size, format):
    assert unchanged(encoded(photo(*size), format)).size == size


def test_jpeg_keeps_its_tables_and_sampling():
    data = encoded(photo(64, 64), "jpeg", quality=83, subsampling=2, progressive=True)
    before, after = opened(data), unchanged(data)
    assert after.quantization == before.quantization
    assert after.layer == before.layer
    assert after.info.get("progressive")


def test_quality_is_obeyed():
    data = encoded(photo(64, 64), "jpeg", quality=95)
    sizes = []
    for quality in (20, 60, 95):
        picture = images.read(data)
        out, _ = images.write(picture, picture.rgb, WriteOptions(quality=quality))
        sizes.append(len(out))
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 2


def test_lossless_webp_stays_lossless():
    image = photo()
    back = unchanged(encoded(image, "webp", lossless=True))
    assert largest_difference(back, image) == 0


def test_an_animation_without_loss_keeps_its_first_frame_without_loss():
    frames = [photo(seed=i) for i in range(3)]
    data = encoded(
        frames[0], "webp", lossless=True, save_all=True, append_images=frames[1:]
    )
    assert largest_difference(unchanged(data).convert("RGB"), frames[0]) == 0


def test_lossless_is_obeyed():
    image = photo()
    back = unchanged(encoded(image, "png"), format="webp", lossless=True)
    assert largest_difference(back, image) == 0


def test_lossless_avif_says_how_far_it_goes():
    picture = images.read(encoded(photo(), "png"))
    options = WriteOptions(format="avif", lossless=True)
    out, notes = images.write(picture, picture.rgb, options)
    assert any("no lossless" in note for note in notes)
    assert largest_difference(opened(out), photo()) <= 4


@pytest.mark.parametrize("format", images.SUFFIXES)
def test_any_format_can_be_asked_for(format):
    picture = images.read(encoded(photo(), "png"))
    data, _ = images.write(picture, picture.pixels, WriteOptions(format=format))
    assert images.sniff(data[:64]) == format
    assert opened(data).size == photo().size


# --- orientation ---------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "tiff", "avif"])
def test_orientation_is_applied_once_and_cleared(orientation, format):
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    settings = {"quality": 100} if format in ("jpeg", "avif", "webp") else {}
    data = encoded(corners(), format, exif=exif, **settings)
    back = unchanged(data)
    assert back.getexif().get(Base.Orientation, 1) == 1
    upright = turned(corners(), orientation)
    assert back.size == upright.size
    assert corner_colours(back) == corner_colours(upright)
    # A second pass finds nothing left to turn.
    again = unchanged(encoded(back, "png", exif=back.getexif()))
    assert corner_colours(again) == corner_colours(upright)


def corners():
    """A picture whose corners tell each of the eight orientations apart."""
    image = Image.new("RGB", (64, 32), "black")
    image.paste("red", (0, 0, 24, 12))
    image.paste("lime", (40, 0, 64, 12))
    image.paste("blue", (0, 20, 24, 32))
    return image


def corner_colours(image):
    width, height = image.size
    spots = [(4, 4), (width - 5, 4), (4, height - 5), (width - 5, height - 5)]
    rgb = image.convert("RGB")
    return [
        tuple(value > 128 for value in rgb.getpixel(spot))  # JPEG is not exact
        for spot in spots
    ]


def turned(image, orientation):
    steps = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90],
        6: [Image.Transpose.ROTATE_270],
        7: [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_270],
        8: [Image.Transpose.ROTATE_90],
    }
    for step in steps[orientation]:
        image = image.transpose(step)
    return image


def test_orientation_in_xmp_alone_is_applied():
    packet = b'<x xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    back = unchanged(encoded(corners(), "webp", xmp=packet, lossless=True))
    assert back.size == (32, 64)
    assert b"Orientation" not in back.info.get("xmp", b"")


# --- metadata ------------------------------------------------------------------


def rich_exif():
    exif = Image.Exif()
    exif[Base.Make] = "Maker"
    exif[Base.Artist] = "Artist"
    details = exif.get_ifd(IFD.Exif)
    details[Base.DateTimeOriginal] = "2024:05:06 07:08:09"
    details[Base.FNumber] = 2.8
    details[Base.MakerNote] = b"\1\2\3\4secret"
    exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] = (48.0, 12.0, 30.5)
    return exif


@pytest.mark.parametrize("source", ["jpeg", "png", "webp", "tiff", "avif", "heic"])
@pytest.mark.parametrize("target", ["jpeg", "png", "webp", "tiff", "avif", "heic"])
def test_exif_travels_between_all_formats(source, target):
    exif = unchanged(
        encoded(photo(), source, exif=rich_exif().tobytes()), format=target
    ).getexif()
    assert exif[Base.Make] == "Maker"
    assert exif[Base.Artist] == "Artist"
    details = exif.get_ifd(IFD.Exif)
    assert details[Base.DateTimeOriginal] == "2024:05:06 07:08:09"
    assert float(details[Base.FNumber]) == pytest.approx(2.8)
    assert details[Base.MakerNote] == b"\1\2\3\4secret"
    assert exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] == (48.0, 12.0, 30.5)


XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>stars</x:xmpmeta>"


def with_xmp(format):
    if format == "png":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", XMP.decode())
        return encoded(photo(), "png", pnginfo=chunks)
    if format == "tiff":
        return encoded(photo(), "tiff", tiffinfo={700: XMP})
    return encoded(photo(), format, xmp=XMP)


@pytest.mark.parametrize("source", ["jpeg", "png", "webp", "tiff", "avif", "heic"])
@pytest.mark.parametrize("target", ["jpeg", "png", "webp", "tiff", "avif", "heic"])
def test_xmp_travels_between_all_formats(source, target):
    back = unchanged(with_xmp(source), format=target)
    packet = back.info.get("xmp") or back.info.get("XML:com.adobe.xmp")
    assert b"stars" in (packet.encode() if isinstance(packet, str) else packet)


def test_iptc_and_comment_stay_in_a_jpeg():
    segment = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\0"
    marker = b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment
    back = unchanged(encoded(photo(), "jpeg", extra=marker, comment=b"hello"))
    assert ("APP13", segment) in back.applist
    assert back.info["comment"] == b"hello"


def test_a_tiff_without_resolution_gets_none():
    for compression in ("raw", "tiff_lzw"):
        back = unchanged(encoded(photo(), "tiff", compression=compression))
        assert 282 not in back.tag_v2
    back = unchanged(encoded(photo(), "tiff", dpi=(1, 1)))
    assert back.tag_v2[282] == 1


def test_text_and_resolution_stay_in_a_png():
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Title", "Night")
    chunks.add_itxt("Author", "Jürgen 夜")
    back = unchanged(encoded(photo(), "png", pnginfo=chunks, dpi=(300, 300)))
    assert back.text["Title"] == "Night"
    assert back.text["Author"] == "Jürgen 夜"
    assert back.info["dpi"][0] == pytest.approx(300, abs=0.1)


def test_metadata_can_be_stripped_but_not_the_colours():
    profile = srgb_profile()
    data = encoded(photo(), "jpeg", exif=rich_exif(), xmp=XMP, icc_profile=profile)
    back = unchanged(data, strip_metadata=True)
    assert not back.getexif()
    assert "xmp" not in back.info
    assert back.info["icc_profile"] == profile


def test_exif_sizes_follow_the_turn():
    exif = rich_exif()
    exif[Base.Orientation] = 6
    details = exif.get_ifd(IFD.Exif)
    details[Base.ExifImageWidth], details[Base.ExifImageHeight] = 64, 32
    details = (
        unchanged(encoded(corners(), "jpeg", exif=exif)).getexif().get_ifd(IFD.Exif)
    )
    assert details[Base.ExifImageWidth] == 32
    assert details[Base.ExifImageHeight] == 64


def test_metadata_too_large_for_a_format_costs_a_note_not_the_picture():
    exif = rich_exif()
    exif.get_ifd(IFD.Exif)[Base.MakerNote] = bytes(70_000)
    picture = images.read(encoded(photo(), "png", exif=exif))
    out, notes = images.write(picture, picture.rgb, WriteOptions(format="jpeg"))
    assert opened(out).size == photo().size
    assert any("exif" in note for note in notes)


# --- colour --------------------------------------------------------------------


def srgb_profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_an_srgb_profile_changes_nothing_and_stays():
    image = photo()
    back = unchanged(encoded(image, "png", icc_profile=srgb_profile()))
    assert largest_difference(back, image) == 0
    assert back.info["icc_profile"] == srgb_profile()


def test_a_grey_picture_stays_grey_where_the_network_paints_no_colour():
    image = photo(mode="L")
    back = unchanged(encoded(image, "png"))
    assert back.mode == "L"
    assert largest_difference(back, image) == 0


def test_a_grey_picture_takes_on_colour_where_the_network_paints_it():
    picture = images.read(encoded(photo(mode="L"), "png"))
    relit = picture.rgb * torch.tensor([1, 0.8, 0.5])[:, None, None]
    out, _ = images.write(picture, relit, WriteOptions())
    assert opened(out).mode == "RGB"


# --- modes ---------------------------------------------------------------------


def test_alpha_is_untouched():
    for mode in ("RGBA", "LA"):
        image = photo(mode=mode)
        picture = images.read(encoded(image, "png"))
        out, _ = images.write(picture, picture.rgb * 0.5, WriteOptions())
        after = opened(out).getchannel("A")
        assert largest_difference(after, image.getchannel("A")) == 0


def test_colours_below_transparent_pixels_survive():
    image = photo(mode="RGBA")
    image.putalpha(0)
    for format in ("png", "webp", "tiff"):
        settings = {"lossless": True, "exact": True} if format == "webp" else {}
        back = unchanged(encoded(image, format, **settings))
        assert largest_difference(back, image) == 0


def test_transparency_that_a_format_cannot_hold_is_said():
    picture = images.read(encoded(photo(mode="RGBA"), "png"))
    _, notes = images.write(picture, picture.rgb, WriteOptions(format="jpeg"))
    assert any("transparency" in note for note in notes)
    opaque = photo(mode="RGB").convert("RGBA")
    picture = images.read(encoded(opaque, "png"))
    _, notes = images.write(picture, picture.rgb, WriteOptions(format="jpeg"))
    assert notes == ()


def test_a_palette_becomes_true_colour():
    image = photo().quantize(16)
    back = unchanged(encoded(image, "png"))
    assert back.mode == "RGB"
    assert largest_difference(back, image.convert("RGB")) == 0


@pytest.mark.parametrize("mode", ["P", "L", "RGB", "1"])
def test_a_transparent_colour_becomes_alpha(mode):
    image = photo().convert(mode) if mode != "P" else photo().quantize(16)
    key = image.getpixel((0, 0))
    back = unchanged(encoded(image, "png", transparency=key))
    assert "A" in back.getbands()
    assert back.getpixel((0, 0))[-1] == 0
    assert max(back.getchannel("A").tobytes()) == 255


def test_one_bit_becomes_grey():
    image = photo(mode="L").convert("1")
    back = unchanged(encoded(image, "png"))
    assert back.mode == "L"
    assert largest_difference(back, image.convert("L")) == 0


@pytest.mark.parametrize("format", ["jpeg", "tiff"])
def test_cmyk_becomes_srgb_and_is_said(format):
    image = photo().convert("CMYK")
    data = encoded(image, format)
    picture = images.read(data)
    assert any("CMYK" in note for note in picture.notes)
    back = unchanged(data)
    assert back.mode == "RGB"
    worst = largest_difference(back, opened(data).convert("RGB"))
    assert worst <= (40 if format == "jpeg" else 0)


def test_lab_becomes_srgb():
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = photo()
    as_lab = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    back = unchanged(encoded(as_lab, "tiff"))
    assert back.mode == "RGB"
    mean = sum(
        abs(a - b) for a, b in zip(pixels(back), pixels(image), strict=True)
    ) / len(pixels(image))
    assert mean < 2  # LAB in 8 bits is coarse


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_without_a_white_are_refused(mode):
    with pytest.raises(PictureError, match="32-bit"):
        images.read(encoded(photo(mode="L").convert(mode), "tiff"))


def test_only_the_first_frame_is_taken_and_that_is_said():
    frames = [photo(seed=i).quantize(64) for i in range(3)]
    data = encoded(frames[0], "gif", save_all=True, append_images=frames[1:])
    picture = images.read(data)
    assert any("first frame" in note for note in picture.notes)
    first = frames[0].convert("RGB")
    assert largest_difference(unchanged(data).convert("RGB"), first) <= 8


# --- bad files -----------------------------------------------------------------


@pytest.mark.parametrize(
    "format", ["png", "jpeg", "webp", "tiff", "bmp", "avif", "heic"]
)
def test_a_cut_file_is_never_taken_for_whole(format):
    data = encoded(photo(64, 64), format)
    with pytest.raises(PictureError):
        images.read(data[: len(data) // 2])


def test_a_bomb_is_refused_before_it_is_decoded():
    header = encoded(Image.new("1", (1, 1)), "png")
    size = (60_000).to_bytes(4, "big") * 2
    import zlib

    ihdr = b"IHDR" + size + header[24:29]
    bomb = header[:12] + ihdr + zlib.crc32(ihdr).to_bytes(4, "big") + header[33:]
    with pytest.raises(PictureError, match="3600 megapixels"):
        images.read(bomb)


@pytest.mark.parametrize(
    ("data", "suffix", "hint"),
    [
        (b"", ".jpg", "empty"),
        (b"hello world", ".jpg", "not a picture"),
        (b"II*\0\x10\0\0\0CR\2\0", ".tif", "raw"),
        (b"II*\0\x08\0\0\0", ".NEF", "raw"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", ".heic", "HEIC"),
        (b"8BPS", ".psd", "PSD"),
    ],
)
def test_what_is_not_read_is_named(data, suffix, hint):
    with pytest.raises(PictureError, match=hint):
        images.read(data, suffix)


def test_content_counts_and_not_the_name():
    assert images.read(encoded(photo(), "png"), ".jpg").encoding.format == "png"
