"""A key that moves keeps the colour that it adds, whatever cast the layers have."""

import pytest
import torch

from msrnet_cli.layers import wanted
from msrnet_cli.layers.camera import encode, lin
from msrnet_cli.layers.found import find
from msrnet_cli.layers.mix import AMBIENT, mixed
from msrnet_cli.layers.reading import Reading
from msrnet_cli.lights import LUMINANCE
from msrnet_cli.lights.wish import Beam, Wish

CAST = torch.tensor([1.3, 1.0, 0.7])
KEY = torch.tensor([0.9, 0.8, 0.5])


def scene(cast):
    """A picture lit from N, and its layers, of which some are tinted."""
    light = 0.05 + 0.4 * torch.rand(
        9, 1, 16, 16, generator=torch.Generator().manual_seed(0)
    )
    light = light.expand(9, 3, 16, 16).clone()
    light[1:AMBIENT] *= cast[:, None, None]
    picture = light[0] * KEY[:, None, None] + 0.5 * light[AMBIENT]
    return encode(picture), encode(light)


def added(picture, layers, wish):
    """The mean colour that the wanted key adds, at luminance 1."""
    found = find(picture, layers, Reading(azimuth=0.0, sure=1.0, share=0.6))
    weights = wanted.weights(wish, found)
    weights[AMBIENT] = 0
    mean = mixed(layers, weights).mean((1, 2))
    return mean / (mean @ torch.tensor(LUMINANCE)), found


@pytest.mark.parametrize("azimuth", [90.0, 200.0, 270.0])
@pytest.mark.parametrize("cast", [torch.ones(3), CAST])
def test_a_key_adds_its_own_colour_from_everywhere(azimuth, cast):
    colour, _ = added(*scene(cast), Wish(beams=(Beam(azimuth=azimuth),)))
    expected = KEY / (KEY @ torch.tensor(LUMINANCE))
    torch.testing.assert_close(colour, expected, rtol=0.03, atol=0)


def test_even_light_has_the_colour_of_the_key():
    colour, _ = added(*scene(CAST), Wish(even=True))
    expected = KEY / (KEY @ torch.tensor(LUMINANCE))
    torch.testing.assert_close(colour, expected, rtol=0.03, atol=0)


def test_a_cast_leaves_strength():
    picture, layers = scene(CAST)
    _, found = added(picture, layers, Wish(beams=(Beam(azimuth=90.0),)))
    eight = torch.eye(8)[2]
    white = lin(layers)[2].mean((1, 2))
    luminance = torch.tensor(LUMINANCE)
    uncast = white * found.cast(eight)
    here = found.means[0] / (found.means[0] @ luminance)
    torch.testing.assert_close(uncast / (white @ luminance), here, rtol=1e-3, atol=0)


def test_black_layers_have_no_cast():
    picture, layers = scene(CAST)
    layers[2] = 0
    _, found = added(picture, layers, Wish(even=True))
    assert torch.equal(found.cast(torch.eye(8)[2]), torch.ones(3))
