"""What control groups grant: real files of real machines, in folders of their own."""

import os
import subprocess
import sys

import pytest

from msrnet_cli import allowance, hardware

MEMINFO = """\
MemTotal:       24616716 kB
MemFree:         3403072 kB
MemAvailable:   21995316 kB
Buffers:          389132 kB
Cached:         18011104 kB
"""
AVAILABLE = 21995316 * 1024
MIB = 1 << 20

# From a machine with version 1, on which version 2 lies beside it.
CGROUP_1 = """\
9:name=systemd:/
4:memory:/process_api/cacc74d05768e8def8e099b9f251810e
3:cpuset:/
2:cpu,cpuacct:/docker/0123
0::/
"""


def machine(folder, files):
    """A root folder with some files; `meminfo` is always there."""
    for name, text in {"proc/meminfo": MEMINFO, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def group_2(path, **files):
    names = {name: name.replace("_", ".", 1) for name in files}
    return {f"sys/fs/cgroup{path}/{names[k]}": v for k, v in files.items()}


def memory_2(path, ceiling, current, cached=0, high="max"):
    statistics = f"anon 4096\nfile {cached}\ninactive_file {cached}\nactive_file 0\n"
    return group_2(
        path,
        memory_max=f"{ceiling}\n",
        memory_high=f"{high}\n",
        memory_current=f"{current}\n",
        memory_stat=statistics,
    )


def memory_1(path, ceiling, usage, cached=0):
    folder = f"sys/fs/cgroup/memory{path}"
    return {
        f"{folder}/memory.limit_in_bytes": f"{ceiling}\n",
        f"{folder}/memory.usage_in_bytes": f"{usage}\n",
        f"{folder}/memory.stat": f"cache 1\ntotal_inactive_file {cached}\n",
    }


NO_LIMIT_1 = 9223372036854771712


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/\n", **group_2("", cpu_max="max 100000\n")}, None),
        ({"proc/self/cgroup": "0::/\n", **group_2("", cpu_max="200000 100000\n")}, 2),
        ({"proc/self/cgroup": "0::/\n", **group_2("", cpu_max="50000 100000\n")}, 1),
        ({"proc/self/cgroup": "0::/\n", **group_2("", cpu_max="150000 100000\n")}, 2),
        (  # the group above grants less than its own
            {
                "proc/self/cgroup": "0::/user.slice/job.scope\n",
                **group_2("/user.slice", cpu_max="100000 100000\n"),
                **group_2("/user.slice/job.scope", cpu_max="400000 100000\n"),
            },
            1,
        ),
        (  # the path is that of the host, the files are those of the container
            {"proc/self/cgroup": "0::/../a\n", **group_2("", cpu_max="300000 100000")},
            3,
        ),
        (
            {
                "proc/self/cgroup": "0::/docker/0123\n",
                **group_2("", cpu_max="300000 100000"),
            },
            3,
        ),
        (  # another group's limit is not ours
            {
                "proc/self/cgroup": "0::/mine\n",
                **group_2("/theirs", cpu_max="100000 100000\n"),
            },
            None,
        ),
        (
            {
                "proc/self/cgroup": CGROUP_1,
                "sys/fs/cgroup/cpu,cpuacct/docker/0123/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu,cpuacct/docker/0123/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": CGROUP_1,
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
        ({"proc/self/cgroup": "0::/\n", **group_2("", cpu_max="nonsense\n")}, None),
        ({"proc/self/cgroup": "nonsense", **group_2("", cpu_max="100000 0\n")}, None),
    ],
)
def test_cores_are_those_that_the_groups_grant(tmp_path, files, cores):
    root = machine(tmp_path, files)
    assert allowance.granted_cores(root) == cores
    scheduled = len(os.sched_getaffinity(0))
    assert allowance.usable_cores(root) == min(scheduled, cores or scheduled)


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, AVAILABLE),
        (
            {"proc/self/cgroup": "0::/\n", **memory_2("", "max", 100 * MIB)},
            AVAILABLE,
        ),
        (
            {"proc/self/cgroup": "0::/\n", **memory_2("", 512 * MIB, 100 * MIB)},
            412 * MIB,
        ),
        (  # cached pages of files are given back on demand
            {
                "proc/self/cgroup": "0::/\n",
                **memory_2("", 512 * MIB, 500 * MIB, 300 * MIB),
            },
            312 * MIB,
        ),
        (  # from `high` on, the system slows a group down to take memory from it
            {
                "proc/self/cgroup": "0::/\n",
                **memory_2("", 512 * MIB, 100 * MIB, high=256 * MIB),
            },
            156 * MIB,
        ),
        (  # the group above is nearly full
            {
                "proc/self/cgroup": "0::/a/b\n",
                **memory_2("/a", 512 * MIB, 500 * MIB),
                **memory_2("/a/b", 400 * MIB, 10 * MIB),
            },
            12 * MIB,
        ),
        (
            {"proc/self/cgroup": "0::/a\n", **memory_2("/a", 8 * MIB, 9 * MIB)},
            0,
        ),
        (
            {
                "proc/self/cgroup": CGROUP_1,
                **memory_1("", NO_LIMIT_1, 5 << 30),
                **memory_1("/process_api", 1 << 30, 600 * MIB, 100 * MIB),
                **memory_1(
                    "/process_api/cacc74d05768e8def8e099b9f251810e", NO_LIMIT_1, 1
                ),
            },
            524 * MIB,
        ),
        ({"proc/self/cgroup": CGROUP_1, **memory_1("", NO_LIMIT_1, 1)}, AVAILABLE),
    ],
)
def test_free_memory_is_the_least_that_any_group_leaves(tmp_path, files, free):
    assert allowance.free_memory(machine(tmp_path, files)) == free


def test_this_machine_is_read_too():
    assert 1 <= hardware.usable_cores() <= os.cpu_count()
    assert allowance.free_memory() is None or allowance.free_memory() > 0


# --- threads that wait -------------------------------------------------------------

SETTINGS = """
import os, sys
from msrnet_cli.__main__ import share_the_machine
share_the_machine()
assert "torch" not in sys.modules
print(*(f"{k}={os.environ.get(k)}" for k in ("GOMP_SPINCOUNT", "KMP_BLOCKTIME")))
"""
HIDDEN = ("OMP_WAIT_POLICY", "KMP_BLOCKTIME", "GOMP_SPINCOUNT", "KMP_LIBRARY")


def settings(code=SETTINGS, **given):
    environment = {k: v for k, v in os.environ.items() if k not in HIDDEN} | given
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, "GOMP_SPINCOUNT=5000 KMP_BLOCKTIME=1"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "GOMP_SPINCOUNT=None KMP_BLOCKTIME=None"),
        ({"GOMP_SPINCOUNT": "9"}, "GOMP_SPINCOUNT=9 KMP_BLOCKTIME=None"),
    ],
)
def test_the_program_has_threads_spin_for_a_short_time_unless_told_otherwise(
    given, found
):
    assert settings(**given) == found


def test_the_library_leaves_the_environment_alone():
    code = "import os; before = dict(os.environ); import msrnet_cli.config; "
    code += "import msrnet_cli; print(before == dict(os.environ))"
    assert settings(code) == "True"
