"""Muon against singular value decomposition."""

import pytest
import torch
from torch import nn

from msrnet_cli.train.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(32, 27), (64, 288), (128, 128), (3, 288)])
def test_it_is_about_the_orthogonal_factor(shape):
    """Singular values come close to 1, and nothing is turned."""
    u, _, v = torch.linalg.svd(torch.randn(2, *shape), full_matrices=False)
    values = torch.logspace(0, -2, min(shape))
    found = u.mT @ orthogonal(u @ torch.diag(values) @ v) @ v.mT
    kept = found.diagonal(dim1=1, dim2=2)
    assert ((kept > 0.5) & (kept < 1.4)).all()
    torch.testing.assert_close(found, torch.diag_embed(kept), rtol=0, atol=1e-4)


def test_its_size_does_not_depend_on_that_of_the_gradient():
    matrices = torch.randn(1, 16, 40)
    torch.testing.assert_close(orthogonal(matrices), orthogonal(1e-3 * matrices))
    assert orthogonal(torch.zeros(1, 4, 4)).abs().max() == 0


def test_a_step_is_as_large_as_one_of_adam():
    weight = nn.Parameter(torch.zeros(64, 32, 3, 3))
    weight.grad = torch.randn_like(weight)
    Muon([weight], lr=1e-2, dtype=torch.float32).step()
    assert weight.square().mean().sqrt().item() == pytest.approx(0.2e-2, rel=0.2)
    assert (weight * weight.grad).sum() < 0, "downhill"


def test_it_follows_the_mean_of_many_gradients():
    """What changes its sign from step to step is averaged away."""
    weight = nn.Parameter(torch.zeros(8, 8))
    optimizer = Muon([weight], lr=1e-2, dtype=torch.float32)
    steady, restless = torch.zeros(8, 8), torch.zeros(8, 8)
    steady[0, 0], restless[1, 1] = 1, 5
    for step in range(60):
        weight.grad = steady + (-1) ** step * restless
        optimizer.step()
    assert weight[0, 0] < 0
    assert weight[1, 1].abs() < 0.3 * weight[0, 0].abs()


def test_it_solves_what_adam_finds_hard():
    """Directions of which some count a thousand times less than others."""
    torch.manual_seed(0)
    u, v = (torch.linalg.qr(torch.randn(16, 16))[0] for _ in range(2))
    features = u @ torch.diag(torch.logspace(0, -3, 16)) @ v
    target = torch.linalg.qr(torch.randn(16, 16))[0]
    left = []
    for kind in ("adam", "muon"):
        weight = nn.Parameter(torch.zeros(16, 16))
        optimizer = (
            torch.optim.Adam([weight], lr=0.02)
            if kind == "adam"
            else Muon([weight], 0.02, torch.float32)
        )
        for _ in range(200):
            optimizer.zero_grad()
            ((weight - target) @ features).square().mean().backward()
            optimizer.step()
        left.append((weight.detach() - target).square().mean().item())
    adam, muon = left
    assert muon < 0.5 * adam


def test_nothing_is_touched_that_has_no_gradient():
    weight = nn.Parameter(torch.ones(4, 4))
    Muon([weight], 1.0, torch.float32).step()
    assert weight.eq(1).all()


@pytest.fixture
def torchs_own():
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("this torch has no Muon to compare with")
    return torch.optim.Muon


def after_ten_steps(shape, dtype, torchs_own):
    """A weight after ten steps of this Muon, of torch's, and before."""
    start = torch.randn(shape)
    ours, theirs = (nn.Parameter(start.clone()) for _ in range(2))
    optimizers = (
        Muon([ours], 0.01, dtype),
        torchs_own([theirs], 0.01, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
    )
    for step in range(10):
        gradient = torch.randn(shape) * 10.0 ** (step % 3 - 1)
        for weight, optimizer in zip((ours, theirs), optimizers, strict=True):
            weight.grad = gradient.clone()
            optimizer.step()
    return ours.detach(), theirs.detach(), start


SHAPES = [(24, 24), (16, 72), (72, 16), (1, 9)]


@pytest.mark.parametrize("shape", SHAPES)
def test_its_steps_are_those_of_torch(shape, torchs_own, monkeypatch):
    # torch computes the factor in bfloat16 only; here, in the format that it is given.
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    ours, theirs, start = after_ten_steps(shape, torch.float32, torchs_own)
    assert (ours - theirs).norm() < 1e-4 * (ours - start).norm()


@pytest.mark.parametrize("shape", SHAPES)
def test_in_bfloat16_they_differ_by_no_more_than_its_rounding(shape, torchs_own):
    ours, theirs, start = after_ten_steps(shape, torch.bfloat16, torchs_own)
    assert (ours - theirs).norm() < 0.1 * (ours - start).norm()
