"""The light stage: one pass paints a picture under light from everywhere.

Light adds: a scene under any light is a weighted sum of the same scene under each of
eight, and of what is there without any of them. So this network is not told which light
is wanted: it paints all of these layers, and whoever wants a light mixes them.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msrnet_cli.lights import DIRECTIONS, MIRRORED
from msrnet_cli.networks import dmshn
from msrnet_cli.networks.dmshn import DMSHN
from msrnet_cli.networks.spec import COLOURS, Architecture

OUTPUTS = (*DIRECTIONS, "ambient", "normal", "light")
"""White light from each direction alone, the picture without its key light, the surface
normals in [0, 1], and what is read of the light that the picture has, whose mean over
the picture counts (see `layers.reading`): three channels each."""

_ACROSS = [*MIRRORED, *range(len(DIRECTIONS), len(OUTPUTS))]

BLOCK = 2
_STEM_GAIN = 1.5  # of blocks, whose pixels are alike, over that of a picture


class LightStage(nn.Module):
    """DMSHN on the 2x2 blocks of a picture: their pixels are channels.

    That is a quarter of the arithmetic at a size, or twice the size in the same time;
    what the network paints is added to the picture, so no detail has to pass through
    it.

    Args:
        channels: Of DMSHN, at the resolution of blocks.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        pixels = BLOCK * BLOCK
        painted = COLOURS * len(OUTPUTS)
        self.dmshn = DMSHN(channels, COLOURS * pixels, painted * pixels)

    def forward(self, image: Tensor) -> Tensor:
        """Paint all layers of a batch.

        Args:
            image: B 3 H W, H and W multiples of 32, in [0, 1].

        Returns:
            B 33 H W: the outputs in the order of `OUTPUTS`, not clamped.
        """
        blocks = F.pixel_unshuffle(image, BLOCK)
        painted = F.pixel_shuffle(self.dmshn(blocks), BLOCK)
        # In place: at full size these maps are most of the memory of a pass.
        painted.unflatten(1, (len(OUTPUTS), COLOURS)).add_(image[:, None])
        return painted


@torch.no_grad()
def start_as_identity(network: nn.Module) -> None:
    """Start with each output equal to the picture: DMSHN paints no change yet.

    Inside, pixels are carried as in a DMSHN that is the identity itself, but of
    features that the first convolutions draw.
    """
    assert isinstance(network, LightStage)
    inner = network.dmshn
    dmshn.initialise_identity(inner)
    for encoder in (inner.encoder1, inner.encoder2, inner.encoder3):
        weight = next(encoder.parameters())
        fan_out = weight[:, 0].numel()
        nn.init.normal_(weight, std=_STEM_GAIN * 0.5 * math.sqrt(2 / fan_out))
    inner.get_parameter("decoder1.8.weight").zero_()


def from_mirror(painted: Tensor) -> Tensor:
    """What the network paints of a picture, from what it paints of its mirror image.

    Args:
        painted: B 33 H W in [0, 1].
    """
    outputs = painted.flip(-1).unflatten(1, (len(OUTPUTS), COLOURS))[:, _ACROSS]
    # Both hold a component to the east first: x of the normal, and of the light.
    for name in ("normal", "light"):
        eastward = outputs[:, OUTPUTS.index(name), 0]
        eastward.neg_().add_(1)
    return outputs.flatten(1, 2)


ARCHITECTURE = Architecture(
    build=LightStage,
    multiple=BLOCK * dmshn.ARCHITECTURE.multiple,
    reach=BLOCK * (dmshn.ARCHITECTURE.reach or 0),
    bytes_per_pixel={"fp32": 570, "bf16": 420, "fp16": 420},
    fused_bytes={"fp32": 420, "bf16": 375},
    painter="dmshn.decoder1.8",
    outputs=OUTPUTS,
    start_as_identity=start_as_identity,
    from_mirror=from_mirror,
    identity_channels=dmshn.IDENTITY_CHANNELS,
)
