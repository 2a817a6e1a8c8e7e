"""A dry run tells what the job then does, and leaves no trace."""

import json
import os
import sys
from dataclasses import replace

import pytest
from PIL import Image

from conftest import encoded, photo
from dng import dng, squares
from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.folder import journal
from msrnet_cli.folder.events import FileDone, Forecast, Foreseen, JobStarted
from msrnet_cli.folder.foresight import foresee
from msrnet_cli.folder.job import relight_folder
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.relights import FakeRelighter
from msrnet_cli.report import relight as report

DOES = {"write": "relit", "anew": "relit", "skip": "skipped", "refuse": "failed"}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "in/sub").mkdir(parents=True)
    for index in range(4):
        photo(20, 10, index).save(f"in/{index}.png")
    photo(20, 10, 9).save("in/sub/4.jpg")
    return tmp_path


def everything(folder):
    """All of a tree: names, contents, times of change, of folders too."""
    return {
        str(path): (
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in [folder, *folder.rglob("*")]
    }


def foreseen(inputs=("in",), output="out", relighter=None, **options):
    options = FolderOptions(**({"recursive": True} | options))
    plan = make_plan(list(inputs), output, options, dry=True)
    told = []
    foresee(plan, relighter or FakeRelighter(), options, told.append)
    return told


def done(inputs=("in",), output="out", relighter=None, **options):
    options = FolderOptions(**({"recursive": True} | options))
    plan = make_plan(list(inputs), output, options)
    told = []
    relight_folder(plan, relighter or FakeRelighter(), options, told.append)
    return told


def actions(told):
    return {one.input: one.action for one in told if isinstance(one, Foreseen)}


def agree(told, events):
    """Whether a job did what was foreseen, picture by picture."""
    files = [one for one in events if isinstance(one, FileDone)]
    plans = [one for one in told if isinstance(one, Foreseen)]
    assert {one.input: DOES[one.action] for one in plans} == {
        one.input: one.status for one in files
    }
    assert {one.input for one in plans if one.action == "anew"} == {
        one.input for one in files if one.anew
    }
    reasons = {one.input: (one.reason, one.remedy) for one in files}
    assert {one.input: (one.reason, one.remedy) for one in plans} == reasons
    return True


def test_a_first_run_is_foreseen_and_nothing_is_made(tree):
    before = everything(tree)
    told = foreseen(compare=True)
    assert everything(tree) == before
    assert isinstance(told[0], JobStarted)
    assert told[0].pictures == 5
    assert set(actions(told).values()) == {"write"}
    assert told[-1] == Forecast(5, 0, 0, 0, files=10, replaced=0)
    assert agree(told, done(compare=True))
    files = {path for one in told[1:-1] for path in one.outputs}
    assert all(map(os.path.isfile, files))
    assert len(files) == 10


def test_what_is_there_is_told_apart_without_decoding(tree, monkeypatch):
    done()
    (tree / "out/0.png").unlink()  # to write
    (tree / "out/1.png").write_bytes(b"somebody else's")  # to refuse
    photo(20, 10, 30).save("in/2.png")  # to make anew
    before = everything(tree)
    with monkeypatch.context() as patched:
        patched.setattr("msrnet_cli.images.read", None)
        told = foreseen()
    assert everything(tree) == before
    wanted = dict(
        zip("01234", ["write", "refuse", "anew", "skip", "skip"], strict=True)
    )
    assert {os.path.basename(path)[0]: one for path, one in actions(told).items()} == (
        wanted
    )
    assert told[-1] == Forecast(1, 1, 2, 1, files=2, replaced=1)
    assert agree(told, done())


def test_what_a_header_shows_to_be_unreadable_is_refused_as_the_job_does(
    tree, monkeypatch
):
    for path in (tree / "in").rglob("*.*g"):
        path.unlink()
    Image.new("F", (20, 10)).save("in/float.tif")
    Image.new("I", (20, 10)).save("in/deep.tif")
    fax = encoded(Image.new("1", (20, 10)), "tiff", compression="group4")
    (tree / "in/odd.tif").write_bytes(fax)
    jpeg = bytearray(encoded(photo(20, 10), "jpeg"))
    jpeg[jpeg.index(b"\xff\xc0") + 4] = 12  # bits
    (tree / "in/twelve.jpg").write_bytes(jpeg)
    (tree / "in/raw.dng").write_bytes(dng(squares((0.2, 0.4, 0.6))))
    photo(20, 10).save("in/fine.tif", compression="tiff_lzw")
    for extra in ("rawpy", "pillow_heif"):
        monkeypatch.setitem(sys.modules, extra, None)
    heic = b"\0\0\0\x18ftypheic\0\0\0\0heicmif1"
    (tree / "in/phone.heic").write_bytes(heic)
    wanted = dict.fromkeys(("float.tif", "deep.tif", "twelve.jpg", "raw.dng"), "refuse")
    wanted |= {"phone.heic": "refuse", "odd.tif": "write", "fine.tif": "write"}
    told = foreseen()
    assert {os.path.basename(name): one for name, one in actions(told).items()} == (
        wanted
    )
    assert agree(told, done())


def test_a_result_that_is_there_is_skipped_whatever_its_input(tree):
    done()
    told = foreseen(max_megapixels=0.0001)
    assert set(actions(told).values()) == {"skip"}
    assert agree(told, done(max_megapixels=0.0001))


def test_another_light_makes_pictures_anew_and_that_is_foreseen(tree):
    done()
    other = FakeRelighter()
    other.light_recipe = {"wish": {"beams": [{"azimuth": 270.0}]}}
    told = foreseen(relighter=other)
    assert set(actions(told).values()) == {"anew"}
    assert agree(told, done(relighter=other))
    assert set(actions(foreseen(relighter=other)).values()) == {"skip"}


def test_what_would_be_overwritten_is_named(tree):
    done()
    told = foreseen(exist="overwrite")
    assert set(actions(told).values()) == {"write"}
    assert {one.replaces for one in told if isinstance(one, Foreseen)} == {
        (os.path.join("out", name),)
        for name in ("0.png", "1.png", "2.png", "3.png", os.path.join("sub", "4.jpg"))
    }
    with pytest.raises(UsageError, match="exists"):
        foreseen(exist="error")


def test_pictures_that_fail_are_refused_for_the_same_reason(tree):
    (tree / "in/empty.png").write_bytes(b"")
    (tree / "in/text.jpg").write_text("no picture at all, only words")
    photo(200, 10).save(tree / "in/large.png")
    told = foreseen(max_megapixels=0.001)
    refused = [name for name, action in actions(told).items() if action == "refuse"]
    assert sorted(map(os.path.basename, refused)) == [
        "empty.png",
        "large.png",
        "text.jpg",
    ]
    assert agree(told, done(max_megapixels=0.001))


def test_a_picture_too_large_for_a_format_is_refused(tree):
    photo(20_000, 1).save(tree / "in/long.png")
    options = {"write": WriteOptions(format="webp")}
    told = foreseen(**options)
    assert actions(told)[os.path.join("in", "long.png")] == "refuse"
    assert agree(told, done(**options))


def test_folders_that_cannot_be_read_are_refused(tree):
    found = make_plan(["in"], "out", FolderOptions(), dry=True)
    fault = next(iter(make_plan([], "out", FolderOptions(), _listed(tree)).faults))
    told = []
    foresee(
        replace(found, faults=(fault,)), FakeRelighter(), FolderOptions(), told.append
    )
    assert told[0].unreadable == 1
    assert (told[1].action, told[1].input) == ("refuse", fault.path)
    assert told[-1].refuse == 1


def _listed(tree):
    (tree / "list").write_text("in/0.png\nin/gone.png\n")
    return "list"


def test_one_file_is_known_by_the_cache_which_is_only_read(tree):
    one = {"inputs": ["in/0.png"], "output": "result.png"}
    assert actions(foreseen(**one)) == {os.path.join("in", "0.png"): "write"}
    assert not (tree / "cache").exists()
    done(**one)
    before = everything(tree)
    assert set(actions(foreseen(**one)).values()) == {"skip"}
    other = FakeRelighter(gain=0.5)
    other.digest = "other"
    assert set(actions(foreseen(**one, relighter=other)).values()) == {"anew"}
    told = foreseen(inputs=["in/1.png"], output="result.png")
    assert everything(tree) == before
    assert agree(told, done(inputs=["in/1.png"], output="result.png"))


def test_one_file_that_nobody_knows_is_refused(tree):
    photo(3, 3).save("result.png")
    (told,) = foreseen(inputs=["in/0.png"], output="result.png")[1:-1]
    assert told.action == "refuse"
    assert "only the same bytes" in told.reason


def test_a_folder_without_journal_is_somebody_else_s(tree):
    (tree / "out").mkdir()
    photo(3, 3).save("out/0.png")
    told = foreseen()
    assert actions(told)[os.path.join("in", "0.png")] == "refuse"
    assert not (tree / "out" / journal.NAME).exists()
    assert agree(told, done())


def test_a_journal_that_cannot_be_read_is_named(tree):
    (tree / "out" / journal.NAME).mkdir(parents=True)
    with pytest.raises(UsageError, match="reading the journal"):
        foreseen()


def test_an_output_folder_that_cannot_be_written_is_refused(tree, monkeypatch):
    (tree / "locked").mkdir()
    monkeypatch.setattr("os.access", lambda path, _: path.name != "locked")
    with pytest.raises(UsageError, match="nothing can be written"):
        foreseen(output="locked/out")


# --- what is told -------------------------------------------------------------------


def spoken(capsys, events, tell):
    for event in events:
        tell(event)
    return capsys.readouterr()


def test_the_plan_goes_to_standard_output_and_its_sum_to_standard_error(tree, capsys):
    done()
    (tree / "out/0.png").unlink()
    (tree / "in/empty.png").write_bytes(b"")
    said = spoken(capsys, foreseen(), report.planned())
    lines = said.out.splitlines()
    assert lines[0] == f"write: {os.path.join('in', '0.png')} -> out{os.sep}0.png"
    assert sum(line.startswith("skip: ") for line in lines) == 4
    assert any(line.startswith("refuse: ") and "empty" in line for line in lines)
    assert said.err.splitlines()[0].startswith("dry run: 6 pictures -> out")
    assert said.err.splitlines()[-1] == (
        "1 to write, 4 to skip, 1 to refuse; 1 file; nothing was written"
    )


def test_a_terminal_is_not_flooded_and_a_pipe_gets_all(capsys, monkeypatch):
    events = [Foreseen(f"in/{i}.png", f"out/{i}.png", "write") for i in range(500)]
    events.insert(100, Foreseen("in/bad.png", "", "refuse", reason="it is bad"))
    events.append(Forecast(500, 0, 0, 1, files=500, replaced=0))
    assert len(spoken(capsys, events, report.planned()).out.splitlines()) == 501
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    said = spoken(capsys, events, report.planned())
    assert len(said.out.splitlines()) == 21
    assert "refuse: in/bad.png: it is bad" in said.out
    assert "and 480 more" in said.err


def test_quiet_tells_only_what_is_refused(tree, capsys):
    (tree / "in/empty.png").write_bytes(b"")
    said = spoken(capsys, foreseen(), report.planned(quiet=True))
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("msrnet: refuse: ")


def test_a_program_gets_an_event_a_line(tree, capsys):
    said = spoken(capsys, foreseen(), report.planned(as_json=True))
    found = [json.loads(line) for line in said.out.splitlines()]
    assert [one["event"] for one in found] == ["start", *["plan"] * 5, "forecast"]
    assert found[1]["action"] == "write"
    assert found[-1]["write"] == 5
    assert said.err == ""


def outcome(call, *arguments):
    """The reason of a failure; "" without one."""
    try:
        call(*arguments)
    except PictureError as error:
        return str(error)
    return ""


@pytest.mark.filterwarnings("ignore")
def test_no_public_picture_is_refused_by_its_header_but_read(pillow_pictures):
    refused = 0
    for path in sorted(pillow_pictures.rglob("*")):
        if path.suffix.lower() not in images.PICTURE_SUFFIXES or path.is_dir():
            continue
        with path.open("rb") as file:
            told = outcome(images.require_promising, file, path.suffix, 179)
        if told:
            assert told == outcome(images.read, path.read_bytes(), path.suffix, 179), (
                path
            )
            refused += 1
    assert refused > 100
