"""What is done to a relit picture last: amount, mask, what is kept."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from msrnet_cli.lights import LUMINANCE
from msrnet_cli.relight.finish import Finish, ending, finished

SIZE = (3, 24, 40)


@pytest.fixture
def pictures() -> tuple[Tensor, Tensor]:
    """Before and after: noise, with black, white and pure colours in both."""
    before, after = torch.rand(2, *SIZE, generator=torch.Generator().manual_seed(3))
    corners = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3))).T
    before[:, 0, :8] = corners
    after[:, 1, :8] = corners
    before[:, 2, :8], after[:, 2, :8] = corners, corners.flip(1)
    return before, after


def linear(values: Tensor) -> Tensor:
    """The piecewise definition (IEC 61966-2-1), in float64."""
    x = values.double()
    return torch.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def luminance(values: Tensor) -> Tensor:
    return torch.einsum("c...,c->...", linear(values), torch.tensor(LUMINANCE).double())


@pytest.mark.parametrize("keep", [None, "colour", "brightness"])
def test_nothing_of_the_change_is_the_picture_bit_for_bit(pictures, keep) -> None:
    before, after = pictures
    assert torch.equal(finished(before, after, Finish(0.0, keep)), before)
    mask = torch.zeros(SIZE[1:])
    mask[:, 20:] = 0.7
    masked = finished(before, after, Finish(1.0, keep), mask)
    assert torch.equal(masked[:, :, :20], before[:, :, :20])
    assert not torch.equal(masked[:, :, 20:], before[:, :, 20:])


def test_all_of_the_change_is_the_relit_picture_bit_for_bit(pictures) -> None:
    before, after = pictures
    assert torch.equal(finished(before, after, Finish()), after)
    assert torch.equal(finished(before, after, Finish(), torch.ones(SIZE[1:])), after)


@pytest.mark.parametrize("amount", [0.1, 0.5, 0.9])
def test_part_of_the_way_is_the_mean_of_light(pictures, amount) -> None:
    before, after = pictures
    found = linear(finished(before, after, Finish(amount)))
    wanted = (1 - amount) * linear(before) + amount * linear(after)
    torch.testing.assert_close(found, wanted, atol=2e-6, rtol=1e-4)


def test_a_grey_mask_is_an_amount_for_each_pixel(pictures) -> None:
    before, after = pictures
    mask = torch.linspace(0.1, 0.9, SIZE[2]).expand(SIZE[1:])
    masked = finished(before, after, Finish(0.5), mask)
    for column in (0, 13, 39):
        one = finished(before, after, Finish(0.5 * float(mask[0, column])))
        torch.testing.assert_close(masked[..., column], one[..., column])


@pytest.mark.parametrize("keep", ["colour", "brightness"])
def test_luminance_is_that_of_the_one_that_gives_it(pictures, keep) -> None:
    before, after = pictures
    result = finished(before, after, Finish(1.0, keep))
    giver = before if keep == "brightness" else after
    assert float(result.min()) >= 0
    assert float(result.max()) <= 1
    torch.testing.assert_close(
        luminance(result), luminance(giver), atol=1e-4, rtol=2e-3
    )


def test_keeping_colour_keeps_the_ratios_of_channels(pictures) -> None:
    before, after = (0.2 + 0.3 * picture for picture in pictures)
    result = linear(finished(before, after, Finish(1.0, "colour")))
    gain = result / linear(before)
    torch.testing.assert_close(
        gain, gain.mean(0, keepdim=True).expand(SIZE), rtol=1e-2, atol=0
    )


def test_black_stays_black_and_grey_stays_grey() -> None:
    grey = torch.linspace(0, 1, 40).expand(SIZE).contiguous()
    warm = grey * torch.tensor([1.0, 0.8, 0.5])[:, None, None]
    kept = finished(grey, warm, Finish(1.0, "colour"))
    assert float(kept[..., 0].max()) == 0
    assert float((kept.amax(0) - kept.amin(0)).max()) < 1e-3


@pytest.mark.parametrize("amount", [1.0, 0.5, 0.0])
def test_gains_colour_the_relit_picture_and_are_cut_at_white(pictures, amount) -> None:
    before, after = pictures
    gains = (1.25, 1.0, 0.6)
    relit = ending(Finish(amount), gains=gains)(before, after.clone(), slice(None))
    coloured = (linear(after) * torch.tensor(gains)[:, None, None]).clamp_max(1)
    light = torch.lerp(linear(before), coloured, amount)
    torch.testing.assert_close(linear(relit), light, rtol=0, atol=1e-5)
