"""What is scored. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from msrnet_cli.config import WORK_SIZE, WorkSize, read_work_size
from msrnet_cli.lights.views import Views
from msrnet_cli.options import Group, Option
from msrnet_cli.relight.options import EngineOptions


def read_work_sizes(text: str) -> tuple[WorkSize, ...]:
    """Working sizes as people write them, such as ``144,full``.

    Raises:
        ValueError: One of them is not a working size; says what is expected.
    """
    return tuple(map(read_work_size, text.split(",")))


@dataclass(frozen=True, kw_only=True)
class EvalOptions(Views):
    """What `msrnet eval` scores: pairs, scenes, or pictures that exist."""

    data: Annotated[
        str, Option("Pairs to relight and to score on.", metavar="DIR|ZIP")
    ] = ""
    layers: Annotated[
        str, Option("Scenes, each light on its own: score every light.", metavar="DIR")
    ] = ""
    weights: Annotated[
        tuple[str, ...],
        Option(
            "Built-in name, file or hub address; may be repeated.",
            metavar="SPEC",
            default="the built-in ones",
            repeated=True,
        ),
    ] = ()
    fit_data: Annotated[
        str,
        Option(
            "Training pairs: also score the affine colour map that fits them.",
            metavar="DIR|ZIP",
        ),
    ] = ""
    fit: Annotated[
        str,
        Option(
            "Training scenes: also score the affine colour maps that fit them.",
            metavar="DIR",
        ),
    ] = ""
    limit: Annotated[
        int,
        Option(
            "At most this many pairs or scenes, evenly spread; 0: all.",
            least=0,
            default="all",
        ),
    ] = 0
    each: Annotated[bool, Option("Show every picture.")] = False
    csv: Annotated[
        Path | None, Option("Also every picture as CSV.", metavar="FILE")
    ] = None
    report: Annotated[
        Path | None,
        Option(
            "Also a page for the browser: pictures, errors, scores. Many pictures go"
            " into a folder beside it.",
            metavar="FILE.html",
        ),
    ] = None
    alexnet: Annotated[
        str,
        Option("AlexNet's weights for LPIPS.", metavar="FILE", default="torch's cache"),
    ] = ""
    work_sizes: Annotated[
        tuple[WorkSize, ...],
        Option(
            "Score the weights at each of these working sizes.",
            flags=("--work-size",),
            metavar="PX|full,...",
            default=f"what the weights ask for, else {WORK_SIZE}",
            read=read_work_sizes,
        ),
    ] = ()
    enlarged: Annotated[
        bool,
        Option("Also score the network's own pixels at the working size, enlarged."),
    ] = False
    session: Annotated[EngineOptions, Group("Where and how to compute")] = field(
        default_factory=EngineOptions
    )
