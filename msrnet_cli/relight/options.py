"""Options of a session: where and how the network runs. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from msrnet_cli.config import SMALLEST_WORK_SIZE, Dtype, Engine, WorkSize
from msrnet_cli.errors import UsageError


@dataclass(frozen=True)
class SessionOptions:
    """Where and how the network runs.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        dtype: Number format. ``auto`` is bfloat16 where three things are true: the
            hardware computes bfloat16 natively; on a CPU, a short trial finds bfloat16
            faster; and the output agrees with float32 to `engines.AGREEMENT_DB`. Else
            ``auto`` is float32.
        engine: ``auto``, ``eager``, ``fused`` (CPU), ``graph`` or ``tuned`` (CUDA), or
            ``compiled``. ``auto`` weighs the start-up time of an engine against the
            work ahead.
        work_size: Longer side, in pixels, at which the network sees a picture. A larger
            picture is reduced to this size, and the change of light is carried to the
            full size. ``full`` shows the network each picture as it is, except very
            thin ones: see `sizes.working_size`. None takes the size in the weights.
        offline: Never use the internet.

    Raises:
        UsageError: The working size is not valid.
    """

    device: str = "auto"
    dtype: Dtype = "auto"
    engine: Engine = "auto"
    work_size: WorkSize | None = None
    offline: bool = False

    def __post_init__(self) -> None:
        size = self.work_size
        if size is None or size == "full":
            return
        if type(size) is not int or size < SMALLEST_WORK_SIZE:
            raise UsageError(
                f"working size {size!r}",
                f"give full, or pixels from {SMALLEST_WORK_SIZE} on",
            )


DEFAULTS = SessionOptions()


class SessionKeywords(TypedDict, total=False):
    """The fields of `SessionOptions` as keyword arguments."""

    device: str
    dtype: Dtype
    engine: Engine
    work_size: WorkSize | None
    offline: bool
