"""What each value range shows a network, and what the network's answer then means."""

import math
from dataclasses import asdict
from typing import get_args

import pytest
import torch

from msrnet_cli import config
from msrnet_cli.cli import train
from msrnet_cli.cli.derive import Given
from msrnet_cli.config import ModelConfig, ValueRange
from msrnet_cli.engines import Probe
from msrnet_cli.networks import ranges
from msrnet_cli.networks.spec import Inputs
from msrnet_cli.train.options import TrainOptions

PICTURE = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_every_range_says_what_it_does():
    assert set(ranges.SCALES) == set(get_args(ValueRange))


@pytest.mark.parametrize(
    ("name", "sees", "paints"),
    [
        ("zero_one", (0, 1), (0, 1)),
        ("centred", (-0.5, 0.5), (-0.5, 0.5)),
        ("signed", (-1, 1), (-1, 1)),
        ("signed_in", (-1, 1), (0, 1)),
    ],
)
def test_black_and_white_lie_where_they_should(name, sees, paints):
    scale = ranges.of(ModelConfig("dmshn", value_range=name))
    ends = torch.tensor([0.0, 1.0])
    assert scale.seen(ends).tolist() == list(sees)
    assert scale.painted(torch.tensor(paints).float()).tolist() == [0, 1]
    assert scale.paints.there(0.25) == paints[0] + 0.25 * (paints[1] - paints[0])


@pytest.mark.parametrize("name", ranges.SCALES)
def test_the_identity_of_a_range_gives_the_picture_back(name):
    scale = ranges.SCALES[name]
    painted = scale.painted(scale.identity.there(scale.seen(PICTURE)))
    torch.testing.assert_close(painted, PICTURE)


def test_the_first_two_ranges_are_what_they_were_to_the_bit():
    for name, offset in (("zero_one", 0.0), ("centred", 0.5)):
        scale = ranges.SCALES[name]
        assert torch.equal(scale.seen(PICTURE), PICTURE - offset)
        assert torch.equal(scale.painted(PICTURE), PICTURE + offset)


def test_a_picture_is_never_the_networks_own_tensor():
    """An engine may paint into the same memory again."""
    for scale in ranges.SCALES.values():
        assert scale.painted(PICTURE).data_ptr() != PICTURE.data_ptr()


def test_agreement_is_that_of_pictures():
    inputs = Inputs(PICTURE)
    right, off = (torch.nn.Conv2d(3, 3, 1, groups=3, bias=False) for _ in range(2))
    for network, gain in ((right, 1.0), (off, 1.02)):
        torch.nn.init.constant_(network.weight, gain)
    one, two = (Probe(lambda: right, inputs, span).agreement(off) for span in (1, 2))
    assert two - one == pytest.approx(20 * math.log10(2))


@pytest.fixture
def with_own_range(monkeypatch):
    monkeypatch.setitem(config.OWN_RANGES, "dmshn", "signed_in")


def test_a_network_has_the_range_of_its_authors(with_own_range):
    assert ModelConfig("dmshn").value_range == "signed_in"
    assert ModelConfig("dmshn", 4, "centred").value_range == "centred"
    assert ModelConfig("stacked").value_range == "zero_one"
    assert ModelConfig(**asdict(ModelConfig("dmshn"))) == ModelConfig("dmshn")


def test_another_network_brings_its_range_along(with_own_range):
    plain, centred = ModelConfig("stacked", 8), ModelConfig("stacked", 8, "centred")
    assert plain.of_arch("dmshn") == ModelConfig("dmshn", 8, "signed_in")
    assert centred.of_arch("dmshn") == ModelConfig("dmshn", 8, "centred")
    assert ModelConfig("dmshn", 8).of_arch("stacked") == plain
    assert ModelConfig("dmshn", 8, "zero_one").of_arch("stacked") == plain


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ({}, "zero_one"),
        ({"arch": "dmshn"}, "signed_in"),
        ({"arch": "dmshn", "value_range": "centred"}, "centred"),
        ({"arch": "dmshn", "value_range": "zero_one"}, "zero_one"),
    ],
)
def test_train_takes_the_range_of_the_authors_unless_one_is_typed(
    typed, found, with_own_range
):
    changes = {("network", "model", name): value for name, value in typed.items()}
    given = Given(TrainOptions, changes | {("run", "out"): "runs/new"})
    assert train._options(train.Start(), given).network.model.value_range == found
