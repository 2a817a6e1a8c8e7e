"""Engines: how the network is run on a device. One place chooses among them.

What an engine makes of a network is called as the network is: with the tensors of
`Inputs`. It takes and gives float32 on its device, of sizes that the network takes,
whatever format it computes in. It may be shared between threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch

from msrnet_cli.engines import compiled, fused
from msrnet_cli.engines.cuda import graph, tuned
from msrnet_cli.engines.eager import Eager
from msrnet_cli.errors import DeviceError, MSRNetError
from msrnet_cli.metrics import psnr

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from msrnet_cli.config import Engine
    from msrnet_cli.networks.spec import Inputs

AGREEMENT_DB = 45.0
"""Least PSNR, in dB, of a fast network against float32."""

_MARGIN_DB = 1.0  # rounding in another order moves the agreement by less
_COMPILING = 60.0  # seconds, about, for one shape of pictures
_SAVED = 3e-9  # seconds, about, for each pixel that a compiled network sees on CUDA
_REMEDY = "use --engine auto"


class Probe:
    """A small picture, and what the plain network makes of it in float32.

    Args:
        plain: Gives a network from `msrnet_cli.networks` to keep, float32, on the
            device; asked when it is first needed, if ever.
        inputs: float32, in the network's range, on the device.
        span: From black to white in what the network paints.
    """

    def __init__(
        self, plain: Callable[[], nn.Module], inputs: Inputs, span: float = 1.0
    ) -> None:
        # On CUDA three: the second is recorded, the third is a replay.
        turns: list[list[int]] = [[], [-1], [-2]] if inputs.image.is_cuda else [[]]
        self._inputs = [inputs.map(partial(torch.flip, dims=axes)) for axes in turns]
        self._plain = plain
        self._span_db = 20 * math.log10(span)
        self._exact: list[torch.Tensor] = []

    @property
    def exact(self) -> list[torch.Tensor]:
        """What the plain network makes of each picture in float32, on the CPU."""
        if not self._exact:
            with torch.no_grad():
                plain = Eager(self._plain())
                self._exact = [plain(*each.tensors).cpu() for each in self._inputs]
        return self._exact

    def agreement(self, made: nn.Module) -> float:
        """Lowest PSNR, in dB, between a network and the plain one; nan for a NaN.

        Exceptions of the network pass through.
        """
        with torch.no_grad():
            found = [made(*each.tensors).cpu() for each in self._inputs]
        each = [psnr(one, exact) for one, exact in zip(found, self.exact, strict=True)]
        return math.nan if any(map(math.isnan, each)) else min(each) + self._span_db


@dataclass(frozen=True)
class Ready:
    """A network ready to run.

    Attributes:
        engine: How.
        network: Takes `Inputs` and gives B C H W, in float32.
        agreement: With the plain network in float32, in dB; None where it was not
            tried.
        note: Why it is not the engine that `choose` names; "" where it is.
    """

    engine: Engine
    network: nn.Module
    agreement: float | None = None
    note: str = ""


def make(
    network: nn.Module, engine: Engine, probe: Probe, pixels: float = 0.0
) -> Ready:
    """Make a network ready to run.

    Args:
        network: From `msrnet_cli.networks`, on its device and in its number format;
            the engine may keep it.
        engine: How; ``auto`` is what `choose` says, or ``eager`` where that fails, or
            disagrees while ``eager`` does not.
        probe: What to try it on.
        pixels: How many the network is going to see, as far as that is known.

    Raises:
        DeviceError: The engine asked for cannot run here.
    """
    first = next(network.parameters())
    asked, plain = engine, Eager(network)
    usual: float | None = None
    if asked == "auto":
        engine = choose(first.device, first.dtype, pixels)
        if engine == "fused" and not fused.covers(network):
            engine = "eager"
    if engine == "eager":
        return Ready(engine, plain)
    try:
        made = _made(network, engine)
        agreement = probe.agreement(made)
        if asked != "auto" or agreement >= AGREEMENT_DB:
            return Ready(engine, made, agreement)
        # In a format that is coarse for this network, `eager` is no better.
        usual = probe.agreement(plain)
        if agreement >= usual - _MARGIN_DB:
            return Ready(engine, made, agreement)
        reason = disagreement(agreement)
    except MSRNetError:
        raise
    except Exception as error:  # operators private to torch, a compiler
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        if asked != "auto":
            raise DeviceError(f"engine {engine}: {reason}", _REMEDY) from error
    return Ready("eager", plain, usual, f"eager, for engine {engine}: {reason}")


def choose(device: torch.device, dtype: torch.dtype, pixels: float = 0.0) -> Engine:
    """The engine that finishes first, its start included.

    - CPU: oneDNN's fused operators, which need no time to start and reach the
      processor's ceiling; a compiler gains nothing over them. They know DMSHN's chains
      alone: `make` takes ``eager`` for a network of other convolutions, such as SRN.
    - CUDA: a graph of the eager network, unless so much is to be done that compiling
      it first takes less time than it saves (by estimate, not yet measured).
    """
    if device.type == "cpu":
        return "fused" if fused.is_supported(dtype) else "eager"
    if device.type == "cuda":
        pays = pixels * _SAVED > _COMPILING and compiled.is_supported(device)
        return "compiled" if pays else "graph"
    return "eager"


def disagreement(agreement: float) -> str:
    """What an agreement below `AGREEMENT_DB` says, for people."""
    if math.isnan(agreement):
        return "its output is not finite"
    return f"it agrees with fp32 to {agreement:.1f} dB only"


def release(network: nn.Module) -> None:
    """Free the memory that a network from `make` keeps between passes."""
    if isinstance(network, fused.Fused | graph.Graphs):
        network.release()


def _made(network: nn.Module, engine: Engine) -> nn.Module:
    first = next(network.parameters())
    device, dtype = first.device, first.dtype
    if engine == "fused":
        if device.type != "cpu" or not fused.is_supported(dtype):
            reason = "needs a CPU with oneDNN, and fp32 or bf16"
            raise DeviceError(f"engine fused: {reason}", _REMEDY)
        if not fused.covers(network):
            reason = "has no fused operators for all of this network"
            raise DeviceError(f"engine fused: {reason}", _REMEDY)
        return fused.fuse(network)
    if engine == "graph":
        if device.type != "cuda":
            raise DeviceError("engine graph: needs an NVIDIA GPU", _REMEDY)
        return graph.Graphs(Eager(network))
    if engine == "tuned":
        if not tuned.is_supported(device):
            reason = "needs an NVIDIA GPU and Triton"
            raise DeviceError(f"engine tuned: {reason}", _REMEDY)
        contest = tuned.Contest()
        return graph.Graphs(tuned.tune(network, contest), contest.searching)
    if engine == "compiled":
        if not compiled.is_supported(device):
            reason = "needs a C++ compiler, and Triton on CUDA"
            raise DeviceError(f"engine compiled: {reason}", _REMEDY)
        return compiled.compile_network(network)
    return Eager(network)
