"""A network that paints every light sees the mirror image, too, and the mean counts."""

import copy
from dataclasses import replace

import pytest
import torch

from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.relights import recipes
from msrnet_cli.layers.compose import compose
from msrnet_cli.layers.draw import Ambient, Draw, Exposure, Key
from msrnet_cli.layers.store import Batch
from msrnet_cli.networks import lightstage
from msrnet_cli.networks.dmshn import DMSHN
from msrnet_cli.networks.lightstage import LightStage, from_mirror
from msrnet_cli.networks.spec import Inputs
from msrnet_cli.relight import passes
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.train import lighting
from relighters import SMALL
from smooth import drawn
from stages import card

DAY = Draw(
    kind="day",
    key=Key(70.0, 30.0, 4000.0),
    ambient=Ambient(0.6, 8000.0, 0.5),
    exposure=Exposure(brightness=0.3),
)


def truth(draw):
    """All that a perfect network paints of a draw, 1 33 H W."""
    made = compose(drawn(3, (32, 32)), draw, 32)
    one = Batch(
        made.picture[None], made.layers[None], made.normal[None], (draw,), ("a",)
    )
    seen = lighting.Batch.of(one, torch.device("cpu"))
    light = seen.light[..., None, None].expand(-1, -1, 32, 32)
    return torch.cat((seen.target, light), 1)


def stage(channels=2, **options):
    torch.manual_seed(4)
    network = LightStage(channels)
    usual = {"device": "cpu", "dtype": "fp32", "engine": "eager", "work_size": "full"}
    return Relighter(network, card(channels), **(usual | options))


def painted(subject, pictures):
    """All outputs, not clamped."""
    return forward(subject).paint(Inputs(pictures))


def forward(subject):
    return subject._session.forwards.chosen


@pytest.mark.parametrize("azimuth", [0, 70, 180, 225])
def test_a_perfect_network_paints_the_same_by_way_of_a_mirror(azimuth):
    plain = replace(DAY, key=replace(DAY.key, azimuth=azimuth))
    other = replace(plain, mirror=True, key=replace(DAY.key, azimuth=-azimuth % 360))
    torch.testing.assert_close(from_mirror(truth(other)), truth(plain))


def test_a_mirror_of_a_mirror_is_what_was_painted():
    painted = torch.rand(2, 3 * len(lightstage.OUTPUTS), 8, 8)
    before = painted.clone()
    torch.testing.assert_close(from_mirror(from_mirror(painted)), painted)
    assert torch.equal(painted, before)


def test_what_is_painted_of_a_picture_and_of_its_mirror_image_agree():
    picture = torch.rand(2, 3, 64, 96)
    subject, alone = stage(), stage(self_ensemble=False)
    here, there = painted(alone, picture), from_mirror(painted(alone, picture.flip(-1)))
    assert (here - there).abs().max() > 0.01
    twice = painted(subject, picture)
    torch.testing.assert_close(twice, (here + there) / 2)
    torch.testing.assert_close(from_mirror(painted(subject, picture.flip(-1))), twice)
    assert (subject.self_ensemble, alone.self_ensemble) == (True, False)


def test_tiles_are_exact():
    pass_of, picture = forward(stage(1)), Inputs(torch.rand(1, 3, 40, 1500))
    whole, tiled = (passes._run(pass_of, picture, core) for core in (None, 256))
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=0)


def test_copies_see_a_picture_as_often_as_the_original():
    picture = torch.rand(3, 32, 32)
    for subject in (stage(), stage(self_ensemble=False)):
        twin = copy.copy(subject)
        assert twin.self_ensemble == subject.self_ensemble
        painted, same = (one.layers(picture).painted for one in (subject, twin))
        assert torch.equal(painted, same)


def test_a_network_whose_light_has_a_side_sees_a_picture_once():
    subject = Relighter(DMSHN(4), SMALL, device="cpu", dtype="fp32")
    assert not subject.self_ensemble


def test_results_made_otherwise_are_made_anew():
    (twice, *_), (once, *_) = (
        recipes(one, FolderOptions()) for one in (stage(), stage(self_ensemble=False))
    )
    assert twice != once
