"""How pictures are served. Loads neither torch nor a web server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from msrnet_cli.options import Group, Option
from msrnet_cli.relight.options import SessionOptions


@dataclass(frozen=True)
class Limits:
    """What is taken, and how much of it at once.

    Memory is bounded by these: `max_uploads` files of `max_megabytes` (and one more
    while a file is copied), the pixels of one picture of `max_megapixels`, and the
    tables of `tables.Tables`.
    """

    max_megabytes: Annotated[
        float, Option("Refuse larger files while they arrive.", least=0, above=True)
    ] = 100.0
    max_megapixels: Annotated[
        float,
        Option("Refuse larger pictures before they are decoded.", least=0, above=True),
    ] = 64.0
    max_uploads: Annotated[
        int,
        Option("Pictures that arrive, wait or are painted at a time.", least=1),
    ] = 4
    upload_seconds: Annotated[
        float, Option("For a whole upload.", least=0, above=True)
    ] = 120.0
    idle_seconds: Annotated[float, Option("Without a byte.", least=0, above=True)] = (
        15.0
    )
    keep_minutes: Annotated[
        float,
        Option(
            "A table is forgotten when its tab is closed, and at the latest after this"
            " time.",
            least=0,
            above=True,
        ),
    ] = 10.0

    @property
    def most_bytes(self) -> int:
        """Of a file."""
        return int(self.max_megabytes * 1e6)


@dataclass(frozen=True)
class ServeOptions:
    """What `msrnet serve` does."""

    port: Annotated[
        int,
        Option(
            "Port at 127.0.0.1; 0 takes any free one.",
            least=0,
            most=65535,
            default="any free one",
        ),
    ] = 0
    open: Annotated[
        bool,
        Option(
            "Open the browser. Other users of this machine may then see the address"
            " among the processes."
        ),
    ] = False
    weights: Annotated[
        str,
        Option(
            "Weights that paint layers: built-in name, file, or hub address.",
            metavar="SPEC",
        ),
    ] = "lightstage"
    limits: Annotated[Limits, Group("Limits")] = field(default_factory=Limits)
    session: Annotated[SessionOptions, Group("Where and how to compute")] = field(
        default_factory=SessionOptions
    )
