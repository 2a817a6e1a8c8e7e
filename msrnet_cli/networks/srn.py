"""SRN, the scale-recurrent network: one of those that MSR-Net's paper compares with.

Tao et al., Scale-recurrent Network for Deep Image Deblurring, CVPR 2018; here in the
form that its authors' code calls ``color``. Shapes are B C H W; c is the number of
channels at full resolution.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msrnet_cli.networks.spec import COLOURS, Architecture, Sketches

Memory = tuple[Tensor, ...]
"""What a size hands on to the next besides its picture; nothing in this network."""

_BLOCKS = 3


class SRN(nn.Module):
    """Paints a picture at a quarter of its size, then at half, then whole.

    The same weights paint at each size. What was painted at one size is doubled and
    seen by the next beside the picture; no gradient flows back through that.

    Args:
        channels: Channels c at full resolution; the authors' network has 32.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        c = channels
        self.encoder1 = nn.Sequential(_conv(2 * COLOURS, c), nn.ReLU(), *_blocks(c))
        self.encoder2 = nn.Sequential(Halving(c, 2 * c), nn.ReLU(), *_blocks(2 * c))
        self.encoder3 = nn.Sequential(Halving(2 * c, 4 * c), nn.ReLU(), *_blocks(4 * c))
        self.decoder3 = nn.Sequential(*_blocks(4 * c), _up(4 * c, 2 * c), nn.ReLU())
        self.decoder2 = nn.Sequential(*_blocks(2 * c), _up(2 * c, c), nn.ReLU())
        self.decoder1 = nn.Sequential(*_blocks(c), _conv(c, COLOURS))
        initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        """Relight a batch.

        Args:
            image: B 3 H W, H and W multiples of 16, values in the range that the
                weights were trained on.

        Returns:
            B 3 H W in the same range, not clamped.
        """
        return self.pictures(image)[-1]

    def pictures(self, image: Tensor) -> list[Tensor]:
        """All that it paints: B 3 H/4 W/4, B 3 H/2 W/2 and B 3 H W."""
        image2, image3 = image[..., ::2, ::2], image[..., ::4, ::4]
        painted3, memory = self.paint(image3, image3, ())
        painted2, memory = self.paint(
            image2, double(painted3.detach()), tuple(map(double, memory))
        )
        painted1, _ = self.paint(
            image, double(painted2.detach()), tuple(map(double, memory))
        )
        return [painted3, painted2, painted1]

    def paint(
        self, image: Tensor, before: Tensor, memory: Memory
    ) -> tuple[Tensor, Memory]:
        """Paint at one size.

        Args:
            image: B 3 h w.
            before: The same shape: what the size before painted; at the first size, the
                picture itself.
            memory: What the size before remembers; empty at the first.

        Returns:
            What is painted, B 3 h w, and what is remembered.
        """
        features1 = self.encoder1(torch.cat((image, before), 1))
        features2 = self.encoder2(features1)
        features3 = self.encoder3(features2)
        features3, memory = self.recall(features3, memory)
        features2 = self.decoder3(features3) + features2
        features1 = self.decoder2(features2) + features1
        return self.decoder1(features1), memory

    def recall(self, features: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Let features, B 4c h/4 w/4, meet those of the size before: not here."""
        return features, memory


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), of 5x5."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _conv(channels, channels)
        self.conv2 = _conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


class Halving(nn.Conv2d):
    """A 5x5 convolution with stride 2, padded as TensorFlow pads an even side."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(channels, out_channels, 5, stride=2)

    def forward(self, x: Tensor) -> Tensor:  # one before, two after: not symmetric
        return super().forward(F.pad(x, (1, 2, 1, 2)))


def double(x: Tensor) -> Tensor:
    """Double height and width as TensorFlow 1 did, without half-pixel centres.

    Rows at even places are copies, those at odd places are means of their neighbours;
    the last row is a copy, too. Columns likewise.
    """
    for side in (2, 3):
        count = x.shape[side]
        following = x.narrow(side, 1, count - 1), x.narrow(side, count - 1, 1)
        between = (x + torch.cat(following, side)) / 2
        x = torch.stack((x, between), side + 1).flatten(side, side + 1)
    return x


def subsampled(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Every second or fourth pixel, from the first on: how TensorFlow 1 made it small.

    Args:
        x: B C H W.
        size: Height and width, which divide those of `x`.
    """
    down, across = (
        given // wanted for given, wanted in zip(x.shape[2:], size, strict=True)
    )
    return x[..., ::down, ::across]


def initialise(network: nn.Module) -> None:
    """Set every bias to 0, and draw weights uniformly as Glorot and Bengio did."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            if module.weight.is_meta:  # to draw no values, torch would load a compiler
                continue
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _pictures(network: nn.Module, image: Tensor) -> list[Tensor]:
    assert isinstance(network, SRN)
    return network.pictures(image)


def _conv(channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out_channels, 5, padding=2)


def _up(channels: int, out_channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels, out_channels, 4, stride=2, padding=1)


def _blocks(channels: int) -> list[nn.Module]:
    return [ResidualBlock(channels) for _ in range(_BLOCKS)]


SKETCHES = Sketches(_pictures, subsampled, smallest=4)

ARCHITECTURE = Architecture(
    build=SRN,
    multiple=16,  # a quarter of the size, times the two strides of 2 of an encoder
    reach=1296,  # a pixel sees 1264 pixels to one side and 1285 to the other
    bytes_per_pixel={"fp32": 1000, "bf16": 640, "fp16": 640},
    painter="decoder1.3",
    sketches=SKETCHES,
)
