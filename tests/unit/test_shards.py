"""One folder job split over machines: disjoint, complete, stable, and never twice."""

import hashlib
import os
import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import photo
from msrnet_cli.config import ModelConfig, WriteOptions
from msrnet_cli.errors import UsageError
from msrnet_cli.files import Folder
from msrnet_cli.folder import clusters, history
from msrnet_cli.folder.foresight import foresee
from msrnet_cli.folder.job import relight_folder
from msrnet_cli.folder.journal import Journal
from msrnet_cli.folder.known import Entry, digest
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.relights import FakeRelighter
from msrnet_cli.folder.shards import Shard, mark_of, marked, part_of, read_shard
from msrnet_cli.folder.tails import Run, names_in, run_of
from msrnet_cli.pages.place import Page, require_page
from networks import tinted_identity
from relighters import SMALL, relighter

LETTERS = "aZ09 -_.éßø日本語🎞e\u0301\udcff"
COUNTS = (1, 2, 7, 100)


def random_names(count, seed=0):
    """Paths of pictures, with letters of all kinds and bytes that are not UTF-8."""
    chance = random.Random(seed)
    names = set()
    while len(names) < count:
        parts = [
            "".join(chance.choices(LETTERS, k=chance.randint(1, 8))).strip(". ")
            for _ in range(chance.randint(1, 3))
        ]
        if all(parts) and not any(part.startswith(".") for part in parts):
            names.add("/".join(parts) + chance.choice((".jpg", ".png")))
    return sorted(names)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fill(names, folder="in"):
    """Tiny pictures, each of its own colours."""
    for index, name in enumerate(names):
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PICTURES[path.suffix][index % 40])


@pytest.fixture(scope="module", autouse=True)
def _pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for suffix in (".jpg", ".png"):
        PICTURES[suffix] = []
        for index in range(40):
            photo(12, 8, index).save(folder / f"one{suffix}")
            PICTURES[suffix].append((folder / f"one{suffix}").read_bytes())


PICTURES = {}


def plan_of(shard=None, inputs=("in",), lists=None, *, is_fan=False, **options):
    asked = FolderOptions(recursive=True, shard=shard, batch_size=1, **options)
    return make_plan(list(inputs), "out", asked, lists, is_fan=is_fan, dry=True), asked


def other_network():
    found = FakeRelighter(gain=0.25)
    found.digest = "cd" * 32
    return found


def run(shard=None, network=None, *, is_fan=False, **options):
    plan, asked = plan_of(shard, is_fan=is_fan, **options)
    events = []
    summary = relight_folder(plan, network or FakeRelighter(), asked, events.append)
    return summary, events


def contents(folder):
    """Every result below a folder; the journals are left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


# --- the split -----------------------------------------------------------------------


@pytest.mark.parametrize("count", COUNTS)
def test_each_path_is_in_one_part_and_new_paths_move_none(count):
    names = random_names(2_000)
    before = {name: part_of(name, count) for name in names}
    assert set(before.values()) <= set(range(1, count + 1))
    for name, part in before.items():
        found = hashlib.sha256(name.encode(errors="surrogateescape")).digest()
        assert part == int.from_bytes(found[:8]) % count + 1
        assert [Shard(i, count).holds(name) for i in (part, part % count + 1)] == [
            True,
            count == 1,
        ]
    sizes = Counter(before.values())
    mean = len(names) / count
    assert all(abs(size - mean) < 6 * mean**0.5 for size in sizes.values())


def test_the_split_is_the_same_in_every_version():
    """Another one would move pictures between machines in the middle of a job."""
    names = ("a.jpg", "sub/b.png", "é/日本.tif", "raw\udcff.jpg")
    assert [part_of(name, 8) for name in names] == WANTED


WANTED = [3, 4, 4, 6]


@pytest.mark.parametrize("count", COUNTS)
def test_plans_of_all_shards_make_up_that_of_one_run(place, count):
    fill(random_names(60))
    os.mkfifo("in/pipe.jpg")
    whole, _ = plan_of()
    parts = [plan_of(f"{i + 1}/{count}")[0] for i in range(count)]
    jobs = [job for part in parts for job in part.jobs]
    assert sorted(jobs, key=lambda job: job.relative) == sorted(
        whole.jobs, key=lambda job: job.relative
    )
    assert [one for part in parts for one in part.ignored] == [*whole.ignored]
    assert {part.inputs for part in parts} == {60}


def test_added_files_leave_the_others_where_they_were(place):
    names = random_names(80)
    fill(names[::2])
    before = [{job.relative for job in plan_of(f"{i}/7")[0].jobs} for i in range(1, 8)]
    fill(names)
    after = [{job.relative for job in plan_of(f"{i}/7")[0].jobs} for i in range(1, 8)]
    assert all(old <= new for old, new in zip(before, after, strict=True))
    assert sum(map(len, after)) == 80


def test_a_list_is_split_as_its_folder_is(place):
    names = random_names(40)
    fill(names)
    lines = "".join(f"{place}/in/./{name}\n" for name in names)
    Path("list.txt").write_bytes(os.fsencode(lines))
    for shard in ("1/3", "2/3", "3/3"):
        listed, _ = plan_of(shard, (), "list.txt")
        folder, _ = plan_of(shard)
        assert {job.relative for job in listed.jobs} == {
            job.relative for job in folder.jobs
        }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0/8", "1/8 to 8/8: parts are counted from 1"),
        ("9/8", "1/8 to 8/8: parts are counted from 1"),
        ("0/0", "counted from 1"),
        ("1/0", "counted from 1"),
        ("3", "or auto"), ("3/", "or auto"), ("-1/8", "or auto"), ("1/8/2", "or auto"),
        ("", "or auto"), ("٣/٨", "or auto"), ("auto/0", "or auto"), ("automatic", "or"),
        ("1/99999999999", "or auto"),
    ],
)  # fmt: skip
def test_what_is_no_part_is_refused(text, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        read_shard(text)
    with pytest.raises(UsageError, match=re.escape(says)) as refused:
        clusters.asked(text, {})
    assert "\n" not in str(refused.value)


def test_names_of_files_tell_their_shard():
    for plain in ("failures.txt", ".msrnet-journal.jsonl"):
        assert mark_of(marked(plain, Shard(3, 8)), plain) == "3/8"
        assert mark_of(plain, plain) == ""
    for other in ("failures-9-of-8.txt", "failures-0-of-8.txt", "failures-3-of-8.text",
                  "my-failures-3-of-8.txt", "failures-3.txt"):  # fmt: skip
        assert mark_of(other, "failures.txt") is None


# --- auto ----------------------------------------------------------------------------


def array(task, first, last, count):
    names = ("ID", "MIN", "MAX", "COUNT")
    values = zip(names, (task, first, last, count), strict=True)
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values}


def srun(place, count, **more):
    return {"SLURM_PROCID": str(place), "SLURM_NTASKS": str(count),
            "SLURM_STEP_ID": "0", **more}  # fmt: skip


AWS = {"AWS_BATCH_JOB_ARRAY_INDEX": "2", "AWS_BATCH_JOB_ARRAY_SIZE": "8"}
GOOGLE = {"BATCH_TASK_INDEX": "2", "BATCH_TASK_COUNT": "8"}
TORCHRUN = {"RANK": "2", "WORLD_SIZE": "8"}
POD = {"JOB_COMPLETION_INDEX": "2"}
SCRIPT = {"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}


@pytest.mark.parametrize(
    ("environment", "text", "wanted", "source"),
    [
        (array(2, 0, 7, 8), "auto", "3/8", "SLURM_ARRAY_TASK_ID"),
        (array(3, 1, 8, 8), "auto", "3/8", "SLURM_ARRAY_TASK_ID"),
        (array(105, 101, 115, 8), "auto", "3/8", "SLURM_ARRAY_TASK_ID"),
        (array(4, 4, 4, 1), "auto", "1/1", "SLURM_ARRAY_TASK_ID"),
        (srun(2, 8), "auto", "3/8", "SLURM_PROCID"),
        (srun(0, 1), "auto", "1/1", "SLURM_PROCID"),
        (AWS, "auto", "3/8", "AWS_BATCH_JOB_ARRAY_INDEX"),
        (GOOGLE, "auto", "3/8", "BATCH_TASK_INDEX"),
        (TORCHRUN, "auto", "3/8", "RANK"),
        (POD, "auto/8", "3/8", "JOB_COMPLETION_INDEX"),
        (AWS, "auto/8", "3/8", "AWS_BATCH_JOB_ARRAY_INDEX"),
        # What splits nothing says nothing, and what agrees is no contradiction.
        (array(2, 0, 7, 8) | srun(0, 1), "auto", "3/8", "SLURM_ARRAY_TASK_ID"),
        (array(2, 0, 7, 8) | SCRIPT, "auto", "3/8", "SLURM_ARRAY_TASK_ID"),
        (array(0, 0, 0, 1) | TORCHRUN, "auto", "3/8", "RANK"),
        (srun(2, 8) | TORCHRUN, "auto", "3/8", "SLURM_PROCID"),
        ({"RANK": "", "WORLD_SIZE": ""} | AWS, "auto", "3/8",
         "AWS_BATCH_JOB_ARRAY_INDEX"),
    ],
)  # fmt: skip
def test_auto_takes_what_started_the_process(environment, text, wanted, source):
    shard = clusters.asked(text, environment)
    assert (str(shard), shard.source) == (wanted, source)


@pytest.mark.parametrize(
    ("environment", "text", "says"),
    [
        ({}, "auto", "no job array, srun, indexed job or torchrun"),
        ({}, "auto/8", "no job array"),
        (POD, "auto", "JOB_COMPLETION_INDEX does not say of how many"),
        ({"JOB_COMPLETION_INDEX": "8"}, "auto/8", "is 8, but of 8"),
        (SCRIPT, "auto", "the batch script of 8 tasks"),
        ({"SLURM_ARRAY_TASK_ID": "3"}, "auto", "SLURM_ARRAY_TASK_MIN is not"),
        (array(3, 0, 6, 4), "auto", "no sure place"),  # --array=0,1,3,6
        (array(2, 0, 5, 4), "auto", "no sure place"),
        (array(9, 0, 7, 8), "auto", "no sure place"),
        (array(0, 0, 7, 0), "auto", "no sure place"),
        (array(1, 1, 1, 2), "auto", "no sure place"),
        (array("x", 0, 7, 8), "auto", "is 'x', not a number"),
        ({"RANK": "2"}, "auto", "RANK is set, but WORLD_SIZE is not"),
        ({"RANK": "8", "WORLD_SIZE": "8"}, "auto", "RANK is 8, but of 8"),
        ({"RANK": "-1", "WORLD_SIZE": "8"}, "auto", "not a number"),
        (AWS | {"RANK": "3", "WORLD_SIZE": "8"}, "auto",
         "AWS_BATCH_JOB_ARRAY_INDEX means 3/8, RANK 4/8"),
        (array(2, 0, 7, 8) | srun(1, 4), "auto", "SLURM_PROCID 2/4"),
        (AWS, "auto/9", "AWS_BATCH_JOB_ARRAY_INDEX is one of 8"),
    ],
)  # fmt: skip
def test_auto_refuses_what_cannot_be_right(environment, text, says):
    with pytest.raises(UsageError, match=re.escape(says)) as refused:
        clusters.asked(text, environment)
    assert refused.value.remedy
    assert "\n" not in str(refused.value)


def test_every_task_of_an_array_has_a_place_of_its_own():
    for first, step, count in ((0, 1, 9), (7, 3, 5), (1, 100, 4)):
        tasks = range(first, first + step * count, step)
        found = [
            clusters.asked("auto", array(task, first, tasks[-1], count))
            for task in tasks
        ]
        assert [shard.index for shard in found] == list(range(1, count + 1))


# --- jobs ----------------------------------------------------------------------------


@pytest.mark.parametrize("count", COUNTS)
def test_shards_together_write_what_one_run_writes(place, count):
    network = relighter(tinted_identity((1, 0.8, 0.5)), SMALL_12)
    names = random_names(12, seed=count)
    fill(names)
    run(network=network)
    Path("out").rename("whole")
    busy = {part_of(name, count) for name in names}  # of 100, many have no picture
    relit = [run(f"{part}/{count}", network)[0].relit for part in sorted(busy)]
    assert sum(relit) == len(names)
    assert contents("out") == contents("whole")
    summary, _ = run(network=network)
    assert (summary.relit, summary.skipped) == (0, len(names))


SMALL_12 = replace(SMALL, model=ModelConfig("dmshn", 12))


def test_nothing_is_done_twice_nor_foreign_whoever_made_it(place):
    fill(random_names(20))
    first, _ = run("1/2")
    other, _ = run("2/3")
    whole, _ = run()
    assert not first.failed + other.failed + whole.failed
    assert first.relit + other.relit + whole.relit == 20
    assert first.relit + other.relit + other.skipped > other.relit
    again, _ = run("2/2")
    assert (again.relit, again.failed) == (0, 0)
    marks = {mark for mark, _ in names_in(Path("out"))}
    assert marks == {"", "1/2", "2/2", "2/3"}
    changed, _ = run("2/2", other_network())
    assert changed.anew == changed.relit == again.skipped


def test_a_shard_without_pictures_ends_well_and_tells_so(place):
    fill(["a.jpg"])
    empty = next(i for i in range(1, 101) if part_of("a.jpg", 100) != i)
    summary, events = run(f"{empty}/100")
    assert (summary.relit, summary.failed, summary.unfinished) == (0, 0, 0)
    assert (events[0].shard, events[0].pictures, events[0].inputs) == (
        f"{empty}/100", 0, 1,
    )  # fmt: skip
    Path("none").mkdir()
    with pytest.raises(Exception, match="no picture found"):
        plan_of("1/2", ("none",))


@pytest.mark.parametrize("is_fan", [False, True])
@pytest.mark.parametrize("exist", ["skip", "overwrite"])
def test_fans_and_comparisons_are_split_whole(place, is_fan, exist):
    fill(random_names(6))
    run(is_fan=is_fan, compare=True)
    Path("out").rename("whole")
    for shard in ("1/2", "2/2"):
        summary, _ = run(shard, is_fan=is_fan, compare=True, exist=exist)
        assert not summary.failed
    assert contents("out") == contents("whole")
    # Without comparisons, those that show an older result go, whoever made them.
    for shard in ("1/3", "2/3", "3/3"):
        run(shard, other_network(), is_fan=is_fan)
    assert not [name for name in contents("out") if name.endswith("_compare.jpg")]


def test_masks_and_second_pictures_are_found_by_each_shard(place):
    names = [f"{folder}{i}.png" for i in range(6) for folder in ("", "sub/")]
    fill(names)
    for folder in ("masks", "second"):
        fill(names[:-1], folder)
    for path in Path("masks").rglob("*.png"):
        photo(12, 8, mode="L").save(path)
    whole, _ = plan_of(mask="masks", second="second")
    parts = [plan_of(f"{i}/4", mask="masks", second="second")[0] for i in range(1, 5)]
    assert {job for part in parts for job in part.jobs} == set(whole.jobs)
    (fault,) = whole.faults
    assert [one for part in parts for one in part.faults] == [fault]


def test_an_existing_result_stops_its_own_shard(place):
    names = random_names(12)
    fill(names)
    run("1/2")
    own, _ = plan_of("1/2")
    with pytest.raises(UsageError, match="exists"):
        plan_of("1/2", exist="error")
    plan_of("2/2", exist="error")
    foreign = own.jobs[0].target
    foreign.write_bytes(b"somebody's")
    summary, _ = run("1/2")
    assert [one.output for one in summary.failures] == [str(foreign)]


def test_each_shard_lists_its_own_failures(place):
    fill(random_names(12))
    for index in range(12):
        Path(f"in/broken {index}.jpg").write_bytes(b"no picture")
    failed = [run(f"{i}/3")[0] for i in (1, 2, 3)]
    assert sum(one.failed for one in failed) == 12
    lists = {Path(one.failures_file).name for one in failed if one.failed}
    assert lists <= {f"failures-{i}-of-3.txt" for i in (1, 2, 3)}
    plan, _ = plan_of("2/3")
    listed, _ = plan_of(None, (), "out/failures-2-of-3.txt")
    broken = {job.relative for job in plan.jobs if "broken" in job.relative}
    assert {job.relative for job in listed.jobs} == broken


def test_a_dry_run_tells_of_its_own_part_and_writes_nothing(place):
    fill(random_names(12))
    run("1/2")
    before = sorted(place.rglob("*"))
    for shard, action in (("1/2", "skip"), ("2/2", "write"), (None, "skip")):
        plan, asked = plan_of(shard)
        forecast = foresee(plan, FakeRelighter(), asked, lambda _: None)
        assert getattr(forecast, action) > 0
        assert forecast.write + forecast.skip == len(plan.jobs)
        assert not forecast.refuse
    assert sorted(place.rglob("*")) == before


# --- what is planned over all inputs -------------------------------------------------


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (("a.jpg", "a.png"), {"is_fan": True}),
        (("a.jpg", "a.png"), {"compare": True}),
        (("a_compare.jpg", "a.png"), {"compare": True}),
        (("a.png", "a.jpg"), {"lies": True}),
        (("x/a.jpg", "y/a.jpg"), {"inputs": ("in/x", "in/y")}),
        (("a", "a.jpg"), {"lies": True}),
    ],
)
@pytest.mark.parametrize("count", [1, 2, 7])
def test_two_inputs_of_one_name_are_refused_in_every_shard(
    place, names, options, count
):
    fill([name for name in names if "." in name])
    fill(random_names(10))
    if options.get("lies"):  # both are of one format, whatever their names say
        for name in names:
            Path("in", name).write_bytes(PICTURES[".jpg"][0])
    asked = {key: value for key, value in options.items() if key != "lies"}
    for index in range(count):
        with pytest.raises(UsageError, match="would both become"):
            plan_of(f"{index + 1}/{count}", **asked)


def test_names_that_agree_but_for_the_suffix_are_two(place):
    fill(["a.jpg", "a.png", "b.jpg", "b.png"])
    whole, _ = plan_of()
    assert len(whole.jobs) == 4
    with pytest.raises(UsageError, match="would both become"):
        plan_of("1/2", write=WriteOptions(format="png"))


def test_an_output_that_is_an_input_of_another_shard_is_refused(place):
    names = random_names(8)
    fill(names)
    plan, _ = plan_of("1/2")
    other, _ = plan_of("2/2")
    target, source = plan.jobs[0].target, other.jobs[0].source
    target.parent.mkdir(parents=True)
    os.link(source, target)
    with pytest.raises(UsageError, match="would overwrite the input"):
        plan_of("1/2", exist="overwrite")


def test_only_headers_of_its_own_pictures_are_read(place, monkeypatch):
    fill(random_names(40))
    from msrnet_cli.folder import jobs, naming

    read = []
    for module in (jobs, naming):
        real = module.head

        def noting(path, size, real=real):
            read.append(path)
            return real(path, size)

        monkeypatch.setattr(module, "head", noting)
    plan, _ = plan_of("1/8")
    assert sorted(read) == sorted(job.source for job in plan.jobs)


def test_one_file_is_not_split_and_shards_share_no_page(place):
    fill(["a.jpg"])
    with pytest.raises(UsageError, match="name a folder for --shard"):
        make_plan(["in/a.jpg"], "b.jpg", FolderOptions(shard="1/2"))
    plan, _ = plan_of("1/2")
    with pytest.raises(UsageError, match="each shard would write the same page"):
        require_page(Page.named("--report", "page.html"), plan, None, ())


# --- journals ------------------------------------------------------------------------


def test_journals_of_others_are_read_on_while_they_grow(place):
    Path("out").mkdir()
    Path("out/a.png").write_bytes(b"made")
    folder = Folder(Path("out"))
    own = Journal(folder, marked(".msrnet-journal.jsonl", Shard(1, 2)))
    asked = ("a.png", Path("out/a.png"), "source", ("recipe",))
    assert own.standing(*asked) == "foreign"
    other = Journal(folder, marked(".msrnet-journal.jsonl", Shard(2, 2)))
    other.add(Entry("a.png", digest(b"made"), "source", "recipe"))
    assert own.standing(*asked) == "same"
    # A line that is torn is read again when it is whole.
    entry = Entry("b.png", digest(b"made"), "source", "recipe")
    path = Path("out/.msrnet-journal-3-of-3.jsonl")
    other.add(entry)
    line = (
        Path("out/.msrnet-journal-2-of-2.jsonl").read_bytes().splitlines()[-1] + b"\n"
    )
    path.write_bytes(line[:-30])
    Path("out/b.png").write_bytes(b"made")
    third = Journal(folder, marked(".msrnet-journal.jsonl", Shard(9, 9)))
    assert third.standing("b.png", Path("out/b.png"), "source", ("recipe",)) == "same"
    for journal in (own, other, third):
        journal.close()


def test_a_journal_that_cannot_be_read_stops_the_run(place):
    fill(["a.jpg"])
    Path("out/.msrnet-journal-2-of-2.jsonl").mkdir(parents=True)
    with pytest.raises(UsageError, match="reading the journal"):
        run("1/2")


def test_of_many_results_a_shard_keeps_its_own_in_memory(place):
    fill(random_names(15))
    run()
    plan, _ = plan_of("1/5")
    from msrnet_cli.folder.outputs import asked_about

    journal = Journal(Folder(Path("out")), to_read=True, wanted=asked_about(plan))
    assert set(journal._entries) >= {job.relative for job in plan.jobs}
    assert len(journal._entries) < 8
    journal.close()


def test_a_run_stands_in_a_line_that_older_versions_pass_over():
    from msrnet_cli.folder.known import entry_of

    for one in (Run("begun", 3, 9), Run("ended", 3, 9, 1, 2)):
        assert run_of(one.line()) == one
        assert entry_of(one.line()) is None
    for line in (b"", b'{"v": 1, "run": 3}', b'{"v": 1, "run": "begun"}', b"{"):
        assert run_of(line) is None


# --- afterwards ----------------------------------------------------------------------


def test_the_report_tells_of_each_shard(place):
    names = random_names(12)
    fill(names)
    for index in range(4):
        Path(f"in/broken{index}.jpg").write_bytes(b"no picture")
    sizes = [len(plan_of(f"{i}/3")[0].jobs) for i in (1, 2, 3)]
    failed = [run(f"{i}/3")[0].failed for i in (1, 2)]
    found = history.read(Path("out"))
    first, second, never = found.shards
    assert [one.shard for one in found.shards] == ["1/3", "2/3", "3/3"]
    assert [one.state for one in found.shards] == ["complete", "complete", "never"]
    assert [first.pictures, second.pictures] == sizes[:2]
    assert {first.inputs, second.inputs} == {16}
    assert [first.there, second.there] == [
        size - bad for size, bad in zip(sizes, failed, strict=False)
    ]
    assert [first.failed, second.failed] == failed
    assert never.pictures is None
    assert {one.shard for one in found.results} == {"1/3", "2/3"}
    assert Counter(one.shard for one in found.failures) == Counter(
        {"1/3": failed[0], "2/3": failed[1]} if all(failed) else
        {f"{i + 1}/3": bad for i, bad in enumerate(failed) if bad}
    )  # fmt: skip
    gone = next(one for one in found.results if one.shard == "2/3")
    Path("out", gone.output).unlink()
    assert history.read(Path("out")).shards[1].missing == 1


def test_the_report_tells_a_run_that_has_not_ended(place):
    fill(random_names(12))
    plan, asked = plan_of("1/1")

    told = []

    def stopping(event):
        told.append(event)
        if len(told) == 2:  # after the first picture
            raise KeyboardInterrupt

    relight_folder(plan, FakeRelighter(), asked, stopping)
    (one,) = history.read(Path("out")).shards
    assert (one.state, one.pictures) == ("unfinished", 12)
    journal = Path("out/.msrnet-journal-1-of-1.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0])  # killed at once
    assert history.read(Path("out")).shards[0].state == "unfinished"
    run("1/1", exist="overwrite")
    assert history.read(Path("out")).shards[0].state == "complete"


def test_a_failure_is_past_where_another_run_relit_the_picture(place):
    fill(random_names(6))
    Path("in/broken.jpg").write_bytes(b"no picture")
    shard = f"{part_of('broken.jpg', 2)}/2"
    run(shard)
    assert [one.shard for one in history.read(Path("out")).failures] == [shard]
    Path("in/broken.jpg").write_bytes(PICTURES[".jpg"][0])
    old = Path(f"out/{marked('failures.txt', clusters.asked(shard, {}))}")
    os.utime(old, (1, 1))
    run()
    found = history.read(Path("out"))
    assert found.failures == ()
    assert found.shards[0].state == "unknown"
    assert {one.shard for one in found.results} == {"", shard}


def test_without_shards_a_report_tells_of_none(place):
    fill(["a.jpg"])
    run()
    assert history.read(Path("out")).shards == ()
