"""This machine: what it is, and how much memory and energy a run takes."""

from __future__ import annotations

import gc
import os
import platform
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from msrnet_cli import __version__, hardware
from msrnet_cli.bench.results import Environment

if TYPE_CHECKING:
    from collections.abc import Callable

_BUSY = 0.5  # load for each core above which other programs are at work


class Watched(NamedTuple):
    """A run whose memory was watched.

    Attributes:
        result: What the run gave.
        peak: Bytes that it took beyond what was in use before; None if unknown.
    """

    result: Any
    peak: int | None


def peak_bytes(run: Callable[[], object], device: torch.device) -> Watched:
    """Run once, and find how much memory that takes."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        result = run()
        torch.cuda.synchronize(device)
        return Watched(result, torch.cuda.max_memory_allocated(device) - before)
    if device.type != "cpu":
        return Watched(run(), None)
    # Memory that is taken again shows only if it was given back before.
    gc.collect()
    hardware.return_freed_memory()
    base = _resident("VmRSS") if _forget_peak() else None
    result = run()
    peak = _resident("VmHWM")
    if base is None or peak is None:
        return Watched(result, None)
    return Watched(result, max(0, peak - base))


def energy_counter(device: torch.device) -> Callable[[], float] | None:
    """A function that gives the joules that a GPU has taken since some fixed time.

    Returns:
        None without `pynvml`, or if the GPU does not count its energy.
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
        cores=hardware.usable_cores(),
        threads=torch.get_num_threads(),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        gpu=torch.cuda.get_device_name(device) if cuda else "",
        gpu_mhz=_gpu_clock(device),
        driver=_driver() if cuda else "",
        cuda=(torch.version.cuda or "") if cuda else "",
    )


def other_work(found: Environment) -> str:
    """A note that other programs used this machine; "" if none did."""
    if found.load is None or found.load <= _BUSY * found.cores:
        return ""
    return (
        f"other programs were at work (load {found.load:.1f} on {found.cores} cores):"
        " times and ceilings are worse than they could be"
    )


def _forget_peak() -> bool:
    """Reset the peak of this process's memory that Linux records."""
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
    """NVIDIA's management library and its handle for a GPU; None without either."""
    if device.type != "cuda":
        return None
    try:
        import pynvml
    except ImportError:
        return None
    # The library numbers GPUs that are hidden from torch, too.
    identity = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    with suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        return pynvml, pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{identity}")
    return None
