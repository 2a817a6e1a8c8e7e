"""Two pictures of a scene as input: named, found, cut alike, seen by the network."""

import json
import struct
from types import SimpleNamespace

import pytest
import torch

import pairs
from msrnet_cli import networks
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.errors import DataError, PictureError, UsageError
from msrnet_cli.evaluate.options import EvalOptions
from msrnet_cli.evaluate.relighters import with_inputs
from msrnet_cli.images.colour.spaces import linear_from_srgb
from msrnet_cli.lights.views import Views, read_inputs
from msrnet_cli.networks import ranges
from msrnet_cli.networks.spec import Inputs
from msrnet_cli.networks.two_views import TwoViews
from msrnet_cli.pairs import cut
from msrnet_cli.pairs.check import check_pairs
from msrnet_cli.pairs.cut import Cutter
from msrnet_cli.pairs.find import find_pairs, sort_out
from msrnet_cli.pairs.options import PairOptions
from msrnet_cli.pairs.store import PairStore
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.train import checks
from msrnet_cli.train.find import lights
from msrnet_cli.train.learner import Learner
from msrnet_cli.train.options import OptimizerOptions
from msrnet_cli.train.recipes import RECIPES
from msrnet_cli.weights.card import change_of_light, read_card
from msrnet_cli.weights.file import save_weights
from training import settings

BOTH = ("6500_N", "6500_S")
TWO = PairOptions(inputs=BOTH)
SCENE = (*BOTH, "4500_E", "4500_W")
CARD = WeightsCard(ModelConfig("two_views", 12), *("6500_N", "4500_E"), work_size=64)


def names(files):
    return [file.path.name.removeprefix("Image000_") for file in files]


# --- lights -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kelvin", "wanted"),
    [
        ("6500_N,6500_S", 6500, "6500_N 6500_S"),
        ("N,S", 6500, "6500_N 6500_S"),
        ("E, W", 2500, "2500_E 2500_W"),
        ("4500_NE,SW", 3500, "4500_NE 3500_SW"),
    ],
)
def test_two_lights_are_named_short_or_long(text, kelvin, wanted):
    views = Views(
        inputs=read_inputs(text), from_light=f"{kelvin}_SE", to_light="5500_S"
    )
    assert " ".join(map(str, views.sources)) == wanted
    assert " ".join(map(str, views.lights)) == wanted.replace(" ", " 5500_S ")


def test_without_inputs_there_is_one_lit_as_from_says():
    assert list(map(str, Views(from_light="2500_W").sources)) == ["2500_W"]


@pytest.mark.parametrize("text", ["N", "N,S,E", ""])
def test_inputs_are_two(text):
    with pytest.raises(ValueError, match="two lights, such as 6500_N,6500_S"):
        read_inputs(text)
    with pytest.raises(UsageError, match=r"--inputs with \d light|unknown light"):
        _ = Views(inputs=tuple(text.split(","))).sources


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (("N", "6500_N"), "--inputs are both 6500_N; give two lights"),
        (("N", "4500_E"), "--inputs and --to are both 4500_E; name two lights"),
        (("N", "X"), "unknown light 'X'"),
    ],
)
def test_lights_that_make_no_pair_are_refused(tmp_path, inputs, told):
    with pytest.raises(UsageError, match=told):
        find_pairs(tmp_path, PairOptions(inputs=inputs))


# --- pairs --------------------------------------------------------------------------


def test_the_second_input_is_found_and_mirrored_with_the_pair(tmp_path):
    sideways = ("6500_E", "6500_W", "4500_N")
    pairs.write_vidit(tmp_path, 1, lights=sideways, size=8)
    options = PairOptions(inputs=("E", "W"), to_light="4500_N", mirror=True)
    (pair,) = find_pairs(tmp_path, options).pairs
    assert names(pair.pictures) == ["6500_E.png", "4500_N.png", "6500_W.png"]
    assert names(pair.mirrored) == ["6500_W.png", "4500_N.png", "6500_E.png"]
    assert lights([pair]) == ("6500_E", "4500_N", "6500_W")
    plain = PairOptions(from_light="6500_E", to_light="4500_N")
    (pair,) = find_pairs(tmp_path, plain).pairs
    assert (len(pair.files), pair.second) == (2, None)


def test_a_folder_named_second_holds_second_inputs(tmp_path):
    folder = pairs.write_folders(tmp_path, 2, size=8)
    (folder / "second").mkdir()
    for path in (folder / "input").iterdir():
        light = folder / "second" / f"{path.stem}_6500_S.png"
        light.write_bytes(path.read_bytes())
    found = find_pairs(folder, TWO)
    assert [pair.second.path.parent.name for pair in found.pairs] == ["second"] * 2
    assert found.faults == ()
    assert all(pair.second is None for pair in find_pairs(folder).pairs)
    light.unlink()
    assert len(find_pairs(folder, TWO).pairs) == 1
    (fault,) = find_pairs(folder, TWO).faults
    assert (fault.kind, fault.reason) == ("partner", "its partner second/ is missing")


def test_scenes_without_the_second_picture_are_reported(tmp_path):
    pairs.write_vidit(tmp_path, 3, lights=SCENE)
    (tmp_path / "Image001_6500_S.png").unlink()
    (tmp_path / "Image002_6500_S.png").write_bytes(b"no picture")
    for light in ("4500_E", "6500_S"):
        pairs.save(pairs.albedo(0, 16), tmp_path / f"Image009_{light}.png")
    report = check_pairs(tmp_path, TWO)
    assert report.pairs == 1
    told = {fault.name.rpartition("/")[2]: fault.reason for fault in report.faults}
    assert told["Image001_6500_N.png"] == "its partner 6500_S is missing"
    assert told["Image009_4500_E.png"] == "its partner 6500_N is missing"
    assert "Image002_6500_S.png" in told
    (tmp_path / "Image009_6500_S.png").unlink()
    told = {fault.name: fault.reason for fault in sort_out(tmp_path, TWO).faults}
    alone = told[str(tmp_path / "Image009_4500_E.png")]
    assert alone == "its partners 6500_N and 6500_S are missing"


def test_a_set_without_second_pictures_says_how_to_name_them(tmp_path):
    pairs.write_vidit(tmp_path, 1, size=8, lights=("6500_N",))
    with pytest.raises(DataError) as refused:
        find_pairs(tmp_path, TWO)
    wanted = [f"Image000_{light}.png" for light in ("6500_N", "4500_E", "6500_S")]
    assert f"{wanted[0]}, {wanted[1]} and {wanted[2]}" in str(refused.value)
    assert "input/, target/ and second/" in str(refused.value)


def test_pictures_to_mirror_are_needed_for_all_three(tmp_path):
    pairs.write_vidit(tmp_path, 1, size=8, lights=("6500_E", "6500_N", "4500_N"))
    options = PairOptions(inputs=("E", "N"), to_light="4500_N", mirror=True)
    with pytest.raises(DataError, match="6500_W, 4500_N and 6500_N"):
        find_pairs(tmp_path, options)


# --- examples -----------------------------------------------------------------------


@pytest.fixture
def opposites(tmp_path):
    """Scenes of two sizes whose second picture is 1 - first, also across."""
    for number, size in enumerate(((64, 64), (48, 72), (64, 64))):
        first = torch.randint(256, (3, *size)) / 255
        for light in ("6500_E", "6500_W", "4500_N"):
            picture = first if light == "6500_E" else 1 - first
            pairs.save(picture, tmp_path / f"Image00{number}_{light}.png")
    return tmp_path


@pytest.mark.parametrize("as_on_a_gpu", [False, True])
def test_both_inputs_are_cut_flipped_and_zoomed_alike(
    opposites, monkeypatch, as_on_a_gpu
):
    if as_on_a_gpu:
        monkeypatch.setattr(cut, "_is_fast", lambda _: False)
    options = PairOptions(inputs=("E", "W"), to_light="4500_N", mirror=True, zoom=0.5)
    store = PairStore(find_pairs(opposites, options).pairs)
    batch = Cutter(store, options).batch(range(12), 32, 24)
    assert {name.endswith("mirrored") for name in batch.names} == {True, False}
    assert batch.guide.shape == batch.source.shape == (12, 3, 24, 24)
    torch.testing.assert_close(batch.guide, 1 - batch.source, rtol=0, atol=1e-5)
    mirrored = torch.tensor([name.endswith("mirrored") for name in batch.names])
    # The target is the second picture, which in a mirror is the first.
    same = torch.where(mirrored[:, None, None, None], batch.source, batch.guide)
    torch.testing.assert_close(batch.target, same, rtol=0, atol=1e-5)


def test_the_first_input_and_the_target_are_as_without_a_second(tmp_path):
    pairs.write_vidit(tmp_path, 3, lights=SCENE)
    batches = []
    for inputs in ((), BOTH):
        options = PairOptions(
            inputs=inputs, mirror=True, zoom=0.4, exposure=0.5, tint=0.2
        )
        store = PairStore(find_pairs(tmp_path, options).pairs)
        batches.append(Cutter(store, options).batch(range(6), 32, 16))
    one, two = batches
    assert one.names == two.names
    assert torch.equal(one.source, two.source)
    assert torch.equal(one.target, two.target)
    assert one.inputs.tensors == (one.source,)
    assert one.guide is None


def test_colours_of_the_second_input_change_with_the_first(tmp_path):
    pairs.write_vidit(tmp_path, 1, lights=SCENE)
    plain, varied = (
        Cutter(PairStore(find_pairs(tmp_path, options).pairs), options)
        for options in (TWO, PairOptions(inputs=BOTH, exposure=1.0, tint=0.3))
    )
    gains = torch.tensor(varied.sampler.draw(3, (64, 64), 64).gains)[:, None, None]
    before, after = (
        linear_from_srgb(cutter.batch([3], 64).guide[0]) for cutter in (plain, varied)
    )
    expected = (before * gains).clamp(0, 1)
    torch.testing.assert_close(after, expected, rtol=0, atol=1e-5)


def test_second_pictures_are_read_ahead_too(tmp_path):
    pairs.write_vidit(tmp_path, 2, lights=SCENE)
    found = find_pairs(tmp_path, TWO).pairs
    short = PairStore(found, memory=1000)
    cutter = Cutter(short, TWO, seed=None)
    asked = cutter.files(range(2))
    assert asked == [file for pair in found for file in pair.pictures]
    short.prefetch(asked)
    expected = torch.stack([pair.second.decode() / 255 for pair in found])
    assert torch.equal(cutter.batch(range(2), 64).guide, expected)
    short.close()


# --- network ------------------------------------------------------------------------


def test_both_pictures_have_their_part_in_what_is_learnt(tmp_path):
    pairs.write_vidit(tmp_path, 1, lights=SCENE)
    store = PairStore(find_pairs(tmp_path, TWO).pairs)
    batch = Cutter(store, TWO, seed=None).batch([0], 32)
    torch.manual_seed(0)
    network = networks.build(CARD.model)
    learner = Learner(network, OptimizerOptions(), torch.device("cpu"), torch.float32)
    learner.step(batch, lambda output, b: (output - b.target).abs().mean(), 1e-3)
    stem = network.dmshn.encoder1[0].weight.grad
    assert stem[:, :3].abs().min() > 0
    assert stem[:, 3:].abs().min() > 0


def test_a_coarser_level_may_paint_differently_into_each_picture():
    network = TwoViews(12)
    levels = [network.dmshn.get_submodule(f"decoder{n}.8") for n in (1, 2, 3)]
    assert [level.out_channels for level in levels] == [3, 6, 6]


@pytest.mark.parametrize("name", list(ranges.SCALES))
def test_the_value_range_holds_for_both_pictures(name):
    seen = []

    class Spy(torch.nn.Conv2d):
        def forward(self, image, guide):
            seen[:] = image, guide
            return super().forward(image)

    scale = ranges.SCALES[name]
    learner = Learner(
        Spy(3, 3, 1),
        OptimizerOptions(),
        torch.device("cpu"),
        torch.float32,
        scale=scale,
    )
    image, guide = torch.rand(2, 1, 3, 8, 8)
    learner.relight(learner.network, Inputs(image, guide))
    for given, shown in zip((image, guide), seen, strict=True):
        torch.testing.assert_close(shown, scale.seen(given))


# --- relighting ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def relighter():
    """Paints the mean of its two pictures, by its stem alone."""
    network = TwoViews(12)
    networks.architecture("two_views").start_as_identity(network)
    with torch.no_grad():
        stem = network.dmshn.encoder1[0].weight
        for colour in range(3):
            stem[colour, colour, 1, 1] = stem[colour, colour + 3, 1, 1] = 0.5
    return Relighter(network, CARD, dtype="fp32")


@pytest.mark.parametrize("sides", [(40, 60), (200, 300)], ids=["whole", "reduced"])
def test_a_second_picture_of_any_kind_is_seen(relighter, sides):
    first, second = (
        pairs.albedo(seed, 300)[:, : sides[0], : sides[1]] for seed in (0, 1)
    )
    relit = relighter.relight(first, second=second)
    away = (relit - first).abs().mean()
    assert (relit - (first + second) / 2).abs().mean() < 0.5 * away
    bytes_ = (second * 255).round().byte().permute(1, 2, 0).numpy()
    other = relighter.relight(first, second=bytes_)
    torch.testing.assert_close(other, relit, rtol=0, atol=0.01)
    (several,) = relighter.relight([first], second=[second])
    assert torch.equal(several, relit)
    batch = torch.stack((first, second))
    both = relighter.relight(batch, second=batch.flip(0))
    torch.testing.assert_close(both[0], relit, rtol=0, atol=1e-5)


def test_what_does_not_fit_is_refused_in_a_line(relighter, identity):
    picture = pairs.albedo(0, 32)
    with pytest.raises(UsageError, match=r"see two pictures of a scene.*second=OTHER"):
        relighter.relight(picture)
    with pytest.raises(UsageError, match=r"see one picture.*leave it out"):
        identity.relight(picture, second=picture)
    with pytest.raises(PictureError, match="is 30x32, the picture 32x32"):
        relighter.relight(picture, second=picture[..., :30])
    with pytest.raises(PictureError, match="1 second pictures for 2"):
        relighter.relight([picture] * 2, second=[picture])
    with pytest.raises(UsageError, match="1 second pictures for 2"):
        relighter.run([picture] * 2, [picture])


# --- scores -------------------------------------------------------------------------


def weights(source="6500_N", second="6500_S", *, sees_two=True):
    card = WeightsCard(from_light=source, to_light="4500_E", second_light=second)
    return SimpleNamespace(card=card, sees_two=sees_two)


def test_scores_take_the_second_light_from_the_card():
    given = EvalOptions(data="set")
    alone = weights(second="", sees_two=False)
    assert with_inputs(given, {"a": alone}) == given
    assert with_inputs(given, {"a": alone, "b": weights()}).inputs == BOTH
    asked = EvalOptions(data="set", inputs=("S", "N"))
    assert with_inputs(asked, {"b": weights()}) == asked
    assert (asked.alone().from_light, asked.alone().inputs) == ("6500_S", ())


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ([weights("6500_S", "6500_N")], "lit by 6500_S and 6500_N, and --from is"),
        ([weights(second="")], "lit by 6500_N and unknown, and --from is 6500_N; say"),
        ([weights(), weights(second="6500_W")], "lit by 6500_S and 6500_W; score"),
    ],
)
def test_scores_need_one_pair_of_lights(others, told):
    named = {str(number): one for number, one in enumerate(others)}
    with pytest.raises(UsageError, match=told):
        with_inputs(EvalOptions(data="set"), named)


# --- cards and settings -------------------------------------------------------------


def card_text(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["msrnet"])


@pytest.mark.parametrize("second", ["6500_S", ""])
def test_the_card_keeps_both_lights_and_old_cards_stay_as_they_are(tmp_path, second):
    card = WeightsCard(CARD.model, "6500_N", "4500_E", second_light=second)
    save_weights(tmp_path / "w.safetensors", TwoViews(12).state_dict(), card)
    assert read_card(tmp_path / "w.safetensors") == card
    assert ("second_light" in card_text(tmp_path / "w.safetensors")) == bool(second)
    told = "6500_N and 6500_S to 4500_E" if second else "6500_N to 4500_E"
    assert change_of_light(card) == told


@pytest.mark.parametrize(
    ("arch", "inputs", "told"),
    [
        ("two_views", (), "two_views sees two .* give both: --inputs 6500_N,6500_S"),
        ("dmshn", BOTH, "dmshn sees one; give --arch two_views"),
    ],
)
def test_inputs_and_the_network_must_agree(arch, inputs, told):
    with pytest.raises(UsageError, match=told):
        checks.check(settings(arch=arch, inputs=inputs))
    checks.check(settings(arch="two_views", inputs=BOTH))


def test_scenes_take_no_inputs():
    options = settings(RECIPES["lightstage"], inputs=BOTH)
    with pytest.raises(UsageError, match="--inputs is for pairs"):
        checks.check(options)
