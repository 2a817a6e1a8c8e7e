"""ICC profiles, read: three curves and a matrix as a colour space.

Source: ICC.1:2022 sections 7 (file), 9.2.17 (cicp), 10.6 (curv), 10.18 (para), 10.31
(XYZ).
"""

from __future__ import annotations

import struct

import torch
from torch import Tensor

from msrnet_cli.images.colour.spaces import (
    CODES,
    ColourSpace,
    d50_from_srgb,
    table_curve,
)


def space_from_icc(profile: bytes) -> ColourSpace | None:
    """The colour space of a profile made of curves, with or without a matrix.

    Returns:
        None where the profile is of another kind (tables, CMYK, LAB) or is broken.
    """
    try:
        space = _parse(profile)
    except (struct.error, IndexError, KeyError, ValueError, RuntimeError):
        return None
    return space if space is not None and space.is_plausible() else None


def hdr_codes(profile: bytes) -> tuple[int, int] | None:
    """Primaries and transfer of a profile whose cicp tag says PQ or HLG (ITU-T H.273).

    The curves and tables beside that tag are then not used: they are a rendering for
    programs that do not know the tag.
    """
    try:
        tag = _tags(profile)[b"cicp"]
        primaries, transfer = tag[8], tag[9]
    except (struct.error, IndexError, KeyError):
        return None
    return (primaries, transfer) if transfer in (16, 18) else None


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    tags: dict[bytes, bytes] = {}
    for index in range(min(count, 1000)):
        name, start, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        tags[name] = profile[start : start + size]
    return tags


def _parse(profile: bytes) -> ColourSpace | None:
    kind, tags = profile[16:20], _tags(profile)
    if profile[36:40] != b"acsp" or b"A2B0" in tags or profile[20:24] != b"XYZ ":
        return None
    if kind == b"GRAY":
        curves = _curve(tags[b"kTRC"]).expand(3, -1)
        return ColourSpace(curves, torch.eye(3), "grey profile")
    if kind != b"RGB ":
        return None
    curves = torch.stack([_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")])
    columns = [
        torch.tensor(struct.unpack_from(">3i", tags[name], 8), dtype=torch.float64)
        for name in (b"rXYZ", b"gXYZ", b"bXYZ")
    ]
    to_xyz = torch.stack(columns, 1) / 65536
    matrix = (torch.linalg.inv(d50_from_srgb()) @ to_xyz).float()
    torch.linalg.inv(matrix)  # raises for a matrix without an inverse
    return ColourSpace(curves, matrix, _description(tags.get(b"desc", b"")))


def _curve(tag: bytes) -> Tensor:
    """A curv or para tag as linear light of every 16-bit code, float32."""
    codes = torch.linspace(0, 1, CODES, dtype=torch.float64)
    if tag[:4] == b"para":
        return _parametric(tag, codes).clamp(0, 1).float()
    if tag[:4] != b"curv":
        raise ValueError(f"unknown curve type {tag[:4]!r}")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return codes.float()
    if count == 1:
        (gamma,) = struct.unpack_from(">H", tag, 12)
        return (codes ** (gamma / 256)).float()
    return table_curve(struct.unpack_from(f">{count}H", tag, 12))


def _parametric(tag: bytes, x: Tensor) -> Tensor:
    """ICC.1:2022 table 68: Y = (aX + b)^g + e from X = d on, cX + f below."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    count = (1, 3, 4, 5, 7)[kind]
    parameters = struct.unpack_from(f">{count}i", tag, 12)
    g, *rest = (value / 65536 for value in parameters)
    a, b, c, d, e, f = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind in (1, 2):
        a, b = rest[:2]
        d = -b / a
        e = f = rest[2] if kind == 2 else 0.0
    elif kind == 3:
        a, b, c, d = rest
    elif kind == 4:
        a, b, c, d, e, f = rest
    return torch.where(x >= d, (a * x + b).clamp_min(0) ** g + e, c * x + f)


def _description(tag: bytes) -> str:
    if tag[:4] == b"mluc":
        length, start = struct.unpack_from(">II", tag, 20)
        return tag[start : start + length].decode("utf-16-be", "replace")
    if tag[:4] == b"desc":
        (length,) = struct.unpack_from(">I", tag, 8)
        return tag[12 : 12 + length - 1].decode("ascii", "replace")
    return "unnamed profile"
