"""The facts of every format, and that none is forgotten where formats differ."""

from typing import get_args

import pytest
from PIL import Image

from conftest import encoded, photo
from msrnet_cli import images
from msrnet_cli.config import Format, WriteOptions, read_format
from msrnet_cli.errors import PictureError
from msrnet_cli.images import writing
from msrnet_cli.images.formats import FORMATS
from msrnet_cli.images.metadata import dissecting, embedding

NAMES = get_args(Format)


@pytest.mark.parametrize(
    "table",
    [
        FORMATS,
        images.SUFFIXES,
        writing._ENCODERS,
        embedding._ARGUMENTS,
        embedding._EMBEDDERS,
        dissecting._TAKERS,
    ],
)
def test_every_table_has_every_format_and_no_other(table):
    assert set(table) == set(NAMES)


def test_no_two_formats_share_a_suffix():
    suffixes = [suffix for facts in FORMATS.values() for suffix in facts.suffixes]
    assert len(set(suffixes)) == len(suffixes)
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in suffixes)


@pytest.mark.parametrize("format", NAMES)
def test_the_suffix_of_an_output_can_be_asked_for_as_its_format(format):
    assert read_format(images.SUFFIXES[format]) == format


@pytest.mark.parametrize("format", [name for name in NAMES if FORMATS[name].pillow])
def test_pillow_reads_and_writes_every_format_by_its_name(format):
    Image.init()
    assert FORMATS[format].pillow in Image.OPEN
    assert FORMATS[format].pillow in Image.SAVE


@pytest.mark.parametrize("format", NAMES)
def test_the_signature_of_a_format_matches_its_files_alone(format):
    head = encoded(photo(), format)[: images.formats.HEAD_BYTES]
    assert [f for f in NAMES if FORMATS[f].signature.match(head)] == [format]


@pytest.mark.parametrize("format", NAMES)
def test_transparency_is_kept_where_the_format_holds_it_and_said_elsewhere(format):
    clear = photo()
    clear.putalpha(Image.new("L", clear.size, 0))
    picture = images.read(encoded(clear, "png"))
    data, notes = images.write(picture, picture.pixels, WriteOptions(format=format))
    kept = images.read(data).alpha is not None
    assert kept == FORMATS[format].alpha
    assert kept != any("transparency left out" in note for note in notes)


@pytest.mark.parametrize("format", NAMES)
def test_as_many_bits_are_kept_(format):
    picture = images.read(encoded(Image.new("I;16", (8, 8), 12345), "png"))
    data, notes = images.write(picture, picture.pixels, WriteOptions(format=format))
    bits = FORMATS[format].bits
    assert images.read(data).encoding.depth == (16 if bits > 8 else 8)
    told = [note for note in notes if note.startswith(f"reduced to {bits} bits")]
    assert len(told) == (bits < 16)


@pytest.mark.parametrize(("format", "name"), [("webp", "WebP"), ("avif", "AVIF")])
def test_messages_name_a_format_as_people_write_it(format, name, monkeypatch):
    data = encoded(photo(), format)
    with pytest.raises(PictureError, match=f"damaged.* {name}"):
        images.read(data[: len(data) // 2])
    picture = images.read(encoded(Image.new("I;16", (8, 8), 12345), "png"))
    _, notes = images.write(picture, picture.pixels, WriteOptions(format=format))
    assert f"reduced to 8 bits: {name} holds no more" in notes
    monkeypatch.setattr(Image.Image, "save", None)
    with pytest.raises(PictureError, match=f"cannot be written as {name}"):
        images.write(picture, picture.pixels, WriteOptions(format=format))
