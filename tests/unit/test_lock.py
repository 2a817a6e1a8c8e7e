"""One run at a time in a folder: refused, released, and gone with its process."""

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from msrnet_cli import lock
from msrnet_cli.errors import UsageError
from msrnet_cli.lock import NAME, Lock


def test_a_second_lock_is_refused_until_the_first_is_let_go(tmp_path):
    with Lock(tmp_path, "trained") as first:
        first.take()
        first.take()
        for _ in range(2):
            with (
                Lock(tmp_path, "trained") as second,
                pytest.raises(UsageError) as refused,
            ):
                second.take()
        assert f"trained by another process (process {os.getpid()}" in str(
            refused.value
        )
    with Lock(tmp_path, "trained") as third:
        third.take()


HOLD = """
import os, subprocess, sys, time
from pathlib import Path
from msrnet_cli.lock import Lock
lock = Lock(Path(sys.argv[1]), "trained")
lock.take()
started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
if not os.fork():
    print(started.pid, os.getpid(), flush=True)  # by now its copy is closed
time.sleep(60)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_lock_dies_with_its_process_and_not_with_those_it_started(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    children = [int(pid) for pid in holder.stdout.readline().split()]
    try:
        with Lock(tmp_path, "trained") as ours:
            with pytest.raises(UsageError, match=f"process {holder.pid} "):
                ours.take()
            holder.kill()
            holder.wait()
            ours.take()
            for child in children:
                os.kill(child, 0)  # still there
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
        holder.stdout.close()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL])
def test_without_locks_a_run_goes_on(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with Lock(tmp_path, "trained") as first, Lock(tmp_path, "trained") as second:
        first.take()
        second.take()


def test_a_link_in_the_place_of_a_lock_is_refused_and_not_followed(tmp_path):
    target = tmp_path / "precious"
    target.write_text("kept")
    (tmp_path / NAME).symlink_to(target)
    with (
        Lock(tmp_path, "trained") as held,
        pytest.raises(UsageError, match="symbolic link"),
    ):
        held.take()
    assert target.read_text() == "kept"
    (tmp_path / NAME).unlink()
    os.mkfifo(tmp_path / NAME)
    with (
        Lock(tmp_path, "trained") as held,
        pytest.raises(UsageError, match="not a regular file"),
    ):
        held.take()


def test_a_folder_that_does_not_exist_is_not_made_by_its_lock(tmp_path):
    with Lock(tmp_path / "run", "trained") as held:
        held.take()
        assert not (tmp_path / "run").exists()
        (tmp_path / "run").mkdir()
        held.take()
        assert (tmp_path / "run" / NAME).exists()


def test_a_lock_that_is_let_go_leaves_nothing_behind(tmp_path):
    with Lock(tmp_path, "trained") as held:
        held.take()
        assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert not list(tmp_path.iterdir())


def test_a_file_that_its_last_holder_removed_is_not_taken_for_the_lock(
    tmp_path, monkeypatch
):
    # The first run lets go between the second one's opening and locking of the file.
    first = Lock(tmp_path, "trained")
    first.take()
    real, opened = lock._opened, []

    def then_let_go(path):
        opened.append(real(path))
        first.release()
        return opened[-1]

    monkeypatch.setattr(lock, "_opened", then_let_go)
    with Lock(tmp_path, "trained") as second:
        second.take()
        assert len(opened) == 2
        with Lock(tmp_path, "trained") as third, pytest.raises(UsageError):
            third.take()
