"""The shipped weights and a training run give what they gave before."""

import pytest
import torch
from safetensors.torch import load_file

import golden
from msrnet_cli.weights import find

BEFORE = load_file(golden.FILE)


def test_all_weights_that_ship_are_pinned():
    assert {entry.name for entry in find.built_in()} == set(golden.SHIPPED)


@pytest.mark.parametrize("name", golden.SHIPPED)
@pytest.mark.parametrize("index", range(2))
def test_the_shipped_weights_paint_what_they_painted(index, name):
    found = golden.painted(BEFORE[f"source {index}"], name)
    relit, before = found["relit"].int(), BEFORE[f"{name} relit {index}"].int()
    difference = (relit - before).abs()
    # Another processor sums in another order: a value may fall on the other side.
    assert difference.max() <= 1
    assert (difference > 0).float().mean() < 1e-3
    torch.testing.assert_close(
        found["network"], BEFORE[f"{name} network {index}"], rtol=0, atol=2e-5
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "combined" else pytest.mark.slow)
        for name in golden.RUNS
    ],
)
def test_twenty_steps_learn_what_they_learnt(name):
    found = golden.learnt(name)
    assert set(found) == {"loss", "norms"}
    for key, value in found.items():
        before = BEFORE[f"{name} {key}"]
        torch.testing.assert_close(value, before, rtol=2e-3, atol=1e-5)
