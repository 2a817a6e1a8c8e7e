"""Relighter: any size, any number of pictures, and the same from everywhere."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from conftest import largest_difference, photo
from msrnet_cli import engines, hardware
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.errors import PictureError
from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.metrics import psnr
from msrnet_cli.networks.dmshn import DMSHN
from msrnet_cli.networks.stacked import StackedDMSHN
from msrnet_cli.relight.records import Relit, WeightsName
from msrnet_cli.relight.relighter import Relighter
from networks import tinted_identity
from relighters import relighter


def pixels_of(image):
    return np.asarray(image).transpose(2, 0, 1).copy()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (2, 3), (16, 16), (17, 31), (40, 9)])
def test_any_size_comes_back_in_that_size(size, identity):
    image = torch.rand(3, *size)
    assert torch.equal(identity.relight(image), image)


def test_large_pictures_are_seen_small_and_come_back_large(identity_file):
    seen = []
    subject = Relighter.load(identity_file, device="cpu", dtype="fp32", work_size=64)
    network = subject.network
    network.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[-2:]))
    image = torch.from_numpy(pixels_of(photo(201, 150)))
    assert torch.equal(subject.relight(image), image)
    assert seen == [(48, 64)]


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
    signed = WeightsCard(model=ModelConfig("dmshn", 12, "signed"))
    assert torch.allclose(relighter(network, signed).relight(image), image * 0 + 0.6)
    signed_in = WeightsCard(model=ModelConfig("dmshn", 12, "signed_in"))
    assert torch.allclose(relighter(network, signed_in).relight(image), image * 0 + 0.2)


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


NAME = WeightsName("some", "abc")


@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))]
)
def test_copies_of_a_relighter_do_the_same(again):
    card = WeightsCard(model=ModelConfig("dmshn", 4), work_size=32)
    subject = Relighter(DMSHN(4), card, device="cpu", weights=NAME, dtype="fp32")
    found = again(subject)
    assert (found.card, found.weights, found.work_size) == (card, NAME, 32)
    image = torch.rand(3, 40, 50)
    assert torch.equal(found.relight(image), subject.relight(image))


def test_no_gradient_is_better_than_a_wrong_one():
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    relit = relighter(StackedDMSHN(4)).network(image)
    assert not relit.requires_grad or torch.autograd.grad(relit.sum(), image)[0].any()


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


def test_asked_for_its_pictures_a_result_raises_its_first_failure():
    picture, first, second = torch.rand(3, 2, 2), PictureError("a"), PictureError("b")
    assert Relit((picture, picture)).pictures() == [picture, picture]
    with pytest.raises(PictureError, match=r"^a$"):
        Relit((picture, first, second)).pictures()
