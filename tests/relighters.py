"""Relighters of networks that tests build."""

from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.relight.relighter import Relighter

SMALL = WeightsCard(model=ModelConfig("dmshn", 4))


def relighter(network, card=SMALL, dtype="fp32", engine="auto"):
    """On the CPU; in float32 unless another number format is named."""
    return Relighter(network, card, device="cpu", dtype=dtype, engine=engine)
