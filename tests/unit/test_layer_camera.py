"""Camera curves: what they are by definition, and back."""

import pytest
import torch

from msrnet_cli.images.colour.spaces import linear_from_srgb, srgb_from_linear
from msrnet_cli.layers import camera

LIGHT = torch.cat((torch.zeros(1), torch.logspace(-6, 4.5, 3 * 40 * 25 - 1)))
COLOURS = LIGHT[torch.randperm(3000, generator=torch.Generator().manual_seed(0))]


def test_film_is_the_curve_of_rendered_pictures():
    np = pytest.importorskip("numpy")
    light = pytest.importorskip("msrnet_cli.synth.light")
    for values in (LIGHT, COLOURS):
        image = values.view(3, 40, 25)
        expected = light.tone(np.asarray(image.permute(1, 2, 0)))
        found = camera.film(image).permute(1, 2, 0)
        torch.testing.assert_close(found, torch.from_numpy(expected), rtol=0, atol=1e-5)


@pytest.mark.parametrize("start", [0.0, 0.5, 0.7, 0.95])
def test_a_shoulder_is_srgb_below_and_an_exponential_above(start):
    x = LIGHT.double()
    above = start + (1 - start) * (1 - torch.exp(-(x - start) / (1 - start)))
    expected = srgb_from_linear(torch.where(x > start, above, x))
    found = camera.shouldered(LIGHT, start)
    torch.testing.assert_close(found, expected.float(), rtol=0, atol=2e-6)


def test_without_a_shoulder_light_above_white_is_cut_off():
    expected = srgb_from_linear(LIGHT.clamp(0, 1))
    torch.testing.assert_close(
        camera.shouldered(LIGHT, 1.0), expected, rtol=0, atol=1e-6
    )


def test_the_straight_piece_and_the_power_of_srgb_add_up():
    values = torch.linspace(0, 1, 5000)
    torch.testing.assert_close(
        camera.linear_from_srgb(values), linear_from_srgb(values), rtol=0, atol=1e-6
    )


def test_lin_and_encode_undo_each_other():
    light = torch.linspace(0, 1.7, 2000)
    values = torch.linspace(0, 0.995, 2000)
    torch.testing.assert_close(
        camera.lin(camera.encode(light)), light, rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(
        camera.encode(camera.lin(values)), values, rtol=0, atol=1e-5
    )


def test_white_is_finite_light():
    assert 1.6 < camera.lin(torch.ones(1)).item() < 1.8


@pytest.mark.parametrize(
    "curve",
    [
        lambda x: camera.film(x.expand(3, 1, -1))[1, 0],
        camera.encode,
        lambda x: camera.shouldered(x, 0.95),
        lambda x: camera.lin(x.clamp(0, 1)),
    ],
)
def test_brighter_is_never_darker(curve):
    shown = curve(LIGHT)
    assert (shown.diff() >= -2e-7).all()
    assert shown[-1] > shown[0] + 0.9


@pytest.mark.parametrize(
    "curve", [camera.film, camera.encode, lambda x: camera.lin(x.clamp(0, 1))]
)
def test_pictures_are_taken_one_by_one_or_together(curve):
    pictures = COLOURS[:2160].view(2, 3, 3, 24, 5)
    torch.testing.assert_close(curve(pictures)[1, 2], curve(pictures[1, 2]))
    before = pictures.clone()
    curve(pictures)
    assert torch.equal(pictures, before), "the light stays as it was"


@pytest.mark.parametrize("curve", [camera.lin, camera.encode])
def test_a_network_can_learn_through_the_curves(curve):
    values = torch.tensor([0.0, 0.02, 0.04, 0.3, 0.72, 0.98], requires_grad=True)
    curve(values).sum().backward()
    step = 1e-4
    with torch.no_grad():
        ahead, behind = (curve(values.double() + sign * step) for sign in (1, -1))
    slope = ((ahead - behind) / (2 * step)).float()
    torch.testing.assert_close(values.grad[1:], slope[1:], rtol=1e-2, atol=1e-2)
    assert values.grad.isfinite().all()
