"""Training learns, resumes bit by bit, stops cleanly, and tells what is wrong."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

import pairs
from msrnet_cli.cli.commands import load
from msrnet_cli.config import ModelConfig
from msrnet_cli.errors import (
    DataError,
    MSRNetError,
    TrainingError,
    UsageError,
    WeightsError,
)
from msrnet_cli.evaluate.options import EvalOptions
from msrnet_cli.evaluate.pairs import evaluate
from msrnet_cli.pairs.cut import Cutter
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.train import pairing
from msrnet_cli.train.events import TrainProgress, TrainStarted, TrainSummary, Validated
from msrnet_cli.train.initial import start_network
from msrnet_cli.train.learner import Learner
from msrnet_cli.train.loop import train
from msrnet_cli.train.runs import read_settings
from msrnet_cli.weights.file import load_network
from training import settings

TINY = ModelConfig(arch="dmshn", channels=4)
UNVARIED = {"mirror": False, "exposure": 0.0, "zoom": 0.0}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return pairs.write_vidit(tmp_path_factory.mktemp("scenes"), 5, size=32)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def tiny(scenes, out, **changes):
    """Eight steps through two sizes, with all that could break a resumption."""
    config = settings(
        data=str(scenes),
        out=str(out),
        model=TINY,
        steps=8,
        sizes=(16, 32),
        batch=(2, 1),
        warmup=3,
        ema=0.9,
        dtype="fp32",
        validations=2,
        val_pairs=2,
        mirror=True,
        exposure=0.3,
        zoom=0.4,
        perceptual=False,
    )
    return settings(config, **changes)


@pytest.fixture(scope="module")
def whole(scenes, tmp_path_factory):
    """The folder of a run as `tiny` that nothing stopped; to look at, for it is shared.

    By its settings, made when it is first asked for.
    """

    @cache
    def of(**changes):
        run = tmp_path_factory.mktemp("whole") / "run"
        train(tiny(scenes, run, **changes), ignore)
        return run

    return of


@pytest.fixture
def ended(whole, tmp_path):
    """A copy of such a run, to go on with."""
    return shutil.copytree(whole(), tmp_path / "run")


class StopAfter:
    """Answers with a signal once it was asked so many times."""

    def __init__(self, steps, name="SIGTERM"):
        self.left, self.name = steps, name

    def __call__(self):
        self.left -= 1
        return self.name if self.left == 0 else ""


def ignore(_event):
    pass


def test_a_stack_upon_a_dmshn_begins_where_that_ended(scenes, tmp_path):
    below = ModelConfig("dmshn", 12)
    first = tiny(scenes, tmp_path / "first", model=below, init="identity")
    train(first, ignore)
    weights_file = tmp_path / "first" / "last.safetensors"
    grown = tiny(
        scenes,
        tmp_path / "grown",
        model=replace(below, arch="stacked"),
        init=str(weights_file),
    )
    picture = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        stack = start_network(grown.network)(picture)
        alone = load_network(weights_file)(picture)
    assert not torch.allclose(alone, picture, atol=1e-3)
    torch.testing.assert_close(stack, alone, rtol=0, atol=1e-5)


def test_a_stack_upon_another_network_is_refused(scenes, whole, tmp_path):
    upon = str(whole(steps=1) / "last.safetensors")
    narrow = tiny(scenes, tmp_path, model=replace(TINY, arch="stacked"), init=upon)
    with pytest.raises(UsageError, match="needs 12 channels"):
        start_network(narrow.network)
    wide = settings(narrow, model=ModelConfig("stacked", 12))
    with pytest.raises(WeightsError, match=r"dmshn, 4 channels.*upon a DMSHN"):
        start_network(wide.network)


def learnt(run):
    return load_file(Path(run) / "checkpoint.safetensors")


def assert_bit_identical(one, other):
    one, other = learnt(one), learnt(other)
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def test_a_run_leaves_what_people_look_for(scenes, tmp_path):
    events = []
    config = tiny(scenes, tmp_path / "run")
    summary = train(config, events.append)
    assert isinstance(events[0], TrainStarted)
    assert isinstance(events[-1], TrainSummary)
    assert {type(e) for e in events[1:-1]} == {TrainProgress, Validated}
    assert summary.steps == 8
    run = tmp_path / "run"
    for name in ("best", "last", "stage1"):
        relit = Relighter.load(run / f"{name}.safetensors").relight(
            torch.rand(3, 20, 30)
        )
        assert relit.shape == (3, 20, 30)
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[-1]["step"] == "8"
    assert any(row["val_psnr"] for row in rows)
    assert any(row["loss"] for row in rows)
    assert list((run / "previews").glob("*.png"))
    assert not list(run.glob("*.pt*")), "no pickle"


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
@pytest.mark.parametrize("stop", [1, 4, 6, 7])
def test_a_stopped_run_resumes_bit_by_bit(scenes, whole, tmp_path, stop, optimizer):
    config = tiny(scenes, tmp_path / "parts", optimizer=optimizer)
    summary = train(config, ignore, StopAfter(stop))
    assert (summary.steps, summary.stopped_by) == (stop, "SIGTERM")
    train(config, ignore, resume=True)
    assert_bit_identical(whole(optimizer=optimizer), tmp_path / "parts")


@pytest.mark.parametrize("stop", [3, 4, 5])
def test_both_stages_resume_bit_by_bit(scenes, whole, tmp_path, stop):
    both = {"stage": "all", "sizes": (16,), "batch": (2,)}
    config = tiny(scenes, tmp_path / "parts", **both)
    train(config, ignore, StopAfter(stop))
    train(config, ignore, resume=True)
    assert_bit_identical(whole(**both), tmp_path / "parts")
    one, two = (load_file(whole(**both) / f"stage{i}.safetensors") for i in (1, 2))
    assert any(not torch.equal(one[name], two[name]) for name in one)


def test_stage_two_starts_from_the_result_of_stage_one(scenes, ended, tmp_path):
    with pytest.raises(UsageError, match="stage 1"):
        train(tiny(scenes, tmp_path / "new", stage="2"), ignore)
    before = load_file(ended / "stage1.safetensors")
    config = tiny(scenes, ended, stage="2", lr=1e-12, lr_end=1e-12, steps=2)
    train(config, ignore)
    after = load_file(ended / "stage2.safetensors")
    for name, value in before.items():
        assert torch.allclose(value, after[name], atol=1e-6)


def command(*options):
    return [sys.executable, "-m", "msrnet_cli", "train", *map(str, options)]


@pytest.fixture
def endless(scenes, tmp_path):
    """A run through the command line that saves after every step."""
    run = tmp_path / "run"
    options = (
        "--data", scenes, "--out", run, "--arch", "dmshn", "--channels", 4,
        "--size", 16, "--steps", 12, "--dtype", "fp32", "--save-minutes", 0,
        "--validations", 1, "--mirror",
    )  # fmt: skip
    return run, options


@pytest.fixture
def start():
    """Starts the program; a step is the same on one thread here and there."""
    processes = []

    def run(options):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            command(*options), env=environment, stderr=subprocess.PIPE, text=True
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def wait_for_step(run, step, process):
    """Until the metrics or the checkpoint show that steps are taken."""
    from msrnet_cli.train import checkpoint

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if checkpoint.load(run).position.step >= step:
                return
        except MSRNetError:
            pass
        time.sleep(0.01)
    pytest.fail(f"no step was taken: {process.stderr.read()}")


def test_a_killed_run_resumes_bit_by_bit(endless, start, tmp_path):
    run, options = endless
    for step in (2, 5):
        resume = ("--resume",) if step > 2 else ()
        process = start((*options, *resume))
        wait_for_step(run, step, process)
        process.kill()
        process.wait()
    found = read_settings(run)
    train(found, ignore, resume=True)
    train(settings(found, out=str(tmp_path / "whole")), ignore)
    assert_bit_identical(tmp_path / "whole", run)


@pytest.mark.parametrize(
    ("name", "code"),
    [("SIGTERM", 143), pytest.param("SIGINT", 130, marks=pytest.mark.slow)],
)
def test_signals_save_and_exit(endless, start, name, code):
    run, options = endless
    options = [100_000 if option == 12 else option for option in options]
    process = start(options)
    wait_for_step(run, 1, process)
    process.send_signal(getattr(signal, name))
    assert process.wait(60) == code
    assert "--resume" in process.stderr.read()
    assert learnt(run)


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(
    scenes, whole, tmp_path
):
    config = tiny(scenes, tmp_path / "run", save_minutes=0.0)
    train(config, ignore, StopAfter(5))
    newest = tmp_path / "run" / "checkpoint.safetensors"
    newest.write_bytes(newest.read_bytes()[:1000])
    events = []
    train(config, events.append, resume=True)
    assert events[0].step == 4
    assert_bit_identical(whole(), tmp_path / "run")


def test_a_loss_that_is_not_finite_stops_before_the_step(scenes, tmp_path):
    config = tiny(scenes, tmp_path / "run", lr=1e18, clip=0.0, warmup=0, ema=0.0)
    with pytest.raises(TrainingError, match=r"not finite; batch: Image00.*--resume"):
        train(config, ignore)
    for value in load_file(tmp_path / "run" / "last.safetensors").values():
        assert value.isfinite().all()


@pytest.fixture
def shrink_disk():
    """Makes files larger than so many bytes impossible, as a full disk does."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_before_training(scenes, tmp_path, shrink_disk):
    shrink_disk(10_000)
    with pytest.raises(UsageError, match="cannot be written"):
        train(tiny(scenes, tmp_path / "run"), ignore)


def test_a_full_disk_ends_the_run_and_keeps_the_checkpoint(
    scenes, whole, tmp_path, shrink_disk
):
    config = tiny(scenes, tmp_path / "run", save_minutes=0.0)
    asked = []

    def fill():
        asked.append(1)
        if len(asked) == 3:
            shrink_disk(10_000)
        return ""

    with pytest.raises(MSRNetError, match="cannot"):
        train(config, ignore, fill)
    resource = pytest.importorskip("resource")
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    train(config, ignore, resume=True)
    assert_bit_identical(whole(), tmp_path / "run")


def test_a_time_budget_is_kept(scenes, tmp_path):
    config = tiny(scenes, tmp_path / "run", steps=None, minutes=0.05)
    started = time.monotonic()
    events = []
    summary = train(config, events.append)
    assert 2.5 < summary.seconds < 6
    assert time.monotonic() - started < 10
    sizes = [event.size for event in events if isinstance(event, Validated)]
    assert sizes[0] == 16
    assert sizes[-1] == 32


def test_it_learns(tmp_path):
    """Four pairs, a small network that starts as the identity: well above a copy."""
    data = pairs.write_vidit(tmp_path / "data", 4, size=32)
    config = settings(
        data=str(data),
        out=str(tmp_path / "run"),
        model=ModelConfig(arch="dmshn", channels=12),
        init="identity",
        steps=60,
        sizes=(32,),
        batch=(4,),
        lr=2e-3,
        warmup=5,
        dtype="fp32",
        validations=2,
    )
    events = []
    train(config, events.append)
    last = [event for event in events if isinstance(event, Validated)][-1]
    assert last.psnr > last.psnr_copy + 8
    assert 0.8 < last.detail < 1.2


def test_metrics_hold_each_step_once_after_a_resumption(scenes, tmp_path):
    config = tiny(scenes, tmp_path / "run", save_minutes=1000.0)
    train(config, ignore, StopAfter(5))
    config = settings(config, steps=20)
    train(config, ignore, resume=True)
    with (tmp_path / "run" / "metrics.csv").open() as file:
        steps = [int(row["step"]) for row in csv.DictReader(file) if row["loss"]]
    assert steps == sorted(set(steps))


def write_broken(folder):
    pairs.write_vidit(folder, 2, size=32)
    (folder / "Image001_4500_E.png").write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("make", "options", "says"),
    [
        (lambda folder: folder.mkdir(), (), "holds no picture"),
        (
            lambda folder: pairs.write_vidit(folder, 1, lights=("6500_N",)),
            (),
            "no pairs",
        ),
        (write_broken, (), "Image001_4500_E"),
        (lambda folder: pairs.write_folders(folder, 1), ("--mirror",), "mirror"),
        (
            lambda folder: pairs.write_vidit(folder, 1),
            ("--from", "1_N"),
            "unknown light",
        ),
        (lambda folder: pairs.write_vidit(folder, 1), ("--batch", "1,2"), "batch"),
        (lambda folder: pairs.write_vidit(folder, 1), ("--stage", "2"), "stage 1"),
        (lambda folder: pairs.write_vidit(folder, 1), ("--resume",), "holds no run"),
        (lambda folder: pairs.write_vidit(folder, 1), ("--dtype", "fp16"), "bf16"),
    ],
)
def test_what_is_wrong_is_said_before_training_starts(
    tmp_path, monkeypatch, make, options, says
):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "data")
    arguments = ["train", "--data", "data", "--out", "run", "--no-perceptual", *options]
    result = CliRunner().invoke(load(), arguments)
    assert isinstance(result.exception, MSRNetError)
    assert says in str(result.exception)
    assert not (tmp_path / "run" / "metrics.csv").exists()


def test_stage_two_alone_continues_the_newest_run(scenes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    base = [
        "train",
        "--arch",
        "dmshn",
        "--channels",
        "4",
        "--size",
        "16",
        "--steps",
        "2",
    ]
    runner = CliRunner()
    first = runner.invoke(load(), [*base, "--data", str(scenes)])
    assert first.exit_code == 0, first.exception
    (run,) = Path("runs").iterdir()
    assert run.name == "dmshn-001"
    second = runner.invoke(load(), ["train", "--stage", "2", "--no-perceptual"])
    assert second.exit_code == 0, second.exception
    assert (run / "stage2.safetensors").exists()
    card = Relighter.load(run / "best.safetensors").card
    assert card.notes.startswith("stage 2")
    assert "without the perceptual term" in card.notes


def test_a_run_is_not_overwritten_by_accident(scenes, whole):
    arguments = ["train", "--data", str(scenes), "--out", str(whole(steps=1))]
    result = CliRunner().invoke(load(), arguments)
    assert "holds a run" in str(result.exception)


def test_training_and_validation_must_not_share_pictures(scenes, tmp_path):
    with pytest.raises(DataError, match="training and validation"):
        train(tiny(scenes, tmp_path / "run", val=str(scenes)), ignore)


@pytest.mark.parametrize("option", [("--size", "40"), ("--size", "32", "--crop", "8")])
def test_sides_the_network_cannot_take_leave_no_folder(scenes, tmp_path, option):
    run = tmp_path / "run"
    arguments = ["train", "--data", str(scenes), "--out", str(run), *option]
    result = CliRunner().invoke(load(), arguments)
    assert isinstance(result.exception, UsageError)
    assert "multiple of 16" in str(result.exception)
    assert not run.exists()


def test_a_diverged_network_never_replaces_a_sound_one(scenes, tmp_path):
    run = tmp_path / "run"
    config = tiny(scenes, run, sizes=(32,), batch=(2,), ema=0.0, steps=4)
    wild = settings(config, lr=1e30, clip=0.0, warmup=0, validations=4)
    with pytest.raises(TrainingError, match=r"not finite.*--resume"):
        train(wild, ignore)
    for name in ("checkpoint", "last"):
        for value in load_file(run / f"{name}.safetensors").values():
            assert value.isfinite().all()
    assert not (run / "best.safetensors").exists()
    summary = train(config, ignore, resume=True)
    assert summary.steps == 4


@pytest.mark.parametrize("stop", [1, 100])
def test_a_second_stage_is_not_begun_again(scenes, ended, stop):
    second = tiny(scenes, ended, stage="2")
    train(second, ignore, StopAfter(stop))
    before = learnt(ended)
    with pytest.raises(UsageError, match=r"holds a stage 2.*--resume"):
        train(second, ignore)
    assert before.keys() == learnt(ended).keys()
    assert train(second, ignore, resume=True).steps == 8


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"stage": "2"}, "--stage 2 without --resume"),
        ({"stage": "all"}, "--stage 1, not all"),
        ({"loss": "l1"}, "--loss by stage, not l1"),
        ({"seed": 3}, "--seed 0, not 3"),
        ({"optimizer": "muon"}, "--optimizer adam, not muon"),
        (
            {"model": ModelConfig(arch="stacked", channels=4)},
            "--arch dmshn, not stacked",
        ),
        ({"mirror": False}, "--mirror on, not off"),
    ],
)
def test_only_the_same_run_is_resumed(scenes, whole, change, says):
    config = tiny(scenes, whole(steps=2), steps=2)
    with pytest.raises(UsageError, match=says):
        train(settings(config, **change), ignore, resume=True)


def test_a_longer_run_does_not_fall_back_into_its_first_stage(scenes, tmp_path):
    config = tiny(scenes, tmp_path / "run", stage="all", sizes=(16,), batch=(2,))
    train(config, ignore, StopAfter(5))
    with pytest.raises(UsageError, match="in stage 2"):
        train(settings(config, steps=100), ignore, resume=True)


def test_pictures_to_mirror_are_not_read_without_mirroring(tmp_path):
    data = pairs.write_vidit(tmp_path / "data", 2, size=32)
    (data / "Image000_4500_W.png").write_bytes(b"no picture")
    config = tiny(data, tmp_path / "run", steps=1, **UNVARIED)
    assert train(config, ignore).psnr


def card(run, name="last"):
    return Relighter.load(run / f"{name}.safetensors").card


def test_weights_tell_what_they_are(scenes, tmp_path):
    config = tiny(scenes, tmp_path / "a", stage="all", steps=2, loss="sobel")
    train(config, ignore)
    found = card(tmp_path / "a")
    assert (found.from_light, found.to_light) == ("6500_N", "4500_E")
    assert "perceptual" not in found.notes, "this loss has no such term"
    assert list(found.scores) == ["training_psnr"]
    held_out = pairs.write_vidit(tmp_path / "val", 1, size=32, first=9)
    config = tiny(scenes, tmp_path / "b", steps=1, val=str(held_out))
    train(config, ignore)
    assert list(card(tmp_path / "b").scores) == ["validation_psnr"]


def test_weights_ask_for_the_size_they_were_trained_at(scenes, tmp_path):
    half_way = iter(["", "SIGTERM"])
    config = tiny(scenes, tmp_path / "run", sizes=(16, 32))
    train(config, ignore, should_stop=lambda: next(half_way))
    assert card(tmp_path / "run").work_size == 16
    train(config, ignore, resume=True)
    assert card(tmp_path / "run").work_size == 32
    assert card(tmp_path / "run", "best").work_size == 32


def test_weights_claim_no_light_that_the_files_do_not_name(tmp_path):
    data = pairs.write_folders(tmp_path / "data", 2, size=32)
    config = tiny(data, tmp_path / "run", steps=1, **UNVARIED)
    train(config, ignore)
    assert (card(tmp_path / "run").from_light, card(tmp_path / "run").to_light) == (
        "",
        "",
    )


@pytest.mark.parametrize("loss", [None, "sobel"])
def test_stage_two_alone_is_refused_before_anything_is_fetched(
    scenes, tmp_path, monkeypatch, loss
):
    monkeypatch.setattr("msrnet_cli.perceptual.load_vgg16", pytest.fail)
    config = tiny(scenes, tmp_path / "run", stage="2", loss=loss, sizes=(32,))
    config = settings(config, batch=(1,), perceptual=True)
    with pytest.raises(UsageError, match="result of stage 1"):
        train(config, ignore)


def test_time_that_ends_before_stage_two_is_told(scenes, tmp_path):
    config = tiny(
        scenes, tmp_path / "run", stage="all", steps=None, minutes=1e-6, sizes=(16,)
    )
    config = settings(config, batch=(1,))
    with pytest.raises(TrainingError, match=r"before stage 2.*--minutes"):
        train(config, ignore)
    assert (tmp_path / "run" / "stage1.safetensors").exists()
    summary = train(settings(config, minutes=0.02), ignore, resume=True)
    assert summary.steps > 1
    assert (tmp_path / "run" / "stage2.safetensors").exists()


def test_a_batch_is_cut_while_the_device_works_at_the_one_before(
    scenes, tmp_path, monkeypatch
):
    events = []
    cut, step = Cutter.batch, Learner.step

    def watched_cut(cutter, numbers, size, crop=0):
        if cutter.seed is not None:
            events.append((size, *numbers))
        return cut(cutter, numbers, size, crop)

    def watched_step(*arguments):
        events.append("begin")
        found = step(*arguments)
        events.append("end")
        return found

    monkeypatch.setattr(Cutter, "batch", watched_cut)
    monkeypatch.setattr(Learner, "step", watched_step)
    config = tiny(scenes, tmp_path / "run", steps=3, sizes=(32,), batch=(2,))
    train(config, ignore)
    steps = [("begin", (32, n, n + 1), "end") for n in (2, 4, 6)]
    assert events == [(32, 0, 1), *(event for one in steps for event in one)]


def test_pictures_are_kept_at_the_size_they_are_cut_from(scenes, tmp_path, monkeypatch):
    kept = []
    store = pairing.PairStore

    def watched(*arguments):
        kept.append(arguments[1])
        return store(*arguments)

    monkeypatch.setattr(pairing, "PairStore", watched)
    train(tiny(scenes, tmp_path / "run", steps=2, crop=16), ignore)
    # A part of a training picture, too, has detail to the last pixel.
    assert kept == [54, 32]


def test_pictures_without_a_partner_are_counted(tmp_path):
    data = pairs.write_vidit(tmp_path / "data", 3, size=32)
    (data / "Image002_4500_E.png").unlink()
    events = []
    train(tiny(data, tmp_path / "run", steps=1), events.append)
    assert events[0].count == 2
    assert any("pictures without partner: 1" in note for note in events[0].notes)


def test_memory_that_runs_out_while_loading_is_told(scenes, tmp_path, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(pairing, "PairStore", full)
    with pytest.raises(TrainingError, match="memory ran out"):
        train(tiny(scenes, tmp_path / "run"), ignore)


def on_two_processes(scenes, out, *options):
    """What torchrun's two processes say, and how they end."""
    if not torch.distributed.is_available():
        pytest.skip("torch was built without torch.distributed")
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone")
    return subprocess.run(
        [*torchrun, "--nproc-per-node", "2", "-m", "msrnet_cli", "train",
         "--data", scenes, "--out", out, "--arch", "dmshn", "--channels", "4",
         "--device", "cpu", "--dtype", "fp32", "--size", "32", "--steps", "1",
         *options],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_two_processes_report_the_loss_of_the_whole_batch(scenes, tmp_path):
    found = on_two_processes(scenes, tmp_path / "two", "--batch", "2")
    assert found.returncode == 0, found.stderr
    config = tiny(scenes, tmp_path / "one", steps=1, sizes=(32,), batch=(4,))
    train(settings(config, **UNVARIED, ema=0.0), ignore)
    losses = []
    for run in ("one", "two"):
        with (tmp_path / run / "metrics.csv").open() as file:
            losses.append(float(next(csv.DictReader(file))["loss"]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_process_that_loses_another_says_so(scenes, tmp_path):
    (tmp_path / "file").touch()
    found = on_two_processes(scenes, tmp_path / "file" / "run")
    assert "cannot be written" in found.stderr
    assert "another process of this run has ended" in found.stderr
    assert "bug" not in found.stderr


def memory():
    """Resident bytes of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_memory_stays_flat_over_a_thousand_steps(scenes, tmp_path):
    config = tiny(
        scenes, tmp_path / "run", steps=1000, sizes=(32,), batch=(2,), validations=20
    )
    used = []

    def watch(event):
        if isinstance(event, TrainProgress):
            used.append(memory())

    train(config, watch)
    assert used[-1] - used[len(used) // 5] < 10e6


@pytest.mark.slow
def test_four_pairs_are_learnt_by_heart_and_stage_two_improves_ssim(tmp_path):
    """Stage 1 reaches 30 dB; stage 2 loses little PSNR and gains SSIM."""
    torch.set_num_threads(os.cpu_count() or 1)
    data = pairs.write_vidit(tmp_path / "data", 4, size=128)
    config = settings(
        data=str(data),
        out=str(tmp_path / "run"),
        init="identity",
        minutes=10,
        sizes=(128,),
        batch=(4,),
        lr=5e-4,
        warmup=30,
        perceptual=False,
    )
    train(config, ignore)
    second = settings(config, stage="2", init="small", minutes=5, lr=1e-4)
    train(second, ignore)
    options = EvalOptions(
        data=str(data),
        weights=tuple(str(tmp_path / "run" / f"stage{i}.safetensors") for i in (1, 2)),
    )
    _, one, two = evaluate(options).methods
    assert one.means["psnr"].mean > 30
    assert two.means["psnr"].mean > one.means["psnr"].mean - 0.5
    assert two.means["ssim"].mean > one.means["ssim"].mean
