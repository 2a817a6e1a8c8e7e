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
    from contextlib import AbstractContextManager

_Found = TypeVar("_Found")
_Shapes = tuple[torch.Size, ...]

_MOST_SHAPES = 4  # each holds the memory of its pass
_MOST_PIXELS = 1.25 * 2**20  # of a batch; above, kernels take longer than launches
_MOST_SEEN = 64  # shapes remembered
_WARM_UPS = 3  # cuDNN chooses its algorithms in these
# cudnn.benchmark is process-wide. Its search synchronises the device, which is illegal
# during graph capture. This lock keeps them apart.
_launching = threading.Lock()


@dataclass(frozen=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    places: tuple[Tensor, ...]
    output: Tensor


class Graphs(nn.Module):
    """A module on a CUDA device, replayed from the second batch of a shape on.

    It gives no gradients.

    Args:
        network: Takes and gives float32.
        searching: Entered while a shape that came again is computed.
    """

    def __init__(
        self,
        network: nn.Module,
        searching: Callable[[], AbstractContextManager[None]] = hardware.searching,
    ) -> None:
        super().__init__()
        self._network = network
        self._searching = searching
        self._seen: OrderedDict[_Shapes, None] = OrderedDict()
        self._recordings: OrderedDict[_Shapes, _Recording] = OrderedDict()
        self._replayed: torch.cuda.Event | None = None
        self._searcher = ThreadPoolExecutor(1, "search")

    def forward(self, *tensors: Tensor) -> Tensor:
        first = tensors[0]
        # Recordings outlive this call, so they must not be inference tensors.
        with (
            torch.inference_mode(False),
            torch.no_grad(),
            _launching,
            torch.cuda.device(first.device),
        ):
            if not self._came_before(_shapes(tensors)):  # it may be the only time
                return self._network(*tensors)
            if first.shape[0] * first.shape[2] * first.shape[3] > _MOST_PIXELS:
                return self._searched(self._network, tensors)
            return self._replay(tensors)

    def release(self) -> None:
        """Give up all recordings and their memory."""
        with _launching:
            self._make_room(0)

    def _came_before(self, shapes: _Shapes) -> bool:
        came = shapes in self._seen
        self._seen[shapes] = None
        self._seen.move_to_end(shapes)
        if len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)
        return came

    def _searched(
        self, work: Callable[..., _Found], tensors: tuple[Tensor, ...]
    ) -> _Found:
        """What comes of some tensors, with convolutions that were searched for."""
        stream = torch.cuda.current_stream(tensors[0].device)

        def run() -> _Found:
            with torch.no_grad(), torch.cuda.stream(stream), self._searching():
                return work(*tensors)

        return self._searcher.submit(run).result()

    def _make_room(self, left: int) -> None:
        """Let go of recordings until some are left; none that is still replayed."""
        if len(self._recordings) > left and self._replayed is not None:
            self._replayed.synchronize()
        while len(self._recordings) > left:
            self._recordings.popitem(last=False)

    def _replay(self, tensors: tuple[Tensor, ...]) -> Tensor:
        shapes = _shapes(tensors)
        recording = self._recordings.get(shapes)
        if recording is None:
            self._make_room(_MOST_SHAPES - 1)
            recording = self._searched(self._record, tensors)
            self._recordings[shapes] = recording
        self._recordings.move_to_end(shapes)
        stream = torch.cuda.current_stream()
        if self._replayed is not None:  # perhaps on another stream
            stream.wait_event(self._replayed)
        for place, given in zip(recording.places, tensors, strict=True):
            place.copy_(given, non_blocking=True)
        recording.graph.replay()
        output = recording.output.clone()
        self._replayed = stream.record_event()
        return output

    def _record(self, *tensors: Tensor) -> _Recording:
        places = tuple(given.clone() for given in tensors)
        # Of high priority only because other streams, of which torch has just 32, are
        # not: one that copies meanwhile must not be the one that is recorded.
        side = torch.cuda.Stream(priority=-1)
        side.wait_stream(torch.cuda.current_stream())
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                self._network(*places)
        # Other threads may use the device meanwhile; this one records its own.
        mode = "thread_local"
        with torch.cuda.graph(graph, stream=side, capture_error_mode=mode):
            output = self._network(*places)
        torch.cuda.current_stream().wait_stream(side)
        return _Recording(graph, places, output)


def _shapes(tensors: tuple[Tensor, ...]) -> _Shapes:
    return tuple(given.shape for given in tensors)
