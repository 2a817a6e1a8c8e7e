"""What `--executor ray` refuses, in one line and before anything is written."""

import socket
import threading
import time

import pytest

from conftest import photo
from msrnet_cli.folder.on_ray import cluster


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    (tmp_path / "in").mkdir()
    photo(32, 24).save(tmp_path / "in/a.png")
    return tmp_path


@pytest.fixture
def silent():
    """A port where somebody listens, and answers as Ray would not."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            link, _ = server.accept()
            with link:
                link.recv(100)
                link.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


def refused(program, folder, warm_file, *options, says, target="out"):
    words = ("relight", "in", target, "--weights", warm_file, *options)
    told = program.run(*words, code=2, says=says)
    assert len(told.lines) <= 2  # the first one says that it loads
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--ray-address", "auto"),
        ("--ray-actors", "2"),
        ("--ray-cpus", "2"),
        ("--ray-gpus", "1"),
    ],
)
def test_options_of_ray_need_it(program, folder, warm_file, options):
    says = f"{options[0]} without --executor ray"
    refused(program, folder, warm_file, *options, says=says)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--shard", "1/2"), "--executor ray with --shard"),
        (("--dry-run",), "the plan is the same without it"),
    ],
)
def test_what_does_not_go_with_it_is_refused(program, folder, warm_file, options, says):
    asked = ("--executor", "ray", *options)
    refused(program, folder, warm_file, *asked, says=says)


def test_a_picture_through_a_pipe_is_refused(program, folder):
    asked = ("relight", "-", "-", "--executor", "ray")
    data = (folder / "in/a.png").read_bytes()
    program.run(*asked, code=2, data=data, says="--executor ray with -")


def test_without_ray_the_command_that_installs_it_is_told(
    program, folder, warm_file, monkeypatch
):
    monkeypatch.setattr(cluster, "find_spec", lambda _: None)
    says = "Ray is not installed; pip install 'msrnet[ray]'"
    refused(program, folder, warm_file, "--executor", "ray", says=says)


def test_an_address_where_nobody_answers_is_told_at_once(program, folder, warm_file):
    pytest.importorskip("ray", reason="no msrnet[ray]")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    begin = time.monotonic()
    asked = ("--executor", "ray", "--ray-address", f"127.0.0.1:{port}")
    says = f"no cluster of Ray at 127.0.0.1:{port}: "
    refused(program, folder, warm_file, *asked, says=says)
    assert time.monotonic() - begin < 60


def test_an_address_where_another_service_answers(program, folder, warm_file, silent):
    pytest.importorskip("ray", reason="no msrnet[ray]")
    asked = ("--executor", "ray", "--ray-address", f"127.0.0.1:{silent}")
    says = "what answers there is not Ray"
    refused(program, folder, warm_file, *asked, says=says)


@pytest.mark.parametrize("address", ["ray://127.0.0.1:10001", "head", "head:x"])
def test_an_address_that_is_none_is_refused(program, folder, warm_file, address):
    pytest.importorskip("ray", reason="no msrnet[ray]")
    asked = ("--executor", "ray", "--ray-address", address)
    says = f"--ray-address {address} is not a host and a port"
    refused(program, folder, warm_file, *asked, says=says)
