"""Colour spaces: any RGB or grey profile into sRGB for the network, and back.

Profiles made of three curves and a matrix (cameras, displays, phones: sRGB, Display
P3, Adobe RGB, ProPhoto, Rec. 2020) are computed here in floating point, so that 16
bits stay 16 bits. All others go through Pillow's littleCMS at 8 bits (`through_lcms`).

Sources: ICC.1:2022 sections 7 (file), 9.2.17 (cicp), 10.6 (curv), 10.18 (para), 10.31
(XYZ); IEC 61966-2-1 for sRGB.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from PIL import Image, ImageCms
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

_CODES = 65536  # one entry per 16-bit code: a round trip is exact at every code
_D50 = (0.96422, 1.0, 0.82521)
D65 = (0.3127, 0.3290)
"""Chromaticity x, y of the white of sRGB, Display P3, Rec. 2020 and Adobe RGB."""

SRGB_PRIMARIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
"""Chromaticities x, y of red, green and blue; Rec. 709 has the same."""

SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""SRGB as an ICC parametric curve of kind 3: g, a, b, c, d."""

_BRADFORD = torch.tensor(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]],
    dtype=torch.float64,
)
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # of linear sRGB, Rec. 709


def linear_from_srgb(values: Tensor) -> Tensor:
    """SRGB values in [0, 1] to linear light in [0, 1]."""
    return torch.where(
        values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4
    )


def srgb_from_linear(light: Tensor) -> Tensor:
    """Linear light in [0, 1] to sRGB values in [0, 1]."""
    return torch.where(
        light <= 0.0031308,
        light * 12.92,
        1.055 * light.clamp_min(0.0031308) ** (1 / 2.4) - 0.055,
    )


@dataclass(frozen=True)
class ColourSpace:
    """Three curves and a matrix.

    Attributes:
        curves: 3 x 65536, float32: linear light of every 16-bit code, rising.
        to_srgb: 3 x 3: linear light of this space to linear sRGB.
        name: For messages.
    """

    curves: Tensor
    to_srgb: Tensor
    name: str

    def linear(self, values: Tensor) -> Tensor:
        """Values of this space, 3 H W in [0, 1], to its linear light."""
        position = values.clamp(0, 1) * (_CODES - 1)
        below = position.floor().clamp_max(_CODES - 2).long()
        out = torch.empty_like(values)
        for channel, curve in enumerate(self.curves):
            start = below[channel]
            low, high = curve[start], curve[start + 1]
            out[channel] = torch.lerp(low, high, position[channel] - start)
        return out

    def values(self, light: Tensor) -> Tensor:
        """The inverse of `linear`."""
        out = torch.empty_like(light)
        for channel, curve in enumerate(self.curves):
            wanted = light[channel].clamp(curve[0].item(), curve[-1].item())
            above = torch.searchsorted(curve, wanted.contiguous())
            above = above.clamp_(1, _CODES - 1)
            low, high = curve[above - 1], curve[above]
            part = (wanted - low) / (high - low).clamp_min(1e-12)
            out[channel] = (above - 1 + part.clamp(0, 1)) / (_CODES - 1)
        return out

    def into_srgb(self, values: Tensor) -> Tensor:
        """Values of this space, 3 H W, to sRGB; colours outside it are clipped."""
        light = _apply(self.to_srgb, self.linear(values)).clamp_(0, 1)
        return srgb_from_linear(light)

    def from_srgb(self, relit: Tensor, native: Tensor) -> Tensor:
        """Relit sRGB back into this space.

        The part of a colour that lies outside sRGB is not seen by the network; it is
        put back, dimmed or brightened as the picture is at that place. A network that
        changes nothing therefore gives back `native` itself.

        Args:
            relit: 3 H W, sRGB in [0, 1].
            native: The picture before relighting, 3 H W in this space.

        Returns:
            3 H W in this space, [0, 1].
        """
        before = self.linear(native)
        seen = _apply(self.to_srgb, before).clamp_(0, 1)
        after = linear_from_srgb(relit.clamp(0, 1))
        weights = torch.tensor(_LUMINANCE)[:, None, None]
        floor = 1e-3  # keeps the ratio finite in black
        gain = ((after * weights).sum(0) + floor) / ((seen * weights).sum(0) + floor)
        gain = gain.clamp(0, 4)
        # = from_srgb(after) + gain * unseen, with unseen = before - from_srgb(seen),
        # but exact where nothing has changed.
        change = _apply(torch.linalg.inv(self.to_srgb), after - seen * gain)
        light = before * gain + change
        return self.values(light).clamp_(0, 1)

    def is_srgb(self) -> bool:
        """Whether this space is sRGB to within half an 8-bit level."""
        cube = _cube()
        light = _apply(self.to_srgb, self.linear(cube))
        difference = srgb_from_linear(light.clamp(0, 1)) - cube
        return bool(difference.abs().max() < 0.5 / 255)

    def agrees_with(self, other: ColourSpace) -> bool:
        """Whether the same numbers mean the same colours, to half an 8-bit level."""
        cube = _cube()
        ours, theirs = (
            srgb_from_linear(_apply(s.to_srgb, s.linear(cube)).clamp(0, 1))
            for s in (self, other)
        )
        return bool((ours - theirs).abs().max() < 0.5 / 255)

    def is_plausible(self) -> bool:
        """Whether pictures could be in this space: white is white, grey is grey.

        A label that fails this is a mistake: by it every picture would be black, white
        or of one colour.
        """
        white = self.to_srgb.sum(1)
        middle = self.curves[:, _CODES // 2]
        return bool(
            ((white > 0.5) & (white < 2)).all()
            and ((middle > 0.005) & (middle < 0.97)).all()
        )


def space_from_icc(profile: bytes) -> ColourSpace | None:
    """The colour space of a profile made of curves, with or without a matrix.

    Returns:
        None where the profile is of another kind (tables, CMYK, LAB) or is broken.
    """
    try:
        return _parse(profile)
    except (struct.error, IndexError, KeyError, ValueError, RuntimeError):
        return None


def space_from_primaries(
    primaries: tuple[float, ...],
    curves: Tensor,
    name: str,
    white: tuple[float, float] = D65,
) -> ColourSpace:
    """A colour space by its chromaticities; a white other than D65 is adapted to it.

    Args:
        primaries: x and y of red, green and blue.
        curves: 1 or 3 x 65536: linear light of every 16-bit code.
        name: For messages.
        white: x and y.

    Raises:
        ValueError: No colours have such chromaticities, or no picture such curves.
    """
    matrix, _ = matrix_from_primaries(primaries, white)
    space = ColourSpace(curves.float().expand(3, -1), matrix, name)
    if not _rising(space) or not space.is_plausible():
        raise ValueError(f"no picture has the curves of {name}")
    return space


def parametric_curve(parameters: tuple[float, ...]) -> Tensor:
    """Linear light of every 16-bit code, 65536, float32.

    Args:
        parameters: Of an ICC parametric curve: g alone, or g, a, b, c, d.
    """
    codes = torch.linspace(0, 1, _CODES, dtype=torch.float64)
    g, a, b, c, d = parameters if len(parameters) == 5 else (*parameters, 1, 0, 0, 0)
    power = (a * codes + b).clamp_min(0) ** g
    return torch.where(codes >= d, power, c * codes).clamp(0, 1).float()


def table_curve(table: Sequence[int]) -> Tensor:
    """Linear light of every 16-bit code, 65536, float32.

    Args:
        table: Linear light in [0, 65535] of evenly spaced codes, two at least.
    """
    codes = torch.linspace(0, 1, _CODES, dtype=torch.float64)
    points = torch.tensor(table, dtype=torch.float64) / 65535
    position = codes * (len(table) - 1)
    below = position.floor().clamp_max(len(table) - 2).long()
    return torch.lerp(points[below], points[below + 1], position - below).float()


def matrix_from_primaries(
    primaries: tuple[float, ...], white: tuple[float, float] = D65
) -> tuple[Tensor, Tensor]:
    """Linear light to linear sRGB, 3 x 3, and luminance of each primary, 3; float32.

    Raises:
        ValueError: No colours have such chromaticities.
    """
    to_xyz = _adapted(_rgb_to_xyz(primaries, white))
    to_srgb = torch.linalg.inv(_rgb_to_xyz(SRGB_PRIMARIES, D65)) @ to_xyz
    return to_srgb.float(), to_xyz[1].float()


def d50_from_srgb() -> Tensor:
    """Matrix from linear sRGB to XYZ under D50, as profiles store it: float64."""
    return _adapted(_rgb_to_xyz(SRGB_PRIMARIES, D65), to=_D50)


def d50_from_d65() -> Tensor:
    """Bradford's adaptation from D65, as a profile's chad tag holds it: float64."""
    return _adaptation(_rgb_to_xyz(SRGB_PRIMARIES, D65).sum(1), _D50)


def hdr_codes(profile: bytes) -> tuple[int, int] | None:
    """Primaries and transfer of a profile whose cicp tag says PQ or HLG (ITU-T H.273).

    The curves and tables beside that tag are of no use then: they are a rendering for
    programs that do not know the tag.
    """
    try:
        tag = _tags(profile)[b"cicp"]
        primaries, transfer = tag[8], tag[9]
    except (struct.error, IndexError, KeyError):
        return None
    return (primaries, transfer) if transfer in (16, 18) else None


def adobe_rgb() -> ColourSpace:
    """Adobe RGB (1998), which cameras name in EXIF instead of embedding a profile."""
    primaries = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
    return space_from_primaries(primaries, parametric_curve((563 / 256,)), "Adobe RGB")


def through_lcms(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Any image to 8-bit sRGB, through its profile where it has a sound one.

    Args:
        image: CMYK, LAB, RGB or L.
        profile: ICC bytes; None for LAB's own and for plain CMYK.

    Returns:
        An RGB image.

    Raises:
        ImageCms.PyCMSError: The profile is damaged or for another kind of pixel.
        ValueError: It makes black and white one.
    """
    if image.mode != "LAB":
        if profile is None:
            return image.convert("RGB")  # CMYK by its complement
        _require_contrast(image.mode, profile)
    return _converted(image, profile)


def _require_contrast(mode: str, profile: bytes) -> None:
    ends = Image.new(mode, (2, 1))
    ends.putpixel((1, 0), 255 if mode == "L" else (255,) * len(ends.getbands()))
    dark, light = sorted(_converted(ends, profile).convert("L").tobytes())
    if light - dark < 64:
        raise ValueError("the profile makes black and white one")


def _converted(image: Image.Image, profile: bytes | None) -> Image.Image:
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    if image.mode == "LAB":
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    else:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))
    converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    return converted or image.convert("RGB")


def _apply(matrix: Tensor, light: Tensor) -> Tensor:
    return torch.einsum("ij,jhw->ihw", matrix, light)


def _cube() -> Tensor:
    """Colours all over a space, 3 27 27."""
    steps = torch.linspace(0, 1, 9)
    return torch.cartesian_prod(steps, steps, steps).T.reshape(3, 27, 27)


def _rgb_to_xyz(primaries: tuple[float, ...], white: tuple[float, float]) -> Tensor:
    """Matrix from linear RGB to XYZ under its own white.

    Raises:
        ValueError: The primaries do not surround the white.
    """
    x, y = (torch.tensor(primaries[i::2], dtype=torch.float64) for i in (0, 1))
    columns = torch.stack((x, y, 1 - x - y))
    white_x, white_y = white
    if not (0.1 < white_x < 0.6 and 0.1 < white_y < 0.6):
        raise ValueError("that is not a white")
    light = torch.tensor(
        [white_x / white_y, 1, (1 - white_x - white_y) / white_y], dtype=torch.float64
    )
    if columns.det().abs() < 0.01:  # sRGB has 0.22
        raise ValueError("the primaries are all one colour")
    gains = torch.linalg.solve(columns, light)
    if not (gains > 0).all():
        raise ValueError("the white is not a mixture of the primaries")
    return columns * gains


def _adaptation(white: Tensor, to: tuple[float, ...]) -> Tensor:
    """Bradford's matrix that carries one white, XYZ, into another."""
    target = torch.tensor(to, dtype=torch.float64)
    gains = (_BRADFORD @ target) / (_BRADFORD @ white)
    return torch.linalg.inv(_BRADFORD) @ torch.diag(gains) @ _BRADFORD


def _adapted(to_xyz: Tensor, to: tuple[float, ...] | None = None) -> Tensor:
    """The matrix with its white carried into another; D65 by default."""
    x, y = D65
    return _adaptation(to_xyz.sum(1), to or (x / y, 1.0, (1 - x - y) / y)) @ to_xyz


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
        return _usable(ColourSpace(curves, torch.eye(3), "grey profile"))
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
    return _usable(ColourSpace(curves, matrix, _description(tags.get(b"desc", b""))))


def _usable(space: ColourSpace) -> ColourSpace | None:
    return space if _rising(space) and space.is_plausible() else None


def _rising(space: ColourSpace) -> bool:
    steps = space.curves.diff(dim=1)
    ends = space.curves[:, -1] > space.curves[:, 0]
    return bool((steps >= 0).all() and ends.all() and space.curves.isfinite().all())


def _curve(tag: bytes) -> Tensor:
    """A curv or para tag as linear light of every 16-bit code, float32."""
    codes = torch.linspace(0, 1, _CODES, dtype=torch.float64)
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
