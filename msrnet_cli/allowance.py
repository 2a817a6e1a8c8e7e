"""What the operating system lets this process use: cores and main memory.

Containers, services and batch systems set limits through the control groups of Linux.
Groups are nested, and the limits of all outer groups count, too. This module loads no
torch: the number of cores is needed before torch is imported.

Sources: https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max, memory.max,
memory.high) and https://docs.kernel.org/admin-guide/cgroup-v1/ (cpu.cfs_quota_us,
memory.limit_in_bytes).
"""

from __future__ import annotations

import math
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROOT = Path("/")
_GROUPS = "sys/fs/cgroup"
_UNLIMITED = 1 << 62  # version 1 writes a number near 2^63 where there is no limit

# Where a hierarchy is mounted; the last is version 2 beside version 1.
_MOUNTS_1 = {"cpu": ("cpu", "cpu,cpuacct", "cpuacct,cpu"), "memory": ("memory",)}
_MOUNTS_2 = (".", "unified")


def usable_cores(root: Path = _ROOT) -> int:
    """Cores that this process may use, which can be fewer than the machine has.

    The least of: the cores that it may be scheduled on, and the processor time that its
    control groups grant; a part of a core counts as one.

    Args:
        root: Where ``proc`` and ``sys`` lie.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return min(cores, granted_cores(root) or cores)


def granted_cores(root: Path = _ROOT) -> int | None:
    """Cores whose time the control groups grant, rounded up; None without a limit.

    Args:
        root: Where ``proc`` and ``sys`` lie.
    """
    found = [
        *_limits(_folders(root, ""), _quota_2),
        *_limits(_folders(root, "cpu"), _quota_1),
    ]
    return max(1, math.ceil(min(found))) if found else None


def free_memory(root: Path = _ROOT) -> int | None:
    """Bytes of main memory that this process may still take; None if not known.

    The least of what the machine has and what each control group leaves. Cached pages
    of files count as free: they are given back on demand.

    Args:
        root: Where ``proc`` and ``sys`` lie.
    """
    found = [
        *_machine_memory(root),
        *_limits(_folders(root, ""), _left_2),
        *_limits(_folders(root, "memory"), _left_1),
    ]
    return max(0, int(min(found))) if found else None


def _machine_memory(root: Path) -> list[float]:
    meminfo = root / "proc/meminfo"
    if meminfo.exists():
        lines = meminfo.read_text().splitlines()
        kilobytes = [x.split()[1] for x in lines if x.startswith("MemAvailable:")]
        return [int(each) * 1024 for each in kilobytes]
    if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        return [os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    return []


def _limits(
    folders: Iterator[Path], limit: Callable[[Path], float | None]
) -> Iterator[float]:
    """The limit of each folder that has one."""
    for folder in folders:
        try:
            found = limit(folder)
        except (OSError, ValueError, ArithmeticError):
            continue  # no such file: not mounted here, or the topmost group
        if found is not None:
            yield found


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's group and of all above it.

    Args:
        root: Where ``proc`` and ``sys`` lie.
        controller: Of version 1; "" for version 2.
    """
    mounts = _MOUNTS_1[controller] if controller else _MOUNTS_2
    group = _group(root, controller)
    # In a container the path may be the host's: what is mounted is its own group.
    parts = [] if group is None or ".." in group.parts else group.parts[1:]
    for mount in mounts:
        folder = root / _GROUPS / mount
        for depth in range(len(parts), -1, -1):
            yield folder.joinpath(*parts[:depth])


def _group(root: Path, controller: str) -> PurePosixPath | None:
    """The path of this process's group in a hierarchy.

    Source: cgroups(7), /proc/pid/cgroup: ``hierarchy-ID:controller-list:path``.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except (OSError, ValueError):
        return None
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controller in controllers.split(",") and path.startswith("/"):
            return PurePosixPath(path)
    return None


def _quota_2(folder: Path) -> float | None:
    quota, period = (folder / "cpu.max").read_text().split()
    return None if quota == "max" else int(quota) / int(period)


def _quota_1(folder: Path) -> float | None:
    quota = int((folder / "cpu.cfs_quota_us").read_text())
    period = int((folder / "cpu.cfs_period_us").read_text())
    return None if quota <= 0 else quota / period


def _left_2(folder: Path) -> float | None:
    ceilings = [
        int(text)
        for name in ("memory.max", "memory.high")
        if (text := (folder / name).read_text().strip()) != "max"
    ]
    if not ceilings:
        return None
    used = int((folder / "memory.current").read_text())
    return min(ceilings) - used + _statistic(folder, "inactive_file")


def _left_1(folder: Path) -> float | None:
    ceiling = int((folder / "memory.limit_in_bytes").read_text())
    if ceiling >= _UNLIMITED:
        return None
    used = int((folder / "memory.usage_in_bytes").read_text())
    return ceiling - used + _statistic(folder, "total_inactive_file")


def _statistic(folder: Path, name: str) -> int:
    words = (folder / "memory.stat").read_text().split()
    return int(words[words.index(name) + 1]) if name in words else 0
