"""What this machine offers: devices, number formats, and the memory of a device."""

from __future__ import annotations

import ctypes
import time
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from msrnet_cli.allowance import free_memory
from msrnet_cli.allowance import usable_cores as usable_cores
from msrnet_cli.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from msrnet_cli.config import Dtype

DTYPES: dict[Dtype, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
_TRIALS = 5
_NAMES = {dtype: name for name, dtype in DTYPES.items()}

# mallopt's numbers for M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_MMAP_MAX, with values
# to keep what is freed, and those at which glibc arrives by itself.
_KEEPING = {-1: 2**31 - 1, -3: 32 * 2**20, -4: 0}
_RETURNING = {-1: 64 * 2**20, -3: 32 * 2**20, -4: 65536}


def choose_device(name: str = "auto") -> torch.device:
    """The device to run on.

    Args:
        name: ``auto`` (CUDA, else Apple's MPS, else the CPU), ``cpu``, ``cuda``,
            ``cuda:N`` or ``mps``.

    Raises:
        DeviceError: The device named does not exist here, and why.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type == "cuda":
        _require_cuda(device.index or 0)
        return torch.device("cuda", device.index or 0)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("mps: no Apple GPU that torch can use", "use --device cpu")
    if device.type not in ("cpu", "mps"):
        raise DeviceError(
            f"unknown device {name}", "use auto, cpu, cuda, cuda:N or mps"
        )
    return torch.device(device.type)


def cuda_problem() -> str:
    """Why CUDA cannot be used here; "" where it can."""
    if torch.cuda.is_available():
        return ""
    if torch.version.cuda is None and torch.version.hip is None:
        return f"torch {torch.__version__} is a build without CUDA"
    return f"torch {torch.__version__} finds no NVIDIA GPU with a working driver"


def preferred_dtype(device: torch.device) -> torch.dtype:
    """The fastest number format with hardware of its own: bfloat16, else float32.

    On a CPU a short trial decides: with some releases of torch, chips that have such
    instructions are still many times slower in bfloat16.
    """
    if device.type == "cuda":
        fast = torch.cuda.get_device_capability(device) >= (8, 0)
    elif device.type == "cpu":
        # Without such instructions bfloat16 is emulated: no need to try.
        fast = (
            torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        ) and times_as_long(torch.bfloat16) < 1
    else:
        fast = False
    return torch.bfloat16 if fast else torch.float32


def bfloat16_trains_faster() -> bool:
    """Whether a step of training is faster in bfloat16 on this CPU, by a trial."""
    return times_as_long(torch.bfloat16, training=True) < 1


@cache
def times_as_long(dtype: torch.dtype, *, training: bool = False) -> float:
    """How many times as long as in float32 this CPU takes, by a short trial.

    The trial runs convolutions like those of a network, forward; for training also
    backward, with the matrix products of an optimizer. Both formats take turns, so that
    other programs disturb both. A trial takes about 30 ms, more in a slow format.

    Args:
        dtype: To compare with float32.
        training: Try a step of training, not only a forward pass.

    Returns:
        Less than 1 where the format is faster.
    """
    trials = {each: _trial(each, training) for each in (torch.float32, dtype)}
    found: dict[torch.dtype, list[float]] = {each: [] for each in trials}
    for turn in range(_TRIALS + 1):  # the first one pays for what is set up once
        for each, trial in trials.items():
            began = time.perf_counter()
            trial()
            if turn:
                found[each].append(time.perf_counter() - began)
    return min(found[dtype]) / min(found[torch.float32])


def _trial(dtype: torch.dtype, training: bool) -> Callable[[], None]:
    """Work like a part of a pass, or of a training step, in a number format."""
    x = torch.ones(4, 32, 64, 64, dtype=dtype).to(memory_format=torch.channels_last)
    weight = torch.ones(32, 32, 3, 3, dtype=dtype)
    matrices = torch.ones(4, 128, 1152, dtype=dtype)

    def step() -> None:
        with torch.inference_mode(False), torch.enable_grad():
            image, kernel = (each.detach().requires_grad_() for each in (x, weight))
            F.conv2d(image, kernel, padding=1).sum().backward()
            torch.bmm(matrices, matrices.mT)

    def forward() -> None:
        with torch.no_grad():
            F.conv2d(x, weight, padding=1)

    return step if training else forward


def dtype_name(dtype: torch.dtype) -> Dtype:
    """``fp32``, ``bf16`` or ``fp16``."""
    return _NAMES[dtype]


def describe(device: torch.device) -> str:
    """A device for people: "cuda:0 (NVIDIA H200)"."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        count = torch.get_num_threads()
        return f"cpu ({count} thread{'' if count == 1 else 's'})"
    return str(device)


def free_bytes(device: torch.device) -> int | None:
    """Bytes that a computation may still take; None where that cannot be known."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        reserved = torch.cuda.memory_reserved(device)
        return free + reserved - torch.cuda.memory_allocated(device)
    if device.type == "cpu":
        return free_memory()
    return None


def has_room(needed: float, device: torch.device) -> bool:
    """Whether so many bytes are free on a device, as far as that can be known.

    On the CPU, freed memory that this process still keeps is returned first.
    """
    free = free_bytes(device)
    if free is None or needed <= free:
        return True
    if device.type != "cpu":
        return False
    return_freed_memory()
    return needed <= (free_bytes(device) or 0)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on any device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "not enough memory" in text or "out of memory" in text
    )


@contextmanager
def searching() -> Iterator[None]:
    """Enable ``cudnn.benchmark`` inside this block: cuDNN searches for the fastest way.

    A search takes up to seconds for each new shape, so it is for shapes that come
    again. The flag is global: it affects all threads.
    """
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def keep_freed_memory(keep: bool = True) -> None:
    """Keep large blocks of memory that this process frees, or stop keeping them.

    On Linux, glibc returns a freed block over 32 MB to the system at once, and the
    system clears its pages when memory is needed again: for a large feature map that
    can take longer than computing it. On other systems nothing changes.
    """
    try:
        libc = ctypes.CDLL(None)
        for parameter, value in (_KEEPING if keep else _RETURNING).items():
            libc.mallopt(parameter, value)
    except (AttributeError, OSError, TypeError):
        return  # another C library
    if not keep:
        return_freed_memory()


def return_freed_memory() -> None:
    """Return memory that was freed and kept to the system."""
    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def _require_cuda(index: int) -> None:
    problem = cuda_problem()
    if problem:
        raise DeviceError(
            f"cuda: {problem}", "use --device cpu, and see `msrnet doctor`"
        )
    count = torch.cuda.device_count()
    if index >= count:
        raise DeviceError(
            f"cuda:{index}: this machine has {count} GPU(s)", f"use 0 to {count - 1}"
        )
