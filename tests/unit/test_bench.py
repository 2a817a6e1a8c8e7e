"""The bench's parts: times on known clocks, work against the paper, wrong rows."""

import dataclasses
import hashlib
import json
import math
import statistics
import sys
import types

import pytest
import torch

import schemas
from conftest import photo
from documents import ROOT
from msrnet_cli import hardware
from msrnet_cli.bench import (
    ceilings,
    clock,
    document,
    machine,
    rows,
    subject,
    suite,
    training,
    ways,
    work,
)
from msrnet_cli.bench import pipeline as folder_job
from msrnet_cli.bench.options import BenchOptions
from msrnet_cli.bench.results import (
    EQUAL_DB,
    BenchResult,
    BenchRow,
    CarryTiming,
    Ceiling,
    Change,
    Environment,
    JobTiming,
    Timing,
    TrainTiming,
)
from msrnet_cli.config import DeviceOptions, ModelConfig
from msrnet_cli.errors import DeviceError, PictureError, UsageError
from msrnet_cli.networks import ranges
from msrnet_cli.report import bench as report
from msrnet_cli.weights import find

CPU = torch.device("cpu")
SMALL = ModelConfig("dmshn", 12)
RATES = {"fp32": 1e15, "bf16": 1e15, "copy": 1e15}
NEEDS_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")


# --- time --------------------------------------------------------------------------


class Device:
    """One that works on after a call has returned; its clock is this test's."""

    def __init__(self, work=1.0, call=0.001):
        self.time = self.pending = 0.0
        self.work, self.call = work, call
        self.clock = clock.WallClock(self.synchronise, lambda: self.time)

    def run(self):
        self.time += self.call
        self.pending += self.work

    def synchronise(self):
        self.time += self.pending
        self.pending = 0.0


def test_a_time_holds_the_work_that_goes_on_after_the_call():
    device = Device()
    timing = clock.sample(device.run, device.clock, clock.Effort(5.0))
    assert timing.median == pytest.approx(1.001)
    assert timing.best >= device.work


def test_the_time_of_a_call_is_another_number():
    device = Device()
    assert device.clock.launch(device.run) == pytest.approx(device.call)
    assert device.pending == 0  # what is measured next does not pay for it


def test_work_left_from_before_is_not_counted():
    device = Device()
    device.run()
    assert device.clock.measure(device.run) == pytest.approx(1.001)


@pytest.mark.parametrize(
    ("effort", "work", "runs"),
    [
        (clock.Effort(5.0), 1.0, 5),
        (clock.Effort(5.0), 20.0, 3),
        (clock.Effort(5.0), 60.0, 1),
        (clock.Effort(200.0), 60.0, 4),
        (clock.Effort(5.0), 0.001, 200),
        (clock.Effort(5.0, runs=7), 60.0, 7),
        (clock.Effort(0.0, runs=1), 1.0, 1),
    ],
)
def test_enough_runs_are_made_and_no_more(effort, work, runs):
    device = Device(work, call=0.0)
    assert clock.sample(device.run, device.clock, effort).runs == runs


def test_a_slow_run_is_not_warmed_up_many_times():
    slow, fast = Device(9.0, call=0.0), Device(0.001, call=0.0)
    clock.warm_up(slow.run, slow.clock)
    clock.warm_up(fast.run, fast.clock)
    assert slow.time == 9.0
    assert fast.time == pytest.approx(0.01)


def test_statistics_of_known_times():
    values = [0.5, 0.1, 0.4, 0.2, 0.3]
    timing = clock.summarise(values)
    assert (timing.runs, timing.median, timing.best) == (5, 0.3, 0.1)
    assert timing.p95 == pytest.approx(0.48)
    assert timing.spread == pytest.approx(0.2 / 0.3)
    assert clock.summarise([2.0]) == Timing(1, 2.0, 2.0, 2.0, 0.0)


def test_quantiles_are_those_of_the_library():
    values = [((i * 37) % 101) / 7 for i in range(40)]
    twentieths = statistics.quantiles(values, n=20, method="inclusive")
    assert clock.quantile(values, 0.95) == pytest.approx(twentieths[-1])
    assert clock.quantile(values, 0.5) == pytest.approx(statistics.median(values))


def test_on_the_cpu_a_call_returns_when_its_work_is_done():
    assert clock.launch_time(lambda: None, CPU) is None
    assert isinstance(clock.clock_for(CPU), clock.WallClock)


@pytest.mark.gpu
@NEEDS_CUDA
def test_events_and_host_agree_on_cuda_and_the_call_returns_sooner():
    device = torch.device("cuda", 0)
    a = torch.randn(8192, 8192, device=device)
    run = lambda: torch.mm(a, a)  # noqa: E731
    events, wall = clock.clock_for(device), clock.wall_clock(device)
    assert isinstance(events, clock.EventClock)
    clock.warm_up(run, events)
    real = clock.sample(run, events, clock.Effort(0.5))
    host = clock.sample(run, wall, clock.Effort(0.5))
    assert real.median == pytest.approx(host.median, rel=0.2)
    assert clock.launch_time(run, device) < 0.5 * real.median


# --- work --------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "giga"), [("dmshn", 684.03), ("stacked", 1368.06)])
def test_arithmetic_is_the_paper_s(arch, giga):
    config = ModelConfig(arch)
    assert work.flop(config, 1024) / 1e9 == pytest.approx(giga, abs=0.01)
    assert work.flop(config, 256, 3) * 16 == work.flop(config, 1024) * 3


def test_traffic_is_counted_by_value():
    config = ModelConfig()
    bytes_fp32 = work.traffic(config, 1024, 1, 4)
    assert bytes_fp32 / 1e9 == pytest.approx(12.3, abs=0.1)
    assert work.traffic(config, 1024, 1, 2) * 2 == bytes_fp32


def test_training_takes_three_times_the_arithmetic():
    ratio = work.training_flop(SMALL, 64, 2) / work.flop(SMALL, 64, 2)
    assert ratio == pytest.approx(3, abs=0.02)


# --- the network and its pictures --------------------------------------------------


@pytest.mark.parametrize("arch", [SMALL.arch, "srn"])  # one that sees what it painted
@pytest.mark.parametrize("value_range", ranges.SCALES)
def test_a_drawn_network_paints_something_like_a_picture(value_range, arch):
    config = dataclasses.replace(SMALL, arch=arch, value_range=value_range)
    found = subject.seeded(config)
    image = subject.make_picture(128, 128, seed=0)[None]
    painted = found.network(*found.inputs(image).tensors)
    output = ranges.of(config).painted(painted)
    assert output.mean() == pytest.approx(0.45, abs=0.01)
    assert output.std() == pytest.approx(0.2, abs=0.01)


def test_a_drawn_network_is_always_the_same_and_disturbs_no_other_chance():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one = subject.seeded(SMALL)
    assert torch.rand(1) == expected
    two = subject.seeded(SMALL)
    pairs = zip(one.network.parameters(), two.network.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_rounding_shows_in_a_drawn_network():
    found = subject.seeded(ModelConfig("dmshn", 32))
    image = subject.make_picture(64, 64, seed=1)[None]
    exact = found.network(image)
    rounded = found.network.bfloat16()(image.bfloat16()).float()
    assert 40 < rows.agreement(rounded, exact) < 70


def test_weights_bring_their_architecture(identity_file):
    found = subject.load_subject(BenchOptions(weights=str(identity_file)))
    assert found.card.model == SMALL
    assert found.weights == str(identity_file)
    with pytest.raises(UsageError, match="is dmshn, not stacked"):
        subject.load_subject(BenchOptions(weights=str(identity_file), arch="stacked"))


def test_the_default_weights_are_used_where_they_fit(identity_file, monkeypatch):
    digest = hashlib.sha256(identity_file.read_bytes()).hexdigest()
    entry = find.BuiltIn("ours", identity_file, digest, default=True)
    monkeypatch.setattr(find, "built_in", lambda: [entry])
    assert subject.load_subject(BenchOptions()).weights == "ours"
    other = subject.load_subject(BenchOptions(arch="stacked"))
    assert "drawn from seed" in other.weights


def test_pictures_of_a_folder_are_cut_to_size_and_never_repeat(tmp_path):
    photo(60, 40).save(tmp_path / "a.png")
    photo(40, 90, seed=1).save(tmp_path / "b.jpg")
    (tmp_path / "notes.txt").write_text("no picture")
    found = subject.load_pictures(str(tmp_path))
    batch = found.batch(32, 4)
    assert batch.shape == (4, 3, 32, 32)
    assert 0 <= batch.min() < batch.max() <= 1
    assert len({tuple(image.flatten().tolist()) for image in batch}) == 4
    assert len(found.files) == 2


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no picture"):
        subject.load_pictures(str(tmp_path))
    with pytest.raises(UsageError, match="No such file"):
        subject.load_pictures(str(tmp_path / "nowhere"))
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(PictureError, match=r"a\.png"):
        subject.load_pictures(str(tmp_path))


# --- this machine ------------------------------------------------------------------


def test_ceilings_are_rates_by_name():
    found = ceilings.measure(("fp32", "bf16", "fp32"), CPU, side=256, copied=1 << 20)
    assert [ceiling.name for ceiling in found] == ["fp32", "bf16", "copy"]
    assert all(ceiling.rate > 1e6 for ceiling in found)


def test_of_two_measurements_the_higher_ceiling_counts():
    quiet, busy = Ceiling("fp32", 9.0, "then"), Ceiling("fp32", 2.0, "now")
    assert ceilings.best_of([quiet], [busy]) == ceilings.best_of([busy], [quiet])
    assert ceilings.best_of([busy], [quiet]) == (quiet,)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_memory_that_a_run_takes_is_seen():
    size = 64 << 20
    result, taken = machine.peak_bytes(lambda: len(torch.ones(size // 4)), CPU)
    assert result == size // 4
    assert 0.95 * size < taken < 1.3 * size
    _, taken = machine.peak_bytes(lambda: None, CPU)
    assert taken < size / 4


def test_where_the_system_does_not_tell_memory_is_unknown(monkeypatch):
    monkeypatch.setattr(machine, "_forget_peak", lambda: False)
    assert machine.peak_bytes(lambda: 5, CPU) == (5, None)


def test_what_may_round_to_tf32_is_as_before_afterwards():
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    with ceilings.tf32(allowed=not before[0]):
        assert torch.backends.cudnn.allow_tf32 != before[0]
    after = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    assert after == before


def test_the_environment_names_this_machine():
    found = machine.environment(CPU)
    assert found.torch == torch.__version__
    assert found.threads == torch.get_num_threads()
    assert (found.gpu, found.driver, found.cuda) == ("", "", "")


def test_others_at_work_are_noted():
    found = machine.environment(CPU)
    busy = dataclasses.replace(found, load=1.9, cores=2)
    idle = dataclasses.replace(found, load=0.2, cores=2)
    unknown = dataclasses.replace(found, load=None)
    assert "load 1.9 on 2 cores" in machine.other_work(busy)
    assert machine.other_work(idle) == machine.other_work(unknown) == ""


def test_energy_is_absent_where_nothing_tells_it(monkeypatch):
    assert machine.energy_counter(CPU) is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert machine.energy_counter(torch.device("cuda", 0)) is None


@pytest.fixture
def management(monkeypatch):
    """NVIDIA's management library, of one GPU that has taken 5000 mJ."""
    fake = types.ModuleType("pynvml")
    fake.NVMLError = type("NVMLError", (Exception,), {})
    fake.NVML_CLOCK_SM = 1
    fake.nvmlInit = lambda: None
    fake.nvmlDeviceGetHandleByUUID = lambda name: name
    fake.nvmlDeviceGetTotalEnergyConsumption = {"GPU-7": 5000}.__getitem__
    fake.nvmlDeviceGetClockInfo = lambda *_: 1980
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    properties = types.SimpleNamespace(uuid="7")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    return fake


def test_energy_is_the_driver_s(management):
    device = torch.device("cuda", 0)
    assert machine.energy_counter(device)() == 5.0
    assert machine._gpu_clock(device) == 1980

    def refuse(_handle):
        raise management.NVMLError

    management.nvmlDeviceGetTotalEnergyConsumption = refuse
    assert machine.energy_counter(device) is None


# --- rows --------------------------------------------------------------------------


@pytest.fixture
def _cold(monkeypatch):
    """Small networks are measured for what is said about them, not for their times."""
    monkeypatch.setattr(clock, "_WARM_UP_SECONDS", 0.0)


@pytest.fixture(scope="module")
def shared_setting():
    effort = clock.Effort(0.0, runs=2)
    return rows.Setting(subject.seeded(SMALL), subject.Pictures(), CPU, effort)


@pytest.fixture
def setting(shared_setting, _cold):
    return shared_setting


def way(name, change, kind="rival"):
    """The reference with something done to its output."""

    def prepare(images):
        network = subject.seeded(SMALL).network
        return ways.Runner(lambda: change(network(images)), lambda output: output)

    return ways.Way(name, "fp32", "fp32", prepare, kind)


def fail(error):
    def change(_output):
        raise error

    return change


def test_a_cell_has_a_row_for_each_way_beside_the_reference(setting):
    names = []
    all_ways = [
        ways.reference(setting.subject, CPU),
        *ways.ours(setting.subject, CPU, ("fp32", "bf16"), ("eager",)),
    ]
    found = rows.measure_cell(setting, 32, 2, all_ways, names.append)
    assert [(row.way, row.dtype) for row in found] == [
        ("reference", "fp32"),
        ("eager", "fp32"),
        ("eager", "bf16"),
    ]
    assert names == [row.name for row in found]
    first, *others = found
    assert (first.times, first.agreement) == (1.0, EQUAL_DB)
    for row in others:
        assert row.times == pytest.approx(first.timing.median / row.timing.median)
        assert row.flop == first.flop == work.flop(SMALL, 32, 2)
        with_share = rows.with_ceilings(row, SMALL, RATES)
        assert with_share.share == pytest.approx(row.flop / row.timing.median / 1e15)
        assert with_share.copy_share > 0
        assert row.first > 0
        assert row.launch is None
        assert row.joules is None
        assert not row.faults
    assert found[1].agreement > 100 > found[2].agreement > 40


def test_a_row_that_is_wrong_is_marked(setting):
    broken = way("fast", lambda output: output + 0.02)
    found = rows.measure_cell(
        setting, 32, 2, [ways.reference(setting.subject, CPU), broken]
    )
    assert found[1].agreement == pytest.approx(-20 * math.log10(0.02), abs=0.1)
    assert "wrong: agrees with fp32 to 34.0 dB" in found[1].faults[0]
    assert not found[0].faults


def test_one_wrong_picture_of_a_batch_is_enough(setting):
    def spoil(output):
        output[1] += 0.1
        return output

    found = rows.measure_cell(
        setting, 32, 2, [ways.reference(setting.subject, CPU), way("fast", spoil)]
    )
    assert found[1].agreement == pytest.approx(20, abs=0.1)


def test_an_output_that_is_not_finite_is_wrong(setting):
    broken = way("fast", lambda output: output / 0)
    found = rows.measure_cell(
        setting, 32, 1, [ways.reference(setting.subject, CPU), broken]
    )
    assert found[1].agreement is None
    assert "not finite" in found[1].faults[0]


def test_a_rival_that_fails_has_a_row_and_ends_nothing(setting):
    found = rows.measure_cell(
        setting,
        32,
        1,
        [
            ways.reference(setting.subject, CPU),
            way("fragile", fail(ValueError("no such\noperator"))),
            way("large", fail(torch.OutOfMemoryError("CUDA out of memory"))),
            way("sound", lambda output: output),
        ],
    )
    assert found[1].failure == "ValueError: no such"
    assert found[2].failure == "out of memory"
    assert found[1].timing is None
    assert found[3].agreement == EQUAL_DB


def test_a_fault_of_our_own_is_not_hidden(setting):
    with pytest.raises(ZeroDivisionError):
        rows.measure_cell(setting, 32, 1, [way("x", fail(ZeroDivisionError()), "own")])


def test_what_does_not_fit_is_not_tried(setting, monkeypatch):
    monkeypatch.setattr(hardware, "free_bytes", lambda _: 1000)
    (row,) = rows.measure_cell(setting, 32, 1, [ways.reference(setting.subject, CPU)])
    assert "memory: needs 0.0 GB" in row.failure


def test_without_a_reference_there_is_no_ratio(setting):
    fallen = way("reference", fail(MemoryError("too large")), "reference")
    found = rows.measure_cell(
        setting, 32, 1, [fallen, *ways.ours(setting.subject, CPU, ("fp32",), ("auto",))]
    )
    assert found[0].failure == "memory: too large"
    assert (found[1].times, found[1].agreement) == (None, None)
    assert found[1].timing


@pytest.mark.parametrize(
    ("ceiling", "share", "believed"),
    [
        ("bf16", 0.9, True),
        ("bf16", 1.3, False),
        ("fp32", 3.9, True),
        ("fp32", 9, False),
    ],
)
def test_a_time_that_the_arithmetic_forbids_is_not_believed(ceiling, share, believed):
    """Such as the paper's: ten times the rate of its card."""
    timing = Timing(3, 1.0, 1.0, 1.0, 0.0)
    flop = round(share * 1e9)
    row = BenchRow("fast", "bf16", 64, 1, timing, flop=flop, ceiling=ceiling)
    judged = rows.with_ceilings(row, SMALL, {ceiling: 1e9})
    assert judged.share == pytest.approx(share)
    assert bool(judged.faults) != believed


def test_unsteady_times_are_noted(setting):
    steady, unsteady = (Timing(5, 1.0, 1.0, 1.0, spread) for spread in (0.09, 0.11))
    image = torch.rand(1, 3, 16, 16)
    for timing, noted in ((steady, False), (unsteady, True)):
        found = rows.Measured(timing, 0.1, 0.1, None, None, None, image, image)
        assert bool(rows.judge(found, found).notes) == noted


def test_formats_that_are_the_same_have_one_row(setting, monkeypatch):
    monkeypatch.setattr(hardware, "preferred_dtype", lambda _: torch.float32)
    found = ways.ours(setting.subject, CPU, ("auto", "fp32"), ("auto",))
    assert [way.dtype for way in found] == ["fp32"]


# --- the whole ---------------------------------------------------------------------


def row(name, size=64, batch=1, seconds=1.0, **fields):
    timing = Timing(3, seconds * batch, seconds * batch, seconds * batch, 0.0)
    return BenchRow(
        name, "fp32", size, batch, timing=timing, times=1 / seconds, **fields
    )


def cells_of(options, seconds_by_batch):
    asked = []

    def cell(size, batch):
        asked.append((size, batch))
        return [
            row("reference", size, batch),
            row("eager", size, batch, seconds_by_batch(batch)),
        ]

    list(suite._rows(cell, options, CPU))
    return asked


def test_batches_grow_while_that_pays():
    options = BenchOptions(sizes=(128, 256, 512))
    pays = cells_of(options, lambda batch: {1: 1.0, 2: 0.96, 4: 0.94}[batch])
    assert pays == [(128, 1), (256, 1), (256, 2), (256, 4), (512, 1)]
    never = cells_of(BenchOptions(sizes=(512, 1024)), lambda _: 1.0)
    assert never == [(512, 1), (512, 2), (1024, 1)]
    always = cells_of(BenchOptions(sizes=(64,)), lambda batch: 1 / batch)
    assert always == [(64, 1), (64, 2), (64, 4), (64, 8)]


def test_batches_that_are_named_are_tried_at_each_size():
    options = BenchOptions(sizes=(64, 128), batches=(1, 3))
    assert cells_of(options, lambda _: 1.0) == [(64, 1), (64, 3), (128, 1), (128, 3)]


@pytest.mark.parametrize(("size", "nearest"), [(100, 96), (5, 16), (1000, 1008)])
def test_sizes_that_the_network_cannot_take_are_refused(size, nearest):
    with pytest.raises(UsageError, match=f"give {nearest}"):
        suite.measure(BenchOptions(sizes=(size,), where=DeviceOptions(device="cpu")))


def test_a_format_that_cannot_be_trained_is_left_out(setting):
    options = BenchOptions(sizes=(32,), batches=(1,), train=True)
    both = ways.ours(setting.subject, CPU, ("fp32", "fp16"), ("auto",))
    found = suite._training(setting, both, options, lambda _: None)
    assert [step.dtype for step in found] == ["fp32"]


def test_a_training_step_is_measured_beside_the_forward_pass(setting):
    own = ways.ours(setting.subject, CPU, ("fp32",), ("auto",))
    forward = rows.measure_cell(
        setting, 32, 2, [ways.reference(setting.subject, CPU), *own]
    )
    step = training.with_ceilings(
        training.measure(setting, own[0], 32, 2), forward, RATES
    )
    rate = step.flop / step.timing.median
    assert step.flop == work.training_flop(SMALL, 32, 2)
    assert step.share == pytest.approx(rate / 1e15)
    forward_rate = forward[1].flop / forward[1].timing.median
    assert step.forward_share == pytest.approx(rate / forward_rate)


def test_training_cells_are_those_asked_for():
    assert training.cells(CPU, (), ()) == [(256, 2)]
    assert training.cells(CPU, (64, 128), (1,)) == [(64, 1), (128, 1)]
    assert training.cells(CPU, (64,), ()) == [(64, 2)]


@pytest.mark.parametrize("given", [True, False])
def test_the_folder_job_is_timed_from_file_to_file(setting, given, tmp_path):
    pictures = subject.Pictures()
    if given:
        photo(48, 32).save(tmp_path / "a.png")
        photo(32, 32).save(tmp_path / "b.webp")
        pictures = subject.load_pictures(str(tmp_path))
    job = folder_job.measure(
        setting.subject, pictures, CPU, "fp32", "auto", count=5, side=32
    )
    assert (job.pictures, job.failed) == (5, 0)
    assert set(job.stages) == {"decode", "network", "encode"}
    assert job.stages[job.slowest] == max(job.stages.values())
    pixels = 3 * 48 * 32 + 2 * 32 * 32 if given else 5 * 32 * 32
    assert job.megapixels == pytest.approx(pixels / 1e6)
    assert job.seconds > 0


# --- documents ---------------------------------------------------------------------


def result(found, training=(), arch="stacked", gpu=""):
    environment = Environment(
        *("2026-01-01", "1", "2", "3", "Linux", "cpu", "a CPU"), None, 2, 1, None, gpu
    )
    job = JobTiming(
        *(4, 1.0, "made", "fp32", 0.1, 2.0),
        {"decode": 0.1, "network": 1.5, "encode": 0.2},
        "network",
    )
    return BenchResult(
        environment=environment,
        arch=arch,
        channels=32,
        weights="none",
        pictures="made",
        ceilings=(Ceiling("fp32", 1e9, "product"),),
        rows=tuple(found),
        carrying=CarryTiming(6.0, 1024, Timing(3, 0.3, 0.3, 0.3, 0.0)),
        job=job,
        training=tuple(training),
        notes=("a note",),
    )


STEP = TrainTiming("fp32", 64, 2, Timing(3, 1.0, 1.0, 1.0, 0.0), 5, "fp32", 0.5, 0.6)
KEPT = sorted((ROOT / "benchmarks").glob("*.json"))
BEFORE = result([row("reference"), row("eager", seconds=0.5)], [STEP])


def test_a_document_is_the_result_and_back():
    found = result(
        [row("eager", faults=("wrong",)), BenchRow("x", "bf16", 8, 1)], [STEP]
    )
    text = json.dumps(document.to_json(found))
    assert document.from_json(json.loads(text)) == found


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_documents_that_were_kept_are_read(path):
    found = document.read(path)
    assert len(found.rows) > 5
    assert found.job.stages["network"] > 0
    text = json.dumps(document.to_json(found))
    assert json.loads(text) == schemas.fitting("bench", path.read_text("utf-8"))
    assert all(change.slower == 0 for change in document.compare(found, found, 0.0))


def test_a_document_may_lack_what_has_a_default_and_hold_what_came_later():
    made = json.loads(json.dumps(document.to_json(BEFORE)))
    for row_ in made["rows"]:
        del row_["joules"]
        row_["colour"] = "blue"
    assert document.from_json(made) == BEFORE
    del made["rows"][0]["way"]
    with pytest.raises(ValueError, match="way"):
        document.from_json(made)


def test_tables_hold_slow_and_fast_rows_without_exponents(capsys):
    """The widest there is: a doubtful rival at 2048 px that takes 61 s a picture."""
    fields = {"share": 12.345, "ceiling": "fp32", "copy_share": 0.01, "peak": 10**11}
    fields |= {"joules": 12345.6, "launch": 61.2, "prepare": 123.4, "first": 61.2}
    slow = dataclasses.replace(
        row("onnxruntime", 2048, 32, 61.2234, agreement=102.34, **fields),
        faults=("doubtful: " + "x" * 30,),
    )
    fast = row("eager", 64, 1, 1.25e-6, agreement=EQUAL_DB)
    fast = dataclasses.replace(fast, times=1234.5)
    failed = BenchRow("openvino", "bf16", 2048, 32, failure="out of memory")
    step = dataclasses.replace(STEP, size=2048, batch=32, peak=10**11, share=12.345)
    lost = dataclasses.replace(STEP, timing=None, failure="out of memory")
    report.tables(result([slow, fast, failed], [step, lost]))
    out = capsys.readouterr().out
    pages = out[out.index("\nThe network alone") : out.index("\nLight carried")]
    assert max(map(len, pages.splitlines())) <= 80
    assert " 61223 " in pages
    assert "e+" not in out
    assert "e-" not in pages.replace("speed-up", "")
    assert "DOUBTFUL" in pages
    assert pages.count("FAILED") == 2
    assert out.count("out of memory") == 2
    changes = [Change("a", 123456.0, 0.00012, 1.0, regressed=True)]
    report.changes(changes)
    assert "a: 123456 to 0.000120 (" in capsys.readouterr().out


def test_ratios_are_compared_not_times():
    def on_a_machine(factor):
        rows_ = (row("reference"), row("eager", seconds=0.5))
        slower = [
            dataclasses.replace(
                r,
                timing=dataclasses.replace(r.timing, median=r.timing.median * factor),
            )
            for r in rows_
        ]
        return result(slower, [STEP])

    changes = document.compare(BEFORE, on_a_machine(3.0), 0.1)
    assert [change.name for change in changes] == [
        "eager fp32 64x64 batch 1",
        "training fp32 64x64 batch 2",
    ]
    assert not any(change.regressed for change in changes)


@pytest.mark.parametrize(("seconds", "regressed"), [(0.54, False), (0.56, True)])
def test_a_row_that_became_slower_is_found(seconds, regressed):
    after = result([row("reference"), row("eager", seconds=seconds)])
    (change,) = document.compare(BEFORE, after, 0.1)
    assert change.slower == pytest.approx(seconds / 0.5 - 1)
    assert change.regressed == regressed


def test_a_row_that_became_wrong_or_fails_is_a_regression():
    for after in (
        row("eager", seconds=0.1, faults=("wrong: 10 dB",)),
        BenchRow("eager", "fp32", 64, 1, failure="out of memory"),
    ):
        (change,) = document.compare(BEFORE, result([row("reference"), after]), 0.1)
        assert change.regressed
        assert change.reason in ("wrong: 10 dB", "out of memory")


def test_training_is_compared_with_its_forward_pass():
    slower = dataclasses.replace(STEP, forward_share=0.4)
    after = result([row("reference"), row("eager", seconds=0.5)], [slower])
    assert [c.regressed for c in document.compare(BEFORE, after, 0.1)] == [False, True]


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (result([row("reference"), row("eager", size=32)]), "no row in common"),
        (result([row("eager")], arch="dmshn"), "arch stacked, this one dmshn"),
        (result([row("eager")], gpu="NVIDIA X"), "on cpu, this run on NVIDIA X"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(after, says):
    with pytest.raises(UsageError, match=says):
        document.compare(BEFORE, after, 0.1)


@pytest.mark.parametrize(
    "content",
    [
        "no JSON",
        "[]",
        "{}",
        '{"kind": "msrnet bench", "schema": 2}',
        '{"kind": "msrnet bench", "schema": 1}',
        '{"kind": "msrnet bench", "schema": 1, "rows": 5, "environment": {}}',
        "\xff",
    ],
)
def test_foreign_baselines_are_one_clear_line(content, tmp_path):
    path = tmp_path / "old.json"
    path.write_text(content, "latin-1")
    with pytest.raises(UsageError, match="is not a document of this bench"):
        document.read(path)
    with pytest.raises(UsageError, match="No such file"):
        document.read(tmp_path / "nowhere.json")


# --- CUDA --------------------------------------------------------------------------


@pytest.mark.gpu
@NEEDS_CUDA
def test_on_cuda_every_figure_is_there():
    options = BenchOptions(
        where=DeviceOptions(device="cuda"),
        arch="dmshn",
        sizes=(256,),
        batches=(1, 2),
        dtypes=("fp32", "bf16"),
        train=True,
        seconds=0.2,
    )
    found = suite.measure(options)
    assert found.environment.gpu
    names = [ceiling.name for ceiling in found.ceilings]
    assert {"fp32", "bf16", "copy"} <= set(names)
    for each in found.rows:
        assert not each.failure
        assert not each.faults
        assert each.launch > 0
        assert each.peak > 0
        assert 0 < each.share < 1.1
        assert each.agreement >= 45
    assert found.job.failed == 0
    assert all(step.timing for step in found.training)


@pytest.mark.gpu
@NEEDS_CUDA
def test_on_cuda_what_does_not_fit_is_a_row_that_says_so():
    device = torch.device("cuda", 0)
    setting = rows.Setting(
        subject.seeded(SMALL), subject.Pictures(), device, clock.Effort(0.0, 1)
    )
    failing = way("reference", fail(torch.OutOfMemoryError("oh")), "reference")
    (found,) = rows.measure_cell(setting, 64, 1, [failing])
    assert found.failure == "out of memory"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(DeviceError, match="; "):
        suite.measure(BenchOptions(where=DeviceOptions(device="cuda")))
