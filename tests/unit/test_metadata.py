"""What a file says about its picture comes out as the bytes that went in.

Files are built and read by `containers`, which shares no code with the project.
"""

import hashlib
import io
import json
import random
import shutil
import struct
import subprocess
import time
import zlib
from importlib.util import find_spec

import pytest
import torch
from PIL import Image

import containers as box
from conftest import photo
from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.errors import PictureError

WITH_EXIF = ("jpeg", "png", "webp", "tiff", "avif", "heic")
SAY = (270, 315, 33432)  # description, artist, copyright
WORDS = ("京都".encode(), "José Müller".encode("latin-1"), "© José".encode())
NEWS = b"http://ns.adobe.com/xap/1.0/\0"
RDF = b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'


def encoded(format, image=None, **settings):
    out = io.BytesIO()
    (image or photo()).save(out, format.upper(), **settings)
    return out.getvalue()


def relit(data, **options):
    """Write what was read, as if relit by a network that changes nothing."""
    picture = images.read(data)
    values = picture.rgb if picture.encoding.depth > 8 else picture.pixels
    out, notes = images.write(picture, values, WriteOptions(**options))
    return out, picture.notes + notes


def holding(format, block, image=None):
    """A file of a format with an EXIF block as it is."""
    if format == "jpeg":
        head = (0xE1, b"Exif\0\0" + block)
        return box.jpeg_with(encoded("jpeg", image, quality=95), head)
    if format == "png":
        return box.png_with(encoded("png", image), (b"eXIf", block))
    if format == "webp":
        return encoded("webp", image, exif=block, lossless=True)
    if format == "avif":
        return encoded("avif", image, exif=block, speed=10)
    return relit(holding("png", block, image), format="tiff")[0]


def text(tag, content):
    return tag, 2, content + b"\0"


def packet(attributes, inner=""):
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF ' + RDF + b"><rdf:Description"
        b' rdf:about="" ' + attributes + b">" + inner.encode() + b"</rdf:Description>"
        b"</rdf:RDF></x:xmpmeta>"
    )


# --- EXIF ----------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("source", WITH_EXIF)
@pytest.mark.parametrize("target", WITH_EXIF)
def test_text_in_any_encoding_travels_as_bytes(source, target, order):
    main = [text(tag, words) for tag, words in zip(SAY, WORDS, strict=True)]
    comment = b"UNICODE\0" + "夜".encode("utf-16-be")
    block = box.exif_block(order, main, [(37510, 7, comment)])
    out, _ = relit(holding(source, block), format=target)
    found = box.exif_in(out)
    assert [box.tags(found)[tag][1] for tag in SAY] == [w + b"\0" for w in WORDS]
    assert box.tags(found, 34665)[37510][:2] == (7, comment)


@pytest.mark.parametrize("source", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("target", ["jpeg", "png", "webp"])
def test_a_block_that_need_not_change_is_the_same_to_the_last_byte(source, target):
    block = box.exif_block("<", [text(271, b"Maker")], [(37500, 7, bytes(range(256)))])
    block += b"beyond all tags"
    out, notes = relit(holding(source, block), format=target)
    assert box.exif_in(out) == block
    assert not [note for note in notes if "colours" not in note]


def short(order, *values):
    return struct.pack(f"{order}{len(values)}H", *values)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_turn_changes_orientation_and_sides_and_nothing_else(order):
    image = photo(64, 32)
    sides = [(40962, 3, short(order, 64)), (40963, 4, struct.pack(order + "I", 32))]
    details = [*sides, (37500, 7, b"maker's own" * 9)]
    main = [text(271, b"Maker"), (274, 3, short(order, 6))]
    block = box.exif_block(order, main, details)
    out, _ = relit(holding("jpeg", block, image))
    after = box.exif_in(out)
    assert box.tags(after)[274][1] == short(order, 1)
    inner = box.tags(after, 34665)
    assert inner[40962][:2] == (4, struct.pack(order + "I", 32))
    assert inner[40963][:2] == (3, short(order, 64))
    assert Image.open(io.BytesIO(out)).size == (32, 64)
    same = [a == b for a, b in zip(block, after, strict=True)]
    assert same.count(False) <= 8


def test_a_thumbnail_is_gone_from_the_file_and_all_else_stays_where_it_was():
    thumbnail = encoded("jpeg", photo(16, 8, seed=9))
    details = [(36864, 7, b"0232"), (37500, 7, b"note" * 30)]
    for behind in (b"", b"and more of the maker's"):
        block = box.exif_block("<", [text(271, b"Maker")], details, thumbnail) + behind
        out, notes = relit(holding("jpeg", block))
        after = box.exif_in(out)
        assert thumbnail[20:] not in out
        assert any("thumbnail left out" in note for note in notes)
        plain = box.exif_block("<", [text(271, b"Maker")], details)
        assert after[8 : len(plain)] == plain[8:]
        assert after.endswith(behind)


def test_pixels_that_became_srgb_are_called_so():
    order = "<"
    interop = 8 + len(box.directory(order, 8, [(34665, 4, bytes(4))]))
    inner = [(40961, 3, short(order, 65535)), (40965, 4, bytes(4))]
    place = interop + len(box.directory(order, interop, inner))
    inner[1] = (40965, 4, struct.pack("<I", place))
    block = (
        b"II*\0\10\0\0\0"
        + box.directory(order, 8, [(34665, 4, struct.pack("<I", interop))])
        + box.directory(order, interop, inner)
        + box.directory(order, place, [(1, 2, b"R03\0"), (2, 7, b"0100")])
    )
    out, notes = relit(holding("jpeg", block))
    assert any("Adobe RGB" in note for note in notes)
    after = box.exif_in(out)
    assert box.tags(after, 34665)[40961][1] == short(order, 1)
    assert box.tags(after, 34665, 40965)[1][1] == b"R98\0"
    assert box.tags(after, 34665, 40965)[2][1] == b"0100"
    # Nobody reads it as Adobe RGB once more.
    assert not any("Adobe RGB" in note for note in images.read(out).notes)


# --- maker notes ---------------------------------------------------------------

WORDY = {6: b"Canon EOS 5D camera", 7: b"Firmware 1.1.1", 9: b"Jane Doe, photographer"}


def wordy(order, at, words=None):
    entries = [text(tag, value) for tag, value in (words or WORDY).items()]
    return box.directory(order, at, entries)


def nested(at):
    """Olympus' E-1: directories within the note, all offsets from the header."""
    start = at + 8
    inner = start + len(box.directory("<", start, [(0x2010, 13, bytes(4))]))
    outer = box.directory("<", start, [(0x2010, 13, struct.pack("<I", inner))])
    return b"OLYMP\0\2\0" + outer + wordy("<", inner)


# By maker: byte order of the block; the note for the offset that it lies at; where its
# directory begins, and its byte order; where its offsets count from: None for the TIFF
# header, else bytes from the beginning of the note.
MAKERS = {
    "Canon": ("<", lambda at: wordy("<", at), 0, "<", None),
    "Canon, high byte first": (">", lambda at: wordy(">", at), 0, ">", None),
    "Nikon 1": ("<", lambda at: b"Nikon\0\1\0" + wordy("<", at + 8), 8, "<", None),
    "Nikon 3": (
        "<",
        lambda _: b"Nikon\0\2\x10\0\0MM\0*\0\0\0\10" + wordy(">", 8),
        18,
        ">",
        10,
    ),
    "Olympus 1": ("<", lambda at: b"OLYMP\0\1\0" + wordy("<", at + 8), 8, "<", None),
    "Olympus 2": ("<", lambda _: b"OLYMPUS\0II\3\0" + wordy("<", 12), 12, "<", 0),
    "Panasonic": (
        "<",
        lambda at: b"Panasonic\0\0\0" + wordy("<", at + 12),
        12,
        "<",
        None,
    ),
}


def read_note(block, maker):
    """The words in a maker note, found as its maker's programs find them."""
    _, _, head, order, base = MAKERS[maker]
    start = box.tags(block, 34665)[37500][2]
    origin = 0 if base is None else start + base
    found = box.tags_at(block, order, start + head, origin)
    return {tag: content.rstrip(b"\0") for tag, (_, content, _) in found.items()}


def block_of(maker):
    order, make, *_ = MAKERS[maker]
    details = [(36864, 7, b"0232"), (37500, 7, make)]
    return box.exif_block(order, [text(271, maker.encode())], details)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("target", WITH_EXIF)
def test_maker_notes_stay_readable_in_every_format(maker, target):
    block = block_of(maker)
    assert read_note(block, maker) == WORDY  # the reader can read
    out, notes = relit(holding("jpeg", block), format=target)
    assert read_note(box.exif_in(out), maker) == WORDY
    assert notes == ()
    back, notes = relit(out, format="jpeg")
    assert read_note(box.exif_in(back), maker) == WORDY
    assert notes == ()


def late_tiff(order, make, filling):
    """A TIFF file with maker notes far behind its pixels."""
    pixels = bytes(3 * 8 * 8) + bytes(filling)
    start = 8 + len(pixels)
    number = struct.Struct(order + "I").pack
    fixed = [
        (256, 3, short(order, 8)),
        (257, 3, short(order, 8)),
        (258, 3, short(order, 8, 8, 8)),
        (259, 3, short(order, 1)),
        (262, 3, short(order, 2)),
        (273, 4, number(8)),
        (277, 3, short(order, 3)),
        (278, 3, short(order, 8)),
        (279, 4, number(192)),
    ]
    inner = start + len(box.directory(order, start, [*fixed, (34665, 4, bytes(4))]))
    main = box.directory(order, start, [*fixed, (34665, 4, number(inner))])
    details = box.directory(order, inner, [(37500, 7, b"long enough")])
    note = make(inner + len(details) - 12)
    details = box.directory(order, inner, [(37500, 7, note)])
    magic = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, start)
    return magic + pixels + main + details


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("filling", [0, 5000, 200_000])
def test_maker_notes_behind_the_pixels_of_a_tiff_stay_readable(maker, filling):
    order, make, *_ = MAKERS[maker]
    data = late_tiff(order, make, filling)
    assert read_note(data, maker) == WORDY
    for target in ("tiff", "jpeg", "png"):
        out, notes = relit(data, format=target)
        assert read_note(box.exif_in(out), maker) == WORDY
        assert notes == ()


def test_directories_within_maker_notes_move_along():
    out, _ = relit(late_tiff("<", nested, 200_000), format="jpeg")
    block = box.exif_in(out)
    start = box.tags(block, 34665)[37500][2]
    (inner,) = struct.unpack("<I", box.tags_at(block, "<", start + 8)[0x2010][1])
    found = box.tags_at(block, "<", inner)
    assert {tag: value[1].rstrip(b"\0") for tag, value in found.items()} == WORDY


def test_a_note_of_an_unknown_kind_that_has_to_move_is_said():
    data = late_tiff("<", lambda _: bytes(range(200, 256)) * 3, 200_000)
    out, notes = relit(data, format="jpeg")
    assert box.tags(box.exif_in(out), 34665)[37500][1] == bytes(range(200, 256)) * 3
    assert any("maker notes moved" in note for note in notes)


def is_installed(format):
    return format != "heic" or find_spec("pillow_heif") is not None


@pytest.mark.parametrize("maker", MAKERS)
def test_exiftool_reads_the_same_maker_notes(maker, tmp_path):
    exiftool = shutil.which("exiftool")
    if exiftool is None:
        pytest.skip("exiftool is not installed")
    data = holding("jpeg", block_of(maker))
    files = {tmp_path / "in.jpg": data}
    for target in filter(is_installed, WITH_EXIF):
        files[tmp_path / f"out.{target}"] = relit(data, format=target)[0]
    for path, data in files.items():
        path.write_bytes(data)
    command = [exiftool, "-j", "-G1", "-a", "-u", "-EXIF:all", "-MakerNotes:all"]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, check=True)
    first, *others = [
        {k: v for k, v in found.items() if k != "SourceFile" and "IFD0" not in k}
        for found in json.loads(done.stdout)
    ]
    assert len(first) > 1
    assert others == [first] * len(others)


# --- JPEG ----------------------------------------------------------------------


def plain():
    return encoded("jpeg", quality=90)


VENDORS = (
    (0xE1, b"FLIR\0\1" + bytes(range(256))),
    (0xE1, b"Exif\0\0" + box.exif_block("<", [text(271, b"Maker")])),
    (0xED, b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\4\x1c\2\5\0"),
    (0xE1, NEWS + packet(b"xmlns:a='urn:a' a:b='c'")),
    (0xE2, b"FPXR\0\0" + bytes(3000)),
    (0xE4, b"Scalado"),
    (0xE4, b"Scalado"),
    (0xED, b"Adobe_CM\0\1"),
    (0xEC, b"Ducky\0\1\0\4\0\0\0\x3c"),
    (0xEB, b"JP\0\1\0\0\0\1\0\0\0\x20jumbjson"),
    (0xFE, "Kommentar: größer".encode()),
    (0xFE, b""),
    (0xFE, b"second"),
    (0xEF, b"Q 100\0"),
)


def test_all_segments_of_a_jpeg_come_back_in_their_order():
    out, notes = relit(box.jpeg_with(plain(), *VENDORS))
    grouped = [one for one in VENDORS if one[0] != 0xFE]
    assert [one for one in box.carried(out) if one[0] != 0xFE] == grouped
    assert [one for one in box.carried(out) if one[0] == 0xFE] == [
        one for one in VENDORS if one[0] == 0xFE
    ]
    assert notes == ()


def test_a_jpeg_has_a_jfif_segment_only_if_it_had_one():
    with_one = plain()
    (size,) = struct.unpack_from(">H", with_one, 4)
    without = with_one[:2] + with_one[4 + size :]
    assert not any(marker == 0xE0 for marker, _ in box.segments(relit(without)[0]))
    head = b"JFIF\0\1\2\2\0\x48\0\x49\0\0"
    again = box.jpeg_with(without, (0xE0, head))
    assert box.segments(relit(again)[0])[0] == (0xE0, head)


def test_iptc_of_many_segments_comes_back_segment_by_segment():
    records = random.Random(1).randbytes(150_000)
    whole = b"8BIM\4\4\0\0" + struct.pack(">I", len(records)) + records
    parts = [whole[at : at + 60_000] for at in range(0, len(whole), 60_000)]
    added = [(0xED, b"Photoshop 3.0\0" + part) for part in parts]
    data = box.jpeg_with(plain(), *added)
    assert box.carried(relit(data)[0]) == added
    # By way of a TIFF, which holds it in one piece, the cuts may differ.
    tiff, _ = relit(data, format="tiff")
    assert box.tags(tiff)[34377][1] == whole
    assert box.tags(tiff)[33723][1] == records
    pieces = box.carried(relit(tiff, format="jpeg")[0])
    assert b"".join(content[14:] for _, content in pieces) == whole


def test_photoshops_thumbnail_is_left_out_and_its_other_resources_are_not():
    keep = b"8BIM\4\4\0\0\0\0\0\3abc\0", b"8BIM\4\x25\3sum\0\0\0\2xy"
    thumbnail = b"8BIM\4\x0c\0\0\0\0\0\5small\0"
    added = b"Photoshop 3.0\0" + keep[0] + thumbnail + keep[1]
    out, notes = relit(box.jpeg_with(plain(), (0xED, added)))
    assert box.carried(out) == [(0xED, b"Photoshop 3.0\0" + b"".join(keep))]
    assert any("thumbnail" in note for note in notes)


def extended(rest, name=b"0123456789ABCDEF0123456789ABCDEF"):
    note = b'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="'
    pieces = [(at, rest[at : at + 50_000]) for at in range(0, len(rest), 50_000)]
    head = b"http://ns.adobe.com/xmp/extension/\0" + name
    place = struct.Struct(">II").pack
    return [
        (0xE1, NEWS + packet(note + name + b'"')),
        *((0xE1, head + place(len(rest), at) + piece) for at, piece in pieces),
    ]


def whole_xmp(data):
    """The packet of a JPEG and the rest that it names."""
    found = [content for marker, content in box.segments(data) if marker == 0xE1]
    (main,) = [c[len(NEWS) :] for c in found if c.startswith(NEWS)]
    head = b"http://ns.adobe.com/xmp/extension/\0"
    pieces = [c[len(head) :] for c in found if c.startswith(head)]
    assert all(piece[:32] in main for piece in pieces)
    rest = b"".join(piece[40:] for piece in pieces)
    assert all(struct.unpack(">I", piece[32:36]) == (len(rest),) for piece in pieces)
    return main, rest


LONG = packet(b'xmlns:dc="urn:dc" dc:long="' + b"xyz" * 50_000 + b'"', "<dc:a>b</dc:a>")


def test_extended_xmp_survives_and_is_joined_where_there_is_room():
    data = box.jpeg_with(plain(), *extended(LONG))
    assert whole_xmp(relit(data)[0])[1] == LONG
    joined = dict(box.riff(relit(data, format="webp")[0]))[b"XMP "]
    assert b"xyz" * 50_000 in joined
    assert b"<dc:a>b</dc:a>" in joined
    assert b"HasExtendedXMP" not in joined
    assert joined.count(b"<rdf:RDF") == 1


def test_extended_xmp_of_which_a_piece_is_missing_costs_a_note():
    main, _missing, *others = extended(LONG)
    out, notes = relit(box.jpeg_with(plain(), main, *others))
    assert any("extended XMP" in note for note in notes)
    assert b"HasExtendedXMP" not in out
    assert b"xyz" not in out


def test_xmp_too_large_for_a_segment_is_extended():
    data = box.png_with(
        encoded("png"), (b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + LONG)
    )
    out, notes = relit(data, format="jpeg")
    assert notes == ()
    main, rest = whole_xmp(out)
    assert rest == LONG
    assert hashlib.md5(rest).hexdigest().upper().encode() in main
    padded = packet(b"xmlns:a='urn:a'") + b" " * 70_000 + b'<?xpacket end="w"?>'
    data = box.png_with(
        encoded("png"), (b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + padded)
    )
    main, rest = whole_xmp(relit(data, format="jpeg")[0])
    assert main.startswith(packet(b"xmlns:a='urn:a'"))
    assert rest == b""


def mpf(*kinds):
    entries = b"".join(struct.pack(">IIIHH", kind, 9, 9, 0, 0) for kind in kinds)
    count = struct.pack(">I", len(kinds))
    table = [(0xB000, 7, b"0100"), (0xB001, 4, count), (0xB002, 7, entries)]
    return 0xE2, b"MPF\0MM\0*\0\0\0\10" + box.directory(">", 8, table)


ULTRA = (
    b'xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/"'
    b' xmlns:C="http://ns.google.com/photos/1.0/container/"'
    b' xmlns:I="http://ns.google.com/photos/1.0/container/item/"'
    b' xmlns:dc="urn:dc" h:Version="1.0" dc:kept="yes"'
)
ITEMS = (
    "<C:Directory><rdf:Seq><rdf:li><C:Item I:Semantic='GainMap'/></rdf:li></rdf:Seq>"
    "</C:Directory><h:Max>2</h:Max><dc:also/>"
)
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(12) + b"\0\0\1\0mdat" + bytes(248)


@pytest.mark.parametrize("target", ["jpeg", "png"])
def test_nothing_points_to_a_gain_map_that_is_left_out(target):
    added = (0xE1, NEWS + packet(ULTRA, ITEMS)), mpf(0x030000, 0)
    iso = (0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")
    data = box.jpeg_with(plain(), *added, iso, behind=plain())
    out, notes = relit(data, format=target)
    for word in (b"hdr-gain-map", b"container", b"h:", b"C:", b"MPF\0", b"21496"):
        assert word not in out[:2000]
    assert b'dc:kept="yes"' in out
    assert b"<dc:also/>" in out
    assert sum("gain map left out" in note for note in notes) == 1
    assert not any("frame" in note or "bytes" in note for note in notes)


@pytest.mark.parametrize(
    "said",
    [
        b'G:MotionPhoto="1" G:MotionPhotoVersion="1"',
        b'G:MicroVideo="1" G:MicroVideoOffset="280"',
    ],
)
def test_nothing_points_to_a_video_that_is_left_out(said):
    names = b'xmlns:G="http://ns.google.com/photos/1.0/camera/" G:SpecialTypeID="a" '
    data = box.jpeg_with(plain(), (0xE1, NEWS + packet(names + said)), behind=VIDEO)
    out, notes = relit(data)
    assert b"MotionPhoto" not in out
    assert b"MicroVideo" not in out
    assert b"ftyp" not in out
    assert b'G:SpecialTypeID="a"' in out
    assert sum("motion video left out" in note for note in notes) == 1


@pytest.mark.parametrize(
    ("kind", "word"), [(0x010002, "preview"), (0x020002, "first frame")]
)
def test_further_pictures_of_a_jpeg_are_left_out_and_named(kind, word):
    data = box.jpeg_with(plain(), mpf(0x030000, kind), behind=plain())
    out, notes = relit(data)
    assert out.count(b"\xff\xd8\xff") == 1
    assert len(notes) == 1
    assert word in notes[0]


def test_countless_parts_behind_a_picture_are_passed_over_in_no_time():
    boxes = b"\0\0\0\x08free" * 200_000
    data = box.jpeg_with(plain(), behind=boxes)
    start = time.perf_counter()
    relit(data)
    assert time.perf_counter() - start < 5


def test_what_an_agency_has_put_behind_the_picture_stays_there():
    tail = b"\0\0\0\x30tags of a program" + b"cbipcbbl"
    assert relit(box.jpeg_with(plain(), behind=tail))[0].endswith(b"\xff\xd9" + tail)
    data = box.jpeg_with(plain(), mpf(0x030000, 0x010002), behind=plain() + tail)
    out, notes = relit(data)
    assert out.endswith(b"\xff\xd9" + tail)
    assert len(notes) == 1
    _, notes = relit(data, format="png")
    assert any("bytes after the picture left out: PNG" in note for note in notes)


def test_a_signature_of_the_old_picture_is_left_out_and_said():
    jumbf = b"JP\0\1\0\0\0\1\0\0\0\x40jumb\0\0\0\x28jumdc2pa", b"JP\0\1\0\0\0\2more"
    link = b'xmlns:d="http://purl.org/dc/terms/" d:provenance="self#jumbf=c2pa/x"'
    added = [(0xEB, part) for part in jumbf] + [(0xE1, NEWS + packet(link))]
    png = box.png_with(encoded("png"), (b"caBX", jumbf[0]))
    webp = box.webp_with(encoded("webp", xmp=b"<x/>"), b"C2PA", b"jumbf")
    for data in (box.jpeg_with(plain(), *added), png, webp):
        out, notes = relit(data)
        assert b"c2pa" not in out
        assert b"C2PA" not in out
        assert any("C2PA" in note for note in notes)


# --- PNG -----------------------------------------------------------------------

TEXTS = (
    (b"tEXt", b"Title\0caf\xe9"),
    (b"zTXt", b"mxfile\0\0" + zlib.compress(b"<mxCell/>" * 200_000, 1)),
    (b"iTXt", b"Autor\0\1\0de\0" + "Verfässer".encode() + b"\0" + zlib.compress(b"a")),
    (b"iTXt", b"workflow\0\0\0\0\0" + b'{"node": 1}' * 190_000),
    (b"tEXt", b"Title\0a second one"),
    (b"pHYs", struct.pack(">IIB", 11811, 11800, 1)),
    (b"tIME", b"\7\xea\1\2\3\4\5"),
    (b"prVt", b"private, safe to copy"),
    (b"sCAL", b"\1" + b"0.5\x000.5"),
)


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_chunks_of_a_png_come_back_as_they_were(mode):
    data = encoded("png", photo().convert(mode))
    late = ((b"tEXt", b"End\0behind the pixels"),)
    out, notes = relit(box.png_with(data, *TEXTS, late=late))
    pixels = {b"IHDR", b"IDAT", b"IEND"}
    found = [one for one in box.chunks(out) if one[0] not in pixels]
    assert found == [*TEXTS, *late]
    assert box.chunks(out)[-2] == late[0]
    assert notes == ()


def test_chunks_of_a_16_bit_png_come_back_as_they_were():
    lines = b"".join(b"\0" + bytes(range(12)) for _ in range(3))
    head = struct.pack(">IIBBBBB", 2, 3, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + box.chunk(b"IHDR", head)
    data += box.chunk(b"IDAT", zlib.compress(lines)) + box.chunk(b"IEND", b"")
    out, _ = relit(box.png_with(data, *TEXTS))
    assert box.chunks(out)[0][1] == head
    assert [one for one in box.chunks(out) if one in TEXTS] == [*TEXTS]


def test_chunks_that_speak_of_the_old_pixels_are_left_out_and_named():
    added = ((b"sPLT", b"a\0\x08"), (b"prVT", b"unsafe"), (b"pCAL", b"x\0"))
    out, notes = relit(box.png_with(encoded("png"), *added))
    assert not {name for name, _ in box.chunks(out)} & {name for name, _ in added}
    for name, _ in added:
        assert any(name.decode() in note for note in notes)


@pytest.mark.parametrize("name", [b"tEXt", b"eXIf", b"gAMA", b"iCCP", b"tIME", b"xyZz"])
def test_a_wrong_checksum_costs_the_chunk_and_a_note_not_the_picture(name):
    wrong = bytearray(box.chunk(name, b"content of it"))
    wrong[-1] ^= 1
    data = encoded("png")
    out, notes = relit(data[:33] + bytes(wrong) + data[33:])
    assert out == data or Image.open(io.BytesIO(out)).size == photo().size
    assert any(f"{name.decode()} left out" in note for note in notes)


def test_a_profile_and_texts_beyond_all_bounds_cost_no_picture():
    bomb = zlib.compress(bytes(1 << 27), 9)
    for added in ((b"iCCP", b"p\0\0" + bomb), (b"zTXt", b"t\0\0" + bomb)):
        out, _ = relit(box.png_with(encoded("png"), added))
        assert images.read(out).size == photo().size


def test_the_size_is_known_whatever_text_comes_first():
    data = box.png_with(encoded("png"), *TEXTS)
    for head in (data, data[:4096]):
        assert images.declared_size(io.BytesIO(head)) == photo().size


def test_a_profile_of_two_megabytes_is_honoured():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile += random.Random(2).randbytes(2 << 20)
    data = box.png_with(encoded("png"), (b"iCCP", b"p\0\0" + zlib.compress(profile)))
    assert images.read(data).metadata.icc == profile


def test_exif_written_as_text_is_read_turned_and_written_as_exif():
    block = box.exif_block("<", [text(315, WORDS[0]), (274, 3, short("<", 6))])
    content = b"Exif\0\0" + block
    for kind, body in ((b"exif", content), (b"APP1", content), (b"exif", block)):
        raw = b"\n%s\n%8d\n%s\n" % (kind, len(body), body.hex().encode())
        added = b"zTXt", b"Raw profile type " + kind + b"\0\0" + zlib.compress(raw)
        out, _ = relit(box.png_with(encoded("png", photo(40, 20)), added))
        assert Image.open(io.BytesIO(out)).size == (20, 40)
        found = box.tags(dict(box.chunks(out))[b"eXIf"])
        assert found[315][1] == WORDS[0] + b"\0"
        assert found[274][1] == short("<", 1)
        assert b"Raw profile" not in out


def test_xmp_written_as_text_comes_back_as_xmp():
    head = b"http://ns.adobe.com/xap/1.0/\0"
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>"
    for kind, body in ((b"xmp", packet), (b"APP1", head + packet)):
        raw = b"\n%s\n%8d\n%s\n" % (kind, len(body), body.hex().encode())
        added = b"zTXt", b"Raw profile type " + kind + b"\0\0" + zlib.compress(raw)
        out, _ = relit(box.png_with(encoded("png"), added))
        assert packet in dict(box.chunks(out))[b"iTXt"]


# --- WebP, GIF -----------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("lossless", [True, False])
def test_chunks_of_a_webp_come_back_as_they_were(mode, lossless):
    block = box.exif_block(">", [text(315, WORDS[1])])
    xmp = packet(b"xmlns:a='urn:a'") + b" odd"
    image = photo(mode=mode)
    data = encoded("webp", image, exif=block, xmp=xmp, lossless=lossless, exact=True)
    data = box.webp_with(data, b"abcd", b"anything")
    out, notes = relit(data)
    found = dict(box.riff(out))
    assert found[b"EXIF"] == block
    assert found[b"XMP "] == xmp
    assert found[b"abcd"] == b"anything"
    assert notes == ()
    back = Image.open(io.BytesIO(out))
    assert back.mode == mode
    if lossless:
        assert back.tobytes() == image.tobytes()


def comment(content):
    return b"\x21\xfe" + bytes((len(content),)) + content + b"\0"


def test_extensions_of_a_gif_come_back_as_they_were():
    xmp = packet(b"xmlns:a='urn:a'")
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    added = [
        comment("größer".encode()),
        comment(b"second"),
        b"\x21\xff\x0bXMP DataXMP" + xmp + trailer,
        b"\x21\xff\x0bMGKIPTC0000\3abc\0",
    ]
    loop = b"\x21\xff\x0bNETSCAPE2.0\3\1\0\0\0"
    data = box.gif_with(encoded("gif", photo().quantize(16)), loop, *added)
    out, notes = relit(data)
    found = [whole for label, whole in box.extensions(out) if label != 0xF9]
    assert found == added
    assert Image.open(io.BytesIO(out)).size == photo().size
    assert notes == ()
    jpeg, notes = relit(data, format="jpeg")
    assert [c for m, c in box.carried(jpeg) if m == 0xFE] == [
        "größer".encode(),
        b"second",
    ]
    assert (0xE1, NEWS + xmp) in box.carried(jpeg)
    assert len(notes) == 1


def test_a_comment_travels_between_formats_that_have_comments():
    for words in (b"plain", "größer 夜".encode(), "größer".encode("latin-1")):
        data = box.jpeg_with(plain(), (0xFE, words))
        for middle in ("png", "gif"):
            back, _ = relit(relit(data, format=middle)[0], format="jpeg")
            assert [c for m, c in box.carried(back) if m == 0xFE] == [words]


# --- TIFF ----------------------------------------------------------------------


def tiff_with(order, *private):
    """An uncompressed TIFF file, 4 by 2, with more tags."""
    number = struct.Struct(order + "I").pack
    fixed = [
        (256, 3, short(order, 4)),
        (257, 3, short(order, 2)),
        (258, 3, short(order, 8, 8, 8)),
        (262, 3, short(order, 2)),
        (273, 4, number(8)),
        (277, 3, short(order, 3)),
        (279, 4, number(24)),
    ]
    magic = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 32)
    entries = sorted([*fixed, *private])
    return magic + bytes(range(0, 240, 10)) + box.directory(order, 32, entries)


EVERY_TYPE = [(65000 + kind, kind, bytes(range(8 * 20))) for kind in range(1, 13)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_tags_of_every_type_and_size_come_back_as_they_were(order):
    big = random.Random(3).randbytes(300_000)
    own = [
        (33550, 12, struct.pack(order + "3d", 1, 2, 3)),
        (33723, 4, b"\x1c\2\5\0"),
        (34377, 7, b"8BIM\4\x25\0\0\0\0\0\2ab"),
        (37724, 7, b"Adobe Photoshop Document Data Block\0" + big),
        (700, 1, packet(b"xmlns:a='urn:a'")),
        *EVERY_TYPE,
    ]
    out, notes = relit(tiff_with(order, *own))
    found = box.tags(out)
    assert {tag: found[tag][:2] for tag, *_ in own} == {t: (k, c) for t, k, c in own}
    assert out[:2] == (b"II" if order == "<" else b"MM")
    assert Image.open(io.BytesIO(out)).tobytes() == bytes(range(0, 240, 10))
    assert notes == ()
    assert relit(out)[0] == out
    # A JPEG has room for all but the largest, which is named.
    jpeg, notes = relit(tiff_with(order, *own), format="jpeg")
    found = box.tags(box.exif_in(jpeg))
    assert all(found[tag][:2] == (kind, content) for tag, kind, content in EVERY_TYPE)
    assert len(notes) == 1
    assert "37724" in notes[0]


def test_directories_within_a_tiff_come_back():
    out = holding("tiff", box.exif_block("<", [text(271, b"M")], [(36864, 7, b"0232")]))
    again, _ = relit(out)
    assert box.tags(again, 34665)[36864][1] == b"0232"


def test_tags_of_bigtiff_come_back_in_a_plain_tiff():
    tifffile = pytest.importorskip("tifffile")
    import numpy as np

    out = io.BytesIO()
    extra = [(65001, 16, 2, (7, 1 << 20), True), (65002, 2, 0, "some words", True)]
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    settings = {"bigtiff": True, "photometric": "rgb", "metadata": None}
    tifffile.imwrite(out, pixels, extratags=extra, **settings)
    back, notes = relit(out.getvalue())
    assert box.tags(back)[65001][:2] == (4, struct.pack("<2I", 7, 1 << 20))
    assert box.tags(back)[65002][1] == b"some words\0"
    assert notes == ()


def test_a_tiff_of_16_bits_with_the_high_byte_first_stays_so():
    tifffile = pytest.importorskip("tifffile")
    import numpy as np

    pixels = np.random.default_rng(1).integers(0, 65536, (5, 7, 3), dtype=np.uint16)
    for compression in (None, "zlib"):
        out = io.BytesIO()
        settings = {"byteorder": ">", "photometric": "rgb", "compression": compression}
        tifffile.imwrite(out, pixels, **settings)
        back, _ = relit(out.getvalue())
        assert back[:2] == b"MM"
        assert (tifffile.imread(io.BytesIO(back)) == pixels).all()


@pytest.mark.parametrize(
    "tag", [270, 282, 296, 305, 315, 700, 33432, 33723, 34665, 34675]
)
def test_a_tag_of_a_wrong_type_is_dropped_with_a_note(tag):
    numbers = (5, 12) if tag in (270, 305, 315, 33432, 700, 33723, 34675) else (2, 7)
    for kind in (*numbers, 11 if tag != 282 else 3):
        data = tiff_with("<", (tag, kind, bytes(range(1, 17))))
        out, notes = relit(data)
        assert Image.open(io.BytesIO(out)).tobytes() == bytes(range(0, 240, 10))
        assert any(f"tag {tag}" in note and "wrong type" in note for note in notes)
        assert tag not in box.tags(out)


def test_pixels_that_a_wrong_type_hides_are_refused_not_guessed():
    for tag in (258, 273, 277):
        data = bytearray(tiff_with("<"))
        place = next(
            at
            for at in range(34, len(data), 12)
            if data[at : at + 2] == short("<", tag)
        )
        data[place + 2 : place + 4] = short("<", 2)
        with pytest.raises(PictureError, match=f"tag {tag}.*wrong type"):
            images.read(bytes(data))


def test_a_block_of_countless_tags_is_cut_to_what_a_jpeg_holds_in_no_time():
    own = [(tag, 7, bytes(60)) for tag in range(40_970, 43_970)]
    data = relit(tiff_with("<", *own))[0]
    start = time.perf_counter()
    out, notes = relit(data, format="jpeg")
    assert time.perf_counter() - start < 5
    assert len(box.exif_in(out)) <= 65527
    assert len(box.tags(box.exif_in(out))) > 600
    assert len(notes) == 1
    assert len(notes[0]) < 400


# --- from any format to any other ----------------------------------------------

EVERYTHING = box.jpeg_with(
    plain(),
    (0xE1, b"Exif\0\0" + box.exif_block("<", [text(271, b"M")])),
    (0xE1, NEWS + packet(b"xmlns:a='urn:a'")),
    (0xED, b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\5\x1c\2\x69\0\0\0"),
    (0xE4, b"Scalado"),
    (0xFE, b"hello"),
)


@pytest.mark.parametrize(
    ("target", "missing"),
    [
        ("jpeg", ()),
        ("png", ("APP4",)),
        ("webp", ("IPTC", "comment", "APP4")),
        ("tiff", ("comment", "APP4")),
        ("avif", ("IPTC", "comment", "APP4")),
        ("gif", ("EXIF", "IPTC", "APP4")),
        ("bmp", ("EXIF", "XMP", "IPTC", "comment", "APP4")),
    ],
)
def test_what_a_format_has_no_place_for_is_named(target, missing):
    _, notes = relit(EVERYTHING, format=target)
    notes = [note for note in notes if "colours" not in note]
    assert len(notes) == bool(missing)
    for name in ("EXIF", "XMP", "IPTC", "comment", "APP4"):
        assert (name in "".join(notes)) == (name in missing)
    assert not missing or "holds none" in notes[0]
    _, notes = relit(EVERYTHING, format=target, strip_metadata=True)
    assert not [note for note in notes if "colours" not in note]


@pytest.mark.parametrize("middle", ["png", "tiff"])
def test_iptc_comes_back_from_every_format_that_holds_it(middle):
    out, _ = relit(relit(EVERYTHING, format=middle)[0], format="jpeg")
    assert [c for m, c in box.carried(out) if m == 0xED] == [
        c for m, c in box.carried(EVERYTHING) if m == 0xED
    ]


@pytest.mark.parametrize("target", images.SUFFIXES)
def test_nothing_is_left_of_stripped_metadata(target):
    words = b"unheard of"
    block = box.exif_block("<", [text(271, words)])
    added = [
        (0xE1, b"Exif\0\0" + block),
        (0xE1, NEWS + words),
        (0xED, words),
        (0xE4, words),
        (0xFE, words),
    ]
    data = box.jpeg_with(plain(), *added, behind=words)
    out, _ = relit(data, format=target, strip_metadata=True)
    assert words not in out
    # And all of it was there to be stripped.
    assert relit(data)[0].count(words) == 6


# --- damage --------------------------------------------------------------------


def mutated(content, chance):
    out = bytearray(content)
    for _ in range(chance.choice((1, 2, 8, 40))):
        place = chance.randrange(len(out))
        out[place : place + chance.choice((1, 4))] = chance.choice(
            (bytes((chance.randrange(256),)), b"\xff" * 4, bytes(4), b"\0\0\0\10")
        )
    return bytes(out)


def damaged(format, chance):
    """A sound picture whose every metadata block is damaged."""
    block = mutated(block_of(chance.choice([*MAKERS])), chance)
    xmp = mutated(packet(ULTRA, ITEMS), chance)
    if format == "jpeg":
        named = [
            *VENDORS,
            (0xE1, b"Exif\0\0" + block),
            mpf(0x030000, 0),
            *extended(LONG),
        ]
        added = [(m, c[:6] + mutated(c[6:] + b"x", chance)) for m, c in named]
        data = plain()
        return box.jpeg_with(
            data, *added, (0xE1, NEWS + xmp), behind=mutated(data, chance)
        )
    if format == "png":
        texts = [(name, mutated(content, chance)) for name, content in TEXTS]
        more = (b"eXIf", block), (b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + xmp)
        return box.png_with(encoded("png"), *texts, *more)
    if format == "webp":
        return box.webp_with(encoded("webp", exif=block, xmp=xmp), b"abcd", xmp)
    own = [(tag, chance.randrange(20), xmp) for tag in (270, 282, 700, 33723, 34377)]
    own = [(tag, kind, c) for tag, kind, c in own if kind < 19 and box.SIZES[kind]]
    data = tiff_with(chance.choice("<>"), *own, (34665, 4, bytes(4)), (65000, 7, block))
    return data[:320] + mutated(data[320:], chance)


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "tiff"])
def test_damaged_metadata_never_costs_a_picture(format):
    deliver_damaged(format, range(60))


@pytest.mark.slow
@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "tiff"])
def test_damaged_metadata_never_costs_any_of_many_pictures(format):
    deliver_damaged(format, range(60, 560))


def deliver_damaged(format, seeds):
    expected = torch.tensor([*range(0, 240, 10)]).view(2, 4, 3).permute(2, 0, 1)
    for seed in seeds:
        chance = random.Random(seed)
        data = damaged(format, chance)
        picture = images.read(data)
        if format == "tiff":
            assert sorted(picture.pixels.flatten().tolist()) == sorted(
                expected.flatten().tolist()
            )
        for target in (format, chance.choice([*images.SUFFIXES][:5])):
            out, notes = images.write(
                picture, picture.pixels, WriteOptions(format=target)
            )
            assert not any("could not be kept" in note for note in notes)
            assert images.read(out).size == picture.size
