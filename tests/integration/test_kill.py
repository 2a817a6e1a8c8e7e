"""Interrupted at any moment, a folder job loses nothing and can be finished."""

import io
import json
import os
import random
import signal
import time

import pytest
from PIL import Image

from conftest import photo

COUNT = 24


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for i in range(COUNT):
        photo(160, 120, i).save(tmp_path / f"in/{i:02}.png")
    return tmp_path


def command(warm_file):
    # The number format is named, so that all runs write the same bytes: what a trial on
    # a busy machine chooses may change.
    exact = ("--batch-size", "1", "--dtype", "fp32")
    return ("relight", "in", "out", "--weights", warm_file, *exact)


def pictures(folder):
    return sorted((folder / "out").glob("*.png"))


def wait_for_pictures(process, folder, count):
    deadline = time.monotonic() + 60
    while len(pictures(folder)) < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def assert_whole(paths):
    for path in paths:
        image = Image.open(io.BytesIO(path.read_bytes()))
        image.load()
        assert image.size == (160, 120)


@pytest.mark.parametrize("after", [pytest.param(1, marks=pytest.mark.slow), 9])
def test_sigkill_leaves_only_whole_pictures_and_the_rest_is_finished(
    program, folder, warm_file, after
):
    process = program.start(*command(warm_file))
    wait_for_pictures(process, folder, after)
    process.kill()
    process.communicate()
    done = pictures(folder)
    assert_whole(done)
    assert len(done) < COUNT
    finished = program.run(*command(warm_file))
    assert len(pictures(folder)) == COUNT
    assert_whole(pictures(folder))
    assert f"{len(done)} skipped" in finished.err
    assert not list((folder / "out").glob("*.part"))


@pytest.mark.slow
def test_twenty_kills_at_any_moment_leave_nothing_half_and_nothing_missing(
    program, folder, warm_file
):
    """Each kill interrupts a run that goes on where the one before was killed."""
    moments, cut_short = random.Random(0), 0
    for _ in range(20):
        process = program.start(*command(warm_file), "--exist", "overwrite", "--json")
        process.stdout.readline()  # it has loaded, and begins
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        told, _ = process.communicate()
        cut_short += b"summary" not in told
        assert_whole(pictures(folder))
        for path in pictures(folder)[::2]:
            path.unlink()
    assert cut_short > 10
    program.run(*command(warm_file))
    assert len(pictures(folder)) == COUNT
    assert_whole(pictures(folder))
    assert not list((folder / "out").glob("*.part"))
    for path in pictures(folder):
        before = Image.open(folder / "in" / path.name).resize((1, 1))
        after = Image.open(path).resize((1, 1))
        red, green, blue = before.getpixel((0, 0))
        wanted = (red, green * 0.8, blue * 0.5)
        pairs = zip(after.getpixel((0, 0)), wanted, strict=True)
        assert all(abs(found - value) <= 3 for found, value in pairs)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_with_a_summary_and_its_code(
    program, folder, warm_file, name, code
):
    process = program.start(*command(warm_file), "--report", "page.html")
    wait_for_pictures(process, folder, 3)
    process.send_signal(name)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert b"unfinished" in err
    assert b"Traceback" not in err
    assert_whole(pictures(folder))
    assert not list(folder.rglob("*.part"))
    page = (folder / "page.html").read_text("utf-8")
    assert page.count("<article") == len(pictures(folder))
    program.run(*command(warm_file))
    assert len(pictures(folder)) == COUNT


def test_one_ctrl_c_ends_it_though_a_share_does_not_answer(program, folder, warm_file):
    (folder / "site").mkdir()
    (folder / "site/sitecustomize.py").write_text(
        "import os, threading, time\n"
        "real = os.open\n"
        "def slow(path, *rest, **more):\n"
        "    named = threading.current_thread().name.startswith('decode')\n"
        "    if named and str(path).endswith('17.png'): time.sleep(600)\n"
        "    return real(path, *rest, **more)\n"
        "os.open = slow\n"
    )
    program.environment["PYTHONPATH"] = os.pathsep.join(
        (str(folder / "site"), os.environ.get("PYTHONPATH", ""))
    )
    process = program.start(*command(warm_file))
    wait_for_pictures(process, folder, 10)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert b"unfinished" in err


@pytest.mark.slow
def test_a_hangup_is_nothing_to_a_job_under_nohup(program, folder, warm_file):
    process = program.start(
        *command(warm_file),
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    wait_for_pictures(process, folder, 3)
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert len(pictures(folder)) == COUNT


@pytest.mark.parametrize(
    "stream", ["stdout", pytest.param("stderr", marks=pytest.mark.slow)]
)
def test_a_log_without_room_costs_no_picture(program, folder, warm_file, stream):
    arguments = [*command(warm_file), *(["--json"] if stream == "stdout" else [])]
    with open("/dev/full", "wb") as full:
        process = program.start(*arguments, **{stream: full})
        told = process.communicate(timeout=60)[1]
    assert process.returncode == 3, told
    assert len(pictures(folder)) == COUNT
    assert_whole(pictures(folder))
    if stream == "stdout":
        (line,) = told.decode().splitlines()
        assert line.startswith("msrnet: ")
        assert "standard output: No space left on device" in line


def test_two_runs_in_one_folder_share_the_work(program, folder, warm_file):
    runs = [program.start(*command(warm_file), "--json") for _ in range(2)]
    told = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told
    events = [[json.loads(line) for line in out.splitlines()] for out, _ in told]
    relit = [
        event["input"]
        for one in events
        for event in one
        if event.get("status") == "relit"
    ]
    assert sorted(relit) == [f"in/{i:02}.png" for i in range(COUNT)]
    assert_whole(pictures(folder))


def test_a_reader_that_goes_away_ends_it_as_it_does_other_programs(
    program, folder, warm_file
):
    with program.start(*command(warm_file), "--json") as process:
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read().decode()
    assert (process.returncode, err) == (141, "")
    assert_whole(pictures(folder))
    assert not list((folder / "out").glob("*.part"))


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(0.1, marks=pytest.mark.slow),
        0.3,
        pytest.param(0.6, marks=pytest.mark.slow),
    ],
)
def test_a_signal_while_it_loads_is_obeyed(program, folder, warm_file, seconds):
    # Some libraries swallow it while they are imported: the job then ran on.
    process = program.start(*command(warm_file))
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT), err


def test_overwriting_keeps_old_bytes_or_new_ones(
    program, folder, warm_file, identity_file
):
    program.run(*command(warm_file))
    old = {path: path.read_bytes() for path in pictures(folder)}
    again = ("relight", "in", "out", "--weights", identity_file, "--batch-size", "1")
    process = program.start(*again)
    deadline = time.monotonic() + 60
    while sum(path.read_bytes() != data for path, data in old.items()) < 5:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert_whole(old)
    program.run(*again)
    assert all(path.read_bytes() != data for path, data in old.items())
