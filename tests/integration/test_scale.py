"""The folder job at size: constant memory, overlapping stages."""

import os

import pytest

from conftest import photo


def peak_and_summary(program, *arguments):
    """Peak memory in bytes of a process of its own, and its last JSON event."""
    import json

    process = program.start(*arguments, "--json")
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    return usage.ru_maxrss * 1024, json.loads(out.splitlines()[-1])


@pytest.mark.slow
def test_memory_does_not_grow_with_the_folder(program, warm_file, tmp_path):
    (tmp_path / "few").mkdir()
    (tmp_path / "many").mkdir()
    picture = tmp_path / "p.png"
    photo(64, 64).save(picture)
    for index in range(100):
        os.link(picture, tmp_path / f"few/{index}.png")
    for index in range(10_000):
        os.link(picture, tmp_path / f"many/{index}.png")
    arguments = ("--weights", warm_file, "--batch-size", "1")
    few, _ = peak_and_summary(program, "relight", "few", "a", *arguments)
    many, summary = peak_and_summary(program, "relight", "many", "b", *arguments)
    assert summary["relit"] == 10_000
    # Ten thousand paths and records, but not one picture more.
    assert many - few < 60e6


@pytest.mark.slow
def test_wall_time_is_that_of_the_slowest_stage(program, tmp_path):
    from msrnet_cli import weights
    from msrnet_cli.config import ModelConfig, WeightsCard
    from msrnet_cli.model import DMSHN

    network = DMSHN(32)
    card = WeightsCard(model=ModelConfig("dmshn", 32))
    weights.save(tmp_path / "w.safetensors", network.state_dict(), card)
    (tmp_path / "in").mkdir()
    photo(1024, 1024).save(tmp_path / "p.jpg", quality=95)
    for index in range(32):
        os.link(tmp_path / "p.jpg", tmp_path / f"in/{index}.jpg")
    del program.environment["OMP_NUM_THREADS"]
    _, summary = peak_and_summary(
        program, "relight", "in", "out", "--weights", tmp_path / "w.safetensors"
    )
    assert summary["relit"] == 32
    assert summary["seconds"] <= 1.15 * max(summary["stages"].values())
