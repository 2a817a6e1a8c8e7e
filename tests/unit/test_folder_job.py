"""How many pictures a folder job holds at once, whatever comes and whatever fails."""

import errno
import gc
import io
import json
import os
import re
import threading
import time
import weakref
from dataclasses import replace

import pytest
import torch

from conftest import photo
from msrnet_cli import images
from msrnet_cli.errors import PictureError
from msrnet_cli.files import Folder
from msrnet_cli.folder import journal, scheduler, work
from msrnet_cli.folder.budget import Budget
from msrnet_cli.folder.events import FileDone, Ignored
from msrnet_cli.folder.executor import coders
from msrnet_cli.folder.job import relight_folder
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.relights import FakeRelighter
from msrnet_cli.folder.search import Fault
from msrnet_cli.lights.wish import Beam, Wish
from msrnet_cli.report import passed
from msrnet_cli.report import relight as report

LIMIT = 5_000  # pixels in flight, in these tests
SMALL, HUGE = (20, 10), (100, 90)


class InFlight:
    """Counts the pixels between the start of decoding and the end of encoding."""

    def __init__(self, monkeypatch):
        self.now = self.most = self.together = 0
        self._count = 0
        self._lock = threading.Lock()
        monkeypatch.setattr(work, "prepare", self._decoding(work.prepare))
        monkeypatch.setattr(work, "finish", self._encoding(work.finish))

    def add(self, pixels):
        with self._lock:
            self.now += pixels
            self._count += 1 if pixels > 0 else -1
            self.together = max(self.together, self._count)
            if self._count > 1:
                self.most = max(self.most, self.now)

    def _decoding(self, decode):
        def wrapped(job, *rest):
            self.add(job.pixels)
            result = decode(job, *rest)
            if isinstance(result, FileDone):
                self.add(-job.pixels)
            return result

        return wrapped

    def _encoding(self, encode):
        def wrapped(relit, *rest):
            time.sleep(0.002)  # so that pictures pile up behind it
            result = encode(relit, *rest)
            self.add(-relit.job.pixels)
            return result

        return wrapped


@pytest.fixture
def in_flight(monkeypatch):
    monkeypatch.setattr(scheduler, "_IN_FLIGHT_MEGAPIXELS", LIMIT / 1e6)
    return InFlight(monkeypatch)


@pytest.fixture(params=[1, 2])
def lanes(request, monkeypatch):
    monkeypatch.setattr(FakeRelighter, "lanes", request.param)
    return request.param


@pytest.fixture
def folder(tmp_path, monkeypatch, lanes):
    """Many small pictures, and some of which each is more than may be in flight."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for size in (SMALL, HUGE):
        photo(*size).save(tmp_path / f"{size[0]}.png")
    for index in range(40):
        width, _ = HUGE if index in (0, 7, 8, 30, 39) else SMALL
        os.link(f"{width}.png", f"in/{index:02}.png")
    return tmp_path


def relit(relighter=None, notify=lambda _: None, **options):
    options = FolderOptions(**options)
    plan = make_plan(["in"], "out", options)
    return relight_folder(plan, relighter or FakeRelighter(), options, notify)


# --- the budget --------------------------------------------------------------------


def test_a_budget_admits_what_fits_and_anything_alone():
    budget = Budget(100)
    assert budget.admits(1000)
    budget.take(60)
    assert budget.admits(40)
    assert not budget.admits(41)
    budget.take(40)
    budget.give_back(60)
    assert budget.admits(60)
    budget.give_back(40)
    budget.take(1000)
    assert not budget.admits(0)
    budget.give_back(1000)
    assert budget.admits(1000)


# --- the job ----------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [None, 1, 3, 64])
def test_pixels_in_flight_stay_within_the_budget(folder, in_flight, batch_size):
    summary = relit(batch_size=batch_size)
    assert (summary.relit, summary.unfinished) == (40, 0)
    assert in_flight.most <= LIMIT
    assert in_flight.now == 0


def test_small_pictures_overlap_and_share_batches(folder, in_flight):
    relighter = FakeRelighter()
    relit(relighter)
    assert in_flight.together >= 4
    assert max(relighter.batches) == 4


def test_as_many_batches_are_under_way_as_the_device_has_lanes(folder, lanes):
    lock, now, most, threads = threading.Lock(), [], [], set()

    def work(_):
        with lock:
            now.append(1)
            most.append(len(now))
            threads.add(threading.get_ident())
        time.sleep(0.01)
        with lock:
            now.pop()

    assert relit(FakeRelighter(work), batch_size=1).relit == 40
    assert max(most) == lanes
    assert (threading.get_ident() in threads) == (lanes == 1)


def test_huge_pictures_go_one_by_one(folder, in_flight):
    for path in (folder / "in").iterdir():
        path.unlink()
    for index in range(5):
        os.link("100.png", f"in/{index}.png")
    assert relit().relit == 5
    assert in_flight.together == 1


def test_a_picture_is_let_go_before_the_next_one_is_decoded(folder, monkeypatch):
    monkeypatch.setattr(scheduler, "_IN_FLIGHT_MEGAPIXELS", 1e-6)
    read, seen, kept = images.read, [], []

    def watched(*arguments):
        # The encoder's thread may need a moment to let go.
        deadline = time.monotonic() + 5
        while any(ref() is not None for ref in seen) and time.monotonic() < deadline:
            time.sleep(0.001)
        kept.append(sum(ref() is not None for ref in seen))
        picture = read(*arguments)
        seen.append(weakref.ref(picture.pixels))
        return picture

    def see(batch):
        seen.extend(weakref.ref(one) for one in batch)

    monkeypatch.setattr(images, "read", watched)
    gc.disable()  # nothing may wait for it
    try:
        relit(FakeRelighter(see))
    finally:
        gc.enable()
    assert kept == [0] * 40


def test_failures_of_every_stage_give_their_room_back(folder, in_flight, monkeypatch):
    for index in (3, 8, 20, 21):
        path = folder / f"in/{index:02}.png"
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data[:-40])  # its header still tells its size
    write, turns = images.write, iter(range(100))

    def failing_write(picture, *rest):
        if next(turns) % 5 == 0:
            raise PictureError("cannot be written")
        return write(picture, *rest)

    def fail(batch):
        if batch[0].shape[-1] == HUGE[0]:
            in_flight.add(-HUGE[0] * HUGE[1])
            raise RuntimeError("the network fails")

    monkeypatch.setattr(images, "write", failing_write)
    summary = relit(FakeRelighter(fail))
    assert summary.failed > 8
    assert summary.relit + summary.failed == 40
    assert in_flight.most <= LIMIT


@pytest.mark.parametrize("bad", [0, 5, 39])
def test_fail_fast_ends_wherever_it_fails(folder, in_flight, bad):
    path = folder / f"in/{bad:02}.png"
    path.unlink()
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    summary = relit(fail_fast=True)
    assert summary.failed == 1
    assert summary.relit + summary.unfinished == 39


@pytest.mark.parametrize("after", [1, 9, 20])
def test_an_interruption_finishes_what_is_encoded_and_counts_the_rest(
    folder, in_flight, after, lanes
):
    runs = iter(range(100))

    def interrupt(_):
        if next(runs) == after:
            raise KeyboardInterrupt

    events = []
    summary = relit(FakeRelighter(interrupt), events.append, batch_size=1)
    assert summary.stopped_by == "SIGINT"
    # What others relit meanwhile is dropped whole.
    done = summary.relit
    assert done == after if lanes == 1 else done <= after
    assert done + summary.unfinished == 40
    assert sum(isinstance(event, FileDone) for event in events) == done
    assert relit().skipped == done


def test_all_that_was_done_before_is_skipped(folder, in_flight):
    relit()
    assert relit().skipped == 40
    assert in_flight.now == 0


def faked(dtype, engine="eager", *, keeps=False):
    """A fake in a number format and with an engine, both named by the user or not."""
    found = FakeRelighter()
    found.dtype, found.engine = dtype, engine
    found.keeps_format = found.keeps_engine = keeps
    return found


def test_what_auto_chose_is_no_reason_to_make_results_anew(folder):
    relit(faked(torch.float32))
    assert relit(faked(torch.bfloat16)).skipped == 40
    assert relit(faked(torch.float32, "compiled")).skipped == 40


def test_what_the_user_names_is_a_reason_to_make_results_anew(folder):
    relit(faked(torch.float32, keeps=True))
    assert relit(faked(torch.float32, keeps=True)).skipped == 40
    for dtype, engine in ((torch.bfloat16, "eager"), (torch.bfloat16, "fused")):
        summary = relit(faked(dtype, engine, keeps=True))
        assert (summary.skipped, summary.anew) == (0, 40)


@pytest.mark.parametrize(
    ("dtype", "engine", "is_accepted"),
    [
        (torch.float32, "graph", True),
        (torch.bfloat16, "fused", True),
        (torch.float16, "eager", False),  # auto never chooses these
        (torch.float32, "tuned", False),
    ],
)
def test_auto_accepts_what_it_may_have_chosen_in_a_journal_with_names(
    folder, dtype, engine, is_accepted
):
    relit(faked(dtype, engine, keeps=True))  # as older versions wrote for auto
    assert relit(faked(torch.float32)).skipped == (40 if is_accepted else 0)


# --- surroundings that change ------------------------------------------------------


def swapped_for_a_fifo(path):
    path.unlink()
    os.mkfifo(path)


def swapped_for_a_link(path):
    path.unlink()
    path.symlink_to("../20.png")


def cut(path):
    data = path.read_bytes()
    path.unlink()  # others are links to the same file
    path.write_bytes(data[:20])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (swapped_for_a_fifo, "not a regular file"),
        (swapped_for_a_link, "symbolic link"),
        (os.unlink, "No such file"),
        (cut, "damaged"),
    ],
)
def test_an_input_that_changes_after_planning_costs_that_picture_alone(
    folder, change, reason
):
    options = FolderOptions()
    plan = make_plan(["in"], "out", options)
    change(folder / "in/17.png")
    summary = relight_folder(plan, FakeRelighter(), options, lambda _: None)
    assert (summary.relit, summary.failed) == (39, 1)
    assert reason in summary.failures[0].reason
    assert "in/./17.png" in (folder / "out/failures.txt").read_text()


def test_what_could_not_be_looked_at_is_a_failure_like_any(folder):
    fault = Fault("in/2025", "cannot be read: denied", "do this", "/in/./2025")
    options, events = FolderOptions(), []
    plan = replace(make_plan(["in"], "out", options), faults=(fault,))
    summary = relight_folder(plan, FakeRelighter(), options, events.append)
    assert (summary.relit, summary.failed, summary.unfinished) == (40, 1, 0)
    started, told, *_ = events
    assert (started.pictures, started.unreadable) == (40, 1)
    assert (told.input, told.status, told.reason) == (
        "in/2025",
        "failed",
        "cannot be read: denied",
    )
    assert "/in/./2025\n" in (folder / "out/failures.txt").read_text()


def files_below(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("successor", ["nothing", "folder", "link"])
def test_an_output_folder_that_goes_ends_the_job_and_is_told_once(folder, successor):
    turn, lock = iter(range(1)), threading.Lock()

    def pull_away(_):
        with lock:
            if not list((folder / "out").glob("*.png")) or next(turn, None) is None:
                return
        (folder / "out").rename("moved")
        (folder / "elsewhere").mkdir()
        if successor == "folder":
            (folder / "out").mkdir()
        elif successor == "link":
            (folder / "out").symlink_to("elsewhere")

    events = []
    summary = relit(FakeRelighter(pull_away), events.append, batch_size=1)
    assert summary.halted.startswith("the output folder out has gone")
    assert not summary.failures
    assert summary.relit == len(list((folder / "moved").glob("*.png"))) > 0
    assert summary.unfinished == 40 - summary.relit > 20
    assert not files_below(folder / "elsewhere")
    assert successor == "nothing" or not files_below(folder / "out")
    assert sum(isinstance(event, FileDone) for event in events) == summary.relit


@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT", "EROFS"])
@pytest.mark.parametrize("what", ["the journal", "out/"])
def test_a_folder_that_takes_no_more_ends_the_job(folder, monkeypatch, name, what):
    error = OSError(getattr(errno, name), "no more")
    failing_after(monkeypatch, what, 5, error)
    summary = relit(batch_size=1)
    assert what in summary.halted
    assert "no more" in summary.halted
    assert "run the same command again" in summary.halted
    assert (summary.failed, summary.relit) == (0, 5)
    assert summary.unfinished == 35
    assert not list((folder / "out").glob("*.part"))
    monkeypatch.undo()
    os.chdir(folder)
    again = relit()
    assert (again.skipped, again.relit) == (5, 35)


def failing_after(monkeypatch, what, count, error):
    """Let results, or lines of the journal, be written only so often."""
    owner, name = (
        (Folder, "write_whole") if what == "out/" else (journal.Journal, "add")
    )
    real, turns, lock = getattr(owner, name), iter(range(1000)), threading.Lock()

    def write(self, *rest):
        with lock:
            is_over = next(turns) >= count
        if not is_over:
            return real(self, *rest)
        if what == "out/":
            raise error
        raise journal.JournalError(error.errno, error.strerror, "the file")

    monkeypatch.setattr(owner, name, write)


@pytest.mark.parametrize("what", ["the journal", "out/"])
def test_another_fault_of_a_write_costs_that_picture_alone(folder, monkeypatch, what):
    failing_after(monkeypatch, what, 30, OSError(errno.EIO, "odd sector"))
    summary = relit(batch_size=1)
    assert (summary.halted, summary.relit, summary.failed) == ("", 30, 10)
    reasons = [failure.reason for failure in summary.failures]
    assert all(what in reason and "odd sector" in reason for reason in reasons)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: not enough memory"),
        torch.OutOfMemoryError("CUDA out of memory"),
    ],
)
def test_a_picture_beyond_memory_is_no_bug(folder, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(images, "read", fail)
    reasons = {failure.reason for failure in relit().failures}
    assert reasons == {"there is not enough memory for it"}


def test_what_another_run_is_at_work_on_is_left_to_it_and_looked_at_last(
    folder, monkeypatch
):
    theirs, order = {"03.png", "20.png"}, []

    def claim(_, output):
        order.append(output)
        if output in theirs and len(order) > 60:
            theirs.clear()  # the other run has ended, its work undone
        return output not in theirs

    monkeypatch.setattr(journal.Journal, "is_first", lambda _: False)
    monkeypatch.setattr(journal.Journal, "claim", claim)
    monkeypatch.setattr(scheduler, "_PATIENCE", 0.001)
    events = []
    assert relit(notify=events.append).relit == 40
    assert any("another run is at work" in note for note in events[0].notes)
    done = [event.output for event in events if isinstance(event, FileDone)]
    assert set(done[-2:]) == {"out/03.png", "out/20.png"}


# --- reports -----------------------------------------------------------------------


@pytest.mark.parametrize("quiet", [True, False])
def test_a_failure_is_told_once_and_at_once(folder, capsys, quiet):
    for index in (3, 20):
        path = folder / f"in/{index:02}.png"
        path.unlink()
        path.write_bytes(b"")
    relit(notify=report.reporter(as_json=False, quiet=quiet))
    lines = capsys.readouterr().err.splitlines()
    for index in (3, 20):
        told = [line for line in lines if f"in/{index:02}.png" in line]
        assert len(told) == 1
        assert "the file is empty" in told[0]
    assert len(lines) == 2 if quiet else "2 failed" in lines[-1]


def test_a_halt_is_told_also_where_little_is(folder, monkeypatch, capsys):
    failing_after(monkeypatch, "out/", 5, OSError(errno.ENOSPC, "no more"))
    relit(notify=report.reporter(as_json=False, quiet=True))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("msrnet: out/")
    assert "no more" in line


def test_a_run_that_did_nothing_had_no_slowest_stage(folder, capsys):
    relit()
    relit(notify=report.json_lines)
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["skipped"] == 40
    assert "slowest_stage" not in summary


def test_a_bar_is_full_where_all_is_there_already(folder, monkeypatch):
    relit()
    monkeypatch.setattr("sys.stderr", io.StringIO())
    bar = report.ProgressBar()
    relit(notify=bar)
    (task,) = bar._progress.tasks
    assert task.finished
    assert task.percentage == 100


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("6500_N", "4500_E", "6500 K from behind (N) becomes light of 4500 K from the"),
        ("", "4500_E", "any light becomes light of 4500 K from the right (E)"),
        ("candle", "dusk", "light candle becomes light dusk"),
        (
            "",
            str(Wish(beams=(Beam(azimuth=270, kelvin=3200),))),
            "light from W, 3200 K",
        ),
    ],
)
def test_the_first_line_says_which_light_is_made(folder, capsys, before, after, words):
    relighter = FakeRelighter()
    relighter.from_light, relighter.to_light = before, after
    relit(relighter, report.PlainLines())
    assert words in capsys.readouterr().err.splitlines()[0]


def test_the_first_line_says_how_much_of_the_change_shows(folder, capsys):
    relighter = FakeRelighter()
    relighter.to_light = "4500_E"
    relighter.light_recipe = {"finish": {"amount": 0.5, "keep": "colour"}}
    relit(relighter, report.PlainLines())
    first = capsys.readouterr().err.splitlines()[0]
    assert "the right (E), amount 0.5, colour kept, weights " in first


def test_start_counts_in_what_a_job_took(folder, capsys):
    options = FolderOptions()
    plan = make_plan(["in"], "out", options)
    summary = relight_folder(
        plan, FakeRelighter(), options, report.PlainLines(), start=40.0
    )
    assert summary.seconds < 20
    last = capsys.readouterr().err.splitlines()[-1]
    assert re.search(r"relit in [45]\d\.", last)


def test_what_was_passed_over_is_named_once():
    names = [f"{letter}.txt" for letter in "abcde"]
    ignored = [Ignored(name, "not a picture") for name in names]
    ignored += [Ignored("l.png", "symbolic link"), Ignored(".x", "hidden")]
    assert passed.lines(ignored) == [
        "passed over: l.png: symbolic link",
        "passed over: hidden (1); not a picture (5): a.txt, b.txt, c.txt, ...",
    ]


def test_what_auto_could_not_take_is_said_at_the_start(folder, capsys):
    relighter = FakeRelighter()
    relighter.notes = ("eager, for engine fused: no such operator",)
    relit(relighter, report.PlainLines())
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first.endswith("in fp32, eager")
    assert second == "msrnet: note: eager, for engine fused: no such operator"


def test_an_unknown_size_is_no_obstacle(folder, in_flight):
    options = FolderOptions()
    plan = make_plan(["in"], "out", options)
    plan = replace(plan, jobs=tuple(replace(job, pixels=0) for job in plan.jobs))
    summary = relight_folder(plan, FakeRelighter(), options, lambda _: None)
    assert summary.relit == 40


def test_a_gpu_leaves_the_processor_to_decode_and_encode():
    assert coders("cpu", 64) == 2
    assert coders("cuda", 8) == 8
    assert coders("cuda", 1) == 2
    assert coders("mps", 128) == 8
