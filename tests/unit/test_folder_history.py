"""What a journal tells afterwards, and where the page of a job may lie."""

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from conftest import photo
from msrnet_cli.errors import UsageError
from msrnet_cli.files import Folder
from msrnet_cli.folder import history
from msrnet_cli.folder.about import About, about_of
from msrnet_cli.folder.job import relight_folder
from msrnet_cli.folder.journal import Journal
from msrnet_cli.folder.known import Entry, digest
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.relights import FakeRelighter
from msrnet_cli.folder.tails import NAME
from msrnet_cli.folder.targets import Read, Reads
from msrnet_cli.pages.place import MOST_WHOLE, Page, require_page, results_of

ABOUT = About("../in/a.png", "from W, 3200 K", "lightstage", "ab" * 32, 1.5, ("note",))


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for index, name in enumerate(("a.png", "sub/b.png")):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        photo(24, 16, seed=index).save(tmp_path / "in" / name)
    return tmp_path


def relit(*, gain=0.5, is_fan=False, **options):
    options = FolderOptions(recursive=True, **options)
    plan = make_plan(["in"], "out", options, is_fan=is_fan)
    fake = FakeRelighter(gain=gain)
    fake.to_light, fake.digest = "4500_E", "cd" * 32
    relight_folder(plan, fake, options, lambda _: None, "fake")
    return plan


def states(found):
    return {one.output: one.state for one in found.results}


# --- lines of the journal ------------------------------------------------------------


def test_what_is_told_stands_in_a_line_that_older_versions_pass_over(tmp_path):
    """They take a line with keys that they do not know for none at all."""
    journal = Journal(Folder(tmp_path))
    journal.add(Entry("a.png", "made", "source", "recipe"), ABOUT)
    entry, about = map(json.loads, (tmp_path / NAME).read_text().splitlines())
    assert set(entry) == {"v", "output", "made", "source", "recipe"}
    assert not {"made", "source"} & set(about)
    assert about_of(json.dumps(about).encode()) == (("a.png", "made"), ABOUT)
    assert about_of(json.dumps(entry).encode()) is None


def test_a_line_torn_between_the_two_loses_what_is_told_alone(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"result")
    Journal(Folder(tmp_path)).add(Entry("a.png", digest(b"result"), "s", "r"), ABOUT)
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole[:-20])
    journal = Journal(Folder(tmp_path))
    assert journal.standing("a.png", path, "s", ("r",)) == "same"
    journal.add(Entry("b.png", "made", "s", "r"))
    found = history.read(tmp_path)
    assert states(found) == {"a.png": "there", "b.png": "missing"}
    assert found.results[0].light == ""


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{", b"[]", b"1", b'"about"', b'{"about": "x"}',
        b'{"v": 1, "output": "a", "about": 3}',
        b'{"v": 2, "output": "a", "about": "b"}',
    ],
)  # fmt: skip
def test_a_line_that_tells_nothing_is_passed_over(line):
    assert about_of(line) is None


def test_values_of_other_types_are_left_out():
    fields = {"v": 1, "output": "a", "about": "b", "light": 3, "seconds": "x"}
    fields |= {"notes": "no list", "weights": "w", "further": {}}
    assert about_of(json.dumps(fields).encode()) == (("a", "b"), About(weights="w"))


# --- an output folder afterwards -----------------------------------------------------


def test_a_folder_tells_what_is_there_and_how_it_was_made(tree):
    relit()
    found = history.read(Path("out"))
    assert states(found) == {"a.png": "there", "sub/b.png": "there"}
    assert (found.there, found.missing, found.changed) == (2, 0, 0)
    (recipe,) = found.recipes
    assert (recipe.results, recipe.light) == (2, "4500 K from the right (E)")
    assert (recipe.weights, recipe.weights_sha256) == ("fake", "cd" * 32)
    for one, name in zip(found.results, ("a.png", "sub/b.png"), strict=True):
        assert Path(one.input) == tree.resolve() / "in" / name
        assert one.source_sha256 == digest((tree / "in" / name).read_bytes())
        assert 0 <= one.seconds < 60


def test_missing_and_changed_results_are_told_apart(tree):
    relit()
    (tree / "out/a.png").unlink()
    (tree / "out/sub/b.png").write_bytes(b"retouched")
    found = history.read(tree / "out")
    assert states(found) == {"a.png": "missing", "sub/b.png": "changed"}


def test_of_several_states_the_one_that_is_there_is_told(tree):
    relit(gain=0.5)
    first = (tree / "out/a.png").read_bytes()
    relit(gain=0.25, exist="overwrite")
    (tree / "out/a.png").write_bytes(first)
    assert states(history.read(tree / "out"))["a.png"] == "there"


def test_input_and_output_are_moved_together(tree):
    relit()
    (tree / "there").mkdir()
    for name in ("in", "out"):
        shutil.move(name, f"there/{name}")
    found = history.read(Path("there/out"))
    assert all(Path(one.input).is_file() for one in found.results)


def test_a_path_holds_though_links_lead_to_the_folders(tree):
    (tree / "far/away").mkdir(parents=True)
    (tree / "out").symlink_to(tree / "far/away")
    relit()
    assert all(Path(one.input).is_file() for one in history.read(tree / "out").results)


@pytest.mark.parametrize("is_old", [False, True])
@pytest.mark.parametrize("is_fan", [False, True])
def test_what_stands_beside_results_is_none(tree, is_old, is_fan):
    plan = relit(compare=True, is_fan=is_fan)
    if is_old:  # as older versions wrote it
        journal = tree / "out" / NAME
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(line for line in lines if b"about" not in line))
    wanted = {name for job in plan.jobs for name, _ in results_of(job)}
    assert len(wanted) == (16 if is_fan else 2)
    found = history.read(tree / "out")
    assert set(states(found)) == wanted
    assert all(bool(one.input) != is_old for one in found.results)


def test_failures_have_reason_and_remedy(tree):
    (tree / "in/no\npicture.jpg").write_bytes(b"not at all")
    relit()
    (failure,) = history.read(tree / "out").failures
    assert failure.input == str(tree / "in/no\npicture.jpg")
    assert "; convert it" in failure.reason
    theirs = "my own list\n/a/b.jpg\n"
    (tree / "out/failures.txt").write_text(theirs)
    assert history.read(tree / "out").failures == ()


def test_originals_are_found_by_what_they_hold(tree):
    relit()
    shutil.move("in", "elsewhere")
    os.rename("elsewhere/a.png", "elsewhere/renamed.png")
    wanted = {one.source_sha256 for one in history.read(tree / "out").results}
    found = history.by_content(Path("elsewhere"), wanted)
    names = {path.as_posix() for path in found.values()}
    assert names == {"elsewhere/renamed.png", "elsewhere/sub/b.png"}
    with pytest.raises(UsageError, match="does not exist"):
        history.by_content(Path("in"), wanted)


@pytest.mark.parametrize(
    ("place", "match"),
    [("nowhere", "does not exist"), ("in/a.png", "not a folder"), ("in", "no journal")],
)
def test_a_folder_without_a_journal_is_refused(tree, place, match):
    with pytest.raises(UsageError, match=match):
        history.read(Path(place))


def test_a_single_picture_beside_a_journal_is_told_too(tree):
    relit()
    plan = make_plan(["in/a.png"], "out/c.png", FolderOptions())
    relight_folder(plan, FakeRelighter(), FolderOptions(), lambda _: None, "other")
    one = next(r for r in history.read(tree / "out").results if r.output == "c.png")
    assert (one.weights, Path(one.input).name) == ("other", "a.png")


# --- where a page may lie ------------------------------------------------------------


def guard(page, plan, *reads):
    require_page(Page.named("--report", page), plan, None, reads)


def many(tree):
    """More pictures than a page holds itself."""
    data = (tree / "in/a.png").read_bytes()
    for index in range(MOST_WHOLE + 1):
        (tree / f"in/{index:02}.png").write_bytes(data)


def test_a_page_goes_beside_the_folders_or_into_the_output(tree):
    plan = make_plan(["in"], "out", FolderOptions(recursive=True))
    for page in ("page.html", "out/page.htm", "new/folder/page.HTML", "in/page.html"):
        guard(page, plan)
    assert not (tree / "new").exists()


@pytest.mark.parametrize(
    ("page", "match"),
    [
        ("page.png", "must end in .html"),
        ("https://host/page.html", "URL"),
        ("in/picture.html", "overwrite the input"),
        ("link.html", "overwrite the weights"),
        ("lost.html", "symbolic link"),
        ("folder.html", "not a regular file"),
        ("theirs.html", "not a page that msrnet made"),
        ("in/a.png/page.html", "nothing can be written"),
        (f"{'n' * 250}.html", "too long"),
    ],
)
def test_a_page_that_would_do_harm_is_refused(tree, page, match):
    shutil.copy("in/a.png", "in/picture.html")  # found by its content
    (tree / "w.safetensors").write_bytes(b"w")
    os.link("w.safetensors", "link.html")
    (tree / "lost.html").symlink_to("nothing")
    (tree / "folder.html").mkdir()
    (tree / "theirs.html").write_text("<h1>my page</h1>")
    plan = make_plan(["in"], "out", FolderOptions(recursive=True))
    before = sorted(tree.rglob("*"))
    with pytest.raises(UsageError, match=match) as refused:
        guard(page, plan, Read("weights", tree / "w.safetensors"))
    assert refused.value.remedy
    assert sorted(tree.rglob("*")) == before
    assert (tree / "theirs.html").read_text() == "<h1>my page</h1>"


def test_many_pictures_beside_a_page_are_kept_from_the_others(tree):
    many(tree)
    plan = make_plan(["in"], "out", FolderOptions(recursive=True))
    guard("in/page.html", plan)
    guard("out/page.html", plan)
    (tree / "mixed_files").mkdir()
    (tree / "mixed_files" / f"msrnet-{'0' * 24}.jpg").write_bytes(b"a preview")
    guard("mixed.html", plan)
    (tree / "mixed_files" / "mine.jpg").write_bytes(b"somebody's")
    with pytest.raises(UsageError, match="among others"):
        guard("mixed.html", plan)
    (tree / "in").rename("in_files")
    plan = make_plan(["in_files"], "out", FolderOptions())
    with pytest.raises(UsageError, match="among others"):
        guard("in.html", plan)
    (tree / "x_files").write_text("a file")
    with pytest.raises(UsageError, match="something else"):
        guard("x.html", plan)


def test_previews_of_a_page_are_no_inputs(tree):
    options = FolderOptions(recursive=True)
    before = [job.source for job in make_plan(["in"], "out", options).jobs]
    (tree / "in" / "page_files").mkdir()
    for place in ("in", "in/page_files"):
        shutil.copy("in/a.png", f"{place}/msrnet-{'0a' * 12}.jpg")
    plan = make_plan(["in"], "out", options)
    assert [job.source for job in plan.jobs] == before
    assert [one.reason for one in plan.ignored] == ["preview of a page"] * 2


def test_a_file_that_must_stay_is_named(tree):
    with pytest.raises(UsageError, match="overwrite the result"):
        Page("--html", Path("x.html")).require_place(
            Reads([Read("result", Path("x.html"))])
        )


def test_records_of_a_folder_are_plain_values(tree):
    relit()
    json.dumps(asdict(history.read(tree / "out")))
