"""Maps of colour that treat all pixels alike: a baseline for relighting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor


class AffineMap:
    """Each colour channel times a factor plus a constant.

    Args:
        gains: Three factors.
        offsets: Three constants.
    """

    def __init__(self, gains: Tensor, offsets: Tensor) -> None:
        self.gains, self.offsets = gains, offsets

    @classmethod
    def fit(cls, changes: Iterable[tuple[Tensor, Tensor]]) -> AffineMap:
        """Least squares over all pixels of some pictures.

        Args:
            changes: Sources and targets, each 3 H W in [0, 1].
        """
        sums = torch.zeros(5, 3, dtype=torch.float64)
        for pictures in changes:
            x, y = (picture.double().flatten(1) for picture in pictures)
            each = (torch.ones_like(x), x, y, x * x, x * y)
            sums += torch.stack([term.sum(1) for term in each])
        n, x, y, xx, xy = sums
        gains = (n * xy - x * y) / (n * xx - x * x).clamp_min(1e-12)
        return cls(gains.float(), ((y - gains * x) / n).float())

    def __call__(self, source: Tensor) -> Tensor:
        """Map 3 H W."""
        return source * self.gains[:, None, None] + self.offsets[:, None, None]
