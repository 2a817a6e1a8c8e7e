"""Relighter: any size, any kind of picture, and never a wrong one."""

import copy
import math
import pickle
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.ExifTags import Base

from conftest import largest_difference, photo
from msrnet_cli import engines, hardware, weights
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.errors import DeviceError, PictureError, UsageError, WeightsError
from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.metrics import psnr
from msrnet_cli.networks import architecture
from msrnet_cli.networks.dmshn import DMSHN
from msrnet_cli.networks.stacked import StackedDMSHN
from msrnet_cli.relight import tiling, transfer
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.relight.session import Session
from msrnet_cli.relight.sizes import pad_to_multiple
from networks import constant_network, tinted_identity

SMALL = WeightsCard(model=ModelConfig("dmshn", 4))
PASS = architecture("dmshn").memory("fp32", 32)  # for each pixel


def pixels_of(image):
    return np.asarray(image).transpose(2, 0, 1).copy()


def full(*_, **__):
    raise torch.OutOfMemoryError("CUDA out of memory")


def relighter(network, card=SMALL, dtype="fp32", engine="auto"):
    return Relighter(network, card, device="cpu", dtype=dtype, engine=engine)


# --- size ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (2, 3), (16, 16), (17, 31), (40, 9)])
def test_any_size_comes_back_in_that_size(size, identity):
    image = torch.rand(3, *size)
    assert torch.equal(identity.relight(image), image)


@pytest.mark.parametrize("size", range(1, 40))
def test_padding_reflects_then_replicates(size):
    row = torch.arange(float(size)).view(1, 1, 1, size)
    padded = pad_to_multiple(row, 16)[0, 0, 0].tolist()
    missing = -size % 16
    mirrored = list(range(size - 2, -1, -1))[:missing]
    rest = [mirrored[-1] if mirrored else size - 1] * (missing - len(mirrored))
    assert padded == list(range(size)) + mirrored + rest


def test_a_size_that_fits_is_not_touched():
    image = torch.rand(1, 3, 32, 48)
    assert pad_to_multiple(image, 16) is image


def test_padding_does_not_change_a_fitting_size():
    network = DMSHN(4).eval()
    image = torch.rand(3, 32, 48)
    with torch.no_grad():
        expected = network(image[None])[0].clamp(0, 1)
    assert torch.allclose(relighter(network).relight(image), expected, atol=1e-6)


# --- working size ----------------------------------------------------------------


def test_large_pictures_are_seen_small_and_come_back_large(identity_file):
    seen = []
    subject = Relighter.load(identity_file, device="cpu", dtype="fp32", work_size=64)
    network = subject.network
    network.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[-2:]))
    image = torch.from_numpy(pixels_of(photo(201, 150)))
    assert torch.equal(subject.relight(image), image)
    assert seen == [(48, 64)]


def test_pictures_up_to_a_quarter_larger_run_whole(identity_file):
    subject = Relighter.load(identity_file, device="cpu", dtype="fp32", work_size=64)
    assert subject.working_size(80, 10) is None
    assert subject.working_size(81, 40) == (64, 32)
    assert subject.working_size(40, 81) == (32, 64)
    assert subject.working_size(100_000, 3) == (64, 1)


def test_the_weights_say_at_which_size_they_work():
    network = DMSHN(4)
    plain = relighter(network)
    assert plain.working_size(1280, 1280) is None
    assert plain.working_size(6000, 4000) == (1024, 683)
    card = WeightsCard(model=ModelConfig("dmshn", 4), work_size=256)
    assert relighter(network, card).working_size(1024, 1024) == (256, 256)
    asked = Relighter(network, card, device="cpu", dtype="fp32", work_size=512)
    assert asked.working_size(1024, 1024) == (512, 512)
    full = Relighter(network, card, device="cpu", dtype="fp32", work_size="full")
    assert full.working_size(6000, 4000) is None


@pytest.mark.parametrize("size", [0, -1, 15, 3.5, True, "FULL", "128", [128]])
def test_a_working_size_that_is_none_is_refused_at_once(size):
    with pytest.raises(UsageError, match="working size"):
        Relighter(DMSHN(4), SMALL, device="cpu", dtype="fp32", work_size=size)


def test_small_working_sizes_make_large_batches():
    card = WeightsCard(model=ModelConfig("dmshn", 4), work_size=128)
    assert relighter(DMSHN(4), card).batch_size(1024, 1024) > 8


def test_on_a_cpu_large_pictures_go_one_by_one_however_small_they_are_seen():
    card = WeightsCard(model=ModelConfig("dmshn", 4), work_size=128)
    assert relighter(DMSHN(4), card).batch_size(4000, 3000) == 1


def seen_pixels(subject, width, height):
    """How many pixels a network sees of a picture, filled up as it needs them."""
    side = subject.architecture.multiple
    size = subject.working_size(width, height) or (width, height)
    return math.prod(math.ceil(length / side) * side for length in size)


@pytest.mark.parametrize("work_size", [64, 1024, "full"])
@pytest.mark.parametrize("arch", ["dmshn", "lightstage"])
@pytest.mark.parametrize(
    "size", [(1, 1), (1, 90), (1, 5000), (3, 20_000), (17, 9000), (64, 1_000_000)]
)
def test_a_thin_picture_costs_at_most_twice_what_a_square_does(size, arch, work_size):
    card = WeightsCard(model=ModelConfig(arch, 4))
    network = architecture(arch).build(4)
    subject = Relighter(network, card, device="cpu", dtype="fp32", work_size=work_size)
    side = math.ceil(math.prod(size) ** 0.5)
    square = seen_pixels(subject, side, side)
    for width, height in (size, size[::-1]):
        assert seen_pixels(subject, width, height) <= 2 * square


@pytest.mark.parametrize("size", [(1, 3000), (3000, 1), (5, 2000), (2000, 2)])
@pytest.mark.parametrize("work_size", [64, 1024, "full"])
def test_thin_pictures_come_back_unchanged_from_a_network_that_changes_nothing(
    size, work_size, identity_file
):
    subject = Relighter.load(
        identity_file, device="cpu", dtype="fp32", work_size=work_size
    )
    image = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
    result = subject.run([image])
    assert torch.equal(result.outputs[0], image)
    assert any("thin" in note for note in result.notes) == (work_size == "full")


def test_a_batch_seen_small_gives_what_single_pictures_give():
    card = WeightsCard(model=ModelConfig("stacked", 8), work_size=32)
    subject = relighter(StackedDMSHN(8), card)
    pictures = [torch.rand(3, 48, 100) for _ in range(3)]
    together = subject.run(pictures).outputs
    for picture, batched in zip(pictures, together, strict=True):
        (alone,) = subject.run([picture]).outputs
        assert (alone - batched).abs().max() <= 1 / 255


def test_no_memory_for_the_result_is_said(identity_file, monkeypatch):
    subject = Relighter.load(identity_file, device="cpu", dtype="fp32", work_size=32)
    monkeypatch.setattr(hardware, "free_bytes", lambda _: 32 * 32 * PASS)
    (failure,) = subject.run([torch.rand(3, 400, 400)]).outputs
    assert "400x400" in failure.reason


# --- batches and formats ---------------------------------------------------------


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_a_batch_gives_what_single_pictures_give(dtype):
    network = StackedDMSHN(8)
    with torch.no_grad():
        network[1].decoder1[8].bias.fill_(0.4)
    subject = relighter(network, WeightsCard(model=ModelConfig("stacked", 8)), dtype)
    pictures = [torch.rand(3, 48, 40) for _ in range(5)]
    together = subject.run(pictures).outputs
    for picture, batched in zip(pictures, together, strict=True):
        (alone,) = subject.run([picture]).outputs
        assert (alone - batched).abs().max() <= 1 / 255


@pytest.mark.parametrize("work_size", ["full", 32])
def test_eight_bits_come_back_as_eight_bits(work_size):
    """They are what a writer would make of the floats, and weigh a quarter."""
    network = tinted_identity((1, 0.8, 0.5))
    card = WeightsCard(model=ModelConfig("dmshn", 12))
    subject = Relighter(network, card, device="cpu", dtype="fp32", work_size=work_size)
    levels = [quantise(torch.rand(3, 50, 70), 8) for _ in range(2)]
    found = subject.run(levels).outputs
    expected = subject.run([unit(one) for one in levels]).outputs
    for one, floats in zip(found, expected, strict=True):
        assert one.dtype == torch.uint8
        assert torch.equal(one, quantise(floats, 8))


def test_value_range_is_part_of_the_weights():
    # A network that returns its input, times 0.5, shows which values it saw.
    centred = WeightsCard(model=ModelConfig("dmshn", 12, "centred"))
    network = tinted_identity((0.5, 0.5, 0.5))
    image = torch.full((3, 16, 16), 0.7)
    assert torch.allclose(relighter(network, centred).relight(image), image * 0 + 0.6)
    plain = WeightsCard(model=ModelConfig("dmshn", 12))
    assert torch.allclose(relighter(network, plain).relight(image), image * 0.5)


def test_auto_takes_bfloat16_only_where_it_agrees(monkeypatch):
    monkeypatch.setattr(hardware, "preferred_dtype", lambda _: torch.bfloat16)
    tame = relighter(constant_network(0.5), dtype="auto")
    assert (tame.dtype, tame.notes) == (torch.bfloat16, ())
    # A network that amplifies small differences is beyond bfloat16.
    wild = tinted_identity((1, 1, 1))
    with torch.no_grad():
        wild.decoder1[8].weight.mul_(100)
        wild.decoder1[8].bias.fill_(-50)
    card = WeightsCard(model=ModelConfig("dmshn", 12))
    exact = relighter(wild, card, "auto")
    assert exact.dtype == torch.float32
    assert re.fullmatch(r"fp32, for bf16: it agrees .* -?\d+\.\d dB only", *exact.notes)


def test_auto_is_float32_without_hardware_for_less(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert relighter(DMSHN(4), dtype="auto").dtype == torch.float32


@pytest.mark.parametrize(("times", "chosen"), [(0.5, "bf16"), (1.2, "fp32")])
def test_on_a_cpu_the_format_is_chosen_by_a_trial_and_not_by_a_flag(
    monkeypatch, times, chosen
):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(hardware, "times_as_long", lambda *_, **__: times)
    found = hardware.preferred_dtype(torch.device("cpu"))
    assert hardware.dtype_name(found) == chosen


@pytest.mark.parametrize("training", [False, True])
def test_the_trial_is_short_and_finds_float32_no_slower_than_itself(training):
    hardware.times_as_long.cache_clear()
    begin = time.process_time()
    found = hardware.times_as_long(torch.float32, training=training)
    assert time.process_time() - begin < 1
    assert 0.1 < found < 10


@pytest.mark.parametrize("times", [0.7, 14])
@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
def test_a_format_that_is_slow_here_is_noted(monkeypatch, times, dtype):
    monkeypatch.setattr(hardware, "times_as_long", lambda *_, **__: times)
    notes = " ".join(relighter(DMSHN(4), dtype=dtype).notes)
    assert (f"{dtype} takes about 14 times as long as fp32" in notes) == (times == 14)


def test_an_engine_that_compiles_says_so(monkeypatch):
    plain = engines.Ready("eager", torch.nn.Identity(), 99.0)
    monkeypatch.setattr(engines, "make", lambda *_: plain)
    notes = relighter(DMSHN(4), engine="compiled").notes
    assert any("compiled first" in note for note in notes)
    assert not relighter(DMSHN(4), engine="eager").notes


def test_reduced_formats_agree_with_float32(shared, tmp_path):
    from msrnet_cli import images

    file = tmp_path / "w.safetensors"
    source = shared / "reference" / "dmshn_dehaze_published.safetensors"
    card = WeightsCard(model=ModelConfig(value_range="centred"))
    weights.import_published(source, file, card)
    picture = images.read((shared / "real" / "vidit318.png").read_bytes())
    crop = picture.rgb[:, 400:656, 300:556]
    exact = Relighter.load(file, device="cpu", dtype="fp32").relight(crop)
    reduced = Relighter.load(file, device="cpu", dtype="bf16").relight(crop)
    assert psnr(reduced, exact) >= engines.AGREEMENT_DB


# --- guards ----------------------------------------------------------------------


class Sick(torch.nn.Module):
    """The identity, but in reduced precision it returns what a broken kernel might."""

    def __init__(self, poison, always=False):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.poison, self.always = poison, always

    def forward(self, x):
        sick = self.always or x.dtype != torch.float32
        return torch.full_like(x, self.poison) if sick else x


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 0.0])
def test_unsound_output_is_computed_again_in_float32(poison):
    image = torch.rand(3, 16, 16)
    result = relighter(Sick(poison), dtype="bf16", engine="eager").run([image])
    assert torch.equal(result.outputs[0], image)
    assert any("fp32" in note for note in result.notes)


class Counting(torch.nn.Module):
    """The identity, which tells in which formats it was run."""

    seen: ClassVar[list[torch.dtype]] = []

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        self.seen.append(x.dtype)
        return x


def test_starting_takes_one_pass_in_each_format():
    Counting.seen.clear()
    subject = relighter(Counting(), dtype="bf16", engine="eager")
    assert Counting.seen == [torch.bfloat16, torch.float32]
    subject.run([torch.rand(3, 16, 16)])
    assert Counting.seen == [torch.bfloat16, torch.float32, torch.bfloat16]


def test_float32_is_made_when_a_deep_picture_asks_for_it(monkeypatch):
    monkeypatch.setattr(hardware, "preferred_dtype", lambda _: torch.bfloat16)
    subject = relighter(DMSHN(4), dtype="auto")
    made = []
    make = engines.make
    monkeypatch.setattr(
        engines, "make", lambda *given: made.append(given) or make(*given)
    )
    picture = torch.rand(3, 16, 16)
    subject.run([picture])
    assert not made
    with torch.inference_mode():  # what is kept must serve outside of it
        inside = subject.run([picture], deep=True).outputs[0]
    outside = subject.run([picture], deep=True).outputs[0]
    assert len(made) == 1
    assert torch.equal(inside, outside)
    exact = relighter(subject._session.plain).run([picture]).outputs[0]
    assert torch.equal(outside, exact)


@pytest.mark.parametrize("poison", [float("nan"), 0.0])
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_output_that_stays_unsound_fails_that_picture_only(poison, dtype):
    subject = relighter(Sick(poison, always=True), dtype=dtype)
    result = subject.run([torch.rand(3, 16, 16)])
    assert len(result.outputs) == 1
    assert isinstance(result.outputs[0], PictureError)
    with pytest.raises(PictureError, match="flat colour; check the weights"):
        subject.relight(torch.rand(3, 16, 16))


def saved(network, path, arch="dmshn"):
    card = WeightsCard(model=ModelConfig(arch, 4))
    weights.save(path, network.state_dict(), card)
    return path


@pytest.mark.parametrize("arch", ["dmshn", "stacked", "lightstage"])
@pytest.mark.parametrize(
    ("scale", "dtype"), [(30, "fp32"), (1e4, "bf16"), (1e15, "auto"), (0, "fp32")]
)
def test_finite_but_absurd_weights_are_refused_and_named(tmp_path, arch, scale, dtype):
    network = architecture(arch).build(4)
    painter = network.get_parameter(
        {"dmshn": "decoder1.8.bias", "stacked": "1.decoder1.8.bias"}.get(
            arch, "dmshn.decoder1.8.bias"
        )
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(scale)
        if not scale:
            painter.fill_(9.0)
    path = saved(network, tmp_path / "w.safetensors", arch)
    with pytest.raises(WeightsError, match=re.escape(str(path))) as caught:
        Relighter.load(path, device="cpu", dtype=dtype)
    assert "use other weights" in caught.value.remedy


@pytest.mark.parametrize("arch", ["dmshn", "stacked", "lightstage"])
@pytest.mark.parametrize("seed", range(3))
def test_weights_that_were_never_trained_are_taken(tmp_path, arch, seed):
    torch.manual_seed(seed)
    network = architecture(arch).build(4)
    path = saved(network, tmp_path / "w.safetensors", arch)
    assert Relighter.load(path, device="cpu", dtype="fp32").digest


def test_a_flat_picture_may_stay_flat(identity):
    black = torch.zeros(3, 20, 20)
    assert torch.equal(identity.relight(black), black)


class Hungry(torch.nn.Module):
    """Runs out of memory for more than a given number of pictures."""

    def __init__(self, limit):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.limit = limit

    def forward(self, x):
        if len(x) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return x


def test_a_batch_too_large_is_split_and_that_is_said():
    pictures = [torch.rand(3, 16, 16) for _ in range(7)]
    result = relighter(Hungry(2)).run(pictures)
    assert all(torch.equal(a, b) for a, b in zip(pictures, result.outputs, strict=True))
    assert any("split" in note for note in result.notes)


def test_one_picture_too_large_fails_with_its_size():
    result = relighter(Hungry(0)).run([torch.rand(3, 16, 32)])
    assert "32x16" in result.outputs[0].reason


def test_memory_is_looked_at_before_it_is_taken(monkeypatch):
    subject = relighter(DMSHN(4))
    monkeypatch.setattr(hardware, "free_bytes", lambda _: 1000)
    (failure,) = subject.run([torch.rand(3, 64, 64)]).outputs
    assert "memory" in failure.reason


def test_tiles_take_four_fifths_of_the_memory_that_is_free(monkeypatch):
    subject = relighter(Hungry(0))
    asked = []
    monkeypatch.setattr(hardware, "free_bytes", lambda _: 10**9)
    monkeypatch.setattr(tiling, "largest_core", lambda *sizes: asked.append(sizes))
    subject.run([torch.rand(3, 64, 96)])
    ((height, width, _, pixels, _),) = asked
    assert (height, width) == (64, 96)
    assert pixels * PASS == pytest.approx(0.8e9, rel=1e-3)


def test_memory_that_runs_out_in_tiles_too_halves_what_is_advised(monkeypatch):
    monkeypatch.setattr(hardware, "free_bytes", lambda _: int(512 * 512 * PASS * 1.26))
    (failure,) = relighter(Hungry(0)).run([torch.rand(3, 512, 512)]).outputs
    advised = int(re.search(r"--work-size (\d+) fits", failure.remedy)[1])
    assert 320 < advised <= 512 * 0.5**0.5 * 1.01


def test_memory_that_runs_out_elsewhere_fails_the_pictures_with_their_size(
    monkeypatch,
):
    subject = relighter(DMSHN(4), dtype="bf16")
    for owner, place in ((Session, "suited"), (transfer, "stacked")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, place, full)
            result = subject.run([torch.rand(3, 16, 32)] * 2)
        assert len(result.outputs) == 2
        assert all("32x16" in failure.reason for failure in result.outputs)


def test_other_errors_are_not_swallowed():
    class Broken(Hungry):
        def forward(self, x):
            raise RuntimeError(f"illegal memory access {x.shape}")

    with pytest.raises(RuntimeError, match="illegal"):
        relighter(Broken(1)).run([torch.rand(3, 16, 16)])


# --- kinds of picture --------------------------------------------------------------


def test_pil_in_pil_out(identity):
    for mode in ("RGB", "RGBA", "L", "LA"):
        image = photo(33, 21, mode=mode)
        back = identity.relight(image)
        assert largest_difference(back, image) == 0


def test_pil_orientation_is_applied(identity):
    image = photo(33, 21)
    image.getexif()[Base.Orientation] = 6
    back = identity.relight(image)
    assert back.size == (21, 33)
    assert back.getexif().get(Base.Orientation, 1) == 1


def test_pil_is_coloured(warm):
    back = warm.relight(Image.new("RGB", (20, 20), (200, 200, 200)))
    assert back.getpixel((10, 10)) == (200, 160, 100)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("channels", [3, 4])
def test_arrays_come_back_alike(identity, dtype, channels):
    peak = 1 if dtype.startswith("float") else np.iinfo(dtype).max
    array = (np.random.default_rng(0).random((20, 30, channels)) * peak).astype(dtype)
    back = identity.relight(array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert np.allclose(back, array, atol=1e-6)


def test_batches_of_arrays_and_grey_arrays(identity):
    array = np.random.default_rng(0).integers(0, 255, (3, 20, 30, 3), dtype=np.uint8)
    assert np.array_equal(identity.relight(array), array)
    grey = identity.relight(array[0, ..., 0])
    assert np.array_equal(grey[..., 1], array[0, ..., 0])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float16])
def test_tensors_come_back_alike(identity, dtype):
    values = torch.rand(2, 3, 20, 30)
    batch = (values * 255).to(dtype) if dtype == torch.uint8 else values.to(dtype)
    back = identity.relight(batch)
    assert torch.equal(back, batch)
    assert torch.equal(identity.relight(batch[0]), batch[0])


def test_sequences_come_back_in_order(identity):
    pictures = [photo(20 + i, 20, seed=i) for i in range(3)]
    back = identity.relight(pictures)
    for a, b in zip(back, pictures, strict=True):
        assert largest_difference(a, b) == 0


def test_results_can_be_computed_with(identity):
    result = identity.relight(torch.rand(3, 16, 16))
    result.requires_grad_().sum().backward()
    assert result.grad is not None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (torch.rand(1, 16, 16), "of shape .1, 16, 16.; give 3 H W or B 3 H W"),
        (torch.rand(16, 16), "of shape .16, 16.; give 3 H W or B 3 H W"),
        (torch.rand(3, 0, 16), "of shape .3, 0, 16.; give 3 H W or B 3 H W"),
        (torch.rand(3, 16, 16) * 255, "outside .0, 1.; scale and clamp"),
        (torch.rand(3, 16, 16) - 1, "outside .0, 1.; scale and clamp"),
        (torch.full((3, 16, 16), float("nan")), "outside .0, 1.; scale and clamp"),
        (torch.ones(3, 16, 16, dtype=torch.int64), "int64; give uint8 or floats"),
        (np.zeros((16, 16, 2)), "of shape .16, 16, 2.; give H W, H W 3 or 4, or B H"),
        (np.zeros((16, 16, 3)) + 2, "outside .0, 1.; scale and clamp"),
    ],
)
def test_wrong_values_and_shapes_are_refused(identity, wrong, message):
    with pytest.raises(PictureError, match=message):
        identity.relight(wrong)


def test_what_is_no_picture_is_a_type_error(identity):
    with pytest.raises(TypeError, match="str"):
        identity.relight("picture.png")


def test_threads_share_one_relighter(warm):
    pictures = [photo(32, 32, seed=i) for i in range(16)]
    expected = [warm.relight(picture) for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(warm.relight, pictures))
    assert all(
        largest_difference(a, b) == 0 for a, b in zip(results, expected, strict=True)
    )


def test_nothing_is_printed(warm, capfd):
    warm.relight(photo())
    assert capfd.readouterr() == ("", "")


def test_the_network_given_is_left_alone():
    network = DMSHN(4)
    before = copy.deepcopy(network.state_dict())
    relighter(network, dtype="bf16").relight(torch.rand(3, 16, 16))
    assert network.encoder1[0].weight.dtype == torch.float32
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


# --- devices -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "meta", "xpu", ""])
def test_unknown_devices_are_refused(name):
    with pytest.raises(DeviceError, match="; use auto, cpu, cuda, cuda:N or mps"):
        hardware.choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_there_is_refused_with_the_reason():
    with pytest.raises(DeviceError, match="torch") as caught:
        hardware.choose_device("cuda")
    assert caught.value.exit_code == 2


def test_small_pictures_share_a_batch_and_large_ones_do_not(identity):
    assert identity.batch_size(64, 64) > 4
    assert identity.batch_size(1024, 1024) == 1
    assert identity.batch_size(1, 1) == 32


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("dtype", ["fp32", "bf16", "fp16"])
def test_cuda_agrees_with_the_cpu(dtype):
    network = StackedDMSHN(32)
    with torch.no_grad():
        network[1].decoder1[8].bias.fill_(0.4)
    card = WeightsCard(model=ModelConfig("stacked", 32))
    image = torch.rand(3, 200, 300)
    cpu = Relighter(network, card, device="cpu", dtype="fp32").relight(image)
    cuda = Relighter(network, card, device="cuda", dtype=dtype).relight(image)
    assert psnr(cuda, cpu) >= engines.AGREEMENT_DB


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("work_size", ["full", 64])
@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_pictures_come_back_from_cuda_as_from_the_cpu(work_size, kind):
    network = tinted_identity((1, 0.8, 0.5))
    card = WeightsCard(model=ModelConfig("dmshn", 12))
    pictures = [quantise(torch.rand(3, 200, 300), 8) for _ in range(3)]
    if kind == torch.float32:
        pictures = list(map(unit, pictures))
    cpu, cuda = (
        Relighter(network, card, device=name, dtype="fp32", work_size=work_size)
        .run(pictures)
        .outputs
        for name in ("cpu", "cuda")
    )
    for one, other in zip(cpu, cuda, strict=True):
        assert (one.dtype, one.device) == (other.dtype, other.device)
        assert (unit(one) - unit(other)).abs().max() <= 1.01 / 255


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("work_size", ["full", 64])
def test_lanes_on_cuda_do_not_mix_up_their_pictures(work_size):
    subject = Relighter(
        tinted_identity((1, 0.8, 0.5)),
        WeightsCard(model=ModelConfig("dmshn", 12)),
        device="cuda",
        dtype="fp32",
        work_size=work_size,
    )
    batches = [
        [quantise(torch.rand(3, 160 + 16 * (n % 3), 240), 8) for _ in range(1 + n % 4)]
        for n in range(40)
    ]
    alone = [subject.run(batch).pictures() for batch in batches]
    with ThreadPoolExecutor(subject.lanes) as pool:
        together = list(pool.map(lambda one: subject.run(one).pictures(), batches))
    assert subject.lanes == 2
    for one, other in zip(alone, together, strict=True):
        for expected, found in zip(one, other, strict=True):
            # The fastest convolutions of a shape may differ from those first taken.
            assert (expected.int() - found.int()).abs().max() <= 1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_pictures_that_the_gpu_cannot_hold_are_carried_in_strips(monkeypatch):
    network = tinted_identity((1, 0.8, 0.5))
    card = WeightsCard(model=ModelConfig("dmshn", 12))
    subject = Relighter(network, card, device="cuda", dtype="fp32", work_size=64)
    picture = quantise(torch.rand(3, 200, 300), 8)
    expected = subject.run([picture]).outputs[0]
    monkeypatch.setattr(transfer, "upload", full)
    found = subject.run([picture]).outputs[0]
    assert (unit(found) - unit(expected)).abs().max() <= 1.01 / 255


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_runs_out_of_memory_gracefully():
    subject = Relighter(DMSHN(32), SMALL, device="cuda", dtype="fp32", work_size="full")
    free, _ = torch.cuda.mem_get_info()
    taken = torch.empty(free - (1 << 30), dtype=torch.uint8, device="cuda")
    # Neither whole nor in a tile with all that it needs around it.
    (failure,) = subject.run([torch.rand(3, 2048, 2048)]).outputs
    assert "memory" in failure.reason
    del taken
    torch.cuda.empty_cache()
    assert subject.run([torch.rand(3, 256, 256)]).pictures()


def test_memory_that_is_kept_counts_as_free(identity, monkeypatch):
    returned = []
    free = {False: 1000, True: 10**9}
    monkeypatch.setattr(hardware, "free_bytes", lambda _: free[bool(returned)])
    monkeypatch.setattr(hardware, "return_freed_memory", lambda: returned.append(1))
    relit = identity.run([torch.rand(3, 64, 64)])
    assert relit.pictures()
    assert relit.notes == ()
    assert returned


@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))]
)
def test_copies_of_a_relighter_do_the_same(again):
    card = WeightsCard(model=ModelConfig("dmshn", 4), work_size=32)
    subject = Relighter(DMSHN(4), card, device="cpu", digest="abc", dtype="fp32")
    found = again(subject)
    assert (found.card, found.digest, found.work_size) == (card, "abc", 32)
    image = torch.rand(3, 40, 50)
    assert torch.equal(found.relight(image), subject.relight(image))


def test_no_gradient_is_better_than_a_wrong_one():
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    relit = relighter(StackedDMSHN(4)).network(image)
    assert not relit.requires_grad or torch.autograd.grad(relit.sum(), image)[0].any()


# --- depth -------------------------------------------------------------------------


@pytest.fixture
def reduced(identity_file, monkeypatch):
    """The identity, on hardware that prefers bfloat16."""
    monkeypatch.setattr(hardware, "preferred_dtype", lambda _: torch.bfloat16)
    subject = Relighter.load(identity_file, device="cpu")
    assert subject.dtype == torch.bfloat16
    return subject


def test_16_bits_are_not_computed_in_a_format_of_8(reduced):
    ramp = np.arange(64 * 64 * 3, dtype=np.uint16).reshape(64, 64, 3) * 5
    assert np.array_equal(reduced.relight(ramp), ramp)
    floats = torch.rand(3, 32, 32)
    assert torch.allclose(reduced.relight(floats), floats, atol=1e-6)
    result = reduced.run([floats], deep=True)
    assert torch.allclose(result.outputs[0], floats, atol=1e-6)
    assert not torch.allclose(reduced.run([floats]).outputs[0], floats, atol=1e-4)


def test_a_format_asked_for_by_name_is_used_and_its_price_said(identity_file):
    subject = Relighter.load(identity_file, device="cpu", dtype="bf16")
    result = subject.run([torch.rand(3, 32, 32)], deep=True)
    assert any("8 bits" in note for note in result.notes)


@pytest.mark.parametrize("dtype", [">u2", ">f4", "<u2"])
def test_arrays_of_any_byte_order(identity, dtype):
    array = np.random.default_rng(0).random((16, 16, 3))
    array = (array * (65535 if "u" in dtype else 1)).astype(dtype)
    back = identity.relight(array)
    assert back.dtype == array.dtype
    assert np.allclose(back, array, atol=1e-6)


def test_read_only_views_are_fine(identity):
    planes = np.random.default_rng(0).integers(0, 255, (3, 16, 20), dtype=np.uint8)
    planes.flags.writeable = False
    view = planes.transpose(1, 2, 0)
    assert np.array_equal(identity.relight(view), view)
    assert np.array_equal(identity.relight(view[::-1, ::-1]), view[::-1, ::-1])


def test_empty_and_broken_images_are_picture_errors(identity, tmp_path):
    for empty in (np.zeros((0, 5, 5, 3)), Image.new("RGB", (0, 5))):
        with pytest.raises(PictureError, match=r"\(0, 5.*; give"):
            identity.relight(empty)
    path = tmp_path / "cut.png"
    photo(64, 64).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with (
        Image.open(path) as lazy,
        pytest.raises(PictureError, match="truncated; open and"),
    ):
        identity.relight(lazy)
