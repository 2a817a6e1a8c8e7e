"""A worker, and a crew of them: here in one process, and ended as if it were killed."""

import itertools
import os
import signal
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import photo
from msrnet_cli.errors import UsageError, WeightsError
from msrnet_cli.files import Folder
from msrnet_cli.folder import stages
from msrnet_cli.folder.arrivals import Arrivals
from msrnet_cli.folder.crew import ActorLostError, Crew, Shift
from msrnet_cli.folder.events import FileDone, WorkerLost
from msrnet_cli.folder.executor import Threads
from msrnet_cli.folder.job import carry_out, counted, relight_folder
from msrnet_cli.folder.journal import Entry, Journal
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.relights import FakeRelighter
from msrnet_cli.folder.tails import NAME, of_actor
from msrnet_cli.folder.worker import Turn, Worker

COUNT = 30
HANGS = 30.0  # seconds
DEFAULTS = FolderOptions()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for index in range(COUNT):
        photo(16, 12, index).save(tmp_path / f"in/{index:02}.png")
    return tmp_path


def planned(options=DEFAULTS, out="out"):
    return make_plan(["in"], out, options)


def results(folder, out="out"):
    return {path.name: path.read_bytes() for path in (folder / out).glob("*.png")}


def worker(plan, network=None, options=DEFAULTS):
    network = network or FakeRelighter(gain=0.5)
    return Worker(plan.outline, network, options, Threads(1, 1), "fake")


class Process:
    """An actor in this process; `die` ends it between two of its calls."""

    def __init__(self, plan, network, options):
        self._made = lambda: worker(plan, network, options)
        self._worker = None
        self._asked = None
        self._is_dead = False
        self.machine = ""
        self.turns = []

    @property
    def is_asked(self):
        return self._asked is not None

    def ask(self, call, *args):
        self._asked = call, args
        if call == "turn":
            self.turns.append([job.target.name for job in args[0]])

    def die(self):
        self._is_dead = True
        if self._worker is not None:
            self._worker.stop()

    def answer(self):
        (call, args), self._asked = self._asked, None
        if self._is_dead:
            raise ActorLostError("it was killed", self.machine)
        if call == "load":
            self._worker = self._made()
            return self._worker.ready
        return getattr(self._worker, call)(*args)


class Processes:
    """As Ray starts them; `watch` sees each one before it answers."""

    def __init__(self, plan, network=None, options=DEFAULTS, watch=lambda _: None):
        self.started = []
        self._made = lambda: Process(plan, network, options)
        self._watch = watch
        self.at_once = True

    def start(self):
        self.started.append(self._made())
        return self.started[-1]

    def drop(self, actor):
        actor.die()

    def answered(self, actors, seconds):  # noqa: ARG002 as Ray's
        for actor in actors:
            self._watch(actor)
        if self.at_once:
            return [*actors]
        self._calls = getattr(self, "_calls", 0) + 1
        return [actors[self._calls % len(actors)]]


def run(plan, processes, count=2, options=DEFAULTS, notify=lambda _: None):
    crew = Crew(processes, count)
    try:
        ready = crew.first()

        @carried
        def working(outputs, tally):
            return Shift(crew, ready, plan.jobs, outputs, tally, notify)

        opening = counted(plan, ready.opening)
        return carry_out(plan, options, opening, ready.making, working, notify)
    finally:
        crew.close()


def carried(make):
    from contextlib import nullcontext

    return lambda *given: nullcontext(make(*given))


def test_a_crew_makes_what_one_run_makes(folder):
    (folder / "in/torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    told = []
    plan = planned()
    done = run(plan, Processes(plan), notify=told.append)
    assert (done.relit, done.failed, done.unfinished) == (COUNT, 1, 0)
    assert (told[0].pictures, told[0].weights) == (COUNT + 1, "fake")
    assert len(told) == COUNT + 3
    local = planned(out="local")
    relight_folder(local, FakeRelighter(gain=0.5), FolderOptions(), lambda _: None)
    assert results(folder) == results(folder, "local")
    assert (folder / "out/failures.txt").read_text().endswith("in/./torn.png\n")
    again = planned()
    assert run(again, Processes(again)).skipped == COUNT


def test_what_a_dead_worker_had_is_made_by_others(folder):
    dead = []

    def watch(actor):
        if len(dead) < 4 and len(actor.turns) == 2:
            dead.append(actor)
            actor.die()

    plan, told = planned(), []
    processes = Processes(plan, watch=watch)
    done = run(plan, processes, notify=told.append)
    assert done.relit + done.skipped == COUNT
    assert (done.failed, done.unfinished) == (0, 0)
    assert len(processes.started) == 2 + len(dead) == 6
    assert len(results(folder)) == COUNT
    outputs = [event.output for event in told if isinstance(event, FileDone)]
    assert len(outputs) == len(set(outputs)) == COUNT
    lost = [event for event in told if isinstance(event, WorkerLost)]
    assert lost == [WorkerLost("it was killed")] * len(dead)


def test_a_machine_that_is_lost_with_all_its_workers_is_told_of_once(folder):
    dead = []

    def watch(actor):
        if len(actor.turns) == 2 and len(dead) < 3:
            dead.append(actor)
            actor.machine = "north"
            actor.die()

    plan, told = planned(), []
    processes = Processes(plan, watch=watch)
    done = run(plan, processes, count=4, notify=told.append)
    assert len(dead) == 3
    assert (done.relit + done.skipped, done.failed) == (COUNT, 0)
    lost = [event for event in told if isinstance(event, WorkerLost)]
    assert lost == [WorkerLost("it was killed", "north")]


def test_a_picture_that_kills_its_worker_fails_alone(folder):
    """It is handed over by itself in the end, and no other picture is blamed."""

    def watch(actor):
        if actor.is_asked and "07.png" in itertools.chain(*actor.turns[-1:]):
            actor.die()

    plan = planned()
    processes = Processes(plan, watch=watch)
    done = run(plan, processes)
    assert (done.failed, done.unfinished) == (1, 0)
    assert done.relit + done.skipped == COUNT - 1
    (failure,) = done.failures
    assert failure.input == "in/07.png"
    assert "5 processes died over it" in failure.reason
    alone = [turn for each in processes.started for turn in each.turns]
    assert alone.count(["07.png"]) == 3


def test_few_pictures_are_out_at_a_time(folder):
    out = []

    def watch(actor):
        out.append(max(map(len, actor.turns), default=0))

    plan = planned()
    options = FolderOptions(batch_size=1)
    processes = Processes(plan, None, options, watch)
    run(plan, processes, 1, options)
    room = worker(plan, None, options).ready.room
    assert max(out) == room < COUNT


def test_no_worker_is_left_without_pictures(folder):
    plan = planned()
    processes = Processes(plan)
    run(plan, processes, 3)
    assert all(any(each.turns) for each in processes.started)
    assert all(len(each.turns[0]) <= COUNT // 3 for each in processes.started)


@pytest.mark.parametrize("at_once", [True, False])
def test_workers_that_differ_are_refused(folder, at_once):
    networks = [FakeRelighter(), FakeRelighter()]
    networks[1].digest = "of other weights"
    plan = planned()
    processes = Processes(plan)
    processes._made = lambda: Process(plan, networks.pop(), FolderOptions())
    processes.at_once = at_once
    if at_once:
        with pytest.raises(UsageError, match="different ways"):
            run(plan, processes)
        return
    done = run(plan, processes)
    assert "different ways" in done.halted
    assert done.unfinished > 0


def test_workers_that_die_while_they_load_are_not_started_for_ever(folder):
    plan = planned()
    processes = Processes(plan, watch=lambda actor: actor.die())
    with pytest.raises(UsageError, match=r"die while they load.*it was killed"):
        run(plan, processes)
    assert len(processes.started) < 8


def test_an_error_of_the_first_worker_ends_the_command(folder):
    class Failing(Process):
        def answer(self):
            self._asked = None
            return WeightsError("no such file", "name another")

    plan = planned()
    processes = Processes(plan)
    processes._made = lambda: Failing(plan, None, FolderOptions())
    with pytest.raises(WeightsError, match="no such file; name another"):
        run(plan, processes)
    assert not Path("out").exists()


def test_a_crew_that_is_stopped_finishes_what_it_writes(folder):
    told = []

    def stop(event):
        told.append(event)
        if len(told) == 5:
            raise KeyboardInterrupt

    plan = planned()
    done = run(plan, Processes(plan), notify=stop)
    assert done.stopped_by == "SIGINT"
    assert done.unfinished > 0
    assert done.relit == len(results(folder))
    assert not [*(folder / "out").glob("*.part")]


def test_a_signal_while_an_answer_is_taken_loses_none(folder):
    class Interrupted(Process):
        def answer(self):
            given = super().answer()
            if isinstance(given, Turn) and given.done and not signals:
                signals.append(len(given.done))
                signal.raise_signal(signal.SIGINT)
            return given

    signals: list[int] = []
    plan = planned()
    processes = Processes(plan)
    processes._made = lambda: Interrupted(plan, FakeRelighter(gain=0.5), DEFAULTS)
    done = run(plan, processes)
    assert done.stopped_by == "SIGINT"
    assert done.unfinished > 0
    assert done.relit == len(results(folder)) > 0


def test_the_first_failure_ends_it_where_that_is_asked_for(folder):
    (folder / "in/00.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    options = FolderOptions(fail_fast=True, batch_size=1)
    plan = planned(options)
    done = run(plan, Processes(plan, None, options), 1, options)
    assert (done.failed, done.unfinished > 0) == (1, True)


def test_a_worker_tells_of_pictures_as_they_are_done(folder):
    plan = planned()
    Folder.made(Path("out")).close()
    Path("out", NAME).touch()
    alone = worker(plan)
    alone.begin(1, 1)
    assert not alone.turn((), (), 0.0).done
    done = []
    begin = time.monotonic()
    alone.turn(plan.jobs[:3], (), 0.0)
    while len(done) < 3 and time.monotonic() < begin + 60:
        done += alone.turn((), (), 1.0).done
    assert {one.status for one in done} == {"relit"}
    assert len(results(folder)) == 3
    assert not alone.stop().done


class Instant:
    """An actor without work: what is left is the driver's part."""

    ready = None

    def __init__(self):
        self._asked = None
        self.most = 0

    @property
    def is_asked(self):
        return self._asked is not None

    def ask(self, call, *args):
        self._asked = call, args

    def answer(self):
        (call, args), self._asked = self._asked, None
        if call == "load":
            return self.ready
        if call != "turn":
            return Turn() if call == "stop" else None
        self.most = max(self.most, len(args[0]))
        return Turn(tuple(map(stages.skipped, args[0])))


@pytest.mark.slow
def test_memory_of_the_driver_does_not_grow_with_the_pictures(folder):
    plan = planned()
    Instant.ready = worker(plan).ready

    def grown(count):
        shapes = (f"d{i // 1000}/{i}.png" for i in range(count))
        jobs = tuple(
            replace(plan.jobs[0], source=Path(x), target=Path("out", x), relative=x)
            for x in shapes
        )
        processes = Processes(plan)
        processes._made = Instant
        processes.drop = lambda _: None
        for job in jobs:  # paths keep their texts, which a planner has asked for
            assert job.shown != str(job.source)
        tracemalloc.start()
        begin = tracemalloc.get_traced_memory()[0]
        done = run(replace(plan, jobs=jobs), processes)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert done.skipped == count
        assert all(each.most <= Instant.ready.room for each in processes.started)
        return (peak - begin) / 2**20

    few, many = grown(1_000), grown(100_000)
    print(f"grown by {few:.2f} MiB for 1,000 pictures, {many:.2f} for 100,000")
    assert many - few < 2  # a queue of 100,000 references takes 0.8


@pytest.mark.parametrize("made", [False, True])
def test_a_worker_makes_no_output_folder_of_its_own(folder, made):
    if made:
        Path("out").mkdir()
    alone = worker(planned())
    with pytest.raises(UsageError, match="file system that all nodes share"):
        alone.begin(1, 1)
    assert not [*folder.glob("out/*")]


def test_a_journal_that_another_process_writes_is_left_alone(folder):
    Path("out").mkdir()
    Path("out", NAME).touch()
    child = os.fork()
    if not child:  # it holds the first name until it is told to end
        journal = Journal(Folder(Path("out")), own=[of_actor(1)])
        Path("held").touch()
        while not Path("end").exists():
            time.sleep(0.01)
        journal.close()
        os._exit(0)
    while not Path("held").exists():
        time.sleep(0.01)
    with Folder(Path("out")) as out:
        journal = Journal(out, own=map(of_actor, itertools.count(1, 2)))
        journal.add(Entry("a.png", "made", "source", "recipe"))
        journal.close()
        Path("end").touch()
        os.waitpid(child, 0)
        assert Path("out", of_actor(3)).read_text().count("\n") == 1
        assert not Path("out", of_actor(1)).read_text()
        assert not Path("out", NAME).read_text()
        Path("out/a.png").write_bytes(b"x")
        assert (
            Journal(out).standing("a.png", Path("out/a.png"), "source", ("recipe",))
            == "foreign"
        )  # another content than the journal tells


def test_what_a_machine_that_hangs_has_claimed_is_made_by_others(folder):
    Path("out").mkdir()
    Path("out", NAME).touch()
    child = os.fork()
    if not child:  # it claims all, and hangs
        journal = Journal(Folder(Path("out")), own=[of_actor(9)])
        for index in range(COUNT):
            journal.claim(f"{index:02}.png")
        Path("held").touch()
        time.sleep(HANGS)
        os._exit(0)
    while not Path("held").exists():
        time.sleep(0.01)
    dead = []

    def watch(actor):
        if not dead and len(actor.turns) == 1:
            dead.append(actor)
            actor.machine = "north"
            actor.die()

    plan = planned()
    processes = Processes(plan, watch=watch)
    halted = []

    def notify(event):
        if isinstance(event, FileDone) and not halted:
            halted.append(event)
            raise KeyboardInterrupt  # nobody frees the others

    begin = time.monotonic()
    done = run(plan, processes, count=1, notify=notify)
    assert time.monotonic() - begin < HANGS
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert halted[0].output.removeprefix("out/") in dead[0].turns[0]
    assert done.relit == len(results(folder)) > 0
    assert {*results(folder)} <= {*dead[0].turns[0]}


def test_a_torn_line_swallows_no_other(folder):
    Path("out").mkdir()
    Path("out", NAME).touch()
    Path("out", of_actor(1)).write_bytes(b'{"v": 1, "outp')
    with Folder(Path("out")) as out:
        journal = Journal(out, own=[of_actor(1)])
        journal.add(Entry("a.png", "made", "source", "recipe"))
        journal.close()
    first, second = Path("out", of_actor(1)).read_bytes().splitlines()
    assert first == b'{"v": 1, "outp'
    assert b'"a.png"' in second


def test_what_arrives_is_taken_once():
    arrivals = Arrivals(["a"], more=True)
    assert arrivals.wait()
    assert arrivals.take() == ["a"]
    arrivals.put(["b", "c"])
    arrivals.close()
    assert arrivals.wait()
    assert arrivals.take() == ["b", "c"]
    assert not arrivals.wait()
    assert arrivals.take() == []
