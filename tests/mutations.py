"""Picture files of every format and kind, and seeded damage to them."""

from __future__ import annotations

import io
import random
import struct
from typing import TYPE_CHECKING

import numpy as np
import tifffile
from PIL import Image, ImageCms, PngImagePlugin

from conftest import encoded, photo

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = (48, 36)
_LENGTHS = (0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000)
_LENGTHS += (0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_HEADER = 300


def seeds(format: str) -> list[bytes]:
    """Sound files of a format, each of another kind."""
    return [bytes(data) for data in _SEEDS[format]()]


def mutants(format: str, count: int, seed: int = 0) -> Iterator[bytes]:
    """Damaged files: flipped bits, cuts, splices and changed length fields."""
    chance = random.Random(f"{format} {seed}")
    sound = seeds(format)
    for _ in range(count):
        data = bytearray(chance.choice(sound))
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            chance.choice((_flip, _flip, _cut, _splice, _length, _length))(data, chance)
        yield bytes(data)


def _place(data: bytearray, chance: random.Random) -> int:
    """Half of all damage falls on the header."""
    end = len(data) if chance.random() < 0.5 else min(_HEADER, len(data))
    return chance.randrange(max(1, end))


def _flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 2, 8))):
        if data:
            data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[_place(data, chance) :]


def _splice(data: bytearray, chance: random.Random) -> None:
    if not data:
        return
    source = chance.randrange(len(data))
    part = data[source : source + chance.choice((1, 4, 16, 200))]
    start = _place(data, chance)
    replaced = chance.choice((0, len(part), 4))
    data[start : start + replaced] = part


def _length(data: bytearray, chance: random.Random) -> None:
    size, order = chance.choice((2, 4)), chance.choice(("big", "little"))
    start = _place(data, chance)
    value = chance.choice(_LENGTHS) & ((1 << 8 * size) - 1)
    data[start : start + size] = value.to_bytes(size, order)  # type: ignore[arg-type]


def _encoded(image: Image.Image, format: str, **settings: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **settings)
    return out.getvalue()


def _described() -> dict[str, object]:
    exif = Image.Exif()
    exif[271], exif[274], exif[315] = "Maker", 6, "Artist"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {"exif": exif.tobytes(), "icc_profile": profile}


def _deep(channels: int, bits: int = 16) -> np.ndarray:
    chance = np.random.default_rng(0)
    shape = (SIZE[1], SIZE[0], channels)
    return chance.integers(0, 1 << bits, shape).astype(np.uint16).squeeze()


def _tiff(array: np.ndarray, **settings: object) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, array, **settings)
    return out.getvalue()


def packed_tiff(array: np.ndarray, bits: int, order: str = "<") -> bytes:
    """An uncompressed TIFF, H W 3 or H W, whose samples share bytes (TIFF 6.0)."""
    height, width = array.shape[:2]
    channels = array.size // (height * width)
    places = np.arange(bits - 1, -1, -1)
    single = (array.reshape(height, -1, 1) >> places & 1).astype(np.uint8)
    rows = np.packbits(single.reshape(height, -1), axis=1).tobytes()
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 2 if channels > 2 else 1}
    tags |= {273: 8, 277: channels, 278: height, 279: len(rows)}
    entries = [struct.pack(f"{order}HHII", tag, 4, 1, v) for tag, v in tags.items()]
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(f"{order}HI", 42, 8 + len(rows))
    count = struct.pack(f"{order}H", len(tags))
    return b"".join((head, rows, count, *entries, bytes(4)))


def _png() -> list[bytes]:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", "<x/>", zip=True)
    text.add_text("Comment", "words " * 99, zip=True)
    frames = [photo(*SIZE, seed=i) for i in range(3)]
    return [
        _encoded(photo(*SIZE), "PNG", pnginfo=text, **_described()),
        _encoded(photo(*SIZE).quantize(16), "PNG", transparency=0),
        _encoded(photo(*SIZE, mode="LA"), "PNG"),
        _encoded(Image.fromarray(_deep(1)), "PNG"),
        _encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]),
    ]


def _jpeg() -> list[bytes]:
    image = photo(*SIZE)
    return [
        _encoded(image, "JPEG", **_described()),
        _encoded(image, "JPEG", progressive=True, subsampling=0, comment=b"words"),
        _encoded(image.convert("L"), "JPEG"),
        _encoded(image.convert("CMYK"), "JPEG"),
    ]


def _webp() -> list[bytes]:
    frames = [photo(*SIZE, seed=i) for i in range(3)]
    return [
        _encoded(frames[0], "WEBP", xmp=b"<x/>", **_described()),
        _encoded(photo(*SIZE, mode="RGBA"), "WEBP"),
        _encoded(photo(*SIZE, mode="RGBA"), "WEBP", lossless=True),
        _encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
    ]


def _tiffs() -> list[bytes]:
    image = photo(*SIZE)
    rgb = {"photometric": "rgb"}
    return [
        _encoded(image, "TIFF", exif=_described()["exif"]),
        _encoded(image, "TIFF", compression="tiff_lzw", dpi=(300, 300)),
        _encoded(image, "TIFF", compression="jpeg"),
        _encoded(image.quantize(16), "TIFF", compression="packbits"),
        _encoded(image.convert("1"), "TIFF", compression="group4"),
        _encoded(image, "TIFF", save_all=True, append_images=[image]),
        _tiff(_deep(3), byteorder=">", compression="zlib", predictor=True, **rgb),
        _tiff(_deep(4), tile=(16, 16), extrasamples=["unassalpha"], **rgb),
        packed_tiff(_deep(3, 10), 10),
        _tiff(_deep(1), byteorder=">", bigtiff=True, photometric="miniswhite"),
    ]


def _gif() -> list[bytes]:
    frames = [photo(*SIZE, seed=i).quantize(32) for i in range(3)]
    return [
        _encoded(frames[0], "GIF", comment=b"words"),
        _encoded(frames[0], "GIF", transparency=0, interlace=1),
        _encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
    ]


def _bmp() -> list[bytes]:
    image = photo(*SIZE)
    return [
        _encoded(image, "BMP", dpi=(72, 72)),
        _encoded(image.quantize(16), "BMP"),
        _encoded(image.convert("1"), "BMP"),
        _run_length_bmp(),
    ]


def _run_length_bmp() -> bytes:
    """Eight bits in runs, rows that end early, a jump: what no writer here makes."""
    head = _encoded(photo(*SIZE).quantize(16), "BMP")
    start = int.from_bytes(head[10:14], "little")
    runs = b"".join(bytes((20, row % 16, 0, 4, 1, 2, 3, 4, 0, 0)) for row in range(30))
    data = bytearray(head[:start] + runs + b"\0\2\3\1" + b"\5\5\0\1")
    data[30:34] = (1).to_bytes(4, "little")
    return bytes(data)


def _avif() -> list[bytes]:
    fast = {"speed": 10}
    return [
        _encoded(photo(*SIZE), "AVIF", **_described(), **fast),
        _encoded(photo(*SIZE, mode="RGBA"), "AVIF", subsampling="4:4:4", **fast),
    ]


def _heic() -> list[bytes]:
    bands = photo(*SIZE, mode="RGBA")
    deep = Image.fromarray(_deep(1))
    return [
        encoded(photo(*SIZE), "heic", thumbnails=[16], **_described()),
        encoded(bands, "heic", chroma=444),
        encoded(deep, "heic"),
    ]


_SEEDS = {
    "png": _png,
    "jpeg": _jpeg,
    "webp": _webp,
    "tiff": _tiffs,
    "gif": _gif,
    "bmp": _bmp,
    "avif": _avif,
    "heic": _heic,
}
