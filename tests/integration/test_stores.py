"""Pictures in object stores: a server of its own, behind a proxy that makes faults."""

import json
import subprocess
import sys
import time
from itertools import count

import pytest

pytest.importorskip("obstore", reason="no msrnet[cloud]")
pytest.importorskip("moto", reason="no moto[server]")

from conftest import encoded, photo
from msrnet_cli.folder.shards import part_of
from msrnet_cli.stores import client
from stores import CREDENTIALS, Bucket, Fault, proxied, serving

NAMES = ("a.png", "b.jpg", "sub/c.png", "sub/ü ö.png", "sub/deep/e.png")
_numbers = count()


@pytest.fixture(scope="module")
def server():
    with serving() as port, proxied(port) as proxy:
        yield port, proxy


@pytest.fixture
def bucket(server, monkeypatch):
    """A new bucket, and all that leads there in the environment."""
    port, proxy = server
    proxy.faults, proxy.requests = [], []
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.server_port}")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    quick = {"max_retries": 3}
    monkeypatch.setattr(client, "RETRIES", client.RETRIES | quick)
    yield Bucket(port, f"bucket-{next(_numbers)}", proxy)
    proxy.faults = []


@pytest.fixture
def filled(bucket, tmp_path):
    """Some pictures, in the bucket below in/ and in the folder in/."""
    for index, name in enumerate(NAMES):
        kind = "jpeg" if name.endswith(".jpg") else "png"
        data = encoded(photo(32, 24, index), kind)
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        bucket.put(f"in/{name}", data)
    return bucket


@pytest.fixture
def relight(filled, program, warm_file):
    """Runs msrnet relight on what is in the bucket, with exact options."""

    def run(*arguments, source=None, target=None, start=False, **options):
        exact = ("-r", "--batch-size", "1", "--dtype", "fp32", "--weights", warm_file)
        source = filled.at("in") if source is None else source
        target = filled.at("out") if target is None else target
        call = program.start if start else program.run
        return call("relight", source, target, *exact, *arguments, **options)

    return run


def local(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".msrnet-" not in path.name
    }


def whole_reads(bucket):
    return [
        path
        for method, path, span in bucket.proxy.requests
        if method == "GET" and span is None and "/in/" in path
    ]


def test_pictures_in_a_store_become_what_they_become_in_a_folder(
    filled, relight, tmp_path
):
    relight(source="in", target="here")
    expected = local(tmp_path / "here")
    done = relight("--json").events
    assert filled.files("out") == expected
    assert sorted(expected) == sorted(NAMES)
    files = [one for one in done if one["event"] == "file"]
    told = {one["input"]: one["output"] for one in files}
    assert told[filled.at("in/sub/c.png")] == filled.at("out/sub/c.png")
    _, headers, _ = filled.ask("HEAD", "out/b.jpg")
    assert headers["Content-Type"] == "image/jpeg"
    relight(source="in", target=filled.at("up"))
    assert filled.files("up") == expected
    relight(target="down")
    assert local(tmp_path / "down") == expected


def test_the_plan_reads_beginnings_only(filled, relight):
    big = encoded(photo(400, 300, 9), "tiff")
    filled.put("in/big.tif", big)
    relight("--dry-run")
    assert whole_reads(filled) == []
    spans = [span for *_, span in filled.proxy.requests if span is not None]
    assert "bytes=0-65535" in spans
    read = [int(b) - int(a) for a, b in (s[6:].split("-") for s in spans)]
    assert max(read) <= 1 << 16
    assert filled.files("out") == {}


def test_what_is_done_is_skipped_without_reading_it(filled, relight):
    relight()
    before = filled.files("out")
    filled.proxy.requests.clear()
    summary = relight("--json").events[-1]
    assert (summary["skipped"], summary["relit"]) == (len(NAMES), 0)
    assert whole_reads(filled) == []
    assert not [one for one in filled.proxy.requests if one[0] == "PUT"]
    filled.put("in/a.png", encoded(photo(32, 24, 77)))
    summary = relight("--json").events[-1]
    assert (summary["skipped"], summary["relit"], summary["anew"]) == (4, 1, 1)
    after = filled.files("out")
    assert after.pop("a.png") != before.pop("a.png")
    assert after == before


def test_what_others_made_or_changed_is_not_touched(filled, relight):
    filled.put("out/a.png", b"by hand")
    relight(code=3, says="a.png exists and was not made by msrnet")
    assert filled.get("out/a.png") == b"by hand"
    mine = filled.get("out/sub/c.png")
    filled.put("out/sub/c.png", mine + b"changed")  # as it keeps no label
    label = {"x-amz-copy-source": f"/{filled.name}/out/b.jpg"}
    filled.remove("out/sub/deep/e.png")
    filled.ask("PUT", "out/sub/deep/e.png", headers=label)  # a copy keeps the label
    result = relight(code=3)
    assert filled.get("out/sub/c.png") == mine + b"changed"
    assert filled.get("out/sub/deep/e.png") == filled.get("out/b.jpg")
    assert "3 failed" in result.err
    relight("--exist", "overwrite")
    assert filled.get("out/sub/c.png") == mine
    relight("--exist", "error", code=2, says="4 more exists")


def test_a_result_that_was_put_again_by_another_program_is_known_by_its_bytes(
    filled, relight
):
    relight()
    filled.put("out/a.png", filled.get("out/a.png"))  # the label is lost
    assert relight("--json").events[-1]["skipped"] == len(NAMES)


@pytest.mark.parametrize(
    ("does", "methods"),
    [
        ("busy", ("GET", "PUT", "HEAD")),
        ("cut", ("GET",)),
        ("cut-upload", ("PUT",)),
        ("slow", ("GET",)),
    ],
)
def test_what_passes_by_itself_costs_no_picture(filled, relight, does, methods):
    filled.proxy.faults = [
        Fault(does, method, f"{name}$", times=2)
        for method in methods
        for name in ("a.png", "c.png", "jsonl", filled.name)
    ]
    relight()
    assert sum(one.seen for one in filled.proxy.faults) > 2
    filled.proxy.faults = []
    assert sorted(filled.files("out")) == sorted(NAMES)
    assert relight("--json").events[-1]["skipped"] == len(NAMES)


@pytest.mark.parametrize(
    ("does", "says"),
    [
        ("gone", "cannot be read: there is no such object"),
        ("denied", "cannot be read: access is denied (403 AccessDenied)"),
        ("busy", "cannot be read: the store is busy or failing (503 SlowDown)"),
        ("cut", "cannot be read: the connection to the store failed"),
    ],
)
def test_one_bad_object_fails_alone(filled, relight, does, says):
    filled.proxy.faults = [Fault(does, "GET", r"in/sub/c\.png", ranged=False)]
    if does == "cut":  # it is taken up again by ranges
        filled.proxy.faults.append(Fault("busy", "GET", r"in/sub/c\.png"))
    result = relight(code=3, says=says)
    assert "Traceback" not in result.err
    assert sorted(filled.files("out")) == sorted({*NAMES, "failures.txt"} - {"sub/c.png"})
    listed = filled.get("out/failures.txt").decode().splitlines()
    assert listed[-1] == filled.at("in/./sub/c.png")
    filled.proxy.faults = []
    again = ("--files-from", filled.at("out/failures.txt"), "--json")
    assert relight_list(relight, filled, *again).events[-1]["relit"] == 1
    assert sorted(filled.files("out")) == sorted(NAMES)


def relight_list(relight, bucket, *arguments, **options):
    """As `relight`, but inputs come from a list alone."""
    return relight(*arguments, source="--quiet", **options)


def test_a_store_that_lets_nobody_write_ends_the_job_at_once(filled, relight):
    filled.proxy.faults = [Fault("denied", "PUT")]
    result = relight("--fail-fast", code=4)
    assert "access is denied (403 AccessDenied)" in result.err
    puts = [one for one in filled.proxy.requests if one[0] == "PUT"]
    assert len(puts) < len(NAMES)


def test_an_object_that_cannot_be_put_fails_alone(filled, relight):
    relight()
    filled.proxy.faults = [Fault("denied", "PUT", "out/b.jpg")]
    result = relight("--exist", "overwrite", code=3, says="access is denied")
    assert "1 failed" in result.err


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("s3://no-such-bucket/in", "there is no bucket no-such-bucket"),
        ("s3:///in", "names no bucket"),
        ("s3://b/in//x", "has a part that is empty"),
        ("s3://key:sesame@b/in", "holds a password or signature"),
        ("az://b/in?sv=1&sig=sesame", "holds a password or signature"),
        ("ftp://b/in", "is a URL, not a file"),
    ],
)
def test_a_bad_address_is_refused_in_one_line(relight, source, says):
    result = relight(source=source, code=2, says=says)
    assert "sesame" not in result.err


def test_an_address_with_nothing_below_it_is_refused(filled, relight):
    relight(source=filled.at("none"), code=2, says="no object, and none below it")
    relight(source=filled.at("in/*.png"), code=2, says="mean themselves")
    relight(source=filled.at("in"), target=filled.at("in"), code=2, says="same folder")
    relight(target="s3://no-such-bucket/out", code=2, says="there is no bucket")
    relight(target=filled.at("out.png"), code=2, says="named as a picture")


def test_wrong_credentials_are_told_without_them(filled, relight):
    filled.proxy.faults = [Fault("denied", "GET"), Fault("denied", "HEAD")]
    result = relight(code=2, says="access is denied (403")
    assert not any(value in result.err for value in CREDENTIALS.values())


def test_no_credentials_are_told(filled, relight, monkeypatch):
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(client, "RETRIES", {"max_retries": 0})
    client._opened.cache_clear()
    relight(code=2, says="there are no credentials: AWS_ACCESS_KEY_ID")
    client._opened.cache_clear()


def test_a_key_that_no_folder_can_mirror_is_told(filled, relight):
    filled.put("in/x//y.png", b"")
    relight(code=2, says='the key "in/x//y.png" has a part that is empty')


def test_what_is_no_picture_and_what_is_hidden_is_passed_over(filled, relight):
    for key in ("in/", "in/sub/", "in/.hid/x.png", "in/notes.txt", "in/Thumbs.db"):
        filled.put(key, b"" if key.endswith("/") else b"x")
    filled.put("in/out/old.png", encoded(photo(32, 24, 5)))
    events = relight("--json", target=filled.at("in/out")).events
    ignored = {one["path"]: one["reason"] for one in events[0]["ignored"]}
    assert ignored == {
        filled.at("in/.hid"): "hidden",
        filled.at("in/Thumbs.db"): "hidden",
        filled.at("in/notes.txt"): "not named as a picture",
    }
    assert events[-1]["relit"] == len(NAMES)
    assert filled.proxy.requests  # and a flat run leaves subfolders out
    flat = ("relight", filled.at("in"), filled.at("flat"))
    assert "subfolder" in relight.__closure__[1].cell_contents.run(*flat).err


def test_a_list_names_objects_and_files(filled, relight, tmp_path):
    lines = [filled.at("in/./sub/c.png"), "in/a.png", filled.at("in/gone.png")]
    (tmp_path / "list").write_text("\n".join(lines))
    result = relight("--files-from", "list", source="--quiet", code=3)
    assert "there is no such object" in result.err
    assert sorted(filled.files("out")) == ["failures.txt", "in/a.png", "sub/c.png"]


def test_one_object_becomes_one(filled, relight, tmp_path):
    relight(source="in/a.png", target="a.png")
    relight(source=filled.at("in/a.png"), target=filled.at("one/x.png"))
    assert filled.files("one") == {"x.png": (tmp_path / "a.png").read_bytes()}
    assert "there already" in relight(
        source=filled.at("in/a.png"), target=filled.at("one/x.png")
    ).err or filled.files("one")


def test_comparisons_that_show_an_older_result_are_removed(filled, relight):
    relight("--compare")
    assert "a_compare.jpg" in filled.files("out")
    relight("--amount", "0.5")
    assert "a_compare.jpg" not in filled.files("out")
    assert sorted(filled.files("out")) == sorted(NAMES)


def test_what_needs_files_of_this_machine_is_refused(filled, relight, tmp_path):
    (tmp_path / "masks").mkdir()
    relight("--mask", "masks", code=2, says="--mask and --second take pictures of this")
    relight("--report", "p.html", code=2, says="a page shows pictures of this machine")
    relight("--report", filled.at("p.html"), code=2, says="is a URL")
    relight(source="-", code=2, says="is a URL")


def test_shards_together_make_what_one_run_makes(filled, relight, program):
    relight(target=filled.at("whole"))
    for index in (1, 2):
        start, *_, end = relight("--shard", f"{index}/2", "--json").events
        own = [name for name in NAMES if part_of(name, 2) == index]
        assert (start["inputs"], end["relit"]) == (len(NAMES), len(own))
    assert filled.files("out") == filled.files("whole")
    told = json.loads(program.run("report", filled.at("out"), "--json").out)
    assert [(one["shard"], one["state"]) for one in told["shards"]] == [
        ("1/2", "complete"),
        ("2/2", "complete"),
    ]
    assert (told["there"], told["missing"], told["changed"]) == (len(NAMES), 0, 0)


def test_a_report_tells_what_is_there_missing_and_changed(filled, relight, program):
    filled.put("in/broken.png", b"no picture")
    relight(code=3)
    filled.remove("out/a.png")
    filled.put("out/b.jpg", b"changed")
    filled.proxy.requests.clear()
    told = json.loads(program.run("report", filled.at("out"), "--json").out)
    assert (told["there"], told["missing"], told["changed"]) == (3, 1, 1)
    assert [one["input"] for one in told["failures"]] == [filled.at("in/broken.png")]
    results = {one["output"]: one for one in told["results"]}
    assert results["a.png"]["input"] == filled.at("in/a.png")
    assert not [path for *_, path, span in filled.proxy.requests if "c.png" in path][1:]
    program.run("report", filled.at("none"), code=2)
    program.run("report", filled.at("out"), "--html", "p.html", code=2)


def test_a_killed_driver_goes_on_where_it_was(filled, relight, program):
    for index in range(30):
        filled.put(f"in/more/{index:02}.png", encoded(photo(32, 24, index)))
    process = relight(start=True)
    deadline = time.monotonic() + 120
    while len(filled.keys("out/")) < 4:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.communicate()
    before = {key: filled.ask("HEAD", key)[1]["Last-Modified"] for key in filled.keys("out/")}
    made = len(before)
    summary = relight("--json").events[-1]
    assert (summary["skipped"], summary["relit"]) == (made, 30 + len(NAMES) - made)
    for key, when in before.items():
        assert filled.ask("HEAD", key)[1]["Last-Modified"] == when
    told = json.loads(program.run("report", filled.at("out"), "--json").out)
    assert told["there"] == 30 + len(NAMES)


def test_without_the_library_one_line_says_how_to_install_it(
    filled, relight, monkeypatch
):
    client._library.cache_clear()
    monkeypatch.setitem(sys.modules, "obstore", None)
    relight(code=2, says="pip install 'msrnet[cloud]'")
    relight(source="in", code=2, says="pip install 'msrnet[cloud]'")
    client._library.cache_clear()


def test_help_loads_no_library(program):
    code = (
        "import sys; sys.argv = ['msrnet', 'relight', '--help']\n"
        "from msrnet_cli.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.exit(str({'torch', 'obstore'} & set(sys.modules) or ''))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=program.environment
    )
    assert b"INPUT" in done.stdout
    assert done.stderr.strip() in (b"", b"set()")
