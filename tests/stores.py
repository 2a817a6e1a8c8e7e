"""A server that speaks as Amazon S3 does, behind a proxy that makes faults.

`clouds` has servers of other kinds, for the same proxy.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote, urlsplit

SECONDS = 60
REFUSAL = '<?xml version="1.0"?><Error><Code>{}</Code><Message>No.</Message></Error>'
_SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=key-of-tests/20260101/us-east-1/s3/aws4_request,"
    " SignedHeaders=host, Signature=0"  # the server asks for one, and does not check it
)
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key-of-tests", "AWS_SECRET_ACCESS_KEY": "sesame"}


@dataclass
class Fault:
    """What the proxy does to some requests.

    Attributes:
        does: ``busy``, ``denied``, ``cut``, ``cut-upload``, ``slow`` or ``gone``.
        method: Of the requests.
        path: A pattern that is searched in their path, which is not quoted.
        times: To how many of them.
        ranged: Only to requests with, or without, a range; None for both.
    """

    does: str
    method: str = "GET"
    path: str = ""
    times: float = float("inf")
    ranged: bool | None = None
    seen: int = field(default=0, init=False)

    def strikes(self, method, path, ranged):
        fits = method == self.method and re.search(self.path, path)
        if not fits or (self.ranged is not None and ranged != self.ranged):
            return False
        self.seen += 1
        return self.seen <= self.times


class Proxy(ThreadingHTTPServer):
    """Hands requests on, but for faults.

    Args:
        port: Of the server behind it.

    Attributes:
        faults: The first that fits is made.
        requests: Method, path and range of each request so far.
        delay: Seconds that each request takes longer.
        busy: What this kind of store calls being asked too much.
        denied: What it calls a permission that is missing.
        asked: Gives a request's target for the server behind, by method and target.
        answered: Gives the headers of an answer, by method, headers and body.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = port
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, str | None]] = []
        self.delay = 0.0
        self.busy, self.denied = "SlowDown", "AccessDenied"
        self.asked = lambda _, target: target
        self.answered = lambda _, headers, __: headers
        self.lock = threading.Lock()

    def fault(self, method, path, span):
        with self.lock:
            self.requests.append((method, path, span))
            found = (
                one
                for one in self.faults
                if one.strikes(method, path, span is not None)
            )
            return next(found, None)

    def handle_error(self, *_):
        """Clients that go away are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass

    def _any(self):
        path = unquote(urlsplit(self.path).path)
        fault = self.server.fault(self.command, path, self.headers["Range"])
        does = fault.does if fault else ""
        if self.server.delay:
            time.sleep(self.server.delay)
        size = int(self.headers["Content-Length"] or 0)
        if does == "cut-upload":
            self.rfile.read(size // 2)
            self._cut()
            return
        body = self.rfile.read(size)
        if does in ("busy", "denied", "gone"):
            status = {"busy": 503, "denied": 403, "gone": 404}[does]
            code = getattr(self.server, does, "")
            self._answer(status, {}, REFUSAL.format(code).encode() if code else b"")
            return
        status, headers, data = self._handed_on(body)
        self._answer(status, headers, data, does)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _any  # noqa: N815

    def _handed_on(self, body):
        behind = getattr(_connections, "one", None)
        if behind is None:
            behind = http.client.HTTPConnection("127.0.0.1", self.server.behind)
            _connections.one = behind
        own = {"connection", "host"}
        headers = {k: v for k, v in self.headers.items() if k.lower() not in own}
        target = self.server.asked(self.command, self.path)
        try:
            behind.request(self.command, target, body, headers)
            answer = behind.getresponse()
            data = answer.read()
        except OSError:
            behind.close()
            raise
        told = self.server.answered(self.command, dict(answer.getheaders()), data)
        return answer.status, told, data

    def finish(self):
        super().finish()
        if behind := _connections.__dict__.pop("one", None):
            behind.close()

    def _answer(self, status, headers, data, does=""):
        dropped = {"transfer-encoding", "connection", "server", "date"}
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in dropped:
                self.send_header(name, value)
        if not any(name.lower() == "content-length" for name in headers):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            self.wfile.flush()
            return
        if does == "cut":
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            self._cut()
            return
        step = max(1, len(data) // 10) if does == "slow" else max(1, len(data))
        for first in range(0, len(data), step):
            self.wfile.write(data[first : first + step])
            self.wfile.flush()
            if does == "slow":
                time.sleep(0.05)

    def _cut(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


_connections = threading.local()


class Bucket:
    """A bucket of Amazon S3, as another program sees it; past the proxy.

    Args:
        port: Of the server.
        name: Of the bucket.
        proxy: In front of the server.
    """

    scheme = "s3"
    _listed = re.compile(r"<Key>(.*?)</Key>")

    def __init__(self, port, name, proxy):
        self._port = port
        self.name = name
        self.proxy = proxy
        self._make()

    def at(self, path=""):
        """An address in this bucket."""
        return f"{self.scheme}://{self.name}/{path}"

    def ask(self, method, key="", body=None, query="", headers=None):
        target = f"/{self.name}{'/' if key else ''}{quote(key)}{query}"
        return self._sent(
            method, target, body, {"Authorization": _SIGNATURE, **(headers or {})}
        )

    def put(self, key, data):
        assert self.ask("PUT", key, data)[0] in (200, 201)

    def copy(self, source, target):
        """Put an object at another key, with all that is told of it."""
        copied = {"x-amz-copy-source": f"/{self.name}/{source}"}
        assert self.ask("PUT", target, headers=copied)[0] == 200

    def get(self, key):
        status, _, data = self.ask("GET", key)
        return data if status == 200 else None

    def remove(self, key):
        assert self.ask("DELETE", key)[0] in (200, 202, 204)

    def keys(self, prefix=""):
        """All keys but those of the journal."""
        found = self._listed.findall(self._list(quote(prefix)).decode())
        return sorted(key for key in found if "/.msrnet-" not in key)

    def files(self, prefix):
        """Content by name below a prefix, without the journal."""
        keys = self.keys(f"{prefix}/")
        return {key.removeprefix(f"{prefix}/"): self.get(key) for key in keys}

    def _make(self):
        assert self.ask("PUT")[0] == 200

    def _list(self, prefix):
        return self.ask("GET", query=f"?list-type=2&prefix={prefix}")[2]

    def _sent(self, method, target, body, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


@contextmanager
def serving():
    """The port of a server, which is a process of its own."""
    code = "from moto.server import main; import sys; main(sys.argv[1:])"
    command = [sys.executable, "-W", "ignore", "-c", code, "-H", "127.0.0.1", "-p"]
    with started(lambda port: [*command, str(port)]) as port:
        yield port


@contextmanager
def started(command):
    """The port on which a process listens, once it does.

    Args:
        command: Gives the words that start it on a port.
    """
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    process = subprocess.Popen(
        command(port),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, "the server did not start"
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait()


@contextmanager
def proxied(port):
    """A proxy before a server."""
    with Proxy(port) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
