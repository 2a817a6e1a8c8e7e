"""The network operator by operator, on any device."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Eager(nn.Module):
    """A network in its own number format, channels last.

    Args:
        network: From `msrnet_cli.networks`; it is brought into that memory format.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        # torch's stubs do not know this form of Module.to
        self._network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._dtype = next(network.parameters()).dtype

    def forward(self, *tensors: Tensor) -> Tensor:
        last = torch.channels_last
        return self._network(
            *(x.to(self._dtype, memory_format=last) for x in tensors)
        ).float()
