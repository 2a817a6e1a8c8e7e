"""Axes: from values to places, and round numbers to write beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_ALMOST = 1e-9  # rounding errors of sums of steps
_FEW_DECADES = 1.5
_MANY_DECADES = 6


@dataclass(frozen=True)
class Tick:
    """A round number on an axis.

    Attributes:
        value: The number.
        text: As it is written.
    """

    value: float
    text: str


@dataclass(frozen=True)
class Scale:
    """Values of an axis, from its start to its end.

    Attributes:
        low: Value at the start.
        high: Value at the end; above `low`.
        is_log: Whether equal ratios are equally long.
    """

    low: float
    high: float
    is_log: bool = False

    def part(self, value: float) -> float:
        """Where a value lies: 0 at the start, 1 at the end."""
        low, high = self._seen(self.low), self._seen(self.high)
        return (self._seen(value) - low) / (high - low)

    def ticks(self, most: int = 6) -> tuple[Tick, ...]:
        """Round numbers within the scale, rising; about `most` at most."""
        found = _round_logs(self.low, self.high) if self.is_log else ()
        if len(found) > 1:
            return tuple(Tick(value, short(value)) for value in found)
        step = round_step(self.low, self.high, most)
        first = math.ceil(self.low / step - _ALMOST)
        last = math.floor(self.high / step + _ALMOST)
        values = (number * step for number in range(first, last + 1))
        return tuple(Tick(value, short(value, step)) for value in values)

    def _seen(self, value: float) -> float:
        return math.log10(value) if self.is_log else value


def scale_of(
    values: Sequence[float], *, log: bool = False, holds: Sequence[float] = ()
) -> Scale:
    """A scale that shows all values that are finite.

    Equal values lie in the middle. A logarithm is taken only of values above 0.

    Args:
        values: Any number of them.
        log: Whether a logarithm is wanted.
        holds: Further values that the scale reaches.
    """
    found = [value for value in (*values, *holds) if math.isfinite(value)]
    if not found:
        return Scale(0.0, 1.0)
    low, high = min(found), max(found)
    is_log = log and low > 0
    if low < high:
        return Scale(low, high, is_log)
    if is_log:
        return Scale(low / 2, high * 2, is_log=True)
    room = abs(low) * 0.05 or 0.5
    return Scale(low - room, high + room)


def round_step(low: float, high: float, most: int) -> float:
    """A round length that fits at most `most` times into a span."""
    rough = (high - low) / max(1, most)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(s * power for s in _STEPS if s * power >= rough * (1 - _ALMOST))


def short(value: float, step: float = 0.0) -> str:
    """A number in few letters: ``0.25``, ``250k``, ``1.5M``, ``5e-05``.

    Args:
        value: The number.
        step: Between numbers on one axis, which shall have equally many decimals; 0
            if there is none.
    """
    if step and abs(value) < step * _ALMOST:
        value = 0.0
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            divisor = 1e3 if letter == "k" else size
            return f"{value / divisor:.4g}{letter}"
    if not step or step < 1e-4:
        return f"{value:.4g}"
    return f"{value:.{_decimals(step)}f}"


def _decimals(step: float) -> int:
    """How many decimals a multiple of a step needs."""
    return next(
        count for count in range(8) if abs(step - round(step, count)) < step * _ALMOST
    )


def _round_logs(low: float, high: float) -> tuple[float, ...]:
    """Powers of ten in a span; also twice and five times these where it is short."""
    decades = math.log10(high / low)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil(decades / _MANY_DECADES))
    factors = (1, 2, 5) if decades < _FEW_DECADES else (1,)
    values = (
        f * 10.0**power for power in range(first, last + 1, every) for f in factors
    )
    room = 1 + _ALMOST
    return tuple(value for value in values if low / room <= value <= high * room)
