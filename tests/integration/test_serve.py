"""msrnet serve: pictures in, light tables out; the line; what is forgotten; its end."""

import re
import signal
import socket
import subprocess
import sys
import time

import pytest

import servers
from conftest import encoded, photo
from servers import PICTURE, SECONDS, Upload, serving, until

KEPT_SECONDS = 2
SLOW = encoded(photo(900, 900), "png")
"""A picture that takes a while at its full size."""


@pytest.fixture(scope="module")
def stage_file(tmp_path_factory):
    return servers.stage_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def served(tmp_path_factory, stage_file):
    """A service for all tests that leave it running."""
    folder = tmp_path_factory.mktemp("served")
    options = ("--keep-minutes", KEPT_SECONDS / 60, "--work-size", "full")
    with serving(folder, stage_file, *options) as found:
        yield found


def test_a_picture_gets_its_table_and_nothing_is_written(served):
    answer = served.upload(PICTURE, "photo.png")
    assert answer.status == 200
    assert answer.lines[0] == {"place": 0}
    table = served.ask("GET", answer.lines[-1]["table"])
    assert table.status == 200
    assert table.headers["content-type"] == "text/html; charset=utf-8"
    assert b"<title>photo.png</title>" in table.body
    assert not served.written


def test_the_page_for_pictures_names_the_limits(served):
    page = served.ask()
    assert page.status == 200
    for text in (b"100 MB", b"64 megapixels", b'type="file"', b"<form"):
        assert text in page.body
    assert served.ask_at("GET", served.root.rstrip("/")).status == 308


def test_a_plain_form_leads_to_the_table(served):
    body, kind = servers.form(PICTURE, "night.png")
    answer = served.ask("POST", "form", body, Content_Type=kind)
    assert answer.status == 303
    table = served.ask("GET", answer.headers["location"])
    assert b"<title>night.png</title>" in table.body


@pytest.mark.parametrize(
    "data", [b"", b"not a picture", PICTURE[:90]], ids=["nothing", "text", "torn"]
)
def test_what_is_not_a_picture_is_told_in_one_line(served, data):
    line = served.upload(data, "a.png").lines[-1]
    assert line["reason"]
    assert line["remedy"]
    assert not set("\r\n") & set(line["reason"] + line["remedy"])
    body, kind = servers.form(data, "a.png")
    page = served.ask("POST", "form", body, Content_Type=kind)
    assert page.status in (400, 422)
    assert re.search(rb'role="alert">[^<]+; [^<]+</p>', page.body)


def test_a_table_is_kept_for_its_time_and_no_longer(served):
    began = time.monotonic()
    table = served.table(PICTURE)
    assert served.ask("GET", table).status == 200
    until(lambda: served.ask("GET", table).status == 404)
    assert time.monotonic() - began >= KEPT_SECONDS


def test_a_table_is_forgotten_when_its_page_says_so(served):
    first, second = served.table(PICTURE), served.table(PICTURE)
    assert first != second
    assert served.ask("POST", first, b"").status == 204
    assert served.ask("GET", first).status == 404
    assert served.ask("GET", second).status == 200


def test_a_saved_table_has_the_name_of_its_picture(served):
    table = served.table(PICTURE, 'a "b" ü\r\nX: y.png')
    headers = served.ask("GET", f"{table}?save").headers
    told = "attachment; filename*=UTF-8''a%20%22b%22%20%C3%BCX%3A%20y.html"
    assert headers["content-disposition"] == told
    assert "x" not in headers


def test_every_answer_forbids_what_it_does_not_need(served):
    table = served.table(PICTURE)
    for answer in (
        served.ask(),
        served.ask("GET", table),
        served.ask("GET", "nowhere"),
        served.ask("PUT"),
        served.ask_at("GET", "/"),
        served.upload(b"", "a.png"),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors" in answer.headers["content-security-policy"]
        assert not [name for name in answer.headers if name.startswith("access-c")]
        assert "server" not in answer.headers
    policy = served.ask("GET", table).headers["content-security-policy"]
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy


def test_one_is_painted_and_the_others_see_their_place(served):
    first = Upload(served, SLOW)
    until(lambda: first.lines)
    second = Upload(served, SLOW)
    until(lambda: second.lines)
    third = Upload(served, PICTURE)
    until(lambda: third.lines)
    assert (second.lines[0], third.lines[0]) == (b'{"place": 1}\n', b'{"place": 2}\n')
    second.go_away()  # it leaves the line: nobody waits for it
    until(lambda: len(third.lines) > 1)
    assert not first.lines[1:], "the first one must still be under way"
    third.join(SECONDS)
    assert third.lines[1:3] == [b'{"place": 1}\n', b'{"place": 0}\n']
    assert b"table" in third.lines[3]
    assert b"table" in first.lines[-1]


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_it_in_the_middle_of_everything(tmp_path, stage_file, number):
    with serving(tmp_path, stage_file, "--work-size", "full") as served:
        painted = Upload(served, SLOW)
        until(lambda: painted.lines)
        waiting = Upload(served, PICTURE)
        until(lambda: waiting.lines)
        with served.connect() as arriving:
            arriving.sendall(served.head("Content-Length: 1000") + b"x")
            began = time.monotonic()
            code, said = served.stop(number)
    assert code == 128 + number
    assert time.monotonic() - began < 8
    assert len(said.splitlines()) == 1, said  # how long pictures stay
    assert not served.written


def test_without_a_browser_the_address_is_still_served(
    tmp_path, stage_file, monkeypatch
):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with serving(tmp_path, stage_file, "--open") as served:
        assert served.ask().status == 200
        _, said = served.stop()
    assert "no browser could be opened" in said
    assert len(said.splitlines()) == 2


def test_a_taken_port_is_told(program, stage_file):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        program.run("serve", "--port", port, code=2, says=f"port {port} is taken; ")


def test_other_machines_are_not_listened_to(served):
    listening = subprocess.run(
        [sys.executable, "-c", "print(open('/proc/net/tcp').read())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    place = f":{served.port:04X} 00000000:0000 0A"
    (line,) = [line for line in listening.splitlines() if place in line]
    assert "0100007F" in line.split()[1]


def test_weights_of_one_light_are_refused(program, identity_file):
    arguments = ("--weights", identity_file, "--device", "cpu", "--dtype", "fp32")
    program.run("serve", *arguments, code=2, says="paint one light only")


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_a_missing_extra_is_named(program, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    program.run("serve", code=2, says="pip install 'msrnet[serve]'")


def test_help_loads_no_web_server():
    code = (
        "import sys\n"
        "for name in ('torch', 'starlette', 'uvicorn', 'anyio', 'asyncio'):\n"
        "    sys.modules[name] = None\n"
        "from msrnet_cli.cli import main\n"
        "sys.argv = ['msrnet', 'serve', '--help']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--max-megabytes" in done.stdout
