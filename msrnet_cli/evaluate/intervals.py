"""Means with their confidence intervals. Numbers in, numbers out."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from msrnet_cli.evaluate.results import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEWEST = 3
"""The interval of two values is 13 times their deviation, too wide to be of use."""
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


def estimate(values: Sequence[float]) -> Estimate:
    """Mean with the margin of its 95 % confidence interval (Student's t).

    The margin is None for fewer than 3 values, and if a value is not finite.
    """
    count = len(values)
    mean = statistics.fmean(values)
    if count < _FEWEST or not all(map(math.isfinite, values)):
        return Estimate(mean, None)
    return Estimate(
        mean, _student(count - 1) * statistics.stdev(values) / math.sqrt(count)
    )


def _student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t distribution."""
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    z = statistics.NormalDist().inv_cdf(0.975)
    # The expansion of Cornish and Fisher: from 11 degrees on, the error is below 0.1 %.
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2
