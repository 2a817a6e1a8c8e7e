"""Small ICC profiles, written for colours that a file names only by numbers.

Source: ICC.1:2022 sections 7.2 (header), 9.2 (tags), 10.18 (parametricCurveType).
"""

from __future__ import annotations

import struct

import torch
from torch import Tensor

from msrnet_cli.images.colour.spaces import d50_from_d65, d50_from_srgb

_VERSION = 0x04400000  # 4.4, the first with a cicp tag
_D50 = (0x0000F6D6, 0x00010000, 0x0000D32D)  # as section 7.2.16 spells it
_NO_RIGHTS = "No copyright, use freely"
_CREATED = (2024, 1, 1, 0, 0, 0)  # the same input gives the same bytes


def matrix_profile(
    to_srgb: Tensor, curve: tuple[float, ...], name: str, codes: tuple[int, int]
) -> bytes:
    """A display profile of one parametric curve and a matrix.

    Args:
        to_srgb: 3 x 3: linear light to linear sRGB.
        curve: Parameters of the curve: g alone, or g, a, b, c, d.
        name: What programs show.
        codes: Colour primaries and transfer characteristics of ITU-T H.273.
    """
    columns = (d50_from_srgb() @ to_srgb.double()).T
    adaptation = [value for row in d50_from_d65().tolist() for value in row]
    tone = struct.pack(">4sIHH", b"para", 0, 0 if len(curve) == 1 else 3, 0)
    tags = {
        b"desc": _text(name),
        b"cprt": _text(_NO_RIGHTS),
        b"wtpt": struct.pack(">4sI3I", b"XYZ ", 0, *_D50),
        b"chad": struct.pack(">4sI", b"sf32", 0) + _fixed(adaptation),
        b"rXYZ": _xyz(columns[0]),
        b"gXYZ": _xyz(columns[1]),
        b"bXYZ": _xyz(columns[2]),
        b"rTRC": tone + _fixed(curve),
        b"gTRC": tone + _fixed(curve),
        b"bTRC": tone + _fixed(curve),
        b"cicp": struct.pack(">4sI4B", b"cicp", 0, *codes, 0, 1),
    }
    return _assembled(tags)


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    start = 132 + 12 * len(tags)
    places: dict[bytes, int] = {}
    body = b""
    for content in tags.values():
        if content not in places:  # equal curves are stored once
            places[content] = start + len(body)
            body += content + b"\0" * (-len(content) % 4)
    table = b"".join(
        struct.pack(">4sII", name, places[content], len(content))
        for name, content in tags.items()
    )
    head = struct.pack(">I4xI", start + len(body), _VERSION) + b"mntrRGB XYZ "
    head += struct.pack(">6H", *_CREATED) + b"acsp"
    head = head.ljust(68, b"\0") + struct.pack(">3I", *_D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _text(text: str) -> bytes:
    content = text.encode("utf-16-be")
    return struct.pack(
        ">4sIII2s2sII", b"mluc", 0, 1, 12, b"en", b"US", len(content), 28
    ) + (content)


def _xyz(column: Tensor) -> bytes:
    return struct.pack(">4sI", b"XYZ ", 0) + _fixed(column.tolist())


def _fixed(values: list[float] | tuple[float, ...]) -> bytes:
    numbers = torch.tensor(values, dtype=torch.float64).mul(65536).round()
    return struct.pack(f">{len(values)}i", *numbers.int().tolist())
