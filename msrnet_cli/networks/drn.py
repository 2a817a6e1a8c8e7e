"""DRN, the Deep Relighting Network, which the paper compares with.

Source: Wang et al., "Deep Relighting Networks for Image Light Source Manipulation",
ECCV workshops 2020. This is the generator, without the discriminators of its training.

It sees a picture in [-1, 1] and paints one there. Each feature is brought to the same
mean and contrast over the whole picture, and a gate weighs features by what the whole
picture shows. So a part of a picture, alone, would be painted otherwise.

It cannot start as the identity: after normalisation nothing tells how bright the
picture was, and the last layer bends all values. Normalisation also enlarges what is
rounded off: freshly drawn, it agrees with itself in bfloat16 to 20 to 26 dB only.

Shapes are B C H W; c is the number of channels at full resolution.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from msrnet_cli.networks.spec import COLOURS, Architecture, Sketches

_DEPTH = 4  # times that an auto-encoder halves a picture
_RESIDUAL_BLOCKS = 9
_DILATIONS = (2, 3, 4, 5, 6, 8, 10, 12)  # a pixel sees squares of 5 to 25 pixels


def framed(seen: int, made: int, size: int, dilation: int = 1) -> nn.Conv2d:
    """A convolution that keeps height and width; beyond the border lies a mirror."""
    margin = dilation * (size // 2)
    return nn.Conv2d(
        seen, made, size, padding=margin, dilation=dilation, padding_mode="reflect"
    )


def normed(conv: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    """A convolution; each feature of each picture at mean 0, deviation 1; ReLU."""
    channels = conv.out_channels
    return nn.Sequential(conv, nn.InstanceNorm2d(channels), nn.ReLU(inplace=True))


def halving(seen: int, made: int) -> nn.Sequential:
    """Features at half the height and width."""
    return normed(nn.Conv2d(seen, made, 3, stride=2, padding=1))


def doubling(seen: int, made: int) -> nn.Sequential:
    """Features at twice the height and width."""
    return normed(nn.ConvTranspose2d(seen, made, 4, stride=2, padding=1))


class Resize(nn.Module):
    """Features at half or twice the size, corrected by back-projection.

    What was made at the other size is brought back. Where that differs from what came
    in, the difference is resized and added.

    Args:
        seen: Channels of what comes in.
        made: Channels of what goes out.
        halve: Halve height and width; else double them.
    """

    def __init__(self, seen: int, made: int, *, halve: bool) -> None:
        super().__init__()
        there, back = (halving, doubling) if halve else (doubling, halving)
        self.first = there(seen, made)
        self.back = back(made, made)
        self.again = there(made, made)
        self.mix_seen = normed(nn.Conv2d(seen, made, 1))
        self.mix_first = normed(nn.Conv2d(made, made, 1))

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        missed = self.mix_seen(x) - self.back(first)
        return self.mix_first(first) + self.again(missed)


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), without a ReLU after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = normed(framed(channels, channels, 3))
        self.second = framed(channels, channels, 3)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(self.second(self.first(x)))


class AutoEncoder(nn.Module):
    """A picture to c features of each pixel, through 16c features of each 16x16 block.

    Args:
        c: Channels at full resolution.
    """

    def __init__(self, c: int) -> None:
        super().__init__()
        widths = [c << level for level in range(_DEPTH + 1)]
        steps = list(pairwise(widths))
        self.stem = normed(framed(COLOURS, c, 7))
        self.encoder = nn.Sequential(
            *(Resize(fine, coarse, halve=True) for fine, coarse in steps)
        )
        self.middle = nn.Sequential(
            *(ResidualBlock(widths[-1]) for _ in range(_RESIDUAL_BLOCKS))
        )
        self.decoder = nn.Sequential(
            *(Resize(coarse, fine, halve=False) for fine, coarse in reversed(steps))
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """What the stem sees, and what comes out: both B c H W."""
        seen = self.stem(image)
        return seen, self.decoder(self.middle(self.encoder(seen)))


def head(seen: int) -> nn.Sequential:
    """Features to a picture in [-1, 1]."""
    return nn.Sequential(framed(seen, COLOURS, 7), nn.Tanh())


class SceneBranch(nn.Module):
    """Scene reconversion: what stands in the picture, whatever its light.

    Its head paints a picture that the result has no use for: it trains the branch.
    """

    def __init__(self, c: int) -> None:
        super().__init__()
        self.body = AutoEncoder(c)
        self.skip = nn.Sequential(framed(2 * c, c, 3), nn.ReLU(inplace=True))
        self.head = head(c)

    def forward(self, image: Tensor) -> Tensor:
        return self.skip(torch.cat(self.body(image), 1))


class ShadowBranch(nn.Module):
    """Shadow prior: where the wanted light falls.

    Its head trains it as that of `SceneBranch` does.
    """

    def __init__(self, c: int) -> None:
        super().__init__()
        self.body = AutoEncoder(c)
        self.head = head(c)

    def forward(self, image: Tensor) -> Tensor:
        return self.body(image)[1]


class Gate(nn.Module):
    """A weight from 0 to 1 for each feature, from its mean over the picture.

    That mean is taken after normalisation and hardly depends on the picture, so the
    weights hardly do.

    Args:
        channels: Of the features.
        narrow: Channels between the two layers that make weights of means.
    """

    def __init__(self, channels: int, narrow: int) -> None:
        super().__init__()
        self.merge = normed(nn.Conv2d(channels, channels, 3, padding=1))
        self.weigh = nn.Sequential(
            nn.Linear(channels, narrow, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(narrow, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """B C 1 1 for B C H W."""
        return self.weigh(self.merge(features).mean((-2, -1)))[..., None, None]


class Renderer(nn.Module):
    """Re-renderer: joins scene and light, seen at eight scales.

    Args:
        c: Half the channels of each of its inputs.
    """

    def __init__(self, c: int) -> None:
        super().__init__()
        narrow = max(1, c // 2)
        joined = narrow * len(_DILATIONS)
        self.scales = nn.ModuleList(
            normed(framed(4 * c, narrow, 3, dilation)) for dilation in _DILATIONS
        )
        self.gate = Gate(joined, narrow)
        self.mix = normed(nn.Conv2d(joined, 2 * c, 1))

    def forward(self, scene: Tensor, shadow: Tensor) -> Tensor:
        """B 2c H W from two of that shape."""
        both = torch.cat((scene, shadow), 1)
        features = torch.cat([scale(both) for scale in self.scales], 1)
        return shadow + self.mix(features * self.gate(features) + features)


class DRN(nn.Module):
    """Deep Relighting Network: two branches, and a re-renderer that joins them.

    Args:
        channels: Channels c at full resolution; the published network has 32.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.scene = SceneBranch(channels)
        self.shadow = ShadowBranch(channels)
        self.widen_shadow = _widened(channels)
        self.widen_scene = _widened(channels)
        self.renderer = Renderer(channels)
        self.head = head(2 * channels)

    def forward(self, image: Tensor) -> Tensor:
        """Relight a batch.

        Args:
            image: B 3 H W in [-1, 1], H and W multiples of 16, 32 or more.

        Returns:
            B 3 H W in [-1, 1].
        """
        return self.render(self.scene(image), self.shadow(image))

    def render(self, scene: Tensor, shadow: Tensor) -> Tensor:
        """The relit picture from what both branches give, B c H W."""
        wide = self.widen_scene(scene), self.widen_shadow(shadow)
        return self.head(self.renderer(*wide))


def _widened(c: int) -> nn.Sequential:
    return nn.Sequential(framed(c, 2 * c, 3), nn.ReLU(inplace=True))


def paint(network: nn.Module, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What each branch paints by itself, and the result.

    In training the relit picture is the target of all three, from the first step on.
    The authors trained the branches first, with discriminators: the shadow branch on
    relit pictures, the scene branch on pseudo-HDR pictures, which pairs do not hold.
    Then they trained all of it, and the heads of the branches lay idle.
    """
    assert isinstance(network, DRN)
    scene, shadow = network.scene(image), network.shadow(image)
    alone = network.scene.head(scene), network.shadow.head(shadow)
    return *alone, network.render(scene, shadow)


ARCHITECTURE = Architecture(
    build=DRN,
    multiple=2**_DEPTH,
    least=32,  # in the middle, a mirror beyond the border needs two pixels
    reach=None,
    bytes_per_pixel={"fp32": 3700, "bf16": 1900, "fp16": 1900},
    painter="head.0",
    sketches=Sketches(paint),
    needs_fp32=True,
)
