"""The plan of a folder job: what goes where, and what is refused before any work."""

import io
import os
import unicodedata
import warnings

import pytest
from PIL import Image

from conftest import photo
from msrnet_cli.config import FolderOptions, WriteOptions
from msrnet_cli.errors import NothingDoneError, UsageError
from msrnet_cli.folder.plan import make_plan


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
        "pipe.png": "no regular file",
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


def test_a_list_may_not_lead_outside(tree):
    with pytest.raises(UsageError, match="outside"):
        listed(tree, "in/../../x/a.png" if save(tree.parent / "x/a.png") else "")


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


def test_collisions_by_case_and_unicode_form_are_refused(tree):
    save(tree / "in/A.PNG")
    refused("would both become", ["in"])
    (tree / "in/A.PNG").unlink()
    name = "é.png"
    save(tree / "in" / unicodedata.normalize("NFC", name))
    save(tree / "in" / unicodedata.normalize("NFD", name))
    refused("would both become", ["in"])


def test_a_comparison_may_not_collide_either(tree):
    save(tree / "in/a_compare.jpg")
    refused("would both become", ["in"], compare=True)


def test_input_as_output_is_refused(tree):
    refused("same folder", ["in"], "in")
    refused("same folder", ["in"], "in/../in")
    refused("would overwrite the input", ["in/a.png"], "in")
    refused("would overwrite the input", ["in/a.png"], "in/a.png")


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
    refused("no regular file", ["pipe"])
    refused("symbolic link", ["link.png"])
    refused("no regular file", ["/dev/null"])
    refused("does not exist", ["nothing.png"])
    refused("matches nothing", ["in/*.nothing"])
    (tree / "taken/a.png").mkdir(parents=True)
    refused("no regular file", ["in"], "taken")


def test_a_format_against_the_name_is_refused(tree):
    refused(
        "does not end like", ["in/a.png"], "x.png", write=WriteOptions(format="jpeg")
    )


def test_an_output_that_is_a_file_is_refused(tree):
    (tree / "plain").write_text("")
    refused("is a file", ["in"], "plain")


@pytest.mark.parametrize("output", ["relit.heic", "relit.jp2", "relit.nef"])
def test_an_output_format_that_is_not_written_is_refused(tree, output):
    refused("not written", ["in/a.png"], output)


def test_names_too_long_are_refused_before_any_work(tree):
    save(tree / "in" / ("n" * 240 + ".png"))
    refused("too long", ["in"], name="{stem}_relit_at_night{ext}")
    refused("too long", ["in"], compare=True, name="{stem}_at_night{ext}")
    refused("name too long|check the path", ["x" * 300])
    refused("name too long|check the path", ["in/a.png"], "x" * 300)


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
    with pytest.raises(NothingDoneError, match="recursive"):
        outputs(["empty"])
