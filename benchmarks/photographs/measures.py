"""What is measured of a relit photograph, and the bars that the figures must meet.

Pictures are 3 H W, sRGB in [0, 1]. Brightness is luma: luminance weights of Rec. 709
on encoded values, as an eye judges them on a screen. Colour is that of linear light.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from msrnet_cli.lights import LUMINANCE, kelvin_gains

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

_LEVELS = 255
_BLACK = 0.01  # the percentile that counts as black
_PLAIN_KELVIN = 4500.0  # of the light that the plain command puts


def moved(one: Tensor, other: Tensor) -> float:
    """Mean absolute difference of two pictures, over pixels and channels, in 255ths."""
    return _LEVELS * float((one - other).abs().mean())


def balance(picture: Tensor) -> float:
    """How much brighter the right half is: (right - left) / (right + left), by luma.

    Returns:
        -1 to 1; 0 where both halves have the same mean, or all is black. Where the
        width is odd, the column in the middle counts to neither half.
    """
    columns = _luma(picture).mean(0)
    half = len(columns) // 2
    left, right = float(columns[:half].mean()), float(columns[-half:].mean())
    return (right - left) / max(right + left, 1e-6)


def contrast(after: Tensor, before: Tensor) -> float:
    """Standard deviation of luma, as a ratio to that of the input."""
    return float(_luma(after).std() / _luma(before).std().clamp_min(1e-6))


def lift(after: Tensor, before: Tensor) -> float:
    """How far the 1st percentile of luma rose, in 255ths; negative where it fell."""
    low = (_luma(picture).flatten().quantile(_BLACK) for picture in (after, before))
    return _LEVELS * float(next(low) - next(low))


def warmth(picture: Tensor) -> float:
    """Mean of red over mean of blue, in linear light."""
    red, _, blue = _linear(picture).flatten(1).mean(1).tolist()
    return red / max(blue, 1e-6)


def tint(after: Tensor, before: Tensor) -> float:
    """How far `warmth` is from that of the input: ratio - 1, so 0.05 is 5 % warmer."""
    return warmth(after) / warmth(before) - 1


def plain_tint(after: Tensor, before: Tensor) -> float:
    """How far `warmth` is from that of the input under 4500 K: ratio - 1.

    The input under 4500 K is its linear light times the gains of that temperature,
    clipped at white.
    """
    linear = _linear(before)
    gains = linear.new_tensor(kelvin_gains(_PLAIN_KELVIN))
    red, _, blue = (linear * gains[:, None, None]).clamp_max(1).flatten(1).mean(1)
    return warmth(after) / float(red / blue.clamp_min(1e-6)) - 1


@dataclass(frozen=True)
class Measured:
    """All figures of one photograph.

    Of those that are measured under both lights, the worse one counts.

    Attributes:
        name: Of the photograph.
        moved: Between the light from W and from E, see `moved`.
        shift: `balance` under E, less that under W.
        asked: Whether `balance` is below the input's under W and above it under E.
        contrast: The smaller ratio to the input.
        lift: The greater rise of black, 255ths.
        tint: The one further from 0.
        plain_contrast: As `contrast`, of the plain command.
        plain_lift: As `lift`, of the plain command.
        plain_tint: See `plain_tint`.
    """

    name: str
    moved: float
    shift: float
    asked: bool
    contrast: float
    lift: float
    tint: float
    plain_contrast: float
    plain_lift: float
    plain_tint: float


def measured(
    name: str, before: Tensor, west: Tensor, east: Tensor, plain: Tensor
) -> Measured:
    """Measure a photograph under the light from W, from E, and by the plain command."""
    both = (west, east)
    left, own, right = map(balance, (west, before, east))
    return Measured(
        name=name,
        moved=moved(west, east),
        shift=right - left,
        asked=left < own < right,
        contrast=min(contrast(one, before) for one in both),
        lift=max(lift(one, before) for one in both),
        tint=max((tint(one, before) for one in both), key=abs),
        plain_contrast=contrast(plain, before),
        plain_lift=lift(plain, before),
        plain_tint=plain_tint(plain, before),
    )


@dataclass(frozen=True)
class Bar:
    """What a share of the photographs must meet.

    Attributes:
        of: The field of `Measured` that it looks at.
        text: What is wanted, in words.
        want: How many of thirty must meet it.
        met: Whether a figure does.
    """

    of: str
    text: str
    want: int
    met: Callable[[float], bool]


BARS = (
    Bar("moved", "W and E differ by 8/255 or more", 26, lambda x: x >= 8),
    Bar("shift", "E is brighter to the right than W", 20, lambda x: x > 0),
    Bar("contrast", "contrast 0.9 of the input's or more", 26, lambda x: x >= 0.9),
    Bar("lift", "black up by 3/255 or less", 26, lambda x: x <= 3),
    Bar("tint", "R/B within 5 % of the input's", 28, lambda x: abs(x) <= 0.05),
    Bar("plain_contrast", "plain: contrast 0.9 or more", 26, lambda x: x >= 0.9),
    Bar("plain_lift", "plain: black up by 3/255 or less", 26, lambda x: x <= 3),
    Bar("plain_tint", "plain: R/B within 10 % of 4500 K", 28, lambda x: abs(x) <= 0.1),
)
"""Of thirty photographs. Of the plain command as many must as under a wanted light."""


@dataclass(frozen=True)
class Verdict:
    """How many photographs meet a bar.

    Attributes:
        of: The field of `Measured`.
        text: What is wanted.
        met: How many photographs meet it.
        want: How many must.
    """

    of: str
    text: str
    met: int
    want: int


def verdicts(photographs: Sequence[Measured]) -> list[Verdict]:
    """Count, for every bar, the photographs that meet it."""
    return [
        Verdict(
            bar.of,
            bar.text,
            sum(bar.met(getattr(one, bar.of)) for one in photographs),
            bar.want,
        )
        for bar in BARS
    ]


def document(photographs: Sequence[Measured]) -> dict[str, Any]:
    """All figures and counts, for JSON."""
    return {
        "photographs": [asdict(one) for one in photographs],
        "bars": [asdict(one) for one in verdicts(photographs)],
    }


def _luma(picture: Tensor) -> Tensor:
    """H W."""
    return (picture * picture.new_tensor(LUMINANCE)[:, None, None]).sum(0)


def _linear(picture: Tensor) -> Tensor:
    """Linear sRGB, IEC 61966-2-1."""
    bent = ((picture + 0.055) / 1.055) ** 2.4
    return (picture / 12.92).where(picture <= 0.04045, bent)
