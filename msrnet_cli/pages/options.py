"""How pages are made. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from msrnet_cli.config import MAX_MEGAPIXELS, MegapixelLimit
from msrnet_cli.options import Group, Option
from msrnet_cli.relight.options import SessionOptions

TABLE_SIZE = 768
TABLE_QUALITY = 92


@dataclass(frozen=True)
class TableOptions:
    """What `msrnet table` does, but for the paths."""

    weights: Annotated[
        str,
        Option(
            "Weights that paint layers: built-in name, file, or hub address.",
            metavar="SPEC",
        ),
    ] = "lightstage"
    size: Annotated[
        int,
        Option(
            "Longer side of the picture in the page, in pixels; a smaller picture stays"
            " as it is.",
            metavar="PX",
            least=64,
            most=4096,
        ),
    ] = TABLE_SIZE
    quality: Annotated[
        int,
        Option("Of the picture in the page, as JPEG.", least=1, most=100),
    ] = TABLE_QUALITY
    max_megapixels: MegapixelLimit = MAX_MEGAPIXELS
    session: Annotated[SessionOptions, Group("Where and how to compute")] = field(
        default_factory=SessionOptions
    )
