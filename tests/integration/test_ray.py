"""`msrnet relight --executor ray`: the results of one machine, whoever is killed.

One story is run once, on a network of its own that leads nowhere: a driver is killed,
the next one loses an actor, and finishes. The tests ask what became of it.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest import Program, photo, picture_at

pytest.importorskip("ray", reason="no msrnet[ray]")

COUNT = 24
SIZE = (160, 120)
EXACT = ("--batch-size", "1", "--dtype", "fp32")
PATIENCE = 600
HEAD = "head"
TOKEN = "token"
OUTSIDE = "192.0.2.9"
ISLAND = (
    "ip link set lo up && ip link add out type veth peer name end"
    " && for each in out end; do"
    " echo 1 > /proc/sys/net/ipv6/conf/$each/disable_ipv6; ip link set $each arp off;"
    " ip link set $each up; done; ip address add 198.51.100.1/24 dev out"
    " && ip route add default dev out && echo ready && exec sleep 3600"
)
SENDING = (
    "import socket;"
    f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'', ('{OUTSIDE}', 9))"
)


class Island:
    """A network that leads nowhere, and counts what would leave it."""

    def __init__(self):
        self.prefix = ()
        command = ["unshare", "--net", "sh", "-c", ISLAND]
        self._holder = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        if self._holder.stdout.readline() == b"ready\n":
            self.prefix = ("nsenter", "--net", "--target", str(self._holder.pid))

    def sent(self):
        """Packets for other machines so far."""
        lines = Path(f"/proc/{self._holder.pid}/net/dev").read_text().splitlines()
        (line,) = (line for line in lines if line.strip().startswith("out:"))
        return int(line.partition(":")[2].split()[9])

    def close(self):
        self._holder.kill()
        self._holder.communicate()


@pytest.fixture(scope="module")
def island():
    """Without the right to make networks there is none, and its prefix is empty."""
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        yield SimpleNamespace(prefix=())
        return
    found = Island()
    yield found
    found.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("ray")
    (root / "in").mkdir()
    for index in range(COUNT):
        photo(*SIZE, index).save(root / f"in/{index:03}.png")
    (root / "in/torn.png").write_bytes((root / "in/000.png").read_bytes()[:900])
    return root


@pytest.fixture(scope="module")
def rays():
    """A folder for Ray's own files; its sockets need a short path."""
    folder = Path(tempfile.mkdtemp(prefix="ray"))
    (folder / TOKEN).write_text("0" * 64)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def environment(rays):
    # Of a cluster that is named by its address, Ray finds the token only if told to.
    mode = {"RAY_AUTH_MODE": "disabled"} if rays.name == HEAD else {}
    mode["RAY_worker_niceness"] = "0"  # else a busy machine leaves them no time
    without = {name: v for name, v in os.environ.items() if not name.startswith("RAY_")}
    return {
        **without,
        **mode,
        "RAY_TMPDIR": str(rays),
        "RAY_AUTH_TOKEN_PATH": str(rays / TOKEN),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "XDG_CACHE_HOME": str(rays / "cache"),
    }


class Driver:
    """A process that plans, and what it tells; `code` may stand for the program."""

    def __init__(self, place, rays, weights, *more, prefix=(), out="out", code=""):
        words = ("relight", "in", out, "--weights", weights, *EXACT, "--json", *more)
        program = ("-c", code) if code else ("-m", "msrnet_cli")
        self.events = []
        self.process = subprocess.Popen(
            [*prefix, sys.executable, *program, *map(str, words)],
            cwd=place,
            env=environment(rays),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def hear(self, count=1):
        """Read on until so many pictures are told of; False where it has ended."""
        heard = 0
        while heard < count:
            line = self.process.stdout.readline()
            if not line:
                return False
            self.events.append(json.loads(line))  # nothing else may be said there
            heard += self.events[-1]["event"] == "file"
        return True

    def kill(self):
        self.process.kill()
        self.end()

    def end(self):
        """Wait for its end; gives the exit code and what it says to people."""
        # Not `communicate`: it would pass over what `hear` has buffered.
        with self.process.stdout, self.process.stderr:
            for line in self.process.stdout:
                if line.endswith(b"\n"):  # a killed driver may leave half a line
                    self.events.append(json.loads(line))
            err = self.process.stderr.read().decode()
        return self.process.wait(PATIENCE), err

    def of(self, status):
        return [e["input"] for e in self.events if e.get("status") == status]


def processes(rays, name=""):
    """Process numbers of Ray's that belong to a folder, by a word of their command."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
            ours = f"RAY_TMPDIR={rays}\0".encode() in (entry / "environ").read_bytes()
        except OSError:
            continue
        if ours and name.encode() in words and words:
            found.append(int(entry.name))
    return found


def actors(rays):
    return processes(rays, "ray::RayWorker")


def results(root, out="out"):
    return {path.name: path.read_bytes() for path in (root / out).glob("*.png")}


def made(root):
    """How often each output stands in the journals."""
    counts = {}
    for journal in (root / "out").glob(".msrnet-journal*"):
        for line in journal.read_text().splitlines():
            entry = json.loads(line)
            if "made" in entry:
                counts[entry["output"]] = counts.get(entry["output"], 0) + 1
    return counts


@pytest.fixture(scope="module")
def story(place, rays, island, warm_file):
    asked = ("--executor", "ray", "--ray-actors", "2", "--ray-cpus", "0.5")
    first = Driver(place, rays, warm_file, *asked, prefix=island.prefix)
    assert first.hear(4), first.end()
    first.kill()
    after_kill = set(results(place))
    begin = time.monotonic()
    # Ray 2.44 leaves an agent of its own, without actors, for two minutes.
    while processes(rays, "raylet") and time.monotonic() < begin + 180:
        time.sleep(0.1)
    left = processes(rays, "raylet")
    second = Driver(place, rays, warm_file, *asked, prefix=island.prefix)
    assert second.hear(6), second.end()
    victim = actors(rays)[0]
    os.kill(victim, signal.SIGKILL)
    code, err = second.end()
    sent = island.sent() if island.prefix else None
    return SimpleNamespace(
        first=first,
        second=second,
        after_kill=after_kill,
        left=left,
        code=code,
        err=err,
        sent=sent,
    )


def one_machine(place, monkeypatch, weights, out="out"):
    """What one machine tells, which makes the same."""
    words = ("relight", "in", out, "--weights", weights, *EXACT, "--json")
    return Program(place, monkeypatch).run(*words, code=3).events


def test_after_two_kills_all_is_there_and_as_one_machine_makes_it(
    story, place, monkeypatch, warm_file
):
    one_machine(place, monkeypatch, warm_file, "local")
    assert len(results(place)) == COUNT
    assert results(place) == results(place, "local")
    assert not list((place / "out").glob("*.part"))


def test_a_driver_goes_on_where_the_one_before_was_killed(story):
    assert set(story.first.of("relit")) <= {f"in/{n}" for n in story.after_kill}
    assert {f"in/{n}" for n in story.after_kill} <= set(story.second.of("skipped"))
    assert not story.left, "Ray outlives the driver that has started it"


def test_nothing_is_made_twice(story, place):
    told = story.second.of("relit") + story.second.of("skipped")
    assert sorted(told) == [f"in/{index:03}.png" for index in range(COUNT)]
    relit = story.first.of("relit") + story.second.of("relit")
    assert len(relit) == len(set(relit))


def test_a_bad_picture_is_one_line_and_costs_no_other(story, place):
    assert story.code == 3, story.err
    assert story.second.of("failed") == ["in/torn.png"]
    assert (place / "out/failures.txt").read_text().endswith("in/./torn.png\n")
    summary = story.second.events[-1]
    assert (summary["event"], summary["failed"]) == ("summary", 1)
    assert summary["unfinished"] == 0


def test_ray_says_nothing_of_its_own(story):
    lines = story.err.splitlines()
    assert all(line.startswith("msrnet: ") for line in lines), story.err


def test_no_packet_leaves_the_machine(story, island):
    if story.sent is None:
        pytest.skip("no right to make a network on this machine")
    assert story.sent == 0
    subprocess.run([*island.prefix, sys.executable, "-c", SENDING], check=True)
    assert island.sent() > 0, "what leaves is not counted"


def test_the_report_knows_the_results_of_all_actors(story, place, monkeypatch):
    program = Program(place, monkeypatch)
    told = program.run("report", "out", "--json").out.decode()
    assert json.loads(told)["there"] == COUNT
    assert len(list((place / "out").glob(".msrnet-journal-actor-*.jsonl"))) == 2


def test_one_machine_knows_what_actors_made(story, place, monkeypatch, warm_file):
    told = one_machine(place, monkeypatch, warm_file)
    assert [e.get("status") for e in told].count("skipped") == COUNT


# What follows needs minutes: a cluster that outlives its drivers.


@pytest.fixture(scope="module")
def head(rays):
    """The address of a cluster with two nodes, each with processes of its own."""
    home = rays / HEAD
    home.mkdir()
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--num-cpus=1"]
    ray += ["--object-store-memory=83886080"]
    port = 20000 + os.getpid() % 10000
    start = [*ray, "--head", f"--port={port}", "--include-dashboard=false"]
    start += ["--disable-usage-stats", f"--temp-dir={home}"]
    settings = {"env": environment(home), "stdout": subprocess.DEVNULL}
    subprocess.run(start, check=True, stderr=subprocess.DEVNULL, **settings)
    address = f"127.0.0.1:{port}"
    more = [*ray, f"--address={address}"]
    subprocess.run(more, check=True, stderr=subprocess.DEVNULL, **settings)
    yield SimpleNamespace(address=address, home=home)
    for number in processes(home):
        os.kill(number, signal.SIGKILL)


def joined(head):
    return ("--executor", "ray", "--ray-address", head.address)


@pytest.fixture
def many(tmp_path, request):
    (tmp_path / "in").mkdir()
    for index in range(request.param):
        photo(64, 48, index % 50).save(tmp_path / f"in/{index:03}.png")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("many", [500], indirect=True)
def test_twenty_kills_of_anybody_lose_nothing(many, head, warm_file):
    chance = random.Random(0)
    asked = (*joined(head), "--ray-actors", "2")
    relit, kills = [], 0
    driver = Driver(many, head.home, warm_file, *asked)
    while kills < 20 and driver.hear(chance.randint(4, 16)):
        time.sleep(chance.uniform(0, 0.2))
        kills += 1
        if kills % 3 == 0:
            driver.kill()
            relit += driver.of("relit")
            driver = Driver(many, head.home, warm_file, *asked)
        elif alive := actors(head.home):
            os.kill(chance.choice(alive), signal.SIGKILL)
    code, err = driver.end()
    relit += driver.of("relit")
    assert (code, kills) == (0, 20), err
    assert len(results(many)) == 500
    for path in (many / "out").glob("*.png"):
        assert picture_at(path).size == (64, 48)
    assert not list((many / "out").glob("*.part"))
    assert len(relit) == len(set(relit)), "told of twice"
    local = Driver(many, head.home, warm_file, out="local")
    assert local.end()[0] == 0
    assert results(many) == results(many, "local")
    # A picture that was being made at a kill is made again: none else.
    assert sum(made(many).values()) - 500 <= 20 * 16


@pytest.mark.slow
@pytest.mark.parametrize("many", [200], indirect=True)
def test_ctrl_c_ends_with_a_summary_and_its_code(many, head, warm_file):
    driver = Driver(many, head.home, warm_file, *joined(head))
    assert driver.hear(5), driver.end()
    driver.process.send_signal(signal.SIGINT)
    code, err = driver.end()
    assert code == 130, err
    summary = driver.events[-1]
    assert summary["stopped_by"] == "SIGINT"
    assert summary["unfinished"] > 0
    assert summary["relit"] == len(results(many))
    assert not list((many / "out").glob("*.part"))
    assert not err.strip()


@pytest.mark.slow
@pytest.mark.parametrize("many", [12], indirect=True)
def test_a_page_and_people_are_told_as_on_one_machine(many, head, warm_file):
    words = ("relight", "in", "out", "--weights", warm_file, *EXACT, *joined(head))
    words += ("--report", "page.html")
    done = subprocess.run(
        [sys.executable, "-m", "msrnet_cli", *map(str, words)],
        cwd=many,
        env=environment(head.home),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    opening, *lines, last, page = [
        line for line in done.stderr.splitlines() if "loading" not in line
    ]
    assert "12 pictures -> out" in opening
    assert "on 2 actors of Ray on up to 2 nodes, each on cpu" in opening
    assert [line.partition(" relit:")[0] for line in lines] == [
        f"[{i + 1}/12]" for i in range(12)
    ]
    assert last.startswith("12 relit in")
    assert page == "page: page.html"
    assert (many / "page.html").read_text("utf-8").count("<article") == 12


@pytest.mark.slow
@pytest.mark.parametrize("many", [1], indirect=True)
def test_what_a_cluster_lacks_is_told_in_one_line(many, head, warm_file):
    asked = (*joined(head), "--ray-gpus", "1")
    code, err = Driver(many, head.home, warm_file, *asked).end()
    assert (code, len(err.splitlines())) == (2, 1), err
    assert "no node of Ray has 1 CPUs and 1 GPUs: at most 1 and 0" in err
    lacking = Driver(many, head.home, many / "none.safetensors", *joined(head))
    code, err = lacking.end()
    assert code == 5, err
    assert err.splitlines()[-1].startswith("msrnet: on ")
