"""Which pictures make pairs, and how they are varied. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msrnet_cli.lights.views import Views
from msrnet_cli.options import Option

_MOST_STOPS = 16


@dataclass(frozen=True, kw_only=True)
class PairOptions(Views):
    """Which pictures make pairs, and what is done to them before they are learnt.

    Attributes:
        crop: Side of a random window of the resized picture, in pixels; 0 for all of
            it.
        mirror: Also show each pair as in a mirror, which swaps E and W; needs the
            pictures lit from the other side, also of inputs. Not in the paper.
        exposure: Brighten or darken inputs and target alike by up to this many stops.
            Not in the paper.
        tint: The same for each colour channel on its own. Not in the paper.
        zoom: Show a random part of each picture, its sides shortened by up to this
            share, and mostly by little. Not in the paper.
    """

    crop: Annotated[
        int,
        Option(
            "Side of a random window of the resized picture; 0: all of it.",
            least=0,
            metavar="PX",
            default="all of it",
        ),
    ] = 0
    mirror: Annotated[
        bool,
        Option(
            "Also show pairs mirrored, with E and W swapped.",
            flags=("--mirror/--no-mirror",),
        ),
    ] = False
    exposure: Annotated[
        float,
        Option("Vary the exposure.", least=0, most=_MOST_STOPS, metavar="STOPS"),
    ] = 0.0
    tint: Annotated[
        float, Option("Vary each colour.", least=0, most=_MOST_STOPS, metavar="STOPS")
    ] = 0.0
    zoom: Annotated[
        float,
        Option(
            "Show parts of pictures, their sides shorter by up to this share.",
            least=0,
            most=1,
            below=True,
            metavar="SHARE",
        ),
    ] = 0.0
