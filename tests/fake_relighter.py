"""Stands for a Relighter in the folder job: no network, no weights, and it tells."""

import torch

from msrnet_cli.config import WeightsCard
from msrnet_cli.relight.records import Relit


class FakeRelighter:
    """Gives pictures back times a gain, and keeps the sizes of its batches.

    Args:
        on_run: Called with each batch; what it raises is raised.
        gain: Of every value.
        batch_pixels: Pixels of a batch.
    """

    device, dtype, engine = torch.device("cpu"), torch.float32, "eager"
    digest, work_size, notes, lanes, card = "", None, (), 1, WeightsCard()

    def __init__(self, on_run=lambda _: None, *, gain=1, batch_pixels=800):
        self.batches = []
        self._on_run, self._gain, self._batch_pixels = on_run, gain, batch_pixels

    def batch_size(self, width, height):
        return max(1, self._batch_pixels // (width * height))

    def run(self, batch, **_):
        self.batches.append(len(batch))
        self._on_run(batch)
        return Relit(tuple((one * self._gain).to(one.dtype) for one in batch))
