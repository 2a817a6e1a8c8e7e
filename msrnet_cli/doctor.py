"""What this machine offers, what is amiss, and one line on how to mend each thing."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import PIL
import torch
from PIL import features

from msrnet_cli import __version__, hardware, hub, networks, weights
from msrnet_cli.errors import WeightsError
from msrnet_cli.results import Check

_NETWORK_SETTINGS = (
    *("HF_ENDPOINT", "HF_HUB_OFFLINE", "HTTPS_PROXY", "HTTP_PROXY"),
    *("ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"),
)


def examine() -> list[Check]:
    """Look at everything that `msrnet relight` depends on."""
    return [
        Check("msrnet", f"{__version__} on Python {platform.python_version()}"),
        Check(
            "system", f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
        ),
        _torch_build(),
        *_devices(),
        _memory(),
        _codecs(),
        *_weights(),
        _cache(),
        _network(),
        _terminal(),
    ]


def _torch_build() -> Check:
    build = torch.version.cuda or torch.version.hip
    kind = f"CUDA {torch.version.cuda}" if torch.version.cuda else build or "CPU only"
    return Check("torch", f"{torch.__version__} ({kind})")


def _devices() -> list[Check]:
    checks = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            checks.append(_device(torch.device("cuda", index)))
    else:
        remedy = ""
        if _has_nvidia_driver():
            remedy = (
                "install a CUDA build of torch: see https://pytorch.org/get-started"
                if torch.version.cuda is None
                else "update the NVIDIA driver to one that supports this torch"
            )
        checks.append(Check("cuda", hardware.cuda_problem(), remedy))
    if torch.backends.mps.is_available():
        checks.append(_device(torch.device("mps")))
    checks.append(_device(torch.device("cpu")))
    return checks


def _device(device: torch.device) -> Check:
    dtype = hardware.dtype_name(hardware.preferred_dtype(device))
    return Check(device.type, f"{hardware.describe(device)}, fastest in {dtype}")


def _has_nvidia_driver() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or bool(
        sys.platform == "win32" and Path(r"C:\Windows\System32\nvcuda.dll").exists()
    )


def _memory() -> Check:
    free = hardware.free_bytes(torch.device("cpu"))
    if free is None:
        return Check("memory", "unknown")
    need = 1024**2 * networks.architecture("stacked").memory("fp32", 32) / 1e9
    wanted = f"close other programs: 1024x1024 needs about {need:.1f} GB"
    remedy = "" if free > 2e9 else wanted
    return Check("memory", f"{free / 1e9:.1f} GB free", remedy)


def _codecs() -> Check:
    needed = {"jpg": "JPEG", "zlib": "PNG", "webp": "WebP", "libtiff": "TIFF"}
    needed |= {"avif": "AVIF", "littlecms2": "colour profiles"}
    missing = [name for key, name in needed.items() if not features.check(key)]
    found = ", ".join(name for name in needed.values() if name not in missing)
    remedy = "install Pillow from its own wheel: pip install --force-reinstall pillow"
    return Check(
        "codecs", f"Pillow {PIL.__version__}: {found}", remedy if missing else ""
    )


def _weights() -> list[Check]:
    entries = weights.built_in()
    checks = []
    if not any(entry.default for entry in entries):
        checks.append(Check("weights", "no default", "name a file with --weights"))
    for entry in entries:
        try:
            card = weights.load(entry.name).card
        except WeightsError as error:
            checks.append(Check("weights", error.reason, error.remedy))
        else:
            change = f"{card.from_light} to {card.to_light}"
            checks.append(Check("weights", f"{entry.name}: sound, {change}"))
    return checks


def _cache() -> Check:
    folder = hub.cache_folder()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    writable = os.access(existing, os.W_OK)
    remedy = "" if writable else "set HF_HOME to a folder you can write to"
    return Check("cache", str(folder), remedy)


def _network() -> Check:
    names = [n for n in _NETWORK_SETTINGS if {n, n.lower()} & os.environ.keys()]
    return Check(
        "network", f"set: {', '.join(names)}" if names else "no proxy settings"
    )


def _terminal() -> Check:
    encoding = sys.stdout.encoding or "unknown"
    sound = encoding.lower().replace("-", "") == "utf8"
    remedy = "" if sound else "set PYTHONUTF8=1, or names may be shown wrongly"
    return Check("terminal", encoding, remedy)
