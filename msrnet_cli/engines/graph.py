"""CUDA graphs: a pass is recorded once for each shape and then replayed.

A pass is some two hundred kernels, many of them short; launched one by one, they would
keep the GPU waiting for the processor.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_MOST_SHAPES = 4  # each holds the memory of its pass
_WARM_UPS = 3  # cuDNN chooses its algorithms in these


@dataclass(frozen=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    image: Tensor
    relit: Tensor


class Graphs(nn.Module):
    """A module on a CUDA device, replayed; results are the same, bit for bit.

    Args:
        network: Takes and gives B 3 H W in float32.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = network
        self._recordings: OrderedDict[torch.Size, _Recording] = OrderedDict()
        self._lock = threading.Lock()  # a recording has one place for its input

    def forward(self, image: Tensor) -> Tensor:
        with self._lock, torch.cuda.device(image.device):
            recording = self._recordings.get(image.shape)
            if recording is None:
                recording = self._record(image)
            self._recordings.move_to_end(image.shape)
            recording.image.copy_(image, non_blocking=True)
            recording.graph.replay()
            return recording.relit.clone()

    def _record(self, image: Tensor) -> _Recording:
        while len(self._recordings) >= _MOST_SHAPES:
            self._recordings.popitem(last=False)
        place = image.clone()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                self._network(place)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            relit = self._network(place)
        recording = _Recording(graph, place, relit)
        self._recordings[image.shape] = recording
        return recording
