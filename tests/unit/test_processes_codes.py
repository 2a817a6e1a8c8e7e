"""What the leading process learns of the others' ends."""

import multiprocessing
import os
import threading
import time

import pytest

from msrnet_cli.train import processes


@pytest.fixture
def other():
    """A process that works for longer than any test."""
    process = multiprocessing.get_context("spawn").Process(
        target=time.sleep, args=(600,), daemon=True
    )
    process.start()
    yield process
    process.kill()
    process.join()


def test_two_threads_learn_at_once_what_killed_a_process(other, monkeypatch):
    """The system tells one of them; the other must not take that for no answer."""
    wait = os.waitpid

    def slowly(*asked):
        told = wait(*asked)
        time.sleep(0.3)  # in which the other thread asks
        return told

    monkeypatch.setattr(os, "waitpid", slowly)
    found = []
    watching = threading.Thread(
        target=lambda: found.append(processes._has_one_failed([other]))
    )
    watching.start()
    other.kill()
    time.sleep(0.1)
    lost = processes._killed([other], lambda: "start it again")
    watching.join()
    assert found == [True]
    assert lost is not None
    assert "was killed (signal 9)" in str(lost)
