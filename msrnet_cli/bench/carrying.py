"""What it costs, per pixel, to carry light from a reduced picture to the full one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli.bench.clock import sample, wall_clock, warm_up
from msrnet_cli.bench.results import CarryTiming
from msrnet_cli.bench.subject import make_picture
from msrnet_cli.config import WORK_SIZE
from msrnet_cli.images.pixels import quantise
from msrnet_cli.relight import carry, scaling

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from msrnet_cli.bench.clock import Effort

_SIDES = {"cuda": (6000, 4000), "cpu": (3000, 2000), "mps": (3000, 2000)}


def measure(device: torch.device, effort: Effort) -> CarryTiming:
    """Reduce a photograph and carry a change of light to it, as `msrnet relight` does.

    Args:
        device: Where the strips are computed; the photograph stays in main memory.
        effort: How often.
    """
    width, height = _SIDES[device.type]
    picture = quantise(make_picture(width, height, 0), 8)
    size = scaling.reduced_size(width, height, WORK_SIZE)

    def run() -> Tensor:
        small = scaling.reduce(picture, *size).to(device)
        return carry.to_full(picture, small, small * 0.5)

    clock = wall_clock(device)  # includes the copies from and to the device
    warm_up(run, clock)
    return CarryTiming(width * height / 1e6, WORK_SIZE, sample(run, clock, effort))
