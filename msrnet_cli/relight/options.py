"""Options of a session: where and how the network runs. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypedDict

from msrnet_cli.config import (
    SMALLEST_WORK_SIZE,
    WORK_SIZE,
    DeviceOptions,
    Dtype,
    Engine,
    WorkSize,
    read_work_size,
)
from msrnet_cli.errors import UsageError
from msrnet_cli.lights.options import LightOptions
from msrnet_cli.options import Option


@dataclass(frozen=True, kw_only=True)
class EngineOptions(DeviceOptions):
    """Where and how the network runs.

    The number format ``auto`` is bfloat16 where three things are true: the hardware
    computes bfloat16 natively; on a CPU, a short trial finds bfloat16 faster; and the
    output agrees with float32 to `engines.AGREEMENT_DB`. Else ``auto`` is float32.

    The engine ``auto`` weighs the start-up time of an engine against the work ahead.
    """

    dtype: Annotated[
        Dtype, Option("Number format. auto: the fastest that agrees with fp32.")
    ] = "auto"
    engine: Annotated[
        Engine,
        Option("How the network runs. fused is for CPUs; graph and tuned for CUDA."),
    ] = "auto"
    self_ensemble: Annotated[
        bool,
        Option(
            "Weights for any light also see the picture mirrored, and the mean counts:"
            " better, in twice the network's time."
        ),
    ] = True


@dataclass(frozen=True, kw_only=True)
class SessionOptions(EngineOptions):
    """Where and how the network runs, and what it sees.

    The working size ``full`` shows the network each picture as it is, except very thin
    ones: see `sizes.working_size`. None takes the size in the weights.

    Raises:
        UsageError: The working size is not valid.
    """

    work_size: Annotated[
        WorkSize | None,
        Option(
            "Longer side at which the network sees a picture. The change of light is"
            " carried to the picture's full size.",
            metavar="PX|full",
            default=f"what the weights ask for, else {WORK_SIZE}",
            read=read_work_size,
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse working sizes that no network can see."""
        size = self.work_size
        if size is None or size == "full":
            return
        if type(size) is not int or size < SMALLEST_WORK_SIZE:
            raise UsageError(
                f"working size {size!r}",
                f"give full, or pixels from {SMALLEST_WORK_SIZE} on",
            )


DEFAULTS = SessionOptions()
NO_LIGHT = LightOptions()


class SessionKeywords(TypedDict, total=False):
    """The fields of `SessionOptions` as keyword arguments."""

    device: str
    dtype: Dtype
    engine: Engine
    work_size: WorkSize | None
    self_ensemble: bool
    offline: bool
