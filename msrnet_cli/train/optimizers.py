"""Optimizers by name, and their state by name in a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from msrnet_cli.train.muon import Muon
from msrnet_cli.train.restoring import fitting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import nn

    from msrnet_cli.train.options import OptimizerName
    from msrnet_cli.train.processes import Processes

    Weights = list[nn.Parameter]
    Build = Callable[[Weights, torch.dtype, Processes], list["Optimizer"]]

Optimizer = torch.optim.Optimizer


def build(
    name: OptimizerName, network: nn.Module, dtype: torch.dtype, processes: Processes
) -> list[Optimizer]:
    """Optimizers that share the parameters of a network among them, at a rate of 0.

    Args:
        name: Of their kind.
        network: What learns.
        dtype: For products inside a step that need not be exact.
        processes: Which have the same gradients, and may share the work of a step.
    """
    return _BUILDERS[name](list(network.parameters()), dtype, processes)


def state_of(
    optimizers: Sequence[Optimizer], network: nn.Module
) -> Iterator[tuple[str, Tensor]]:
    """The tensors that optimizers keep of each parameter, as ``exp_avg.out.weight``."""
    names: dict[Tensor, str] = {p: name for name, p in network.named_parameters()}
    for optimizer in optimizers:
        for parameter, state in optimizer.state.items():
            for kind, value in state.items():
                if isinstance(value, Tensor):
                    yield f"{kind}.{names[parameter]}", value


def restore(
    optimizers: Sequence[Optimizer],
    network: nn.Module,
    tensors: Mapping[str, Tensor],
    steps: int,
) -> None:
    """Give fresh optimizers the state that `state_of` told.

    Args:
        optimizers: Of this network.
        network: Its gradients are lost, and its weights may lose the sign of a zero.
        tensors: Of a checkpoint.
        steps: That the optimizers have taken. Where the checkpoint lacks the count of
            an optimizer, as those of the first format do, it is this.

    Raises:
        ValueError: A tensor is missing, or has another shape.
    """
    for optimizer in optimizers:
        _allocate(optimizer)
    for name, kept in state_of(optimizers, network):
        if kept.ndim == 0 and name not in tensors:
            kept.fill_(steps)
        else:
            # Copied: the state keeps the memory format of its parameter.
            kept.copy_(fitting(name, tensors, kept))


def _allocate(optimizer: Optimizer) -> None:
    """Have an optimizer make its state, by a step at rate 0 along gradients of 0."""
    for group in optimizer.param_groups:
        group["lr"] = 0.0
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _adam(weights: Weights, _dtype: torch.dtype, _: Processes) -> list[Optimizer]:
    return [torch.optim.Adam(weights, lr=0.0, fused=True)]


def _muon(
    weights: Weights, dtype: torch.dtype, processes: Processes
) -> list[Optimizer]:
    matrices = [weight for weight in weights if weight.ndim > 1]
    biases = [weight for weight in weights if weight.ndim == 1]
    return [
        Muon(matrices, lr=0.0, dtype=dtype, processes=processes),
        torch.optim.Adam(biases, lr=0.0, fused=True),
    ]


_BUILDERS: dict[OptimizerName, Build] = {"adam": _adam, "muon": _muon}
