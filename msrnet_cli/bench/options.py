"""What the bench measures. Loads no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from msrnet_cli.config import Arch, DeviceOptions, Dtype, Engine
from msrnet_cli.options import Group, Option


def read_batches(text: str) -> tuple[int, ...]:
    """``auto`` or ``1,8`` as batches; none for ``auto``.

    Raises:
        ValueError: It is neither; says what is expected.
    """
    if text == "auto":
        return ()
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) for part in parts):
        raise ValueError("auto, or whole numbers such as 1,8")
    return tuple(map(int, parts))


def read_percentage(text: str) -> float:
    """``10%`` or ``10`` as 0.1.

    Raises:
        ValueError: It is something else; says what is expected.
    """
    try:
        part = float(text.removesuffix("%")) / 100
    except ValueError:
        part = math.nan
    if not 0 <= part < math.inf:
        raise ValueError("a percentage, such as 10%")
    return part


@dataclass(frozen=True)
class BenchOptions:
    """What `msrnet bench` measures, and against what."""

    arch: Annotated[
        Arch | None,
        Option("The network.", default="that of the weights, else stacked"),
    ] = None
    weights: Annotated[
        str,
        Option(
            "Built-in name, file or hub address.",
            metavar="SPEC",
            default="the built-in ones, else drawn from a seed",
        ),
    ] = ""
    sizes: Annotated[
        tuple[int, ...],
        Option(
            "Sides of the pictures.",
            flags=("--size",),
            metavar="PX,...",
            default="256 to 1024; on CUDA to 2048",
            least=1,
        ),
    ] = ()
    batches: Annotated[
        tuple[int, ...],
        Option(
            "Pictures in a pass, at each size. auto: one, and at one size twice as"
            " many again and again while that pays.",
            flags=("--batch",),
            metavar="auto|N,...",
            default="auto",
            least=1,
            read=read_batches,
        ),
    ] = ()
    dtypes: Annotated[
        tuple[Dtype, ...], Option("Number formats.", flags=("--dtype",), several=True)
    ] = ("auto",)
    engines: Annotated[
        tuple[Engine, ...],
        Option(
            "How msrnet runs the network: a row for each.",
            flags=("--engine",),
            several=True,
        ),
    ] = ("auto",)
    rivals: Annotated[
        bool, Option("Also ONNX Runtime and OpenVINO, on the CPU, where installed.")
    ] = False
    train: Annotated[bool, Option("Also a step of training.")] = False
    pictures: Annotated[
        str, Option("Measure on these.", metavar="DIR", default="made by the bench")
    ] = ""
    seconds: Annotated[
        float,
        Option(
            "Time for each row, with at least three runs; with one, where a run takes"
            " more than half a minute.",
            least=0,
        ),
    ] = 2.0
    runs: Annotated[
        int | None, Option("Exactly so many runs for each row instead.", least=1)
    ] = None
    baseline: Annotated[
        Path | None,
        Option(
            "Compare with an older document, by ratios to the reference.",
            metavar="OLD.json",
        ),
    ] = None
    fail_above: Annotated[
        float | None,
        Option(
            "With --baseline: exit with 7 where a row has become slower by more.",
            metavar="PERCENT",
            default="never",
            least=0,
            read=read_percentage,
        ),
    ] = None
    report: Annotated[
        Path | None,
        Option(
            "Also a page for the browser: bars beside ceilings and rivals, tables.",
            metavar="FILE.html",
        ),
    ] = None
    where: Annotated[DeviceOptions, Group("Where to compute")] = field(
        default_factory=DeviceOptions
    )
