"""Losses against closed forms, scikit-image and numerical derivatives."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from skimage.metrics import structural_similarity

from msrnet_cli.errors import UsageError
from msrnet_cli.metrics import psnr
from msrnet_cli.perceptual import VGG16Features
from msrnet_cli.train import losses
from msrnet_cli.train.options import LossOptions

OPTIONS = LossOptions()


def two(height=40, width=33, dtype=torch.float64):
    x = torch.rand(2, 3, height, width, dtype=dtype)
    return x, (x + 0.2 * torch.randn_like(x)).clamp(0, 1)


def test_l2_and_l1_have_their_closed_forms():
    x, y = two()
    assert torch.allclose(losses.build("l2", OPTIONS)(x, y), ((x - y) ** 2).mean())
    assert torch.allclose(losses.build("l1", OPTIONS)(x, y), (x - y).abs().mean())


def test_ssim_agrees_with_scikit_image_inside_the_border():
    """scikit-image reflects at the border, the loss pads with zeros."""
    x, y = two(64, 80)
    x[..., :11], x[..., -11:], x[..., :11, :], x[..., -11:, :] = 0, 0, 0, 0
    y = torch.where(x == 0, x, y)
    expected = sum(
        structural_similarity(
            a.numpy(),
            b.numpy(),
            data_range=1,
            channel_axis=0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for a, b in zip(x, y, strict=True)
    )
    # scikit-image leaves a border of 5 out; there both pictures are 0 and SSIM is 1.
    inner, whole = 54 * 70, 64 * 80
    expected = (expected / 2 * inner + whole - inner) / whole
    assert losses.ssim(x, y).item() == pytest.approx(expected, abs=1e-4)


def test_ssim_of_flat_pictures_has_its_closed_form():
    """In the middle, where the border is not seen, only the mean term is left."""
    x, y = torch.full((1, 3, 200, 200), 0.3), torch.full((1, 3, 200, 200), 0.6)
    c1 = 0.01**2
    expected = (2 * 0.18 + c1) / (0.09 + 0.36 + c1)
    assert losses.ssim(x, y).item() == pytest.approx(expected, abs=0.03)


def test_ssim_is_one_for_equal_pictures_only_and_symmetric():
    x, y = two()
    assert losses.ssim(x, x).item() == pytest.approx(1)
    assert losses.ssim(x, y) < 0.99
    assert torch.allclose(losses.ssim(x, y), losses.ssim(y, x))


def test_total_variation_of_a_ramp():
    ramp = torch.linspace(0, 1, 11, dtype=torch.float64).expand(1, 3, 7, 11)
    assert losses.total_variation(ramp).item() == pytest.approx(2 * 0.1**2)


def test_sobel_answers_an_edge_and_not_a_constant():
    edge = torch.zeros(1, 1, 9, 9)
    edge[..., 5:] = 1
    # Rows away from the border answer 4, 0, 3 and 3 in the two columns at the edge.
    edge[..., 7:] = 0
    assert losses.sobel(edge, edge) == 0
    assert losses.sobel(edge, torch.zeros_like(edge)) > 4 * 10 * 7 / (4 * 81)
    assert losses.sobel(edge, 0 * edge) == losses.sobel(0 * edge, edge)


def test_sobel_of_one_point_is_the_sum_of_the_kernels():
    point = torch.zeros(1, 1, 9, 9)
    point[..., 4, 4] = 1
    assert losses.sobel(point, torch.zeros_like(point)).item() == pytest.approx(
        4 * 8 / (4 * 81)
    )


@pytest.mark.parametrize("name", ["l2", "combined", "sobel", "psnr", "scores", "drn"])
def test_gradients_agree_with_differences(name):
    options = LossOptions(perceptual=False)
    loss = losses.build(name, options)
    x, y = two(12, 13)
    x = (x[:1] + 0.01 * torch.randn_like(x[:1])).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: loss(v, y[:1]), (x,), atol=1e-7)


def test_the_log_error_is_the_mean_psnr():
    x, y = two()
    expected = sum(psnr(a.float(), b.float()) for a, b in zip(x, y, strict=True)) / 2
    # An error of 40 dB is added to each picture's own.
    assert -10 * losses.log_error(x, y).item() == pytest.approx(expected, abs=0.05)
    assert losses.log_error(x, x).item() == pytest.approx(-4)


def test_a_dark_picture_counts_as_much_as_a_bright_one():
    """Half the error is worth 3 dB in each, however large it was."""
    bright, dark = torch.full((1, 3, 8, 8), 0.4), torch.full((1, 3, 8, 8), 0.1)
    errors = torch.cat([bright, dark])
    black = torch.zeros_like(errors)
    better = [
        errors * torch.tensor([a, b])[:, None, None, None]
        for a, b in ((0.5**0.5, 1.0), (1.0, 0.5**0.5))
    ]
    before = losses.log_error(errors, black)
    gains = [(before - losses.log_error(one, black)).item() for one in better]
    assert gains[0] == pytest.approx(gains[1], rel=0.02)


@pytest.mark.parametrize("weight", [None, 0.0, 3.0])
def test_a_decibel_counts_as_much_as_a_tenth_of_ssim(weight):
    x, y = two()
    options = OPTIONS if weight is None else replace(OPTIONS, structure_weight=weight)
    scores = losses.build("scores", options)
    near = y + 0.5 * (x - y)
    decibels = sum(
        psnr(b.float(), c.float()) - psnr(a.float(), c.float())
        for a, b, c in zip(x, near, y, strict=True)
    )
    similarity = losses.ssim(near, y) - losses.ssim(x, y)
    similarity = similarity * (1 if weight is None else weight)
    gained = scores(x, y) - scores(near, y)
    assert gained.item() == pytest.approx(decibels / 20 + similarity.item(), rel=0.03)


def test_the_bands_of_a_pyramid_are_none_for_a_change_of_brightness():
    x, _ = two(64, 48)
    *bands, rest = losses.laplacian(x, x + 0.1)
    assert max(bands).item() == pytest.approx(0, abs=1e-12)
    assert rest.item() == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("sides", "bands"), [((32, 320), 6), ((31, 40), 5), ((1, 9), 1)]
)
def test_a_small_picture_has_fewer_bands(sides, bands):
    found = losses.laplacian(*two(*sides))
    assert len(found) == bands
    assert min(found) > 0


def test_ssim_inside_leaves_the_border_out():
    x, y = two(64, 80)
    y[..., :8, :] = y[..., :8, :].flip(-1)
    inner = [picture[..., 30:, :] for picture in (x, y)]
    assert losses.ssim(*inner, inside=True) > losses.ssim(x, y, inside=True)
    assert losses.ssim(x, x, inside=True).item() == pytest.approx(1)


def test_perceptual_is_the_squared_distance_of_features():
    features = VGG16Features(4).double()
    x, y = two(16, 16)
    expected = ((features(x) - features(y)) ** 2).mean()
    assert torch.allclose(losses.perceptual(x, y, features), expected)


def test_the_combined_loss_is_the_weighted_sum():
    features = VGG16Features(4).double()
    x, y = two(32, 32)
    expected = (
        losses.build("l1", OPTIONS)(x, y)
        + 5e-3 * (1 - losses.ssim(x, y))
        + 0.006 * losses.perceptual(x, y, features)
        + 2e-8 * losses.total_variation(x)
    )
    found = losses.build("combined", OPTIONS, features)(x, y)
    assert torch.allclose(found, expected)
    assert math.isfinite(found.item())


def test_the_perceptual_term_is_never_left_out_in_silence():
    with pytest.raises(UsageError, match="--no-perceptual"):
        losses.build("combined", OPTIONS)


# --- layers ------------------------------------------------------------------------


def painted(count=2, side=32, seed=0):
    """What a network of layers paints, B 33 S S, and the truth, B 30 S S."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.rand(count, 30, side, side, generator=generator, dtype=torch.float64)
    noise = torch.randn(target.shape, generator=generator, dtype=torch.float64)
    return read((target + 0.1 * noise).clamp(0, 1)), target


def read(layers, value=0.5):
    """Layers and normals, with what is read of the light."""
    return torch.cat((layers, torch.full_like(layers[:, :3], value)), 1)


def light(count=2, value=0.5):
    return torch.full((count, 3), value, dtype=torch.float64)


def luma(layers):
    shares = torch.tensor([0.2126, 0.7152, 0.0722], dtype=layers.dtype)
    return torch.einsum("blchw,c->blhw", layers.unflatten(1, (9, 3)), shares)


def none_even(count=2):
    return torch.zeros(count, dtype=torch.bool)


def test_every_second_window_says_what_all_windows_say():
    x, y = (F.avg_pool2d(p, 5, 1, 2) for p in two(96, 96))
    assert losses.sparse_ssim(x, y).item() == pytest.approx(
        losses.ssim(x, y).item(), abs=2e-3
    )
    assert losses.sparse_ssim(x, x).item() == pytest.approx(1)


def test_the_gradient_of_every_second_window_points_where_that_of_all_does():
    x, y = (F.avg_pool2d(p, 5, 1, 2) for p in two(64, 64))
    found = []
    for ssim in (losses.ssim, losses.sparse_ssim):
        image = x.clone().requires_grad_()
        ssim(image, y).backward()
        found.append(image.grad.flatten())
    assert torch.cosine_similarity(*found, dim=0) > 0.9


def test_the_loss_of_layers_is_the_sum_of_its_parts():
    output, target = painted()
    lit, true = output[:, :27], target[:, :27]
    squares = (lit - true).square().unflatten(1, (9, 3)).mean((-3, -2, -1))
    shares = torch.tensor([1, 1, 2, 1, 1, 1, 1, 1, 1]) / 10
    slopes = sum((lit - true).diff(dim=d).abs().mean() for d in (-1, -2))
    expected = (
        ((squares + 3e-4).log10() * shares).sum(1).mean()
        + 1
        - losses.sparse_ssim(luma(lit), luma(true))
        + 2 * slopes
        + 0.6 * (output[:, 27:30] - target[:, 27:]).abs().mean()
    )
    found = losses.layers(output, target, light(), none_even())
    assert found.item() == pytest.approx(expected.item())


def test_each_layer_counts_and_the_task_s_own_counts_twice():
    _, target = painted(count=1)
    changes = []
    for layer in range(9):
        output = read(target)
        output[:, 3 * layer : 3 * layer + 3] += 0.05
        changes.append(losses.layers(output, target, light(1), none_even(1)).item())
    least = losses.layers(read(target), target, light(1), none_even(1)).item()
    gains = [change - least for change in changes]
    assert min(gains) > 0.02
    others = [gain for layer, gain in enumerate(gains) if layer != 2]
    # The structure of all layers counts alike; their errors do not.
    assert gains[2] > 1.5 * sum(others) / 8


def test_only_the_mean_of_what_is_read_of_the_light_counts():
    output, target = painted()
    least = losses.layers(output, target, light(), none_even())
    output[:, 30:, :, ::2] += 0.1
    output[:, 30:, :, 1::2] -= 0.1
    same = losses.layers(output, target, light(), none_even())
    assert same.item() == pytest.approx(least.item())
    off = losses.layers(output, target, light(value=0.8), none_even())
    assert (off - least).item() == pytest.approx(3 * 0.3**2)


def test_a_checkerboard_costs_only_where_a_picture_is_even():
    target = torch.full((2, 30, 16, 16), 0.5, dtype=torch.float64)
    board = torch.zeros(16, 16, dtype=torch.float64)
    board[::2, ::2], board[1::2, 1::2] = 0.01, 0.01
    output = target + board
    even = torch.tensor([True, False])
    assert losses.unevenness(output, none_even()) == 0
    # The mean of the four neighbours lies 0.01 away, above or below, everywhere.
    assert losses.unevenness(output, even).item() == pytest.approx(0.01 / 2)
    assert losses.unevenness(output, ~none_even()).item() == pytest.approx(0.01)
    ramp = torch.linspace(0, 1, 16, dtype=torch.float64).expand(2, 30, 16, 16)
    assert losses.unevenness(ramp, ~none_even()).item() == pytest.approx(0, abs=1e-12)


def test_the_gradient_of_the_loss_of_layers_is_its_derivative():
    output, target = painted(side=12)
    output.requires_grad_()
    even = torch.tensor([True, False])
    assert torch.autograd.gradcheck(
        lambda x: losses.layers(x, target, light(), even), output, fast_mode=True
    )
