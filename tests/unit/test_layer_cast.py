"""A key that moves keeps the colour that it adds, whatever cast the layers have."""

from dataclasses import replace

import pytest
import torch

from msrnet_cli.layers import balance, mix, wanted
from msrnet_cli.layers.camera import encode, lin, linear_from_srgb
from msrnet_cli.layers.found import find
from msrnet_cli.layers.mix import AMBIENT, mixed
from msrnet_cli.layers.reading import Reading
from msrnet_cli.lights import LUMINANCE, weights_of_eight
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
    torch.testing.assert_close(colour, expected, rtol=0.06, atol=0)


def test_even_light_has_the_colour_of_the_key():
    colour, _ = added(*scene(CAST), Wish(even=True))
    expected = KEY / (KEY @ torch.tensor(LUMINANCE))
    torch.testing.assert_close(colour, expected, rtol=0.06, atol=0)


def test_a_cast_leaves_strength():
    picture, layers = scene(CAST)
    _, found = added(picture, layers, Wish(beams=(Beam(azimuth=90.0),)))
    luminance, white = torch.tensor(LUMINANCE), lin(layers)[2].mean((1, 2))
    plain, cast = (
        float((white * colour) @ luminance)
        for colour in (found.colour, found.colour * found.cast(torch.eye(8)[2]))
    )
    assert cast == pytest.approx(plain, rel=0.05)


def test_black_layers_have_no_cast():
    picture, layers = scene(CAST)
    layers[2] = 0
    _, found = added(picture, layers, Wish(even=True))
    assert torch.equal(found.cast(torch.eye(8)[2]), torch.ones(3))
    assert not torch.equal(found.cast(torch.eye(8)[3]), torch.ones(3))


def warmth(picture):
    """Mean red over mean blue, in linear light."""
    red, _, blue = linear_from_srgb(picture).mean((1, 2))
    return float(red / blue)


def foreign(strength):
    """A picture of which layers explain only a part: the rest is coloured texture."""
    picture, layers = scene(CAST)
    noise = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(1))
    noise[2] *= 0.2
    return encode(lin(picture) + strength * noise), layers


@pytest.mark.parametrize("direction", range(1, 8))
@pytest.mark.parametrize("share", [0.6, 0.0])
@pytest.mark.parametrize("strength", [0.0, 0.15])
def test_the_mean_colour_of_a_picture_stays(direction, share, strength):
    picture, layers = foreign(strength)
    found = find(picture, layers, Reading(azimuth=0.0, sure=1.0, share=share))
    assert (found.azimuth is None) == (share == 0)
    moved = found.moved(45.0 * direction)
    relit = mix.relit(picture, layers, found.weights, moved, mix.kept(found, moved))
    off = abs(warmth(relit) / warmth(picture) - 1)
    assert off < 0.05
    uncast = replace(found, casts=torch.ones(8, 3)).moved(45.0 * direction)
    share = mix.kept(found, uncast)
    plain = mix.relit(picture, layers, found.weights, uncast, share)
    assert off < abs(warmth(plain) / warmth(picture) - 1) + 0.005


def test_a_mean_colour_that_hardly_changes_is_left():
    picture, layers = scene(torch.ones(3))
    found = find(picture, layers, Reading(azimuth=0.0, sure=1.0, share=0.6))
    assert torch.equal(found.casts, torch.ones(8, 3))


def test_a_small_turn_takes_a_share_of_the_cast():
    found = find(*scene(CAST), Reading(azimuth=0.0, sure=1.0, share=0.6))
    casts = [
        found.cast(torch.tensor(weights_of_eight(turn))) for turn in (0.0, 15.0, 45.0)
    ]
    away = [float((cast - 1).abs().max()) for cast in casts]
    assert away[0] < 0.02 < away[1] < away[2]


def test_a_weak_key_does_not_colour_a_whole_picture():
    picture, layers = scene(torch.ones(3))
    found = find(picture, layers, Reading(azimuth=0.0, sure=1.0, share=0.6))
    blue = picture * torch.tensor([0.2, 0.6, 1.0])[:, None, None]
    casts = balance.casts(replace(found, casts=torch.ones(8, 3)), blue, layers)
    assert casts.max() < 2.5
    assert casts.min() > 0.4
