"""Scores agree with scikit-image and behave as scores should."""

import math

import pytest
import torch
from skimage.metrics import structural_similarity

from msrnet_cli import metrics


def two(height=61, width=48, noise=0.1):
    x = torch.nn.functional.interpolate(torch.rand(1, 3, 9, 9), (height, width))[0]
    y = (x + noise * torch.randn_like(x)).clamp(0, 1)
    return ((p * 255).round() / 255 for p in (x, y))


def eight(picture):
    return (picture * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.5])
def test_ssim_agrees_with_scikit_images_defaults(noise):
    x, y = two(noise=noise)
    expected = structural_similarity(eight(x), eight(y), channel_axis=2)
    assert metrics.ssim(x, y) == pytest.approx(expected, abs=1e-12)


def gaussian_of_scikit_image(x, y):
    return structural_similarity(
        x.numpy(),
        y.numpy(),
        data_range=1,
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.5])
@pytest.mark.parametrize(
    "size", [(61, 48), (11, 11), (12, 200), (139, 74), (64, 128), (75, 138)]
)
def test_gaussian_ssim_agrees_with_scikit_image(noise, size):
    """Sizes at, above and below whole blocks of rows and columns."""
    x, y = (picture.double() for picture in two(*size, noise))
    expected = gaussian_of_scikit_image(x, y)
    assert metrics.ssim_gaussian(x, y) == pytest.approx(expected, abs=1e-12)
    assert metrics.ssim_gaussian(x.float(), y.float()) == pytest.approx(
        expected, abs=1e-6
    )


@pytest.mark.parametrize("level", [0, 1, 10, 128, 250, 254])
@pytest.mark.parametrize("step", [1, 2])
def test_gaussian_ssim_is_as_exact_where_a_picture_is_nearly_flat(level, step):
    """A bright one most of all: single precision is wrong in the fourth decimal."""
    x, y = (
        (level + torch.randint(-step, step + 1, (3, 80, 90))).clamp(0, 255) / 255
        for _ in "xy"
    )
    expected = gaussian_of_scikit_image(x.double(), y.double())
    assert metrics.ssim_gaussian(x, y) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("score", [metrics.ssim, metrics.ssim_gaussian])
def test_ssim_of_equal_pictures_is_one(score):
    x, _ = two()
    assert score(x, x) == pytest.approx(1)


def test_mps_has_its_closed_form():
    assert metrics.mps(0.5899, 0.4088) == pytest.approx(0.59055)


def test_detail_tells_a_blur_from_a_picture():
    x, _ = two()
    x = torch.rand_like(x)
    blurred = torch.nn.functional.avg_pool2d(x[None], 5, 1, 2)[0]
    assert metrics.detail(x, x) == pytest.approx(1)
    assert metrics.detail(x / 2, x) == pytest.approx(0.5)
    assert metrics.detail(blurred, x) < 0.3
    assert metrics.detail(torch.full_like(x, 0.5), x) == 0


def test_detail_of_a_flat_picture_is_whole_or_unknown():
    flat = torch.full((3, 16, 16), 0.5)
    assert metrics.detail(flat, flat) == 1
    assert metrics.detail(torch.rand_like(flat), flat) is None
    assert metrics.detail(flat / 2, flat) is None


def test_psnr_of_equal_pictures_is_without_bound():
    x, y = two()
    assert metrics.psnr(x, x) == math.inf
    assert metrics.psnr(x, y) < math.inf
