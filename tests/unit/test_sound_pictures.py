"""A sound picture is delivered, whatever surrounds it; what is not one costs little."""

import io
import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image, ImageFile, JpegImagePlugin

from conftest import encoded, largest_difference, opened, photo
from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.errors import PictureError


def rewritten(data, **options):
    picture = images.read(data)
    out, notes = images.write(picture, picture.pixels, WriteOptions(**options))
    return opened(out), picture.notes + notes


# --- JPEG ----------------------------------------------------------------------


def noise(size=(200, 200)):
    bands = [Image.effect_noise(size, 120) for _ in "rgb"]
    return Image.merge("RGB", bands)


def finest(image, format, progressive):
    if format == "png":
        return encoded(image, format)
    settings = {"qtables": [[1] * 64], "subsampling": 0, "progressive": progressive}
    return encoded(image, format, **settings)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("source", ["png", "jpeg"])
def test_noise_at_full_quality_fits(source, progressive, monkeypatch):
    image = noise()
    with monkeypatch.context() as patch:
        patch.setattr(ImageFile, "MAXBLOCK", 1 << 20)
        data = finest(image, source, progressive)
    back, notes = rewritten(data, format="jpeg", quality=100)
    assert back.format == "JPEG"
    assert not notes
    again, notes = rewritten(data, format="jpeg")
    assert not notes
    if source == "jpeg":
        assert again.quantization[0] == [1] * 64
        assert bool(again.info.get("progressive")) == progressive


def test_room_for_noise_does_not_change_what_fits():
    image = photo(64, 48)
    plain = encoded(image, "jpeg", quality=95, subsampling=0, optimize=True)
    picture = images.read(encoded(image, "png"))
    out, _ = images.write(picture, picture.pixels, WriteOptions(format="jpeg"))
    assert out == plain


SAMPLINGS = {
    "4:4:4": ((1, 1), (1, 1)),
    "4:2:2": ((2, 1), (1, 1)),
    "4:2:0": ((2, 2), (1, 1)),
    "4:4:0": ((1, 2), (1, 1)),
    "4:1:1": ((4, 1), (1, 1)),
    "4:1:0": ((4, 2), (1, 1)),
    "4:4:4 of two": ((2, 1), (2, 1)),
}


def ratios(image):
    """How much coarser each colour is than the brightness, across and down."""
    (_, across, down, _), *colours = image.layer
    return [(across / layer[1], down / layer[2]) for layer in colours]


def sampled(luma, chroma):
    """A grey JPEG of a sampling that Pillow does not write, by hand.

    Every block has the same code: a mean of no difference, and an end.
    """
    width = height = 64
    blocks = (luma[0] * luma[1] + 2 * chroma[0] * chroma[1]) * (
        -(-width // (8 * luma[0])) * -(-height // (8 * luma[1]))
    )
    tables = b"\xff\xdb\x00\x43\x00" + bytes([7] * 64)
    parts = [(1, *luma), (2, *chroma), (3, *chroma)]
    frame = struct.pack(">BHHB", 8, height, width, 3)
    frame += b"".join(bytes((i, h << 4 | v, 0)) for i, h, v in parts)
    codes = b"".join(
        b"\xff\xc4\x00\x14" + bytes((kind, 1, *[0] * 15, 0)) for kind in (0, 0x10)
    )
    scan = bytes((3, 1, 0, 2, 0, 3, 0, 0, 63, 0))
    bits = "0" * (2 * blocks)
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    head = b"\xff\xd8" + tables + b"\xff\xc0" + struct.pack(">H", 17) + frame + codes
    return head + b"\xff\xda" + struct.pack(">H", 12) + scan + data + b"\xff\xd9"


@pytest.mark.parametrize("kind", SAMPLINGS)
def test_colours_of_a_jpeg_are_never_coarser_than_they_came(kind):
    data = sampled(*SAMPLINGS[kind])
    before, (after, notes) = opened(data), rewritten(data)
    assert not notes
    assert after.quantization[0] == before.quantization[0]
    for own, new in zip(ratios(before), ratios(after), strict=True):
        assert new[0] <= own[0]
        assert new[1] <= own[1]


def test_each_component_keeps_its_table():
    tables = [[3] * 64, [5] * 64, [9] * 64]
    data = encoded(photo(64, 64), "jpeg", qtables=tables, subsampling=0)
    after, _ = rewritten(data)
    by_component = [after.quantization[layer[3]] for layer in after.layer]
    assert by_component == tables


def test_a_grey_jpeg_keeps_its_table_also_where_colour_comes():
    data = encoded(photo(64, 64, mode="L"), "jpeg", quality=98)
    table = opened(data).quantization[0]
    picture = images.read(data)
    tinted = picture.pixels.clone()
    tinted[2] //= 2
    for relit in (picture.pixels, tinted):
        out, _ = images.write(picture, relit, WriteOptions())
        back = opened(out)
        assert back.quantization == {0: table} or set(
            map(tuple, back.quantization.values())
        ) == {tuple(table)}
        if back.mode == "RGB":
            assert ratios(back) == [(1, 1), (1, 1)]


def test_a_lossless_jpeg_is_written_and_it_is_said_that_it_is_not_lossless():
    frame = b"\xff\xc3" + struct.pack(">HBHHB", 11, 8, 8, 8, 1) + b"\1\x11\0"
    code = b"\xff\xc4\0\x14\0\1" + bytes(16)  # one bit: as the sample before
    scan = b"\xff\xda\0\x08\1\1\0\1\0\0" + bytes(8)
    data = b"\xff\xd8" + frame + code + scan + b"\xff\xd9"
    assert opened(data).quantization == {}
    back, notes = rewritten(data)
    assert set(back.tobytes()) == {128}
    assert notes == ("JPEG has no lossless form here",)


def test_tables_too_coarse_for_baseline_become_finer_and_nothing_is_printed(capfd):
    coarse = encoded(photo(64, 64), "jpeg", qtables=[[200] * 64] * 2, subsampling=0)
    place = coarse.find(b"\xff\xdb")
    (size,) = struct.unpack_from(">H", coarse, place + 2)
    wide = b"".join(
        b"\xff\xdb" + struct.pack(">HB64H", 131, 0x10 | number, *[300] * 64)
        for number in (0, 1)
    )
    data = coarse[:place] + wide
    rest = coarse[place + 2 + size :]
    while rest[:2] == b"\xff\xdb":
        rest = rest[2 + struct.unpack_from(">H", rest, 2)[0] :]
    data = (data + rest).replace(b"\xff\xc0", b"\xff\xc1", 1)
    capfd.readouterr()
    after, _ = rewritten(data)
    assert max(map(max, after.quantization.values())) == 255
    assert capfd.readouterr().err == ""


def test_a_jpeg_without_its_end_is_whole_and_one_without_pixels_is_not():
    data = encoded(photo(64, 48), "jpeg")
    assert data.endswith(b"\xff\xd9")
    for missing in (1, 2):
        picture = images.read(data[:-missing])
        assert any("end" in note for note in picture.notes)
        assert (picture.pixels == images.read(data).pixels).all()
    for missing in (4, 20, 300):
        with pytest.raises(PictureError):
            images.read(data[:-missing])
    layered = encoded(photo(64, 48), "jpeg", progressive=True)
    with pytest.raises(PictureError):  # a scan that refines it may be missing
        images.read(layered[: layered.rfind(b"\xff\xda")])


# --- PNG -----------------------------------------------------------------------


def chunk(name, content):
    checksum = zlib.crc32(name + content)
    return (
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)
    )


def with_chunk(data, whole, *, before=b"IDAT"):
    place = data.find(before) - 4
    return data[:place] + whole + data[place:]


BIG = b'{"node": 1}' * 190_000
BIG_CHUNKS = {
    "iTXt": chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(BIG)),
    "zTXt": chunk(b"zTXt", b"mxfile\0\0" + zlib.compress(BIG)),
    "tEXt": chunk(b"tEXt", b"prompt\0" + BIG),
}


@pytest.mark.parametrize("name", BIG_CHUNKS)
@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
def test_large_texts_stay_in_a_png(name, before):
    data = with_chunk(encoded(photo(), "png"), BIG_CHUNKS[name], before=before)
    picture = images.read(data)
    out, notes = images.write(picture, picture.pixels, WriteOptions())
    assert not picture.notes + notes
    assert BIG_CHUNKS[name] in out
    assert (images.read(out).pixels == picture.pixels).all()


def test_a_large_profile_costs_no_picture():
    profile = bytes(36) + b"acsp" + bytes(1_500_000)
    data = with_chunk(
        encoded(photo(), "png"), chunk(b"iCCP", b"printer\0\0" + zlib.compress(profile))
    )
    assert largest_difference(rewritten(data)[0], photo()) == 0


DAMAGED = {
    "wrong checksum": chunk(b"tEXt", b"Comment\0hello")[:-1] + b"\0",
    "short resolution": chunk(b"pHYs", bytes(4)),
    "unknown compression": chunk(b"zTXt", b"key\0\7" + zlib.compress(b"x")),
    "damaged text": chunk(b"iTXt", b"key\0\1\0\0\0 no deflate stream"),
}


@pytest.mark.parametrize("kind", DAMAGED)
@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
def test_a_damaged_ancillary_chunk_costs_no_picture(kind, before):
    data = with_chunk(encoded(photo(), "png"), DAMAGED[kind], before=before)
    picture = images.read(data)
    sound = images.read(encoded(photo(), "png"))
    assert (picture.pixels == sound.pixels).all()
    if kind == "wrong checksum":
        assert ["tEXt" in note for note in picture.notes] == [True]
    images.write(picture, picture.pixels, WriteOptions())


def test_a_transparent_colour_with_a_wrong_checksum_is_said():
    key = chunk(b"tRNS", bytes(6))[:-1] + b"\0"
    picture = images.read(with_chunk(encoded(photo(), "png"), key))
    assert ["tRNS" in note for note in picture.notes] == [True]
    assert picture.alpha is None


@pytest.mark.parametrize("cut", [1, 4, 9, 30])
def test_a_png_cut_behind_its_pixels_is_whole(cut):
    data = with_chunk(
        encoded(photo(), "png"), chunk(b"tEXt", b"key\0" + bytes(60)), before=b"IEND"
    )
    back, _ = rewritten(data[: -12 - cut])
    assert largest_difference(back, photo()) == 0


@pytest.mark.parametrize("name", [b"IHDR", b"IDAT", b"PLTE"])
def test_a_damaged_critical_chunk_is_an_error(name):
    image = photo().quantize(16) if name == b"PLTE" else photo()
    data = bytearray(encoded(image, "png", compress_level=0))
    data[data.find(name) + 4 + (12 if name == b"IHDR" else 20)] ^= 1
    with pytest.raises(
        PictureError, match=f"{name.decode()} chunk has a wrong checksum"
    ):
        images.read(bytes(data))


# --- chroma, alpha and quality of the others -----------------------------------


def avif_chroma(data):
    flags = data[data.find(b"av1C") + 6]
    return (flags >> 3 & 1) + 1, (flags >> 2 & 1) + 1


@pytest.mark.parametrize("chroma", ["4:4:4", "4:2:2", "4:2:0"])
def test_avif_keeps_its_chroma(chroma):
    data = encoded(photo(64, 64), "avif", subsampling=chroma, speed=10)
    picture = images.read(data)
    out, _ = images.write(picture, picture.pixels, WriteOptions())
    assert avif_chroma(out) == avif_chroma(data)


@pytest.mark.parametrize("source", ["png", "jpeg", "webp", "tiff"])
def test_what_has_full_colour_becomes_avif_of_full_colour(source):
    settings = {"jpeg": {"subsampling": 0}, "webp": {"lossless": True}}
    picture = images.read(encoded(photo(64, 64), source, **settings.get(source, {})))
    out, _ = images.write(picture, picture.pixels, WriteOptions(format="avif"))
    assert avif_chroma(out) == (1, 1)


@pytest.mark.parametrize("quality", [None, 80, 95])
def test_what_has_full_colour_becomes_jpeg_of_full_colour(quality):
    back, _ = rewritten(encoded(photo(64, 64), "png"), format="jpeg", quality=quality)
    assert ratios(back) == [(1, 1), (1, 1)]


def test_that_lossy_webp_halves_the_colours_is_said():
    full = encoded(photo(64, 64), "png")
    assert any("half" in note for note in rewritten(full, format="webp")[1])
    assert not rewritten(full, format="webp", lossless=True)[1]
    halved = encoded(photo(64, 64), "jpeg", subsampling=2)
    assert not rewritten(halved, format="webp")[1]


@pytest.mark.parametrize("format", ["webp", "avif"])
@pytest.mark.parametrize("quality", [60, 90, 93, 95, 98, 100])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_lossy_pictures_are_not_written_worse_than_they_came(
    format, quality, mode, monkeypatch
):
    data = encoded(photo(257, 96, mode=mode), format, quality=quality)
    picture = images.read(data)
    seen = []
    save = Image.SAVE[format.upper()]

    def watched(image, *rest):
        seen.append(image.encoderinfo["quality"])
        save(image, *rest)

    monkeypatch.setitem(Image.SAVE, format.upper(), watched)
    images.write(picture, picture.pixels, WriteOptions())
    images.write(picture, picture.pixels, WriteOptions(quality=50))
    assert seen[0] >= max(90, quality - 2)
    assert seen[0] <= max(90, quality + 2)  # nor larger than need be
    assert seen[1] == 50


@pytest.mark.parametrize("format", ["png", "webp", "tiff", "bmp", "avif"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_survives_in_every_format_that_holds_it(format, mode):
    image = photo(mode=mode)
    settings = {"lossless": True} if format == "webp" else {}
    back, notes = rewritten(encoded(image, "png"), format=format, **settings)
    assert not any("transparen" in note for note in notes)
    assert largest_difference(back.getchannel("A"), image.getchannel("A")) <= 8


def test_alpha_of_a_gif_is_kept_as_seen_or_not():
    image = photo(60, 40, mode="RGBA")
    image.putalpha(Image.linear_gradient("L").resize((60, 40)))
    back, notes = rewritten(encoded(image, "png"), format="gif")
    seen = back.convert("RGBA").getchannel("A")
    assert (
        largest_difference(seen, image.getchannel("A").point(lambda v: 255 * (v > 127)))
        == 0
    )
    assert any("half-transparent" in note for note in notes)
    assert any("255 colours" in note for note in notes)


def test_few_colours_go_into_a_gif_as_they_are():
    image = photo().quantize(200).convert("RGB")
    back, notes = rewritten(encoded(image, "png"), format="gif")
    assert not notes
    assert largest_difference(back.convert("RGB"), image) == 0


# --- what the containers say ---------------------------------------------------


def tiny_gif(canvas, frame=(1, 1), place=(0, 0)):
    head = (
        b"GIF89a" + struct.pack("<HH", *canvas) + b"\x80\0\0" + bytes(3) + b"\xff" * 3
    )
    inner = b"," + struct.pack("<HHHH", *place, *frame)
    return head + inner + b"\0\x02\x02\x44\x01\0;"


def test_a_small_frame_of_a_huge_gif_is_the_picture():
    for canvas in ((13_000, 13_000), (65_535, 65_535), (65_535, 20)):
        data = tiny_gif(canvas)
        assert len(data) == 35
        picture = images.read(data)
        assert picture.size == images.declared_size(io.BytesIO(data)) == (1, 1)
        assert any(f"{canvas[0]}x{canvas[1]}" in note for note in picture.notes)


def test_around_a_frame_a_small_gif_is_clear():
    picture = images.read(tiny_gif((30, 20), place=(4, 5)))
    assert picture.size == (30, 20)
    assert picture.notes == ()
    assert picture.alpha.sum() == 255
    assert picture.alpha[0, 5, 4] == 255


def test_a_small_frame_of_a_huge_webp_is_the_picture():
    frames = [photo(48, 36, seed=seed) for seed in range(2)]
    data = bytearray(
        encoded(
            frames[0], "webp", save_all=True, append_images=frames[1:], lossless=True
        )
    )
    place = data.find(b"VP8X") + 12
    data[place : place + 6] = (12_999).to_bytes(3, "little") * 2
    picture = images.read(bytes(data))
    assert picture.size == (48, 36)
    assert any("13000x13000" in note for note in picture.notes)
    colours = Image.open(io.BytesIO(encoded(frames[0], "png")))
    back = opened(images.write(picture, picture.pixels, WriteOptions(format="png"))[0])
    assert largest_difference(back.convert("RGB"), colours) == 0


def test_a_webp_cut_behind_its_pixels_is_whole():
    exif = Image.Exif()
    exif[271] = "Maker"
    image = photo(60, 40)
    data = encoded(image, "webp", lossless=True, exif=exif.tobytes(), xmp=b"<x/>" * 20)
    back, notes = rewritten(data[:-30])
    assert largest_difference(back.convert("RGB"), image) == 0
    assert back.getexif()[271] == "Maker"
    assert any("XMP" in note for note in notes)


def test_later_frames_that_are_cut_cost_no_picture():
    frames = [photo(60, 40, seed=seed) for seed in range(3)]
    for format in ("gif", "png", "webp"):
        data = encoded(frames[0], format, save_all=True, append_images=frames[1:])
        for cut in (10, len(data) // 4):
            back, notes = rewritten(data[:-cut])
            assert back.size == (60, 40)
            assert any("first frame" in note for note in notes)


def test_a_few_bytes_do_not_make_a_huge_picture():
    declared = struct.pack(">HH", 13_000, 13_000)
    jpeg = bytearray(encoded(photo(16, 16), "jpeg"))
    place = jpeg.find(b"\xff\xc0")
    jpeg[place + 5 : place + 9] = declared
    avif = bytearray(encoded(photo(48, 36), "avif", speed=10))
    place = avif.find(b"ispe")
    avif[place + 8 : place + 16] = struct.pack(">II", 13_000, 13_000)
    bmp = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 54 + 1024)
    bmp += struct.pack("<IiiHHIIiiII", 40, 13_000, 13_000, 1, 8, 1, 0, 0, 0, 256, 0)
    bmp += bytes(range(256)) * 4 + b"\0\1"
    for data in (jpeg, avif, bmp):
        with pytest.raises(PictureError, match="declares 13000x13000, but holds"):
            images.read(bytes(data))


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"iCCP"])
def test_what_inflates_without_end_costs_no_picture(name):
    squeeze = zlib.compressobj(9)
    bomb = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(100))
    head = b"key\0\1\0\0\0" if name == b"iTXt" else b"key\0\0"
    data = with_chunk(
        encoded(photo(), "png"), chunk(name, head + bomb + squeeze.flush())
    )
    picture = images.read(data)
    assert (picture.pixels == images.read(encoded(photo(), "png")).pixels).all()
    assert any("profile" in note for note in picture.notes) == (name == b"iCCP")
    images.write(picture, picture.pixels, WriteOptions())


def runs(width, height, body, *, nibbles=False, palette=b""):
    start = 54 + 64
    head = struct.pack("<2sIHHI", b"BM", 0, 0, 0, start)
    kind, bits = (2, 4) if nibbles else (1, 8)
    shape = (40, width, height, 1, bits, kind, 0, 0, 0, 16, 0)
    colours = palette or b"".join(bytes((0, 0, 16 * i, 0)) for i in range(16))
    return head + struct.pack("<IiiHHIIiiII", *shape) + colours + body


def test_run_lengths_of_a_bmp_in_all_their_forms():
    body = b"\3\5\0\0"  # the lowest row: 5 5 5, and nothing said of the rest
    body += b"\0\5\1\2\3\4\5\0\0\0"  # five as they are, padded
    body += b"\0\2\2\1" + b"\1\7"  # two to the right, one up, then a 7
    body += b"\0\1"
    red = images.read(runs(6, 4, body)).pixels[0].int() // 16
    assert red.tolist() == [
        [0, 0, 7, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
        [1, 2, 3, 4, 5, 0],
        [5, 5, 5, 0, 0, 0],
    ]
    nibbles = b"\5\x12\0\0" + b"\0\3\x45\x60\0\1"
    red = images.read(runs(6, 2, nibbles, nibbles=True)).pixels[0].int() // 16
    assert red.tolist() == [[4, 5, 6, 0, 0, 0], [1, 2, 1, 2, 1, 0]]
    with pytest.raises(PictureError, match="cut short"):
        images.read(runs(6, 4, b"\3\5\0\0"))


@pytest.mark.parametrize("width", [49, 50, 51, 52])
def test_a_bmp_may_lack_the_padding_at_its_end(width):
    image = photo(width, 20)
    data = encoded(image, "bmp")
    padding = -3 * width % 4
    assert largest_difference(rewritten(data[: len(data) - padding])[0], image) == 0
    with pytest.raises(PictureError):
        images.read(data[: len(data) - padding - 1])


@pytest.mark.parametrize(
    "text",
    [
        b"BMW M3, Nuerburgring, 12 May",
        b"BM",
        b"BM" + bytes(60),
        b"GIF89a is older than PNG.\nIt holds 256 colours.",
        "GIF87a: für Größen".encode(),
        b"RIFFs on a WEBP guitar",
    ],
)
def test_what_only_begins_like_a_picture_is_none(text):
    assert images.sniff(text) is None
    with pytest.raises(PictureError, match="not a picture"):
        images.read(text, ".txt")


@pytest.mark.parametrize("format", images.SUFFIXES)
@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_every_picture_is_recognised(format, mode):
    for size in ((1, 1), (9, 10), (300, 13)):
        data = encoded(Image.new(mode, size), format)
        assert images.sniff(data[:64]) == format


@pytest.mark.parametrize(
    "head", [b"IIRO\x08\0", b"IIU\0\x18\0", b"FUJIFILMCCD-RAW ", b"\0\0\0\x18ftypcrx "]
)
def test_raw_files_of_other_kinds_are_known_without_a_name(head):
    with pytest.raises(PictureError, match="camera raw"):
        images.read(head + bytes(60))


# --- limits --------------------------------------------------------------------

SIDES = {"jpeg": 65_500, "webp": 16_383, "avif": 32_768, "gif": 65_535}


@pytest.mark.parametrize("format", SIDES)
def test_what_a_format_cannot_hold_is_refused_with_its_limit(format):
    limit = SIDES[format]
    picture = images.read(encoded(Image.new("RGB", (limit + 1, 1)), "png"))
    with pytest.raises(PictureError) as caught:
        images.write(picture, picture.pixels, WriteOptions(format=format))
    assert f"{limit:,} pixels a side" in caught.value.reason
    assert "--format png" in caught.value.remedy
    with pytest.raises(PictureError):
        images.require_fits(format, 1, limit + 1)
    images.require_fits(format, limit, 1)
    images.require_fits(format, 1, limit)


@pytest.mark.parametrize("format", ["webp", "gif"])
def test_the_limit_itself_is_held(format):
    width = SIDES[format]
    back, _ = rewritten(encoded(Image.new("RGB", (width, 1)), "png"), format=format)
    assert back.size == (width, 1)


def test_the_limit_is_told_before_the_network(program, warm_file):
    wide = Image.new("RGB", (17_000, 4), "red")
    wide.save(program.folder / "wide.png")
    alone = program.run(
        "relight", "wide.png", "out.webp", "--weights", warm_file, code=4
    )
    assert "0 pictures and 1 that cannot be relit" in alone.err
    assert "16,383 pixels a side" in alone.err
    assert "--format png" in alone.err
    photo().save(program.folder / "small.png")
    both = program.run(
        "relight",
        "wide.png",
        "small.png",
        "o/",
        "--format",
        "webp",
        "--weights",
        warm_file,
        code=3,
    )
    assert (program.folder / "o" / "small.webp").exists()
    assert "16,383" in (program.folder / "o" / "failures.txt").read_text()
    assert "16,383" in both.err


@pytest.mark.parametrize("fault", ["empty", "cut", "of another size"])
def test_what_was_written_is_opened_before_it_counts(fault, monkeypatch):
    sound = encoded(photo(), "jpeg")
    picture = images.read(sound)

    def fails(image, file, _name):
        if fault == "of another size":
            JpegImagePlugin._save(image, file, _name)
            data = file.getvalue().replace(
                struct.pack(">HH", image.height, image.width), struct.pack(">HH", 9, 9)
            )
            file.seek(0)
            file.write(data)
        elif fault == "cut":
            file.write(sound[:100])

    monkeypatch.setitem(Image.SAVE, "JPEG", fails)
    with pytest.raises(PictureError, match="what was written as JPEG"):
        images.write(picture, picture.pixels, WriteOptions())


def test_metadata_that_would_spoil_the_file_are_left_out(monkeypatch):
    picture = images.read(encoded(photo(), "gif", comment=b"words"))

    def spoil(data, *_):
        return data[:12], ()

    monkeypatch.setattr("msrnet_cli.images.writing.embed", spoil)
    out, notes = images.write(picture, picture.pixels, WriteOptions())
    assert opened(out).size == picture.size
    assert "metadata could not be kept" in notes


# --- no lines of others --------------------------------------------------------


def test_c_libraries_write_nothing_of_their_own(tmp_path):
    data = bytearray(encoded(photo(64, 64), "tiff", compression="tiff_lzw"))
    data[60:100] = b"\xff" * 40
    (tmp_path / "damaged.tif").write_bytes(data)
    tags = bytearray(encoded(photo(64, 64), "tiff", compression="tiff_lzw"))
    place = tags.find(struct.pack("<HHI", 259, 3, 1))
    tags[place + 8 : place + 10] = struct.pack("<H", 50001)
    (tmp_path / "webp.tif").write_bytes(tags)
    many = bytearray(encoded(photo(64, 64), "tiff"))
    place = many.find(struct.pack("<HHI", 277, 3, 1))
    many[place + 8 : place + 10] = struct.pack("<H", 99)
    (tmp_path / "many.tif").write_bytes(many)
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from msrnet_cli import images\n"
        "from msrnet_cli.errors import PictureError\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try:\n"
        "        images.read(path.read_bytes())\n"
        "    except PictureError as error:\n"
        "        print(path.name, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "damaged.tif",
        "many.tif",
        "webp.tif",
    ]
