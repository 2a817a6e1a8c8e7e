"""Ceilings: the most that this machine was seen to compute and to copy in a second."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from msrnet_cli import hardware
from msrnet_cli.bench.clock import Effort, clock_for, sample, warm_up
from msrnet_cli.bench.results import Ceiling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor

COPY = "copy"
_PRODUCT_SIDE = {"cuda": 8192, "cpu": 2048, "mps": 4096}
_COPY_BYTES = {"cuda": 1 << 30, "cpu": 1 << 28, "mps": 1 << 28}
_CHANNELS = 128
_SECONDS = 0.5  # for each ceiling
_TYPES = {"tf32": torch.float32} | {str(k): v for k, v in hardware.DTYPES.items()}


def ceiling_name(dtype: torch.dtype, device: torch.device) -> str:
    """Which ceiling counts for convolutions in a number format.

    Args:
        dtype: The number format that the network computes in.
        device: Where it runs. torch lets an NVIDIA GPU round fp32 convolutions to tf32.
    """
    if dtype == torch.float32 and device.type == "cuda" and _tf32_convolutions():
        return "tf32"
    return hardware.dtype_name(dtype)


def measure(
    names: Iterable[str],
    device: torch.device,
    *,
    side: int | None = None,
    copied: int | None = None,
) -> tuple[Ceiling, ...]:
    """The fastest large matrix product of each format, and the fastest large copy.

    On the CPU also a 3x3 convolution, because the fp32 product of some libraries
    reaches less than half of what the processor can do.

    Args:
        names: Number formats; one that is named twice is measured once.
        device: Where to measure.
        side: Side of the matrices; None for one that suits the device.
        copied: Bytes to copy; None for a number that suits the device.
    """
    side = side or _PRODUCT_SIDE[device.type]
    copied = copied or _COPY_BYTES[device.type]
    found = [_arithmetic(name, device, side) for name in dict.fromkeys(names)]
    rate = _copy_rate(device, copied)
    return (*found, Ceiling(COPY, rate, f"copy of {copied / 2**20:g} MiB"))


def best_of(some: Iterable[Ceiling], others: Iterable[Ceiling]) -> tuple[Ceiling, ...]:
    """The best of several runs of each ceiling: noise only slows down."""
    pairs = zip(some, others, strict=True)
    return tuple(max(pair, key=lambda ceiling: ceiling.rate) for pair in pairs)


@contextmanager
def tf32(*, allowed: bool) -> Iterator[None]:
    """Allow or forbid inside the block that an NVIDIA GPU rounds fp32 to tf32."""
    places: tuple[Any, ...] = (torch.backends.cudnn, torch.backends.cuda.matmul)
    with warnings.catch_warnings():
        # Newer releases of torch have other names for these flags, and warn.
        warnings.simplefilter("ignore")
        before = [place.allow_tf32 for place in places]
        try:
            for place in places:
                place.allow_tf32 = allowed
            yield
        finally:
            for place, value in zip(places, before, strict=True):
                place.allow_tf32 = value


def _arithmetic(name: str, device: torch.device, side: int) -> Ceiling:
    product = Ceiling(name, _product_rate(name, device, side), f"{side}x{side} product")
    if device.type != "cpu":
        return product  # on GPUs a convolution may use Winograd, which beats it
    rate = _convolution_rate(name, device, side // 16)
    convolution = Ceiling(name, rate, f"3x3 convolution of {_CHANNELS} channels")
    return max(product, convolution, key=lambda ceiling: ceiling.rate)


def _product_rate(name: str, device: torch.device, side: int) -> float:
    """Operations per second of a product of two random square matrices."""
    # Random, because hardware is faster on zeros.
    a, b = (torch.randn(side, side, device=device).to(_TYPES[name]) for _ in range(2))
    out = torch.empty_like(a)
    with tf32(allowed=name == "tf32"), torch.no_grad():
        seconds = _fastest(lambda: torch.mm(a, b, out=out), device)
    return 2 * side**3 / seconds


def _convolution_rate(name: str, device: torch.device, side: int) -> float:
    """Operations per second of a 3x3 convolution of random pictures."""
    shapes = (1, _CHANNELS, side, side), (_CHANNELS, _CHANNELS, 3, 3)
    image, weight = (
        torch.randn(shape, device=device).to(
            _TYPES[name], memory_format=torch.channels_last
        )
        for shape in shapes
    )
    with torch.no_grad():
        seconds = _fastest(lambda: F.conv2d(image, weight, padding=1), device)
    return 2 * 9 * _CHANNELS**2 * side**2 / seconds


def _copy_rate(device: torch.device, size: int) -> float:
    """Bytes read and written per second."""
    source = torch.randint(0, 255, (size,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * size / _fastest(lambda: target.copy_(source), device)


def _fastest(run: Callable[[], Tensor], device: torch.device) -> float:
    clock = clock_for(device)
    warm_up(run, clock)
    return sample(run, clock, Effort(_SECONDS)).best


def _tf32_convolutions() -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bool(torch.backends.cudnn.allow_tf32)
