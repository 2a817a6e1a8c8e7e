"""SRN with a memory between its sizes: a convolutional LSTM, in colour.

Its authors trained the network with a memory on one channel at a time, which cannot
change a colour by another. This is the same network with three channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from msrnet_cli.networks import srn
from msrnet_cli.networks.spec import Architecture
from msrnet_cli.networks.srn import SRN, Memory

_DEVIATION = 1e-3
_FORGET = 1.0  # added to the gate that forgets: at first it keeps the most


class RecurrentSRN(SRN):
    """An SRN that remembers, from each size to the next, what its encoder found.

    Gradients flow through that memory, but not through painted pictures.

    Args:
        channels: Channels c at full resolution; the authors' network has 32.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__(channels)
        deep = 4 * channels
        self.gates = nn.Conv2d(2 * deep, 4 * deep, 3, padding=1)
        srn.initialise(self.gates)
        if not self.gates.weight.is_meta:
            end = 2 * _DEVIATION
            nn.init.trunc_normal_(self.gates.weight, std=_DEVIATION, a=-end, b=end)

    def recall(self, features: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Features with those of the size before, and the memory for the next size.

        Args:
            features: B 4c h/4 w/4.
            memory: The cell and its output, each of that shape; empty at the first
                size.
        """
        nothing = torch.zeros_like(features)
        cell, output = memory or (nothing, nothing)
        gates = self.gates(torch.cat((features, output), 1))
        let_in, new, forget, let_out = gates.chunk(4, 1)
        kept = cell * torch.sigmoid(forget + _FORGET)
        cell = kept + torch.sigmoid(let_in) * torch.tanh(new)
        output = torch.tanh(cell) * torch.sigmoid(let_out)
        return output, (cell, output)


ARCHITECTURE = Architecture(
    build=RecurrentSRN,
    multiple=srn.ARCHITECTURE.multiple,
    reach=1328,  # a pixel sees 1292 pixels to one side and 1313 to the other
    bytes_per_pixel={"fp32": 1200, "bf16": 660, "fp16": 660},
    painter=srn.ARCHITECTURE.painter,
    sketches=srn.SKETCHES,
)
