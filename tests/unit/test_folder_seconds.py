"""Second pictures in a folder job: which picture has which, and when it counts."""

import io

import pytest

from conftest import encoded, photo, picture_at
from msrnet_cli.errors import UsageError
from msrnet_cli.folder.events import FileDone
from msrnet_cli.folder.foresight import foresee
from msrnet_cli.folder.job import relight_folder
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.relights import FakeRelighter
from msrnet_cli.folder.stream import relight_stream
from msrnet_cli.images.pixels import to_tensor

SIZE = (20, 10)


class Two(FakeRelighter):
    """Gives the mean of two pictures."""

    sees_two = True


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for folder in ("in/sub", "second/sub"):
        (tmp_path / folder).mkdir(parents=True)
    for index, name in enumerate(("a", "b", "sub/c")):
        photo(*SIZE, index).save(f"in/{name}.png")
        photo(*SIZE, index + 10).save(f"second/{name}.png")
    return tmp_path


def planned(inputs=("in",), output="out", second="second", **options):
    options = FolderOptions(**({"recursive": True, "second": second} | options))
    return make_plan(list(inputs), output, options), options


def done(*arguments, relighter=None, **options):
    plan, options = planned(*arguments, **options)
    told = []
    relight_folder(plan, relighter or Two(), options, told.append)
    return {one.input: one for one in told if isinstance(one, FileDone)}


def off(result, *sources):
    """How far a picture is from the mean of others."""
    found = to_tensor(picture_at(result)).float()
    mean = sum(to_tensor(picture_at(source)).float() for source in sources) / 2
    return (found - mean).abs().max()


def test_each_picture_meets_the_second_one_of_its_stem(tree):
    assert {one.status for one in done().values()} == {"relit"}
    for name in ("a", "b", "sub/c"):
        assert off(f"out/{name}.png", f"in/{name}.png", f"second/{name}.png") <= 1


def test_it_may_be_of_another_format_and_depth(tree):
    picture_at("second/a.png").save("second/a.tiff")
    (tree / "second/a.png").unlink()
    done(["in/a.png"], "a.png", second="second/a.tiff")
    assert off("a.png", "in/a.png", "second/a.tiff") <= 1


def test_pictures_without_a_fitting_second_one_fail_alone(tree):
    (tree / "second/a.png").unlink()
    photo(8, 8).save("second/b.png")
    found = done()
    assert found["in/a.png"].reason.startswith("has no second picture: there is no")
    assert "second/b.png is 8x8, the picture 20x10" in found["in/b.png"].reason
    assert found["in/sub/c.png"].status == "relit"


def test_a_second_picture_that_is_broken_fails_alone(tree):
    (tree / "second/a.png").write_bytes(b"no picture")
    found = done()
    assert found["in/a.png"].reason.startswith("its second picture second/a.png: ")
    assert sorted(one.status for one in found.values()) == ["failed", "relit", "relit"]


def test_results_are_made_anew_where_the_second_picture_changed(tree):
    done()
    photo(*SIZE, 99).save("second/b.png")
    plan, options = planned()
    forecast = foresee(plan, Two(), options, lambda _: None)
    assert (forecast.anew, forecast.skip) == (1, 2)
    found = done()
    assert [one.status for one in found.values()].count("skipped") == 2
    assert off("out/b.png", "in/b.png", "second/b.png") <= 1


def test_second_pictures_below_the_folder_of_pictures_are_not_relit(tree):
    (tree / "second").rename(tree / "in/second")
    plan, _ = planned(second="in/second")
    assert {job.source.name for job in plan.jobs} == {"a.png", "b.png", "c.png"}
    assert {one.reason for one in plan.ignored} == {"a second picture"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"second": "nowhere"}, "--second nowhere does not exist"),
        ({"second": "in"}, "--second in is also the folder of the pictures"),
        ({"second": "second/a.png"}, "is one file for 3 pictures"),
    ],
)
def test_second_pictures_that_cannot_be_told_apart_are_refused(tree, arguments, told):
    with pytest.raises(UsageError, match=told):
        planned(**arguments)


@pytest.mark.parametrize(
    ("relighter", "second", "told"),
    [
        (Two(), None, "see two pictures of each scene.* --second DIR"),
        (FakeRelighter(), "second", "--second second.*, and these weights see one"),
    ],
)
def test_second_pictures_and_weights_must_agree(tree, relighter, second, told):
    plan, options = planned(second=second)
    for job in (relight_folder, foresee):
        with pytest.raises(UsageError, match=told):
            job(plan, relighter, options, lambda _: None)
    assert not list(tree.glob("out/*.png"))
    options = FolderOptions(second=second and "second/a.png")
    with pytest.raises(UsageError, match=told):
        relight_stream("in/a.png", "one.png", lambda: relighter, options, print)


@pytest.fixture
def stream(monkeypatch):
    """Relights one picture from standard input; gives what is told of it."""

    def relight(target, second):
        data = io.BytesIO(encoded(picture_at("in/a.png")))
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(data))
        told = []
        relight_stream("-", target, Two, FolderOptions(second=second), told.append)
        return told[1]

    return relight


def test_a_pipe_takes_a_second_picture(tree, stream):
    stream("a.png", "second/a.png")
    assert off("a.png", "in/a.png", "second/a.png") <= 1
    assert stream("a.png", "second/a.png").status == "skipped"
    assert "made anew" in stream("a.png", "second/b.png").notes[-1]
    assert off("a.png", "in/a.png", "second/b.png") <= 1


def test_a_pipe_refuses_a_folder_and_another_size(tree, stream):
    with pytest.raises(UsageError, match="--second second is a folder"):
        stream("a.png", "second")
    photo(8, 8).save("small.png")
    failed = stream("a.png", "small.png")
    assert "small.png is 8x8, the picture 20x10" in failed.reason
