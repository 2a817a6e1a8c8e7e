"""A run in several processes ends in one line, leaves none behind, and goes on."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from test_train import assert_bit_identical

import pairs
from msrnet_cli.train import checkpoint

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="needs /proc"
)
STEPS = 30
SECONDS = 60  # in which all must have ended, on a machine with much else to do
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
HOW = {
    "--processes": ((), ("--processes", "2")),
    "torchrun": (TORCHRUN, ("--device", "cpu")),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return pairs.write_vidit(tmp_path_factory.mktemp("data"), 2, size=32)


def started(how, *options):
    launcher, more = HOW[how]
    return subprocess.Popen(
        [sys.executable, *launcher, "-m", "msrnet_cli", "train", *more,
         *map(str, options)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def begun(how, data, out):
    """A run that saves after each step."""
    return started(
        how, "--data", data, "--out", out, "--arch", "dmshn", "--channels", 4,
        "--size", 16, "--batch", 1, "--dtype", "fp32", "--steps", STEPS,
        "--save-minutes", 0, "--validations", 1, "--val-pairs", 1, "--ema", 0.9,
    )  # fmt: skip


def finished(run, code=0):
    try:
        _, told = run.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        raise
    assert run.returncode == code, told
    return told


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """What a run learns that nothing disturbs."""
    out = tmp_path_factory.mktemp("whole") / "run"
    finished(begun("--processes", data, out))
    return out


def below(process):
    """All processes that it has started, and those that they have."""
    found = []
    with suppress(FileNotFoundError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in map(int, (thread / "children").read_text().split()):
                found += [child, *below(child)]
    return found


def command_of(process):
    with suppress(FileNotFoundError):
        return Path(f"/proc/{process}/cmdline").read_text()
    return ""


def is_rank_one(process):
    with suppress(FileNotFoundError):
        return "\0RANK=1\0" in Path(f"/proc/{process}/environ").read_text()
    return False


def second_process(run, how):
    """The process that does not lead."""
    (found,) = (
        each
        for each in below(run.pid)
        if ("spawn_main" in command_of(each) if how == "--processes"
            else is_rank_one(each) and "msrnet_cli" in command_of(each))
    )  # fmt: skip
    return found


def saved(run, out):
    """Wait until there are two checkpoints."""
    deadline = time.monotonic() + 200
    while not (out / checkpoint.PREVIOUS).exists():
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def require_gone(processes, began):
    while any(map(command_of, processes)):
        assert time.monotonic() - began < SECONDS, "a process is left over"
        time.sleep(0.1)
    assert time.monotonic() - began < SECONDS


def go_on(how, out, whole):
    """Resume, which gives the bits of a run that nothing disturbed."""
    assert 0 < checkpoint.load(out).position.step < STEPS
    finished(started(how, "--resume", "--out", out))
    assert_bit_identical(whole, out)


@pytest.mark.parametrize(
    "how", ["--processes", pytest.param("torchrun", marks=pytest.mark.slow)]
)
def test_a_killed_process_ends_the_run_in_one_line_and_it_goes_on(
    data, whole, tmp_path, how
):
    out = tmp_path / "run"
    run = begun(how, data, out)
    saved(run, out)
    processes, second = below(run.pid), second_process(run, how)
    began = time.monotonic()
    os.kill(second, signal.SIGKILL)
    told = finished(run, 6 if how == "--processes" else 1)
    require_gone(processes, began)
    (line,) = re.findall("^msrnet: .*", told, re.M)
    assert f"go on with msrnet train --resume --out {out}" in line
    if how == "--processes":
        assert "another process of this run was killed (signal 9), perhaps for" in line
        assert "Traceback" not in told
    else:  # torchrun has words of its own, and a traceback
        assert "another process of this run has ended; see its message; if" in line
        assert "exitcode  : -9" in told
    words = shlex.split(re.search("msrnet train (.*?)( under torchrun)?$", line)[1])
    assert words == ["--resume", "--out", str(out)]
    go_on(how, out, whole)


@pytest.mark.slow
def test_a_process_that_is_killed_before_it_has_begun_ends_the_run(data, tmp_path):
    run = begun("--processes", data, tmp_path / "run")
    deadline = time.monotonic() + 200
    while not any("spawn_main" in command_of(each) for each in below(run.pid)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    processes, began = below(run.pid), time.monotonic()
    os.kill(second_process(run, "--processes"), signal.SIGKILL)
    (line,) = re.findall("^msrnet: .*", finished(run, 6), re.M)
    require_gone(processes, began)
    assert "was killed (signal 9)" in line
    assert line.endswith("; start the run again")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "number", "to_all"),
    [
        ("--processes", signal.SIGTERM, False),
        ("--processes", signal.SIGTERM, True),
        ("--processes", signal.SIGINT, True),
        ("torchrun", signal.SIGTERM, False),
        ("torchrun", signal.SIGINT, True),
        ("torchrun", signal.SIGKILL, False),
    ],
)
def test_a_run_that_is_asked_to_end_saves_and_goes_on(
    data, whole, tmp_path, how, number, to_all
):
    out = tmp_path / "run"
    run = begun(how, data, out)
    saved(run, out)
    processes, began = below(run.pid), time.monotonic()
    (os.killpg if to_all else os.kill)(run.pid, number)
    code = -number if number == signal.SIGKILL else 1
    told = finished(run, 128 + number if how == "--processes" else code)
    require_gone(processes, began)
    assert re.search(rf"^\d+ steps in .*: {out}; go on with --resume$", told, re.M)
    if how == "--processes":
        assert "Traceback" not in told
    go_on(how, out, whole)
