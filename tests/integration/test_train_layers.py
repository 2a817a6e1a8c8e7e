"""The light stage learns from scenes, resumes bit by bit, in one process or several."""

import csv
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from test_train import StopAfter, assert_bit_identical, ignore

import smooth
from conftest import photo
from msrnet_cli.config import ModelConfig
from msrnet_cli.errors import DataError, MSRNetError
from msrnet_cli.lock import Lock
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.train.events import TrainProgress, TrainStarted, Validated
from msrnet_cli.train.loop import train
from msrnet_cli.train.recipes import RECIPES
from msrnet_cli.weights.file import load_weights
from training import settings


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return smooth.write(tmp_path_factory.mktemp("scenes"), 5)


@pytest.fixture(scope="module")
def held_out(tmp_path_factory):
    return smooth.write(tmp_path_factory.mktemp("held-out"), 2, first=100)


def small(scenes, out, **changes):
    """Six steps through two sizes."""
    config = settings(
        RECIPES["lightstage"],
        data=str(scenes),
        out=str(out),
        model=ModelConfig("lightstage", 12),
        steps=6,
        sizes=(32, 64),
        batch=(2, 1),
        ema=0.9,
        dtype="fp32",
        device="cpu",
        validations=1,
        val_pairs=1,
    )
    return settings(config, **changes)


def test_the_recipe_learns_and_what_it_learnt_relights(scenes, held_out, tmp_path):
    config = small(
        scenes, tmp_path / "run", steps=30, sizes=(32,), batch=(4,), val=str(held_out)
    )
    events = []
    train(config, events.append)
    losses = [e.loss for e in events if isinstance(e, TrainProgress)]
    assert losses[-1] < losses[0] - 0.05
    started = next(e for e in events if isinstance(e, TrainStarted))
    assert (started.material, started.count) == ("scene", 5)
    assert "held-out" in started.validation
    (tried,) = (e for e in events if isinstance(e, Validated))
    assert {"task", "night", "day", "ambient", "azimuth"} <= tried.scores.keys()
    found = load_weights(tmp_path / "run" / "last.safetensors")
    assert found.card.model.arch == "lightstage"
    assert found.card.work_size == 32
    relit = Relighter.load(tmp_path / "run" / "last.safetensors").relight(photo())
    assert relit.size == photo().size
    with (tmp_path / "run" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert any(row["val_night"] for row in rows)
    assert list((tmp_path / "run" / "previews").glob("*.png"))


@pytest.fixture(scope="module")
def whole(scenes, tmp_path_factory):
    run = tmp_path_factory.mktemp("whole") / "run"
    train(small(scenes, run), ignore)
    return run


@pytest.mark.parametrize("stop", [2, 5])
def test_a_stopped_run_resumes_bit_by_bit(scenes, whole, tmp_path, stop):
    config = small(scenes, tmp_path / "parts")
    train(config, ignore, StopAfter(stop))
    train(config, ignore, resume=True)
    assert_bit_identical(whole, tmp_path / "parts")


def started(scenes, out, **options):
    """A run in two processes that does not end by itself."""
    command = [
        sys.executable, "-m", "msrnet_cli", "train", "--recipe", "lightstage",
        "--data", str(scenes), "--out", str(out), "--channels", "12",
        "--size", "32", "--steps", "100000", "--processes", "2", "--dtype", "fp32",
    ]  # fmt: skip
    return subprocess.Popen(command, stderr=subprocess.PIPE, **options)


def children_of(process):
    """The other process, and the resource tracker of multiprocessing."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        pytest.skip("this system does not tell the children of a process")
    deadline = time.monotonic() + 60
    while len(found := children.read_text().split()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_processes_end_with_the_one_that_leads(scenes, tmp_path):
    process = started(scenes, tmp_path / "run")
    found = children_of(process)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{child}").exists() for child in found):
        assert time.monotonic() < deadline, "a process outlives the one that leads"
        time.sleep(0.1)


def test_a_failure_before_processes_meet_ends_them_all(scenes, tmp_path):
    config = small(scenes, tmp_path / "run", processes=2, sizes=(96,))
    began = time.monotonic()
    with pytest.raises(DataError, match="has 96 px"):
        train(config, ignore)
    assert time.monotonic() - began < 30


def test_one_line_refuses_a_second_training_in_several_processes(scenes, tmp_path):
    (tmp_path / "run").mkdir()
    with Lock(tmp_path / "run", "trained") as held:
        held.take()
        process = started(scenes, tmp_path / "run")
        _, told = process.communicate(timeout=90)
    assert process.returncode == 2
    (line,) = told.decode().splitlines()
    assert "is being trained by another process" in line


def test_a_constant_rate_goes_on_and_a_branch_decays_from_its_weights(scenes, tmp_path):
    trunk = small(scenes, tmp_path / "trunk", shape="constant", steps=2, sizes=(32,),
                  batch=(2,))  # fmt: skip
    train(trunk, ignore)
    train(settings(trunk, steps=4), ignore, resume=True)
    last = tmp_path / "trunk" / "last.safetensors"
    rates = []
    branch = settings(trunk, out=str(tmp_path / "branch"), init=str(last),
                     shape="linear", warmup=0, steps=20)  # fmt: skip

    def note(event):
        if isinstance(event, TrainProgress):
            rates.append(event.lr)

    train(branch, note)
    assert rates[-1] < rates[0] < trunk.rate.lr


REFUSED = [
    ({"stage": "2"}, "--stage is for pairs"),
    ({"loss": "l2"}, "--loss is for pairs"),
    ({"crop": 32}, "--crop is for pairs"),
    ({"mirror": True}, "--mirror is for pairs"),
    ({"sobel_weight": 1.0}, "--sobel-weight is for pairs"),
    ({"processes": 2, "device": "cuda"}, "start one process a GPU with torchrun"),
    ({"sizes": (48,)}, "--size 48 is not a multiple of 32; give 64"),
    ({"sizes": (96,)}, "no scene in .* has 96 px, the largest 64"),
    ({"model": ModelConfig("lightstage", 8)}, "the identity needs 12 channels"),
    ({"model": ModelConfig("dmshn", 12), "loss": "layers"}, "--recipe lightstage"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
def test_what_does_not_go_together_is_refused(scenes, tmp_path, changes, reason):
    with pytest.raises(MSRNetError, match=reason):
        train(small(scenes, tmp_path / "run", **changes), ignore)
    assert not (tmp_path / "run").exists()


def test_scenes_are_not_trained_and_tried_on(scenes, tmp_path):
    with pytest.raises(DataError, match="is in training and validation"):
        train(small(scenes, tmp_path / "run", val=str(scenes)), ignore)


def test_a_folder_without_scenes_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no scene.*msrnet synth"):
        train(small(tmp_path / "empty", tmp_path / "run"), ignore)


def test_a_recipe_is_for_a_new_run(program, scenes):
    options = ("train", "--recipe", "lightstage", "--resume", "--out", scenes)
    done = program.run(*options, code=2)
    assert "--recipe is for a new run" in done.err


@pytest.mark.slow
def test_killed_twenty_times_a_run_goes_on_from_its_last_save(scenes, tmp_path):
    run = tmp_path / "run"
    command = [
        sys.executable, "-m", "msrnet_cli", "train", "--recipe", "lightstage",
        "--data", str(scenes), "--out", str(run), "--channels", "12", "--size", "32",
        "--batch", "2", "--shape", "constant", "--steps", "100000", "--validations",
        "200", "--val-pairs", "1", "--save-minutes", "0.01", "--processes", "2",
    ]  # fmt: skip
    steps, chance = [0], random.Random(0)
    for _ in range(20):
        started = command if not steps[-1] else [*command[:4], "--out", str(run)]
        if steps[-1]:
            started = [sys.executable, "-m", "msrnet_cli", "train", "--resume",
                       "--out", str(run)]  # fmt: skip
        process = subprocess.Popen(started, stderr=subprocess.PIPE)
        time.sleep(8 + 4 * chance.random())
        process.kill()
        process.communicate()
        from msrnet_cli.train import checkpoint

        steps.append(checkpoint.load(run).position.step)
    assert steps == sorted(steps)
    assert steps[-1] > 20


def test_scenes_where_pairs_are_wanted_are_told_as_what_they_are(scenes, tmp_path):
    config = small(scenes, tmp_path / "run", model=ModelConfig("dmshn", 12), loss=None)
    with pytest.raises(DataError, match="--recipe lightstage"):
        train(config, ignore)


def test_a_scene_with_values_that_are_not_finite_is_named(tmp_path):
    folder = smooth.write(tmp_path / "scenes", 1)
    scene = smooth.hills()
    scene.light[3, 1, 20, 20] = torch.nan
    smooth.scenes.write(folder / "Image000.safetensors", scene)
    with pytest.raises(DataError, match=r"Image000 holds .* not finite"):
        train(small(folder, tmp_path / "run", sizes=(64,), batch=(1,)), ignore)


def test_scenes_that_are_too_small_are_left_out_and_counted(tmp_path):
    folder = smooth.write(tmp_path / "scenes", 2)
    smooth.write(folder, 1, size=32, first=9)
    events = []
    config = small(folder, tmp_path / "run", sizes=(64,), batch=(1,), steps=1)
    train(config, events.append)
    assert events[0].count == 2
    assert events[0].notes == ("scenes under 64 px: 1, left out",)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.5, 2.5, 4.5])
def test_ctrl_c_while_processes_start_ends_them_all(scenes, tmp_path, seconds):
    process = started(scenes, tmp_path / "run", start_new_session=True)
    time.sleep(seconds)
    try:
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert b"Traceback" not in told
