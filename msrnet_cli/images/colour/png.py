"""The chunks of a PNG file that say what its colours are.

They are read here and hidden from Pillow, which does not know cICP, and refuses a whole
picture for a damaged gAMA. Source: PNG, third edition (W3C 2025), 4.3 and 11.3.2.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from msrnet_cli.images.colour.claims import (
    UNUSABLE_PROFILE,
    Claim,
    from_codes,
    from_profile,
    png_calibrated,
    void,
)
from msrnet_cli.images.colour.hdr import PQ
from msrnet_cli.images.metadata.png_chunks import COLOUR

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_PROFILE = 1 << 26
# Before cICP, the name of a profile meant PQ, whatever it holds (W3C Note "Using the
# ITU BT.2100 PQ EOTF with the PNG Format", 2017).
_PQ_PROFILE = b"ITUR_2100_PQ_FULL"
_SIGNATURE = 8


def png_claims(data: bytes) -> tuple[Claim, ...]:
    """What a PNG file says of its colours, the most reliable chunk first.

    Args:
        data: The whole file.
    """
    found: dict[bytes, bytes] = {}
    faults: list[Claim] = []
    for name, start, end in _before_pixels(data):
        if name in COLOUR and name not in found:
            if zlib.crc32(data[start - 4 : end]) == _number(data, end):
                found[name] = data[start:end]
            else:
                faults.append(void(f"PNG chunk {name.decode()} left out: damaged"))
    return (*faults, *_ranked(found))


def without_colour(data: bytes) -> bytes:
    """The same file without the chunks about colours."""
    cut: list[tuple[int, int]] = []
    for name, start, end in _before_pixels(data):
        if name in COLOUR:
            cut.append((start - 8, end + 4))
    if not cut:
        return data
    ends = [0, *(end for _, end in cut)]
    starts = [*(start for start, _ in cut), len(data)]
    view = memoryview(data)
    return b"".join(view[a:b] for a, b in zip(ends, starts, strict=True))


def _before_pixels(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Chunks up to the first IDAT: name, and where the content starts and ends."""
    place = _SIGNATURE
    while place + 12 <= len(data):
        name, start = data[place + 4 : place + 8], place + 8
        end = start + _number(data, place)
        if name == b"IDAT" or end + 4 > len(data):
            return
        yield name, start, end
        place = end + 4


def _number(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 4], "big")


def _ranked(found: dict[bytes, bytes]) -> Iterator[Claim]:
    if b"cICP" in found:
        yield _codes(found[b"cICP"])
    if b"iCCP" in found:
        yield _profile(found[b"iCCP"])
    if b"sRGB" in found:
        yield Claim("its sRGB chunk", None)
    if b"gAMA" in found or b"cHRM" in found:
        yield _calibration(found.get(b"gAMA"), found.get(b"cHRM"))


def _codes(content: bytes) -> Claim:
    if len(content) != 4 or content[2] != 0 or content[3] > 1:
        return void("its colour codes (cICP) are damaged, and left out")
    claim = from_codes(content[0], content[1])
    return claim.narrowed() if content[3] == 0 else claim


def _profile(content: bytes) -> Claim:
    name, _, packed = content.partition(b"\0")
    if name == _PQ_PROFILE:
        return from_codes(9, PQ)
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(packed[1:], _MAX_PROFILE)
    except zlib.error:
        profile = b""
    usable = packed[:1] == b"\0" and inflate.eof
    return from_profile(profile) if usable else void(UNUSABLE_PROFILE)


def _calibration(gamma: bytes | None, chromaticity: bytes | None) -> Claim:
    """The claim of gAMA and cHRM; a chunk of a wrong size counts as absurd."""
    encoding, points = None, None
    if gamma is not None:
        encoding = _number(gamma, 0) / 100000 if len(gamma) == 4 else 0.0
    if chromaticity is not None:
        intact = chromaticity if len(chromaticity) == 32 else bytes(32)
        points = tuple(value / 100000 for value in struct.unpack(">8I", intact))
    return png_calibrated(encoding, points)
