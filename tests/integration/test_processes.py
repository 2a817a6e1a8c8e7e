"""Two processes together do what one does with twice the batch."""

import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

import pairs


@pytest.mark.parametrize(
    "optimizer", [pytest.param("adam", marks=pytest.mark.slow), "muon"]
)
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
