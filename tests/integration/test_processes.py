"""Two processes together do what one does with twice the batch."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import pairs
from msrnet_cli.errors import UsageError
from msrnet_cli.train.processes import Processes, local_device

WHOLE = {"RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"WORLD_SIZE": "abc"}, "WORLD_SIZE=abc is not a number"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE=0 is less than 1"),
        ({"WORLD_SIZE": ""}, "WORLD_SIZE= is not a number"),
        ({"WORLD_SIZE": "2"}, "RANK is not set"),
        ({"WORLD_SIZE": "2", "RANK": "0"}, "MASTER_ADDR is not set"),
        ({"WORLD_SIZE": "2", **WHOLE, "RANK": "2"}, "RANK=2 with WORLD_SIZE=2"),
        ({"WORLD_SIZE": "2", **WHOLE, "MASTER_PORT": "x"}, "MASTER_PORT=x is not"),
        ({"WORLD_SIZE": "2", **WHOLE, "MASTER_PORT": "99999"}, "MASTER_PORT=99999"),
    ],
)
def test_variables_of_torchrun_that_make_no_sense_are_told(
    monkeypatch, variables, said
):
    for name in ("WORLD_SIZE", "LOCAL_RANK", *WHOLE):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=f"^{said}.*torchrun"):
        Processes.join(torch.device(local_device("cpu")))


@pytest.mark.slow  # the light stage does so with muon in the default run
@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_two_processes_equal_one_with_twice_the_batch(tmp_path, optimizer):
    data = pairs.write_vidit(tmp_path / "data", 4, size=32)
    options = [
        "train", "--data", data, "--arch", "dmshn", "--channels", 4, "--size", 16,
        "--steps", 4, "--dtype", "fp32", "--mirror", "--warmup", 0, "--lr", 1e-4,
        "--validations", 1, "--device", "cpu", "--ema", 0.5, "--optimizer", optimizer,
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def run(*arguments):
        found = subprocess.run(
            [sys.executable, "-m", *map(str, arguments)],
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert found.returncode == 0, found.stderr
        return found.stderr

    run("msrnet_cli", *options, "--batch", 2, "--out", tmp_path / "one")
    told = run(
        "torch.distributed.run", "--standalone", "--nproc-per-node", 2, "-m",
        "msrnet_cli", *options, "--batch", 1, "--out", tmp_path / "two",
    )  # fmt: skip
    assert told.count("-> ") == 1, "only one process reports"
    one, two = (load_file(tmp_path / n / "last.safetensors") for n in ("one", "two"))
    for name, value in one.items():
        assert torch.allclose(value, two[name], atol=2e-5), name


def started(folder, *options):
    data = pairs.write_vidit(folder / "data", 2, size=32)
    return subprocess.Popen(
        [sys.executable, "-m", "msrnet_cli", "train", "--data", data,
         "--arch", "dmshn", "--channels", "4", "--size", "16", "--batch", "1",
         "--processes", "2", "--out", folder / "run", *options],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_what_is_wrong_for_all_processes_is_told_once(tmp_path):
    run = started(tmp_path, "--size", "17")
    _, told = run.communicate(timeout=120)
    assert run.returncode == 2
    assert told.count("msrnet: ") == 1, told


def workers_of(process):
    """Processes that it started to train beside it."""
    listed = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [
        int(child)
        for child in listed
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_a_process_that_was_killed_is_told_as_such(tmp_path):
    run = started(tmp_path, "--steps", "100000", "--save-minutes", "0")
    previous = tmp_path / "run" / "checkpoint.previous.safetensors"
    until = time.monotonic() + 90
    while not previous.exists() and time.monotonic() < until:
        time.sleep(0.1)
    (worker,) = workers_of(run.pid)
    os.kill(worker, signal.SIGKILL)
    _, told = run.communicate(timeout=120)
    assert run.returncode == 6
    assert "was killed (signal 9), perhaps for want of memory; go on with --res" in told
