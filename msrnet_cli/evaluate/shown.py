"""Pictures that were scored, for those who want to see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Shown:
    """The pictures of one scene, each 3 H W of one size: uint8, or sRGB in [0, 1].

    Attributes:
        name: The scene.
        row: The kind of change on scenes with known lights; "" on pairs.
        source: What was relit; None where outputs existed.
        target: What it should have become.
        outputs: What it became, by method; values outside [0, 1] are cut.
    """

    name: str
    row: str
    source: Tensor | None
    target: Tensor
    outputs: dict[str, Tensor]


Show = Callable[[Shown], None]
"""Is handed pictures as they are scored; they are not kept."""
