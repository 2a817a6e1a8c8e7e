"""Scores on scenes: the truth scores near perfect, a copy as follows by hand."""

import random
import statistics
from dataclasses import replace

import pytest
import torch

import smooth
from msrnet_cli import metrics
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.errors import UsageError
from msrnet_cli.evaluate import bars, changes, further, layers, rows, stage
from msrnet_cli.evaluate.intervals import estimate
from msrnet_cli.evaluate.methods import ColourMaps, Copy, Layered
from msrnet_cli.evaluate.options import EvalOptions
from msrnet_cli.evaluate.rows import Scores, Table, summary
from msrnet_cli.evaluate.stage import Painter
from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.layers import mix
from msrnet_cli.layers.camera import encode, lin
from msrnet_cli.layers.compose import expose, photograph, prepare
from msrnet_cli.layers.draw import Distributions, Draw, Key
from msrnet_cli.layers.store import Composer, LayerStore, open_store
from msrnet_cli.lights import DIRECTIONS, kelvin_gains, turned
from msrnet_cli.networks import lightstage
from msrnet_cli.relight import scaling
from msrnet_cli.relight.options import EngineOptions
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.weights.file import save_weights

SIZE, COUNT = 64, 3


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return open_store(smooth.write(tmp_path_factory.mktemp("scenes") / "set", COUNT))


@pytest.fixture(scope="module")
def truth(store):
    return Painter(smooth.Knowing(store, SIZE))


@pytest.fixture(scope="module")
def reduced_truth(store):
    """The truth at half the size; results are carried from there."""
    half = SIZE // 2
    return Painter(smooth.Knowing(store, SIZE, half), lambda *_: (half, half))


@pytest.fixture(scope="module")
def tables(store, truth):
    methods = {
        "truth": Layered(truth),
        "copies": Layered(Painter(nine_copies)),
        "copy": Copy(),
    }
    return layers.score(store, SIZE, methods)


def nine_copies(pictures):
    return pictures[:, None].expand(-1, 9, -1, -1, -1)


def night(store, number, key):
    """The picture of a scene under a key light, as a file holds it."""
    lit = prepare(store[number], Draw(), SIZE)
    return quantise(photograph(lit, expose(lit, Draw()), key), 8)


def over_scenes(values):
    return statistics.fmean(values)


def psnr(one, other):
    return metrics.psnr(unit(one), unit(other))


# --- the truth -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "least"),
    [
        ("task", 30),
        ("night", 33),
        ("night, fitted", 30),
        ("own", 33),
        ("day", 26),
        ("day, bare", 26),
        ("ambient", 50),  # 58 but for the border, see `layers.border`
    ],
)
def test_true_layers_score_near_perfect(tables, row, least):
    assert tables["truth"].mean(row).psnr > least
    if row != "own":
        copied = [each.psnr for each in tables["copy"].compared(row).values()]
        assert tables["truth"].mean(row).psnr > over_scenes(copied) + 5


def test_true_layers_show_where_the_light_is(tables):
    for row, most in (("day", 8), ("night, fitted", 3)):
        assert statistics.median(tables["truth"].off[row]) < most


def test_true_layers_are_even(store, truth, reduced_truth):
    for painter in (truth, reduced_truth):
        even = changes.even(store, 0, SIZE)
        deviation, edge = stage.unevenness(painter, even)
        assert deviation < 1e-3
        assert edge < 1e-3


def test_true_layers_at_half_the_size_are_carried_to_full_size(store, reduced_truth):
    nights = changes.nights(store[0], SIZE)
    answer = Layered(reduced_truth).by_night(nights)
    (output,) = answer.pictures["task"]
    assert output.shape == nights.task.shape
    small = mix.painted(
        reduced_truth.see(nights.pictures[:1])[0].layers,
        mix.weights(90.0, kelvin=4500.0),
    )
    back = scaling.reduce(output, SIZE // 2, SIZE // 2)
    assert metrics.psnr(back, small) > 40


# --- a network that copies -------------------------------------------------------


def test_a_copy_of_the_task_is_the_input(store, tables):
    expected = [
        psnr(night(store, n, Key()), night(store, n, Key(90.0, kelvin=4500.0)))
        for n in range(COUNT)
    ]
    assert tables["copy"].mean("task").psnr == pytest.approx(over_scenes(expected))


def test_layers_that_copy_the_picture_score_what_follows_by_hand(store, tables):
    gains = torch.tensor(kelvin_gains(4500.0))[:, None, None]
    task, own = [], []
    for number in range(COUNT):
        source = night(store, number, Key())
        light = lin(unit(source))
        target = night(store, number, Key(90.0, kelvin=4500.0))
        task.append(psnr(quantise(encode(light * gains + light), 8), target))
        eight = [night(store, number, Key(45.0 * place)) for place in range(8)]
        doubled = [psnr(quantise(encode(2 * lin(unit(x))), 8), x) for x in eight]
        own.append(over_scenes(doubled))
    found = tables["copies"]
    assert found.mean("task").psnr == pytest.approx(over_scenes(task), abs=0.02)
    assert found.mean("own").psnr == pytest.approx(over_scenes(own), abs=0.02)


def test_layers_that_copy_the_picture_leave_it_where_the_light_is_fitted(tables):
    for row in ("day", "day, bare", "ambient", "night, fitted"):
        ours, copy = tables["copies"].mean(row), tables["copy"].compared(row)
        copied = over_scenes([each.psnr for each in copy.values()])
        assert ours.psnr == pytest.approx(copied, abs=0.1)


def test_each_night_changes_into_each_other_one(store, tables):
    scores = []
    for number in range(COUNT):
        eight = [night(store, number, Key(45.0 * place)) for place in range(8)]
        each = [psnr(x, y) for x in eight for y in eight if x is not y]
        assert len(each) == 56
        scores.append(over_scenes(each))
    assert tables["copy"].mean("night").psnr == pytest.approx(over_scenes(scores))


# --- what is asked for -----------------------------------------------------------


def test_days_are_photographs_whose_key_turns_and_nothing_else(store):
    drawing = Composer(store, 0, Distributions(task=0, night=0, overcast=0, even=0))
    seen = set()
    for number in range(COUNT):
        drawn, day = drawing.draw(number), changes.day(store, number, SIZE)
        turn = random.Random(f"turn/{number}").uniform(90, 270)
        assert drawn.kind == "day"
        assert abs(turned(day.azimuth, day.wanted)) >= 90
        assert day.wanted == pytest.approx((drawn.key.azimuth + turn) % 360)
        lit = prepare(store[drawn.scene], drawn, SIZE)
        camera = expose(lit, drawn)
        wanted = replace(drawn.key, azimuth=day.wanted)
        assert torch.equal(day.target, quantise(photograph(lit, camera, wanted), 8))
        dark = replace(drawn.key, strength=0.0)
        assert psnr(day.keyless, quantise(photograph(lit, camera, dark), 8)) > 50
        seen.add(day.name)
    assert len(seen) == COUNT


def test_a_picture_is_painted_once_however_many_lights_are_wanted(store, truth):
    shown = []

    def paint(pictures):
        shown.extend(pictures)
        return truth.paint(pictures)

    painter = Painter(paint)
    Layered(painter).by_night(changes.nights(store[0], SIZE))
    Layered(painter).by_day(changes.day(store, 0, SIZE))
    assert len(shown) == len(DIRECTIONS) + 1


def test_unevenness_is_what_is_finer_than_a_broad_window(store):
    even = changes.even(store, 1, SIZE)

    def changed(more):
        painted = (even.layers + more)[None]
        return stage.unevenness(Painter(lambda _: painted), even)

    checkers = torch.ones(SIZE, SIZE)
    checkers[::2, ::2] = checkers[1::2, 1::2] = -1
    deviation, edge = changed(checkers * 3 / 255)
    inner = (SIZE - 8) / SIZE  # at the border it is evened out, see `layers.border`
    assert deviation == pytest.approx(3 * inner, rel=0.01)
    assert edge == pytest.approx(3, rel=0.1)
    assert changed(torch.full((SIZE, SIZE), 0.1))[0] == pytest.approx(0, abs=0.2)
    framed = torch.zeros(SIZE, SIZE)
    framed[:, 5] = 9 / 255
    assert changed(framed)[1] == pytest.approx(9, abs=1)
    for near, counts in ((7, True), (8, False)):
        spot = torch.zeros(SIZE, SIZE)
        spot[SIZE // 2, near] = 9 / 255
        assert (changed(spot)[1] > 8) == counts
    framed = torch.zeros(SIZE, SIZE)
    framed[SIZE // 2, SIZE // 2] = 9 / 255
    assert changed(framed)[1] < 0.5


def test_what_is_read_within_60_degrees_is_near():
    found = rows._bearing([10.0, 59.0, 61.0, 170.0])
    assert (found.median, found.near) == (60, 0.5)


# --- further lights, and what is wanted ----------------------------------------------


@pytest.fixture(scope="module")
def between():
    """A scene with a light from 63 degrees, which is a mixture of its neighbours."""
    hills = smooth.hills(size=SIZE)
    one = 0.6 * hills.light[1] + 0.4 * hills.light[2]
    return replace(hills, azimuths=(63.0,), further=one[None])


def test_true_layers_tell_the_light_and_keep_it(tables):
    found = {bar.name: bar for bar in bars.bars_of(tables["truth"])}
    for name in ("kelvin", "own light"):
        (bar,) = (bar for bar in found.values() if bar.name.startswith(name))
        assert bar.is_kept, bar
    assert not any("between" in name for name in found), "no scene has such a light"
    assert bars.bars_of(tables["copy"]) == ()


def test_layers_that_copy_the_picture_miss_the_temperature(tables):
    (kelvin,) = (
        bar for bar in bars.bars_of(tables["copies"]) if bar.name.startswith("kelvin")
    )
    assert not kelvin.is_kept
    # They take each night for white: an error of 6500 / K - 1, or of no key at all.
    assert kelvin.found > 30
    assert kelvin.count == 5 * COUNT


def test_further_lights_are_renders_of_the_scene(between):
    found = further.further(between, SIZE)
    lit = prepare(between, Draw(), SIZE)
    camera = expose(lit, Draw())

    def shown(light):
        return quantise(camera.develop((light + lit.keyless) * camera.balanced), 8)

    assert torch.equal(found.targets["N + E"][0], shown(lit.eight[0] + lit.eight[2]))
    for place, direction in enumerate((0, 2)):
        assert torch.equal(found.targets["N, E"][place], shown(lit.eight[direction]))
    assert psnr(found.targets["between"][0], shown(between.further[0].float())) > 50
    for place, direction in enumerate((1, 2)):
        assert torch.equal(found.targets["beside"][place], shown(lit.eight[direction]))
    assert torch.equal(found.picture, shown(lit.eight[4]))
    eight, (one,) = found.lights["between"][0], found.lights["N + E"]
    assert eight[:4, 0].tolist() == pytest.approx([0, 0.6, 0.4, 0])
    assert one[:, 0].tolist() == pytest.approx([1, 0, 1, 0, 0, 0, 0, 0, 1])


def test_coloured_nights_come_from_another_direction_in_each_scene(between):
    for number, direction in ((1, 1), (11, 3)):
        *_, white = further.further(between, SIZE, number).coloured
        lit = prepare(between, Draw(), SIZE)
        key = Key(45.0 * direction)
        assert torch.equal(
            white, quantise(photograph(lit, expose(lit, Draw()), key), 8)
        )


def test_true_layers_are_mixed_for_each_camera_and_strength(between):
    mixtures, targets = further.by_truth(between, SIZE)
    assert list(mixtures) == [
        f"{camera}, {how}"
        for camera in ("film", "sRGB")
        for how in ("1 + 1", "half + half")
    ]
    quality = {row: psnr(mixtures[row][0], targets[row][0]) for row in mixtures}
    assert quality["sRGB, half + half"] > 30, quality
    for how in ("1 + 1", "half + half"):
        assert quality[f"sRGB, {how}"] > quality[f"film, {how}"] > 20, quality


def test_a_light_from_between_has_a_bar_where_a_scene_has_it(between):
    found = further.further(between, SIZE)
    table = Table()
    half = {
        row: [quantise(unit(one) * 0.9, 8) for one in targets]
        for row, targets in found.targets.items()
    }
    table.add("a", stage.Answer(half), found.targets)
    (bar,) = (bar for bar in bars.bars_of(table) if "between" in bar.name)
    by_hand = psnr(half["between"][0], found.targets["between"][0]) - over_scenes(
        [
            psnr(*both)
            for both in zip(half["beside"], found.targets["beside"], strict=True)
        ]
    )
    assert bar.found == pytest.approx(by_hand)
    assert (bar.unit, bar.is_least, bar.count) == ("dB", True, 1)


def test_directions_are_judged_by_median_and_share():
    table = Table()
    table.errors["direction"] += [10.0, 20.0, 61.0, 40.0]
    middle, near = bars.bars_of(table)
    assert (middle.found, middle.is_kept) == (30, True)
    assert (near.found, near.is_kept) == (75, False)


# --- numbers ---------------------------------------------------------------------


def table(**psnr_by_scene):
    found = Table()
    for scene, value in psnr_by_scene.items():
        found.rows["night"][scene] = Scores(value, value / 100, 1.0)
    return found


def test_changes_of_one_scene_are_averaged_before_they_make_an_interval(tables):
    (row,) = (r for r in summary(tables["copy"], None, None) if r.name == "night")
    by_scene = list(row.scenes.values())
    assert len(by_scene) == COUNT
    assert row.psnr == estimate(by_scene)


def test_gains_are_compared_scene_by_scene():
    ours = table(a=20.0, b=15.0, c=11.0)
    copy = table(a=18.0, b=14.0, c=9.0)
    (row,) = summary(ours, copy, None)
    assert row.over_copy.psnr == estimate([2.0, 1.0, 2.0])
    assert row.over_copy.ssim.mean == pytest.approx(5 / 300)
    assert row.over_better is None


def test_the_better_baseline_is_the_one_with_the_better_mean():
    ours, copy = table(a=20.0, b=20.0), table(a=19.0, b=10.0)
    (row,) = summary(ours, copy, table(a=15.0, b=15.0))
    assert row.over_better.psnr.mean == pytest.approx(5)
    (row,) = summary(ours, copy, table(a=14.0, b=14.0))
    assert row.over_better.psnr.mean == row.over_copy.psnr.mean


def test_equal_pictures_have_a_score_that_is_finite(store):
    picture = night(store, 0, Key())
    found = Table()
    answer = stage.Answer({"own": [picture]})
    found.add("a", answer, {"own": [picture]})
    # Rounding to 8 bits is off by a twelfth of a squared step on average.
    assert found.mean("own").psnr == pytest.approx(58.92, abs=0.01)
    assert found.mean("own").ssim == pytest.approx(1)


def test_colour_maps_are_fitted_for_each_change(store):
    maps = ColourMaps.fit(store)
    found = layers.score(store, SIZE, {"map": maps, "copy": Copy()})
    for row in ("task", "night"):
        assert found["map"].mean(row).psnr > found["copy"].mean(row).psnr + 0.3
    assert found["map"].mean("day").psnr >= found["copy"].mean("day").psnr - 0.1
    assert "ambient" not in found["map"].rows


# --- the program and training ----------------------------------------------------


@pytest.fixture(scope="module")
def painting_file(tmp_path_factory):
    """Weights of layers that differ from each other, drawn."""
    torch.manual_seed(3)
    network = lightstage.LightStage(12)
    lightstage.start_as_identity(network)
    torch.nn.init.normal_(network.dmshn.decoder1[8].bias, std=0.15)
    path = tmp_path_factory.mktemp("weights") / "stage.safetensors"
    card = WeightsCard(model=ModelConfig("lightstage", channels=12))
    save_weights(path, network.state_dict(), card)
    return path


@pytest.mark.parametrize("work_size", [32, "full"])
def test_the_task_is_relit_as_the_program_does_it(store, painting_file, work_size):
    relighter = Relighter.load(
        painting_file, device="cpu", dtype="fp32", work_size=work_size
    )
    painter = Painter(
        lambda pictures: relighter.paint(pictures).unflatten(1, (-1, 3)),
        relighter.working_size,
    )
    nights = changes.nights(store[0], SIZE)
    (ours,) = Layered(painter).by_night(nights).pictures["task"]
    (theirs,) = relighter.run([nights.pictures[0]]).outputs
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, nights.pictures[0])


def test_the_command_scores_as_its_parts_do(store, painting_file):
    options = EvalOptions(
        layers=str(store.folder),
        weights=(str(painting_file),),
        work_sizes=("full",),
        session=EngineOptions(device="cpu", dtype="fp32"),
        limit=2,
    )
    told = []
    found = layers.evaluate(options, told.append)
    few = LayerStore(store.folder, (store.paths[0], store.paths[1]))
    relighter = Relighter.load(painting_file, device="cpu", dtype="fp32")
    painter = Painter(lambda x: relighter.paint(x).unflatten(1, (-1, 3)))
    expected = layers.score(few, SIZE, {"": Layered(painter), "copy": Copy()})
    copy, ours, true = found.methods
    assert (found.scenes, found.size, ours.work_size) == (2, SIZE, "full")
    assert ours.rows == summary(expected[""], expected["copy"], None)
    assert copy.rows == summary(expected["copy"], None, None)
    assert ours.even is not None
    assert copy.even is None
    assert ours.bars == bars.bars_of(expected[""])
    assert [bar.found for bar in true.bars] == [row.psnr.mean for row in true.rows]
    assert told == [path.stem for path in few.paths]


def test_weights_that_paint_the_picture_are_scored_on_the_task_alone(
    store, identity_file
):
    options = EvalOptions(layers=str(store.folder), weights=(str(identity_file),))
    _, ours, _ = layers.evaluate(options).methods
    (row,) = ours.rows
    assert row.name == "task"
    assert row.over_copy.psnr.mean == pytest.approx(0, abs=1e-6)
    assert ours.even is None


def test_maps_are_not_fitted_on_what_is_scored(store, tmp_path):
    link = tmp_path / "again"
    link.symlink_to(store.folder)
    with pytest.raises(UsageError, match="not scored"):
        layers.evaluate(EvalOptions(layers=str(store.folder), fit=str(link)))


def test_trying_out_says_what_the_rows_say(store, truth, tables):
    found = layers.try_out(truth.paint, store, SIZE, scenes=COUNT)
    rows = [tables["truth"].mean(row) for row in ("task", "night", "day")]
    copies = [tables["copy"].mean(row) for row in ("task", "night", "day")]
    assert found.psnr == pytest.approx(over_scenes([row.psnr for row in rows]))
    assert found.psnr_copy == pytest.approx(over_scenes([row.psnr for row in copies]))
    assert found.detail == pytest.approx(over_scenes([row.detail for row in rows]))
    assert found.scores["night"] == pytest.approx(rows[1].psnr - copies[1].psnr)
    assert found.scores["ambient"] == tables["truth"].mean("ambient").psnr
    assert found.scores["azimuth"] == statistics.median(tables["truth"].off["day"])
    assert len(found.rows) == 4
    for source, output, target in found.rows:
        assert source.shape == output.shape == target.shape == (3, SIZE, SIZE)
        assert metrics.psnr(output, target) > metrics.psnr(source, target)


def test_trying_out_takes_the_first_scenes_at_any_size(store):
    found = layers.try_out(nine_copies, store, 32, scenes=1)
    assert found.scores["day"] == pytest.approx(0, abs=0.2)
    assert found.rows[0][0].shape == (3, 32, 32)
