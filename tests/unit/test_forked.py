"""A program that is forked is the program that is started."""

import signal
import subprocess
import sys

import pytest

from conftest import photo

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="starts the real one")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--version",), 0),
        (("relight", "nowhere", "out"), 2),
        (("relight", "-", "-", "--device", "cpu", "--dtype", "fp32"), 0),
    ],
)
def test_both_say_the_same_and_end_alike(program, warm_file, arguments, code):
    photo(40, 30).save(program.folder / "a.png")
    if code == 0 and "-" in arguments:
        arguments = (*arguments, "--weights", warm_file)
    found = []
    for anew in (True, False):
        with open(program.folder / "a.png", "rb") as picture:
            process = program.start(*arguments, anew=anew, stdin=picture)
        out, err = process.communicate(timeout=60)
        assert (process._loaded is None) == anew
        found.append((process.returncode, out, err))
    assert found[0] == found[1]
    assert found[0][0] == code


def test_what_would_be_read_while_it_loads_has_it_load_anew(program):
    program.environment["OMP_NUM_THREADS"] = "2"
    process = program.start("--version")
    assert process._loaded is None
    process.communicate(timeout=60)


def test_a_signal_that_kills_it_is_told(program):
    process = program.start("relight", "-", "out.png", stdin=subprocess.PIPE)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
