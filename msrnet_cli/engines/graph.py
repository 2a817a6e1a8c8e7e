"""CUDA graphs: a pass is recorded once for each shape and then replayed.

A pass is some two hundred kernels. On small pictures they are short, and launched one
by one they would keep the GPU waiting for the processor. Large ones are not recorded;
for both cuDNN searches its fastest convolutions once a shape comes again.

cuDNN remembers in each thread what it first took for a shape, searched or not. So what
is searched has a thread of its own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from msrnet_cli import hardware

if TYPE_CHECKING:
    from collections.abc import Callable

_Found = TypeVar("_Found")

_MOST_SHAPES = 4  # each holds the memory of its pass
_MOST_PIXELS = 1.25 * 2**20  # of a batch; above, kernels take longer than launches
_MOST_SEEN = 64  # shapes remembered
_WARM_UPS = 3  # cuDNN chooses its algorithms in these
# Whether cuDNN searches is a matter of the whole process, a search waits for the whole
# device, and while a graph is recorded nobody may.
_launching = threading.Lock()


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
        self._replayed: torch.cuda.Event | None = None
        self._searcher = ThreadPoolExecutor(1, "search")

    def forward(self, image: Tensor) -> Tensor:
        # Recordings outlive this call, so they must not be inference tensors.
        with (
            torch.inference_mode(False),
            torch.no_grad(),
            _launching,
            torch.cuda.device(image.device),
        ):
            if not self._came_before(image.shape):  # it may be the only time
                return self._network(image)
            if image.shape[0] * image.shape[2] * image.shape[3] > _MOST_PIXELS:
                return self._searched(self._network, image)
            return self._replay(image)

    def release(self) -> None:
        """Give up all recordings and their memory."""
        with _launching:
            self._make_room(0)

    def _came_before(self, shape: torch.Size) -> bool:
        came = shape in self._seen
        self._seen[shape] = None
        self._seen.move_to_end(shape)
        if len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)
        return came

    def _searched(self, work: Callable[[Tensor], _Found], image: Tensor) -> _Found:
        """What comes of an image, with convolutions that were searched for."""
        stream = torch.cuda.current_stream(image.device)

        def run() -> _Found:
            with torch.no_grad(), torch.cuda.stream(stream), hardware.searching():
                return work(image)

        return self._searcher.submit(run).result()

    def _make_room(self, left: int) -> None:
        """Let go of recordings until some are left; none that is still replayed."""
        if len(self._recordings) > left and self._replayed is not None:
            self._replayed.synchronize()
        while len(self._recordings) > left:
            self._recordings.popitem(last=False)

    def _replay(self, image: Tensor) -> Tensor:
        recording = self._recordings.get(image.shape)
        if recording is None:
            self._make_room(_MOST_SHAPES - 1)
            recording = self._searched(self._record, image)
            self._recordings[image.shape] = recording
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
        # Of high priority only because other streams, of which torch has just 32, are
        # not: one that copies meanwhile must not be the one that is recorded.
        side = torch.cuda.Stream(priority=-1)
        side.wait_stream(torch.cuda.current_stream())
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                self._network(place)
        # Other threads may use the device meanwhile; this one records its own.
        mode = "thread_local"
        with torch.cuda.graph(graph, stream=side, capture_error_mode=mode):
            relit = self._network(place)
        torch.cuda.current_stream().wait_stream(side)
        return _Recording(graph, place, relit)
