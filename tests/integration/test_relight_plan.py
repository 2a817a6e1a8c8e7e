"""Dry runs, masks and fans at the command line."""

import json

import pytest
from PIL import Image

import schemas
from conftest import encoded, largest_difference, opened, photo, picture_at
from msrnet_cli.lights import DIRECTIONS

SIZE = (40, 30)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    for index, name in enumerate("ab"):
        photo(*SIZE, index).save(root / f"{name}.png")
    masks = tmp_path / "masks"
    masks.mkdir()
    mask = Image.new("L", SIZE)
    mask.paste(255, (0, 0, 20, 30))
    mask.save(masks / "a.png")
    return tmp_path


def tree(folder):
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*")
    }


def test_a_dry_run_ends_as_the_job_would_and_changes_nothing(
    program, folder, warm_file
):
    command = ["relight", "in", "out", "--weights", warm_file]
    before = tree(folder)
    told = program.run(*command, "--dry-run")
    assert tree(folder) == before
    assert told.out.decode().splitlines() == [
        "write: in/a.png -> out/a.png",
        "write: in/b.png -> out/b.png",
    ]
    assert "2 to write; 2 files; nothing was written" in told.lines[-1]
    program.run(*command)
    (folder / "in/bad.png").write_bytes(b"")
    told = program.run(*command, "-n", "--json", code=3)
    events = [json.loads(line) for line in told.out.splitlines()]
    actions = {one["input"]: one["action"] for one in events if one["event"] == "plan"}
    assert actions == {
        "in/a.png": "skip",
        "in/b.png": "skip",
        "in/bad.png": "refuse",
    }
    for name in "ab":
        (folder / f"in/{name}.png").unlink()
    program.run(*command, "-n", code=4, says="1 to refuse")
    program.run(*command, code=4)


def test_a_dry_run_needs_names(program, folder, warm_file):
    program.run("relight", "-", "-", "-n", code=2, says="--dry-run with -")


def test_a_picture_without_mask_fails_alone(program, folder, warm_file):
    command = ["relight", "in", "out", "--mask", "masks", "--weights", warm_file]
    done = program.run(*command, code=3, says="has no mask")
    assert "1 relit, 1 failed" in done.lines[-1]
    result, original = picture_at(folder / "out/a.png"), picture_at(folder / "in/a.png")
    right, left = (20, 0, *SIZE), (0, 0, 20, 30)
    assert largest_difference(result.crop(right), original.crop(right)) == 0
    assert largest_difference(result.crop(left), original.crop(left)) > 20
    # The list of failures leads to the same masks.
    original.convert("L").save(folder / "masks/b.png")
    program.run(
        *("relight", "--files-from", "out/failures.txt", "out", "--mask", "masks"),
        *("--weights", warm_file),
    )
    assert (folder / "out/b.png").is_file()


def test_part_of_a_change_works_with_weights_of_one_light(program, folder, warm_file):
    command = ["relight", "in/a.png", "--weights", warm_file]
    program.run(*command, "none.png", "--amount", "0")
    original = picture_at(folder / "in/a.png")
    assert largest_difference(picture_at(folder / "none.png"), original) == 0
    program.run(*command, "none.png", "--amount", "0.5")
    assert largest_difference(picture_at(folder / "none.png"), original) > 20


def test_all_directions_of_a_picture(program, folder):
    command = ["relight", "in/a.png", "fan", "--to", "all", "--format", "jpeg"]
    done = program.run(*command, says="light from each of the eight directions")
    assert "relit: in/a.png -> fan/a" in done.err
    files = {path.name for path in (folder / "fan/a").iterdir()}
    pictures = {f"{direction}.jpg" for direction in DIRECTIONS}
    assert files == pictures | {"sheet.jpg", "lights.lp"}
    east, west = (picture_at(folder / f"fan/a/{name}.jpg") for name in "EW")
    assert largest_difference(east, west) > 0
    told = program.run(*command, "--kelvin", "3000", "--dry-run")
    assert b"anew: in/a.png -> fan/a (10 files)" in told.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["in/a.png", "-"], "--to all makes a folder of pictures"),
        (["-", "out.png"], "standard input cannot make a fan"),
        (["-", "out/"], "standard input cannot make a fan"),
        (["in/a.png", "out.png"], "is one file; name a folder"),
        (["in", "out", "--even"], "--to and --even each name a light"),
    ],
)
def test_a_fan_cannot_be_one_file(program, folder, arguments, says):
    data = encoded(picture_at(folder / "in/a.png"))
    program.run("relight", *arguments, "--to", "all", code=2, data=data, says=says)
    assert sorted(path.name for path in folder.iterdir()) == ["in", "masks"]


def test_weights_of_one_light_make_no_fan(program, folder, warm_file):
    done = program.run(
        *("relight", "in", "out", "--to", "all", "--weights", warm_file), code=2
    )
    assert "these weights paint only E 4500 K" in done.err


def test_a_pipe_takes_a_mask(program, folder, warm_file):
    original = picture_at(folder / "in/a.png")
    done = program.run(
        *("relight", "-", "-", "--mask", "masks/a.png", "--weights", warm_file),
        data=encoded(original),
    )
    right = (20, 0, *SIZE)
    assert largest_difference(opened(done.out).crop(right), original.crop(right)) == 0


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--mask", "KEPT"], "mask"),
        (["--like", "KEPT"], "picture of --like"),
        (["--config", "KEPT"], "file of --config"),
        (["--weights", "KEPT"], "weights"),
    ],
)
@pytest.mark.parametrize("source", ["in/a.png", "-"])
def test_a_file_that_is_read_is_never_an_output(program, folder, options, what, source):
    kept = folder / "kept.png"
    kept.write_bytes((folder / "masks/a.png").read_bytes())
    if what == "file of --config":
        kept.write_text('{"light": {"to": "W"}}')
    before = kept.read_bytes()
    options = [option.replace("KEPT", "kept.png") for option in options]
    data = (folder / "in/a.png").read_bytes() if source == "-" else b""
    program.run(
        *("relight", source, "kept.png", *options, "--exist", "overwrite"),
        code=2,
        data=data,
        says=f"kept.png would overwrite the {what} kept.png; choose another output",
    )
    assert kept.read_bytes() == before


def test_pictures_that_all_fail_at_planning_are_told_as_any_others(
    program, folder, warm_file
):
    (folder / "empty").mkdir()
    command = ["relight", "in", "out", "--mask", "empty", "--weights", warm_file]
    done = program.run(*command, "--json", code=4)
    start, *files, summary = map(json.loads, done.out.splitlines())
    assert (start["event"], start["pictures"], start["unreadable"]) == ("start", 0, 2)
    assert [one["input"] for one in files] == ["in/a.png", "in/b.png"]
    assert {(one["event"], one["status"]) for one in files} == {("file", "failed")}
    assert (summary["event"], summary["failed"]) == ("summary", 2)
    planned = program.run(*command, "-n", code=4, says="2 to refuse")
    assert planned.out.decode().count("refuse: in/") == 2
    says = ("failed: in/a.png: has no mask", "failed: in/b.png: has no mask")
    program.run(*command, code=4, says=says)


def test_a_single_picture_that_fails_at_planning_is_told_too(
    program, folder, warm_file
):
    command = ["relight", "in/b.png", "x.png", "--mask", "masks"]
    done = program.run(*command, "--weights", warm_file, "--json", code=4)
    assert [json.loads(line)["event"] for line in done.out.splitlines()] == [
        "start",
        "file",
        "summary",
    ]
    assert not (folder / "x.png").exists()


def test_links_in_a_folder_without_pictures_are_named(program, folder):
    (folder / "links").mkdir()
    (folder / "links/a.png").symlink_to("../in/a.png")
    named = "passed over: links/a.png: symbolic link"
    program.run("relight", "links", "out", code=4, says=(named, "no picture found"))
    program.run("light", "links", code=4, says=named)


def piped(program, folder, warm_file, *more, **checks):
    data = checks.pop("data", None) or (folder / "in/a.png").read_bytes()
    command = ("relight", "-", "x.png", "--weights", warm_file, "--json", *more)
    done = program.run(*command, data=data, **checks)
    return schemas.fitting_lines("relight", done.out.decode().splitlines())


def test_a_picture_through_a_pipe_into_a_file_has_events(program, folder, warm_file):
    start, file, summary = piped(program, folder, warm_file)
    assert (start["event"], start["pictures"], start["output"]) == ("start", 1, "x.png")
    assert start["megapixels"] == pytest.approx(SIZE[0] * SIZE[1] / 1e6)
    assert (file["input"], file["output"], file["status"]) == ("-", "x.png", "relit")
    assert set(file["seconds"]) == {"decode", "network", "encode"}
    assert (summary["event"], summary["relit"]) == ("summary", 1)
    _, file, summary = piped(program, folder, warm_file)
    assert (file["status"], summary["skipped"]) == ("skipped", 1)
    _, file, _ = piped(program, folder, warm_file, "--amount", "0.5")
    assert (file["status"], file["anew"]) == ("relit", True)


def test_a_failure_through_a_pipe_is_an_event(program, folder, warm_file):
    _, file, summary = piped(program, folder, warm_file, data=b"no picture", code=4)
    assert (file["status"], summary["failed"]) == ("failed", 1)
    assert file["reason"]
    program.run("relight", "-", "-", "--json", code=2, says="both want standard output")
    (folder / "empty").mkdir()
    done = program.run(
        *("relight", "in/a.png", "-", "--mask", "empty", "--weights", warm_file),
        code=4,
        says="has no mask",
    )
    assert done.out == b""
