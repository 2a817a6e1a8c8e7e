"""What lies in the folder of a run: settings, files, metrics, lock; sound or not."""

import csv
import json
import math
import random
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from msrnet_cli.config import LossOptions, ModelConfig
from msrnet_cli.train import inventory, settings
from msrnet_cli.train.history import COLUMNS, History
from msrnet_cli.train.options import TrainConfig
from msrnet_cli.train.recipes import RECIPES

CHANGED = TrainConfig(
    data="/d",
    val="/v",
    out="/o",
    loss="sobel",
    model=ModelConfig("dmshn", 12, "centred"),
    steps=7,
    minutes=0.5,
    sizes=(32, 64),
    shares=(0.5, 0.5),
    loss_options=LossOptions(vgg="/w"),
)


@pytest.mark.parametrize("config", [TrainConfig(), CHANGED, *RECIPES.values()])
def test_settings_come_back_as_they_were(config):
    assert settings.from_json(settings.to_json(config)) == config


def test_paths_in_settings_hold_in_any_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("start.safetensors").touch()
    options = LossOptions(vgg="vgg.pth")
    config = TrainConfig("pairs", "val.zip", "run", loss_options=options)
    for init, kept in (("start.safetensors", False), ("identity", True)):
        given = replace(config, init=init)
        found = settings.from_json(settings.to_json(given))
        paths = found.data, found.val, found.out, found.loss_options.vgg
        assert paths == tuple(
            str(tmp_path / name) for name in ("pairs", "val.zip", "run", "vgg.pth")
        )
        assert found.init == (init if kept else str(tmp_path / init))


def test_settings_of_the_first_release_are_read():
    document = json.loads(settings.to_json(CHANGED))
    for added in ("version", "msrnet", "offline"):
        del document[added]
    assert settings.from_json(json.dumps(document)) == CHANGED


def test_settings_of_a_newer_version_are_told_as_such():
    document = {**json.loads(settings.to_json(CHANGED)), "version": 2, "msrnet": "9.9"}
    with pytest.raises(settings.NewerError, match=r"written by 9\.9, in format 2"):
        settings.from_json(json.dumps(document))


WRONG = [
    ("lr", "fast"), ("steps", 1.5), ("steps", True), ("sizes", 512),
    ("sizes", ["512"]), ("stage", 1), ("model", []), ("model", None),
    ("loss", "l3"), ("compile", "no"), ("data", None), ("loss_options", {"vgg": 1}),
    ("model", {"arch": "other"}), ("sizes", []), ("batch", [0]), ("batch", []),
    ("batch", [10**15]),
    ("processes", 0), ("processes", -3), ("val_pairs", -4), ("warmup", -9),
    ("validations", 0), ("lr", 10**400), ("lr", math.nan), ("steps", 0),
    ("crop", -1), ("data", "a\0b"), ("out", "\ud800"), ("model", {"channels": 0}),
]  # fmt: skip


DEEP = "[" * 100_000


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_setting_of_another_type_is_named(field, value):
    document = {**json.loads(settings.to_json(CHANGED)), field: value}
    name = next(iter(value)) if isinstance(value, dict) else field
    with pytest.raises(ValueError, match=name if name != "model" else "ModelConfig"):
        settings.from_json(json.dumps(document))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"x"', "{}", '{"a": 1}', "\0", DEEP]
)
def test_what_does_not_hold_settings_is_refused(text):
    with pytest.raises(ValueError, match=r"Expecting|settings of a run|Invalid|deep"):
        settings.from_json(text)


def rows_of(path):
    with path.open(newline="") as file:
        return [
            {k: v for k, v in row.items() if v != ""} for row in csv.DictReader(file)
        ]


def written(path, steps):
    history = History(path)
    for step in steps:
        history.add({"step": step, "stage": "1", "size": 64, "loss": 0.5 / step})
    return rows_of(path)


def test_metrics_cut_at_any_byte_keep_their_whole_rows(tmp_path):
    path = tmp_path / "metrics.csv"
    rows = written(path, (10, 20, 130))
    data = path.read_bytes()
    head = len(data.split(b"\n")[0]) + 1
    for length in range(head, len(data) + 1):
        path.write_bytes(data[:length])
        history = History(path, step=1000)
        whole = data[head:length].count(b"\n")
        assert (rows_of(path), history.note) == (rows[:whole], "")
        history.add({"step": 999})
        assert rows_of(path)[-1] == {"step": "999"}


def test_rows_beyond_the_checkpoint_are_dropped(tmp_path):
    rows = written(tmp_path / "metrics.csv", (10, 20, 30))
    assert History(tmp_path / "metrics.csv", step=20).note == ""
    assert rows_of(tmp_path / "metrics.csv") == rows[:2]


@pytest.mark.parametrize(
    "data",
    [
        b"date,amount\n2026-01-01,3\n",
        b"step,loss,of_a_newer_version\n1,0.5,7\n",
        b"step,loss\n1,0.5\n",
        b"step,stage,size,step\n1,1,64,1\n",
        b"\xff\xfe\x00\x01" * 50 + b"\n",
        b"\n",
    ],
)
def test_another_document_in_the_place_of_metrics_is_kept_aside(tmp_path, data):
    path = tmp_path / "metrics.csv"
    path.write_bytes(data)
    history = History(path, step=5)
    assert (tmp_path / "metrics-1.csv").read_bytes() == data
    assert history.rows == []
    assert "metrics-1.csv" in history.note


def test_damaged_metrics_keep_their_sound_rows_and_are_kept_aside(tmp_path):
    path = tmp_path / "metrics.csv"
    rows = written(path, range(1, 40))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[7] = b"12,0.5\n"
    lines[9] = lines[9].replace(b"64", b"\0\0")
    path.write_bytes(b"".join(lines))
    history = History(path, step=100)
    assert rows_of(path) == [row for i, row in enumerate(rows, 1) if i not in (7, 9)]
    assert "damaged rows (2)" in history.note
    assert (tmp_path / "metrics-1.csv").read_bytes() == b"".join(lines)


@pytest.mark.parametrize("loss", ["inf", "nan", "-inf", "1e308", "-1e308"])
def test_metrics_that_no_run_measures_are_left_out(tmp_path, loss):
    path = tmp_path / "metrics.csv"
    rows = written(path, (10, 20))
    with path.open("a") as file:
        csv.DictWriter(file, COLUMNS).writerow({**rows[0], "loss": loss})
    assert "damaged rows (1)" in History(path, step=100).note
    assert rows_of(path) == rows


def test_the_infinite_psnr_of_equal_pictures_is_kept(tmp_path):
    path = tmp_path / "metrics.csv"
    history = History(path)
    history.add({"step": 1, "stage": "1", "size": 64, "val_psnr_copy": math.inf})
    again = History(path, step=1)
    assert (again.note, again.rows[0]["val_psnr_copy"]) == ("", "inf")


def test_metrics_with_any_bytes_changed_never_stop_a_run(tmp_path):
    chance = random.Random(0)
    path = tmp_path / "metrics.csv"
    written(path, range(1, 30))
    data = path.read_bytes()
    for _ in range(200):
        damaged = bytearray(data)
        for _ in range(chance.randrange(1, 20)):
            damaged[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(damaged)
        for row in History(path, step=100).rows:
            assert set(row) <= set(COLUMNS)
            assert int(row["step"]) <= 100


def listed(*names, size=7, top="/somewhere/set"):
    return inventory.listed((PurePosixPath(top) / name, size) for name in names)


def test_files_are_known_again_below_another_folder_or_in_an_archive():
    names = ("input/a.png", "target/a.png")
    plain = listed(*names)
    assert plain == listed(*names, top="/elsewhere") == listed(*names, top="")
    assert plain.keys() == set(names)
    assert listed("ä.png".encode().decode()) == listed("a\u0308.png")


def test_differences_between_sets_are_counted_and_named():
    names = ("a.png", "b.png", "c.png")
    before = listed(*names)
    assert inventory.difference(before, dict(reversed(before.items()))) == ""
    told = inventory.difference(before, {"a.png": 7, "b.png": 8, "d.png": 1, "e": 2})
    assert told == ("1 missing (c.png), 2 more (d.png, ...), 1 of other size (b.png)")


def test_an_inventory_comes_back(tmp_path):
    found = inventory.Inventory(listed("a.png", "b.png"), {})
    assert inventory.read(tmp_path) is None
    inventory.write(tmp_path, found)
    assert inventory.read(tmp_path) == found
    sizes = ("null", "Infinity", '"x"', "1.5", "-1", "true", "[]")
    files = [f'{{"training": {{"a": {size}}}, "validation": {{}}}}' for size in sizes]
    for damaged in ("", "[]", "{}", DEEP, *files):
        (tmp_path / inventory.NAME).write_text(damaged)
        with pytest.raises(ValueError, match=r"Expecting|not list|not tell|deep"):
            inventory.read(tmp_path)
