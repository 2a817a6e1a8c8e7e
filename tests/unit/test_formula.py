"""The formula of the golden data draws what its README says."""

import pytest
import torch

import formula


@pytest.mark.parametrize(
    ("k", "first"),
    [
        (0, [3298878556, 39170614, 1056058362, 2670740862]),
        (1, [3127061551, 2469896486]),
        (100000, [2960089728, 3102769857]),
    ],
)
def test_the_first_numbers_are_known(k, first):
    assert formula.hashes(k, len(first)).tolist() == first


def test_values_lie_between_their_ends():
    known = [0.53616004, -0.98175976, -0.5082345, 0.24366063]
    assert formula.drawn(0, (2, 2)).flatten().tolist() == pytest.approx(known)
    picture = formula.data(0, (2, 2), -1, 1)
    torch.testing.assert_close(picture, formula.drawn(0, (2, 2)).float())


def test_tensors_are_told_by_their_digests():
    weight = formula.parameter(1, (16, 16, 3, 3), 0.6)
    assert weight[0, 0, 0, 0].item() == pytest.approx(0.0558669232)
    assert formula.digest(weight) == "723b551b6de125af"
    assert formula.digest(formula.parameter(2, (16,), 0.6)) == "1b57958a16363782"
    assert formula.digest(formula.coefficient(0, (3, 6, 2, 64))) == "8914e89811bbfdd3"


def test_parameters_are_numbered_in_order():
    ours = [torch.empty(3, 2, 1, 1), torch.empty(3)]
    formula.fill(ours, 0.6, first=4)
    assert torch.equal(ours[0], formula.parameter(4, (3, 2, 1, 1), 0.6))
    assert torch.equal(ours[1], formula.parameter(5, (3,), 0.6))
