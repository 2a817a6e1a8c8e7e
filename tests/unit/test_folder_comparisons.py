"""Comparisons beside pictures never show another state than the picture is in."""

import io
import os
from pathlib import Path

import pytest

from conftest import encoded, photo
from msrnet_cli.folder.events import FileDone
from msrnet_cli.folder.foresight import foresee
from msrnet_cli.folder.job import relight_folder
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.relights import FakeRelighter
from msrnet_cli.folder.stream import relight_stream


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "in/sub").mkdir(parents=True)
    for index, name in enumerate(("a", "sub/b")):
        photo(20, 10, index).save(f"in/{name}.png")
    return tmp_path


def planned(output="out", light="W", **options):
    relighter = FakeRelighter()
    relighter.light_recipe = {"to": light}
    options = FolderOptions(recursive=True, **options)
    told = []
    foresee(
        make_plan(["in"], output, options, dry=True), relighter, options, told.append
    )
    return told[1:-1]


def relit(output="out", inputs=("in",), light="W", is_fan=False, **options):
    relighter = FakeRelighter(gain={"W": 0.9, "E": 0.5}[light])
    relighter.light_recipe = {"to": light}
    options = FolderOptions(recursive=True, **options)
    plan = make_plan(list(inputs), output, options, is_fan=is_fan)
    told = []
    relight_folder(plan, relighter, options, told.append)
    return [one for one in told if isinstance(one, FileDone)]


def compared(folder="out"):
    return sorted(str(path) for path in Path(folder).rglob("*_compare.jpg"))


@pytest.mark.parametrize("exist", ["skip", "overwrite"])
def test_a_picture_made_anew_leaves_no_comparison_of_an_older_state(pictures, exist):
    relit(compare=True)
    assert compared() == ["out/a_compare.jpg", "out/sub/b_compare.jpg"]
    foreseen = planned(light="E", exist=exist)
    assert [one.removes for one in foreseen] == [(name,) for name in compared()]
    assert not any(one.removes for one in planned(exist=exist))
    assert not any(one.removes for one in planned(light="E", compare=True))
    events = relit(light="E", exist=exist)
    assert compared() == []
    assert [one.status for one in events] == ["relit", "relit"]
    assert events[0].notes == (
        "removed out/a_compare.jpg, which showed an older result",
    )
    assert {one.notes for one in relit(light="E")} == {()}


def test_a_comparison_of_the_same_state_stays_and_remakes_nothing(pictures):
    relit(compare=True)
    assert {one.status for one in relit()} == {"skipped"}
    assert len(compared()) == 2
    relit(exist="overwrite")
    assert len(compared()) == 2
    os.remove("out/a_compare.jpg")
    again = relit(compare=True)
    assert {(one.input, one.status, one.anew) for one in again} == {
        ("in/a.png", "relit", False),
        ("in/sub/b.png", "skipped", False),
    }


def test_a_comparison_that_was_left_behind_goes_with_the_next_run(pictures):
    relit(compare=True)
    kept = Path("out/a_compare.jpg").read_bytes()
    relit(light="E")
    Path("out/a_compare.jpg").write_bytes(kept)  # as after a kill
    (first, second) = relit(light="E")
    assert (first.status, second.status) == ("skipped", "skipped")
    assert first.notes
    assert compared() == []


def test_files_of_users_that_look_like_comparisons_stay(pictures):
    relit(compare=True)
    Path("out/a_compare.jpg").write_bytes(b"mine")  # changed since
    photo(20, 10, 5).save("in/c.png")
    photo(20, 10, 6).save("in/c_compare.jpg")  # a picture of its own
    relit(inputs=["in/c.png", "in/c_compare.jpg"])
    for light in ("E", "W", "E"):
        relit(inputs=["in/a.png", "in/c.png"], light=light)
    assert Path("out/a_compare.jpg").read_bytes() == b"mine"
    assert compared() == [
        "out/a_compare.jpg",
        "out/c_compare.jpg",
        "out/sub/b_compare.jpg",
    ]


def test_a_single_picture_leaves_no_older_comparison_either(pictures):
    relit("x.png", ["in/a.png"], compare=True)
    relit("x.png", ["in/a.png"], light="E")
    assert compared(".") == []


def test_a_fan_leaves_no_older_comparisons(pictures):
    relit(is_fan=True, compare=True)
    assert len(compared()) == 16
    relit(is_fan=True, light="E")
    assert compared() == []
    assert len(list(Path("out/a").iterdir())) == 10


class Standard:
    """A standard stream with bytes in it."""

    def __init__(self, data):
        self.buffer = io.BytesIO(data)


def test_a_picture_through_a_pipe_leaves_no_older_comparison(pictures, monkeypatch):
    relit("x.png", ["in/a.png"], compare=True)
    monkeypatch.setattr("sys.stdin", Standard(encoded(photo(20, 10, 7))))
    options = FolderOptions(exist="overwrite")
    told = []
    relight_stream("-", "x.png", FakeRelighter, options, told.append)
    note = "removed x_compare.jpg, which showed an older result"
    assert told[1].notes == (note,)
    assert compared(".") == []
