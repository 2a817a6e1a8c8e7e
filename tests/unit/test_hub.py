"""The hub's real client against a server on this machine that plays the hub."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from msrnet_cli.errors import UsageError
from msrnet_cli.hub.address import HubAddress, parse_address

COMMIT = "a" * 40


class Hub(BaseHTTPRequestHandler):
    """One repository, owner/repo, with one file; `mood` says how it behaves."""

    mood = "good"
    content = b""
    hits = 0
    etag = None
    commit = COMMIT
    declared = None
    elsewhere = None
    tokens: ClassVar[list[str | None]] = []
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        type(self).hits += 1
        type(self).tokens.append(self.headers["Authorization"])
        mood = type(self).mood
        if mood == "503":
            return self.fail(503)
        if mood == "loop":
            self.send_response(302)
            self.send_header("Location", self.path)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if mood == "slow":
            time.sleep(20)
        if not self.path.startswith("/owner/repo/"):
            return self.fail(404, "RepoNotFound")
        if "/resolve/main/" not in self.path and COMMIT not in self.path:
            return self.fail(404, "RevisionNotFound")
        if not self.path.endswith("/model.safetensors"):
            return self.fail(404, "EntryNotFound")
        return self.send_file(body, mood)

    def fail(self, status, code=None):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()

    def send_file(self, body, mood):
        content = type(self).content
        length = len(content) + (100 if mood in ("cut", "length") else 0)
        if type(self).elsewhere:
            self.send_response(302)
            self.send_header("Location", type(self).elsewhere + self.path)
            self.send_header("X-Linked-Etag", f'"{type(self).etag}"')
            self.send_header("X-Linked-Size", str(len(content)))
            length, body = 0, False
        else:
            self.send_response(200)
            self.send_header("ETag", f'"{type(self).etag}"')
        if not body and type(self).declared:
            length = type(self).declared
        self.send_header("Content-Length", str(length))
        self.send_header("X-Repo-Commit", type(self).commit)
        self.end_headers()
        if body:
            self.wfile.write(content[: len(content) // 2] if mood == "cut" else content)
            if mood in ("cut", "length"):
                self.close_connection = True

    def log_message(self, *_):
        pass


def git_hash(content):
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content)).hexdigest()


@contextmanager
def playing(content, mood="good", **ways):
    ways.setdefault("etag", git_hash(content))
    own = {"content": content, "mood": mood, "tokens": [], **ways}
    handler = type("Handler", (Hub,), own)
    instance = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    instance.daemon_threads = True
    threading.Thread(target=instance.serve_forever, daemon=True).start()
    try:
        yield instance
    finally:
        instance.shutdown()
        instance.server_close()


@pytest.fixture
def server(warm_file):
    with playing(warm_file.read_bytes()) as instance:
        yield instance


# Without the command line, which would load torch each time.
FETCH = """
import sys
from msrnet_cli import errors
from msrnet_cli.hub.address import HubAddress, parse_address
from msrnet_cli.hub.cache import fetch
try:
    offline = "--offline" in sys.argv
    print(fetch(parse_address(sys.argv[1]), offline=offline))
except errors.MSRNetError as error:
    sys.exit(f"msrnet: {error}") if error.exit_code == 5 else None
"""


def run(code, server, tmp_path, *arguments, **settings):
    """Run code in a process of its own: the client reads its settings only once."""
    host, port = server.server_address
    hidden = ("proxy", "hf_hub_offline")
    environment = {
        **{k: v for k, v in os.environ.items() if not k.lower().endswith(hidden)},
        "HF_ENDPOINT": f"http://{host}:{port}",
        "HF_HOME": str(tmp_path / "hub"),
        "HF_HUB_DOWNLOAD_TIMEOUT": "2",
        "HF_HUB_ETAG_TIMEOUT": "2",
        "AI_AGENT": "any",  # the client would ask the hub for a list of these
        **settings,
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def fetch(server, tmp_path, *arguments, works, code=FETCH, **settings):
    """The file that is fetched, or the line that says why it is not."""
    done = run(code, server, tmp_path, *arguments, **settings)
    assert (done.returncode == 0) == works, done.stderr
    return Path(done.stdout.strip()) if works else one_line(done.stderr)


def one_line(text):
    (line,) = text.splitlines()
    assert line.startswith("msrnet:")
    return line


def test_a_file_is_fetched_once_and_then_found_in_the_cache(server, tmp_path):
    first = fetch(server, tmp_path, "hf://owner/repo", works=True)
    assert first.read_bytes() == server.RequestHandlerClass.content
    server.RequestHandlerClass.hits = 0
    for arguments, settings in ((("--offline",), {}), ((), {"HF_HUB_OFFLINE": "1"})):
        again = fetch(
            server, tmp_path, "hf://owner/repo", *arguments, works=True, **settings
        )
        assert again == first
    assert server.RequestHandlerClass.hits == 0


def test_a_revision_and_a_file_can_be_named(server, tmp_path):
    spec = f"hf://owner/repo@{COMMIT}/model.safetensors"
    assert COMMIT in str(fetch(server, tmp_path, spec, works=True))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("hf://nobody/nothing", "does not exist"),
        ("hf://owner/repo@nope", "no revision nope"),
        ("hf://owner/repo/other.safetensors", "no file other.safetensors"),
    ],
)
def test_what_the_hub_has_not_is_named(server, tmp_path, spec, words):
    assert words in fetch(server, tmp_path, spec, works=False)


BAD_MOODS = ["503", "cut", "length", "loop", "gone"]
GONE = {"HF_ENDPOINT": "http://127.0.0.1:9"}


def suffer(mood, folder, content):
    """Fetch from a hub in a bad mood, then from the same hub in a good one."""
    with playing(content, mood) as server:
        settings = GONE if mood == "gone" else {}
        line = fetch(server, folder, "hf://owner/repo", works=False, **settings)
        server.RequestHandlerClass.mood = "good"
        return line, fetch(server, folder, "hf://owner/repo", works=True)


@pytest.fixture(scope="module")
def after_bad_moods(warm_file, tmp_path_factory):
    """What each mood led to; all at once, for the client waits and tries again."""
    content = warm_file.read_bytes()
    folders = [tmp_path_factory.mktemp(mood) for mood in BAD_MOODS]
    with ThreadPoolExecutor(len(BAD_MOODS)) as pool:
        results = pool.map(suffer, BAD_MOODS, folders, [content] * len(BAD_MOODS))
        return dict(zip(BAD_MOODS, results, strict=True))


@pytest.mark.parametrize("mood", BAD_MOODS)
def test_a_hub_in_a_bad_mood_costs_one_line_and_leaves_nothing_behind(
    after_bad_moods, warm_file, mood
):
    line, fetched = after_bad_moods[mood]
    assert "HTTPS_PROXY" in line
    assert fetched.read_bytes() == warm_file.read_bytes()


@pytest.mark.slow
def test_a_hub_that_hangs_is_given_up_on(warm_file, tmp_path):
    line, fetched = suffer("slow", tmp_path, warm_file.read_bytes())
    assert "HTTPS_PROXY" in line
    assert fetched.read_bytes() == warm_file.read_bytes()


def test_a_cache_serves_when_the_network_is_gone(server, tmp_path):
    first = fetch(server, tmp_path, "hf://owner/repo", works=True)
    assert fetch(server, tmp_path, "hf://owner/repo", works=True, **GONE) == first


def test_offline_means_no_request_at_all(server, tmp_path):
    line = fetch(server, tmp_path, "hf://owner/repo", "--offline", works=False)
    assert "not cached" in line
    assert server.RequestHandlerClass.hits == 0


# --- a hub that is not trusted -------------------------------------------------------


def files_in(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()}


OUTSIDE = [
    "../../../../outside",
    "/tmp/msrnet-outside",
    "..",
    "c" * 39,
    "g" * 40,
    "C" * 64,
    "a" * 40 + "/../../x",
    "C:\\outside",
    "",
]


def fetch_from(tmp_path, content=b"weights", **ways):
    with playing(content, **ways) as server:
        return fetch(server, tmp_path, "hf://owner/repo", works=False)


# In one process: the client takes long to load.
FETCH_AGAIN_AND_AGAIN = """
import os, sys
from msrnet_cli import errors
from msrnet_cli.hub.address import HubAddress, parse_address
from msrnet_cli.hub.cache import fetch
cache = os.environ["HF_HOME"]
for _ in range(int(sys.argv[1])):
    try:
        print("fetched", fetch(HubAddress("owner/repo")))
    except errors.DownloadError as error:
        print(error, [files for _, _, files in os.walk(cache) if files])
"""


@pytest.mark.parametrize("kind", ["etag", "commit"])
def test_a_name_from_the_hub_that_is_no_hash_is_refused_before_anything_is_written(
    tmp_path, kind
):
    names = iter(OUTSIDE)
    with playing(b"weights") as server:
        handler = server.RequestHandlerClass
        handler.answer = lambda self, body: (
            setattr(handler, kind, next(names)),
            Hub.answer(self, body),
        )
        done = run(FETCH_AGAIN_AND_AGAIN, server, tmp_path, str(len(OUTSIDE)))
    lines = done.stdout.splitlines()
    assert len(lines) == len(OUTSIDE)
    for line in lines:
        assert "refused" in line
        assert "hash" in line
        assert line.endswith("[]"), "something was written"


@pytest.mark.parametrize("kind", ["sha256", "sha1"])
def test_content_without_the_hash_it_was_said_to_have_is_refused_and_removed(
    tmp_path, kind
):
    sha256 = hashlib.sha256(b"weights").hexdigest()
    right = sha256 if kind == "sha256" else git_hash(b"weights")
    wrong = "0" * len(right)
    with playing(b"weights", etag=wrong) as server:
        line = fetch(server, tmp_path, "hf://owner/repo", works=False)
        assert kind in line
        assert not files_in(tmp_path)
        server.RequestHandlerClass.etag = right
        found = fetch(server, tmp_path, "hf://owner/repo", works=True)
        assert found.read_bytes() == b"weights"
        found.resolve().write_bytes(b"damaged")
        again = fetch(server, tmp_path, "hf://owner/repo", works=True)
    assert again == found
    assert again.read_bytes() == b"weights"


def test_another_commit_than_the_one_that_was_asked_for_is_refused(tmp_path):
    spec = f"hf://owner/repo@{COMMIT}"
    with playing(b"weights", commit="d" * 40) as server:
        line = fetch(server, tmp_path, spec, works=False)
        assert "refused" in line
        assert "d" * 40 in line
        assert not files_in(tmp_path)
        fetch(server, tmp_path, spec, "--offline", works=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HF_HUB_DOWNLOAD_TIMEOUT", "abc"),
        ("HF_HUB_ETAG_TIMEOUT", "1.5"),
        ("HF_ENDPOINT", "http://[::1"),
    ],
)
def test_a_setting_that_the_client_cannot_read_costs_one_line(
    server, tmp_path, name, value
):
    settings = {name: value}
    line = fetch(server, tmp_path, "hf://owner/repo", works=False, **settings)
    assert "check HF_" in line
    assert not files_in(tmp_path)


def test_more_than_is_ever_needed_is_not_fetched(tmp_path):
    assert "GB" in fetch_from(tmp_path, declared=5_000_000_000)
    assert not files_in(tmp_path)


def test_content_is_fetched_from_elsewhere_without_the_users_token(tmp_path):
    content = b"weights" * 1000
    etag = hashlib.sha256(content).hexdigest()
    with playing(content) as other:
        elsewhere = f"http://localhost:{other.server_address[1]}"
        with playing(content, etag=etag, elsewhere=elsewhere) as server:
            found = fetch(
                server, tmp_path, "hf://owner/repo", works=True, HF_TOKEN="hf_secret"
            )
            told = server.RequestHandlerClass.tokens
    assert found.read_bytes() == content
    assert told == ["Bearer hf_secret"]
    assert other.RequestHandlerClass.tokens == [None]


def test_what_the_hubs_own_client_would_find_is_where_it_looks(server, tmp_path):
    from huggingface_hub import try_to_load_from_cache

    found = fetch(server, tmp_path, "hf://owner/repo", works=True)
    cache = tmp_path / "hub" / "hub"
    theirs = try_to_load_from_cache("owner/repo", "model.safetensors", cache_dir=cache)
    assert Path(theirs) == found
    assert found.resolve().is_relative_to(cache.resolve())


NO_SOCKETS = """
import socket, sys
def refuse(*arguments, **_):
    sys.exit(f"a packet: {arguments}")
for name in ("connect", "connect_ex", "sendto", "bind"):
    setattr(socket.socket, name, refuse)
for name in ("getaddrinfo", "gethostbyname", "create_connection"):
    setattr(socket, name, refuse)
"""


@pytest.mark.parametrize("spec", ["hf://owner/repo", f"hf://owner/repo@{COMMIT}"])
def test_offline_no_packet_leaves_the_machine(server, tmp_path, spec):
    code = NO_SOCKETS + FETCH
    assert "packet" in run(code, server, tmp_path, spec).stderr
    line = fetch(server, tmp_path, spec, "--offline", works=False, code=code)
    assert "not cached and the network is off" in line
    fetch(server, tmp_path, spec, works=True)
    assert fetch(server, tmp_path, spec, "--offline", works=True, code=code).is_file()


def test_a_hub_that_is_gone_is_given_up_on_at_once(tmp_path, server):
    begin = time.perf_counter()
    fetch(server, tmp_path, "hf://owner/repo", works=False, **GONE)
    assert time.perf_counter() - begin < 15  # the client alone waits for 31 s


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ("hf://a/b", HubAddress("a/b")),
        ("hf://a/b@v1", HubAddress("a/b", revision="v1")),
        ("hf://a/b@v1/x/y.safetensors", HubAddress("a/b", "x/y.safetensors", "v1")),
        ("hf://a/b/y.safetensors", HubAddress("a/b", "y.safetensors")),
    ],
)
def test_addresses_are_read(spec, address):
    assert parse_address(spec) == address


@pytest.mark.parametrize(
    "spec",
    [
        *("hf://", "hf://a", "hf://a/", "hf://a/b@", "hf://a/b/../c", "hf://a/.."),
        *("hf://../b", "hf://a/b@..", "hf://a/b@../x", "hf://a/b@v/../../c"),
        *("hf://a/b//etc/passwd", "hf://a/b/x\\..\\y", "hf://a/b/C:x", "hf://a/b/."),
        *("hf://a/b/x\0y", "hf://a\\c/b", "hf://a/b--c", "hf://a/b@x\ny", "hf:///a/b"),
    ],
)
def test_bad_addresses_are_refused(spec):
    with pytest.raises(UsageError):
        parse_address(spec)


@pytest.mark.parametrize("file", ["../x", "/x", "a/../../x", "..\\x", ""])
def test_no_other_way_leads_to_a_bad_address(file):
    with pytest.raises(UsageError):
        HubAddress("owner/repo", file)
