"""Interrupted at any moment, a folder job loses nothing and can be finished."""

import io
import signal
import time

import pytest
from PIL import Image

from conftest import photo

COUNT = 40


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for i in range(COUNT):
        photo(160, 120, i).save(tmp_path / f"in/{i:02}.png")
    return tmp_path


def command(warm_file):
    return ("relight", "in", "out", "--weights", warm_file, "--batch-size", "1")


def pictures(folder):
    return sorted((folder / "out").glob("*.png"))


def wait_for_pictures(process, folder, count):
    deadline = time.monotonic() + 60
    while len(pictures(folder)) < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def assert_whole(paths):
    for path in paths:
        image = Image.open(io.BytesIO(path.read_bytes()))
        image.load()
        assert image.size == (160, 120)


@pytest.mark.parametrize("after", [1, 17])
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


@pytest.mark.parametrize(
    ("name", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_signal_ends_with_a_summary_and_its_code(
    program, folder, warm_file, name, code
):
    process = program.start(*command(warm_file))
    wait_for_pictures(process, folder, 3)
    process.send_signal(name)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert b"unfinished" in err
    assert b"Traceback" not in err
    assert_whole(pictures(folder))
    assert not list((folder / "out").glob("*.part"))
    program.run(*command(warm_file))
    assert len(pictures(folder)) == COUNT


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


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.6])
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
    process.kill()
    process.communicate()
    assert_whole(old)
    program.run(*again)
    assert all(path.read_bytes() != data for path, data in old.items())
