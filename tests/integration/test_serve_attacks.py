"""msrnet serve against clients that mean no good: real sockets, one service for all.

After each of them the service still makes a table of a good picture, has written
nothing, holds no more memory than its limits allow; and in the end it has said nothing.
"""

import socket
import threading
import time
import zlib

import pytest

import servers
from conftest import encoded, photo
from msrnet_cli.serve.connections import MOST_CONNECTIONS
from servers import PICTURE, SECONDS, chunked, rest_of, status_of

MEGABYTES, MEGAPIXELS, UPLOADS, UPLOAD_SECONDS, IDLE_SECONDS = 1, 1, 3, 3, 1
MOST_MORE_BYTES = 200_000_000
"""Above what a large picture took: uploads, buffers of connections, tables, texts."""


LARGE = encoded(photo(990, 990), "jpeg", quality=80)
"""A picture of nearly as many pixels as are allowed."""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    weights = servers.stage_weights(tmp_path_factory.mktemp("weights"))
    limits = {
        "--max-megabytes": MEGABYTES,
        "--max-megapixels": MEGAPIXELS,
        "--max-uploads": UPLOADS,
        "--upload-seconds": UPLOAD_SECONDS,
        "--idle-seconds": IDLE_SECONDS,
        "--keep-minutes": 0.1,
        "--work-size": 128,
    }
    options = [each for pair in limits.items() for each in pair]
    folder = tmp_path_factory.mktemp("served")
    with servers.serving(folder, weights, *options) as found:
        assert found.ask("GET", found.table(LARGE)).status == 200
        found.peak_before, found.files_before = found.peak, found.files
        yield found
        code, said = found.stop()
        assert code == 130
        assert len(said.splitlines()) == 1, said


@pytest.fixture
def served(service):
    """The service; afterwards it must be as if nothing had been."""
    yield service
    assert service.works()
    assert service.process.poll() is None
    assert not service.written
    assert service.peak - service.peak_before < MOST_MORE_BYTES
    servers.until(lambda: service.files <= service.files_before + 1)


def test_without_the_token_nothing_is_told(served):
    wrong = ("/", "/x/", "/../", "//", "/favicon.ico", "/%00/", f"/{'A' * 43}/")
    for path in wrong:
        for method in ("GET", "POST", "HEAD", "OPTIONS"):
            answer = served.ask_at(method, path)
            assert (answer.status, answer.body) == (403, b"")


def test_a_token_that_is_nearly_right_is_wrong(served):
    token = served.root.strip("/")
    for wrong in (token[:-1], token + "A", token.swapcase(), token + "%00", token[1:]):
        for rest in ("/", "", "/tables/x", "/nowhere"):
            answer = served.ask_at("GET", f"/{wrong}{rest}")
            assert (answer.status, answer.body) == (403, b"")


def test_another_host_is_refused(served):
    port = served.port
    for host in (
        "evil.example", f"evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost",
        f"127.0.0.1.evil.example:{port}", f"127.0.0.1:{port}@evil.example", "",
        f"[::1]:{port}", f"0.0.0.0:{port}", f"127.0.0.1:{port}\r\nHost: evil.example",
    ):  # fmt: skip
        for method, path in (("GET", ""), ("POST", "pictures")):
            head = f"{method} {served.root}{path} HTTP/1.1\r\nHost: {host}\r\n\r\n"
            said = served.say(head.encode())
            assert status_of(said) in (400, 403)
            assert b"<" not in said


def test_both_names_of_this_machine_are_taken(served):
    for name in ("127.0.0.1", "localhost", "LOCALHOST"):
        assert served.ask(Host=f"{name}:{served.port}").status == 200


def test_another_site_cannot_post(served):
    own = f"http://{served.host}"
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": f"https://{served.host}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site", "Origin": own},
        {"Sec_Fetch_Site": "same-origin", "Origin": "http://evil.example"},
        {"Sec_Fetch_Site": "none"},
    ):
        for path in ("pictures", "form", "tables/x"):
            answer = served.ask("POST", path, PICTURE, **headers)
            assert (answer.status, answer.body) == (403, b"")


def test_the_own_page_can_post(served):
    for origin in (f"http://{served.host}", "null"):
        headers = {"Origin": origin, "Sec_Fetch_Site": "same-origin"}
        assert "table" in served.upload(PICTURE, **headers).lines[-1]


@pytest.mark.parametrize("path", ["pictures", "form"])
def test_a_file_that_says_how_large_it_is_is_not_read(served, path):
    said = served.say(served.head("Content-Length: 99999999999", path=path), b"x")
    assert status_of(said) == 413
    assert b"--max-megabytes" in said


@pytest.mark.parametrize(
    "path", ["pictures", pytest.param("form", marks=pytest.mark.slow)]
)
def test_a_file_that_hides_how_large_it_is_is_cut(served, path):
    part = b"10000\r\n" + bytes(65536) + b"\r\n"
    with served.connect() as client, servers.quiet():
        client.sendall(served.head("Transfer-Encoding: chunked", path=path))
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            client.sendall(part)
        pytest.fail("it had no end")
    assert served.peak - served.peak_before < MOST_MORE_BYTES


def test_a_refused_file_that_is_sent_to_its_end_gets_its_answer(served):
    body = bytes(2 * MEGABYTES * 1_000_000)
    answer = served.upload(body)
    assert answer.status == 413
    assert answer.lines[0]["reason"]


@pytest.mark.slow
def test_many_tiny_chunks_take_no_more_than_their_bytes(served):
    body = chunked(*(PICTURE[i : i + 1] for i in range(len(PICTURE))))
    said = served.say(served.head("Transfer-Encoding: chunked"), body)
    assert b'"table"' in said


def test_a_byte_now_and_then_has_an_end(served):
    began = time.monotonic()
    with served.connect() as client:
        client.sendall(served.head("Content-Length: 1000"))
        client.settimeout(IDLE_SECONDS / 3)
        said = b""
        while not said:
            client.sendall(b"x")
            with servers.quiet():
                try:
                    said = client.recv(65536)
                except TimeoutError:
                    continue
    assert status_of(said) == 408
    assert UPLOAD_SECONDS <= time.monotonic() - began < UPLOAD_SECONDS + 2


@pytest.mark.slow
def test_silence_in_a_file_has_an_end(served):
    began = time.monotonic()
    said = served.say(served.head("Content-Length: 1000") + b"x")
    assert status_of(said) == 408
    assert time.monotonic() - began < IDLE_SECONDS + 4


def test_a_head_that_never_ends_has_an_end(served):
    began = time.monotonic()
    said = served.say(b"GET / HTTP/1.1\r\nHost: x\r\n")
    assert said == b""
    assert IDLE_SECONDS <= time.monotonic() - began < IDLE_SECONDS + 3
    assert served.say() == b""


@pytest.mark.slow
def test_somebody_who_does_not_read_is_cut(served):
    table = served.table(LARGE)
    clients = []
    for _ in range(20):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", served.port))
        client.sendall(served.head(method="GET", path=table))
        clients.append(client)
    time.sleep(IDLE_SECONDS + 1)
    assert served.works()
    for client in clients:
        client.close()


def test_the_name_of_a_file_leads_nowhere(served):
    for name in (
        "../../../etc/passwd", "..\\..\\x.png", "a\0b.png", "a\nSet-Cookie: x=1.png",
        "<img src=x onerror=alert(1)>.png", "x" * 5000, "..", '"; filename="b.png',
    ):  # fmt: skip
        table = served.table(PICTURE, name)
        page = served.ask("GET", table).body
        assert b"<img src=x" not in page
        assert b"etc/passwd" not in page
        saved = served.ask("GET", f"{table}?save").headers
        assert "set-cookie" not in saved
        assert saved["content-disposition"].isascii()
        assert "/" not in saved["content-disposition"]


def test_a_form_that_is_not_one_is_refused_at_once(served):
    edge = "multipart/form-data; boundary=x"
    for body, kind in (
        (PICTURE, "multipart/form-data"),
        (PICTURE, "multipart/form-data; boundary="),
        (PICTURE, "multipart/form-data; boundary=" + "x" * 500),
        (PICTURE, "text/plain"),
        (b"--x\r\n" * 100_000, edge),
        (b"--x\r\n\r\n\r\n--x--", edge),
        (b"\r\n--x" * 190_000, edge),
        (b'--x\r\nfilename="' + b"\\" * 900_000, edge),
        (b'--x\r\nfilename="' * 60_000, edge),
    ):
        began = time.monotonic()
        answer = served.ask("POST", "form", body, Content_Type=kind)
        assert answer.status == 400
        assert b"there is no picture in the form" in answer.body
        assert time.monotonic() - began < 3


def test_a_hundred_at_once_are_served_or_told_to_come_again(served):
    answers, threads = [], []
    picture = encoded(photo(600, 600), "png")
    assert len(picture) < MEGABYTES * 1_000_000

    def upload():
        with servers.quiet():
            answers.append(served.upload(picture))

    for _ in range(100):
        threads.append(threading.Thread(target=upload))
        threads[-1].start()
    for thread in threads:
        thread.join(SECONDS)
    assert len(answers) == 100
    assert {answer.status for answer in answers} == {200, 503}
    assert sum(answer.status == 200 for answer in answers) >= UPLOADS
    for answer in answers:
        last = answer.lines[-1]
        assert (
            "table" in last if answer.status == 200 else "try again" in last["remedy"]
        )


def test_more_connections_than_there_may_be_are_cut(served):
    clients = [served.connect() for _ in range(MOST_CONNECTIONS + 40)]
    servers.until(lambda: served.files <= MOST_CONNECTIONS + served.files_before + 2)
    for client in clients:
        client.close()


def test_a_bomb_is_refused_before_it_is_decoded(served):
    for size in ((60_000, 60_000), (2**31 - 1, 2**31 - 1), (1, 2**30)):
        answer = served.upload(servers.bomb(*size))
        assert answer.status == 413
        assert "megapixels" in answer.lines[0]["reason"]
        body, kind = servers.form(servers.bomb(*size))
        assert served.ask("POST", "form", body, Content_Type=kind).status == 413


def test_a_bomb_in_the_text_of_a_picture_does_no_harm(served):
    text = zlib.compress(bytes(100_000_000), 1)
    data = b"Comment\0\0" + text
    check = zlib.crc32(b"zTXt" + data).to_bytes(4, "big")
    chunk = len(data).to_bytes(4, "big") + b"zTXt" + data + check
    answer = served.upload(PICTURE[:33] + chunk + PICTURE[33:])
    assert {"table", "reason"} & answer.lines[-1].keys()


def test_garbage_is_told_to_be_no_picture(served):
    noise = photo(300, 300, 7).tobytes()
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"II*\0"):
        last = served.upload(start + noise).lines[-1]
        assert last["reason"]
        assert "bug" not in last["reason"]


def test_garbage_in_place_of_http_is_refused(served):
    for data in (
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(500),  # TLS
        b"\0" * 5000,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        photo(80, 80).tobytes() + b"\r\n\r\n",
    ):
        assert status_of(served.say(data)) in (400, 403, None)


def test_other_methods_are_not_carried_out(served):
    table = served.table(PICTURE)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X"):
        for path in ("", "pictures", "form", table):
            assert served.ask(method, path).status == 405
    assert served.ask("GET", table).status == 200


def test_head_has_no_body(served):
    answer = served.ask("HEAD", served.table(PICTURE))
    assert (answer.status, answer.body) == (200, b"")
    assert served.ask("HEAD", "pictures").status == 405


def test_what_is_too_long_is_refused(served):
    for head in (
        served.head(method="GET", path="x" * 200_000),
        served.head("X: " + "x" * 200_000, method="GET", path=""),
        served.head(*["X: y"] * 20_000, method="GET", path=""),
    ):
        said = served.say(head)
        assert status_of(said) in (200, 400, 431, None)


def test_a_body_with_two_lengths_is_refused(served):
    smuggled = served.head(method="GET", path="")
    for lines in (
        ("Content-Length: 5", "Content-Length: 900"),
        ("Content-Length: 5, 900",),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("Transfer-Encoding: gzip, chunked",),
        ("Content-Length: +5",),
        ("Content-Length: -5",),
        ("Content-Length : 5",),
        (" Content-Length: 5",),
    ):
        said = served.say(served.head(*lines) + b"0\r\n\r\n" + smuggled)
        assert status_of(said) in (400, 403, 501)
        assert said.count(b"HTTP/1.1 ") == 1


def test_a_second_request_in_a_connection_is_not_answered(served):
    said = served.say(served.head(method="GET", path="") * 3)
    assert said.count(b"HTTP/1.1 200") == 1


def test_a_wrong_chunk_ends_the_connection(served):
    for rest in (b"zz\r\n", b"-1\r\n", b"5\r\nabcdeX", b"f" * 40 + b"\r\n"):
        head = served.head("Transfer-Encoding: chunked")
        assert status_of(served.say(head + b"1\r\nx\r\n", rest)) in (400, None)


def test_a_wrong_chunk_after_the_answer_began_ends_the_connection(served):
    with served.connect() as client, servers.quiet():
        client.sendall(served.head("Transfer-Encoding: chunked"))
        client.sendall(b"200000\r\n" + bytes(0x200000))
        time.sleep(0.3)
        client.sendall(b"no end of a chunk")
        rest_of(client)


def test_a_client_that_goes_away_leaves_nothing(served):
    table = served.table(LARGE)
    heads = (
        served.head(method="GET", path=table),
        served.head(f"Content-Length: {len(PICTURE)}") + PICTURE,
        served.head("Content-Length: 1000") + b"x",
        served.head("Transfer-Encoding: chunked") + b"3\r\nx",
        served.head("Expect: 100-continue", "Content-Length: 1000"),
        b"GET ",
    )
    for head in heads * 3:
        for linger in (b"\0" * 8, b"\1\0\0\0" + b"\0" * 4):  # also with a reset
            client = served.connect()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            client.sendall(head)
            client.recv(100) if head.startswith(b"GET /") else None
            client.close()


def test_what_it_serves_is_not_websockets(served):
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    said = served.say(served.head(*upgrade, method="GET", path=""))
    assert status_of(said) == 200


def test_names_of_tables_are_no_paths(served):
    for name in ("../", "..%2f..%2fetc%2fpasswd", "%00", "x" * 1000, "%ff"):
        assert served.ask("GET", f"tables/{name}").status in (403, 404)
