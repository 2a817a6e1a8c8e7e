"""The array of a cloud's batch queue: a process for each index, one bucket, one retry.

The command is that of docs/scale.md, with small weights; the queue is played by the
test, which sets the variables that the cloud sets.
"""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("obstore", reason="no msrnet[cloud]")

from clouds import KINDS, VARIABLES
from conftest import encoded, photo
from msrnet_cli.folder.shards import part_of

COUNT, TASKS = 24, 3
QUEUES = {
    "s3": ("AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"),
    "gs": ("BATCH_TASK_INDEX", "BATCH_TASK_COUNT"),
}


class Queue:
    """Starts the tasks of an array."""

    def __init__(self, bucket, environment, variables, weights):
        self._bucket = bucket
        self._environment = environment
        self._variables = variables
        self._weights = weights

    def start(self, command, *more, task=None):
        told = {}
        if task is not None:
            told = dict(zip(self._variables, (str(task), str(TASKS)), strict=True))
        return subprocess.Popen(
            [sys.executable, "-m", "msrnet_cli", command, *map(str, more)],
            env=self._environment | told,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def relight(self, out, *more, task=None):
        where = (self._bucket.at("in"), self._bucket.at(out), "--recursive", *more)
        exact = ("--device", "cpu", "--dtype", "fp32", "--weights", self._weights)
        return self.start("relight", *where, *exact, task=task)


def ended(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err.decode()


@pytest.fixture(params=QUEUES)
def queue(request, tmp_path, warm_file):
    kind = KINDS[request.param]
    if lack := kind.lacks():
        pytest.skip(lack)
    with kind.proxied() as (port, proxy):
        bucket = kind.bucket(port, "photos", proxy)
        for index in range(COUNT):
            bucket.put(f"in/{index % 3}/{index}.png", encoded(photo(48, 36, index)))
        address = f"http://127.0.0.1:{proxy.server_port}"
        starters = (*VARIABLES, "BATCH_TASK_", "SLURM_", "RANK", "WORLD_", "JOB_COMPL")
        here = {n: v for n, v in os.environ.items() if not n.startswith(starters)}
        here |= {"HF_HUB_OFFLINE": "1", "XDG_CACHE_HOME": str(tmp_path / "cache")}
        here |= {"OMP_NUM_THREADS": "1"} | kind.environment(address, tmp_path)
        yield Queue(bucket, here, QUEUES[request.param], warm_file), bucket


@pytest.mark.slow
def test_a_task_that_is_taken_away_and_started_again_loses_nothing(queue):
    queue, bucket = queue
    assert ended(queue.relight("whole"))[0] == 0
    tasks = [
        queue.relight("out", "--shard", "auto", task=task) for task in range(TASKS)
    ]
    names = [name for name in bucket.files("whole") if name.endswith(".png")]
    own = [name for name in names if part_of(name, TASKS) == 2]
    deadline = time.monotonic() + 300
    while not {f"out/{name}" for name in own} & {*bucket.keys("out/")}:
        assert tasks[1].poll() is None, tasks[1].stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    tasks[1].send_signal(signal.SIGKILL)
    for task in tasks:
        code, _, err = ended(task)
        assert code == (-signal.SIGKILL if task is tasks[1] else 0), err
    there = {name: bucket.get(f"out/{name}") for name in bucket.files("out")}
    assert {*own} & {*there}
    code, _, err = ended(queue.relight("out", "--shard", "auto", task=1))
    assert code == 0, err
    assert "shard 2/3" in err
    assert f"{len({*own} & {*there})} skipped" in err
    assert bucket.files("out") == bucket.files("whole")
    code, out, err = ended(queue.start("report", bucket.at("out"), "--json"))
    told = json.loads(out)
    assert (code, told["there"], told["missing"]) == (0, COUNT, 0), err
    states = [(one["shard"], one["state"]) for one in told["shards"]]
    assert states == [(f"{index}/{TASKS}", "complete") for index in (1, 2, 3)]
