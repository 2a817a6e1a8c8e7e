"""`msrnet relight` as users run it: real files, real processes, real exit codes."""

import errno
import io
import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from PIL import Image

import schemas
from conftest import largest_difference, photo
from msrnet_cli import streams
from msrnet_cli.engines import fused
from msrnet_cli.folder import history, stream
from msrnet_cli.weights import find

EXAMPLES = Path(__file__).parents[2] / "examples"
ON_CPU = "relight in out --device cpu --engine"


@pytest.fixture
def folder(tmp_path):
    """Pictures of several kinds, a subfolder, and one broken file."""
    root = tmp_path / "in"
    (root / "sub").mkdir(parents=True)
    photo(40, 30, 1).save(root / "a.png")
    photo(40, 30, 2).save(root / "b.jpg", quality=95)
    photo(40, 30, 3, "RGBA").save(root / "sub/c é 夜 🎨.png")
    photo(33, 17, 4).save(root / "sub/d.webp", lossless=True)
    return root


def opened(source):
    """An image with its file closed."""
    data = source if isinstance(source, bytes) else source.read_bytes()
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def broken(folder):
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a jpeg")


def test_a_folder_is_relit_whole(program, folder, warm_file):
    done = program.run("relight", "in", "out", "-r", "--weights", warm_file)
    out = program.folder / "out"
    for source in folder.rglob("*.*"):
        target = out / source.relative_to(folder)
        before, after = opened(source), opened(target)
        assert (before.size, before.format) == (after.size, after.format)
    expected = opened(folder / "a.png").convert("RGB")
    red, green, blue = expected.split()
    tinted = (
        red,
        green.point([round(v * 0.8) for v in range(256)]),
        blue.point([round(v * 0.5) for v in range(256)]),
    )
    got = opened(out / "a.png")
    # bfloat16, where the machine has it, costs a level or two.
    assert largest_difference(got, Image.merge("RGB", tinted)) <= 3
    assert "4 relit" in done.lines[-1]
    assert done.out == b""


def test_the_same_command_again_skips_everything(program, folder, warm_file):
    command = ("relight", "in", "out", "-r", "--weights", warm_file)
    program.run(*command)
    times = {p: p.stat().st_mtime_ns for p in (program.folder / "out").rglob("*.*g")}
    assert "4 skipped" in program.run(*command).lines[-1]
    assert {p: p.stat().st_mtime_ns for p in times} == times


def test_other_options_weights_or_inputs_are_not_skipped(
    program, folder, warm_file, identity_file
):
    program.run("relight", "in", "out", "--weights", warm_file)
    done = program.run("relight", "in", "out", "--weights", identity_file)
    assert "2 relit" in done.lines[-1]
    done = program.run(
        "relight", "in", "out", "--weights", identity_file, "--strip-metadata"
    )
    assert "2 relit" in done.lines[-1]
    photo(40, 30, 9).save(folder / "a.png")
    done = program.run(
        "relight", "in", "out", "--weights", identity_file, "--strip-metadata"
    )
    assert "1 relit, 1 skipped" in done.lines[-1]


def test_another_working_size_is_another_result(program, folder, warm_file):
    photo(200, 150, 5).save(folder / "large.png")
    command = ("relight", "in", "out", "--weights", warm_file)
    done = program.run(*command, "--work-size", "64")
    assert any("seen at 64 px" in line for line in done.lines)
    assert "3 relit" in done.lines[-1]
    small = opened(program.folder / "out/large.png")
    done = program.run(*command, "--work-size", "full")
    assert any("seen whole" in line for line in done.lines)
    assert "3 relit" in done.lines[-1]
    # The tint is the same everywhere, so it is carried without loss.
    assert largest_difference(opened(program.folder / "out/large.png"), small) <= 4


def test_somebody_else_s_file_is_never_replaced_unasked(program, folder, warm_file):
    target = program.folder / "out/a.png"
    target.parent.mkdir()
    target.write_bytes(b"precious")
    command = ("relight", "in", "out", "--weights", warm_file)
    done = program.run(*command, code=3)
    assert "--exist overwrite" in done.err
    assert target.read_bytes() == b"precious"
    program.run(*command, "--exist", "overwrite")
    assert opened(target).size == (40, 30)


def test_a_comparison_is_guarded_and_remade_like_any_output(program, folder, warm_file):
    command = ("relight", "in", "out", "--weights", warm_file, "--compare")
    program.run(*command)
    pair = program.folder / "out/a_compare.jpg"
    made = pair.read_bytes()
    pair.unlink()
    assert "1 relit, 1 skipped" in program.run(*command).lines[-1]
    assert pair.read_bytes() == made
    pair.write_bytes(b"precious")
    program.run(*command, code=3, says="--exist overwrite")
    assert pair.read_bytes() == b"precious"


@pytest.mark.slow  # test_kill has two runs that share the work
def test_two_runs_into_one_folder_do_not_disturb_each_other(
    program, tmp_path, warm_file
):
    (tmp_path / "in").mkdir()
    for i in range(30):
        photo(64, 64, i).save(tmp_path / f"in/{i}.png")
    command = ("relight", "in", "out", "--weights", warm_file)
    runs = [program.start(*command) for _ in range(2)]
    for run in runs:
        _, err = run.communicate(timeout=120)
        assert run.returncode == 0, err
    assert "30 skipped" in program.run(*command).lines[-1]


def test_a_name_of_two_lines_does_not_spoil_the_list(program, folder, warm_file):
    broken(folder)
    (folder / "two\nlines.png").write_bytes(b"")
    command = ("--weights", warm_file)
    says = ("broken.jpg: ", r"two\nlines.png: ")
    program.run("relight", "in", "out", *command, code=3, says=says)
    for name in ("broken.jpg", "two\nlines.png"):
        photo().save(folder / name)
    program.run("relight", "--files-from", "out/failures.txt", "out", *command)
    assert (program.folder / "out/broken.jpg").exists()
    assert (program.folder / "out/two\nlines.png").exists()
    assert not (program.folder / "out/failures.txt").exists()


def test_a_name_cannot_forge_lines_or_steer_a_terminal(program, folder, warm_file):
    (folder / "a\nmsrnet: b.png").write_bytes(b"")
    (folder / "\x1b[31mred\x9b.png").write_bytes(b"")
    os.mkfifo(folder / "\x1b[2Jfifo.png")
    done = program.run("relight", "in", "out", "--weights", warm_file, code=3)
    assert "\x1b" not in done.err
    assert "\x9b" not in done.err
    assert r"failed: in/a\nmsrnet: b.png" in done.err
    assert r"failed: in/\x1b[31mred\x9b.png" in done.err
    assert r"passed over: in/\x1b[2Jfifo.png" in done.err
    missing = program.run("relight", "in/\x1b[2J.png", "out", code=2, says="nothing; ")
    assert "\x1b" not in missing.err


def test_an_existing_output_can_end_the_run(program, folder, warm_file):
    program.run("relight", "in", "out", "--weights", warm_file)
    command = ("relight", "in", "out", "--weights", warm_file, "--exist", "error")
    done = program.run(*command, code=2, says=("a.png", "; use --exist overwrite"))
    assert len(done.lines) == 1


def test_one_bad_file_does_not_stop_the_run(program, folder, warm_file):
    broken(folder)
    (folder / "locked.png").write_bytes(b"")
    command = ("relight", "in", "out", "--weights", warm_file)
    done = program.run(*command, code=3)
    assert "2 relit, 2 failed" in done.lines[-1]
    listing = program.folder / "out/failures.txt"
    assert "broken.jpg" in listing.read_text()
    # Mended, the list leads to the same places.
    photo(40, 30, 5).save(folder / "broken.jpg")
    photo(40, 30, 6).save(folder / "locked.png")
    done = program.run(
        "relight", "--files-from", "out/failures.txt", "out", "--weights", warm_file
    )
    assert "2 relit" in done.lines[-1]
    assert (program.folder / "out/broken.jpg").exists()
    assert not listing.exists()


def test_a_list_of_failures_of_somebody_else_is_kept(program, folder, warm_file):
    (program.folder / "out").mkdir()
    theirs = program.folder / "out/failures.txt"
    theirs.write_text("my notes")
    broken(folder)
    command = ("relight", "in", "out", "--weights", warm_file)
    program.run(*command, code=3, says="broken.jpg: ")
    assert theirs.read_text() == "my notes"


def test_fail_fast_stops(program, folder, warm_file):
    (folder / "0.jpg").write_bytes(b"")
    done = program.run(
        "relight", "in", "out", "--weights", warm_file, "--fail-fast", code=4
    )
    assert "unfinished" in done.lines[-1]


def test_nothing_but_failures_is_exit_code_4(program, tmp_path, warm_file):
    (tmp_path / "in").mkdir()
    command = ("relight", "in", "out", "--weights", warm_file)
    program.run(*command, code=4, says="no picture found; ")
    assert not (tmp_path / "out").exists()
    (tmp_path / "in/x.jpg").write_bytes(b"x")
    program.run(*command, code=4, says=("x.jpg: ", "1 failed"))


def test_the_default_weights_need_no_option_and_no_network(program, folder):
    done = program.run("relight", "in", "out", "--offline")
    assert "2 relit" in done.lines[-1]
    assert "n6500-e4500 or lightstage, seen at 160 px or at 128 px" in done.lines[0]
    assert "any light becomes light of 4500 K" in done.lines[0]


def test_each_result_tells_which_weights_made_it(program, tmp_path):
    """A night lit from N and a photograph by day, by the weights that suit each."""
    (tmp_path / "in").mkdir()
    shutil.copy(EXAMPLES / "Image016_6500_N.jpg", tmp_path / "in/night.jpg")
    photo(96, 64, 7).save(tmp_path / "in/other.png")
    done = program.run("relight", "in", "out", "--json", "--report", "page.html")
    sha256 = {each.name: each.sha256 for each in find.built_in()}
    made = {Path(line["input"]).name: line for line in done.events if "input" in line}
    names = {name: line["weights"] for name, line in made.items()}
    assert names == {"night.jpg": "n6500-e4500", "other.png": "lightstage"}
    for line in made.values():
        assert line["weights_sha256"] == sha256[line["weights"]]
    told = history.told(tmp_path / "out")
    assert {name: about.weights for name, about in told.items()} == names
    assert {about.weights_sha256 for about in told.values()} == set(sha256.values())
    page = (tmp_path / "page.html").read_text("utf-8")
    for name, digest in sha256.items():
        assert f"{name} {digest[:12]}" in page
    listed = program.run("report", "out")
    assert "weights lightstage and n6500-e4500" in listed.out.decode()
    program.run("relight", "in/other.png", "one.png", "--json")
    again = ("relight", "in/other.png", "one.png", "--report", "one.html")
    program.run(*again, says="skipped")
    page = (tmp_path / "one.html").read_text("utf-8")
    assert "n6500-e4500 or lightstage" in page
    assert not any(digest[:12] in page for digest in sha256.values())


def test_json_names_the_weights_of_a_fan_and_of_a_single_file(program, tmp_path):
    (tmp_path / "in").mkdir()
    photo(48, 32, 7).save(tmp_path / "in/a.png")
    fan = program.run("relight", "in", "fan", "--to", "all", "--json")
    single = program.run("relight", "in/a.png", "one.png", "--json")
    for done in (fan, single):
        (file,) = (each for each in done.events if each["event"] == "file")
        assert file["weights"] == "lightstage"
        assert len(file["weights_sha256"]) == 64


def test_without_default_weights_nothing_is_applied_silently(
    program, folder, monkeypatch
):
    monkeypatch.setattr(find, "built_in", list)
    done = program.run("relight", "in", "out", code=5)
    (line,) = done.lines
    assert "--weights" in line
    assert not (program.folder / "out").exists()


@pytest.mark.parametrize(
    ("command", "code", "reason", "remedy"),
    [
        ("relight", 2, "Missing argument 'INPUT... OUTPUT'", "see msrnet relight -"),
        ("relight in", 2, "there is no output", "write: msrnet relight INPUT... OUT"),
        ("relight in in", 2, "the same folder: in", "name another output folder"),
        ("relight in ''", 2, "a path is empty", "look at the shell variable"),
        ("relight '' out", 2, "a path is empty", "look at the shell variable"),
        ("relight nowhere out", 2, "nowhere does not exist", "check the path"),
        (f"relight {300 * 'x'} out", 2, "File name too long", "check the path"),
        ("relight --files-from no.txt out", 2, "list no.txt cannot be", "check the"),
        ("relight in -", 2, "in: it is a folder", "check the path"),
        ("relight - x.png --format jpeg", 2, "end like a jpeg file", "drop --format"),
        ("relight - - --compare", 2, "--compare and --name need an", "drop them"),
        ("relight in out --weights no", 5, "no: does not exist", "built-in name (l"),
        ("relight in out --weights ~no/x", 5, "home directory", "check the path"),
        ("relight in out --device tpu", 2, "unknown device tpu", "use auto, cpu, cuda"),
        ("relight in out --dtype fp8", 2, "--dtype fp8", "give one of auto, fp32"),
        (
            "relight in out --engine steam",
            2,
            "--engine steam",
            "give one of auto, eager, f",
        ),
        (f"{ON_CPU} graph", 2, "needs an NVIDIA GPU", "use --engine auto"),
        (f"{ON_CPU} tuned", 2, "needs an NVIDIA GPU and T", "use --engine auto"),
        ("relight in out --batch-size 0", 2, "--batch-size 0", "a number from 1 on"),
        ("relight in out --batch-size ²", 2, "--batch-size ²", "a number from 1 on"),
        ("relight in out --quality 101", 2, "--quality 101", "give 1 to 100"),
        ("relight in out --work-size 15", 2, "--work-size 15", "pixels from 16 on"),
        ("relight in out --work-size xl", 2, "--work-size xl", "give full, or pix"),
        ("relight in out --work-size ''", 2, "--work-size", "give full, or pixels"),
        ("relight in out --weights x --key", 2, "'--key' requires", "relight --help"),
        ("relight in out --even=3", 2, "'--even' does not take", "relight --help"),
        ("weights list --json=3", 2, "'--json' does not", "see msrnet weights list -"),
        ("relight --nonsense", 2, "No such option: --nonsense", "relight --help"),
        ("weights verify no", 5, "weights no: does not exist", "built-in name"),
        ("weights import no x.safetensors", 5, "no does not exist", "check the path"),
        ("weights import in x.pth", 2, "x.pth must end in .safetensors", "rename"),
        ("weights export no x.safetensors", 5, "no: does not exist", "built-in name"),
        ("nonsense", 2, "No such command 'nonsense'", "see msrnet --help"),
    ],
)
def test_wrong_use_is_one_clear_message(
    program, folder, warm_file, command, code, reason, remedy
):
    arguments = shlex.split(command)
    if "relight" in arguments and "--weights" not in arguments:
        arguments += ["--weights", warm_file]
    done = program.run(*arguments, code=code)
    assert done.err.startswith("msrnet: ")
    assert len(done.lines) == 1
    assert reason in done.err
    assert remedy in done.err[done.err.index(reason) + len(reason) :]
    assert ".;" not in done.err
    assert done.out == b""
    assert sorted(p.name for p in program.folder.iterdir()) == ["in"]


@pytest.mark.skipif(not fused.is_supported(torch.float32), reason="needs oneDNN")
def test_every_engine_gives_the_same_pictures(program, folder, warm_file):
    for engine in ("auto", "eager", "fused"):
        options = ("--device", "cpu", "--dtype", "fp32", "--engine", engine)
        done = program.run("relight", "in", engine, "--weights", warm_file, *options)
        assert ("eager" if engine == "eager" else "fused") in done.err
    made = list((program.folder / "eager").glob("*.png"))
    assert made
    for path in made:
        expected = opened(path)
        for engine in ("auto", "fused"):
            found = opened(program.folder / engine / path.name)
            assert largest_difference(found, expected) <= 1


# --- streams and single files -------------------------------------------------------


def test_a_picture_through_a_pipe(program, folder, identity_file):
    data = (folder / "a.png").read_bytes()
    arguments = ("relight", "-", "-", "--weights", identity_file, "--dtype", "fp32")
    done = program.run_process(*arguments, data=data)
    assert largest_difference(opened(done.out), photo(40, 30, 1)) == 0
    assert done.err == ""


def test_pipes_with_a_file_on_one_side(program, folder, identity_file):
    out = program.run("relight", "in/a.png", "-", "--weights", identity_file).out
    assert out.startswith(b"\x89PNG")
    program.run("relight", "-", "x.jpg", "--weights", identity_file, data=out)
    assert opened(program.folder / "x.jpg").format == "JPEG"
    made = (program.folder / "x.jpg").read_bytes()
    program.run("relight", "-", "x.jpg", "--weights", identity_file, data=out)
    assert (program.folder / "x.jpg").read_bytes() == made
    other = (folder / "b.jpg").read_bytes()
    command = ("relight", "-", "x.jpg", "--weights", identity_file)
    done = program.run(*command, data=other, code=4)
    assert "--exist overwrite" in done.err
    program.run(*command, "--exist", "error", data=out, code=2, says="x.jpg exists")
    assert (program.folder / "x.jpg").read_bytes() == made
    program.run(*command, "--exist", "overwrite", data=other)
    assert opened(program.folder / "x.jpg").size == (40, 30)
    assert (program.folder / "x.jpg").read_bytes() != made


def test_unbuffered_output_takes_part_at_a_time(monkeypatch):
    class Raw(io.RawIOBase):
        taken = b""

        def writable(self):
            return True

        def write(self, data):
            self.taken += bytes(data[:1000])
            return min(len(data), 1000)

    raw = Raw()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, write_through=True))
    data = os.urandom(12_345)
    stream._write_out(data)
    assert raw.taken == data


def test_unbuffered_output_that_is_full_is_an_error(program, identity_file):
    photo(300, 300, 1).save(program.folder / "a.png")
    command = f"{sys.executable} -u -m msrnet_cli relight a.png - --weights"
    command = f"ulimit -f 1; {command} {identity_file} > cut.png"
    done = subprocess.run(
        ["bash", "-c", command], cwd=program.folder, capture_output=True, timeout=120
    )
    assert done.returncode == 4
    assert b"cannot be written" in done.stderr


def test_notes_never_end_up_in_the_picture(program, folder, identity_file):
    data = (folder / "sub/c é 夜 🎨.png").read_bytes()
    arguments = ["relight", "-", "-", "--weights", identity_file, "--format", "jpeg"]
    process = program.start(
        *arguments, stdin=subprocess.PIPE, preexec_fn=lambda: os.close(2)
    )
    out, _ = process.communicate(data, timeout=60)
    assert process.returncode == 0
    assert out.endswith(b"\xff\xd9")


def test_rubbish_through_a_pipe_is_one_line_and_no_output(program, identity_file):
    for data, reason in ((b"", "; "), (b"rubbish", "; convert it to")):
        command = ("relight", "-", "-", "--weights", identity_file)
        done = program.run(*command, data=data, code=4, says=reason)
        assert done.out == b""
        assert len(done.lines) == 1


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".avif", ".gif"])
def test_one_file_made_twice_is_skipped(program, folder, warm_file, suffix):
    command = ("relight", "in/b.jpg", f"x{suffix}", "--weights", warm_file)
    assert "1 relit" in program.run(*command).lines[-1]
    target = program.folder / f"x{suffix}"
    before = target.stat().st_ino
    assert "1 skipped" in program.run(*command).lines[-1]
    assert target.stat().st_ino == before
    # No journal is left beside somebody's picture.
    assert {path.name for path in program.folder.iterdir()} >= {"in", target.name}
    assert not [*program.folder.glob(".msrnet*")]


def test_one_file_that_holds_something_else_is_kept(program, folder, warm_file):
    command = ("relight", "in/b.jpg", "x.png", "--weights", warm_file, "--compare")
    target, pair = program.folder / "x.png", program.folder / "x_compare.jpg"
    target.write_bytes(b"precious")
    done = program.run(*command, code=4)
    assert done.err.count("--exist overwrite") == 1
    assert target.read_bytes() == b"precious"
    assert not pair.exists()
    program.run(*command, "--exist", "error", code=2, says="x.png exists")
    program.run(*command, "--exist", "overwrite")
    made = target.read_bytes()
    pair.unlink()
    assert "1 relit" in program.run(*command).lines[-1]
    assert pair.exists()
    assert target.read_bytes() == made


def test_one_file_with_another_option_is_made_anew_and_that_is_said(
    program, folder, warm_file
):
    command = ("relight", "in/b.jpg", "x.jpg", "--weights", warm_file)
    program.run(*command)
    target = program.folder / "x.jpg"
    made = target.read_bytes()
    done = program.run(*command, "--quality", "40")
    assert "1 relit" in done.lines[-1]
    assert "1 made anew" in done.lines[-1]
    assert len(target.read_bytes()) < len(made)
    assert "1 skipped" in program.run(*command, "--quality", "40").lines[-1]
    photo(40, 30, 9).save(folder / "b.jpg")  # the input has changed
    assert "1 made anew" in program.run(*command).lines[-1]
    made = target.read_bytes()
    other = ("relight", "in/a.png", "x.jpg", "--weights", warm_file)
    assert "made from another input" in program.run(*other, code=4).err
    assert target.read_bytes() == made
    target.write_bytes(made + b"retouched")
    done = program.run(*command, "--quality", "40", code=4)
    assert "was changed since; use --exist overwrite" in done.err
    assert target.read_bytes() == made + b"retouched"
    assert not [*program.folder.glob(".msrnet*")]


def test_without_a_cache_one_file_is_known_by_its_bytes(
    program, folder, warm_file, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "a.png"))  # no folder
    command = ("relight", "in/b.jpg", "x.jpg", "--weights", warm_file)
    program.run(*command)
    made = (program.folder / "x.jpg").read_bytes()
    assert "1 skipped" in program.run(*command).lines[-1]
    program.run(*command, "--quality", "40", code=4)
    assert (program.folder / "x.jpg").read_bytes() == made


def test_one_file_into_a_folder_of_results_is_told_of_in_its_journal(
    program, folder, warm_file
):
    weights = ("--weights", warm_file)
    program.run("relight", "in", "out", *weights)
    done = program.run("relight", "in/b.jpg", "out/b.jpg", *weights, "--quality", "40")
    assert "1 made anew" in done.lines[-1]
    assert "1 relit, 1 skipped" in program.run(*("relight", "in", "out", *weights)).err


def test_a_pipe_into_a_file_is_made_anew_of_the_same_picture_only(
    program, folder, warm_file
):
    data, other = ((folder / name).read_bytes() for name in ("b.jpg", "a.png"))
    command = ("relight", "-", "x.jpg", "--weights", warm_file)
    program.run(*command, data=data)
    made = (program.folder / "x.jpg").read_bytes()
    assert "there already" in program.run(*command, data=data).err
    assert "made anew" in program.run(*command, "--quality", "40", data=data).err
    assert (program.folder / "x.jpg").read_bytes() != made
    assert "another input" in program.run(*command, data=other, code=4).err


def test_one_file_to_one_file_of_another_format(program, folder, identity_file):
    program.run("relight", "in/a.png", "b.webp", "--weights", identity_file)
    assert opened(program.folder / "b.webp").format == "WEBP"
    # No journal beside it: the folder belongs to the user.
    assert not list(program.folder.glob(".msrnet*"))


def test_a_comparison_shows_both(program, folder, warm_file):
    program.run("relight", "in", "out", "--weights", warm_file, "--compare")
    pair = opened(program.folder / "out/a_compare.jpg")
    assert pair.size == (80, 30)


def test_a_comparison_is_at_most_2048_high(program, tmp_path, warm_file):
    photo(30, 2500).save(tmp_path / "tall.png")
    options = ("--weights", warm_file, "--compare", "--work-size", "64")
    program.run("relight", "tall.png", "out/", *options)
    assert opened(tmp_path / "out/tall_compare.jpg").height == 2048


# --- reports ----------------------------------------------------------------------


def test_json_is_one_event_a_line(program, folder, warm_file):
    broken(folder)
    done = program.run("relight", "in", "out", "--weights", warm_file, "--json", code=3)
    lines = done.out.splitlines()
    start, *files, summary = schemas.fitting_lines("relight", lines)
    assert (start["event"], start["pictures"], start["schema"]) == ("start", 3, 1)
    assert {f["status"] for f in files} == {"relit", "failed"}
    relit = next(f for f in files if f["status"] == "relit")
    assert set(relit["seconds"]) == {"decode", "network", "encode"}
    assert (summary["event"], summary["relit"], summary["failed"]) == ("summary", 2, 1)
    assert summary["slowest_stage"] in summary["stages"]
    assert done.err == ""


def test_quiet_says_only_what_went_wrong(program, folder, warm_file):
    assert program.run("relight", "in", "a", "--weights", warm_file, "-q").err == ""
    broken(folder)
    done = program.run("relight", "in", "b", "--weights", warm_file, "-q", code=3)
    assert len(done.lines) == 1
    assert "broken.jpg" in done.err


def test_what_was_passed_over_is_said(program, folder, warm_file):
    (folder / "notes.txt").write_text("x")
    os.symlink("a.png", folder / "link.png")
    done = program.run("relight", "in", "out", "--weights", warm_file)
    assert "link.png: symbolic link" in done.err
    assert "not a picture (1): in/notes.txt" in done.err


def test_a_terminal_gets_a_bar_without_colour_where_asked(program, folder, warm_file):
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    program.environment |= {"NO_COLOR": "1", "TERM": "xterm"}
    command = [sys.executable, "-m", "msrnet_cli", "relight", "in", "out"]
    process = subprocess.Popen(
        [*command, "--weights", str(warm_file)],
        cwd=program.folder,
        env=program.environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(master)
    assert process.wait() == 0
    text = shown.decode()
    assert "relighting" in text
    assert "2 relit" in text
    assert text.index("loading ...") < text.index("2 pictures")
    assert "\x1b[3" not in text


# --- promises ---------------------------------------------------------------------


def test_inputs_are_never_changed(program, folder, warm_file):
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*.*")}
    program.run("relight", "in", "out", "-r", "--weights", warm_file)
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in before} == before


def test_the_same_input_gives_the_same_bytes(program, folder, warm_file):
    for out in ("one", "two"):
        program.run("relight", "in", out, "-r", "--weights", warm_file)
    made = list((program.folder / "one").rglob("*.*g"))
    assert len(made) == 3
    for first in made:
        second = program.folder / "two" / first.relative_to(program.folder / "one")
        assert first.read_bytes() == second.read_bytes()


def test_batches_of_any_size_give_the_same_pictures(program, tmp_path, warm_file):
    (tmp_path / "in").mkdir()
    for i in range(9):
        photo(40, 30 if i % 3 else 31, i).save(tmp_path / f"in/{i}.png")
    for size in ("1", "4", "auto"):
        program.run("relight", "in", size, "--weights", warm_file, "--batch-size", size)
    for i in range(9):
        alone = opened(tmp_path / f"1/{i}.png")
        for size in ("4", "auto"):
            batched = opened(tmp_path / size / f"{i}.png")
            assert largest_difference(alone, batched) <= 1


# --- closed and full streams ---------------------------------------------------------


def closing(number):
    return {"preexec_fn": lambda: os.close(number)}


@pytest.mark.parametrize(
    ("arguments", "number", "reason"),
    [
        (("in/a.png", "-"), 1, "standard output is closed"),
        (("in", "out", "--json"), 1, "standard output is closed"),
        (("-", "x.png"), 0, "standard input is closed"),
        (("--files-from", "-", "out"), 0, "standard input is closed"),
    ],
)
def test_a_closed_stream_that_is_needed_is_refused(
    program, folder, warm_file, arguments, number, reason
):
    process = program.start(
        "relight", *arguments, "--weights", warm_file, stdin=None, **closing(number)
    )
    _, err = process.communicate(timeout=60)
    (line,) = err.decode().splitlines()
    assert process.returncode == 2
    assert line == f"msrnet: {reason}; redirect it"
    assert sorted(p.name for p in program.folder.iterdir()) == ["in"]


def test_a_picture_into_a_full_disk_is_one_line_and_no_success(
    program, folder, warm_file
):
    with open("/dev/full", "wb") as full:
        process = program.start(
            "relight", "in/a.png", "-", "--weights", warm_file, stdout=full
        )
        _, err = process.communicate(timeout=60)
    (line,) = err.decode().splitlines()
    assert process.returncode == 4
    assert "standard output cannot be written: No space left" in line


def test_what_goes_to_a_closed_output_is_no_success(program):
    process = program.start("weights", "list", stdout=None, **closing(1))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert err == b"msrnet: not all could be told; standard output: it is closed\n"


@pytest.mark.parametrize("command", [("weights", "list"), ("--help",)])
def test_what_cannot_be_told_is_no_success_and_no_bug(program, command):
    with open("/dev/full", "wb") as full:
        process = program.start(*command, stdout=full)
        _, err = process.communicate(timeout=60)
    (line,) = err.decode().splitlines()
    assert process.returncode == 3
    assert line == (
        "msrnet: not all could be told; standard output: No space left on device"
    )


def test_a_line_after_room_was_short_begins_on_its_own(tmp_path):
    path = tmp_path / "log"
    with path.open("wb") as file:
        log = streams.Enduring(file.fileno(), "w", closefd=False)
        log.write(b"one\ntw")
        full = os.open("/dev/full", os.O_WRONLY)
        kept = os.dup(file.fileno())
        os.dup2(full, file.fileno())
        assert log.write(b"o\n") == 2
        os.dup2(kept, file.fileno())
        log.write(b"three\n")
        for handle in (full, kept):
            os.close(handle)
    assert path.read_bytes() == b"one\ntw\nthree\n"
    assert log.failure.errno == errno.ENOSPC


def test_a_stream_that_others_made_non_blocking_is_waited_for(tmp_path):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    data = os.urandom(1 << 20)
    got = []

    def read():
        while part := os.read(reading, 1 << 16):
            got.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    with io.BufferedWriter(streams.Enduring(writing, "w")) as log:
        log.write(data)
    reader.join()
    os.close(reading)
    assert b"".join(got) == data


def test_pictures_come_from_no_terminal_and_go_to_none(program, folder, warm_file):
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    try:
        for arguments, name, reason in (
            (("-", "x.png"), "stdin", "standard input is a terminal"),
            (("in/a.png", "-"), "stdout", "cannot be shown on a terminal"),
        ):
            options = {name: slave}
            process = program.start(
                "relight", *arguments, "--weights", warm_file, **options
            )
            _, err = process.communicate(timeout=60)
            assert process.returncode == 2
            assert reason in err.decode()
    finally:
        os.close(master)
        os.close(slave)


def test_a_deleted_current_folder_is_named(program):
    process = program.start(
        "relight", "a.png", "b.png", preexec_fn=lambda: os.rmdir(os.getcwd())
    )
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err == b"msrnet: the current folder no longer exists; cd to another\n"


@pytest.mark.parametrize(("name", "format"), [("jpg", "JPEG"), ("TIF", "TIFF")])
def test_a_suffix_names_a_format(program, folder, identity_file, name, format):
    options = ("--weights", identity_file, "--format", name)
    program.run("relight", "in", "out", *options)
    found = {opened(p).format for p in (program.folder / "out").glob("[ab].*")}
    assert found == {format}
    done = program.run("relight", "in", "out", "--format", "doc", code=2)
    assert "--format doc; give one of png, jpeg" in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_files_without_permission_fail_alone(program, folder, warm_file):
    (folder / "a.png").chmod(0)
    command = ("relight", "in", "out", "--weights", warm_file)
    program.run(*command, code=3, says=("a.png", "Permission denied"))


def test_no_network_is_used(program, folder, warm_file, tmp_path):
    # A socket that raises stands for every kind of network.
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('network used')\n"
        "socket.socket.connect = refuse\nsocket.getaddrinfo = refuse\n"
    )
    program.environment["PYTHONPATH"] = str(tmp_path / "site")
    del program.environment["HF_HUB_OFFLINE"]
    program.run_process("relight", "in", "out", "--weights", warm_file)


def test_a_full_disk_fails_pictures_and_leaves_nothing_half_written(
    program, folder, warm_file
):
    # A limit on file size stands for the disk: the write itself fails, in the system.
    noise = torch.randint(0, 256, (300, 300, 3), dtype=torch.uint8)
    big = Image.frombytes("RGB", (300, 300), bytes(noise.flatten().tolist()))
    big.save(folder / "big.png")

    def limit():
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    process = program.start(
        "relight", "in", "out", "--weights", warm_file, "--json", preexec_fn=limit
    )
    out, err = process.communicate(timeout=120)
    assert process.returncode == 3, err
    events = [json.loads(line) for line in out.splitlines()]
    failed = [e for e in events if e.get("status") == "failed"]
    assert [os.path.basename(e["input"]) for e in failed] == ["big.png"]
    assert "space" in failed[0]["remedy"]
    names = {p.name for p in (program.folder / "out").iterdir()}
    assert names == {"a.png", "b.jpg", "failures.txt", ".msrnet-journal.jsonl"}
