"""What an object store costs: time against local files, and memory of a long list.

    python -m benchmarks.stores pictures FOLDER --count 40 --latency 1
    python -m benchmarks.stores pictures FOLDER --wait 0.2
    python -m benchmarks.stores keys --count 100000

`pictures` relights the same pictures of one megapixel in a folder and in a store by
turns, each time in a process of its own. The store is moto's server behind a proxy that
makes each request a little longer. With `--wait` the network is a stand-in that only
waits: then other programs on the same cores hardly count. `keys` lists keys that a
server makes up.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_TESTS = Path(__file__).parent.parent / "tests"
_SIDE = (1200, 833)
_BIG = 1000  # keys in an answer, as Amazon S3 has it
_LISTING = """
import resource, sys
from msrnet_cli.folder.search import search
from msrnet_cli.places import place
from msrnet_cli.stores import client
found = search(["s3://bucket/in"], None, place("out"), recursive=True)
if sys.argv[1] == "stream":
    found = client.keys(place("s3://bucket/in"))
first = next(iter(found))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
kept = sum(1 for _ in found) if sys.argv[1] == "stream" else len([*found])
print(kept + 1, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


_WAITING = """
import sys, time
from msrnet_cli.folder.job import relight_folder
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.relights import FakeRelighter
source, target, wait = sys.argv[1:]
options = FolderOptions(batch_size=1)
network = FakeRelighter(on_run=lambda _: time.sleep(float(wait)))
begin = time.perf_counter()
plan = make_plan([source], target, options)
end = relight_folder(plan, network, options, lambda _: None)
assert end.relit == len(plan.jobs), end.failures
print('{"seconds":', time.perf_counter() - begin, "}")
"""


@dataclass(frozen=True)
class Cost:
    """What one run took.

    Attributes:
        place: ``folder`` or ``store``.
        wall: In seconds, without the start of Python and of the network; with a
            stand-in the plan counts, too.
        cpu: Time on a core, in seconds; that of the whole process.
    """

    place: str
    wall: float
    cpu: float


def main() -> None:
    """Measure, and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_subparsers(dest="what", required=True)
    pictures = what.add_parser("pictures")
    pictures.add_argument("folder", type=Path)
    pictures.add_argument("--count", type=int, default=40)
    pictures.add_argument("--rounds", type=int, default=2)
    pictures.add_argument("--latency", type=float, default=1, help="milliseconds")
    pictures.add_argument("--weights", default="n6500-e4500")
    pictures.add_argument("--wait", type=float, help="seconds, for a stand-in")
    keys = what.add_parser("keys")
    keys.add_argument("--count", type=int, default=100_000)
    asked = parser.parse_args()
    told = _keys(asked) if asked.what == "keys" else _pictures(asked)
    print(json.dumps(told, indent=1))


def _pictures(asked: argparse.Namespace) -> dict[str, object]:
    sys.path.insert(0, str(_TESTS))
    stores = importlib.import_module("stores")
    folder: Path = asked.folder
    (folder / "in").mkdir(parents=True)
    _fill(folder / "in", asked.count)
    costs: list[Cost] = []
    with stores.serving() as port, stores.proxied(port) as proxy:
        proxy.delay = asked.latency / 1e3
        endpoint = f"http://127.0.0.1:{proxy.server_port}"
        store = {**stores.CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}
        bucket = stores.Bucket(port, "bucket", proxy)
        for path in (folder / "in").iterdir():
            bucket.put(f"in/{path.name}", path.read_bytes())
        for turn in range(asked.rounds):
            ways = [("folder", str(folder / "in"), str(folder / f"out-{turn}"))]
            ways.append(("store", bucket.at("in"), bucket.at(f"out-{turn}")))
            for place, source, target in ways[:: -1 if turn % 2 else 1]:
                call = _call(source, target, asked)
                costs.append(_run(place, call, {**os.environ, **store}))
        requests = len(proxy.requests) / asked.count / asked.rounds
    sums = {
        place: {
            key: sum(vars(one)[key] for one in costs if one.place == place)
            for key in ("wall", "cpu")
        }
        for place in ("folder", "store")
    }
    ratio = {key: sums["store"][key] / sums["folder"][key] for key in ("wall", "cpu")}
    return {
        "pictures": asked.count,
        "latency_ms": asked.latency,
        "runs": [asdict(one) for one in costs],
        "requests_a_picture": requests,
        "store_to_folder": ratio,
    }


def _fill(folder: Path, count: int) -> None:
    from PIL import Image, ImageFilter

    for index in range(count):
        noise = Image.effect_noise((_SIDE[0] // 8, _SIDE[1] // 8), 40 + index)
        image = noise.resize(_SIDE).filter(ImageFilter.GaussianBlur(2)).convert("RGB")
        image.save(folder / f"{index:03}.jpg", quality=92)


def _call(source: str, target: str, asked: argparse.Namespace) -> list[str]:
    if asked.wait is not None:
        return [sys.executable, "-c", _WAITING, source, target, str(asked.wait)]
    call = [sys.executable, "-m", "msrnet_cli", "relight", source, target]
    call += ["--weights", asked.weights, "--batch-size", "1"]
    return [*call, "--device", "cpu", "--json"]


def _run(place: str, call: list[str], environment: dict[str, str]) -> Cost:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(call, capture_output=True, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    end = json.loads(done.stdout.splitlines()[-1])
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Cost(place, end["seconds"], cpu)


def _keys(asked: argparse.Namespace) -> dict[str, object]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Keys) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told: dict[str, object] = {"keys": asked.count}
        for way in ("stream", "search"):
            for count in (_BIG, asked.count):
                _Keys.count = count
                begin = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, "-c", _LISTING, way],
                    capture_output=True,
                    check=True,
                    env={
                        **os.environ,
                        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
                        "AWS_ACCESS_KEY_ID": "key",
                        "AWS_SECRET_ACCESS_KEY": "secret",
                    },
                )
                listed, kibibytes = map(int, done.stdout.split())
                assert listed == count
                told[f"{way}_{count}"] = {
                    "grown_mib": round(kibibytes / 1024, 1),
                    "seconds": round(time.perf_counter() - begin, 1),
                }
        server.shutdown()
    return told


class _Keys(BaseHTTPRequestHandler):
    """Lists `count` keys as Amazon S3 does."""

    count = 0
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_HEAD(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        first = int(asked.get("continuation-token", ["0"])[0])
        last = min(first + _BIG, self.count)
        contents = "".join(
            f"<Contents><Key>in/{index % 1000:03}/{index:09}-a-photograph.jpg</Key>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f'<ETag>"{index:032x}"</ETag><Size>250000</Size></Contents>'
            for index in range(first, last)
        )
        more = last < self.count
        token = f"<NextContinuationToken>{last}</NextContinuationToken>" if more else ""
        body = (
            f"<ListBucketResult><Name>bucket</Name><KeyCount>{last - first}</KeyCount>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}"
            "</ListBucketResult>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    main()
