"""How pictures are relit: where, in which number format, at which size. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msrnet_cli.config import WORK_SIZE, DeviceOptions, Dtype, Engine, WorkSize
from msrnet_cli.config import read_work_size as read
from msrnet_cli.options import Option


@dataclass(frozen=True, kw_only=True)
class SessionOptions(DeviceOptions):
    """Where and how a network runs."""

    dtype: Annotated[
        Dtype, Option("Number format. auto: the fastest that agrees with fp32.")
    ] = "auto"
    engine: Annotated[
        Engine,
        Option("How the network runs. fused is for CPUs; graph and tuned for CUDA."),
    ] = "auto"
    work_size: Annotated[
        WorkSize | None,
        Option(
            "Longer side at which the network sees a picture. The change of light is"
            " carried to the picture's full size.",
            metavar="PX|full",
            default=f"what the weights ask for, else {WORK_SIZE}",
            read=read,
        ),
    ] = None
