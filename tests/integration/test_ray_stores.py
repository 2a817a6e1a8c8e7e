"""Actors of Ray read and write in an object store."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("ray", reason="no msrnet[ray]")
pytest.importorskip("obstore", reason="no msrnet[cloud]")
pytest.importorskip("moto", reason="no moto[server]")

from conftest import encoded, photo
from stores import CREDENTIALS, Bucket, serving

COUNT = 6


def relight(out, weights, bucket, port, cache, *more):
    environment = {
        **os.environ,
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": "us-east-1",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "XDG_CACHE_HOME": str(cache),
    }
    words = ["relight", bucket.at("in"), bucket.at(out), "--weights", str(weights)]
    words += ["--recursive", "--batch-size", "1", "--dtype", "fp32", *more]
    return subprocess.run(
        [sys.executable, "-m", "msrnet_cli", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.slow  # Ray's daemons take a minute of a busy machine
def test_actors_make_the_objects_of_one_process(tmp_path, warm_file):
    with serving() as port:
        bucket = Bucket(port, "both", None)
        for index in range(COUNT):
            bucket.put(f"in/sub/{index}.png", encoded(photo(32, 24, index), "png"))
        one = relight("one", warm_file, bucket, port, tmp_path)
        assert one.returncode == 0, one.stderr
        asked = ("--executor", "ray", "--ray-actors", "2", "--ray-cpus", "0.5")
        many = relight("many", warm_file, bucket, port, tmp_path, *asked)
        assert many.returncode == 0, many.stderr
        assert bucket.files("many") == bucket.files("one") != {}
        again = relight("many", warm_file, bucket, port, tmp_path)
        assert f"{COUNT} skipped" in again.stderr
