"""One picture through standard input into a file: what is told of it."""

import io

import pytest

from conftest import encoded, photo, picture_at
from msrnet_cli.errors import UsageError
from msrnet_cli.folder.events import FileDone, JobStarted, JobSummary
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.relights import FakeRelighter
from msrnet_cli.folder.stream import relight_stream
from msrnet_cli.folder.targets import Read
from msrnet_cli.signals import Stopped


class Standard:
    """A standard stream with bytes in it."""

    def __init__(self, data):
        self.buffer = io.BytesIO(data)


@pytest.fixture
def piped(tmp_path, monkeypatch):
    """Relights a picture from standard input; gives what is told, and the summary."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(relighter=None, data=None, target="x.png", reads=(), **options):
        data = encoded(photo(20, 10)) if data is None else data
        monkeypatch.setattr("sys.stdin", Standard(data))
        told = []
        summary = relight_stream(
            "-",
            target,
            lambda: relighter or FakeRelighter(),
            FolderOptions(**options),
            told.append,
            "weights",
            reads,
        )
        assert told[-1] == summary
        return told

    return run


def test_a_picture_is_told_as_a_job_of_one(piped):
    start, file, summary = piped()
    assert isinstance(start, JobStarted)
    assert (start.pictures, start.output, start.weights) == (1, "x.png", "weights")
    assert start.megapixels == pytest.approx(200 / 1e6)
    assert isinstance(file, FileDone)
    assert (file.input, file.output, file.status) == ("-", "x.png", "relit")
    assert isinstance(summary, JobSummary)
    assert (summary.relit, summary.unfinished) == (1, 0)
    assert summary.stages == pytest.approx(file.seconds)
    assert picture_at("x.png").size == (20, 10)
    _, file, summary = piped()
    assert (file.status, summary.skipped) == ("skipped", 1)


def test_a_failure_is_told_with_its_reason(piped, tmp_path):
    _, file, summary = piped(data=b"")
    assert (file.status, file.reason) == ("failed", "the file is empty")
    assert summary.failures == (file,)
    (tmp_path / "x.png").write_bytes(b"mine")
    _, file, _ = piped()
    assert "was not made by msrnet" in file.reason
    assert (tmp_path / "x.png").read_bytes() == b"mine"


@pytest.mark.parametrize("signal", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_it_with_a_summary_and_nothing_half(piped, tmp_path, signal):
    def stop(_batch):
        raise Stopped(signal)

    start, summary = piped(FakeRelighter(stop))
    assert isinstance(start, JobStarted)
    assert (summary.stopped_by, summary.unfinished) == (signal, 1)
    assert not list(tmp_path.glob("*.p*"))


def test_what_is_read_is_not_overwritten(piped, tmp_path):
    (tmp_path / "x.png").write_bytes(b"mine")
    reads = [Read("picture of --like", tmp_path / "x.png")]
    with pytest.raises(UsageError, match="would overwrite the picture of --like"):
        piped(reads=reads, exist="overwrite")
    assert (tmp_path / "x.png").read_bytes() == b"mine"
