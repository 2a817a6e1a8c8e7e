"""Write weights whose effect is known, to try an installed wheel with.

Usage: python tests/make_weights.py FILE
"""

import sys
from pathlib import Path

from msrnet_cli import weights
from msrnet_cli.config import ModelConfig, WeightsCard
from networks import tinted_identity

if __name__ == "__main__":
    network = tinted_identity((1, 0.8, 0.5))
    card = WeightsCard(model=ModelConfig("dmshn", 12), notes="made by hand, for tests")
    weights.save(Path(sys.argv[1]), network.state_dict(), card)
