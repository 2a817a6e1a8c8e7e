"""The page about a training run: what it holds, when it is written, where."""

import csv
import time
from itertools import pairwise

import pytest
import torch

import browsers
import pairs
from msrnet_cli.config import ModelConfig
from msrnet_cli.pages import following
from msrnet_cli.pages.following import Follower
from msrnet_cli.pages.training import Moment, Told, chosen, page
from msrnet_cli.train import history
from msrnet_cli.train.events import (
    TrainProgress,
    TrainStarted,
    TrainSummary,
    Validated,
)
from msrnet_cli.train.loop import train
from msrnet_cli.train.options import TrainOptions
from training import settings

STARTED = TrainStarted("runs/x", "pair", 10, 0, "val", "cpu", "fp32", 1000, ("all",))


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return pairs.write_vidit(tmp_path_factory.mktemp("a<b>&c") / "set", 3, size=32)


def tiny(scenes, out, **changes):
    """Eight steps in two stages of two sizes."""
    config = settings(
        data=str(scenes),
        out=str(out),
        model=ModelConfig("dmshn", 4),
        steps=8,
        stage="all",
        sizes=(16, 32),
        batch=(1,),
        validations=8,
        val_pairs=2,
        dtype="fp32",
        perceptual=False,
    )
    return settings(config, **changes)


def walk(options, *, stop_at=None, resume=False):
    """Train with a page; what it warns of."""
    told, steps = [], iter(range(1, 100))
    keep = Follower(options, told.append)
    train(
        options,
        keep,
        lambda: "SIGTERM" if next(steps) == stop_at else "",
        resume=resume,
    )
    return told


@pytest.fixture(scope="module")
def ended(scenes, tmp_path_factory):
    """A run that came to its end, every page of which was written."""
    run = tmp_path_factory.mktemp("runs") / "my run #1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(following, "_COSTS", 0)
        assert walk(tiny(scenes, run)) == []
    return run


def cells(page, chart):
    """The table of a chart: step and values."""
    rows = page.locator(f"#chart-{chart} tbody tr").all()
    return [row.locator("th, td").all_text_contents() for row in rows]


def column(run, name):
    with (run / "metrics.csv").open() as file:
        found = [(row["step"], row[name]) for row in csv.DictReader(file)]
    return [(step, float(text)) for step, text in found if text]


def test_curves_are_the_numbers_of_metrics(watched, ended):
    page = watched.open(ended / "report.html")
    for chart, name in (
        ("loss", "loss"), ("psnr", "val_psnr"), ("rate", "lr"),
        ("speed", "images_per_second"),
    ):  # fmt: skip
        wanted = column(ended, name)
        found = [(step, float(value)) for step, value, *_ in cells(page, chart)]
        assert len(wanted) >= 4
        assert [step for step, _ in found] == [step for step, _ in wanted]
        assert [v for _, v in found] == pytest.approx([v for _, v in wanted], rel=1e-3)
    assert page.locator("header").text_content().count("Finished after 8 steps") == 1
    marks = page.locator("#chart-loss text.mark").all_text_contents()
    assert "stage 2, 16 px" in marks
    assert page.locator("#chart-loss line.mark").count() == 3
    assert watched.asked == []
    assert watched.errors == []


def test_previews_are_seen_one_at_a_time(watched, ended):
    page = watched.open(ended / "report.html")
    sheets = page.locator("#sheets figure")
    assert sheets.count() == len(column(ended, "val_psnr"))
    page.locator("#when").focus()
    page.keyboard.press("Home")
    assert page.locator("#step").text_content() == sheets.first.get_attribute(
        "data-step"
    )
    assert page.locator("#sheets figure:visible").count() == 1
    browsers.until(page, "[...document.images].every((one) => one.naturalWidth > 0)")
    links = [a.get_attribute("href") for a in sheets.locator("a").all()]
    assert all((ended / link).is_file() for link in links)
    assert watched.errors == []


def test_settings_tell_what_is_not_usual(watched, ended, scenes):
    page = watched.open(ended / "report.html")
    page.locator("summary", has_text="Settings").click()
    rows = page.locator(".settings tbody tr").all()
    said = dict(row.locator("th, td").all_text_contents() for row in rows)
    assert said["--data"] == f"{scenes} *"
    assert said["--channels"] == "4 *"
    assert said["--lr"] == "0.002"
    assert said["--stage"] == "all *"


def test_the_page_can_be_reached_and_read_by_all(watched, ended):
    watched.page.set_viewport_size({"width": 390, "height": 844})
    page = watched.open(ended / "report.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert browsers.axe_in_both_schemes(page) == []


def test_without_scripts_every_preview_and_curve_is_there(browser, ended):
    context = browser.new_context(java_script_enabled=False)
    page = browsers.Watched(context.new_page()).open(ended / "report.html")
    sheets = page.locator("#sheets figure")
    assert page.locator("#sheets figure:visible").count() == sheets.count() > 3
    assert page.locator(".chart > svg:visible").count() >= 6
    context.close()


def test_a_run_that_goes_on_keeps_what_it_had(scenes, tmp_path, monkeypatch, watched):
    monkeypatch.setattr(following, "_COSTS", 0)
    options = tiny(scenes, tmp_path / "run")
    walk(options, stop_at=5)
    half = watched.open(tmp_path / "run/report.html")
    assert "Stopped by SIGTERM after 5 steps" in half.locator("header").text_content()
    before = cells(half, "psnr")
    walk(options, resume=True)
    whole = watched.open(tmp_path / "run/report.html")
    after = cells(whole, "psnr")
    assert after[: len(before)] == before
    assert len(after) == 8
    assert whole.locator("#sheets figure").count() == 8
    assert "step 5" in whole.locator("#machine + dl").text_content()


def test_a_page_that_cannot_be_written_is_told_once_and_stops_no_run(scenes, tmp_path):
    options = tiny(scenes, tmp_path / "run")
    (tmp_path / "run/report.html").mkdir(parents=True)
    told = walk(options)
    assert len(told) == 1
    assert "report.html cannot be written" in told[0]
    assert (tmp_path / "run/stage2.safetensors").is_file()


def test_the_page_goes_where_it_is_wanted_now_and_later(program, scenes, tmp_path):
    (tmp_path / "pages").mkdir()
    arguments = ("--arch", "dmshn", "--channels", "4", "--size", "16", "--quiet")
    place = ("--report", "pages/mine.html")
    program.run(
        "train", "--data", scenes, "--out", "run", "--steps", "2", *arguments, *place
    )
    page = tmp_path / "pages/mine.html"
    assert "Finished after 2 steps" in page.read_text("utf-8")
    assert 'href="previews' not in page.read_text("utf-8")
    assert not (tmp_path / "run/report.html").exists()
    page.unlink()
    program.run("train", "--out", "run", "--resume", "--steps", "3", "--quiet")
    assert "Finished after 3 steps" in page.read_text("utf-8")
    program.run(
        "train", "--config", "run/run.json", "--out", "next", "--steps", "1", "-q"
    )
    assert "Finished after 3 steps" in page.read_text("utf-8"), "of the first run"
    assert (tmp_path / "next/report.html").is_file()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--report", "p.png"), "must end in .html"),
        (("--report", "w.html/p.html"), "nothing can be written"),
        (("--report", "w.html", "--init", "w.html"), "would overwrite the input"),
        (("--report", "w.html", "--vgg", "w.html"), "would overwrite the input"),
        (("--report", "w.html"), "not a page that msrnet made"),
    ],
)
def test_places_that_would_do_harm_are_refused(program, tmp_path, options, says):
    (tmp_path / "w.html").write_text("weights")
    done = program.run("train", "--data", "set", *options, code=2, says=says)
    assert len(done.lines) == 1
    assert (tmp_path / "w.html").read_text() == "weights"


# --- what it costs ------------------------------------------------------------------


def validated(step):
    return Validated(step, "1", 16, 20.0, 19.0, 1.0, False, float(step))


def test_pages_take_a_hundredth_of_a_run_at_most(tmp_path, monkeypatch):
    written = []

    def slow(told):
        time.sleep(0.05)
        written.append(told.summary)
        return "page"

    monkeypatch.setattr(following, "page", slow)
    keep = Follower(settings(out=str(tmp_path)), pytest.fail)
    keep(STARTED)
    for step in range(1, 20):
        keep(validated(step))
    assert written == [None]
    keep(TrainSummary(str(tmp_path), 20, 1.0, 20.0, 20.0))
    assert len(written) == 2, "the end is always told"


def test_few_previews_stand_for_many_and_none_is_read_twice():
    for many in range(1, 400):
        kept = chosen(range(many))
        assert len(kept) <= 12
        assert kept[0] == 0
        assert kept[-1] == many - 1
        assert kept == sorted(set(kept))
    for one, other in pairwise(chosen(range(many)) for many in range(1, 400)):
        assert set(other[:-1]) <= set(one), "only the newest is new"


# --- scores of the light stage ------------------------------------------------------


def test_every_score_that_a_run_can_have_is_drawn():
    shown = page(Told(TrainOptions(), STARTED, []))
    assert "no values yet" in shown
    names = [name for name in history.COLUMNS if name.startswith("val_")]
    values = {name: 10.0 + place for place, name in enumerate(names)}
    moments = [
        Moment(1, "1", 16, {"loss": 1.0, "lr": 0.1, "gradient": 2.0}),
        Moment(1, "1", 16, values),
    ]
    latest = TrainProgress(1, 0.5, "1", 16, 0.1, 1.0, 2.0, 3.0, 4.0, 65.0)
    shown = page(Told(TrainOptions(), STARTED, moments, latest=latest))
    for value in values.values():
        assert f">{value:.4g}<" in shown
    assert "Step 1, 50.0% done, 1 min 05 s left." in shown
