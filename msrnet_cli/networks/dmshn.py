"""DMSHN, the network of MSR-Net (paper, section 3 and Figure 1).

Shapes are B C H W; c is the number of channels at a level's full resolution.
"""

from __future__ import annotations

import math
import re
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msrnet_cli.networks.spec import COLOURS, Architecture, Published


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))): no normalisation, and the network's only ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


class Chain(nn.Sequential):
    """Convolutions and residual blocks, one after the other.

    Engines put faster ones in the place of whole chains, so a network all of whose
    weights lie in chains can be fused.
    """

    def forward(self, x: Tensor, coarser: Tensor | None = None) -> Tensor:
        """Run all parts.

        Args:
            x: B C H W.
            coarser: B C H/2 W/2, of the next coarser level; doubled and added first.
        """
        return super().forward(x if coarser is None else x + double(coarser))


class Encoder(Chain):
    """Picture to features: B P H W to B 4c H/4 W/4."""

    def __init__(self, c: int, picture: int = COLOURS) -> None:
        super().__init__(
            nn.Conv2d(picture, c, 3, padding=1),
            ResidualBlock(c),
            ResidualBlock(c),
            nn.Conv2d(c, 2 * c, 3, stride=2, padding=1),
            ResidualBlock(2 * c),
            ResidualBlock(2 * c),
            nn.Conv2d(2 * c, 4 * c, 3, stride=2, padding=1),
            ResidualBlock(4 * c),
            ResidualBlock(4 * c),
        )


class Decoder(Chain):
    """Features to picture: B 4c H/4 W/4 to B P H W, without a final activation."""

    def __init__(self, c: int, picture: int = COLOURS) -> None:
        super().__init__(
            ResidualBlock(4 * c),
            ResidualBlock(4 * c),
            nn.ConvTranspose2d(4 * c, 2 * c, 4, stride=2, padding=1),
            ResidualBlock(2 * c),
            ResidualBlock(2 * c),
            nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1),
            ResidualBlock(c),
            ResidualBlock(c),
            nn.Conv2d(c, picture, 3, padding=1),
        )


class DMSHN(nn.Module):
    """Deep Multi-Scale Hierarchical Network.

    A pyramid of three levels, each with an encoder and a decoder of its own, walked
    from coarse to fine. What a level paints is enlarged and added to the next finer
    picture; what its encoder found is enlarged and added to the next finer features.

    Args:
        channels: Channels c at full resolution; the paper's network has 32.
        seen: Channels P of the picture that comes in.
        painted: Channels of what the finest level paints.
    """

    def __init__(
        self, channels: int = 32, seen: int = COLOURS, painted: int = COLOURS
    ) -> None:
        super().__init__()
        self.encoder1 = Encoder(channels, seen)
        self.encoder2 = Encoder(channels, seen)
        self.encoder3 = Encoder(channels, seen)
        self.decoder1 = Decoder(channels, painted)
        self.decoder2 = Decoder(channels, seen)
        self.decoder3 = Decoder(channels, seen)
        initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        """Relight a batch.

        Args:
            image: B P H W, H and W multiples of 16, values in the range the
                weights were trained on.

        Returns:
            B C H W in the same range, not clamped.
        """
        image1 = image
        image2 = half(image1)
        image3 = half(image2)

        features3 = self.encoder3(image3)
        relit3 = self.decoder3(features3)

        features2 = self.encoder2(image2, relit3)
        relit2 = self.decoder2(features2, features3)

        # Handed on is features2 itself, not the sum that the decoder sees.
        features1 = self.encoder1(image1, relit2)
        return self.decoder1(features1, features2)


def half(x: Tensor) -> Tensor:
    """Halve height and width; for even sizes bilinear is exactly a 2x2 mean."""
    return F.avg_pool2d(x, 2)


def double(x: Tensor) -> Tensor:
    """Double height and width, bilinear with half-pixel centres."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def initialise(network: nn.Module) -> None:
    """Set every bias to 0 and every weight to N(0, s), as DMSHN's authors did.

    s = 0.5 sqrt(2 / (k * k * out_channels)): He's fan-out deviation, halved. Without
    normalisation anywhere, larger weights make the first outputs explode.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            if module.weight.is_meta:  # to draw no values, torch would load a compiler
                continue
            fan_out = math.prod(module.kernel_size) * module.out_channels
            nn.init.normal_(module.weight, std=0.5 * math.sqrt(2 / fan_out))
            if module.bias is not None:
                nn.init.zeros_(module.bias)


IDENTITY_CHANNELS = 12
"""Fewest channels that can hold a picture whole: 3 * 4 * 4 values of each 4x4 block
must fit into the 4c channels between encoder and decoder."""


def initialise_identity(network: nn.Module) -> None:
    """Start a network as the identity: its output is its input, exactly.

    The network has no path from input to output but its narrow middle, and learns
    slowly to let detail through it. Here detail passes from the first step on:

    - level 1: the stem copies RGB; each stride-2 convolution moves the pixels of a
      2x2 block into channels, each transposed one moves them back;
    - residual blocks add nothing yet (their second convolution is 0);
    - levels 2 and 3 paint nothing yet, and leave the channels that carry the picture
      at 0, so that what they hand to level 1 does not disturb it;
    - all other channels start as in `initialise`, but reach no channel that carries
      the picture.

    Every weight that is 0 here has a gradient from the first step on, or from the
    second.

    Args:
        network: With at least `IDENTITY_CHANNELS` channels.

    Raises:
        ValueError: It has fewer.
    """
    initialise(network)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, ResidualBlock):
                module.conv2.weight.zero_()
            elif isinstance(module, DMSHN):
                _start_as_identity(module)


def _start_as_identity(network: DMSHN) -> None:
    stem, down1, down2 = _strided(network.encoder1)
    if len(stem.weight) < IDENTITY_CHANNELS:
        raise ValueError(
            f"{len(stem.weight)} channels; the identity needs {IDENTITY_CHANNELS}"
        )
    up1, up2, last = _strided(network.decoder1)
    _copy_colours(stem.weight)
    _copy_colours(last.weight)
    for down, up, channels in ((down1, up2, 3), (down2, up1, 12)):
        down.weight[: 4 * channels] = 0
        up.weight[:, :channels] = 0
        for channel, dy, dx in product(range(channels), (0, 1), (0, 1)):
            packed = 4 * channel + 2 * dy + dx
            # Taps 1 and 2 fall on the block's own rows and columns; see padding.
            down.weight[packed, channel, 1 + dy, 1 + dx] = 1
            up.weight[packed, channel, 1 + dy, 1 + dx] = 1
    for encoder in (network.encoder2, network.encoder3):
        _strided(encoder)[-1].weight[: 4 * IDENTITY_CHANNELS] = 0
    for decoder in (network.decoder2, network.decoder3):
        _strided(decoder)[-1].weight.zero_()


def _copy_colours(weight: Tensor) -> None:
    """Make the first three outputs of a 3x3 convolution copy its first three inputs."""
    weight[:3] = 0
    for channel in range(3):
        weight[channel, channel, 1, 1] = 1


def _strided(half_network: nn.Sequential) -> list[nn.Conv2d | nn.ConvTranspose2d]:
    """The three convolutions that stand outside residual blocks, in order."""
    return [m for m in half_network if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]


# The authors number their layers through both halves of a level.
_ENCODER_LAYERS = (1, 2, 3, 5, 6, 7, 9, 10, 11)
_DECODER_LAYERS = (13, 14, 16, 17, 18, 20, 21, 22, 24)
_LAYERS = {
    **{("encoder", layer): index for index, layer in enumerate(_ENCODER_LAYERS)},
    **{("decoder", layer): index for index, layer in enumerate(_DECODER_LAYERS)},
}
_CONVS = {"0.": "conv1.", "2.": "conv2.", None: ""}
_THEIR_NAME = re.compile(
    r"(encoder|decoder)_lv([123])\.layer(\d+)\.([02]\.)?(weight|bias)"
)


def our_name(theirs: str) -> str | None:
    """Our name of a parameter for that of DMSHN's authors; None where it is another.

    >>> our_name("decoder_lv1.layer14.2.bias")
    'decoder1.1.conv2.bias'
    """
    match = _THEIR_NAME.fullmatch(theirs)
    if match is None or (match[1], int(match[3])) not in _LAYERS:
        return None
    half_, level, layer, conv, kind = match.groups()
    return f"{half_}{level}.{_LAYERS[half_, int(layer)]}.{_CONVS[conv]}{kind}"


ARCHITECTURE = Architecture(
    build=DMSHN,
    multiple=16,  # two pyramid levels of 2, times the two strides of 2 of an encoder
    reach=464,  # half the receptive field of 916 pixels
    bytes_per_pixel={"fp32": 950, "bf16": 520, "fp16": 520},
    fused_bytes={"fp32": 450, "bf16": 250},
    painter="decoder1.8",
    start_as_identity=initialise_identity,
    identity_channels=IDENTITY_CHANNELS,
    published=Published(our_name, width="encoder1.0.bias"),
)
