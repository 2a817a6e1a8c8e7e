"""Golden values of networks by others, and how they were taken from a larger set.

To take them anew: `python tests/baselines.py FOLDER_OF_THE_LARGER_SET`. No input is
kept, which a formula draws again; of large pictures, every third row and column is.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

FOLDER = Path(__file__).parent / "golden" / "baselines"
KEPT = {
    "srn": r"(color|lstm_rgb)\.\w+\.(output_scale.|output_tf_float32|loss"
    r"|grad_norm_per_param)|(color|lstm_rgb)\.a\.stage\..+"
    r"|ops\.(conv_s2|deconv)\.output|ops\.resize_legacy\..+",
    "griddehazenet": r"\w+\.(output_before_final_relu|stage\..+)"
    r"|odd\.grad_(norm_per_param|coefficient)",
    "griddehazenet_default_init": r"odd\.output_before_final_relu",
}
"""The tensors of each file."""

LARGE = {
    "srn": r".*(output_scale2|output_tf_float32)",
    "griddehazenet": r"(a|batch)\.output.+",
    "griddehazenet_default_init": r".+",
}
"""Those of which rows and columns are left out."""


def load(name: str) -> dict[str, Tensor]:
    """The golden values of a network."""
    return load_file(FOLDER / f"{name}.safetensors")


def size_and_work(build: Callable[[], nn.Module]) -> tuple[int, int, float]:
    """Parameters, tensors of them, and GFLOP of a pass at 1024x1024."""
    with torch.device("meta"):
        network = build()
        image = torch.empty(1, 3, 1024, 1024)
    with FlopCounterMode(display=False) as counter:
        assert network(image).shape == image.shape
    parameters = sum(p.numel() for p in network.parameters())
    return parameters, len(network.state_dict()), counter.get_total_flops() / 1e9


def stepped(picture: Tensor) -> Tensor:
    """Every third row and column."""
    return picture[..., ::3, ::3].contiguous()


def thinned(whole: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """What is kept of a file."""
    kept = {k: v for k, v in whole.items() if re.fullmatch(KEPT[name], k)}
    return {
        k: stepped(v) if re.fullmatch(LARGE[name], k) else v for k, v in kept.items()
    }


if __name__ == "__main__":
    for each in KEPT:
        file = f"{each}.safetensors"
        save_file(thinned(load_file(Path(sys.argv[1]) / file), each), FOLDER / file)
