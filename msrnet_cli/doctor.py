"""What this machine offers, what is wrong with it, and how to mend that."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import PIL
import torch
from PIL import features

from msrnet_cli import __version__, hardware, perceptual
from msrnet_cli.config import WORK_SIZE, ModelConfig
from msrnet_cli.errors import DownloadError, WeightsError
from msrnet_cli.hub import cache
from msrnet_cli.hub.address import SCHEME
from msrnet_cli.networks import architecture
from msrnet_cli.synth.engine import choose_engine
from msrnet_cli.weights import find
from msrnet_cli.weights.card import change_of_light, read_card
from msrnet_cli.weights.file import load_weights

_NETWORK_SETTINGS = {
    "HF_ENDPOINT": "weights come from another hub",
    "HF_HUB_OFFLINE": "weights are not fetched unless it is 0",
    "HTTPS_PROXY": "through a proxy",
    "HTTP_PROXY": "through a proxy where not encrypted",
    "ALL_PROXY": "through a proxy",
    "NO_PROXY": "past the proxy for some hosts",
    "SSL_CERT_FILE": "servers are trusted by the certificates in a file of yours",
}
# Packages that only some commands need: what for, and how to install them.
_EXTRAS = {
    "pillow_heif": "for HEIC pictures: pip install pillow-heif",
    "rawpy": "for camera raw files: pip install rawpy",
    "mitsuba": "for msrnet synth: pip install mitsuba",
    "obstore": "for addresses such as s3://bucket/photos: pip install obstore",
    "ray": "for msrnet relight --executor ray: pip install ray",
    "uvicorn": "for msrnet serve: pip install starlette uvicorn",
    "tensorboard": "for curves of a training run: pip install tensorboard",
    "onnxruntime": "for msrnet bench --rivals: pip install onnxruntime",
    "openvino": "for msrnet bench --rivals: pip install openvino",
}


@dataclass(frozen=True)
class Check:
    """One line of `msrnet doctor`.

    Attributes:
        name: What was looked at.
        finding: What was found.
        remedy: What to do about it; "" if nothing needs to be done.
        absent: Whether it is missing; a fault only if there is a remedy.
    """

    name: str
    finding: str
    remedy: str = ""
    absent: bool = False


def examine() -> list[Check]:
    """Look at everything that the commands depend on; `msrnet relight` comes first."""
    return [
        Check("msrnet", f"{__version__} on Python {platform.python_version()}"),
        _system(),
        _torch_build(),
        *_devices(),
        _memory(),
        _codecs(),
        *_weights(),
        _cache(),
        _network(),
        _terminal(),
        *map(_package, _EXTRAS),
        *_llvm(),
        _vgg16(),
        _alexnet(),
    ]


def _system() -> Check:
    cores, usable = os.cpu_count() or 1, hardware.usable_cores()
    some = "" if usable == cores else f", {usable} of them for this process"
    system = f"{platform.system()} {platform.machine()}"
    return Check("system", f"{system}, {cores} cores{some}")


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
        checks.append(Check("cuda", hardware.cuda_problem(), remedy, absent=True))
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
    needed, name = _needed()
    finding = f"{free / 1e9:.1f} GB free; 1024x1024 through {name} takes"
    remedy = "" if free > 2 * needed else "close other programs"
    return Check("memory", f"{finding} about {needed / 1e9:.1f} GB", remedy)


def _needed() -> tuple[float, str]:
    """Bytes of a pass over a megapixel, by the network of the default weights."""
    default = find.default()
    model = read_card(default.path).model if default else ModelConfig()
    needed = architecture(model.arch).bytes_per_pixel_at("fp32", model.channels)
    return needed * WORK_SIZE**2, model.arch


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
    entries = find.built_in()
    checks = []
    if not any(entry.default for entry in entries):
        checks.append(Check("weights", "no default", "name a file with --weights"))
    for entry in entries:
        try:
            card = load_weights(entry.name).card
        except WeightsError as error:
            checks.append(Check("weights", error.reason, error.remedy))
        else:
            change = change_of_light(card)
            checks.append(Check("weights", f"{entry.name}: sound, {change}"))
    return checks


def _cache() -> Check:
    try:
        folder = cache.cache_folder()
    except WeightsError as error:
        return Check("cache", error.reason, error.remedy)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    writable = os.access(existing, os.W_OK)
    remedy = "" if writable else "set HF_HOME to a folder you can write to"
    return Check("cache", str(folder), remedy)


def _network() -> Check:
    found = [
        f"{meaning} ({name})"
        for name, meaning in _NETWORK_SETTINGS.items()
        if {name, name.lower()} & os.environ.keys()
    ]
    return Check("network", "; ".join(found) or "direct: no proxy is set")


def _package(name: str) -> Check:
    """Whether a package is installed, without loading it."""
    if find_spec(name) is None:
        return Check(name, f"not installed; {_EXTRAS[name]}", absent=True)
    return Check(name, metadata.version(name))


def _llvm() -> list[Check]:
    """Whether LLVM makes rendering fast; empty without a renderer."""
    if find_spec("mitsuba") is None:
        return []
    engine = choose_engine()
    if engine.notice:
        return [Check("llvm", engine.notice, absent=True)]
    return [Check("llvm", engine.library or "found by Mitsuba")]


def _vgg16() -> Check:
    address = perceptual.VGG16_HUB
    try:
        return Check("vgg16", str(cache.fetch(address, offline=True)))
    except DownloadError:
        return Check(
            "vgg16",
            "not there yet; msrnet train fetches it for the combined loss (stage 2)"
            f" from {SCHEME}{address.repo}",
            absent=True,
        )


def _alexnet() -> Check:
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    found = next(folder.glob("alexnet-*.pth"), None)
    if found is None:
        finding = f"not in {folder}; only for LPIPS in msrnet eval"
        return Check("alexnet", finding, absent=True)
    return Check("alexnet", str(found))


def _terminal() -> Check:
    encoding = sys.stdout.encoding or "unknown"
    sound = encoding.lower().replace("-", "") == "utf8"
    remedy = "" if sound else "set PYTHONUTF8=1, or names may be shown wrongly"
    return Check("terminal", encoding, remedy)
