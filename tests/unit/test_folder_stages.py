"""The stages of a folder job without a job: values in, values out, in any process."""

import json
import multiprocessing
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace

import pytest
import torch
from PIL import Image

from conftest import photo
from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.errors import PictureError
from msrnet_cli.folder import stages
from msrnet_cli.folder.batches import Batches
from msrnet_cli.folder.beside import MASK
from msrnet_cli.folder.events import FileDone
from msrnet_cli.folder.executor import Threads
from msrnet_cli.folder.job import relight_folder
from msrnet_cli.folder.known import digest
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.outputs import Halt
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.records import Existing
from msrnet_cli.folder.relights import FakeRelighter, recipes, with_beside
from msrnet_cli.folder.tally import Tally

NOTHING = Existing()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for index in range(3):
        photo(20, 10, index).save(f"in/{index}.png")
    return tmp_path


def planned(**options):
    return make_plan(["in"], "out", FolderOptions(**options)).jobs


def decoded(job):
    return stages.decode(stages.read(job, ("recipe",)), NOTHING, 1)


def relit(jobs, relights=None):
    return stages.relight([decoded(job) for job in jobs], relights or FakeRelighter())


# --- pure functions ------------------------------------------------------------------


def test_each_stage_tells_where_its_picture_goes_and_what_made_it(folder):
    job, *_ = jobs = planned(compare=True)
    source = stages.read(job, ("recipe",))
    assert source.data == (folder / "in/0.png").read_bytes()
    assert source.provenance.source_sha256 == digest(source.data)
    assert source.provenance.origin == str(folder / "in/0.png")
    batch = relit(jobs, FakeRelighter(gain=0.5))
    assert [picture.job for picture in batch.pictures] == list(jobs)
    encoded = stages.encode(batch.pictures[0], WriteOptions())
    assert (encoded.job, encoded.provenance) == (job, source.provenance)
    picture, comparison = map(images.read, encoded.contents)
    half = images.read(source.data).pixels * 0.5
    assert (picture.pixels - half).abs().max() <= 1
    assert comparison.size == (40, 10)
    assert not (folder / "out").exists()


def test_a_job_s_format_counts_whatever_the_options_say(folder):
    job, *_ = planned(write=WriteOptions(format="webp"))
    assert (job.format, job.target.name) == ("webp", "0.webp")
    (picture,) = relit([job]).pictures
    for options in (WriteOptions(), WriteOptions(format="bmp")):
        (data,) = stages.encode(picture, options).contents
        assert images.read(data).encoding.format == "webp"


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [("a.png", "JPEG", "jpeg"), ("a.jpe", "JPEG", "jpeg"), ("a.jxl", "", None)],
)
def test_a_plan_says_the_format_of_each_output(folder, name, content, format):
    with (folder / "in" / name).open("wb") as file:
        if content:
            photo().save(file, content)
    (job,) = (job for job in planned() if job.source.name == name)
    assert job.format == format
    assert format is None or images.format_of(job.target.suffix) == format


def gone(path):
    path.unlink()


def cut(path):
    path.write_bytes(path.read_bytes()[:-30])


def too_large(path):
    Image.new("1", (1500, 1500)).save(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [(gone, "cannot be read: No such"), (cut, "damaged"), (too_large, "megapixels")],
)
def test_a_picture_that_fails_comes_back_as_its_failure(folder, change, reason):
    job, *_ = planned()
    change(folder / "in/0.png")
    done = stages.read(job, ("recipe",))
    if not isinstance(done, FileDone):
        done = stages.decode(done, NOTHING, 1)
    assert (done.status, done.input, done.output) == ("failed", "in/0.png", "out/0.png")
    assert reason in done.reason


def test_a_bug_in_a_stage_costs_its_picture_alone(folder, monkeypatch):
    (picture, *_) = relit(planned()).pictures

    def write(*_):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(images, "write", write)
    done = stages.encode(picture, WriteOptions())
    assert (done.status, done.remedy) == ("failed", "please report it")
    assert done.reason == "a bug: ZeroDivisionError: by zero"


def test_a_network_that_fails_fails_all_of_its_batch(folder):
    def fail(_):
        raise PictureError("too large", "try less")

    batch = relit(planned(), FakeRelighter(fail))
    told = [(done.input, done.status, done.reason) for done in batch.pictures]
    assert told == [(f"in/{i}.png", "failed", "too large") for i in range(3)]
    assert batch.seconds > 0


def test_the_pictures_of_a_batch_share_its_time(folder):
    batch = relit(planned())
    shares = [picture.seconds for picture in batch.pictures]
    assert sum(shares) == pytest.approx(batch.seconds)


def test_all_stages_run_in_another_process_with_the_same_result(folder):
    jobs = planned(compare=True)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:

        def run(stage, *arguments):
            return other.submit(stage, *arguments).result()

        batch = [
            run(stages.decode, run(stages.read, job, ("recipe",)), NOTHING, 1)
            for job in jobs
        ]
        pictures = run(stages.relight, batch, FakeRelighter(gain=0.5)).pictures
        there = [run(stages.encode, picture, WriteOptions()) for picture in pictures]
    here = [
        stages.encode(picture, WriteOptions())
        for picture in relit(jobs, FakeRelighter(gain=0.5)).pictures
    ]
    assert there == here


# --- recipes ------------------------------------------------------------------------


def test_the_recipe_of_the_usual_light_is_that_of_older_versions():
    # Another name would make every result anew.
    assert recipes(FakeRelighter(), FolderOptions())[0] == "e0e6396993c68090"


def test_each_light_each_fan_and_each_mask_has_recipes_of_its_own():
    plain, lit, options = FakeRelighter(), FakeRelighter(), FolderOptions()
    lit.light_recipe = {"wish": {"kelvin": 3200.0}}
    found = [
        recipes(plain, options),
        recipes(lit, options),
        recipes(lit, options, is_fan=True),
        with_beside(recipes(plain, options), MASK, "a"),
        with_beside(recipes(plain, options), MASK, "b"),
    ]
    assert len({name for names in found for name in names}) == sum(map(len, found))


# --- batches, tally ----------------------------------------------------------------


def sizes(batch):
    return [one.picture.size[0] for one in batch]


@pytest.mark.parametrize(
    ("limit", "taken", "left"),
    [
        (2, [[], [], [8, 8], [9, 9], [], []], [[8], [7]]),  # full batches
        (3, [[], [], [], [8, 8], [], [9, 9]], [[8], [7]]),  # four wait: the oldest
        (9, [[], [], [], [], [], []], [[8, 8, 8], [9, 9], [7]]),
    ],
)
def test_pictures_of_one_kind_wait_for_each_other_but_not_for_too_many(
    folder, limit, taken, left
):
    for index, side in enumerate((8, 9, 8, 9, 8, 7)):
        photo(side, side).save(f"in/{index}.png")
    pictures = [decoded(job) for job in planned()]
    batches = Batches(lambda *_: limit, patience=4)
    assert [sizes(batches.add(picture)) for picture in pictures] == taken
    for batch in left:
        assert batches
        assert sizes(batches.oldest()) == batch
    assert not batches


def test_pictures_of_another_depth_or_type_never_share_a_batch(folder):
    picture = decoded(planned()[0])
    floats = replace(picture.picture, pixels=picture.picture.rgb)
    deep = replace(floats, encoding=replace(floats.encoding, depth=16))
    batches = Batches(lambda *_: 2, patience=9)
    for kind in (picture.picture, floats, deep):
        assert batches.add(replace(picture, picture=kind)) == []
    assert len(batches.add(replace(picture, picture=deep))) == 2


@pytest.mark.parametrize("fail_fast", [True, False])
def test_a_tally_is_over_after_a_halt_or_where_asked_after_a_failure(fail_fast):
    told = []
    tally = Tally(told.append, fail_fast=fail_fast)
    failure = FileDone("a", "b", "failed")
    for done in (FileDone("a", "b", "relit"), failure):
        assert not tally.is_over
        tally.add(done)
    assert tally.is_over == fail_fast
    tally.add(Halt("full", "make room"))
    tally.add(Halt("another", "reason"))
    assert tally.is_over
    summary = tally.summary(
        5, seconds=1, start=2, stopped_by="", failures_file="the list"
    )
    assert (summary.relit, summary.failed, summary.unfinished) == (1, 1, 3)
    assert (summary.halted, summary.failures) == ("full; make room", (failure,))
    assert len(told) == 2


# --- executors -----------------------------------------------------------------------


class Inline:
    """Runs each call at once: an executor of one's own needs no threads."""

    def __init__(self):
        self.stages, self.is_closed = [], False

    def width(self, _stage):
        return 1

    def submit(self, stage, call, *arguments, **more):
        self.stages.append(stage)
        done = Future()
        done.set_result(call(*arguments, **more))
        return done

    def close(self):
        self.is_closed = True


def lines_without_times(journal):
    lines = map(json.loads, journal.splitlines())
    return sorted(json.dumps({**line, "seconds": None}) for line in lines)


def test_a_job_runs_on_any_executor_with_the_same_files(folder):
    executor, options = Inline(), FolderOptions()
    for output, given in (("threads", None), ("inline", executor)):
        plan = make_plan(["in"], output, options)
        summary = relight_folder(
            plan, FakeRelighter(gain=0.5), options, lambda _: None, executor=given
        )
        assert (summary.relit, summary.unfinished) == (3, 0)
        assert all(seconds > 0 for seconds in summary.stages.values())
    for path in (folder / "threads").iterdir():
        by_threads, alone = (
            path.read_bytes(),
            (folder / "inline" / path.name).read_bytes(),
        )
        if path.suffix != ".png":  # the journal: other times, perhaps another order
            by_threads, alone = map(lines_without_times, (by_threads, alone))
        assert by_threads == alone
    assert sorted(executor.stages) == ["decode"] * 3 + ["encode"] * 3 + ["network"]
    assert executor.is_closed


def test_closing_threads_finishes_what_is_encoded_and_drops_the_rest():
    threads, begun, go_on, done = (
        Threads(1, 2),
        threading.Event(),
        threading.Event(),
        [],
    )

    def wait():
        begun.set()
        go_on.wait(5)

    for stage in ("decode", "encode"):
        threads.submit(stage, wait)
        for _ in range(3):
            threads.submit(stage, done.append, stage)
    begun.wait(5)
    threading.Timer(0.05, go_on.set).start()
    threads.close()
    assert done == ["encode"] * 3


def test_a_network_with_one_lane_runs_in_the_thread_that_submits():
    here = threading.get_ident()
    for lanes, is_here in ((1, True), (2, False)):
        threads = Threads(2, lanes)
        pending = threads.submit("network", threading.get_ident)
        assert (pending.result() == here) is is_here
        assert threads.width("network") == lanes
        threads.close()


def test_a_stand_in_keeps_type_and_range():
    batch = [torch.full((3, 2, 2), 200, dtype=torch.uint8)]
    relit = FakeRelighter(gain=0.5).run(batch)
    assert relit.outputs[0].dtype == torch.uint8
    assert relit.outputs[0].unique().tolist() == [100]
