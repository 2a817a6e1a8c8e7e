"""The plan of a run: phases, shares, learning rates."""

import pytest

from msrnet_cli.config import ModelConfig
from msrnet_cli.errors import UsageError
from msrnet_cli.train import losses
from msrnet_cli.train.checks import check
from msrnet_cli.train.options import LossOptions, RateOptions, ScheduleOptions, Size
from msrnet_cli.train.schedule import learning_rate, make_plan
from training import settings


def plan(examples=5, processes=1, loss=None, **changes):
    """The plan of a schedule with the paper's losses, or one for all stages."""
    options = ScheduleOptions(**changes)
    named = losses.by_stage(LossOptions(loss), options.stages, layers=False)
    return make_plan(options, named, examples, processes)


def test_the_defaults_are_the_papers():
    (phase,) = plan(300).phases
    assert (phase.loss, phase.size, phase.batch) == ("l2", 512, 2)
    assert phase.end == 2500 * 150
    rate = RateOptions(warmup=0)
    assert learning_rate(rate, phase, 0, 0) == pytest.approx(2e-3)
    assert learning_rate(rate, phase, phase.end, 0) == pytest.approx(5e-5)


def test_both_stages_share_the_run():
    first, second = plan(stage="all", steps=100).phases
    assert (first.loss, first.end) == ("l2", 50)
    assert (second.loss, second.start, second.end) == ("combined", 50, 100)
    assert second.progress(50) == 0, "each stage has a schedule of its own"


def test_one_loss_can_replace_all():
    found = plan(stage="all", steps=10, loss="sobel")
    assert {phase.loss for phase in found.phases} == {"sobel"}


def test_sizes_share_the_time_coarse_to_fine():
    sizes = (Size(128, 6), Size(256, 3), Size(512, 1))
    found = plan(minutes=10, sizes=sizes, batch=(8, 2, 1))
    assert found.unit == "seconds"
    assert [phase.end for phase in found.phases] == [360, 540, 600]
    assert found.phase(359).size == 128
    assert found.phase(360).batch == 2
    assert found.phase(10_000).size == 512


def test_without_shares_each_size_gets_half_of_the_one_before():
    found = plan(steps=700, sizes=(Size(128), Size(256), Size(512)))
    assert [phase.end - phase.start for phase in found.phases] == [400, 200, 100]


def test_an_epoch_is_shorter_with_more_processes():
    assert plan(10, epochs=3).end == 15
    assert plan(10, epochs=3, processes=2).end == 9


@pytest.mark.parametrize("shape", ["cosine", "linear", "exponential"])
def test_every_shape_falls_from_one_end_to_the_other(shape):
    rate = RateOptions(shape=shape, warmup=0)
    (phase,) = plan(steps=100).phases
    rates = [learning_rate(rate, phase, step, step) for step in range(101)]
    assert rates[0] == pytest.approx(2e-3)
    assert rates[-1] == pytest.approx(5e-5)
    assert rates == sorted(rates, reverse=True)


def test_the_rate_rises_while_warming_up():
    (phase,) = plan(steps=1000).phases
    rate = RateOptions(warmup=10)
    rates = [learning_rate(rate, phase, step, step) for step in range(12)]
    assert rates[0] == pytest.approx(2e-4, rel=1e-3)
    assert rates[:10] == sorted(rates[:10])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch": (1, 2)}, "--batch names 2 sizes, --size 1; give one"),
        ({"sizes": (Size(128, 1.0), Size(256))}, "for 2 sizes; write --size"),
        ({"sizes": (Size(128, 0.0),)}, "for 1 sizes; write --size"),
        ({"sizes": (Size(128, float("nan")),)}, "shares nan for 1 sizes"),
    ],
)
def test_lists_that_do_not_fit_are_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        plan(**wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"sizes": (100,)}, "--size 100.*give 96"),
        ({"sizes": (8,)}, "--size 8.*give 16"),
        ({"crop": 40}, "--crop 40.*give 48"),
        ({"sizes": (32, 64), "crop": 80}, "--crop 80 is larger than --size 64"),
        ({"stage": "2", "sizes": (16,)}, "--size 16.*perceptual.*give 32"),
        ({"stage": "all", "crop": 16}, "--crop 16.*perceptual"),
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
        ({"tint": float("inf")}, "--tint"),
        ({"exposure": 16.5}, "--exposure"),
        ({"zoom": 1.0}, "--zoom"),
        ({"sobel_weight": float("nan")}, "--sobel-weight"),
        ({"structure_weight": -1.0}, "--structure-weight"),
    ],
)
def test_numbers_that_cannot_be_trained_with_are_refused(wrong, says):
    with pytest.raises(UsageError, match=says):
        check(settings(**wrong))


def test_small_pictures_are_fine_where_vgg16_does_not_pool_them_away():
    small = {"stage": "2", "sizes": (16,)}
    for options in ({"perceptual": False}, {"vgg_layer": 23}, {"loss": "sobel"}):
        check(settings(**small, **options))


@pytest.mark.parametrize("length", [{"steps": 100}, {"minutes": 100 / 60}])
def test_warming_up_takes_at_most_a_tenth_of_a_stage(length):
    rate = RateOptions(warmup=200, shape="constant")
    (phase,) = plan(**length).phases
    rates = [learning_rate(rate, phase, step, step) for step in range(12)]
    assert rates[0] == pytest.approx(rate.lr / 200)
    assert rates == sorted(rates)
    assert rates[10] == pytest.approx(rate.lr)


LAYERS = ModelConfig("lightstage")


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"from_light": "2500_N"}, "--from"),
        ({"to_light": "2500_N"}, "--to"),
        ({"mirror": True}, "--mirror"),
        ({"zoom": 0.5}, "--zoom"),
        ({"crop": 32}, "--crop"),
        ({"stage": "all"}, "--stage"),
        ({"loss": "l1"}, "--loss"),
        ({"perceptual": False}, "--no-perceptual"),
        ({"vgg": "x"}, "--vgg"),
        ({"sobel_weight": 1.0}, "--sobel-weight"),
        ({"model": ModelConfig("lightstage", value_range="centred")}, "--value-range"),
    ],
)
def test_options_of_pairs_are_refused_where_layers_are_painted(given, flag):
    small = {"model": LAYERS, "sizes": (64,)}
    check(settings(**small))
    check(settings(**small, loss="layers", lr=1.0, optimizer="muon", clip=0.0))
    with pytest.raises(UsageError, match=f"^{flag} is for pairs: .*drop {flag}$"):
        check(settings(**{**small, **given}))
