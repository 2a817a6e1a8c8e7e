"""The weights that ship: what users get when they name none."""

from functools import cache
from pathlib import Path

import pytest
import torch

from msrnet_cli import images, metrics
from msrnet_cli.images.colour.spaces import linear_from_srgb
from msrnet_cli.lights import kelvin_gains
from msrnet_cli.relight import scaling
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.weights.file import load_weights

EXAMPLES = Path(__file__).parents[2] / "examples"
SCENES = sorted(EXAMPLES.glob("*_6500_N.jpg"))
assert SCENES


@pytest.fixture(scope="module")
def default():
    return Relighter.load(device="cpu")


@pytest.fixture(scope="module")
def any_light():
    return Relighter.load("lightstage", device="cpu")


@pytest.fixture(scope="module")
def relit(default):
    """Relights a picture file; each once for all tests."""
    return cache(lambda path: default.relight(pixels(path)))


@pytest.fixture(scope="module")
def real(shared):
    """Three real VIDIT pictures, 3 1024 1024 each."""
    found = sorted((shared / "real").glob("vidit*.png"))
    assert len(found) == 3
    return found


@cache
def pixels(path):
    return images.read(path.read_bytes(), path.suffix).rgb


def truth(scene):
    return pixels(scene.parent / "truth" / scene.name.replace("6500_N", "4500_E"))


def warmth(picture):
    """Red light over blue."""
    red, _, blue = linear_from_srgb(picture).mean((1, 2))
    return (red / blue).item()


def energy(picture):
    return sum(picture.diff(dim=axis).square().mean().item() for axis in (1, 2))


def seen_and_answered(default, picture):
    """What the network sees of a picture, and its answer to that."""
    small = scaling.reduce(picture, *default.working_size(*picture.shape[:0:-1]))
    return small, default.run([small]).outputs[0]


def test_they_say_what_they_are():
    card = load_weights().card
    assert card.model.arch == "stacked"
    assert (card.from_light, card.to_light) == ("6500_N", "4500_E")
    assert card.licence
    assert card.training_data
    assert card.work_size > 0
    assert {"psnr", "ssim", "detail"} <= set(card.scores)


@pytest.mark.parametrize("scene", SCENES, ids=lambda path: path.stem)
def test_examples_come_closer_to_the_truth(relit, scene):
    result, target = relit(scene), truth(scene)
    assert metrics.psnr(result, target) > metrics.psnr(pixels(scene), target)
    assert 0.35 < metrics.detail(result, target) < 1.3


def test_examples_gain_two_decibels_on_average(relit):
    gains = []
    for scene in SCENES:
        source, target = pixels(scene), truth(scene)
        gains.append(metrics.psnr(relit(scene), target) - metrics.psnr(source, target))
    assert sum(gains) / len(gains) > 2


def test_the_examples_are_left_to_the_weights_that_know_such_nights(default):
    one = Relighter.load("n6500-e4500", device="cpu")
    nights = [pixels(scene)[:, ::2, ::2].contiguous() for scene in SCENES]
    for relit, expected in zip(default(nights), one(nights), strict=True):
        assert torch.equal(relit, expected)


def test_a_picture_lit_from_the_wanted_side_hardly_changes(default, any_light):
    """The turn by layers: light from E, and all of it as under 4500 K."""
    gains = torch.tensor(kelvin_gains(4500.0))[:, None, None]
    for scene in SCENES:
        picture = truth(scene)[:, ::2, ::2].contiguous()
        relit = linear_from_srgb(default(picture))
        east = linear_from_srgb(any_light(picture, to="E")) * gains
        assert (relit - east.clamp_max(1)).abs().max() < 0.02
        same = (linear_from_srgb(picture) * gains).clamp_max(1)
        assert (relit - same).abs().mean() < 0.02


def test_real_pictures_turn_warm_and_their_night_stays_black(relit, real):
    nights = 0
    for path in real:
        picture, result = pixels(path), relit(path)
        assert warmth(result) > 1.2 * warmth(picture)
        # Night: black in a wide surrounding, in the upper fifth.
        top = picture[:, :200]
        bright = torch.nn.functional.max_pool2d(top[None], 65, 1, 32)[0]
        night = result[:, :200][:, (bright < 4 / 255).all(0)]
        if night.shape[1] > 1000:
            nights += 1
            assert night.mean() < 4 / 255
            assert night.std() < 4 / 255
    assert nights


def test_the_result_is_what_the_network_answered(default, relit, real):
    for path in [*real, *SCENES]:
        small, answer = seen_and_answered(default, pixels(path))
        reduced = scaling.reduce(relit(path), *small.shape[:0:-1])
        assert metrics.psnr(reduced, answer) >= 35


def test_the_result_keeps_the_detail_of_the_picture(default, relit, real):
    for path in [*real, *SCENES]:
        picture = pixels(path)
        _, answer = seen_and_answered(default, picture)
        enlarged = scaling.enlarge(answer, *picture.shape[:0:-1])
        assert energy(relit(path)) >= 1.5 * energy(enlarged)


@pytest.mark.parametrize("light", [{"to": "W"}, {"to": "S"}, {"look": "noon"}])
def test_black_stays_black_and_grey_stays_neutral(any_light, light):
    black = torch.zeros(3, 64, 96)
    assert any_light(black, **light).max() <= 1 / 255
    grey = torch.linspace(0, 1, 96).expand(3, 64, 96)
    relit = any_light(grey, **({"to": "S"} if "look" in light else light))
    assert (relit.amax(0) - relit.amin(0)).max() <= 1 / 255


def test_light_that_stays_as_it_is_leaves_the_picture_as_it_is(any_light):
    picture = pixels(SCENES[0])[:, ::4, ::4].float() / 255
    relit = any_light(picture, key=1, ambient=1)
    assert (relit - picture).abs().max() <= 1 / 255
