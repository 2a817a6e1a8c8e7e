"""At which size the network sees a picture, and how many at a time."""

import math

import pytest
import torch

from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.networks import architecture
from msrnet_cli.networks.dmshn import DMSHN
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.relight.sizes import pad_to_multiple, padded_pixels
from relighters import relighter


@pytest.mark.parametrize("size", range(1, 40))
def test_padding_reflects_then_replicates(size):
    row = torch.arange(float(size)).view(1, 1, 1, size)
    padded = pad_to_multiple(row, 16)[0, 0, 0].tolist()
    missing = -size % 16
    mirrored = list(range(size - 2, -1, -1))[:missing]
    rest = [mirrored[-1] if mirrored else size - 1] * (missing - len(mirrored))
    assert padded == list(range(size)) + mirrored + rest


@pytest.mark.parametrize(
    ("sides", "expected"), [((5, 40), (32, 48)), ((1, 1), (32, 32))]
)
def test_padding_reaches_the_least_that_a_network_takes(sides, expected):
    image = torch.rand(1, 3, *sides)
    padded = pad_to_multiple(image, 16, least=32)
    assert padded.shape[2:] == expected
    assert padded_pixels(*sides, 16, least=32) == math.prod(expected)
    assert torch.equal(padded[..., : sides[0], : sides[1]], image)
    assert pad_to_multiple(padded, 16, least=32) is padded


def test_a_size_that_fits_is_not_touched():
    image = torch.rand(1, 3, 32, 48)
    assert pad_to_multiple(image, 16) is image


def test_padding_does_not_change_a_fitting_size():
    network = DMSHN(4).eval()
    image = torch.rand(3, 32, 48)
    with torch.no_grad():
        expected = network(image[None])[0].clamp(0, 1)
    assert torch.allclose(relighter(network).relight(image), expected, atol=1e-6)


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


def test_small_working_sizes_make_large_batches():
    card = WeightsCard(model=ModelConfig("dmshn", 4), work_size=128)
    assert relighter(DMSHN(4), card).batch_size(1024, 1024) > 8


def test_on_a_cpu_large_pictures_go_one_by_one_however_small_they_are_seen():
    card = WeightsCard(model=ModelConfig("dmshn", 4), work_size=128)
    assert relighter(DMSHN(4), card).batch_size(4000, 3000) == 1


def seen_pixels(subject, width, height):
    """How many pixels a network sees of a picture, filled up as it needs them."""
    side, least = subject.architecture.multiple, subject.architecture.smallest
    size = subject.working_size(width, height) or (width, height)
    return math.prod(max(math.ceil(length / side) * side, least) for length in size)


@pytest.mark.parametrize("work_size", [64, 1024, "full"])
@pytest.mark.parametrize("arch", ["dmshn", "lightstage", "drn"])
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


def test_small_pictures_share_a_batch_and_large_ones_do_not(identity):
    assert identity.batch_size(64, 64) > 4
    assert identity.batch_size(1024, 1024) == 1
    assert identity.batch_size(1, 1) == 32
