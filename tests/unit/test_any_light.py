"""Any light, from any picture: what is asked for is what the layers add up to."""

import copy
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

import smooth
from conftest import largest_difference, photo
from msrnet_cli import engines, hardware
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.layers import mix, reading
from msrnet_cli.layers.camera import encode, lin, linear_from_srgb
from msrnet_cli.layers.compose import compose
from msrnet_cli.layers.draw import Ambient, Draw, Exposure, Key
from msrnet_cli.lights import DIRECTIONS, azimuth
from msrnet_cli.lights.options import LightOptions
from msrnet_cli.lights.wish import Beam, Wish
from msrnet_cli.metrics import psnr
from msrnet_cli.networks import lightstage
from msrnet_cli.relight import relighter as room
from msrnet_cli.relight import tiling
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.weights.file import save_weights
from networks import tinted_identity
from stages import Pointwise, Stored, card, stage

SIZE = 64


def composed(key, ambient=0.3):
    """A day, and a perfect network: it paints the layers, and reads the light."""
    drawn = Draw(
        kind="day", key=key, ambient=Ambient(ambient), exposure=Exposure(shoulder=0.7)
    )
    made = compose(smooth.hills(size=SIZE), drawn, SIZE)
    return made, Stored(made.layers, reading.of_draw(drawn))


@pytest.fixture(scope="module")
def day():
    return composed(Key(90.0))[0]


@pytest.fixture
def perfect():
    return stage(composed(Key(90.0))[1])


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("ambient", [0.1, 0.5])
def test_a_light_put_where_it_is_changes_little(place, ambient):
    made, network = composed(Key(azimuth(DIRECTIONS[place]), kelvin=5200), ambient)
    subject = stage(network)
    relit = subject(made.picture, to=DIRECTIONS[place])
    assert psnr(relit, made.picture) >= 28
    elsewhere = subject(made.picture, to=DIRECTIONS[(place + 4) % 8])
    assert psnr(elsewhere, made.picture) < 24


@pytest.fixture(scope="module")
def explained(day):
    """A picture that its layers explain: a mixture of them."""
    lights = mix.weights(90, 10, 5200, ambient=0.8)
    return mix.painted(day.layers, lights)


def test_lights_add(day, perfect, explained):
    found = perfect.layers(explained)
    beams = Beam(azimuth=0), Beam(azimuth=90)
    north, east, both = (
        found.mix(Wish(beams=some, softness=0.0), ambient=0)
        for some in (beams[:1], beams[1:], beams)
    )
    assert psnr(both, encode(lin(north) + lin(east))) > 40
    assert torch.equal(found.mix(["N", "right"]), found.mix(["N", Beam(azimuth=90)]))
    by_day = encode(lin(day.layers[8]) * found.source().weights[8][:, None, None])
    assert psnr(found.mix([]), by_day) > 40
    halves = [Beam(azimuth=0, strength=0.5), Beam(azimuth=0, strength=0.5)]
    torch.testing.assert_close(found.mix(halves), found.mix("N"), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "light",
    [
        {"to": 270},
        {"to": "3800_W", "softness": 20},
        {"light": ("W:3200", "E::0.5"), "key": 1.3, "fill": 0.2},
        {"even": True, "kelvin": 4000},
        {"look": "lamp", "ambient": 0.6},
        {"ambient": 0.5},
        {"to": "W", "amount": 0.5},
        {"to": "W", "kelvin": 3000, "keep": "colour"},
    ],
    ids=str,
)
def test_layers_are_mixed_with_what_a_relighter_takes(day, perfect, light):
    by_hand = perfect(day.picture, **light)
    torch.testing.assert_close(perfect.layers(day.picture).mix(**light), by_hand)


def test_numbers_and_more_stand_beside_a_light_that_is_mixed(day, perfect):
    found = perfect.layers(day.picture)
    west = {"kelvin": 3000.0, "softness": 30.0, "key": 1.2, "keep": "brightness"}
    expected = perfect(day.picture, to="W", **west)
    for light in ("W", 270, -90.0, Beam(azimuth=270.0), [270], ("left",)):
        torch.testing.assert_close(found.mix(light, **west), expected)
    wish = Wish(beams=(Beam(azimuth=270.0),), key=2.0, ambient=0.5, fill=0.1)
    more = {"key": 0.6, "ambient": 0.5, "fill": 0.1, "kelvin": 3000}
    torch.testing.assert_close(
        found.mix(wish, **more),
        perfect(day.picture, to="W", key=1.2, ambient=0.25, fill=0.2, kelvin=3000),
    )


def test_the_light_of_another_picture_is_mixed(day, perfect, tmp_path):
    Image.fromarray(quantise(day.picture, 8).permute(1, 2, 0).numpy()).save(
        tmp_path / "a.png"
    )
    like = {"like": tmp_path / "a.png"}
    mixed = perfect.layers(day.picture).mix(**like)
    torch.testing.assert_close(mixed, perfect(day.picture, **like))


@pytest.mark.parametrize(
    ("lights", "more", "says"),
    [
        ((), {}, "no light is named"),
        ((), {"amount": 0.5}, "no light is named"),
        (("W",), {"to": "E"}, "to names another light"),
        (("W:3200",), {"kelvin": 3000}, "give the temperature once"),
        ((Wish(even=True),), {"softness": 10}, "no direction"),
        (("all",), {}, "eight pictures"),
        ((), {"to": "all"}, "eight pictures"),
        ((5600,), {}, "not a direction but a temperature"),
        ((float("nan"),), {}, "unknown direction"),
        ((True,), {}, "unknown direction"),
    ],
    ids=str,
)
def test_mixtures_that_cannot_be_meant_are_refused(day, perfect, lights, more, says):
    with pytest.raises(UsageError, match=says):
        perfect.layers(day.picture).mix(*lights, **more)


def test_layers_are_shown_in_a_line(day, perfect):
    shown = repr(perfect.layers(day.picture))
    assert (
        shown == f"Layers(picture 3x{SIZE}x{SIZE}, painted 9x3x{SIZE}x{SIZE}, on cpu)"
    )
    with pytest.raises(TypeError):
        perfect.layers(day.picture).mix([None])


def test_even_light_is_the_mean_of_the_eight(day, perfect, explained):
    even = perfect(explained, even=True)
    found, linear = perfect.layers(explained).source(), lin(day.layers)
    key, ambient = found.colour[:, None, None], found.weights[8][:, None, None]
    mean = encode(linear[:8].mean(0) * key + linear[8] * ambient)
    assert psnr(even, mean) > 40


def test_fill_and_ambient_are_parts_of_the_light(day, perfect):
    found = perfect.layers(day.picture)
    for more in (0.0, 0.4, 1.0):
        filled = found.mix("W", fill=more, ambient=0.5)
        by_hand = perfect(day.picture, to="W", fill=more, ambient=0.5)
        torch.testing.assert_close(filled, by_hand)
    bright = [found.mix("W", fill=more).mean() for more in (0.0, 0.2, 0.8)]
    assert bright == sorted(bright)
    assert bright[0] < bright[2]


def test_a_wish_is_taken_as_it_is(day, perfect):
    found = perfect.layers(day.picture)
    wish = Wish(beams=(Beam(azimuth=247.5, kelvin=3200.0),), key=1.3, softness=30.0)
    relit = found.mix(wish)
    options = {"to": "247.5", "kelvin": 3200.0, "key": 1.3, "softness": 30.0}
    torch.testing.assert_close(relit, perfect(day.picture, **options))


def test_the_colour_of_a_light_is_that_of_its_temperature(day, perfect):
    ratios = []
    for kelvin in (2500.0, 4500.0, 6500.0, 9000.0):
        red, _, blue = lin(perfect(day.picture, to="W", kelvin=kelvin)).mean((1, 2))
        ratios.append(float(red / blue))
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > 2 * ratios[-1]


@pytest.mark.parametrize("level", [0, 40, 128, 230])
def test_black_stays_black_and_grey_neutral(level):
    """Of a picture without light: each layer shows the same as the picture."""
    flat = torch.full((3, 48, 40), level, dtype=torch.uint8)
    subject = stage(Stored(unit(flat).expand(9, -1, -1, -1)))
    for light in ({"to": "W"}, {"to": "NE", "fill": 0.5}, {"even": True}):
        red, green, blue = subject(flat, kelvin=6500.0, **light).int()
        assert max(abs(red - green).max(), abs(blue - green).max()) <= 1
        assert level or red.max() == 0


def test_the_light_of_another_picture(tmp_path):
    """Direction and share of the key, as in the reference."""
    west, network = composed(Key(270.0, kelvin=3500), 0.1)
    Image.fromarray(quantise(west.picture, 8).permute(1, 2, 0).numpy()).save(
        tmp_path / "west.png"
    )
    subject = stage(network)
    relit = subject(west.picture, like=str(tmp_path / "west.png"))
    assert psnr(relit, west.picture) >= 28
    recipe = subject.with_light(LightOptions(like=str(tmp_path / "west.png")))
    assert len(recipe.light_recipe["reference"]) == 64
    assert recipe.notes == subject.notes


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "--like ref.png cannot be read: No such"), (b"text", "--like ref.png: ")],
)
def test_a_reference_that_cannot_be_read_is_named(
    perfect, tmp_path, monkeypatch, content, says
):
    monkeypatch.chdir(tmp_path)
    if content:
        (tmp_path / "ref.png").write_bytes(content)
    with pytest.raises(UsageError) as refused:
        perfect.with_light(LightOptions(like="ref.png"))
    assert refused.value.reason.startswith(says)
    assert refused.value.remedy


def test_doubts_about_the_light_of_a_reference_are_told(tmp_path):
    """A black picture has no light, and a soft light hardly a direction."""
    reference = tmp_path / "ref.png"
    made, network = composed(Key(270.0), 0.1)
    network.outputs[-3:] = torch.tensor([0.45, 0.5, 0.9])[:, None, None]
    subject = stage(network)
    picture = quantise(made.picture, 8).permute(1, 2, 0).numpy()
    Image.fromarray(picture).save(reference)
    unsure = subject.with_light(LightOptions(like=str(reference)))
    assert unsure.notes[len(subject.notes) :] == (
        f"--like {reference}: its light comes from 270 degrees, but that is unsure",
    )
    again = unsure.with_light(LightOptions(like=str(reference)))
    assert again.notes == unsure.notes
    assert unsure.with_light(LightOptions(to="W")).notes == subject.notes
    Image.new("RGB", (SIZE, SIZE)).save(reference)
    (note,) = subject.with_light(
        LightOptions(like=str(reference), softness=20.0)
    ).notes[len(subject.notes) :]
    assert "has no direction" in note
    assert "softness changes nothing" in note


def test_layers_are_painted_once_for_all_lights(day, perfect):
    passes = []
    perfect.network.register_forward_pre_hook(lambda *_: passes.append(1))
    found = perfect.layers(day.picture)
    for direction in DIRECTIONS:
        found.mix(direction)
    assert len(passes) == 1
    assert found.painted.shape == (9, 3, SIZE, SIZE)
    inner = (..., slice(4, -4), slice(4, -4))  # see `layers.border`
    torch.testing.assert_close(found.painted[inner], day.layers[inner])
    torch.testing.assert_close(found.picture, day.picture)


@pytest.mark.slow  # half a minute: the network of the built-in weights at full width
def test_eight_directions_take_little_more_than_one():
    torch.manual_seed(0)
    subject = Relighter(
        lightstage.LightStage(32), card(32), device="cpu", dtype="fp32", work_size=1024
    )
    picture = torch.rand(3, 1024, 1024)

    def seconds(directions):
        begin = time.process_time()
        found = subject.layers(picture)
        for direction in directions:
            wish = Wish(beams=(Beam(azimuth=azimuth(direction)),))
            found.relit(wish)
        return time.process_time() - begin

    hardware.keep_freed_memory()  # as the command does
    try:
        one, eight = (
            min(seconds(some) for _ in range(3))
            for some in (DIRECTIONS[:1], DIRECTIONS)
        )
    finally:
        hardware.keep_freed_memory(False)
    assert eight <= 1.3 * one


def kinds():
    image = photo(70, 50)
    levels = np.asarray(image)
    yield image
    yield photo(70, 50, mode="RGBA")
    yield levels
    yield levels.astype(np.uint16) * 257
    yield levels.astype(np.float32) / 255
    yield torch.from_numpy(levels.copy()).permute(2, 0, 1)
    yield torch.from_numpy(levels.copy()).permute(2, 0, 1) / 255


@pytest.mark.parametrize("image", list(kinds()))
@pytest.mark.parametrize("work_size", ["full", 32])
def test_every_kind_comes_back_as_its_own_and_alike(image, work_size):
    subject = stage(Pointwise(), work_size=work_size)
    relit, mixed = subject(image, to="W"), subject.layers(image).mix("W")
    expected = subject(as_pil(image), to="W")
    for one in (relit, mixed):
        assert type(one) is type(image)
        assert largest_difference(as_pil(one), expected) <= 1
        if not isinstance(image, Image.Image):
            assert (one.dtype, one.shape) == (image.dtype, image.shape)


def as_pil(image):
    if isinstance(image, Image.Image):
        return image.convert("RGB")
    if isinstance(image, torch.Tensor):
        image = image.permute(1, 2, 0).numpy()
    peak = 1 if image.dtype == np.float32 else np.iinfo(image.dtype).max
    return Image.fromarray(np.round(image / peak * 255).astype(np.uint8))


def test_a_sequence_and_a_path_take_a_light(tmp_path):
    subject = stage(Pointwise())
    image = photo(40, 30)
    image.save(tmp_path / "a.png")
    first, second = subject([tmp_path / "a.png", image], to="W")
    assert largest_difference(first, second) == 0


def test_layers_are_of_one_picture():
    with pytest.raises(PictureError, match="one at a time"):
        stage(Pointwise()).layers(torch.rand(2, 3, 16, 16))


def test_threads_share_one_relighter_under_many_lights():
    subject = stage(Pointwise())
    pictures = [photo(32, 32, seed=i) for i in range(8)]
    expected = [
        subject(picture, to=direction)
        for picture, direction in zip(pictures, DIRECTIONS, strict=True)
    ]
    with ThreadPoolExecutor(8) as pool:
        results = list(
            pool.map(lambda p, d: subject(p, to=d), pictures * 3, DIRECTIONS * 3)
        )
    for one, other in zip(results, expected * 3, strict=True):
        assert largest_difference(one, other) == 0
    assert len({result.tobytes() for result in expected}) == 8


@pytest.mark.parametrize("light", [{}, {"to": "W"}, {"even": True, "kelvin": 4000.0}])
def test_tiles_give_the_pixels_of_the_whole(light, monkeypatch):
    subject = stage(Pointwise()).with_light(LightOptions(**light))
    side = tiling.SMALLEST_CORE + 2 * subject.architecture.reach
    picture = torch.rand(3, 40, 3000)
    (whole,) = subject.run([picture]).pictures()
    passed = subject.architecture.bytes_per_pixel_at("fp32", 4)
    free = 64 * side * passed / 0.8
    monkeypatch.setattr(hardware, "free_bytes", lambda _: int(free))
    result = subject.run([picture])
    assert any("tiles" in note for note in result.notes)
    torch.testing.assert_close(*result.pictures(), whole)


def test_a_batch_too_large_is_split_under_a_light(day):
    class Hungry(Pointwise):
        def forward(self, x):
            if len(x) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(x)

    pictures = [torch.rand(3, 32, 32) for _ in range(5)]
    light = LightOptions(to="W")
    result = stage(Hungry()).with_light(light).run(pictures)
    assert any("split" in note for note in result.notes)
    for picture, one in zip(pictures, result.pictures(), strict=True):
        alone = stage(Pointwise()).with_light(light).run([picture]).pictures()
        torch.testing.assert_close(one, *alone)


def test_a_failed_picture_fails_alone():
    class Sick(Pointwise):
        def forward(self, x):
            painted = super().forward(x)
            painted[x.mean((1, 2, 3)) > 0.6] = torch.nan
            return painted

    subject = stage(Sick()).with_light(LightOptions(to="W"))
    good, bad = subject.run(
        [torch.rand(3, 32, 32), 0.9 + 0.1 * torch.rand(3, 32, 32)]
    ).outputs
    assert isinstance(bad, PictureError)
    assert good.isfinite().all()


@pytest.fixture(scope="module")
def drawn_file(tmp_path_factory):
    """Weights of a light stage that were drawn."""
    torch.manual_seed(5)
    network = lightstage.LightStage(12)
    lightstage.start_as_identity(network)
    torch.nn.init.normal_(network.dmshn.decoder1[8].bias, std=0.1)
    path = tmp_path_factory.mktemp("weights") / "stage.safetensors"
    save_weights(path, network.state_dict(), card(12, to_light="4500_E", work_size=64))
    return path


def test_number_formats_agree_under_a_light(drawn_file):
    picture = torch.from_numpy(np.asarray(photo(96, 64)).copy()).permute(2, 0, 1)
    light = LightOptions(to="NW", kelvin=3500.0)
    exact, coarse = (
        Relighter.load(drawn_file, device="cpu", dtype=dtype, light=light)(picture)
        for dtype in ("fp32", "bf16")
    )
    assert psnr(unit(exact), unit(coarse)) >= engines.AGREEMENT_DB


@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]
)
def test_copies_put_the_same_light(again, drawn_file):
    light = LightOptions(to="W", kelvin=3200.0)
    subject = Relighter.load(drawn_file, device="cpu", dtype="fp32", light=light)
    found = again(subject)
    assert found.light_recipe == subject.light_recipe
    assert found.to_light == "from W, 3200 K"
    image = torch.rand(3, 40, 50)
    assert torch.equal(found(image), subject(image))


def test_another_light_shares_the_session_and_leaves_the_first_as_it_was(drawn_file):
    subject = Relighter.load(drawn_file, device="cpu", dtype="fp32")
    picture = torch.rand(3, 40, 40)
    before = subject(picture)
    west = subject.with_light(LightOptions(to="W"))
    assert west.network is subject.network
    assert (subject.to_light, subject.light_recipe) == ("4500_E", None)
    assert torch.equal(subject(picture), before)
    assert not torch.equal(west(picture), before)
    assert torch.equal(west.with_light(LightOptions())(picture), before)


def test_a_relighter_tells_its_light(perfect):
    named = perfect.with_light(LightOptions(look="lamp", amount=0.5, keep="colour"))
    assert named.to_light.startswith("lamp (from ")
    assert named.light_recipe["finish"] == {"amount": 0.5, "keep": "colour"}
    half = perfect.with_light(LightOptions(amount=0.5))
    assert (half.from_light, half.to_light) == ("", "4500_E")
    fan = perfect.with_light(LightOptions(to="all", kelvin=3000.0))
    assert fan.to_light == "from each of the eight directions, 3000 K"


def one_picture_only():
    made = WeightsCard(ModelConfig("dmshn", 12), to_light="4500_E")
    return Relighter(tinted_identity((1, 0.8, 0.5)), made, device="cpu", dtype="fp32")


def test_weights_of_one_picture_say_which_light_they_paint(day):
    subject = one_picture_only()
    picture = torch.rand(3, 16, 16)
    assert torch.equal(subject(picture, to="4500_E"), subject(picture))
    for light in ({"to": "W"}, {"even": True}, {"key": 2.0}, {"like": "a.png"}):
        with pytest.raises(UsageError, match="paint only E 4500 K; leave out"):
            subject(picture, **light)
    with pytest.raises(UsageError, match="paint only E 4500 K"):
        subject.layers(picture)


def test_the_weights_for_any_light_are_loaded_once(
    drawn_file, identity_file, monkeypatch
):
    files = {None: identity_file, "lightstage": drawn_file}
    loaded = []

    def load(spec, offline):
        loaded.append(spec)
        return read(files[spec], offline=offline)

    read = room.load_weights
    monkeypatch.setattr(room, "load_weights", load)
    subject = Relighter.load(device="cpu", dtype="fp32")
    picture = torch.rand(3, 40, 40)
    assert loaded == [None, "lightstage"]
    with ThreadPoolExecutor(4) as pool:
        west = list(pool.map(lambda _: subject(picture, to="W"), range(4)))
    assert loaded == [None, "lightstage"]
    assert all(torch.equal(west[0], one) for one in west)
    assert torch.equal(subject.layers(picture).mix("W"), west[0])
    assert loaded == [None, "lightstage"]
    direct = Relighter.load(device="cpu", dtype="fp32", light=LightOptions(to="W"))
    assert torch.equal(direct(picture), west[0])
    assert loaded[2:] == ["lightstage"]


@pytest.mark.parametrize("work_size", ["full", 32])
@pytest.mark.parametrize("kind", ["uint8", "float"])
def test_what_shows_no_change_leaves_the_pixels_as_they_came(work_size, kind):
    picture = quantise(torch.rand(3, 60, 80), 8)
    picture = picture if kind == "uint8" else torch.rand(3, 60, 80)
    subject = stage(Pointwise(), work_size=work_size)
    assert torch.equal(subject(picture, to="W", amount=0.0), picture)
    mask = torch.rand(60, 80).round()
    west = subject.with_light(LightOptions(to="W"))
    whole, masked = (
        west.run([picture], masks=masks).pictures()[0] for masks in ((), [mask])
    )
    assert torch.equal(masked[:, mask == 0], picture[:, mask == 0])
    assert torch.equal(masked[:, mask == 1], whole[:, mask == 1])
    assert not torch.equal(masked, picture)


@pytest.mark.parametrize("work_size", ["full", 32])
def test_half_of_a_change_is_half_way_in_linear_light(work_size):
    picture = torch.rand(3, 60, 80)
    subject = stage(Pointwise(), work_size=work_size)
    whole, half = (subject(picture, to="W", amount=share) for share in (1.0, 0.5))
    way = (linear_from_srgb(picture) + linear_from_srgb(whole)) / 2
    torch.testing.assert_close(linear_from_srgb(half), way, rtol=1e-3, atol=1e-4)


def test_amount_and_masks_serve_weights_of_one_picture():
    subject, picture = one_picture_only(), torch.rand(3, 32, 48)
    assert torch.equal(subject(picture, amount=0.0), picture)
    black = torch.zeros(32, 48)
    both = subject.run([picture, picture], masks=[black, None]).pictures()
    assert torch.equal(both[0], picture)
    assert torch.equal(both[1], subject(picture))


def test_a_fan_is_not_one_picture():
    with pytest.raises(UsageError, match=r"eight pictures; ask layers"):
        stage(Pointwise())(torch.rand(3, 16, 16), to="all")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("work_size", ["full", 64])
def test_mixing_on_cuda_equals_the_cpu(work_size):
    picture = quantise(torch.rand(3, 200, 300), 8)
    cpu, cuda = (
        stage(Pointwise(), device=name, work_size=work_size) for name in ("cpu", "cuda")
    )
    for light in ({}, {"to": "W", "kelvin": 3200.0}, {"even": True, "fill": 0.2}):
        one, other = cpu(picture, **light), cuda(picture, **light)
        assert (one.int() - other.int()).abs().max() <= 1
    first, second = cpu.layers(picture), cuda.layers(picture)
    for direction in DIRECTIONS:
        one, other = first.mix(direction), second.mix(direction)
        assert (one.int() - other.int()).abs().max() <= 1
