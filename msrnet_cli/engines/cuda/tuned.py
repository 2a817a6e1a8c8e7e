"""The network on CUDA, each convolution of a residual block in the fastest of ways.

Which way that is depends on the GPU and on the shape, so it is measured, as cuDNN
measures its own algorithms: once a shape comes again, all ways compute the same thing,
and the fastest of those that agree with the plain one is kept.

Made for the bench to compare with `graph`; `auto` does not take it before a GPU has
shown where it wins.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msrnet_cli import hardware
from msrnet_cli.engines.eager import Eager
from msrnet_cli.engines.rewiring import rewired
from msrnet_cli.networks.dmshn import ResidualBlock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from msrnet_cli.engines.cuda.kernels import Tile

    Clock = Callable[[Callable[[], Tensor]], float]

PLAIN = "plain"
_LAUNCHES = 10  # in a recording that is timed
_REPLAYS = 3
_LONG = 1e-3  # seconds
_AGREEMENT = 0.02  # of the values: a rounding or two of bfloat16
# Rows, columns, warps, stages: compiled for an H100, all but one keep to its registers.
_TILES = ((8, 16, 4, 1), (8, 16, 4, 3), (16, 16, 8, 2))


def is_supported(device: torch.device) -> bool:
    """Whether kernels of our own run on a device."""
    return device.type == "cuda" and find_spec("triton") is not None


def tune(network: nn.Module, contest: Contest) -> nn.Module:
    """A network whose residual blocks try several ways and keep the fastest.

    Ways are tried inside `contest.searching`. Outside, a block takes the way that won,
    or the plain way.

    Args:
        network: From `msrnet_cli.networks`, on a CUDA device and in its number format.
        contest: Finds the fastest way.

    Returns:
        A module that takes and gives float32. It gives no gradients.
    """
    blocks = rewired(network, ResidualBlock, lambda block: _Block(block, contest))
    return Eager(blocks)


class Way(Protocol):
    """One way to compute a convolution and what follows it."""

    def __call__(self, conv: Convolution, x: Tensor, given: Tensor | None) -> Tensor:
        """relu(conv(x)) where nothing is given, else given + conv(x)."""


class Convolution(nn.Module):
    """A 3x3 convolution of a residual block, with the ReLU or the sum that follows.

    Args:
        conv: Of the block.
        contest: Knows which way to take.
    """

    def __init__(self, conv: nn.Conv2d, contest: Contest) -> None:
        from msrnet_cli.engines.cuda import kernels

        super().__init__()
        self.conv = conv
        self.taps = kernels.taps(conv.weight.detach())
        self._contest = contest

    @property
    def weight(self) -> Tensor:
        """Out, in, 3, 3."""
        return self.conv.weight

    @property
    def bias(self) -> Tensor:
        """Out."""
        assert self.conv.bias is not None
        return self.conv.bias

    def forward(self, x: Tensor, given: Tensor | None = None) -> Tensor:
        return self._contest.way(self, x, given)(self, x, given)


class _Block(nn.Module):
    def __init__(self, block: nn.Module, contest: Contest) -> None:
        super().__init__()
        assert isinstance(block, ResidualBlock)
        self.conv1 = Convolution(block.conv1, contest)
        self.conv2 = Convolution(block.conv2, contest)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x), given=x)


class Kind(NamedTuple):
    """What decides which way is the fastest on a device."""

    shape: torch.Size
    dtype: torch.dtype
    adds: bool


class Contest:
    """Finds the fastest way for each kind of convolution, and remembers it.

    Args:
        clock: Gives the seconds that a way takes; None for the time on the GPU.

    Attributes:
        times: Of all ways that agree, by kind.
        refused: Why others may not take part, by kind and name.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.times: dict[Kind, dict[str, float]] = {}
        self.refused: dict[tuple[Kind, str], str] = {}
        self._clock = clock or seconds
        self._is_searching = False
        self._winners: dict[Kind, tuple[str, Way]] = {}
        self._lock = threading.Lock()

    @property
    def winners(self) -> dict[Kind, str]:
        """Which way won, by kind."""
        return {kind: name for kind, (name, _) in self._winners.items()}

    @contextmanager
    def searching(self) -> Iterator[None]:
        """Try the ways on new shapes, and let cuDNN search its own algorithms.

        One thread at a time.
        """
        with hardware.searching():
            self._is_searching = True
            try:
                yield
            finally:
                self._is_searching = False

    def way(self, conv: Convolution, x: Tensor, given: Tensor | None) -> Way:
        """The way to take: the winner; where there is none, the plain way."""
        kind = Kind(x.shape, x.dtype, given is not None)
        with self._lock:
            if kind not in self._winners:
                if not self._is_searching or _is_recorded(x):
                    return _plain
                exact = _plain(conv, x, given)
                if not exact.isfinite().all():
                    return _plain  # nothing could agree with that
                self._hold(kind, exact, conv, x, given)
            return self._winners[kind][1]

    def _hold(
        self,
        kind: Kind,
        exact: Tensor,
        conv: Convolution,
        x: Tensor,
        given: Tensor | None,
    ) -> None:
        ways, times = _ways(kind), self.times.setdefault(kind, {})
        for name, way in ways.items():
            # The allocator tends to give this block of NaN to the way that comes next:
            # values that the way leaves out then disagree.
            torch.full_like(exact, torch.nan)
            try:
                if _alike(way(conv, x, given), exact):
                    times[name] = self._clock(partial(way, conv, x, given))
                else:
                    self.refused[kind, name] = "disagrees"
            except Exception as error:  # a compiler, or room on the GPU, is missing
                self.refused[kind, name] = f"{type(error).__name__}: {error}"
        name = min(times, key=times.__getitem__, default=PLAIN)
        self._winners[kind] = (name, ways[name])


def seconds(compute: Callable[[], Tensor]) -> float:
    """Time on the GPU for one launch: of some, recorded so that none waits.

    Long kernels hide the launch overhead, so they are timed without a graph: it might
    lack the memory that they need.
    """
    once = _timed(compute)
    if once >= _LONG:
        return once
    # A recording gets none of the memory that torch keeps for later.
    torch.cuda.empty_cache()
    graph = torch.cuda.CUDAGraph()
    side = torch.cuda.Stream(priority=-1)
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            for _ in range(_LAUNCHES):
                compute()
        finally:
            graph.capture_end()
        graph.replay()
        found = [_timed(graph.replay) for _ in range(_REPLAYS)]
    torch.cuda.current_stream().wait_stream(side)
    return min(found) / _LAUNCHES


def _timed(work: Callable[[], object]) -> float:
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    work()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3


def _is_recorded(x: Tensor) -> bool:
    return x.is_cuda and torch.cuda.is_current_stream_capturing()


def _ways(kind: Kind) -> dict[str, Way]:
    """All ways for a kind, by name."""
    from msrnet_cli.engines.cuda import kernels

    ways: dict[str, Way] = {PLAIN: _plain, "end in one pass": _one_pass}
    if not kind.adds:
        ways["cuDNN's own ReLU"] = _cudnn_relu
    if kernels.can_convolve(kind.shape[1], kind.dtype):
        for tile in (kernels.Tile(*each) for each in _TILES):
            ways[f"tiles of {tile}"] = _Tiled(tile)
    return ways


def _plain(conv: Convolution, x: Tensor, given: Tensor | None) -> Tensor:
    made = conv.conv(x)
    return F.relu(made) if given is None else given + made


def _one_pass(conv: Convolution, x: Tensor, given: Tensor | None) -> Tensor:
    from msrnet_cli.engines.cuda import kernels

    made = F.conv2d(x, conv.weight, padding=1)
    return kernels.finish_(made, conv.bias, given)


def _cudnn_relu(conv: Convolution, x: Tensor, given: Tensor | None) -> Tensor:
    assert given is None
    ones = [1, 1]
    return torch.cudnn_convolution_relu(x, conv.weight, conv.bias, ones, ones, ones, 1)


@dataclass(frozen=True)
class _Tiled:
    tile: Tile

    def __call__(self, conv: Convolution, x: Tensor, given: Tensor | None) -> Tensor:
        from msrnet_cli.engines.cuda import kernels

        return kernels.convolve(x, conv.taps, conv.bias, given, self.tile)


def _alike(found: Tensor, exact: Tensor) -> bool:
    error, size = (
        torch.linalg.vector_norm(each, dtype=torch.float32)
        for each in (found - exact, exact)
    )
    return bool(error <= _AGREEMENT * size)
