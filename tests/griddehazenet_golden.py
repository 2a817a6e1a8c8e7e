"""The golden data of GridDehazeNet: what is kept of it, and in which order.

The published module was run once on weights and pictures by formula, see
`golden/baselines/README.md`. To thin its whole record anew:
`python tests/griddehazenet_golden.py FOLDER`, where FOLDER holds that record.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

FILE = Path(__file__).parent / "golden" / "baselines" / "griddehazenet.safetensors"
INPUTS = {
    "a": (100_000, (1, 3, 96, 64)),
    "odd": (100_001, (1, 3, 45, 37)),
    "batch": (100_002, (2, 3, 32, 48)),
}
"""Key and shape of each input; the formula gives its values in [-1, 1]."""

GRADIENT_KEY = 100_010
"""Of the factors, as large as `odd`, by which the output is multiplied."""

STEPS = {"a": 3, "odd": 1, "batch": 3}
"""Each so many-th row and column of an output is kept."""


def thinned(name, painted):
    """The part of an output that is kept."""
    return painted[..., :: STEPS[name], :: STEPS[name]].contiguous()


def in_order(network):
    """Names of all parameters as the published module counts them.

    It draws them in the order in which ours are named.
    """
    parts = "coefficient right up down conv_in conv_out block_in block_out".split()
    names = [name for name, _ in network.named_parameters()]
    return [name for part in parts for name in names if name.split(".")[0] == part]


def drawn(state):
    """What tells whether initial weights are the same: one row for each tensor."""
    return torch.stack(
        [
            torch.stack([one.flatten()[0], one.flatten()[-1], one.sum()])
            for one in (value.double() for value in state)
        ]
    )


def _thin(folder):
    whole = load_file(folder / "griddehazenet.safetensors")
    start = load_file(folder / "griddehazenet_default_init.safetensors")
    kept = {name: v for name, v in whole.items() if ".stage." in name}
    kept |= {name: v for name, v in whole.items() if name.startswith("odd.grad_")}
    del kept["odd.grad_seed"]
    for name in INPUTS:
        painted = whole[f"{name}.output_before_final_relu"]
        kept[f"{name}.painted"] = thinned(name, painted)
    lines = (folder / "param_order.tsv").read_text().splitlines()
    names = [each[2] for line in lines if (each := line.split())[0] == "griddehazenet"]
    kept["drawn"] = drawn(start[f"state.{name}"] for name in names)
    return kept


if __name__ == "__main__":
    save_file(_thin(Path(sys.argv[1])), FILE)
