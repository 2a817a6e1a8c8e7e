"""Muon: orthogonalised momentum.

The gradient of a convolution has few large singular values. A step in which all of
them are alike learns more from each picture. Sources: Jordan et al., "Muon: an
optimizer for hidden layers in neural networks", 2024; for the size of a step, with
which Adam's learning rates suit, Liu et al., "Muon is scalable for LLM training",
2025, section 2.2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from msrnet_cli.train.processes import ALONE, Processes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor, nn

_MOMENTUM = 0.95
_ADAMS_RMS = 0.2  # about the root mean square of a step of Adam, over its rate
# An odd polynomial that, applied five times, brings singular values close to 1.
_ITERATIONS = 5
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Optimizer):
    """Steps along the orthogonal factor of the momentum.

    Args:
        weights: Of two dimensions or more; all but the first count as one.
        lr: Learning rate.
        dtype: For computing the factor, which need not be exact.
        processes: Have the same gradients, and share the matrices among them.
    """

    def __init__(
        self,
        weights: Iterable[nn.Parameter],
        lr: float,
        dtype: torch.dtype,
        processes: Processes = ALONE,
    ) -> None:
        super().__init__(weights, {"lr": lr})
        self._dtype = dtype
        self._processes = processes

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ANN401, ARG002
        """Take a step along the current gradients."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    alike.setdefault(weight.shape, []).append(weight)
            # Matrices of one shape in one product, which is faster.
            found = [self._directions(weights) for weights in alike.values()]
            self._processes.sum_(found)
            for weights, directions in zip(alike.values(), found, strict=True):
                self._step(weights, directions, group["lr"])

    def _directions(self, weights: list[Tensor]) -> Tensor:
        """Orthogonal factors, N rows columns; 0 where another process computes them."""
        updates = torch.stack(self._updates(weights)).flatten(2).to(self._dtype)
        rank, count = self._processes.rank, self._processes.count
        if count == 1:
            return orthogonal(updates)
        directions = torch.zeros_like(updates)
        mine = updates[rank::count]
        if len(mine):
            directions[rank::count] = orthogonal(mine)
        return directions

    def _step(self, weights: list[Tensor], directions: Tensor, rate: float) -> None:
        size = rate * _ADAMS_RMS * math.sqrt(max(directions.shape[-2:]))
        steps = directions.to(weights[0].dtype).view(-1, *weights[0].shape).unbind()
        torch._foreach_add_(weights, steps, alpha=-size)

    def _updates(self, weights: list[Tensor]) -> list[Tensor]:
        """The gradients with Nesterov momentum."""
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        for weight in weights:
            if "momentum" not in self.state[weight]:
                self.state[weight]["momentum"] = torch.zeros_like(weight)
        momenta = [self.state[weight]["momentum"] for weight in weights]
        torch._foreach_lerp_(momenta, gradients, 1 - _MOMENTUM)
        return list(torch._foreach_lerp(gradients, momenta, _MOMENTUM))


def orthogonal(matrices: Tensor) -> Tensor:
    """Nearly U V^T of each matrix U S V^T, by the Newton-Schulz iteration.

    Args:
        matrices: B M N.

    Returns:
        B M N with singular values between 0.6 and 1.3. Those below about a thousandth
        of the norm stay small.
    """
    a, b, c = _POLYNOMIAL
    x = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-12)
    is_tall = x.shape[-2] > x.shape[-1]
    x = x.mT if is_tall else x
    for _ in range(_ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if is_tall else x
