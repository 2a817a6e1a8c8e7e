"""Pictures come to another size as torch brings them there."""

import pytest
import torch
import torch.nn.functional as F

from msrnet_cli.pairs.resample import Span, resampling, resize


@pytest.mark.parametrize(("height", "width", "side"), [(64, 64, 16), (50, 70, 24)])
def test_a_smaller_size_keeps_the_mean_and_the_shape(height, width, side):
    picture = torch.rand(1, 3, height, width)
    small = resize(picture, side)
    assert min(small.shape[-2:]) == side
    assert small.mean().item() == pytest.approx(picture.mean().item(), abs=0.02)


@pytest.mark.parametrize(
    "span",
    [
        Span(0, 40, 16, 0),  # smaller
        Span(7, 33, 16, 3),  # a part of it, and a window of that
        Span(11, 9, 20, 4),  # larger
        Span(5, 30, 30, 0),  # as it is
        Span(0, 64, 17, 0),
    ],
)
def test_parts_are_resampled_as_torch_does_it(span):
    picture = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1))
    part = picture[:, span.start : span.start + span.length, :]
    resized = F.interpolate(
        part[None], (span.scaled, 64), mode="bilinear", antialias=True
    )[0]
    side = min(13, span.scaled - span.first)
    (matrix,) = resampling([span], side, 64)
    expected = resized[:, span.first : span.first + side]
    torch.testing.assert_close(matrix @ picture, expected, rtol=0, atol=2e-6)
