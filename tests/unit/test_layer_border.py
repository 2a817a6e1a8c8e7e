"""Layers at the border of a picture: no frame in even surfaces, all else as painted."""

import torch

from msrnet_cli.layers import border, mix
from msrnet_cli.layers.camera import encode, lin

FRAME = 4
SHADES = torch.linspace(0.2, 0.9, 27).reshape(9, 3, 1, 1)


def even(height=40, width=56):
    """An even picture, and its layers, even too."""
    picture = torch.tensor([0.5, 0.4, 0.3])[:, None, None].expand(3, height, width)
    return picture, SHADES.expand(9, 3, height, width)


def inside(tensor):
    return tensor[..., FRAME:-FRAME, FRAME:-FRAME]


def framed(layers, by=0.08):
    """The layers with a frame of wrong values."""
    wrong = (layers + by).clamp(0, 1)
    inside(wrong).copy_(inside(layers))
    return wrong


def textured(height=40, width=56):
    """A picture that is even nowhere, and layers of it, each brighter or darker."""
    chance = torch.Generator().manual_seed(3)
    picture = torch.rand(3, height, width, generator=chance)
    return picture, encode(
        lin(picture) * torch.linspace(0.5, 1.5, 9)[:, None, None, None]
    )


def test_an_even_surface_loses_its_frame():
    picture, layers = even()
    torch.testing.assert_close(
        border.evened(framed(layers), picture), layers, atol=1e-5, rtol=0
    )


def test_a_gradient_along_the_border_stays():
    picture, _ = even()
    picture = picture * torch.linspace(0.6, 1, 56)
    layers = encode(lin(picture) * SHADES)
    mended, wrong = border.evened(framed(layers), picture), framed(layers)
    assert (mended - layers).abs().max() < (wrong - layers).abs().max() / 4
    along = slice(2 * FRAME, -2 * FRAME)
    assert (mended - layers)[..., along].abs().max() < 2 / 255


def test_nothing_but_the_border_changes():
    for picture, layers in (even(), textured()):
        wrong = framed(layers)
        before = wrong.clone()
        assert torch.equal(inside(border.evened(wrong, picture)), inside(before))
        assert torch.equal(wrong, before)


def test_what_is_not_even_stays_as_painted():
    picture, layers = textured()
    wrong = framed(layers)
    assert (border.evened(wrong, picture) - wrong).abs().max() < 1 / 255


def test_a_black_edge_of_a_bright_picture_stays_black():
    picture, layers = (x.clone() for x in even())
    for each in (picture, layers):
        inner = inside(each).clone()
        each.zero_()
        inside(each).copy_(inner)
    mended = border.evened(layers, picture)
    assert (mended - layers).abs().max() < 1 / 255


def test_mirror_images_are_treated_alike():
    picture, layers = even()
    picture = picture + 0.01 * torch.randn(3, 40, 56, generator=torch.manual_seed(1))
    mended = border.evened(framed(layers), picture)
    for axis in (-1, -2):
        mirrored = border.evened(framed(layers).flip(axis), picture.flip(axis))
        torch.testing.assert_close(mirrored.flip(axis), mended)


def test_sides_too_short_for_a_border_stay():
    picture, layers = even(12, 15)
    assert border.evened(layers, picture) is layers
    picture, layers = even(12, 56)
    mended = border.evened(framed(layers), picture)
    inner = slice(FRAME, -FRAME)
    torch.testing.assert_close(mended[..., inner, :FRAME], layers[..., inner, :FRAME])
    assert torch.equal(mended[..., inner], framed(layers)[..., inner])


def test_what_networks_paint_is_mended():
    picture, layers = even()
    outputs = framed(layers).flatten(0, 1)
    torch.testing.assert_close(mix.of_outputs(outputs, picture), layers)
