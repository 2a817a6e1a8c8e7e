"""Small readers and builders of picture files, apart from those of the project.

They know just enough of each format to see which bytes a file carries, and raise where
a file is not well formed.
"""

import io
import struct
import zlib

import pytest
from PIL import Image

# --- JPEG ----------------------------------------------------------------------


def segment(marker, content):
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def segments(data):
    """Markers and contents before the first scan."""
    assert data[:2] == b"\xff\xd8"
    place, found = 2, []
    while data[place + 1] != 0xDA:
        assert data[place] == 0xFF
        (size,) = struct.unpack_from(">H", data, place + 2)
        found.append((data[place + 1], data[place + 4 : place + 2 + size]))
        place += 2 + size
    return found


def carried(data):
    """The segments that are not needed to decode the picture."""
    return [
        (marker, content)
        for marker, content in segments(data)
        if 0xE1 <= marker <= 0xEF or marker == 0xFE
    ]


def jpeg_with(data, *added, behind=b""):
    return data[:2] + b"".join(segment(*one) for one in added) + data[2:] + behind


# --- PNG -----------------------------------------------------------------------


def chunk(name, content):
    checksum = zlib.crc32(name + content)
    return (
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)
    )


def chunks(data):
    """Names and contents, their checksums proved."""
    place, found = 8, []
    while place < len(data):
        size, name = struct.unpack_from(">I4s", data, place)
        content = data[place + 8 : place + 8 + size]
        assert chunk(name, content) == data[place : place + 12 + size]
        found.append((name, content))
        place += 12 + size
    assert found[-1][0] == b"IEND"
    return found


def png_with(data, *added, late=()):
    body = b"".join(chunk(*one) for one in added)
    tail = b"".join(chunk(*one) for one in late)
    return data[:33] + body + data[33:-12] + tail + data[-12:]


# --- WebP ----------------------------------------------------------------------


def riff(data):
    assert data[:4] == b"RIFF"
    assert len(data) == 8 + struct.unpack_from("<I", data, 4)[0]
    place, found = 12, []
    while place < len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        found.append((name, data[place + 8 : place + 8 + size]))
        place += 8 + size + size % 2
    return found


def webp_with(data, name, content):
    """Append a chunk to a file that has a VP8X chunk."""
    assert data[12:16] == b"VP8X"
    body = data[8:] + struct.pack("<4sI", name, len(content)) + content
    body += bytes(len(body) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


# --- GIF -----------------------------------------------------------------------


def extensions(data):
    """Labels and whole bytes of the extensions before the first frame."""
    place = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    found = []
    while data[place] == 0x21:
        start = place
        place += 2
        while data[place]:
            place += 1 + data[place]
        place += 1
        found.append((data[start + 1], data[start:place]))
    assert data[place] == 0x2C
    return found


def gif_with(data, *added):
    place = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    return b"GIF89a" + data[6:place] + b"".join(added) + data[place:]


# --- TIFF and EXIF -------------------------------------------------------------

SIZES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)


def tags(block, *path):
    """Type and bytes of each tag in a directory, and where the bytes lie."""
    order = {b"II": "<", b"MM": ">"}[block[:2]]
    assert struct.unpack_from(order + "H", block, 2) == (42,)
    (at,) = struct.unpack_from(order + "I", block, 4)
    found = tags_at(block, order, at)
    for tag in path:
        (at,) = struct.unpack(order + "I", found[tag][1])
        found = tags_at(block, order, at)
    return found


def tags_at(block, order, at, base=0):
    (count,) = struct.unpack_from(order + "H", block, at)
    found = {}
    for place in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, number, start = struct.unpack_from(order + "HHII", block, place)
        size = SIZES[kind] * number
        start = place + 8 if size <= 4 else base + start
        assert start + size <= len(block)
        found[tag] = kind, block[start : start + size], start
    return found


def directory(order, base, entries, after=0):
    """A directory that begins at an offset, its values behind it.

    Args:
        order: ``<`` or ``>``.
        base: The offset.
        entries: Tag, type and bytes, by tag.
        after: The offset of the next directory.
    """
    values = base + 2 + 12 * len(entries) + 4
    table, tail = struct.pack(order + "H", len(entries)), b""
    for tag, kind, content in entries:
        count = len(content) // SIZES[kind]
        table += struct.pack(order + "HHI", tag, kind, count)
        if len(content) <= 4:
            table += content.ljust(4, b"\0")
            continue
        table += struct.pack(order + "I", values + len(tail))
        tail += content + bytes(len(content) % 2)
    return table + struct.pack(order + "I", after) + tail


def exif_block(order="<", main=(), details=(), thumbnail=None):
    """An EXIF block whose maker note, the last of `details`, is made for its offset.

    Args:
        order: ``<`` or ``>``.
        main: Entries of the first directory.
        details: Entries of the EXIF directory; the content of tag 37500 may be a
            function of the offset that it will lie at.
        thumbnail: Bytes of a JPEG for a second directory.
    """
    magic = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    pointer = (34665, 4, bytes(4))
    start = 8 + len(directory(order, 8, [*main, pointer]))
    entries = [*details]
    if entries and callable(entries[-1][2]):
        tag, kind, make = entries[-1]
        entries[-1] = (tag, kind, b"long enough")
        note = start + len(directory(order, start, entries)) - 12
        entries[-1] = (tag, kind, make(note))
    inner = directory(order, start, entries)
    second = b""
    end = start + len(inner)
    if thumbnail is not None:
        short, long = struct.pack(order + "H", 6), struct.pack(order + "I", 0)
        fixed = [(259, 3, short), (513, 4, long), (514, 4, long)]
        where = end + len(directory(order, end, fixed))
        place = struct.pack(order + "I", where)
        size = struct.pack(order + "I", len(thumbnail))
        entries = [(259, 3, short), (513, 4, place), (514, 4, size)]
        second = directory(order, end, entries) + thumbnail
    pointer = (34665, 4, struct.pack(order + "I", start))
    first = directory(order, 8, [*main, pointer], end if second else 0)
    return magic + first + inner + second


def exif_in(data):
    """The EXIF block of a file, by the readers above, for AVIF and HEIC by
    libavif and libheif."""
    if data[:2] == b"\xff\xd8":
        head = b"Exif\0\0"
        found = [c for m, c in segments(data) if m == 0xE1 and c.startswith(head)]
        return found[0].removeprefix(head) if found else None
    if data[:4] == b"\x89PNG":
        return dict(chunks(data)).get(b"eXIf")
    if data[:4] == b"RIFF":
        return dict(riff(data)).get(b"EXIF")
    if data[:2] in (b"II", b"MM"):
        return data
    if data[4:11] == b"ftyphei":
        return pytest.importorskip("pillow_heif").open_heif(data).info["exif"][6:]
    return Image.open(io.BytesIO(data)).info.get("exif")
