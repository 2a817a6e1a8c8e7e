"""DMSHN that sees two pictures of a scene, lit from opposite sides.

MSR-Net's paper names two inputs as future work, and its authors' later paper (Das,
Shah, Dutta, DSRN, arXiv 2102.09242) reports that they help. How that network joins
them could not be read: the design here is our own. The two pictures are stacked, so the
pyramid has six channels; what a coarser level paints has six, too, three to add to each
picture. The finest level paints the one relit picture.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from msrnet_cli.networks import dmshn
from msrnet_cli.networks.dmshn import DMSHN
from msrnet_cli.networks.spec import COLOURS, Architecture


class TwoViews(nn.Module):
    """One DMSHN for two pictures.

    Args:
        channels: Of DMSHN, at full resolution.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.dmshn = DMSHN(channels, seen=2 * COLOURS)

    def forward(self, image: Tensor, guide: Tensor) -> Tensor:
        """Relight a batch.

        Args:
            image: B 3 H W, H and W multiples of 16, values in the range the weights
                were trained on.
            guide: The same shape and range: the same scenes under the second light.

        Returns:
            B 3 H W in the same range, not clamped; at its start as the identity, the
            image.
        """
        return self.dmshn(torch.cat((image, guide), 1))


ARCHITECTURE = Architecture(
    build=TwoViews,
    multiple=dmshn.ARCHITECTURE.multiple,
    reach=dmshn.ARCHITECTURE.reach,
    bytes_per_pixel=dmshn.ARCHITECTURE.bytes_per_pixel,
    fused_bytes=dmshn.ARCHITECTURE.fused_bytes,
    painter=f"dmshn.{dmshn.ARCHITECTURE.painter}",
    guide=COLOURS,
    start_as_identity=dmshn.initialise_identity,
    identity_channels=dmshn.IDENTITY_CHANNELS,
)
