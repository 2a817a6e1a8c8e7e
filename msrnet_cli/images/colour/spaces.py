"""Colour spaces of three curves and a matrix: into sRGB for the network, and back.

Those of cameras, displays and phones (sRGB, Display P3, Adobe RGB, ProPhoto, Rec. 2020)
are such spaces. They are computed in floating point, so that 16 bits stay 16 bits.

Source: IEC 61966-2-1 for sRGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

CODES = 65536  # one entry per 16-bit code, so that a round trip is exact at every code
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
        position = values.clamp(0, 1) * (CODES - 1)
        below = position.floor().clamp_max(CODES - 2).long()
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
            above = above.clamp_(1, CODES - 1)
            low, high = curve[above - 1], curve[above]
            part = (wanted - low) / (high - low).clamp_min(1e-12)
            out[channel] = (above - 1 + part.clamp(0, 1)) / (CODES - 1)
        return out

    def into_srgb(self, values: Tensor) -> Tensor:
        """Values of this space, 3 H W, to sRGB; colours outside it are clipped."""
        light = _apply(self.to_srgb, self.linear(values)).clamp_(0, 1)
        return srgb_from_linear(light)

    def from_srgb(self, relit: Tensor, native: Tensor) -> Tensor:
        """Relit sRGB back into this space.

        The network does not see the part of a colour outside sRGB. That part is added
        again, scaled by the change of luminance at its place. So a network that changes
        nothing gives `native` back.

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
        """Whether pictures could be in this space: curves rise, white is white.

        A label that fails this is a mistake: every picture would be black, white or of
        one colour.
        """
        steps = self.curves.diff(dim=1)
        ends = self.curves[:, -1] > self.curves[:, 0]
        if not ((steps >= 0).all() and ends.all() and self.curves.isfinite().all()):
            return False
        white = self.to_srgb.sum(1)
        middle = self.curves[:, CODES // 2]
        return bool(
            ((white > 0.5) & (white < 2)).all()
            and ((middle > 0.005) & (middle < 0.97)).all()
        )


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
    if not space.is_plausible():
        raise ValueError(f"no picture has the curves of {name}")
    return space


def parametric_curve(parameters: tuple[float, ...]) -> Tensor:
    """Linear light of every 16-bit code, 65536, float32.

    Args:
        parameters: Of an ICC parametric curve: g alone, or g, a, b, c, d.
    """
    codes = torch.linspace(0, 1, CODES, dtype=torch.float64)
    g, a, b, c, d = parameters if len(parameters) == 5 else (*parameters, 1, 0, 0, 0)
    power = (a * codes + b).clamp_min(0) ** g
    return torch.where(codes >= d, power, c * codes).clamp(0, 1).float()


def table_curve(table: Sequence[int]) -> Tensor:
    """Linear light of every 16-bit code, 65536, float32.

    Args:
        table: Linear light in [0, 65535] of evenly spaced codes, two at least.
    """
    codes = torch.linspace(0, 1, CODES, dtype=torch.float64)
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


def adobe_rgb() -> ColourSpace:
    """Adobe RGB (1998), which cameras name in EXIF instead of embedding a profile."""
    primaries = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
    return space_from_primaries(primaries, parametric_curve((563 / 256,)), "Adobe RGB")


def _apply(matrix: Tensor, light: Tensor) -> Tensor:
    return torch.einsum("ij,jhw->ihw", matrix, light)


def _cube() -> Tensor:
    """Colours that cover a space evenly, 3 27 27."""
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
    """Bradford's matrix that maps one white, XYZ, to another."""
    target = torch.tensor(to, dtype=torch.float64)
    gains = (_BRADFORD @ target) / (_BRADFORD @ white)
    return torch.linalg.inv(_BRADFORD) @ torch.diag(gains) @ _BRADFORD


def _adapted(to_xyz: Tensor, to: tuple[float, ...] | None = None) -> Tensor:
    """The matrix with its white mapped to another; D65 by default."""
    x, y = D65
    return _adaptation(to_xyz.sum(1), to or (x / y, 1.0, (1 - x - y) / y)) @ to_xyz
