"""The plan of a run: phases, shares, learning rates."""

import pytest

from msrnet_cli.config import LossOptions
from msrnet_cli.errors import UsageError
from msrnet_cli.pairs.options import DataOptions
from msrnet_cli.train.options import TrainConfig
from msrnet_cli.train.schedule import learning_rate, make_plan


def test_the_defaults_are_the_papers():
    (phase,) = make_plan(TrainConfig(), pairs=300).phases
    assert (phase.loss, phase.size, phase.batch) == ("l2", 512, 2)
    assert phase.end == 2500 * 150
    config = TrainConfig(warmup=0)
    assert learning_rate(phase, 0, 0, config) == pytest.approx(2e-3)
    assert learning_rate(phase, phase.end, 0, config) == pytest.approx(5e-5)


def test_both_stages_share_the_run():
    first, second = make_plan(TrainConfig(stage="all", steps=100), pairs=5).phases
    assert (first.loss, first.end) == ("l2", 50)
    assert (second.loss, second.start, second.end) == ("combined", 50, 100)
    assert second.progress(50) == 0, "each stage has a schedule of its own"


def test_one_loss_can_replace_all():
    plan = make_plan(TrainConfig(stage="all", steps=10, loss="sobel"), pairs=5)
    assert {phase.loss for phase in plan.phases} == {"sobel"}


def test_sizes_share_the_time_coarse_to_fine():
    config = TrainConfig(
        minutes=10, sizes=(128, 256, 512), shares=(6, 3, 1), batch=(8, 2, 1)
    )
    plan = make_plan(config, pairs=5)
    assert plan.unit == "seconds"
    assert [phase.end for phase in plan.phases] == [360, 540, 600]
    assert plan.phase(359).size == 128
    assert plan.phase(360).batch == 2
    assert plan.phase(10_000).size == 512


def test_without_shares_each_size_gets_half_of_the_one_before():
    plan = make_plan(TrainConfig(steps=700, sizes=(128, 256, 512)), pairs=5)
    assert [phase.end - phase.start for phase in plan.phases] == [400, 200, 100]


def test_an_epoch_is_shorter_with_more_processes():
    config = TrainConfig(epochs=3)
    assert make_plan(config, pairs=10).end == 15
    assert make_plan(config, pairs=10, processes=2).end == 9


@pytest.mark.parametrize("shape", ["cosine", "linear", "exponential"])
def test_every_shape_falls_from_one_end_to_the_other(shape):
    config = TrainConfig(shape=shape, steps=100, warmup=0)
    (phase,) = make_plan(config, pairs=5).phases
    rates = [learning_rate(phase, step, step, config) for step in range(101)]
    assert rates[0] == pytest.approx(2e-3)
    assert rates[-1] == pytest.approx(5e-5)
    assert rates == sorted(rates, reverse=True)


def test_the_rate_rises_while_warming_up():
    config = TrainConfig(steps=1000, warmup=10)
    (phase,) = make_plan(config, pairs=5).phases
    rates = [learning_rate(phase, step, step, config) for step in range(12)]
    assert rates[0] == pytest.approx(2e-4, rel=1e-3)
    assert rates[:10] == sorted(rates[:10])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch": (1, 2)}, "--batch names 2 sizes, --size 1; give one"),
        ({"shares": (1.0, 2.0)}, "for 1 sizes; write --size"),
        ({"shares": (0.0,)}, "for 1 sizes; write --size"),
    ],
)
def test_lists_that_do_not_fit_are_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        make_plan(TrainConfig(**wrong), pairs=5)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"sizes": (100,)}, "--size 100.*give 96"),
        ({"sizes": (8,)}, "--size 8.*give 16"),
        ({"crop": 40}, "--crop 40.*give 48"),
        ({"sizes": (32, 64), "crop": 80}, "--crop 80 is larger than --size 64"),
        ({"stage": "2", "sizes": (16,)}, "--size 16.*perceptual.*give 32"),
        ({"stage": "all", "crop": 16}, "--crop 16.*perceptual"),
        ({"shares": (float("nan"),)}, "share"),
        ({"epochs": float("inf")}, "--epochs"),
        ({"epochs": 0.0}, "--epochs"),
        ({"epochs": 1e308}, "--epochs"),
        ({"minutes": float("nan")}, "--minutes"),
        ({"lr": 0.0}, "--lr 0"),
        ({"lr": float("nan")}, "--lr nan"),
        ({"lr_end": float("inf")}, "--lr-end"),
        ({"lr_end": 0.0, "shape": "exponential"}, "--lr-end"),
        ({"clip": float("nan")}, "--clip"),
        ({"seed": 99999999999999999999999}, "--seed"),
        ({"data_options": DataOptions(tint=float("inf"))}, "--tint"),
        ({"data_options": DataOptions(exposure=16.5)}, "--exposure"),
        ({"data_options": DataOptions(zoom=1.0)}, "--zoom"),
        ({"loss_options": LossOptions(sobel=float("nan"))}, "--sobel-weight"),
        ({"loss_options": LossOptions(structure=-1.0)}, "--structure-weight"),
    ],
)
def test_numbers_that_cannot_be_trained_with_are_refused(wrong, says):
    with pytest.raises(UsageError, match=says):
        make_plan(TrainConfig(**wrong), pairs=5)


def test_small_pictures_are_fine_where_vgg16_does_not_pool_them_away():
    small = {"stage": "2", "sizes": (16,)}
    for options in (LossOptions(perceptual=0.0), LossOptions(vgg_layer=23)):
        assert make_plan(TrainConfig(**small, loss_options=options), pairs=5)
    assert make_plan(TrainConfig(**small, loss="sobel"), pairs=5)


@pytest.mark.parametrize("length", [{"steps": 100}, {"minutes": 100 / 60}])
def test_warming_up_takes_at_most_a_tenth_of_a_stage(length):
    config = TrainConfig(warmup=200, shape="constant", **length)
    (phase,) = make_plan(config, pairs=5).phases
    rates = [learning_rate(phase, step, step, config) for step in range(12)]
    assert rates[0] == pytest.approx(config.lr / 200)
    assert rates == sorted(rates)
    assert rates[10] == pytest.approx(config.lr)
