"""A run goes on after its data moved, after damage, and alone in its folder."""

import errno
import json
import math
import os
import shutil
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from test_train import StopAfter, assert_bit_identical, ignore, tiny

import pairs
import smooth
from msrnet_cli import lock, tensorfile
from msrnet_cli.config import ModelConfig
from msrnet_cli.errors import (
    DataError,
    MSRNetError,
    PictureError,
    TrainingError,
    UsageError,
)
from msrnet_cli.pairs.store import PairStore
from msrnet_cli.train import checkpoint, resuming
from msrnet_cli.train.events import TrainStarted, TrainSummary, Validated
from msrnet_cli.train.loop import train
from msrnet_cli.train.recipes import RECIPES
from msrnet_cli.train.runs import newest_run, read_settings
from msrnet_cli.weights.file import load_network, load_weights, save_weights
from training import flat, settings


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """Pairs, others to validate on, and a run that was stopped after five steps."""
    folder = tmp_path_factory.mktemp("material")
    data = pairs.write_folders(folder / "data", 3, size=32)
    val = pairs.write_vidit(folder / "val", 2, size=32, first=9)
    train(plain(data, folder / "run", val=str(val)), ignore, StopAfter(5))
    return folder


def plain(data, out, **changes):
    """Eight steps without mirrored pairs, saved at each."""
    changes = {"save_minutes": 0.0, "sizes": (16,), "batch": (2,), **changes}
    config = tiny(data, out, **changes)
    return settings(config, mirror=False)


@pytest.fixture
def begun(material, tmp_path):
    """A copy of all that, to move and to damage."""
    for name in ("data", "val", "run"):
        shutil.copytree(material / name, tmp_path / name)
    document = tmp_path / "run" / "run.json"
    document.write_text(
        document.read_text().replace(str(material), str(tmp_path)), "utf-8"
    )
    return tmp_path / "run"


def gone_on(program, run, *options, code=0):
    return program.run("train", "--out", run, "--resume", *options, code=code)


def events_of(run, **changes):
    """What a run tells that goes on to its end."""
    events = []
    config = settings(read_settings(run), **changes)
    train(config, events.append, resume=True)
    return events


def notes(events):
    return next(e.notes for e in events if isinstance(e, TrainStarted))


def zipped(folder):
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*.png")):
            file.write(path, Path("any", "top") / path.relative_to(folder))
    shutil.rmtree(folder)
    return archive


def moved(folder):
    return folder.rename(folder.with_name("data on a new disk"))


def test_a_run_goes_on_from_any_working_directory(tmp_path, monkeypatch, program):
    pairs.write_folders(tmp_path / "data", 2, size=32)
    monkeypatch.chdir(tmp_path)
    train(plain("data", "run"), ignore, StopAfter(2))
    program.folder = tmp_path / "elsewhere"
    program.folder.mkdir()
    done = gone_on(program, "../run")
    assert "8 steps" in done.err


@pytest.mark.parametrize("move", [moved, zipped])
def test_data_that_moved_is_named_anew_and_gives_the_same_bits(
    begun, program, tmp_path, move
):
    shutil.copytree(begun, tmp_path / "unmoved")
    gone_on(program, tmp_path / "unmoved")
    there = move(tmp_path / "data")
    lost = gone_on(program, begun, code=2)
    (line,) = lost.lines
    for part in (tmp_path / "data", begun, f"--resume --out {begun} --data DIR"):
        assert str(part) in line
    gone_on(program, begun, "--data", there)
    assert_bit_identical(tmp_path / "unmoved", begun)
    assert read_settings(begun).data.data == str(there)


def test_pictures_to_validate_on_move_too(begun, program, tmp_path):
    (tmp_path / "val").rename(tmp_path / "held out")
    assert "--val DIR" in gone_on(program, begun, code=2).err
    gone_on(program, begun, "--val", tmp_path / "held out")


def add(folder):
    pairs.write_folders(folder, 4, size=32)


def remove(folder):
    (folder / "input" / "Image001.png").unlink()


def change(folder):
    pairs.save(pairs.albedo(99, 32), folder / "target" / "Image002.png")


@pytest.mark.parametrize(
    ("differ", "told"),
    [
        (add, "2 more (input/Image003.png, ...)"),
        (remove, "2 missing (input/Image001.png, ...)"),
        (change, "1 of other size (target/Image002.png)"),
    ],
)
def test_other_data_is_refused_under_another_name_and_told_under_the_same(
    begun, program, tmp_path, differ, told
):
    other = shutil.copytree(tmp_path / "data", tmp_path / "other")
    differ(other)
    before = checkpoint.load(begun).position
    (line,) = gone_on(program, begun, "--data", other, code=2).lines
    assert told in line
    assert "--init" in line
    assert checkpoint.load(begun).position == before
    differ(tmp_path / "data")
    (note,) = (one for one in notes(events_of(begun)) if "has changed" in one)
    assert told in note


def test_scenes_in_layers_move_too(tmp_path):
    scenes = smooth.write(tmp_path / "scenes", 3, size=32)
    config = settings(
        RECIPES["lightstage"],
        data=str(scenes),
        out=str(tmp_path / "run"),
        model=ModelConfig("lightstage", 12),
        steps=3,
        sizes=(32,),
        batch=(1,),
        dtype="fp32",
        device="cpu",
        validations=1,
        val_pairs=1,
    )
    train(config, ignore, StopAfter(1))
    there = scenes.rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="--data DIR"):
        train(config, ignore, resume=True)
    other = smooth.write(tmp_path / "other", 2, size=32)
    with pytest.raises(UsageError, match=r"1 missing \(Image002"):
        train(settings(config, data=str(other)), ignore, resume=True)
    train(settings(config, data=str(there)), ignore, resume=True)
    # More scenes under the same name: what a set does that is still rendered.
    smooth.write(there, 1, size=32, first=9)
    (note,) = notes(events_of(tmp_path / "run", steps=4))
    assert "1 more (Image009" in note


def as_the_first_release(run, **changes):
    """run.json as it was, and nothing that lists files."""
    document = {**flat(read_settings(run)), **changes}
    for added in ("version", "msrnet", "offline"):
        del document[added]
    (run / "run.json").write_text(json.dumps(document))
    (run / "data.json").unlink()
    (run / lock.NAME).unlink(missing_ok=True)


def test_a_run_of_the_first_release_goes_on(begun, program, tmp_path):
    as_the_first_release(begun, data="data", val="val", out="run")
    program.folder = tmp_path
    shutil.copytree(begun, tmp_path / "elsewhere" / "run")
    assert "8 steps" in gone_on(program, "run").err
    program.folder = tmp_path / "elsewhere"
    lost = gone_on(program, "run", code=2)
    assert f"does not exist in {program.folder}" in lost.err
    there = moved(tmp_path / "data")
    done = gone_on(program, "run", "--data", there, "--val", tmp_path / "val")
    assert "is taken for data" in done.err
    assert read_settings(tmp_path / "elsewhere" / "run").data.data == str(there)


def in_the_first_format(path):
    """A checkpoint as it was: flat settings, no counts of Adam's steps."""
    found = checkpoint.load(path.parent)
    edit_header(path, lambda about: about.update(version=1, config=flat(found.options)))
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = {k: v for k, v in load_file(path).items() if not k.startswith("step.")}
    about = json.loads(metadata["msrnet-run"])
    about["crc32"] = tensorfile.checksum(tensors)
    tensorfile.write(path, tensors, {"msrnet-run": json.dumps(about)})


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_a_checkpoint_of_the_first_format_gives_the_same_bits(tmp_path, optimizer):
    data = pairs.write_folders(tmp_path / "data", 3, size=32)
    config = plain(data, tmp_path / "run", optimizer=optimizer)
    train(config, ignore, StopAfter(5))
    shutil.copytree(tmp_path / "run", tmp_path / "now")
    events_of(tmp_path / "now")
    as_the_first_release(tmp_path / "run")
    in_the_first_format(tmp_path / "run" / checkpoint.NEWEST)
    assert checkpoint.load(tmp_path / "run").note == ""
    assert events_of(tmp_path / "run")[0].step == 5
    assert_bit_identical(tmp_path / "now", tmp_path / "run")


def test_stage_two_takes_data_that_moved(tmp_path, program):
    data = pairs.write_folders(tmp_path / "data", 2, size=32)
    train(plain(data, tmp_path / "run", steps=2), ignore)
    there = moved(data)
    stage = ("train", "--stage", 2, "--out", tmp_path / "run", "--no-perceptual")
    (line,) = program.run(*stage, code=2).lines
    assert "--stage 2" in line
    assert "--data DIR" in line
    program.run(*stage, "--data", there, "--steps", 1)
    assert (tmp_path / "run" / "stage2.safetensors").exists()


def test_a_second_training_in_a_folder_is_refused(begun, program, tmp_path):
    asked = []

    def meanwhile():
        if not asked:
            asked.append(1)
            before = {path: path.stat().st_mtime_ns for path in begun.iterdir()}
            (line,) = gone_on(program, begun, code=2).lines
            assert "is being trained by another process" in line
            assert f"process {os.getpid()}" in line
            new = plain(tmp_path / "data", begun)
            with pytest.raises(UsageError, match="another process"):
                train(new, ignore)
            assert before == {p: p.stat().st_mtime_ns for p in begun.iterdir()}
        return ""

    train(read_settings(begun), ignore, meanwhile, resume=True)
    assert asked
    assert events_of(begun, steps=9)


@pytest.mark.parametrize("text", ["", "{", "null", '{"a": 1}', '{"lr": "fast"}'])
def test_damaged_settings_come_from_the_checkpoint(begun, program, tmp_path, text):
    expected = checkpoint.load(begun).options
    (begun / "run.json").write_text(text)
    val = ("--data", tmp_path / "data", "--val", tmp_path / "val")
    done = gone_on(program, begun, *val)
    assert "run.json is damaged" in done.err
    found = read_settings(begun)
    paths = dict.fromkeys(("data", "val", "out"), "")
    assert settings(found, **paths) == settings(expected, **paths)


def test_settings_that_are_gone_come_from_the_checkpoint(begun):
    (begun / "run.json").unlink()
    assert newest_run(begun.parent) == begun
    assert read_settings(begun).schedule.steps == 8
    for path in begun.glob("checkpoint*"):
        path.unlink()
    with pytest.raises(UsageError, match="holds no run"):
        read_settings(begun)
    (begun / "run.json").write_text("{")
    with pytest.raises(UsageError, match=r"run\.json is damaged.*no checkpoint"):
        read_settings(begun)


def edit_header(path, change):
    """Write a checkpoint anew with another header."""
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["msrnet-run"])
    change(about)
    tensors = load_file(path)
    tensorfile.write(path, tensors, {"msrnet-run": json.dumps(about)})


def test_files_of_a_newer_version_are_told_as_such(begun, program):
    newest = begun / checkpoint.NEWEST
    edit_header(newest, lambda about: about.update(version=3, msrnet="9.9"))
    told = gone_on(program, begun, code=6).err
    assert "written by 9.9" in told
    assert "the version that wrote it" in told
    document = json.loads((begun / "run.json").read_text())
    (begun / "run.json").write_text(json.dumps({**document, "version": 3}))
    assert "format 3" in gone_on(program, begun, code=2).err


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def empty(path):
    path.write_bytes(b"")


def foreign(path):
    tensorfile.write(path, {"a": torch.zeros(3)}, {})


def without_position(path):
    edit_header(path, lambda about: about.pop("position"))


def of_another_kind(path):
    edit_header(
        path, lambda about: about["config"]["network"]["model"].update(arch="other")
    )


@pytest.mark.parametrize(
    "position",
    [
        {"seconds": math.nan},
        {"seconds": math.inf},
        {"drawn": -99},
        {"step": -5},
        {"step": 10**400},
        {"seconds": 10**400},
        {"stage": "../3"},
    ],
)
def test_a_position_that_no_run_has_is_damage(begun, position):
    edit_header(
        begun / checkpoint.NEWEST, lambda about: about["position"].update(position)
    )
    assert "is damaged" in checkpoint.load(begun).note


def test_what_is_not_a_file_is_never_waited_for(begun):
    for name in ("run.json", "data.json", "metrics.csv", checkpoint.NEWEST):
        (begun / name).unlink()
        os.mkfifo(begun / name)
    config = checkpoint.load(begun).options
    assert read_settings(begun) == settings(config, out=str(begun))
    events = events_of(begun)
    told = " ".join(notes(events))
    for name in ("run.json", "data.json", "metrics.csv", checkpoint.NEWEST):
        assert f"{name} " in told
    assert "not a regular file" in told
    assert events[-1].steps == 8


@pytest.mark.parametrize(
    "damage", [cut, empty, foreign, without_position, of_another_kind]
)
def test_a_damaged_checkpoint_is_told_and_the_one_before_is_used(begun, damage):
    assert load_file(begun / checkpoint.PREVIOUS)
    step = checkpoint.load(begun).position.step
    damage(begun / checkpoint.NEWEST)
    events = events_of(begun)
    (note,) = notes(events)
    assert note.startswith("checkpoint.safetensors is damaged (")
    assert note.endswith("going on from checkpoint.previous.safetensors")
    assert events[0].step == step - 1


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_checkpoint_with_other_tensors_than_were_written_is_damaged(begun, share):
    path = begun / checkpoint.NEWEST
    before = checkpoint.load(begun)
    data = bytearray(path.read_bytes())
    data[int(share * len(data)) :] = bytes(len(data) - int(share * len(data)))
    path.write_bytes(data)
    found = checkpoint.load(begun)
    assert "its tensors are not those that were written" in found.note
    assert found.note.endswith("going on from checkpoint.previous.safetensors")
    assert found.position.step < before.position.step


def test_a_checkpoint_without_a_checksum_is_read(begun):
    found = checkpoint.load(begun)
    edit_header(begun / checkpoint.NEWEST, lambda about: about.pop("crc32"))
    assert checkpoint.load(begun).position == found.position


def test_a_checkpoint_that_may_not_be_read_is_not_called_damaged(begun, monkeypatch):
    opened = Path.open

    def denied(path, *arguments, **options):
        if path.name == checkpoint.NEWEST:
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", denied)
    note = checkpoint.load(begun).note
    assert note.startswith("checkpoint.safetensors cannot be read (Permission denied)")


def test_without_a_sound_checkpoint_the_last_weights_are_named(begun):
    for path in begun.glob("checkpoint*"):
        empty(path)
    with pytest.raises(TrainingError, match=r"damaged.*--init .*last\.safetensors"):
        events_of(begun)


def lacking(tensors):
    del tensors[next(name for name in tensors if name.startswith("exp_avg."))]


def reshaped(tensors):
    name = next(name for name in tensors if name.startswith("exp_avg_sq."))
    tensors[name] = torch.zeros(1)  # which would be spread over all of them


def enlarged(tensors):
    tensors["network.other.weight"] = torch.zeros(3)


def counted_twice(tensors):
    tensors["steps"] = torch.tensor([1, 2])


@pytest.mark.parametrize("damage", [lacking, reshaped, enlarged, counted_twice])
def test_tensors_that_do_not_fit_are_named_with_a_way_out(begun, damage):
    newest = begun / checkpoint.NEWEST
    found = checkpoint.load(begun)
    tensors = dict(found.tensors)
    damage(tensors)
    checkpoint.save(begun, replace(found, tensors=tensors))
    with pytest.raises(UsageError, match=r"does not fit.*\(.*\).*the one before"):
        events_of(begun)
    newest.unlink()
    assert events_of(begun)[-1].steps == 8


def test_a_checkpoint_of_another_run_is_told(begun):
    found = checkpoint.load(begun)
    other = settings(found.options, seed=7)
    checkpoint.save(begun, replace(found, options=other))
    with pytest.raises(UsageError, match=r"another run: --seed is 7 in it, 0 in run"):
        events_of(begun)


def test_space_for_a_resumption_counts_what_is_replaced(begun, monkeypatch):
    held = sum(p.stat().st_size for p in begun.glob("*.safetensors"))
    usage = shutil.disk_usage(begun)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=held))
    assert events_of(begun)[-1].steps == 8
    fresh = plain(read_settings(begun).data.data, begun.with_name("fresh"))
    with pytest.raises(UsageError, match=r"MB left, a run needs .* MB more"):
        train(fresh, ignore)


@pytest.mark.parametrize(
    "name", ["best.safetensors", "last.safetensors", "stage1.safetensors"]
)
def test_a_disk_full_of_weights_is_told_as_one_full_of_checkpoints(
    begun, monkeypatch, name
):
    write = tensorfile.write

    def full(path, tensors, metadata):
        if path.name == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, tensors, metadata)

    monkeypatch.setattr(tensorfile, "write", full)
    with pytest.raises(TrainingError, match=r"No space left.*free space.*--resume"):
        events_of(begun)
    monkeypatch.undo()
    assert events_of(begun)[-1].steps == 8


def test_pictures_for_people_that_cannot_be_written_stop_no_run(begun):
    blocked = begun / "previews"
    if blocked.is_dir():
        shutil.rmtree(blocked)
    blocked.touch()
    events = events_of(begun, validations=8)
    told = [note for e in events if isinstance(e, Validated) for note in e.notes]
    assert len(told) == 1, "once is enough"
    assert "previews" in told[0]
    assert events[-1].steps == 8


def test_a_folder_that_goes_in_mid_run_is_told_and_not_made_anew(begun):
    def remove_it():
        shutil.rmtree(begun)
        return ""

    with pytest.raises(TrainingError, match="has gone while"):
        train(read_settings(begun), ignore, remove_it, resume=True)
    assert not begun.exists()


@pytest.mark.parametrize("below", ["", "run"])
def test_a_file_in_the_place_of_a_folder_is_told_before_any_work(
    tmp_path, below, monkeypatch
):
    data = pairs.write_folders(tmp_path / "data", 1, size=32)
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr("msrnet_cli.train.assemble.find_material", pytest.fail)
    with pytest.raises(UsageError, match=r"cannot be written: .*file is a file"):
        train(plain(data, tmp_path / "file" / below), ignore)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("harm", ["gone", "broken"])
def test_data_that_breaks_in_mid_run_leaves_a_checkpoint_of_the_last_step(
    begun, monkeypatch, harm
):
    data = Path(read_settings(begun).data.data)
    kept = {path: path.read_bytes() for path in data.rglob("*.png")}
    init = PairStore.__init__

    def in_little_memory(store, pairs_, side=None, device=None):
        init(store, pairs_, side, device, memory=0)

    monkeypatch.setattr(PairStore, "__init__", in_little_memory)
    asked = []

    def break_it():
        asked.append(1)
        for path in kept if len(asked) == 1 else ():
            path.unlink() if harm == "gone" else path.write_bytes(b"no picture")
        return ""

    config = settings(read_settings(begun), steps=40, save_minutes=1000.0)
    with pytest.raises(TrainingError, match=r"the data broke.*--resume"):
        train(config, ignore, break_it, resume=True)
    assert checkpoint.load(begun).position.step == 5 + len(asked)
    with pytest.raises(MSRNetError) as at_once:
        train(config, ignore, resume=True)
    assert isinstance(at_once.value, DataError | PictureError)
    for path, content in kept.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    assert events_of(begun)[-1].steps == 40


def test_the_better_stage_is_told_at_the_end(tmp_path):
    data = pairs.write_folders(tmp_path / "data", 2, size=32)
    run = tmp_path / "run"
    config = plain(data, run, stage="all", steps=4)
    events = []
    train(config, events.append)
    (summary,) = (e for e in events if isinstance(e, TrainSummary))
    tried = [e for e in events if isinstance(e, Validated)]
    ends = {e.stage: e.psnr for e in tried}
    assert summary.stages == pytest.approx(ends, abs=1e-3)
    assert summary.stages.keys() == {"1", "2"}
    alone = plain(data, tmp_path / "alone", steps=1)
    assert train(alone, ignore).stages == {}


def test_the_best_of_a_stage_and_size_never_falls(tmp_path):
    data = pairs.write_folders(tmp_path / "data", 2, size=32)
    config = plain(data, tmp_path / "run", stage="all", sizes=(16, 32), batch=(2, 1),
                   steps=12, validations=12, lr=0.02)  # fmt: skip
    events = []
    train(config, events.append)
    best = {}
    for event in (e for e in events if isinstance(e, Validated)):
        place = event.stage, event.size
        assert event.best == (event.psnr > best.get(place, -1))
        best[place] = max(event.psnr, best.get(place, -1))
    assert len(best) == 4


def test_weights_of_the_stages_that_cannot_be_compared_are_not(begun, tmp_path):
    card = load_weights(begun / "last.safetensors").card
    other = replace(card, work_size=512)
    assert asdict(card) != asdict(other)
    from msrnet_cli.train import cards, runs

    network = load_network(begun / "last.safetensors")
    for stage, one in (("1", card), ("2", other)):
        path = runs.stage_result(begun, stage)
        save_weights(path, network.state_dict(), one)
    assert cards.compared_stages(begun) == {}
    save_weights(runs.stage_result(begun, "2"), network.state_dict(), card)
    assert cards.compared_stages(begun).keys() == {"1", "2"}


def test_a_length_that_grows_is_the_same_run(begun):
    before = checkpoint.load(begun)
    resuming.require_same_run(settings(before.options, out=str(begun), steps=99),
                              before.options)  # fmt: skip
