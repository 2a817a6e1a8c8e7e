"""Stacked DMSHN: two in a row, of which the second refines (paper, section 3)."""

from __future__ import annotations

import re

from torch import nn

from msrnet_cli.networks import dmshn
from msrnet_cli.networks.dmshn import DMSHN
from msrnet_cli.networks.spec import Architecture, Published, Upon


class StackedDMSHN(nn.Sequential):
    """Two independent DMSHNs: B 3 H W to B 3 H W.

    Args:
        channels: Of each, at full resolution; the paper's network has 32.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__(DMSHN(channels), DMSHN(channels))


def our_name(theirs: str) -> str | None:
    """Our name of a parameter for that of the authors; None where it is another."""
    match = re.fullmatch(r"net([12])\.(.+)", theirs)
    name = dmshn.our_name(match[2]) if match else None
    return f"{int(match[1]) - 1}.{name}" if match and name else None


ARCHITECTURE = Architecture(
    build=StackedDMSHN,
    multiple=dmshn.ARCHITECTURE.multiple,
    reach=928,  # half the receptive field of 1828 pixels
    bytes_per_pixel=dmshn.ARCHITECTURE.bytes_per_pixel,
    fused_bytes=dmshn.ARCHITECTURE.fused_bytes,
    painter="1.decoder1.8",
    start_as_identity=dmshn.initialise_identity,
    identity_channels=dmshn.IDENTITY_CHANNELS,
    upon=Upon("dmshn", prefix="0."),
    published=Published(our_name, width="0.encoder1.0.bias"),
)
