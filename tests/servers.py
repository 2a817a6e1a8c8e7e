"""`msrnet serve` as a process of its own, and what clients may do to it."""

from __future__ import annotations

import http.client
import io
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

from conftest import encoded, photo
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.networks import lightstage
from msrnet_cli.weights.file import save_weights

SECONDS = 60
"""For anything that a test waits for."""


class Answer:
    """An answer to a request.

    Attributes:
        status: Of HTTP.
        headers: By name, in lower case.
        body: All of it.
    """

    def __init__(self, status, headers, body):
        self.status, self.body = status, body
        self.headers = {name.lower(): value for name, value in headers}

    @property
    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]


class Served:
    """A service.

    Attributes:
        process: It runs in this one.
        folder: All that it could take for a place to write to.
        address: What it printed.
        port: In the address.
        root: Path in the address, which holds the token.
    """

    def __init__(self, process, folder):
        self.process, self.folder = process, folder
        self.address = process.stdout.readline().decode().strip()
        assert self.address, process.stderr.read().decode()
        parts = urlsplit(self.address)
        self.port, self.root = parts.port, parts.path

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def ask(self, method="GET", path="", body=None, **headers):
        """A request below the address; `_` stands for `-` in names of headers."""
        return self.ask_at(method, self.root + path, body, **headers)

    def ask_at(self, method, path, body=None, **headers):
        """A request at any path."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, fields)
            found = connection.getresponse()
            return Answer(found.status, found.getheaders(), found.read())
        finally:
            connection.close()

    def upload(self, data, name="photo.png", **headers):
        return self.ask("POST", f"pictures?name={quote(name)}", data, **headers)

    def table(self, data, name="photo.png"):
        """Upload a picture; the address of its table, below `root`."""
        answer = self.upload(data, name)
        assert answer.status == 200, answer.body
        assert "table" in answer.lines[-1], answer.lines
        return answer.lines[-1]["table"]

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)

    def head(self, *lines, method="POST", path="pictures", host=None):
        """The head of a request, as bytes."""
        first = (f"{method} {self.root}{path} HTTP/1.1", f"Host: {host or self.host}")
        return ("\r\n".join((*first, *lines)) + "\r\n\r\n").encode("latin-1")

    def say(self, *parts):
        """Send bytes as they are; all that comes back until the end."""
        with self.connect() as client:
            with quiet():
                for part in parts:
                    client.sendall(part)
            return rest_of(client)

    def works(self):
        """Whether a good picture gets its table, after a moment at the most."""
        until(self._takes_a_picture)
        return True

    def _takes_a_picture(self):
        try:
            answer = self.upload(PICTURE)
        except ConnectionError:  # there are too many
            return False
        if answer.status == 503:
            return False
        table = self.ask("GET", answer.lines[-1]["table"])
        return table.status == 200 and b"</html>" in table.body

    @property
    def peak(self):
        """The most memory that it has held, in bytes."""
        return self._status("VmHWM") * 1024

    @property
    def threads(self):
        return self._status("Threads")

    @property
    def files(self):
        """Files and sockets that it holds."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def written(self):
        """All that it wrote to a place for files."""
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def stop(self, number=signal.SIGINT):
        """End it; its exit code, and what it said on standard error."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, said.decode()

    def _status(self, name):
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.partition(f"{name}:")[2].split()[0])


class Upload(threading.Thread):
    """A picture that is sent by a client of its own; its lines as they come."""

    def __init__(self, served, data):
        super().__init__(daemon=True)
        self.lines = []
        self._connection = http.client.HTTPConnection("127.0.0.1", served.port)
        self._connection.request("POST", f"{served.root}pictures", data)
        self._socket = self._connection.sock
        self.start()

    def run(self):
        with quiet():
            self.lines.extend(iter(self._connection.getresponse().readline, b""))

    def go_away(self):
        self._socket.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(folder, weights, *arguments):
    """A service that can write no byte to any file.

    Args:
        folder: Empty; its home, its folder for temporary files, and where it runs.
        weights: A file.
        *arguments: Further options.
    """
    usual = ("--weights", weights, "--device", "cpu", "--dtype", "fp32")
    process = subprocess.Popen(
        [sys.executable, "-m", "msrnet_cli", "serve", *map(str, (*usual, *arguments))],
        cwd=folder,
        env={
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(Path(__file__).parents[1]),
            **dict.fromkeys(("TMPDIR", "HOME", "XDG_CACHE_HOME"), str(folder)),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        served = Served(process, folder)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))
        yield served
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@contextmanager
def quiet():
    """What is sent may be more than the other side wants to hear."""
    with suppress(BrokenPipeError, ConnectionResetError):
        yield


def until(condition):
    """Wait for something that comes soon."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def rest_of(client):
    """All that comes until the other side ends."""
    found = b""
    with quiet():
        while part := client.recv(65536):
            found += part
    return found


def status_of(said):
    """The status of an answer in bytes; None where there is none."""
    return int(said.split()[1]) if said.startswith(b"HTTP/1.1 ") else None


def chunked(*parts):
    """A body in chunks, with its end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


def bomb(width, height):
    """A PNG that declares a size, and holds next to nothing."""
    chunks = (
        (
            b"IHDR",
            width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\2\0\0\0",
        ),
        (b"IDAT", zlib.compress(bytes(100_000))),
        (b"IEND", b""),
    )
    out = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    out.seek(0, io.SEEK_END)
    for kind, data in chunks:
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        out.write(len(data).to_bytes(4, "big") + kind + data + check)
    return out.getvalue()


def form(data, name="photo.png", field="picture", boundary="----edge"):
    """A plain form with a file; the body, and its type."""
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}";'
        f' filename="{name}"\r\nContent-Type: image/png\r\n\r\n'
    )
    body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def stage_weights(folder):
    """A file with weights of a small light stage."""
    network = lightstage.LightStage(12)
    lightstage.start_as_identity(network)
    card = WeightsCard(model=ModelConfig("lightstage", channels=12))
    path = folder / "stage.safetensors"
    save_weights(path, network.state_dict(), card)
    return path


PICTURE = encoded(photo(64, 48), "png")
"""A small picture."""
