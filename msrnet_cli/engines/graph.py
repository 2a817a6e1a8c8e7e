"""CUDA graphs: a pass is recorded once for each shape and then replayed.

A pass is some two hundred kernels. On small pictures they are short, and launched one
by one they would keep the GPU waiting for the processor. Large ones are not recorded;
for both cuDNN searches its fastest convolutions once a shape comes again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from msrnet_cli import hardware

_MOST_SHAPES = 4  # each holds the memory of its pass
_MOST_PIXELS = 1.25 * 2**20  # of a batch; above, kernels take longer than launches
_MOST_SEEN = 64  # shapes remembered
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
        self._seen: OrderedDict[torch.Size, None] = OrderedDict()
        self._recordings: OrderedDict[torch.Size, _Recording] = OrderedDict()
        self._lock = threading.Lock()  # a recording has one place for its input
        self._replayed: torch.cuda.Event | None = None

    def forward(self, image: Tensor) -> Tensor:
        # Recordings outlive this call, so they must not be inference tensors.
        with torch.inference_mode(False), torch.no_grad():
            if not self._came_before(image.shape):  # it may be the only time
                return self._network(image)
            with hardware.searching():
                if image.shape[0] * image.shape[2] * image.shape[3] > _MOST_PIXELS:
                    return self._network(image)
                with self._lock, torch.cuda.device(image.device):
                    return self._replay(image)

    def release(self) -> None:
        """Give up all recordings and their memory."""
        with self._lock:
            self._recordings.clear()

    def _came_before(self, shape: torch.Size) -> bool:
        with self._lock:
            came = shape in self._seen
            self._seen[shape] = None
            self._seen.move_to_end(shape)
            if len(self._seen) > _MOST_SEEN:
                self._seen.popitem(last=False)
            return came

    def _replay(self, image: Tensor) -> Tensor:
        recording = self._recordings.get(image.shape)
        if recording is None:
            while len(self._recordings) >= _MOST_SHAPES:
                self._recordings.popitem(last=False)
            recording = self._recordings[image.shape] = self._record(image)
        self._recordings.move_to_end(image.shape)
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
