"""PQ and HLG pictures to sRGB: their light, and its tone mapping.

Source: ITU-R BT.2100-2 tables 4 (PQ) and 5 (HLG); BT.2408 for the level of reference
white. The shoulder is Reinhard's extended curve (2002), from above the mid-tones on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from msrnet_cli.images.colour.spaces import srgb_from_linear
from msrnet_cli.images.pixels import unit

if TYPE_CHECKING:
    from msrnet_cli.images.rows import Rows

PQ, HLG = 16, 18
"""Transfer characteristics of ITU-T H.273."""

_WHITE = 203.0  # cd/m2 of reference white: paper, a window of a program
_PQ_PEAK = 10000.0
_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2  # the nominal display
_SHOULDER = 0.75  # of reference white: darker light stays unchanged


@dataclass(frozen=True)
class HighRange:
    """Colours with highlights brighter than white.

    Attributes:
        transfer: `PQ` or `HLG`.
        to_srgb: 3 x 3: linear light of the primaries to linear sRGB.
        luminance: 3: the share of each primary in luminance.
        name: For messages.
        peak: The brightest light to show, in reference whites.
    """

    transfer: int
    to_srgb: Tensor
    luminance: Tensor
    name: str
    peak: float = _PQ_PEAK / _WHITE

    def light(self, values: Tensor) -> Tensor:
        """Values, 3 H W in [0, 1], to light where reference white (203 cd/m2) is 1."""
        if self.transfer == PQ:
            return pq_light(values) / _WHITE
        scene = hlg_scene_light(values)
        bright = torch.einsum("i,ihw->hw", self.luminance, scene)
        system = bright.clamp_min(1e-9) ** (_HLG_GAMMA - 1)
        return scene * system * (_HLG_PEAK / _WHITE)

    def fitted(self, samples: Rows) -> HighRange:
        """The same, with the peak of a picture; without highlights nothing changes.

        Args:
            samples: RGB or grey in these colours, any alpha.
        """
        brightest = max(
            float(self.light(unit(strip[: samples.colours].expand(3, -1, -1))).max())
            for _, strip in samples.strips()
        )
        return replace(self, peak=max(1.0, brightest))

    def into_srgb(self, values: Tensor) -> Tensor:
        """Values, 3 H W in [0, 1], to sRGB.

        All three channels are scaled alike, so that highlights keep their hue. Colours
        outside sRGB are desaturated until they fit, at the same luminance.
        """
        light = self.light(values)
        brightest = light.amax(0)
        light = light * (self._dimmed(brightest) / brightest.clamp_min(1e-9))
        luminance = torch.einsum("i,ihw->hw", self.luminance, light)
        rgb = torch.einsum("ij,jhw->ihw", self.to_srgb, light)
        return srgb_from_linear(_into_gamut(rgb, luminance))

    def _dimmed(self, light: Tensor) -> Tensor:
        """[0, peak] to [0, 1]: the identity up to the shoulder, and for a peak of 1."""
        span = 1 - _SHOULDER
        above = ((light - _SHOULDER) / span).clamp_min(0)
        highest = (self.peak - _SHOULDER) / span
        bent = above * (1 + above / highest**2) / (1 + above)
        return torch.where(light <= _SHOULDER, light, _SHOULDER + span * bent)


def pq_light(values: Tensor) -> Tensor:
    """Luminance in cd/m2 of PQ values in [0, 1] (BT.2100 table 4, EOTF)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = values.clamp(0, 1) ** (1 / m2)
    return _PQ_PEAK * ((power - c1).clamp_min(0) / (c2 - c3 * power)) ** (1 / m1)


def hlg_scene_light(values: Tensor) -> Tensor:
    """Linear scene light in [0, 1] of HLG values in [0, 1] (BT.2100 table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    values = values.clamp(0, 1)
    return torch.where(
        values <= 0.5, values**2 / 3, (torch.exp((values - c) / a) + b) / 12
    )


def _into_gamut(rgb: Tensor, luminance: Tensor) -> Tensor:
    """Mix colours with grey of their luminance, just enough to reach [0, 1]."""
    luminance = luminance.clamp(0, 1)
    low, high = rgb.amin(0), rgb.amax(0)
    tiny = 1e-9
    keep_low = luminance / (luminance - low).clamp_min(tiny)
    keep_high = (1 - luminance) / (high - luminance).clamp_min(tiny)
    one = torch.ones_like(low)
    keep = torch.where(low < 0, keep_low, one).minimum(
        torch.where(high > 1, keep_high, one)
    )
    return (luminance + keep.clamp(0, 1) * (rgb - luminance)).clamp(0, 1)
