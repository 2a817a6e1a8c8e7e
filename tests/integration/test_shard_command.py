"""`msrnet relight --shard`: killed, at the same time, and told by the environment."""

import json
import os
import time

import pytest

from conftest import photo
from msrnet_cli.folder.shards import part_of

COUNT = 16
STARTERS = ("SLURM_", "AWS_BATCH_", "BATCH_TASK_", "JOB_COMPLETION", "RANK", "WORLD_")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(STARTERS)]:
        monkeypatch.delenv(name)
    for index in range(COUNT):
        path = tmp_path / f"in/{index % 3}/é{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(32, 24, index).save(path)
    return tmp_path


def command(warm_file, *more, out="out"):
    exact = ("-r", "--batch-size", "1", "--dtype", "fp32", "--weights", warm_file)
    return ("relight", "in", out, *exact, *more)


def results(folder, out="out"):
    root = folder / out
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*.png")
    }


def test_two_shards_at_once_and_one_killed_make_what_one_run_makes(
    program, folder, warm_file
):
    program.run(*command(warm_file, out="whole"))
    first = program.start(*command(warm_file, "--shard", "1/2"))
    second = program.start(*command(warm_file, "--shard", "2/2", "--json"))
    deadline = time.monotonic() + 120
    while not results(folder):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    first.kill()
    first.communicate()
    out, err = second.communicate(timeout=120)
    assert second.returncode == 0, err
    start, *_, summary = map(json.loads, out.splitlines())
    own = [name for name in results(folder, "whole") if part_of(name, 2) == 2]
    assert (start["shard"], start["inputs"]) == ("2/2", COUNT)
    assert (start["pictures"], summary["relit"]) == (len(own), len(own))
    finished = program.run(*command(warm_file, "--shard", "1/2"))
    assert "failed" not in finished.err
    assert results(folder) == results(folder, "whole")
    journals = {path.name for path in (folder / "out").glob(".msrnet-*")}
    assert journals == {f".msrnet-journal-{i}-of-2.jsonl" for i in (1, 2)}
    told = program.run("report", "out").out.decode()
    assert "shard 1/2: complete" in told
    assert "shard 2/2: complete" in told
    (folder / "out/.msrnet-journal-1-of-2.jsonl").unlink()
    told = program.run("report", "out").out.decode()
    assert f"never run here: shard 1/2; {COUNT - len(own)} of {COUNT} pictures" in told
    # A run of the whole knows its own part again, and nothing is replaced unasked.
    program.run(*command(warm_file, "--shard", "2/2"), says=f"{len(own)} skipped")


def test_auto_tells_what_it_took(program, folder, warm_file, monkeypatch):
    for name, value in (("ID", 14), ("MIN", 10), ("MAX", 16), ("COUNT", 4)):
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", str(value))
    asked = command(warm_file, "--shard", "auto", "--dry-run")
    told = program.run(*asked)
    assert "shard 3/4, as SLURM_ARRAY_TASK_ID tells" in told.err
    own = [i for i in range(COUNT) if part_of(f"{i % 3}/é{i:02}.png", 4) == 3]
    assert len(own) > 1
    assert f"{len(own)} pictures (shard 3/4 of {COUNT})" in told.err
    assert len(told.out.splitlines()) == len(own)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "13")
    program.run(*asked, code=2, says="no sure place")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--shard", "0/8"), "--shard 0/8; give a part from 1/8 to 8/8"),
        (("--shard", "9/8"), "parts are counted from 1"),
        (("--shard", "auto"), "--shard 1/8"),
        (("--shard", "1/2", "--report", "page.html"), "msrnet report out --html"),
    ],
)
def test_what_cannot_be_split_is_refused_in_one_line(
    program, folder, warm_file, options, says
):
    refused = program.run(*command(warm_file, *options), code=2, says=says)
    assert len(refused.lines) <= 2  # the first one says that it loads
    assert not (folder / "out").exists()


def test_a_picture_through_a_pipe_is_not_split(program, folder):
    data = (folder / "in/0/é00.png").read_bytes()
    asked = ("relight", "-", "-", "--shard", "1/2")
    program.run(*asked, code=2, data=data, says="--shard with -")


def test_options_of_a_file_split_too(program, folder, warm_file):
    printed = program.run(*command(warm_file, "--shard", "2/2", "--print-config"))
    (folder / "job.json").write_bytes(printed.out)
    told = program.run("relight", "in", "out", "--config", "job.json", "--dry-run")
    assert "shard 2/2" in told.err
    written = json.loads(printed.out)
    written["folder"]["shard"] = "3/2"
    (folder / "job.json").write_text(json.dumps(written))
    asked = ("relight", "in", "out", "--config", "job.json")
    program.run(*asked, code=2, says="--shard 3/2")
