"""Which renderer works on this machine, tried out in a process of its own.

Where LLVM is missing or too old, Dr.Jit ends the whole process. Only functions here
import mitsuba.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from msrnet_cli.errors import UsageError

OLDEST_LLVM = 16
_LIBRARIES = (
    "/usr/lib/*/libLLVM*.so*",
    "/usr/lib64/libLLVM*.so*",
    "/usr/lib/llvm-*/lib/libLLVM*.so*",
    "/usr/local/lib/libLLVM*.so*",
    "/opt/homebrew/opt/llvm*/lib/libLLVM*.dylib",
    "/usr/local/opt/llvm*/lib/libLLVM*.dylib",
)
_PROBE = (
    "import mitsuba as mi; mi.set_variant('llvm_ad_rgb'); import drjit as dr; "
    "assert dr.sum(dr.arange(mi.Float, 4) + 1)[0] == 10"
)


@dataclass(frozen=True)
class Engine:
    """How scenes are rendered here.

    Attributes:
        variant: Mitsuba's name for it.
        library: The LLVM library; "" where Dr.Jit finds it, or none is used.
        notice: What a user should know about the choice; "" when all is well.
    """

    variant: str
    library: str
    notice: str = ""


def _version(path: Path) -> int:
    """Major version in the name of a library; 0 where there is none."""
    found = re.search(r"libLLVM(?:-(\d+)|\.so\.(\d+))", path.name)
    return int(found.group(1) or found.group(2)) if found else 0


def _candidates() -> list[str]:
    """LLVM libraries worth trying, the newest first."""
    named = os.environ.get("DRJIT_LIBLLVM_PATH")
    if named:
        return [named]
    paths = {p.resolve() for g in _LIBRARIES for p in Path("/").glob(g.lstrip("/"))}
    fit = [p for p in paths if _version(p) >= OLDEST_LLVM or _version(p) == 0]
    fit.sort(key=lambda p: (_version(p), str(p)), reverse=True)
    return [str(p) for p in fit[:4]] or ([""] if sys.platform == "win32" else [])


def _works(library: str) -> bool:
    """Whether LLVM renders, tried in another process, which may crash."""
    environment = dict(os.environ)
    if library:
        environment["DRJIT_LIBLLVM_PATH"] = library
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE],
            env=environment,
            capture_output=True,
            timeout=120,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0


def require_renderer() -> None:
    """Refuse to begin without the packages that render.

    Raises:
        UsageError: With how to get them.
    """
    for package, name in (("mitsuba", "Mitsuba"), ("numpy", "NumPy")):
        if find_spec(package) is None:
            raise UsageError(
                f"synth needs {name}",
                "pip install mitsuba numpy, or pipx inject msrnet mitsuba numpy",
            )


@cache
def choose_engine() -> Engine:
    """The fastest variant that works on this machine.

    Raises:
        UsageError: Mitsuba is not installed.
    """
    require_renderer()
    for library in _candidates():
        if _works(library):
            return Engine("llvm_ad_rgb", library)
    return Engine(
        "scalar_rgb",
        "",
        f"no LLVM {OLDEST_LLVM} or newer found, rendering will be about 4 times "
        "slower: apt install libllvm19 (or set DRJIT_LIBLLVM_PATH)",
    )


@cache
def start(engine: Engine) -> Any:  # noqa: ANN401  the mitsuba module
    """Load Mitsuba in this process, on one thread.

    Several threads would add in any order, but the same seed must give the same bytes.
    Scenes run side by side in processes instead.
    """
    if engine.library:
        os.environ["DRJIT_LIBLLVM_PATH"] = engine.library
    import drjit
    import mitsuba

    mitsuba.set_variant(engine.variant)
    mitsuba.set_log_level(mitsuba.LogLevel.Error)
    drjit.set_thread_count(1)
    return mitsuba
