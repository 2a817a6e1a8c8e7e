"""Which pictures make pairs, and how they are varied. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataOptions:
    """Which pictures are trained on, and what is done to them.

    Attributes:
        from_light: Light of the inputs where files are named as VIDIT's are, as
            ``6500_N``.
        to_light: Light of the targets.
        mirror: Also show each pair as in a mirror, which swaps E and W; needs the
            pictures lit from the other side. Not in the paper.
        exposure: Brighten or darken input and target alike by up to this many stops.
            Not in the paper.
        tint: The same for each colour channel on its own. Not in the paper.
        zoom: Show a random part of each picture, its sides shortened by up to this
            share, and mostly by little. Not in the paper.
    """

    from_light: str = "6500_N"
    to_light: str = "4500_E"
    mirror: bool = False
    exposure: float = 0.0
    tint: float = 0.0
    zoom: float = 0.0
