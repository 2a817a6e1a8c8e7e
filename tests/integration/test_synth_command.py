"""`msrnet synth` from the command line."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image


@pytest.fixture
def mitsuba():
    return pytest.importorskip("mitsuba")


def test_a_small_set_with_a_sheet(program, mitsuba):
    options = ("--scenes", 2, "--size", 32, "--samples", 2, "--workers", 1)
    done = program.run("synth", "set", *options, "--sheet", "sheet.png")
    names = sorted(path.name for path in (program.folder / "set").iterdir())
    assert names == [
        "Image000_4500_E.png",
        "Image000_6500_N.png",
        "Image001_4500_E.png",
        "Image001_6500_N.png",
        "synth.json",
    ]
    assert json.loads((program.folder / "set/synth.json").read_text())["seed"] == 0
    with Image.open(program.folder / "sheet.png") as sheet:
        assert sheet.width > 32
    assert "[2/2]" in done.err
    again = program.run("synth", "set", *options, "--sheet", "sheet.png")
    assert "0 pictures of 0 scenes" in again.err


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("photo.png", "exists and is not a contact sheet; remove it"),
        ("notes.png", "exists and is not a contact sheet; remove it"),
        ("sheet.jpg", "must end in .png"),
        ("nowhere/sheet.png", "no such folder"),
    ],
)
def test_a_sheet_takes_no_other_files_place(program, mitsuba, name, says):
    Image.new("RGB", (8, 8), "red").save(program.folder / "photo.png")
    (program.folder / "notes.png").write_text("notes")
    before = {p: p.read_bytes() for p in program.folder.iterdir()}
    options = ("--scenes", 1, "--size", 16, "--samples", 1, "--workers", 1)
    program.run("synth", "set", *options, "--sheet", name, code=2, says=says)
    assert {
        p: p.read_bytes() for p in program.folder.iterdir() if p.is_file()
    } == before


def test_layers_take_one_file_a_scene(program, mitsuba):
    options = ("--scenes", 1, "--size", 16, "--samples", 1, "--workers", 1)
    lights = ("--azimuth", 63, "--azimuth", -45)
    done = program.run("synth", "set", "--layers", *options, *lights)
    names = sorted(path.name for path in (program.folder / "set").iterdir())
    assert names == ["Image00000.safetensors", "synth.json"]
    assert "the layers of 1 scene written" in done.err
    note = json.loads((program.folder / "set/synth.json").read_text())
    assert note["settings"]["azimuths"] == [63, 315]
    again = program.run("synth", "set", "--layout", "layers", *options, *lights)
    assert "the layers of 0 scenes written" in again.err


@pytest.mark.parametrize("layout", ["vidit", "layers"])
def test_a_full_disk_is_told_in_one_line(program, mitsuba, monkeypatch, layout):
    options = ("--scenes", 1, "--size", 32, "--samples", 1, "--workers", 1, "-q")

    def full(handle):
        if os.fstat(handle).st_size > 1000:  # there is room for the note
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = program.run("synth", "set", "--layout", layout, *options, code=2)
    (line,) = done.err.splitlines()
    assert "Image0" in line
    assert "No space left on device" in line
    assert [path.name for path in (program.folder / "set").iterdir()] == ["synth.json"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        (signal.SIGTERM, 143),
    ],
)
def test_a_signal_ends_it_after_whole_scenes(program, mitsuba, name, code):
    size = ("--scenes", 500, "--size", 32, "--samples", 2, "--workers", 2)

    def ignoring():  # as shells have it for what they start in the background
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    process = program.start("synth", "set", *size, "-q", preexec_fn=ignoring)
    deadline = time.monotonic() + 60
    while not list((program.folder / "set").glob("*_E.png")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(name)
    _, err = process.communicate(timeout=60)
    stopped = f"msrnet: note: stopped by {name.name}; the same command goes on\n"
    assert (process.returncode, err.decode()) == (code, stopped)
    names = [path.name for path in (program.folder / "set").glob("*.p*")]
    assert all(one.replace("6500_N", "4500_E") in names for one in names)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--lights 6500_Q", "'6500_Q'; write KELVIN_DIRECTION"),
        ("--lights 1_N", "'1_N'; write KELVIN_DIRECTION"),
        ("--layout pairs --from N", "'N'; write KELVIN_DIRECTION"),
        ("--layout pairs --from 6500_N --to 6500_N", "both 6500_N; name two"),
        ("--size 1", "--size 1; give 16 to 4096"),
        ("--scenes 0", "--scenes 0; give 1 to 100000"),
        ("--split other", "--split other; give one of train, validation, test"),
        ("--azimuth 63", "only for layers; add --layers"),
        ("--layers --azimuth nan", "--azimuth nan; give degrees"),
        ("--layers --azimuth inf", "--azimuth inf; give degrees"),
        ("--layers --layout pairs", "--layers and --layout pairs; choose one"),
        ("--layers --lights 6500_N,4500_E", "--lights says nothing about layers; "),
        ("--layers --from 6500_N", "--from says nothing about layers; leave it out"),
        ("--layout layers --to 2500_W", "--to says nothing about layers; leave it"),
        ("--layers --depth", "--depth says nothing about layers; leave it out"),
        ("--layers --sheet sheet.png", "--sheet says nothing about layers; leave"),
    ],
)
def test_options_that_cannot_be_carried_out_are_refused(program, options, says):
    done = program.run("synth", "set", *options.split(), code=2, says=says)
    assert len(done.err.splitlines()) == 1
    assert not (program.folder / "set").exists()


def test_without_the_extra_one_line_says_what_to_install(tmp_path):
    code = (
        "import sys\n"
        "sys.modules['mitsuba'] = None\n"
        "from msrnet_cli.cli import main\n"
        "sys.argv = ['msrnet', 'synth', 'set']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "pip install mitsuba" in line


SMALL = ("--scenes", 1, "--size", 16, "--samples", 1, "--workers", 1, "-q")


@pytest.mark.parametrize(
    ("made", "asked", "told"),
    [
        (
            ("--lights", "6500_N,4500_E"),
            ("--lights", "all"),
            "was made with --lights 6500_N,4500_E; you asked for --lights all",
        ),
        ((), ("--seed", 3), "was made with --seed 0; you asked for --seed 3"),
        (("--depth",), (), "was made with --depth; you asked for no --depth"),
        (
            ("--layout", "pairs", "--from", "2500_W"),
            ("--layout", "pairs", "--size", 32),
            "was made with --from 2500_W --size 16; you asked for --from 6500_N"
            " --size 32",
        ),
        (
            ("--layers", "--azimuth", 63, "--azimuth", 100),
            ("--layers",),
            "was made with --azimuth 63 --azimuth 100; you asked for no --azimuth",
        ),
        (
            (),
            ("--layers",),
            "was made with --layout vidit; you asked for --layout layers",
        ),
    ],
)
def test_a_set_made_otherwise_is_told_in_options(
    program, mitsuba, monkeypatch, made, asked, told
):
    # The note is written before anything is rendered.
    monkeypatch.setattr("msrnet_cli.synth.dataset._carry_out", lambda *_: iter(()))
    program.run("synth", "set", *SMALL, *made)
    before = {p: p.read_bytes() for p in (program.folder / "set").rglob("*.*")}
    (line,) = program.run("synth", "set", *SMALL, *asked, code=2).lines
    assert told in line
    assert before == {p: p.read_bytes() for p in (program.folder / "set").rglob("*.*")}
    program.run("synth", "set", *SMALL, *made)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is damaged"),
        ("[]", "does not describe a set"),
        ('{"settings": {}}', "'format' is missing"),
        ('{"settings": {}, "format": 2}', "format 2"),
        (
            '{"settings": {}, "format": 1, "msrnet": "0.0", "mitsuba": "3",'
            ' "variant": "v"}',
            "was made by msrnet 0.0, this is",
        ),
    ],
)
def test_a_note_that_does_not_fit_is_told(program, mitsuba, text, told):
    (program.folder / "set").mkdir()
    (program.folder / "set" / "synth.json").write_text(text)
    (line,) = program.run("synth", "set", *SMALL, code=2).lines
    assert told in line
