"""Each part of a training run works by itself, without the settings of a whole run."""

import copy
import math
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

import pairs
import smooth
from msrnet_cli.config import ModelConfig
from msrnet_cli.errors import DataError, TrainingError, UsageError
from msrnet_cli.lock import Lock
from msrnet_cli.networks import ranges
from msrnet_cli.networks.spec import Inputs, Sketches
from msrnet_cli.options import asked, declared, hints, plain, replaced
from msrnet_cli.pairs.options import PairOptions
from msrnet_cli.train import cards, checkpoint, failures, optimizers, runs
from msrnet_cli.train.checkpoint import Checkpoint
from msrnet_cli.train.feed import Feed
from msrnet_cli.train.find import find_material
from msrnet_cli.train.initial import start_network
from msrnet_cli.train.inventory import Inventory
from msrnet_cli.train.learner import Learner, Step
from msrnet_cli.train.material import About, Trial
from msrnet_cli.train.meter import Meter
from msrnet_cli.train.options import (
    DataOptions,
    LossOptions,
    NetworkOptions,
    OptimizerOptions,
    RateOptions,
    ScheduleOptions,
    Size,
    TrainOptions,
    read_sizes,
)
from msrnet_cli.train.position import Position
from msrnet_cli.train.processes import ALONE, Processes
from msrnet_cli.train.run import Parts, Run
from msrnet_cli.train.saver import Saver, open_record
from msrnet_cli.train.schedule import Phase, make_plan
from msrnet_cli.train.validator import Validator

CPU = torch.device("cpu")
ABOUT = About(3, "pair", 0, "3 pairs", ("6500_N", "4500_E"))
PHASE = Phase("1", "l2", 8, 2, 0, 10, 0, 10)


@dataclass(frozen=True)
class Batch:
    source: torch.Tensor
    names: tuple[str, ...] = ("a", "b")

    @property
    def inputs(self):
        return Inputs(self.source)

    @property
    def target(self):
        return dimmed(self.source)

    def with_target(self, target):
        return Targeted(self.source, self.names, target)


@dataclass(frozen=True)
class Targeted(Batch):
    target: torch.Tensor = None


class Noise:
    """Material that is drawn anew for each number."""

    about = ABOUT

    def __init__(self):
        self.asked, self.started, self.closed = [], [], False

    def batch(self, numbers, size):
        self.asked.append(numbers)
        chance = torch.Generator().manual_seed(numbers.start)
        return Batch(torch.rand(len(numbers), 3, size, size, generator=chance))

    def prefetch(self, numbers, _size):
        self.started.append(numbers)

    def try_out(self, paint, phase):
        source = self.batch(range(2), phase.size).source
        error = (paint(Inputs(source)) - dimmed(source)).square().mean().item()
        row = [source[0], source[0], source[0]]
        return Trial(-10 * math.log10(error), 10.0, 1.0, [row])

    def close(self):
        self.closed = True


def dimmed(source):
    return 0.5 * source + 0.25


def loss(output, batch):
    return (output - dimmed(batch.source)).square().mean()


def small_network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 3, 3, padding=1))


def learner(**options):
    rest = {"ema": 0.5, **options}
    return Learner(small_network(), OptimizerOptions(**rest), CPU, torch.float32)


def states(learner):
    return {name: value.clone() for name, value in learner.tensors().items()}


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
@pytest.mark.parametrize("ema", [0.0, 0.5])
def test_a_learner_is_taken_up_where_another_one_was(optimizer, ema):
    material, one = Noise(), learner(optimizer=optimizer, ema=ema)
    for number in range(3):
        one.step(material.batch(range(number, number + 2), 8), loss, 0.01)
    other = learner(optimizer=optimizer, ema=ema)
    other.restore(states(one))
    assert other.steps_in_stage == 3
    for each in (one, other):
        for number in range(3, 6):
            each.step(material.batch(range(number, number + 2), 8), loss, 0.01)
    found, expected = states(other), states(one)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


class Sparing(torch.optim.Adagrad):
    """An optimizer that this program does not know."""


def test_the_state_of_an_unknown_optimizer_is_saved_and_restored():
    network, other = small_network(), small_network(1)
    one = Sparing(network.parameters(), lr=0.1)
    for _ in range(3):
        loss(network(torch.rand(2, 3, 8, 8)), Batch(torch.rand(2, 3, 8, 8))).backward()
        one.step()
    saved = dict(optimizers.state_of([one], network))
    assert {name.split(".")[0] for name in saved} == {"step", "sum"}
    fresh = Sparing(other.parameters(), lr=0.1)
    optimizers.restore([fresh], other, saved, steps=3)
    again = dict(optimizers.state_of([fresh], other))
    assert all(torch.equal(again[name], value) for name, value in saved.items())


@pytest.mark.parametrize("name", ranges.SCALES)
def test_a_learner_shows_a_network_its_own_range(name):
    scale = ranges.SCALES[name]
    one = Learner(
        nn.Conv2d(3, 3, 1, bias=False),
        OptimizerOptions(),
        CPU,
        torch.float32,
        scale=scale,
    )
    nn.init.dirac_(one.network.weight)
    picture = torch.full((1, 3, 4, 4), 0.75)
    painted = one.relight(one.network, Inputs(picture))
    assert torch.equal(painted, scale.painted(scale.seen(picture)))


class Sketcher(nn.Module):
    """Paints a small picture, then all of it; twice, to try targets of one size."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def all(self, image):
        small = self.conv(image[..., ::2, ::2])
        return [small, self.conv(image), self.conv(image)]

    def forward(self, image):
        return self.all(image)[-1]


@pytest.mark.parametrize(
    ("resize", "by"),
    [
        ({}, lambda x: F.avg_pool2d(x, 2)),
        ({"resize": lambda x, _: x[..., ::2, ::2]}, lambda x: x[..., ::2, ::2]),
    ],
)
def test_a_learner_learns_from_sketches_too(resize, by):
    def to_target(output, batch):
        assert output.shape == batch.target.shape
        return (output - batch.target).square().mean()

    torch.manual_seed(0)
    network = Sketcher()
    alone = copy.deepcopy(network)
    one = Learner(
        network, OptimizerOptions(clip=0), CPU, torch.float32,
        sketches=Sketches(Sketcher.all, smallest=2, **resize),
    )  # fmt: skip
    batch = Noise().batch(range(2), 8)
    small, result, again = alone.all(batch.source)
    target = dimmed(batch.source)
    expected = (small - by(target)).square().mean()
    expected = expected + (result - target).square().mean()
    expected = expected + (again - target).square().mean()
    expected.backward()
    norm = nn.utils.get_total_norm([p.grad for p in alone.parameters()])
    step = one.step(batch, to_target, 1e-3)
    assert step.loss == pytest.approx(expected.item())
    assert step.gradient == pytest.approx(norm.item())
    assert set(one.tensors()) >= {"network.conv.weight", "network.conv.bias"}
    assert one.relight(one.result, batch.inputs).shape == batch.source.shape


@pytest.mark.parametrize("name", ["adam", "muon"])
def test_restoring_an_optimizer_leaves_the_weights_as_they_are(name):
    network = small_network()
    before = [weight.clone() for weight in network.parameters()]
    built = optimizers.build(name, network, torch.float32, ALONE)
    one = learner(optimizer=name)
    one.step(Noise().batch(range(2), 8), loss, 0.01)
    optimizers.restore(built, network, states(one), steps=1)
    for weight, old in zip(network.parameters(), before, strict=True):
        assert torch.equal(weight, old)
        assert weight.grad is None


def test_a_learner_says_whether_it_diverged():
    one = learner()
    assert one.is_finite
    with torch.no_grad():
        one.network[0].bias[0] = math.nan
    assert not one.is_finite
    with pytest.raises(TrainingError, match="network of step 7 is not finite"):
        failures.require_finite(one, Position(step=7))


def test_a_position_follows_its_run():
    start = Position()
    within = start.within(PHASE)
    assert (within.stage, within.size, within.best) == ("1", 8, None)
    tried = within.after(images=4, seconds=1.5).tried(20.0)
    assert (tried.step, tried.drawn, tried.seconds, tried.best) == (1, 4, 1.5, 20.0)
    worse = tried.tried(19.0)
    assert (worse.psnr, worse.best, worse.is_best(20.5)) == (19.0, 20.0, True)
    assert worse.within(PHASE) == worse
    assert worse.place("steps") == 1
    assert worse.place("seconds") == 1.5


@pytest.mark.parametrize("count", [1, 3])
def test_processes_share_the_examples_of_each_step(count):
    seen = []
    for rank in range(count):
        material, position = Noise(), Position()
        feed = Feed(material, Processes(rank, count))
        for _ in range(2):
            feed.take(position, PHASE)
            feed.prepare(position, PHASE)
            position = position.after(feed.images(PHASE), 0.0)
        seen += [number for numbers in material.asked for number in numbers]
        assert len(material.asked) == 3, "each batch is made once, one ahead"
        assert material.started[0].start == 2 * count * 2 + rank * 2
    assert sorted(seen) == list(range(3 * count * 2))


def test_a_batch_of_another_size_is_not_taken():
    material = Noise()
    feed = Feed(material)
    feed.prepare(Position(), PHASE)
    larger = Phase("1", "l2", 16, 2, 0, 10, 0, 10)
    position = Position(drawn=2)
    assert feed.take(position, larger).source.shape[-1] == 16


def test_a_meter_adds_up_steps():
    meter = Meter()
    for number in range(10):
        assert not meter.is_due
        meter.add(Step(number, 9 - number, taken=True), 0.1, images=4, seconds=0.5)
    assert meter.is_due
    event = meter.report(Position(10, 40, 5.0), PHASE, progress=0.25, loss=meter.loss)
    assert (event.loss, event.gradient, event.lr) == (4.5, 9, 0.1)
    assert (event.images_per_second, event.eta) == (8.0, 15.0)


def test_a_validator_compares_with_the_best_before():
    validator = Validator(Noise(), learner())
    first = validator.try_out(Position(step=4), PHASE)
    assert (first.event.step, first.event.best) == (4, True)
    again = validator.try_out(Position(best=first.event.psnr), PHASE)
    assert (again.event.psnr, again.event.best) == (first.event.psnr, False)


def test_what_a_network_paints_must_be_finite():
    class Bright(nn.Conv2d):
        def forward(self, image):
            return super().forward(image) * math.inf

    network = Bright(3, 3, 1)
    one = Learner(network, OptimizerOptions(), CPU, torch.float32)
    assert one.is_finite
    with pytest.raises(TrainingError, match="not finite"):
        Validator(Noise(), one).try_out(Position(), PHASE)


@pytest.fixture
def saver(tmp_path):
    folder = tmp_path / "run"
    options = replaced(TrainOptions(), ("run", "out"), str(folder))
    with Lock(folder, "trained") as lock:
        record = open_record(folder, lock, 0)
        one = learner()
        yield Saver(options, ABOUT, one, ALONE, record), one


def test_a_saver_never_writes_weights_that_are_not_finite(saver):
    saver, one = saver
    saver.begin(Position(), Inventory({}, {}))
    sound = {p: p.read_bytes() for p in saver.folder.glob("*.safetensors")}
    assert {path.name for path in sound} == {checkpoint.NEWEST, runs.LAST}
    with torch.no_grad():
        one.network[0].weight.fill_(math.inf)
    for write in (saver.save, saver.end_stage):
        with pytest.raises(TrainingError, match="not finite"):
            write(Position(3, stage="1"))
    assert {p: p.read_bytes() for p in saver.folder.glob("*.safetensors")} == sound


def test_processes_that_do_not_lead_write_nothing(tmp_path):
    options = replaced(TrainOptions(), ("run", "out"), str(tmp_path))
    other = Saver(options, ABOUT, learner(), ALONE, record=None)
    other.begin(Position(), Inventory({}, {}))
    other.save(Position(1, stage="1"))
    other.end_stage(Position(1, stage="1"))
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_comes_back(tmp_path):
    position = Position(3, 6, 1.5, "2", 64, 20.0, 21.0)
    tensors = {"network.a": torch.rand(3), "steps": torch.tensor(3)}
    checkpoint.save(tmp_path, Checkpoint(TrainOptions(), position, tensors))
    found = checkpoint.load(tmp_path)
    assert (found.options, found.position, found.note) == (TrainOptions(), position, "")
    assert torch.equal(found.tensors["network.a"], tensors["network.a"])


@pytest.mark.parametrize(
    ("changes", "notes"),
    [
        ({}, "stage 1 of MSR-Net's training; start: small"),
        (
            {"network": NetworkOptions(init="/x/weights.safetensors")},
            "stage 1 of MSR-Net's training; start: weights.safetensors",
        ),
        (
            {"optimizer": OptimizerOptions("muon"), "loss": LossOptions("sobel")},
            "stage 1 of MSR-Net's training; start: small; loss sobel; optimizer muon",
        ),
        (
            {"network": NetworkOptions(ModelConfig("lightstage"), "identity")},
            "the light stage's training; start: identity",
        ),
    ],
)
def test_a_card_says_how_its_weights_were_made(changes, notes):
    card = cards.make_card(TrainOptions(**changes), ABOUT, Position(1, size=64))
    assert (card.notes, card.work_size, card.scores) == (notes, 64, {})
    assert (card.from_light, card.to_light) == ABOUT.lights


def test_pairs_are_material_of_any_size_and_seed(tmp_path):
    data = pairs.write_folders(tmp_path / "data", 3, size=32)
    options = DataOptions(str(data), val_pairs=2, pairs=PairOptions(crop=16))
    found = find_material(options, layers=False, largest=32)
    assert (found.about.count, len(found.validation)) == (3, 2)
    assert found.losses({"l2"}, LossOptions(), CPU).keys() == {"l2"}
    material = found.open(32, seed=1, device=CPU)
    assert material.batch(range(2), 32).source.shape == (2, 3, 16, 16)
    material.close()


def test_scenes_are_material_too(tmp_path):
    scenes = smooth.write(tmp_path / "scenes", 2, size=32)
    options = DataOptions(str(scenes))
    found = find_material(options, layers=True, largest=32)
    assert found.losses({"layers"}, LossOptions(), CPU).keys() == {"layers"}
    material = found.open(32, 0, CPU)
    assert material.batch(range(2), 32).target.shape == (2, 30, 32, 32)
    material.close()
    with pytest.raises(DataError, match="has 64 px"):
        find_material(options, layers=True, largest=64)


def test_a_network_starts_without_a_run(tmp_path):
    small = NetworkOptions(ModelConfig("dmshn", 4))
    one, other = start_network(small, 1), start_network(small, 1)
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
    with pytest.raises(UsageError, match="starts from the result of stage 1"):
        start_network(small, stage1=tmp_path / "stage1.safetensors")


def test_a_run_walks_through_its_plan(saver):
    saver, one = saver
    material, events = Noise(), []
    schedule = ScheduleOptions(steps=25, sizes=(Size(8),), validations=2)
    parts = Parts(
        plan=make_plan(schedule, {"1": "l2"}, examples=4),
        rate=RateOptions(lr=0.01, warmup=0),
        schedule=schedule,
        material=material,
        losses={"l2": loss},
        learner=one,
        saver=saver,
        processes=ALONE,
    )
    saver.begin(Position(), Inventory({}, {}))
    run = Run(parts, Position(), events.append)
    summary = run.walk(lambda: "SIGTERM" if run.position.step == 15 else "")
    assert (summary.steps, summary.stopped_by) == (15, "SIGTERM")
    summary = run.walk()
    assert (summary.steps, summary.stopped_by) == (25, "")
    tried = [event.psnr for event in events if type(event).__name__ == "Validated"]
    assert tried[-1] > tried[0]
    assert checkpoint.load(saver.folder).position == run.position
    assert load_file(runs.stage_result(saver.folder, "1"))
    run.close()
    assert material.closed


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("512", (Size(512),)),
        ("128:6,256:3", (Size(128, 6.0), Size(256, 3.0))),
        ("128:0.5, 256", (Size(128, 0.5), Size(256))),
    ],
)
def test_sizes_are_read_as_they_are_shown(text, sizes):
    assert read_sizes(text) == sizes
    assert ",".join(map(str, sizes)) == text.replace(" ", "")


@pytest.mark.parametrize(
    "text", ["", "x", "12.5", "-3", "0", "128:", "128:x", "128,", "1" * 5000, "²"]
)
def test_what_is_not_a_size_says_what_is(text):
    with pytest.raises(ValueError, match=r"^pixels, such as 512, or 128:6"):
        read_sizes(text)


def test_every_setting_is_an_option_or_has_a_range():
    """Whatever a document may hold is judged, and most of it can be typed."""
    typed = {field.path[-1] for field in asked(TrainOptions())}
    assert len(typed) == len(list(asked(TrainOptions()))), "a name stands once"
    weights = {"l1_weight", "ssim_weight", "perceptual_weight", "tv_weight"}
    leaves = {}

    def walk(record):
        for name, hint in hints(type(record)).items():
            value = getattr(record, name)
            if hasattr(value, "__dataclass_fields__"):
                walk(value)
            else:
                leaves[name] = hint

    walk(TrainOptions())
    assert leaves.keys() - typed == weights
    for name, hint in leaves.items():
        is_number = plain(hint) in (int, float)
        assert not is_number or declared(hint, object).least is not None, name
