"""The plan of a folder job: what goes where, and what is refused before any work."""

import io
import os
import subprocess
import unicodedata
import warnings
from pathlib import Path

import pytest
from PIL import Image

from conftest import photo
from msrnet_cli.config import WriteOptions
from msrnet_cli.errors import NothingDoneError, UsageError
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.search import NothingFoundError
from msrnet_cli.folder.targets import Read


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("in/a.png", "in/sub/b.png", "in/sub/deep/c.png"):
        save(tmp_path / name)
    return tmp_path


def save(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    photo(8, 6, seed).save(path, path.suffix[1:].replace("jpg", "jpeg"))
    return path


def outputs(inputs, output="out", lists=None, **options):
    plan = make_plan(inputs, output, FolderOptions(**options), lists)
    return [job.target.as_posix() for job in plan.jobs]


def test_a_folder_is_flat_unless_asked(tree):
    assert outputs(["in"]) == ["out/a.png"]


def test_the_tree_is_mirrored(tree):
    assert outputs(["in"], recursive=True) == [
        "out/a.png",
        "out/sub/b.png",
        "out/sub/deep/c.png",
    ]


def test_files_folders_and_patterns_mix(tree):
    assert outputs(["in/a.png", "in/sub"]) == ["out/a.png", "out/b.png"]
    assert outputs(["in/**/*.png"]) == outputs(["in"], recursive=True)
    assert outputs(["in/*.png"]) == ["out/a.png"]


def test_a_file_named_twice_is_one_picture(tree):
    assert outputs(["in/a.png", "in", "in/*.png"]) == ["out/a.png"]


def test_one_file_to_one_file(tree):
    plan = make_plan(["in/a.png"], "result.jpg", FolderOptions())
    assert plan.folder is None
    assert plan.jobs[0].target.name == "result.jpg"


@pytest.mark.parametrize("output", ["new", "new/", "dir.png/"])
def test_one_file_to_a_folder(tree, output):
    assert outputs(["in/a.png"], output) == [f"{output.rstrip('/')}/a.png"]


def test_pixels_are_known_in_advance(tree):
    assert make_plan(["in"], "out", FolderOptions()).jobs[0].pixels == 48


def test_pixels_of_a_large_picture_are_known_in_advance_and_nothing_is_said(tree):
    # Pillow alone warns of so many pixels, or refuses them.
    for name, size in (("large.png", (12_000, 8_000)), ("vast.png", (40_000, 10_000))):
        Image.new("1", size).save(tree / "in" / name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan = make_plan(["in"], "out", FolderOptions())
    assert [job.pixels for job in plan.jobs] == [48, 96_000_000, 400_000_000]


def test_pixels_are_known_where_a_file_tells_them_at_its_end(tree):
    out = io.BytesIO()
    photo(300, 200).save(out, "TIFF")
    data = bytearray(out.getvalue())
    start = int.from_bytes(data[4:8], "little")
    data[4:8] = len(data).to_bytes(4, "little")
    (tree / "in/a.tif").write_bytes(data + data[start:])
    (tree / "in/a.png").unlink()
    assert make_plan(["in"], "out", FolderOptions()).jobs[0].pixels == 60_000


def test_names_follow_the_template_and_the_format(tree):
    assert outputs(["in"], name="{stem}_relit{ext}") == ["out/a_relit.png"]
    write = WriteOptions(format="jpeg")
    assert outputs(["in"], write=write) == ["out/a.jpg"]


def test_a_suffix_that_lies_is_mended(tree):
    (tree / "in/a.png").rename(tree / "in/a.jpg")
    assert outputs(["in"]) == ["out/a.png"]


def test_a_suffix_of_another_case_is_kept(tree):
    (tree / "in/a.png").rename(tree / "in/A.PNG")
    assert outputs(["in"]) == ["out/A.PNG"]


@pytest.mark.parametrize(
    "name",
    [
        "{stem.x}{ext}",
        "{stem!r:>50}{ext}",
        "{stem:.3}{ext}",
        "{0}{ext}",
        "{stem[x]}{ext}",
        "{stem}",
        "x{ext}",
        "{st}{ext}",
        "../{stem}{ext}",
        "{",
    ],
)
def test_templates_that_give_no_name_are_refused(tree, name):
    with pytest.raises(UsageError, match="--name"):
        outputs(["in"], name=name)


def test_a_picture_without_suffix_is_found_by_content(tree):
    (tree / "in/a.png").rename(tree / "in/photo")
    assert outputs(["in"]) == ["out/photo.png"]


def test_what_is_no_picture_is_passed_over_and_counted(tree):
    (tree / "in/notes.txt").write_text("hello")
    (tree / "in/.hidden.png").write_bytes(b"")
    (tree / "in/desktop.ini").write_text("")
    os.mkfifo(tree / "in/pipe.png")
    os.symlink("a.png", tree / "in/link.png")
    plan = make_plan(["in"], "out", FolderOptions())
    assert [job.target.name for job in plan.jobs] == ["a.png"]
    reasons = {os.path.basename(i.path): i.reason for i in plan.ignored}
    assert reasons == {
        "notes.txt": "not a picture",
        ".hidden.png": "hidden",
        "desktop.ini": "hidden",
        "pipe.png": "not a regular file",
        "link.png": "symbolic link",
        "sub": "subfolder",
    }


def test_a_name_that_promises_a_picture_is_never_passed_over(tree):
    for name in ("broken.jpg", "photo.heic", "raw.NEF"):
        (tree / "in" / name).write_bytes(b"not really")
    assert len(outputs(["in"])) == 4


def test_the_output_folder_inside_the_input_is_not_read(tree):
    save(tree / "in/out/a.png")
    assert outputs(["in"], "in/out", recursive=True) == [
        "in/out/a.png",
        "in/out/sub/b.png",
        "in/out/sub/deep/c.png",
    ]


# --- what cannot be read ------------------------------------------------------------


def faults(inputs, **options):
    plan = make_plan(inputs, "out", FolderOptions(recursive=True, **options))
    return {fault.path: fault.reason for fault in plan.faults}


def denying(monkeypatch, name):
    """Root may read everything: the system's refusal is stood in for."""
    scandir = os.scandir

    def refuse(path="."):
        if os.path.basename(os.path.normpath(path)) == name:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)


@pytest.mark.parametrize("pattern", ["in", "in/**/*.png", "in/*/*", "i*"])
def test_a_subfolder_that_cannot_be_read_is_a_fault(tree, monkeypatch, pattern):
    save(tree / "in/other/z.png")
    denying(monkeypatch, "sub")
    found = faults([pattern])
    assert found == {"in/sub": "cannot be read: Permission denied"}


def test_the_listing_of_a_fault_reads_the_subfolder_to_the_same_place(
    tree, monkeypatch
):
    with monkeypatch.context() as patch:
        denying(patch, "deep")
        (fault,) = make_plan(["in"], "out", FolderOptions(recursive=True)).faults
    (tree / "list").write_text(fault.listing)
    assert outputs([], lists="list") == ["out/sub/deep/c.png"]


def test_a_named_folder_that_cannot_be_read_is_refused(tree, monkeypatch):
    denying(monkeypatch, "in")
    refused("in cannot be read: Permission denied", ["in"])


def test_nothing_but_faults_is_a_plan_of_failures(tree, monkeypatch):
    (tree / "in/a.png").unlink()
    denying(monkeypatch, "sub")
    plan = make_plan(["in"], "out", FolderOptions(recursive=True))
    assert not plan.jobs
    assert [fault.path for fault in plan.faults] == ["in/sub"]
    assert (plan.place, plan.output) == (Path("out"), Path("out"))


@pytest.fixture
def dig(tree):
    """Folders inside each other, below in/; pytest cannot remove as many."""

    def make(name, count):
        os.chdir("in")
        for _ in range(count):
            os.mkdir(name)
            os.chdir(name)
        photo(8, 6).save("x.png")
        os.chdir(tree)

    yield make
    subprocess.run(["rm", "-rf", tree / "in"], check=True)


def test_a_tree_deeper_than_a_path_can_be_is_a_fault_and_the_rest_is_found(dig):
    dig("d" * 200, 25)
    plan = make_plan(["in"], "out", FolderOptions(recursive=True))
    assert len(plan.jobs) == 3
    (fault,) = plan.faults
    assert "too long" in fault.reason


def test_a_tree_of_a_thousand_folders_inside_each_other_is_walked(dig):
    dig("d", 1100)
    plan = make_plan(["in"], "out", FolderOptions(recursive=True))
    assert len(plan.jobs) == 4


def test_an_output_path_too_long_costs_that_picture_alone(tree):
    inner = "/".join(["d" * 200] * 19)
    save(tree / "in" / inner / "x.png")
    output = "/".join(["o" * 200] * 3)
    plan = make_plan(["in"], output, FolderOptions(recursive=True))
    assert len(plan.jobs) == 3
    (fault,) = plan.faults
    assert "too long for a path" in fault.reason


def test_what_cannot_be_opened_counts_by_its_name(tree, monkeypatch):
    for name in ("scan", "locked.png", "notes.txt"):
        (tree / "in" / name).write_bytes(b"")
    real = os.open

    def refuse(path, *rest, **more):
        if os.path.basename(path) in ("scan", "locked.png", "notes.txt"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    plan = make_plan(["in"], "out", FolderOptions())
    assert [job.source.name for job in plan.jobs] == ["a.png", "locked.png"]
    assert [fault.path for fault in plan.faults] == ["in/scan"]
    reasons = {entry.path: entry.reason for entry in plan.ignored}
    assert reasons["in/notes.txt"] == "cannot be read, and is not named as a picture"


# --- lists -----------------------------------------------------------------------


def listed(tree, *lines):
    (tree / "list.txt").write_text("\n".join(lines) + "\n")
    return outputs([], lists="list.txt")


def test_a_list_mirrors_relative_paths(tree):
    assert listed(tree, "in/a.png", "", "# note", "in/sub/b.png") == [
        "out/in/a.png",
        "out/in/sub/b.png",
    ]


def test_a_mark_in_a_list_says_where_the_tree_begins(tree):
    assert listed(tree, f"{tree}/in/./sub/b.png") == ["out/sub/b.png"]
    assert listed(tree, f"{tree}/in/sub/b.png") == ["out/b.png"]


def test_the_listing_of_every_job_leads_to_the_same_target(tree):
    plan = make_plan(["in"], "out", FolderOptions(recursive=True))
    again = listed(tree, *(job.listing for job in plan.jobs))
    assert again == [job.target.as_posix() for job in plan.jobs]


def test_a_list_may_be_separated_by_nul(tree):
    save(tree / "in/two\nlines.png")
    (tree / "list").write_bytes(b"in/a.png\0in/two\nlines.png\0")
    assert outputs([], lists="list") == ["out/in/a.png", "out/in/two\nlines.png"]


def test_a_list_ends_its_lines_with_line_feeds_only(tree):
    save(tree / "in/odd\u2028name.png")
    assert listed(tree, "in/odd\u2028name.png", "in/a.png\r") == [
        "out/in/odd\u2028name.png",
        "out/in/a.png",
    ]


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
        (b"\xff\xfe\0\0", "utf-32-le"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_list_is_read_as_windows_writes_it(tree, mark, encoding, end):
    save(tree / "in/é 夜.png")
    text = end.join(("in/a.png", "in/é 夜.png", ""))
    (tree / "list.txt").write_bytes(mark + text.encode(encoding))
    assert outputs([], lists="list.txt") == ["out/in/a.png", "out/in/é 夜.png"]


def test_names_of_one_letter_separated_by_nul_are_no_utf_16(tree):
    for name in "xyz":
        save(tree / "in/a.png").rename(tree / name)
    (tree / "list").write_bytes(b"x\0y\0z\0")
    assert outputs([], lists="list") == ["out/x.png", "out/y.png", "out/z.png"]


def test_a_folder_of_one_letter_makes_no_names_of_utf_16(tree):
    save(tree / "s/b.png")
    save(tree / "s/c.png")
    (tree / "list").write_bytes("s/b.png\n".encode("utf-16-be"))
    assert outputs([], lists="list") == ["out/s/b.png"]


def test_quotes_and_blanks_around_a_name_are_no_part_of_it_unless_they_are(tree):
    save(tree / "in/a, b.png")
    save(tree / 'in/say "a".png')
    save(tree / "'in'/q.png")
    assert listed(
        tree, '"in/a, b.png"', "'in/a.png'", " in/a.png ", '"in/say ""a"".png"'
    ) == ["out/in/a, b.png", "out/in/a.png", 'out/in/say "a".png']
    assert listed(tree, "'in'/q.png") == ["out/'in'/q.png"]


def test_what_a_list_names_and_is_not_there_is_a_fault(tree):
    os.mkfifo(tree / "pipe.png")
    os.symlink("in/a.png", tree / "link.png")
    lines = ("in/a.png", "gone.png", "pipe.png", "link.png", "ftp://b/x.png")
    (tree / "list").write_text("\n".join(lines))
    plan = make_plan([], "out", FolderOptions(), "list")
    assert [job.target.as_posix() for job in plan.jobs] == ["out/in/a.png"]
    assert {fault.path: fault.reason for fault in plan.faults} == {
        "gone.png": "does not exist",
        "pipe.png": "is not a regular file",
        "link.png": "is a symbolic link",
        "ftp://b/x.png": "is a URL, not a file",
    }


def test_a_list_of_nothing_that_is_there_is_refused(tree):
    with pytest.raises(
        UsageError, match=r"nothing in the list.*one\.png does not exist"
    ):
        listed(tree, "one.png", "two.png")


def test_a_list_may_not_lead_outside(tree):
    save(tree.parent / "x/a.png")
    (tree / "list").write_text("in/../../x/a.png\nin/a.png\n")
    plan = make_plan([], "out", FolderOptions(), "list")
    assert [str(job.target) for job in plan.jobs] == ["out/in/a.png"]
    (fault,) = plan.faults
    assert fault.path == "in/../../x/a.png"
    assert "outside the folder" in fault.reason


# --- refusals --------------------------------------------------------------------


def refused(match, inputs, output="out", **options):
    before = sorted(map(str, os.listdir(".")))
    with pytest.raises(UsageError, match=match):
        outputs(inputs, output, **options)
    assert sorted(map(str, os.listdir("."))) == before


def test_collisions_are_refused_by_name(tree):
    save(tree / "other/a.png")
    refused(r"in/a\.png and other/a\.png", ["in", "other"])
    save(tree / "in/a.jpg")
    refused(r"a\.jpg and in/a\.png", ["in"], write=WriteOptions(format="png"))


@pytest.mark.parametrize(
    ("names", "told_apart"),
    [
        (("b.png", "B.PNG"), (False, True)),
        (("é.png", unicodedata.normalize("NFD", "é.png")), (True, False)),
    ],
)
def test_names_that_the_output_s_file_system_takes_for_one_are_refused(
    tree, monkeypatch, names, told_apart
):
    for name in names:
        Image.new("L", (8, 6)).save(tree / "in" / name, "PNG")
    if not set(names) <= set(os.listdir("in")):
        pytest.skip("this file system takes the two names for one")
    assert {f"out/{name}" for name in names} < set(outputs(["in"]))
    monkeypatch.setattr("msrnet_cli.folder.destination.probe", lambda _: told_apart)
    refused("would both become", ["in"])


def test_a_comparison_may_not_collide_either(tree):
    save(tree / "in/a_compare.jpg")
    refused("would both become", ["in"], compare=True)


def test_input_as_output_is_refused(tree):
    refused("same folder", ["in"], "in")
    refused("same folder", ["in"], "in/../in")
    refused("would overwrite the input", ["in/a.png"], "in")
    refused("would overwrite the input", ["in/a.png"], "in/a.png")


def test_a_mask_as_output_is_refused(tree):
    save(tree / "masks/a.png")
    refused("overwrite the mask", ["in"], "masks", mask="masks", exist="overwrite")
    mask = "masks/a.png"
    refused("overwrite the mask", ["in/a.png"], mask, mask=mask, exist="overwrite")
    os.symlink("masks", tree / "link")
    refused("overwrite the mask", ["in"], "link", mask="masks", exist="overwrite")


def test_the_mask_of_a_picture_that_fails_is_not_overwritten_either(tree):
    save(tree / "in/b_x.jpg")
    photo(9, 9).save(tree / "in/b.png")
    for name in ("a", "b", "b_x"):
        save(tree / f"masks/{name}.jpg")
    refused("overwrite the mask", ["in"], "masks", mask="masks")


@pytest.mark.parametrize("way", ["itself", "hard link", "linked folder"])
def test_no_file_that_is_read_is_an_output(tree, way):
    read = save(tree / "kept/a.png")
    output = "kept"
    if way == "hard link":
        (tree / "out").mkdir()
        os.link(read, tree / "out/a.png")
        output = "out"
    elif way == "linked folder":
        os.symlink("kept", tree / "link")
        output = "link"
    reads = [Read("picture of --like", read)]
    with pytest.raises(
        UsageError, match=r"would overwrite the picture of --like .*kept"
    ):
        make_plan(["in"], output, FolderOptions(exist="overwrite"), reads=reads)


def test_the_list_of_inputs_is_not_overwritten(tree):
    (tree / "out").mkdir()
    (tree / "out/a.png").write_text(f"{tree}/in/a.png\n")
    refused("overwrite the list", [], lists="out/a.png", exist="overwrite")


def test_a_file_that_is_read_and_is_not_there_does_no_harm(tree):
    reads = [Read("file of your looks", tree / "gone/looks.toml")]
    assert make_plan(["in"], "out", FolderOptions(), reads=reads).jobs


def test_a_folder_is_not_named_as_a_picture_by_mistake(tree):
    save(tree / "in/b.png")
    refused("named as a picture", ["in/a.png", "in/b.png"], "out.jpg")
    refused("named as a picture", ["in"], "out.png")
    assert outputs(["in/a.png"], "out.jpg/") == ["out.jpg/a.png"]
    (tree / "old.jpg").mkdir()
    assert outputs(["in/a.png"], "old.jpg") == ["old.jpg/a.png"]


def test_an_existing_output_can_be_an_error(tree):
    save(tree / "out/a.png")
    refused("exists", ["in"], exist="error")
    save(tree / "one.png")
    refused("exists", ["in/a.png"], "one.png", exist="error")
    assert outputs(["in/a.png"], "one.png") == ["one.png"]


def test_links_that_lead_out_of_the_output_folder_are_refused(tree):
    (tree / "elsewhere").mkdir()
    (tree / "out").mkdir()
    os.symlink(tree / "elsewhere", tree / "out/sub")
    refused("outside the output folder", ["in"], recursive=True)
    os.remove(tree / "out/sub")
    os.symlink(tree / "elsewhere/x.png", tree / "out/a.png")
    refused("symbolic link", ["in"])


def test_special_files_named_outright_are_refused(tree):
    os.mkfifo(tree / "pipe")
    os.symlink("in/a.png", tree / "link.png")
    refused("not a regular file", ["pipe"])
    refused("symbolic link", ["link.png"])
    refused("not a regular file", ["/dev/null"])
    refused("does not exist", ["nothing.png"])
    refused("matches nothing", ["in/*.nothing"])
    (tree / "taken/a.png").mkdir(parents=True)
    refused("not a regular file", ["in"], "taken")


@pytest.mark.parametrize("output", ["x.jpg", "out"])
def test_an_input_that_is_not_there_is_told_first(tree, output):
    os.mkfifo(tree / "pipe.png")
    refused("nothere.jpg does not exist", ["nothere.jpg"], output)
    refused("nothere.jpg does not exist", ["in/a.png", "nothere.jpg"], output)
    refused("URL.*download", ["http://example.com/a.jpg"], output)
    refused("pipe.png is not a regular file; pipe it through -", ["pipe.png"], output)


def test_the_other_end_of_a_pipe_is_no_link(tree):
    reading, writing = os.pipe()
    try:
        refused("not a regular file; pipe it through -", [f"/dev/fd/{reading}"])
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("output", ["ftp://bucket/x", "https://e.org/x.png"])
def test_a_url_is_no_output(tree, output):
    refused("is a URL", ["in/a.png"], output)


@pytest.mark.parametrize("output", ["out", "new/deep", "x.png", "new/x.png"])
@pytest.mark.parametrize("step", ["os.open", "os.fsync", "pathlib.Path.replace"])
def test_an_output_that_takes_no_file_is_refused_before_any_work(
    tree, monkeypatch, output, step
):
    real = os.open

    def fail(*arguments, **more):
        if step == "os.open" and not arguments[1] & os.O_CREAT:
            return real(*arguments, **more)
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        refused("nothing can be written to", ["in/a.png"], output)


def test_a_subfolder_of_the_output_that_takes_no_file_is_refused(tree, monkeypatch):
    (tree / "out/sub").mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda path, _: path.name != "sub")
    refused("nothing can be written to out/sub", ["in"], recursive=True)
    assert outputs(["in"]) == ["out/a.png"]


def test_a_plan_leaves_no_trace(tree):
    before = sorted(tree.rglob("*"))
    outputs(["in"], "new/deep", recursive=True)
    assert sorted(tree.rglob("*")) == before


def test_a_format_against_the_name_is_refused(tree):
    refused(
        "does not end like", ["in/a.png"], "x.png", write=WriteOptions(format="jpeg")
    )


def test_an_output_that_is_a_file_is_refused(tree):
    (tree / "plain").write_text("")
    refused("is a file", ["in"], "plain")


@pytest.mark.parametrize("output", ["relit.jxl", "relit.jp2", "relit.nef"])
def test_an_output_format_that_is_not_written_is_refused(tree, output):
    refused("not written", ["in/a.png"], output)


def test_names_too_long_are_refused_before_any_work(tree):
    save(tree / "in" / ("n" * 240 + ".png"))
    refused("too long", ["in"], name="{stem}_relit_at_night{ext}")
    refused("too long", ["in"], compare=True, name="{stem}_at_night{ext}")
    refused("name too long|check the path", ["x" * 300])
    refused("name too long|check the path", ["in/a.png"], "x" * 300)


def test_names_may_be_as_long_as_file_systems_take(tree):
    save(tree / "in" / ("n" * 240 + ".png"))
    (longest,) = outputs(["in/n*"], name="{stem}" + "x" * 11 + "{ext}")
    assert len(longest.rpartition("/")[2]) == 255
    refused("too long", ["in/n*"], name="{stem}" + "x" * 12 + "{ext}")


def test_a_pattern_does_not_find_its_own_output(tree):
    save(tree / "in/out/sub/b.png")
    assert outputs(["in/**/*.png"], "in/out") == [
        "in/out/a.png",
        "in/out/sub/b.png",
        "in/out/sub/deep/c.png",
    ]


def test_an_existing_comparison_counts_as_an_output(tree):
    save(tree / "out/a_compare.jpg")
    refused("exists", ["in"], exist="error", compare=True)


def test_an_empty_folder_is_nothing_done(tree):
    (tree / "empty/sub").mkdir(parents=True)
    with pytest.raises(NothingFoundError, match="recursive"):
        outputs(["empty"])


def test_where_no_picture_is_found_what_was_passed_over_is_known(tree):
    (tree / "links").mkdir()
    for name in ("a.png", "b.png"):
        os.symlink("../in/a.png", f"links/{name}")
    with pytest.raises(NothingFoundError) as caught:
        outputs(["links"])
    assert str(caught.value) == (
        "no picture found, passed over: symbolic link (2);"
        " check the paths, name the files that links lead to"
    )
    assert caught.value.exit_code == NothingDoneError.exit_code
    assert [one.path for one in caught.value.ignored] == ["links/a.png", "links/b.png"]
