"""Pictures in object stores: a server of each kind, and a proxy that makes faults."""

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest

pytest.importorskip("obstore", reason="no msrnet[cloud]")

from clouds import ALL_RIGHTS, KINDS, READING, VARIABLES, signature
from conftest import encoded, photo
from msrnet_cli import places
from msrnet_cli.errors import UsageError
from msrnet_cli.folder import history, segments
from msrnet_cli.folder.foresight import foresee
from msrnet_cli.folder.job import relight_folder
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.relights import FakeRelighter
from msrnet_cli.folder.shards import part_of
from msrnet_cli.stores import client
from stores import Fault

NAMES = ("a.png", "b.jpg", "sub/c.png", "sub/ü ö.png", "sub/deep/e.png")
_numbers = count()


@pytest.fixture(scope="module", params=KINDS)
def server(request):
    kind = KINDS[request.param]
    if lack := kind.lacks():
        pytest.skip(lack)
    with kind.proxied() as (port, proxy):
        yield kind, port, proxy


@pytest.fixture
def bucket(server, monkeypatch, tmp_path_factory):
    """A new bucket, and all that leads there in the environment."""
    kind, port, proxy = server
    proxy.faults, proxy.requests = [], []
    for name in [name for name in os.environ if name.startswith(VARIABLES)]:
        monkeypatch.delenv(name)
    address = f"http://127.0.0.1:{proxy.server_port}"
    keys = tmp_path_factory.getbasetemp()
    for name, value in kind.environment(address, keys).items():
        monkeypatch.setenv(name, value)
    quick = {"init_backoff": timedelta(milliseconds=5)}
    backoff = client.RETRIES["backoff"] | quick
    monkeypatch.setitem(client.RETRIES, "max_retries", 6)
    monkeypatch.setitem(client.RETRIES, "backoff", backoff)
    monkeypatch.setattr(client, "_PAUSE", 0.01)
    yield kind.bucket(port, f"bucket-{next(_numbers)}", proxy)
    proxy.faults = []


@pytest.fixture
def filled(bucket, tmp_path, monkeypatch):
    """Some pictures, in the bucket below in/ and in the folder in/."""
    for index, name in enumerate(NAMES):
        kind = "jpeg" if name.endswith(".jpg") else "png"
        data = encoded(photo(32, 24, index), kind)
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        bucket.put(f"in/{name}", data)
    monkeypatch.chdir(tmp_path)
    return bucket


class Job:
    """A job with a network that only multiplies, in this process."""

    def __init__(
        self, source, target, lists=None, dry=False, gain=1, fan=False, **options
    ):
        self.events = []
        options = FolderOptions(**{"recursive": True, **options})
        inputs = [source] if source else []
        plan = make_plan(inputs, target, options, lists, dry=dry, is_fan=fan)
        relights = FakeRelighter(gain=gain)
        relights.digest = f"times {gain}"
        run = foresee if dry else relight_folder
        self.end = run(plan, relights, options, self.events.append)

    @property
    def counts(self):
        return self.end.relit, self.end.skipped, self.end.failed

    @property
    def reasons(self):
        return [one.reason for one in self.end.failures]


@pytest.fixture
def job(filled):
    """Runs a job on what is in the bucket."""

    def run(source=None, target=None, **options):
        source = filled.at("in") if source is None else source
        return Job(source, target or filled.at("out"), **options)

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


def test_the_command_makes_of_objects_what_it_makes_of_files(
    filled, program, warm_file, tmp_path
):
    exact = ("-r", "--batch-size", "1", "--dtype", "fp32", "--weights", warm_file)
    program.run("relight", "in", "here", *exact)
    expected = local(tmp_path / "here")
    assert sorted(expected) == sorted(NAMES)
    events = program.run(
        "relight", filled.at("in"), filled.at("out"), *exact, "--json"
    ).events
    assert filled.files("out") == expected
    told = {one["input"]: one["output"] for one in events[1:-1]}
    assert told[filled.at("in/sub/c.png")] == filled.at("out/sub/c.png")
    assert events[0]["output"] == filled.at("out")
    said = program.run("relight", "in", filled.at("out"), *exact, code=0).err
    assert "skipped" in said


def test_files_become_objects_and_objects_files(filled, job, tmp_path):
    job("in", "here")
    expected = local(tmp_path / "here")
    assert job("in", filled.at("up")).counts == (5, 0, 0)
    assert filled.files("up") == expected
    assert job(None, "down").counts == (5, 0, 0)
    assert local(tmp_path / "down") == expected
    assert job(None, "down").counts == (0, 5, 0)
    assert job("in", filled.at("up")).counts == (0, 5, 0)
    _, headers, _ = filled.ask("HEAD", "up/b.jpg")
    assert headers["Content-Type"] == "image/jpeg"


def test_the_plan_reads_beginnings_only(filled, job):
    filled.put("in/big.tif", encoded(photo(400, 300, 9), "tiff"))
    assert job(dry=True).end.write == 6
    assert whole_reads(filled) == []
    spans = [span for *_, span in filled.proxy.requests if span is not None]
    assert "bytes=0-65535" in spans
    ends = [span.removeprefix("bytes=").split("-") for span in spans]
    assert max(int(last) - int(first) for first, last in ends) < 1 << 16
    assert filled.files("out") == {}
    assert not [one for one in filled.proxy.requests if one[0] == "PUT"]


def test_an_object_is_read_in_parts_and_not_without_end(filled):
    data = bytes(range(256)) * 1024
    filled.put("in/data", data)
    with places.opened(places.place(filled.at("in/data")), 1 << 17) as file:
        assert file.read(3) == data[:3]
        file.seek(-4, os.SEEK_END)
        assert file.read() == data[-4:]
        file.seek(0)
        with pytest.raises(OSError, match="too much of it"):
            file.read()


def test_what_is_done_is_skipped_without_reading_it(filled, job):
    job()
    before = filled.files("out")
    filled.proxy.requests.clear()
    assert job().counts == (0, 5, 0)
    assert whole_reads(filled) == []
    assert not [one for one in filled.proxy.requests if one[0] == "PUT"]
    assert job(dry=True).end.skip == 5
    filled.put("in/a.png", encoded(photo(32, 24, 77)))
    again = job()
    assert (again.counts, again.end.anew) == ((1, 4, 0), 1)
    after = filled.files("out")
    assert after.pop("a.png") != before.pop("a.png")
    assert after == before
    assert job(gain=0.5).end.anew == 5


def test_what_others_made_or_changed_is_not_touched(filled, job):
    filled.put("out/a.png", b"by hand")
    first = job()
    assert first.counts == (4, 0, 1)
    assert "a.png exists and was not made by msrnet" in first.reasons[0]
    mine = filled.get("out/sub/c.png")
    filled.put("out/sub/c.png", mine + b"changed")
    filled.copy("out/b.jpg", "out/sub/deep/e.png")  # with the label of b.jpg
    assert job().counts == (0, 2, 3)
    assert filled.get("out/a.png") == b"by hand"
    assert filled.get("out/sub/c.png") == mine + b"changed"
    assert filled.get("out/sub/deep/e.png") == filled.get("out/b.jpg")
    with pytest.raises(UsageError, match=r"out/a\.png and 4 more exists"):
        job(exist="error")
    assert job(exist="overwrite").counts == (5, 0, 0)
    assert filled.get("out/sub/c.png") == mine


def test_a_result_without_its_label_is_known_by_its_bytes(filled, job):
    job()
    filled.put("out/a.png", filled.get("out/a.png"))
    assert job().counts == (0, 5, 0)


def test_what_passes_by_itself_costs_no_picture(filled, job):
    filled.proxy.faults = [
        *(Fault("busy", method, times=2) for method in ("GET", "HEAD", "PUT")),
        Fault("busy", "GET", "in/a.png", times=2),
        Fault("cut", "GET", f"/{filled.name}$", times=2),  # the list
        Fault("cut", "GET", "in/b.jpg", times=1, ranged=False),
        Fault("cut", "GET", "sub/c.png", times=2),
        Fault("slow", "GET", "e.png", times=2),
        Fault("cut-upload", "PUT", "out/a.png", times=2),
        Fault("cut-upload", "PUT", "jsonl", times=2),
    ]
    assert job().counts == (5, 0, 0)
    assert [one for one in filled.proxy.faults if one.seen < one.times] == []
    filled.proxy.faults = []
    assert sorted(filled.files("out")) == sorted(NAMES)
    assert job().counts == (0, 5, 0)


@pytest.mark.parametrize(
    ("does", "says"),
    [
        ("gone", "cannot be read: there is no such object"),
        ("denied", "cannot be read: access is denied (403 {denied})"),
        ("busy", "cannot be read: the store is busy or failing (503 {busy})"),
        ("cut", "cannot be read: the connection to the store failed"),
    ],
)
def test_one_bad_object_fails_alone(filled, job, does, says):
    says = says.format(denied=filled.proxy.denied, busy=filled.proxy.busy)
    ranged = None if does == "cut" else False  # after the plan
    filled.proxy.faults = [Fault(does, "GET", r"in/sub/c\.png", ranged=ranged)]
    done = job()
    assert (done.counts, done.reasons) == ((4, 0, 1), [says])
    assert done.end.failures_file == filled.at("out/failures.txt")
    expected = {*NAMES, "failures.txt"} - {"sub/c.png"}
    assert sorted(filled.files("out")) == sorted(expected)
    listed = filled.get("out/failures.txt").decode().splitlines()
    assert listed[1:] == [f"# {says}", filled.at("in/./sub/c.png")]
    filled.proxy.faults = []
    assert job("", lists=done.end.failures_file).counts == (1, 0, 0)
    assert sorted(filled.files("out")) == sorted(NAMES)


def test_a_store_that_lets_nobody_write_ends_the_job(filled, job):
    filled.proxy.faults = [Fault("denied", "PUT")]
    done = job()
    assert done.counts[0] == 0
    says = f"cannot be written: access is denied (403 {filled.proxy.denied})"
    assert says in done.end.halted
    assert done.end.unfinished > 0


def test_an_object_that_must_not_be_put_fails_alone(filled, job):
    job()
    filled.proxy.faults = [Fault("denied", "PUT", "out/b.jpg")]
    done = job(exist="overwrite")
    assert done.counts == (4, 0, 1)
    assert "b.jpg cannot be written: access is denied" in done.reasons[0]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("s3:///in", "names no bucket"),
        ("s3://b/in//x", "has a part that is empty"),
        ("s3://key:sesame@b/in", "holds a password or signature"),
        ("az://b/in?sv=1&sig=sesame", "holds a password or signature"),
        ("ftp://b/in", "is a URL, not a file"),
    ],
)
def test_a_bad_address_is_refused_in_one_line(program, filled, source, says):
    result = program.run("relight", source, "out", code=2, says=says)
    assert len(result.lines) <= 2
    assert "sesame" not in result.err


def test_addresses_that_cannot_be_meant_are_refused(filled, job):
    for source, target, says in (
        (filled.at("none"), None, "no object, and none below it"),
        (filled.at("in/*.png"), None, "mean themselves"),
        (filled.at("in"), filled.at("in/"), "same folder"),
        (None, filled.at("out.png"), "named as a picture"),
    ):
        with pytest.raises(UsageError, match=says.replace("*", r"\*")):
            job(source, target)
    with pytest.raises(UsageError, match="would overwrite the input"):
        job(filled.at("in/a.png"), filled.at("in/"))


def test_a_bucket_that_is_not_there_is_told(filled, job):
    if filled.scheme == "gs":
        pytest.skip("fake-gcs-server answers 500 to that, unlike Google's")
    missing = f"{filled.scheme}://no-such-bucket/out"
    for source, target in ((None, missing), (missing, None)):
        with pytest.raises(UsageError, match="there is no bucket no-such-bucket"):
            job(source, target)


def test_credentials_that_do_not_suffice_are_told_without_them(filled, job):
    filled.proxy.faults = [Fault("denied", "GET"), Fault("denied", "HEAD")]
    with pytest.raises(UsageError, match="access is denied") as refused:
        job()
    secrets = map(os.environ.get, KINDS[filled.scheme].credentials)
    assert not any(value in str(refused.value) for value in secrets)


def test_missing_credentials_are_told(filled, job, monkeypatch, tmp_path):
    kind = KINDS[filled.scheme]
    for name in kind.credentials:
        monkeypatch.delenv(name)
    nowhere = "127.0.0.1:9"
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://{nowhere}")
    monkeypatch.setenv("GCE_METADATA_HOST", nowhere)
    monkeypatch.setenv("GCE_METADATA_IP", nowhere)
    monkeypatch.setenv("HOME", str(tmp_path))  # where gcloud's login would be
    monkeypatch.setenv("AZURE_MSI_ENDPOINT", f"http://{nowhere}/metadata/identity/")
    monkeypatch.setitem(client.RETRIES, "max_retries", 0)
    with pytest.raises(UsageError, match=f"no credentials: .*{kind.credentials[0]}"):
        job()


only = partial(pytest.mark.parametrize, "server", indirect=True)


@only(["az"])
def test_what_a_signature_of_azure_allows_is_done_and_no_more(filled, job, monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", signature(READING))
    done = job()
    assert (done.counts[0], filled.files("out")) == (0, {})
    assert "access is denied (403 AuthorizationPermissionMismatch)" in done.end.halted
    assert "sig" not in str(done.events)
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", signature(ALL_RIGHTS))
    client._opened.cache_clear()
    assert job().counts == (5, 0, 0)


@only(["az"])
def test_azures_emulator_is_found_by_its_own_variables(filled, job, monkeypatch):
    address = os.environ["AZURE_STORAGE_ENDPOINT"].rpartition("/")[0]
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
    monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", address)
    assert job().counts == (5, 0, 0)


@only(["az"])
@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("AZURE_STORAGE_ACCOUNT_KEY", "c2VzYW1l", "access is denied .403"),
        ("AZURE_STORAGE_ACCOUNT_KEY", "sesame!", "AZURE_STORAGE_ACCOUNT_KEY is not a"),
        ("AZURE_STORAGE_SAS_TOKEN", "sesame", "AZURE_STORAGE_SAS_TOKEN is not a token"),
        ("AZURE_STORAGE_ENDPOINT", "sesame", "server is not named by a URL"),
    ],
)
def test_what_azure_cannot_take_is_told(filled, job, monkeypatch, name, value, says):
    if name == "AZURE_STORAGE_SAS_TOKEN":
        monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY")
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=says) as refused:
        job()
    assert "sesame" not in str(refused.value)


@only(["gs"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "names cannot be opened"),
        ("{}", "names is not a key that is known"),
        ('{"type": "external_account"}', "names is not a key that is known"),
        ('{"private_key": "sesame"}', "names holds a damaged key"),
    ],
)
def test_a_key_file_that_google_cannot_take_is_told(
    filled, job, monkeypatch, tmp_path, text, says
):
    sound = json.loads(Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    if text is not None and "private_key" in text:
        text = json.dumps(sound | json.loads(text))
    if text is not None:
        (tmp_path / "key.json").write_text(text)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    with pytest.raises(UsageError, match=f"that GOOGLE_APPL.*{says}") as refused:
        job()
    assert "sesame" not in str(refused.value)


def test_a_key_that_no_folder_can_mirror_is_told(filled, job):
    filled.put("in/x//y.png", b"")
    with pytest.raises(
        UsageError, match=r'key "in/x//y\.png" has a part that is empty'
    ):
        job()


def test_what_is_no_picture_and_what_is_hidden_is_passed_over(filled, job):
    for key in ("in/", "in/sub/", "in/.hid/x.png", "in/notes.txt", "in/Thumbs.db"):
        filled.put(key, b"" if key.endswith("/") else b"x")
    filled.put("in/out/old.png", b"")
    done = job(target=filled.at("in/out"), exist="overwrite")
    ignored = {one.path: one.reason for one in done.events[0].ignored}
    expected = {
        filled.at("in/.hid"): "hidden",
        filled.at("in/Thumbs.db"): "hidden",
        filled.at("in/notes.txt"): "not named as a picture",
    }
    assert (ignored, done.counts) == (expected, (5, 0, 0))
    flat = job(recursive=False, target=filled.at("flat"))
    ignored = {one.path: one.reason for one in flat.events[0].ignored}
    folders = {filled.at("in/sub"): "subfolder", filled.at("in/out"): "subfolder"}
    assert (ignored, flat.counts) == (expected | folders, (2, 0, 0))


def test_a_subfolder_of_many_objects_is_leapt_over(filled, job, monkeypatch):
    from msrnet_cli.folder import bucket as folder_bucket

    monkeypatch.setattr(folder_bucket, "_MOST", 2)
    for index in range(6):
        filled.put(f"in/many/{index}.png", b"x")
    filled.put("in/z.png", encoded(photo(32, 24)))
    assert job(recursive=False).counts == (3, 0, 0)


def test_a_list_names_objects_and_files(filled, job, tmp_path):
    lines = [filled.at("in/./sub/c.png"), "in/a.png", filled.at("in/gone.png")]
    (tmp_path / "list").write_text("\n".join([*lines, "s3://b//x", "s3://a:b@c/d"]))
    done = job("", lists="list")
    assert done.counts == (2, 0, 3)
    assert "there is no such object" in str(done.reasons)
    assert "a:b" not in filled.get("out/failures.txt").decode()
    assert sorted(filled.files("out")) == ["failures.txt", "in/a.png", "sub/c.png"]


def test_one_object_becomes_one(filled, job, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    job("in/a.png", "x.png")
    for counts in ((1, 0, 0), (0, 1, 0)):
        assert job(filled.at("in/a.png"), filled.at("one/x.png")).counts == counts
    assert filled.files("one") == {"x.png": Path("x.png").read_bytes()}


def test_comparisons_that_show_an_older_result_are_removed(filled, job):
    job(compare=True)
    assert "a_compare.jpg" in filled.files("out")
    assert job(gain=0.5).end.anew == 5
    assert sorted(filled.files("out")) == sorted(NAMES)


def test_a_fan_in_a_store_is_that_of_a_folder(filled, job, tmp_path):
    assert job("in", "here", fan=True).counts == (5, 0, 0)
    assert job(fan=True).counts == (5, 0, 0)
    expected = local(tmp_path / "here")
    assert len(expected) == 5 * (8 + 2)  # directions, a sheet and lights.lp
    assert filled.files("out") == expected
    filled.proxy.requests.clear()
    assert job(fan=True).counts == (0, 5, 0)
    assert not [one for one in filled.proxy.requests if one[0] == "PUT"]
    filled.remove("out/a/N.png")
    filled.put("out/sub/c/sheet.jpg", b"changed")
    assert job(fan=True).counts == (1, 3, 1)
    files = filled.files("out")
    assert b"sheet.jpg exists and was not made by" in files.pop("failures.txt")
    assert files == expected | {"sub/c/sheet.jpg": b"changed"}


def test_shards_make_the_fans_of_one_run(filled, job):
    assert job(fan=True).counts == (5, 0, 0)
    for index in (1, 2):
        job(target=filled.at("parts"), fan=True, shard=f"{index}/2")
    assert filled.files("parts") == filled.files("out")


def test_what_needs_files_of_this_machine_is_refused(filled, program, job, tmp_path):
    (tmp_path / "masks").mkdir()
    with pytest.raises(UsageError, match="--mask and --second take pictures of this"):
        job(mask="masks")
    with pytest.raises(UsageError, match="--mask and --second take pictures of this"):
        job("in", mask="masks")
    with pytest.raises(UsageError, match="--mask"):
        job("in", str(tmp_path / "out"), mask=filled.at("masks"))
    both = (filled.at("in"), filled.at("out"))
    says = "a page shows pictures of this machine"
    program.run("relight", *both, "--report", "p.html", code=2, says=says)
    program.run("relight", "-", filled.at("x.png"), code=2, says="is a URL")
    program.run("report", filled.at("out"), "--html", "p.html", code=2, says=says)


def test_shards_together_make_what_one_run_makes(filled, job):
    job(target=filled.at("whole"))
    for index in (1, 2):
        done = job(shard=f"{index}/2")
        own = [name for name in NAMES if part_of(name, 2) == index]
        assert (done.events[0].inputs, done.end.relit) == (5, len(own))
    assert filled.files("out") == filled.files("whole")
    told = history.read(places.place(filled.at("out")))
    states = [(one.shard, one.state, one.inputs) for one in told.shards]
    assert states == [("1/2", "complete", 5), ("2/2", "complete", 5)]
    assert (told.there, told.missing, told.changed) == (5, 0, 0)


def test_a_report_tells_what_is_there_missing_and_changed(filled, job, program):
    filled.put("in/broken.png", b"no picture")
    job()
    filled.remove("out/a.png")
    filled.put("out/b.jpg", b"changed")
    filled.proxy.requests.clear()
    told = json.loads(program.run("report", filled.at("out"), "--json").out)
    assert (told["there"], told["missing"], told["changed"]) == (3, 1, 1)
    assert [one["input"] for one in told["failures"]] == [filled.at("in/broken.png")]
    inputs = {one["output"]: one["input"] for one in told["results"]}
    assert inputs["a.png"] == filled.at("in/a.png")
    read = [path for method, path, _ in filled.proxy.requests if method == "GET"]
    assert not any(path.endswith(("c.png", "e.png")) for path in read)
    program.run("report", filled.at("none"), code=2, says="has no journal")


def test_results_whose_lines_were_lost_are_known_and_told_again(
    filled, job, monkeypatch
):
    with monkeypatch.context() as patch:  # as after kill -9
        patch.setattr(segments.Segments, "close", lambda _: None)
        job()
    out = places.place(filled.at("out"))
    assert history.read(out).there == 1  # the first result is told at once
    filled.proxy.requests.clear()
    assert job().counts == (0, 5, 0)
    assert whole_reads(filled) == []
    assert history.read(out).there == 5
    assert job().counts == (0, 5, 0)


@pytest.mark.slow
def test_a_killed_driver_goes_on_where_it_was(filled, program, warm_file):
    for index in range(30):
        filled.put(f"in/more/{index:02}.png", encoded(photo(32, 24, index)))
    exact = ("-r", "--batch-size", "1", "--dtype", "fp32", "--weights", warm_file)
    call = ("relight", filled.at("in"), filled.at("out"), *exact)
    process = program.start(*call)
    deadline = time.monotonic() + 120
    while len(filled.keys("out/")) < 4:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.communicate()
    before = {
        key: filled.ask("HEAD", key)[1]["Last-Modified"] for key in filled.keys("out/")
    }
    end = program.run(*call, "--json").events[-1]
    assert (end["skipped"], end["relit"]) == (len(before), 35 - len(before))
    for key, when in before.items():
        assert filled.ask("HEAD", key)[1]["Last-Modified"] == when
    told = json.loads(program.run("report", filled.at("out"), "--json").out)
    assert told["there"] == 35


def test_without_the_library_one_line_says_how_to_install_it(
    filled, program, monkeypatch
):
    client._library.cache_clear()
    monkeypatch.setitem(sys.modules, "obstore", None)
    says = "pip install 'msrnet[cloud]'"
    program.run("relight", filled.at("in"), "out", code=2, says=says)
    program.run("relight", "in", filled.at("out"), code=2, says=says)
    program.run("report", filled.at("out"), code=2, says=says)
    (program.folder / "list").write_text(filled.at("in/a.png"))
    program.run("relight", "--files-from", "list", "out", code=2, says=says)
    client._library.cache_clear()


def test_help_loads_neither_network_nor_library(program):
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
    assert done.stderr.strip() == b""
