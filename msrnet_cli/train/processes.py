"""Several processes that train together, as torchrun starts them; or one alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
import torch.distributed as dist

if TYPE_CHECKING:
    from types import TracebackType

_T = TypeVar("_T")


@dataclass(frozen=True)
class Processes:
    """The place of this process among those that train together.

    Attributes:
        rank: Its number, from 0 on.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def join(cls, device: torch.device) -> Processes:
        """Meet the others, where torchrun started several; else be alone."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return cls()
        if not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(dist.get_rank(), count)

    @property
    def leads(self) -> bool:
        """Whether this one writes and reports."""
        return self.rank == 0

    def largest(self, *values: float) -> list[float]:
        """The largest of each value among all processes."""
        if self.count == 1:
            return list(values)
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        shared = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return shared.tolist()

    def mean(self, value: float) -> float:
        """The mean of a value over all processes."""
        return sum(self.gather(value)) / self.count

    def gather(self, value: _T) -> list[_T]:
        """The value of each process, in order."""
        if self.count == 1:
            return [value]
        values: list[_T | None] = [None] * self.count
        dist.all_gather_object(values, value)
        return [value for value in values if value is not None]

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.count > 1:
            dist.destroy_process_group()


def local_device(name: str) -> str:
    """The device of this process: with several, each takes a GPU of its own."""
    local = os.environ.get("LOCAL_RANK")
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    if several and local is not None and name in ("auto", "cuda"):
        return f"cuda:{local}" if torch.cuda.is_available() else "cpu"
    return name
