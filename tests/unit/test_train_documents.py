"""What lies in the folder of a run: settings, files, metrics, lock; sound or not."""

import csv
import json
import math
import random
from functools import reduce
from pathlib import Path, PurePosixPath

import pytest

from msrnet_cli.config import ModelConfig
from msrnet_cli.errors import UsageError
from msrnet_cli.train import inventory, settings
from msrnet_cli.train.history import COLUMNS, History
from msrnet_cli.train.options import TrainOptions
from msrnet_cli.train.recipes import RECIPES
from training import flat, places
from training import settings as settings_of

CHANGED = settings_of(
    data="/d",
    val="/v",
    out="/o",
    loss="sobel",
    model=ModelConfig("dmshn", 12, "centred"),
    steps=7,
    minutes=0.5,
    sizes=(32, 64),
    shares=(0.5, 0.5),
    crop=16,
    mirror=True,
    perceptual=False,
    vgg="/w",
)
FIRST_FORMAT = Path(__file__).parents[1] / "golden" / "first_format.json"
ALL = [TrainOptions(), CHANGED, *RECIPES.values()]


@pytest.mark.parametrize("options", ALL)
def test_settings_come_back_as_they_were(options):
    assert settings.from_json(settings.to_json(options)) == options


def test_paths_in_settings_hold_in_any_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("start.safetensors").touch()
    options = settings_of(data="pairs", val="val.zip", out="run", vgg="vgg.pth")
    for init, kept in (("start.safetensors", False), ("identity", True)):
        given = settings_of(options, init=init)
        found = settings.from_json(settings.to_json(given))
        paths = found.data.data, found.data.val, found.run.out, found.loss.vgg
        assert paths == tuple(
            str(tmp_path / name) for name in ("pairs", "val.zip", "run", "vgg.pth")
        )
        assert found.network.init == (init if kept else str(tmp_path / init))


@pytest.mark.parametrize("options", ALL)
def test_flat_settings_of_the_first_releases_are_read(options):
    document = flat(options)
    assert settings.from_json(json.dumps(document)) == options
    for added in ("version", "msrnet", "offline"):
        del document[added]
    assert settings.from_json(json.dumps(document)) == options


def test_a_document_that_a_first_release_wrote_is_read():
    found = settings.from_json(FIRST_FORMAT.read_text())
    assert found == settings_of(
        RECIPES["lightstage"],
        data="/somewhere/data/scenes",
        val="/somewhere/data/heldout256",
        out="/somewhere/runs/light",
        init="/somewhere/runs/u96w.safetensors",
        steps=1000000,
        shape="constant",
        sizes=(128,),
        ema=0.999,
        processes=2,
        device="cpu",
        validations=2000,
    )


def test_settings_of_a_newer_version_are_told_as_such():
    document = {**json.loads(settings.to_json(CHANGED)), "version": 3, "msrnet": "9.9"}
    with pytest.raises(settings.NewerError, match=r"written by 9\.9, in format 3"):
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
ONLY_FLAT = [
    ("shares", 3), ("shares", [1.0]), ("shares", [0.0, 1.0]), ("data_options", []),
    ("loss_options", None),
]  # fmt: skip
DEEP = "[" * 100_000


def named(field, value):
    """What is said of a wrong value, in the end."""
    name = next(iter(value)) if isinstance(value, dict) else field
    return {
        "model": "object with fields",
        "sizes": "sizes|side|shares",
        "shares": "shares?",
    }.get(name, name)


@pytest.mark.parametrize(("field", "value"), [*WRONG, *ONLY_FLAT])
def test_a_setting_of_another_type_is_named_in_a_flat_document(field, value):
    document = {**flat(CHANGED), field: value}
    with pytest.raises(ValueError, match=rf"\b({named(field, value)})\b"):
        settings.from_json(json.dumps(document))


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, value in WRONG if field != "loss_options"],
)
def test_a_setting_of_another_type_is_named(field, value):
    document = json.loads(settings.to_json(CHANGED))
    *records, name = places(CHANGED)[field]
    reduce(dict.__getitem__, records, document)[name] = value
    with pytest.raises(ValueError, match=rf"\b({named(field, value)})\b"):
        settings.from_json(json.dumps(document))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"x"', "{}", '{"a": 1}', "\0", DEEP]
)
def test_what_does_not_hold_settings_is_refused(text):
    with pytest.raises(ValueError, match=r"Expecting|settings of a run|Invalid|deep"):
        settings.from_json(text)


def test_a_new_run_takes_the_settings_of_a_document_but_not_its_folder(tmp_path):
    path = tmp_path / "run.json"
    path.write_text(settings.to_json(CHANGED))
    assert settings.for_a_new_run(path) == settings_of(CHANGED, out="")
    found = settings.for_a_new_run(FIRST_FORMAT)
    assert (found.run.out, found.rate.shape) == ("", "constant")


def mistyped(document):
    document["rate"]["learning_rate"] = 0.1


def newer(document):
    document["version"] = 3


def negative(document):
    document["rate"]["lr"] = -1


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (mistyped, "rate: learning_rate is not one of lr, lr_end, shape, warmup"),
        (newer, "in format 3.*the version that wrote it"),
        (negative, "lr is -1, not more than 0"),
        (dict.clear, "does not hold settings"),
    ],
)
def test_a_document_that_people_edited_is_refused_with_a_reason(tmp_path, spoil, told):
    document = json.loads(settings.to_json(CHANGED))
    spoil(document)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document))
    with pytest.raises(UsageError, match=told):
        settings.for_a_new_run(path)
    with pytest.raises(UsageError, match=r"gone\.json cannot be read: No such file"):
        settings.for_a_new_run(tmp_path / "gone.json")


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
