"""A machine of a Ray cluster that is lost with all its processes during a job.

Killed with -9, it closes its connections as it dies. Stopped, it is silent, as without
power or cut from the network: Ray finds that out by itself after a while.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("ray", reason="no msrnet[ray]")

from test_ray import HEAD, TOKEN, Driver, environment, made, processes, results

from conftest import photo

COUNT = 120
IMPATIENT = (
    "import sys; from msrnet_cli.folder import crew; crew._PLACING = 20.0;"
    " from msrnet_cli.__main__ import main; main()"
)


class Machine:
    """A node of Ray: what `ray start` leaves running, told apart by a variable.

    Args:
        home: Ray's folder.
        name: Of the machine, among those of the test.
        words: What `ray start` is told.
    """

    def __init__(self, home, name, *words):
        self._home = home
        self._mark = f"TESTED_MACHINE={name}"
        start = [sys.executable, "-m", "ray.scripts.scripts", "start"]
        subprocess.run(
            [*start, "--object-store-memory=83886080", *words],
            env=environment(home) | dict([self._mark.split("=")]),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def processes(self, name=""):
        """Those that `ray start` left, and what they have started."""
        found = []
        for number in processes(self._home, name):
            with suppress(OSError), open(f"/proc/{number}/environ", "rb") as file:
                if f"{self._mark}\0".encode() in file.read():
                    found.append(number)
        return found if name else [*found, *descendants(found)]

    def send(self, number):
        """Send a signal to all at once, the daemon that would tell of it first."""
        raylet = self.processes("raylet/raylet")
        for each in dict.fromkeys((*raylet, *self.processes())):
            with suppress(ProcessLookupError):
                os.kill(each, number)


def descendants(numbers):
    """Process numbers of children, and of their children: agents change their names."""
    found = []
    for number in numbers:
        with suppress(OSError):
            told = Path(f"/proc/{number}/task/{number}/children").read_text()
            children = [*map(int, told.split())]
            found += [*children, *descendants(children)]
    return found


@pytest.fixture
def cluster():
    """Starts a head and more machines; their sockets need a short path."""
    root = Path(tempfile.mkdtemp(prefix="ray"))
    (root / TOKEN).write_text("0" * 64)
    home = root / HEAD
    home.mkdir()
    port = 30000 + os.getpid() % 2000
    machines = []

    def start(*words):
        machines.append(Machine(home, len(machines), *words))
        return machines[-1]

    def head(cpus):
        quiet = ("--include-dashboard=false", "--disable-usage-stats")
        where = (f"--port={port}", f"--temp-dir={home}")
        return start("--head", f"--num-cpus={cpus}", *where, *quiet)

    def more():
        return start(f"--address=127.0.0.1:{port}", "--num-cpus=1")

    asked = ("--executor", "ray", "--ray-address", f"127.0.0.1:{port}")
    yield SimpleNamespace(head=head, more=more, home=home, asked=asked)
    for machine in machines:
        machine.send(signal.SIGKILL)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "in").mkdir()
    for index in range(COUNT):
        photo(64, 48, index % 50).save(tmp_path / f"in/{index:03}.png")
    return tmp_path


def until_both_work(driver, folder):
    """Hear until each of two actors has told of a picture in its journal."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert driver.hear(), driver.end()
        journals = [*folder.glob("out/.msrnet-journal-actor-*.jsonl")]
        if len(journals) == 2 and all('"made"' in one.read_text() for one in journals):
            return
    raise AssertionError("one actor does not work")


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_machine_that_is_lost_costs_no_picture(cluster, pictures, warm_file, end):
    cluster.head(1)
    lost = cluster.more()
    driver = Driver(pictures, cluster.home, warm_file, *cluster.asked)
    until_both_work(driver, pictures)
    begin = time.monotonic()
    lost.send(end)
    code, err = driver.end()
    print(f"{end.name}: over {time.monotonic() - begin:.0f} s after it")
    assert code == 0, err
    told = [event for event in driver.events if event["event"] == "lost"]
    assert len(told) == 1, told
    assert told[0]["machine"] == os.uname().nodename
    relit = driver.of("relit")
    assert sorted({*relit, *driver.of("skipped")}) == sorted(
        f"in/{index:03}.png" for index in range(COUNT)
    )
    assert len(relit) == len(set(relit)), "told of twice"
    before = results(pictures)
    lost.send(signal.SIGCONT)  # as a machine that finds the network again
    deadline = time.monotonic() + 120
    while lost.processes("raylet/raylet") and time.monotonic() < deadline:
        time.sleep(0.2)
    local = Driver(pictures, cluster.home, warm_file, out="local")
    assert local.end()[0] == 0
    assert before == results(pictures) == results(pictures, "local")
    assert not list((pictures / "out").glob("*.part"))
    # Only what was at work there was made again.
    assert sum(made(pictures).values()) - COUNT <= 16


@pytest.mark.slow
def test_a_job_without_any_machine_ends_in_one_line_and_goes_on(
    cluster, pictures, warm_file
):
    cluster.head(0)
    lost = cluster.more()
    driver = Driver(pictures, cluster.home, warm_file, *cluster.asked, code=IMPATIENT)
    assert driver.hear(4), driver.end()
    lost.send(signal.SIGKILL)
    code, err = driver.end()
    summary = driver.events[-1]
    assert summary["halted"].startswith(
        "no actor has answered for 20 s; look at the cl"
    )
    assert summary["relit"] >= 4
    assert summary["unfinished"] == COUNT - summary["relit"]
    assert (code, err.strip()) == (3, "")  # some are made
    cluster.more()
    again = Driver(pictures, cluster.home, warm_file, *cluster.asked)
    code, err = again.end()
    assert code == 0, err
    assert again.events[-1]["relit"] + again.events[-1]["skipped"] == COUNT
    local = Driver(pictures, cluster.home, warm_file, out="local")
    assert local.end()[0] == 0
    assert results(pictures) == results(pictures, "local")
