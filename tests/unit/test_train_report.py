"""Training and data sets as people read them: what is said, and in which width."""

import io
import math
import re
import sys

import pytest

import pairs
from msrnet_cli import perceptual
from msrnet_cli.errors import DownloadError
from msrnet_cli.report import train as report
from msrnet_cli.train.events import TrainProgress, TrainStarted, TrainSummary, Validated
from msrnet_cli.train.initial import start_network
from msrnet_cli.train.options import NetworkOptions
from msrnet_cli.train.runs import read_settings


class Terminal(io.StringIO):
    """A terminal of a width."""

    def isatty(self):
        return True


def progress(**changes):
    """A row of a long run, each number as long as it may become."""
    fields = {
        "step": 1234567, "progress": 0.8765, "stage": "1", "size": 1024, "lr": 5.25e-5,
        "loss": 0.000123456, "gradient": 0.12345, "images_per_second": 123.456,
        "seconds": 3e5, "eta": 123 * 3600 + 59 * 60,
    }  # fmt: skip
    return TrainProgress(**{**fields, **changes})


STARTED = TrainStarted("run", "pair", 3, 0, "3 pairs", "cpu", "fp32", 1_000_000, ())


def plain(text):
    """What is seen of a text with escapes."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_live_line_shows_its_time_left(monkeypatch, width):
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    bar = report.reporter(quiet=False)
    bar(STARTED)
    bar(progress())
    bar(TrainSummary("run", 3, 1.0, 20.0, None))
    lines = [line for line in re.split(r"[\r\n]", plain(terminal.getvalue())) if line]
    shown = [line for line in lines if "123 h 59 min left" in line]
    assert shown
    for line in shown:
        assert line.rstrip().endswith("images/s"), "nothing is cut off"
        assert len(line) <= width


@pytest.mark.parametrize(
    "changes",
    [{}, {"progress": 1.0}, {"eta": math.inf}, {"loss": 1e-12}, {"step": 1}],
)
def test_a_line_of_a_log_fits_80_columns(capsys, changes):
    report.Lines()(progress(**changes))
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) <= 80
    assert "left" in line


def tried(**changes):
    fields = {
        "step": 10, "stage": "2", "size": 512, "psnr": 14.5, "psnr_copy": 12.0,
        "detail": 0.8, "best": True, "seconds": 1.0,
    }  # fmt: skip
    return Validated(**{**fields, **changes})


@pytest.mark.parametrize("quiet", [True, False])
def test_what_must_be_known_is_said_even_if_quiet(capsys, quiet):
    tell = report.reporter(quiet=quiet)
    tell(tried(notes=("previews/x.png cannot be written",)))
    assert "note: previews/x.png cannot be written" in capsys.readouterr().err


def test_the_best_is_that_of_a_stage_and_size(capsys):
    report.Lines()(tried())
    report.Lines()(tried(best=False))
    best, other = capsys.readouterr().err.splitlines()
    assert best.endswith("best of stage 2 at 512 px")
    assert "best" not in other
    assert max(len(best), len(other)) <= 80


def test_the_better_stage_is_named_at_the_end(capsys):
    for ends in ({"1": 11.5, "2": 10.7}, {"1": 10.1, "2": 10.7}, {}):
        report.Lines()(TrainSummary("run", 3, 1.0, 20.0, None, stages=ends))
    one, two, none = capsys.readouterr().err.splitlines()
    assert one.endswith(
        "stage 1 11.50 dB, stage 2 10.70 dB; better: stage1.safetensors"
    )
    assert two.endswith("better: stage2.safetensors")
    assert none == "3 steps in 1 s: run"


STAGE_TWO = ("--stage", "all", "--arch", "dmshn", "--channels", 4, "--size", 32)


def test_vgg16_that_is_not_there_is_told_at_once(program, tmp_path, monkeypatch):
    """Offline, before a picture is decoded, in one line that names the file to get."""
    pairs.write_folders(tmp_path / "data", 1, size=32)
    asked = []
    load = perceptual.load_vgg16

    def noted(*arguments, **options):
        asked.append(options)
        return load(*arguments, **options)

    monkeypatch.setattr(perceptual, "load_vgg16", noted)
    monkeypatch.setattr("msrnet_cli.pairs.files.PictureFile.decode", pytest.fail)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    run = ("train", "--data", "data", "--out", "run", *STAGE_TWO)
    (line,) = program.run(*run, "--offline", code=5).lines
    assert asked == [{"offline": True}]
    for way_out in ("--vgg FILE", "--no-perceptual"):
        assert way_out in line
    assert not (tmp_path / "run").exists()


def test_offline_is_asked_for_each_time(program, tmp_path):
    pairs.write_folders(tmp_path / "data", 1, size=32)
    small = ("--arch", "dmshn", "--channels", 4, "--size", 32, "--steps", 1)
    program.run("train", "--data", "data", "--out", "run", *small, "--offline")
    assert read_settings(tmp_path / "run").run.offline
    program.run("train", "--out", "run", "--resume", "--steps", 2)
    assert not read_settings(tmp_path / "run").run.offline


def test_weights_to_start_from_are_not_fetched_offline(monkeypatch):
    asked = []

    def fetch(_address, *, offline):
        asked.append(offline)
        raise DownloadError("not cached", "fetch it once")

    monkeypatch.setattr("msrnet_cli.hub.cache.fetch", fetch)
    for offline in (True, False):
        with pytest.raises(DownloadError):
            start_network(NetworkOptions(init="hf://a/b"), offline=offline)
    assert asked == [True, False]
