"""This machine: what it is, the most it can do, what a pass takes of it."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import re
import warnings
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from msrnet_cli import __version__, hardware
from msrnet_cli.bench.clock import Effort, clock_for, sample, warm_up
from msrnet_cli.bench.results import Ceiling, Environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor

COPY = "copy"
_PRODUCT_SIDE = {"cuda": 8192, "cpu": 2048, "mps": 4096}
_COPY_BYTES = {"cuda": 1 << 30, "cpu": 1 << 28, "mps": 1 << 28}
_CHANNELS = 128
_CEILING_SECONDS = 0.5
_BUSY = 0.5  # programs for each core beyond which others are at work
_TYPES = {"tf32": torch.float32} | {str(k): v for k, v in hardware.DTYPES.items()}


def ceiling_name(dtype: torch.dtype, device: torch.device) -> str:
    """Which ceiling counts for convolutions in a number format.

    Args:
        dtype: What the network computes in.
        device: Where; torch lets an NVIDIA GPU round fp32 convolutions to tf32.
    """
    if dtype == torch.float32 and device.type == "cuda" and _tf32_convolutions():
        return "tf32"
    return hardware.dtype_name(dtype)


def ceilings(
    names: Iterable[str],
    device: torch.device,
    *,
    side: int | None = None,
    copied: int | None = None,
) -> tuple[Ceiling, ...]:
    """The fastest large matrix product of each format, and the fastest large copy.

    On the CPU also a 3x3 convolution: there the fp32 product of some libraries reaches
    less than half of what the processor can do.

    Args:
        names: Formats.
        device: Where.
        side: Of the matrices; None chooses by device.
        copied: Bytes to copy; None chooses by device.
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
    """Whether an NVIDIA GPU may round fp32 to tf32 inside the block."""
    places: tuple[Any, ...] = (torch.backends.cudnn, torch.backends.cuda.matmul)
    with warnings.catch_warnings():
        # Newer releases have other names for these and say so.
        warnings.simplefilter("ignore")
        before = [place.allow_tf32 for place in places]
        try:
            for place in places:
                place.allow_tf32 = allowed
            yield
        finally:
            for place, value in zip(places, before, strict=True):
                place.allow_tf32 = value


def peak_bytes(
    run: Callable[[], object], device: torch.device
) -> tuple[object, int | None]:
    """Run once; also tell how much memory that took beyond what was there before.

    Returns:
        What the run gave, and bytes; None where the system does not tell.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        result = run()
        torch.cuda.synchronize(device)
        return result, torch.cuda.max_memory_allocated(device) - before
    if device.type != "cpu":
        return run(), None
    _return_free_memory()
    base = _resident("VmRSS") if _forget_peak() else None
    result = run()
    peak = _resident("VmHWM")
    return result, None if base is None or peak is None else max(0, peak - base)


def energy_counter(device: torch.device) -> Callable[[], float] | None:
    """What gives the joules a GPU has taken since some fixed time, or None.

    Needs `pynvml`, and a GPU that counts.
    """
    management = _management(device)
    if management is None:
        return None
    library, handle = management

    def joules() -> float:
        return library.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000

    with suppress(library.NVMLError):
        joules()
        return joules
    return None


def environment(device: torch.device) -> Environment:
    """Versions, processors, threads, clocks, load."""
    cuda = device.type == "cuda"
    return Environment(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        msrnet=__version__,
        torch=torch.__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        device=device.type,
        processor=_processor("model name") or platform.processor(),
        processor_mhz=_megahertz(),
        cores=os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        gpu=torch.cuda.get_device_name(device) if cuda else "",
        gpu_mhz=_gpu_clock(device),
        driver=_driver() if cuda else "",
        cuda=(torch.version.cuda or "") if cuda else "",
    )


def other_work(found: Environment) -> str:
    """A note where other programs were using this machine; "" where none did."""
    if found.load is None or found.load <= _BUSY * found.cores:
        return ""
    return (
        f"other programs were at work (load {found.load:.1f} on {found.cores} cores):"
        " times and ceilings are worse than they could be"
    )


def _arithmetic(name: str, device: torch.device, side: int) -> Ceiling:
    product = Ceiling(name, _product_rate(name, device, side), f"{side}x{side} product")
    if device.type != "cpu":
        return product  # on GPUs a convolution may use Winograd: its rate is no ceiling
    rate = _convolution_rate(name, device, side // 16)
    convolution = Ceiling(name, rate, f"3x3 convolution of {_CHANNELS} channels")
    return max(product, convolution, key=lambda ceiling: ceiling.rate)


def _product_rate(name: str, device: torch.device, side: int) -> float:
    """Operations per second of a product of two random square matrices."""
    # Not zeros: hardware is faster on those.
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
    return sample(run, clock, Effort(_CEILING_SECONDS)).best


def _tf32_convolutions() -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bool(torch.backends.cudnn.allow_tf32)


def _return_free_memory() -> None:
    """Give back what was freed, so that taking it again shows."""
    gc.collect()
    with suppress(OSError, AttributeError):  # only the GNU C library has it
        ctypes.CDLL(None).malloc_trim(0)


def _forget_peak() -> bool:
    """Let the system's record of this process's most memory start anew."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _resident(field: str) -> int | None:
    """Bytes that Linux reports for this process."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    match = re.search(rf"^{field}:\s*(\d+) kB", status, re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def _processor(field: str) -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
    match = re.search(rf"^{field}\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1].strip() if match else ""


def _megahertz() -> float | None:
    text = _processor("cpu MHz")
    return float(text) if text else None


def _driver() -> str:
    try:
        text = Path("/proc/driver/nvidia/version").read_text()
    except OSError:
        return ""
    match = re.search(r"\b(\d+\.\d+(?:\.\d+)?)\b", text)
    return match[1] if match else ""


def _gpu_clock(device: torch.device) -> float | None:
    management = _management(device)
    if management is None:
        return None
    library, handle = management
    with suppress(library.NVMLError):
        return float(library.nvmlDeviceGetClockInfo(handle, library.NVML_CLOCK_SM))
    return None


def _management(device: torch.device) -> tuple[Any, Any] | None:
    """NVIDIA's management library and its handle for a GPU, where both are there."""
    if device.type != "cuda":
        return None
    try:
        import pynvml
    except ImportError:
        return None
    # Its own numbers differ from torch's where some GPUs are hidden.
    identity = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    with suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        return pynvml, pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{identity}")
    return None
