"""A network of two convolutions that takes a guide: what adding one takes.

As a file of `msrnet_cli/networks` would be, with its name in `config.Arch`.
"""

import torch
from torch import nn

from msrnet_cli.networks.dmshn import Chain
from msrnet_cli.networks.spec import COLOURS, Architecture


class Tiny(nn.Module):
    """A picture, plus what two convolutions find in the picture and its guide."""

    def __init__(self, channels=8):
        super().__init__()
        self.chain = Chain(
            nn.Conv2d(COLOURS + 1, channels, 3, padding=1),
            nn.Conv2d(channels, COLOURS, 3, padding=1),
        )

    def forward(self, image, guide):
        return image + self.chain(torch.cat((image, guide), 1)).float()


def start_as_identity(network):
    network.chain[-1].weight.zero_()
    network.chain[-1].bias.zero_()


ARCHITECTURE = Architecture(
    build=Tiny,
    multiple=4,
    reach=4,
    bytes_per_pixel={"fp32": 100, "bf16": 60, "fp16": 60},
    painter="chain.1",
    guide=1,
    start_as_identity=torch.no_grad()(start_as_identity),
)
