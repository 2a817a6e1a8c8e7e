"""Several processes are told apart, and speak once."""

import multiprocessing
import os
import subprocess
import sys
import time

import pytest
import torch

import pairs
from msrnet_cli.errors import UsageError
from msrnet_cli.train import processes
from msrnet_cli.train.processes import Processes, beside, local_device

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


def test_a_process_that_has_done_its_part_is_not_missed(monkeypatch):
    """The leading one writes the last files alone, which may take long."""
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr(processes, "_PATIENCE", 0.1)
    ends = []
    monkeypatch.setattr(os, "_exit", ends.append)
    deadline = time.monotonic() + 120
    with beside(2, int, str):
        while multiprocessing.active_children():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)
    assert ends == []


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
