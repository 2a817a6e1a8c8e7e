"""What the folder job asks of a relighter, how results name it, and a fake."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

import torch

from msrnet_cli import hardware
from msrnet_cli.config import WeightsCard
from msrnet_cli.folder.journal import digest
from msrnet_cli.relight.records import Relit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from msrnet_cli.config import WorkSize
    from msrnet_cli.folder.options import FolderOptions


class Relights(Protocol):
    """The part of `Relighter` that the folder job uses; each member means the same."""

    @property
    def device(self) -> torch.device: ...
    @property
    def dtype(self) -> torch.dtype: ...
    @property
    def engine(self) -> str: ...
    @property
    def work_size(self) -> WorkSize: ...
    @property
    def digest(self) -> str: ...
    @property
    def card(self) -> WeightsCard: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def lanes(self) -> int: ...

    def batch_size(self, width: int, height: int) -> int: ...

    def run(self, batch: Sequence[Tensor], *, deep: bool = False) -> Relit: ...


def recipe(relights: Relights, options: FolderOptions) -> str:
    """A name for everything but the input that decides the bytes of a result."""
    parts = {
        "weights": relights.digest,
        "work_size": relights.work_size,
        "dtype": hardware.dtype_name(relights.dtype),
        "device": relights.device.type,
        "engine": relights.engine,
        "write": asdict(options.write),
        "compare": options.compare,
    }
    return digest(json.dumps(parts, sort_keys=True).encode())[:16]


class FakeRelighter:
    """A `Relights` without network and weights, for tests of what is around it.

    Gives pictures back times a gain.

    Args:
        on_run: Called with each batch; its exceptions pass through `run`.
        gain: Factor of every value.
        batch_pixels: Pixels that run together.

    Attributes:
        batches: The number of pictures in each batch so far.
    """

    device = torch.device("cpu")
    dtype = torch.float32
    engine = "eager"
    work_size: WorkSize = "full"
    digest = ""
    card = WeightsCard()
    notes: tuple[str, ...] = ()
    lanes = 1

    def __init__(
        self,
        on_run: Callable[[Sequence[Tensor]], object] | None = None,
        *,
        gain: float = 1,
        batch_pixels: int = 800,
    ) -> None:
        self.batches: list[int] = []
        self._on_run = on_run
        self._gain = gain
        self._batch_pixels = batch_pixels

    def batch_size(self, width: int, height: int) -> int:
        return max(1, self._batch_pixels // (width * height))

    def run(self, batch: Sequence[Tensor], *, deep: bool = False) -> Relit:  # noqa: ARG002
        self.batches.append(len(batch))
        if self._on_run is not None:
            self._on_run(batch)
        return Relit(tuple((x * self._gain).to(x.dtype) for x in batch))
