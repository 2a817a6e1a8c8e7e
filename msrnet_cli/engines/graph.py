"""CUDA graphs: a pass is recorded once for each shape and then replayed.

A pass is some two hundred kernels. On small pictures they are short, and launched one
by one they would keep the GPU waiting for the processor.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_MOST_SHAPES = 4  # each holds the memory of its pass
_MOST_PIXELS = 1.25 * 2**20  # of a batch; above, kernels take longer than launches
_WARM_UPS = 3  # cuDNN chooses its algorithms in these
_capturing = threading.Lock()  # a process can record one graph at a time


@dataclass(frozen=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    image: Tensor
    relit: Tensor


class Graphs(nn.Module):
    """A module on a CUDA device, replayed from the second batch of a shape on.

    It gives no gradients.

    Args:
        network: Takes and gives B 3 H W in float32.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = network
        self._recordings: OrderedDict[torch.Size, _Recording | None] = OrderedDict()
        self._lock = threading.Lock()  # a recording has one place for its input
        self._replayed: torch.cuda.Event | None = None

    def forward(self, image: Tensor) -> Tensor:
        # Recordings outlive this call, so they must not be inference tensors.
        with torch.inference_mode(False), torch.no_grad():
            if image.shape[0] * image.shape[2] * image.shape[3] > _MOST_PIXELS:
                return self._network(image)
            with self._lock, torch.cuda.device(image.device):
                return self._replay(image)

    def release(self) -> None:
        """Give up all recordings and their memory."""
        with self._lock:
            self._recordings.clear()

    def _replay(self, image: Tensor) -> Tensor:
        shape = image.shape
        if shape not in self._recordings:
            self._recordings[shape] = None  # seen once: it may be the only time
            while len(self._recordings) > _MOST_SHAPES:
                self._recordings.popitem(last=False)
            return self._network(image)
        self._recordings.move_to_end(shape)
        recording = self._recordings[shape]
        if recording is None:
            recording = self._recordings[shape] = self._record(image)
        stream = torch.cuda.current_stream()
        if self._replayed is not None:  # perhaps on another stream
            stream.wait_event(self._replayed)
        recording.image.copy_(image, non_blocking=True)
        recording.graph.replay()
        relit = recording.relit.clone()
        self._replayed = stream.record_event()
        return relit

    def _record(self, image: Tensor) -> _Recording:
        place = image.clone()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        graph = torch.cuda.CUDAGraph()
        with _capturing:
            with torch.cuda.stream(side):
                for _ in range(_WARM_UPS):
                    self._network(place)
            # Other threads may use the device meanwhile; this one records its own.
            mode = "thread_local"
            with torch.cuda.graph(graph, stream=side, capture_error_mode=mode):
                relit = self._network(place)
        torch.cuda.current_stream().wait_stream(side)
        return _Recording(graph, place, relit)
