"""A change of light carried to full size: consistent, sharp, without halos or noise."""

import pytest
import torch
import torch.nn.functional as F
from skimage import data as photographs
from torch.utils._python_dispatch import TorchDispatchMode

from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.metrics import psnr
from msrnet_cli.relight import carry, scaling


@pytest.fixture(scope="module")
def photograph():
    """3 512 512: an astronaut, in sRGB."""
    pixels = torch.from_numpy(photographs.astronaut().copy())
    return pixels.permute(2, 0, 1).float() / 255


def lit_from_the_right(picture):
    """Darker to the left, warmer, and with a soft shadow: what a network might do."""
    _, height, width = picture.shape
    across = torch.linspace(0.3, 1.1, width).expand(height, width)
    shadow = 1 - 0.6 * torch.exp(-((torch.linspace(-3, 3, height)[:, None]) ** 2))
    tint = torch.tensor([1.0, 0.85, 0.6])[:, None, None]
    return (picture * across * shadow * tint).clamp(0, 1)


def carried(picture, longest, change=lit_from_the_right):
    size = scaling.reduced_size(*picture.shape[:0:-1], longest)
    small = scaling.reduce(picture, *size)
    relit = change(small)
    return small, relit, carry.to_full(picture, small, relit)


def gradient_energy(picture):
    return sum(picture.diff(dim=axis).square().mean().item() for axis in (1, 2))


def test_no_change_of_light_gives_the_picture_back(photograph):
    _, _, full = carried(photograph, 128, lambda small: small)
    torch.testing.assert_close(full, photograph, rtol=0, atol=1e-5)


@pytest.mark.parametrize("longest", [64, 128, 200, 333])
def test_reduced_again_it_is_the_networks_output(photograph, longest):
    _, relit, full = carried(photograph, longest)
    assert psnr(scaling.reduce(full, *relit.shape[:0:-1]), relit) >= 40


def test_texture_is_never_raised_more_than_threefold():
    texture = torch.tensor([[0.01, -0.01], [-0.01, 0.01]]).repeat(3, 64, 64)
    _, _, full = carried(0.15 + texture, 32, lambda small: torch.full_like(small, 0.9))
    raised = (full - full.mean()).abs().mean() / texture.abs().mean()
    assert 2.9 < raised < 3.01


def test_that_holds_for_noise_too():
    picture = torch.rand(3, 240, 320)
    _, relit, full = carried(picture, 80)
    assert psnr(scaling.reduce(full, *relit.shape[:0:-1]), relit) >= 35


def test_a_known_change_of_light_is_found_again(photograph):
    truth = lit_from_the_right(photograph)
    _, relit, full = carried(photograph, 128)
    bicubic = F.interpolate(relit[None], truth.shape[1:], mode="bicubic")[0].clamp(0, 1)
    assert psnr(full, truth) >= psnr(bicubic, truth) + 6
    assert gradient_energy(full) >= 0.9 * gradient_energy(truth)
    assert gradient_energy(full) >= 1.5 * gradient_energy(bicubic)


def test_strips_do_not_show(photograph, monkeypatch):
    picture = photograph[:, :401, :307]
    whole = carried(picture, 100)[-1]
    monkeypatch.setattr(scaling, "_STRIP_PIXELS", 307 * 13)
    torch.testing.assert_close(carried(picture, 100)[-1], whole, rtol=0, atol=1e-6)


def test_an_edge_with_other_light_on_either_side_has_no_halo():
    # Texture on two walls; the network brightens one and darkens the other.
    texture = 0.02 * torch.rand(3, 256, 256)
    sides = torch.zeros(256)
    sides[122:] = 1  # in the middle of a small pixel
    picture = 0.25 + 0.4 * sides + texture
    gains = 1.6 - 1.1 * sides
    truth = picture * gains
    small = scaling.reduce(picture, 64, 64)
    relit = scaling.reduce(truth, 64, 64)
    full = carry.to_full(picture, small, relit)
    bicubic = F.interpolate(relit[None], (256, 256), mode="bicubic")[0]
    near = slice(106, 138)
    error, bicubic_error = ((x - truth)[..., near].abs() for x in (full, bicubic))
    assert error.max() < 0.05
    assert error.mean() < bicubic_error.mean() / 2


@pytest.mark.parametrize("place", [256, 259])  # on the edge of a small pixel, or not
@pytest.mark.parametrize(
    ("before", "after"),
    [((0, 1), (0, 0.5)), ((0, 1), (0.5, 0.5)), ((0, 1), (0.8, 0.2))],
)
def test_a_flat_wall_gets_no_rim(place, before, after):
    sides = (torch.arange(512) >= place).float().expand(3, 512, 512)
    picture, truth = (a + (b - a) * sides for a, b in (before, after))
    small, relit = (scaling.reduce(x, 64, 64) for x in (picture, truth))
    full = carry.to_full(picture, small, relit)
    assert (full - truth).abs().max() < 0.1


@pytest.mark.parametrize("lit", [0.0, 0.1, 0.4])
def test_noise_in_the_black_is_hardly_raised(lit):
    noise = (0.02 + 0.01 * torch.randn(3, 256, 256)).clamp(0, 1)
    small = scaling.reduce(noise, 64, 64)
    full = carry.to_full(noise, small, torch.full((3, 64, 64), lit))
    grains = [
        (x[:, 4:-4, 4:-4] - F.avg_pool2d(x[None], 9, 1)[0]).std() for x in (full, noise)
    ]
    assert grains[0] < 1.5 * grains[1]


def test_black_stays_black(photograph):
    picture = photograph.clone()
    picture[:, :200] = 0
    _, _, full = carried(picture, 128)
    assert full[:, :190].max() < 0.5 / 255


def test_shadows_that_are_lit_take_the_networks_pixels():
    picture = torch.full((3, 256, 256), 0.7)
    picture[:, 64:192, 64:192] = 0
    small = scaling.reduce(picture, 64, 64)
    wave = 0.3 + 0.1 * torch.sin(torch.linspace(0, 12, 64))
    relit = wave.expand(3, 64, 64).contiguous()
    full = carry.to_full(picture, small, relit)
    smooth = F.interpolate(relit[None], (256, 256), mode="bicubic")[0]
    inside = slice(80, 176)
    error = (full - smooth)[:, inside, inside].abs().max()
    assert error < 0.01


def test_sixteen_bits_stay_sixteen_bits():
    ramp = torch.linspace(0.2, 0.6, 4096).expand(3, 64, 4096).contiguous()
    _, _, full = carried(ramp, 256, lambda small: small * 0.7)
    levels = (full[0, 32] * 65535).round().unique()
    assert len(levels) > 4000
    assert psnr(full, ramp * 0.7) > 60


@pytest.mark.parametrize("strip_rows", [13, 1000])
def test_eight_bits_come_back_as_eight_bits(photograph, monkeypatch, strip_rows):
    picture = quantise(photograph[:, :401, :307], 8)
    _, _, floats = carried(unit(picture), 100)
    monkeypatch.setattr(scaling, "_STRIP_PIXELS", 307 * strip_rows)
    small, _, full = carried(picture, 100)
    assert small.dtype == torch.float32
    assert full.dtype == torch.uint8
    apart = (full.int() - quantise(floats, 8).int()).abs()
    assert apart.max() <= 1, "strips round in another order"
    assert apart.float().mean() < 1e-3


@pytest.mark.parametrize("size", [(40, 300), (300, 40), (7, 1025), (257, 256), (1, 1)])
@pytest.mark.parametrize("longest", [1, 3, 48, 200])
def test_products_widen_as_interpolation_does(monkeypatch, size, longest):
    picture = torch.rand(3, *size)
    with torch.inference_mode():  # what is kept from here serves elsewhere
        by_products = carried(picture, longest)[-1]

    def interpolating(width, target, mode, full):
        return lambda values: scaling.widened(values, target, mode)

    monkeypatch.setattr(scaling, "column_enlarger", interpolating)
    expected = carried(picture, longest)[-1]
    torch.testing.assert_close(by_products, expected, rtol=0, atol=1e-6)


def test_what_torch_makes_by_default_does_not_matter(photograph):
    small, relit, expected = carried(photograph, 99)
    scaling._products.cache_clear()
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(carry.to_full(photograph, small, relit), expected)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    "size", [(1, 300), (300, 1), (2, 513), (127, 311), (97, 64), (64, 1024)]
)
def test_any_shape(size):
    picture = torch.rand(3, *size)
    small, _, full = carried(picture, 48)
    assert max(small.shape) == 48
    assert full.shape == picture.shape
    assert full.isfinite().all()
    assert full.min() >= 0
    assert full.max() <= 1


@pytest.mark.parametrize(("length", "width"), [(141, 1), (1000, 1), (5000, 45), (9, 2)])
def test_upright_and_lying_pictures_are_treated_alike(length, width):
    """However thin they are: torch resizes a column to one value."""
    generator = torch.Generator().manual_seed(3)
    lying = torch.rand(3, width, length, generator=generator)
    size = scaling.reduced_size(length, width, 112)
    small = scaling.reduce(lying, *size)
    ramp = torch.linspace(0.5, 1.5, size[0])
    upright = scaling.reduce(lying.mT, *size[::-1])
    assert torch.allclose(upright, small.mT, atol=1e-5)
    expected = carry.to_full(lying, small, (small * ramp).clamp(0, 1))
    relit = (upright * ramp[:, None]).clamp(0, 1)
    found = carry.to_full(lying.mT.contiguous(), upright, relit)
    assert torch.allclose(found, expected.mT, atol=1e-4)


@pytest.mark.parametrize("size", [(512, 512), (513, 301), (300, 512), (1000, 37)])
def test_reducing_keeps_the_mean_and_equals_torch(size):
    picture = torch.rand(3, *size)
    width, height = scaling.reduced_size(size[1], size[0], 128)
    small = scaling.reduce(picture, width, height)
    assert small.shape == (3, height, width)
    assert small.mean().item() == pytest.approx(picture.mean().item(), abs=0.01)
    if size == (512, 512):
        torch.testing.assert_close(small, F.avg_pool2d(picture, 4))
    elif size == (513, 301):  # no whole factor in either direction
        reference = F.interpolate(
            picture[None], (height, width), mode="bilinear", antialias=True
        )[0]
        torch.testing.assert_close(small, reference, rtol=0, atol=1e-5)


class Values(TorchDispatchMode):
    """Counts the values that torch's operators write: time and memory, roughly."""

    count = 0

    def __torch_dispatch__(self, operator, _, args=(), kwargs=None):
        made = operator(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor) and not operator.is_view:
            self.count += made.numel()
        return made


def values_written(width, height, longest):
    picture = torch.zeros(3, height, width, dtype=torch.uint8)
    scaling._products.cache_clear()
    with Values() as values:
        carried(picture, longest, lambda small: small)
    return values.count


@pytest.mark.parametrize("longest", [40, 200])
@pytest.mark.parametrize(
    "size", [(1, 90_000), (2, 45_000), (31, 9000), (32, 9000), (64, 9000)]
)
def test_thin_pictures_are_carried_at_the_price_of_a_square_one(size, longest):
    side = round((size[0] * size[1]) ** 0.5)
    square = values_written(side, side, longest)
    for width, height in (size, size[::-1]):
        assert values_written(width, height, longest) <= 2 * square


@pytest.mark.parametrize("size", [(1, 3000), (3000, 1), (2, 9001), (9001, 40)])
def test_thin_pictures_come_back_where_no_light_changes(size):
    picture = torch.rand(3, *size)
    _, _, full = carried(picture, 48, lambda small: small)
    torch.testing.assert_close(full, picture, rtol=0, atol=1e-5)
