"""Examples are cut and mirrored rightly, and alike on any device."""

import itertools
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import pairs
from msrnet_cli.images.colour.spaces import linear_from_srgb
from msrnet_cli.pairs import cut
from msrnet_cli.pairs.cut import Cutter, Example
from msrnet_cli.pairs.draw import Choice, Draw
from msrnet_cli.pairs.files import PictureFile
from msrnet_cli.pairs.find import Pair, find_pairs
from msrnet_cli.pairs.options import PairOptions
from msrnet_cli.pairs.resample import Span
from msrnet_cli.pairs.store import PairStore

MIRROR = PairOptions(mirror=True)


def test_a_mirrored_pair_shows_the_same_light(tmp_path):
    """A W-lit scene seen in a mirror is lit from the east."""
    pairs.write_vidit(tmp_path, 1)
    cutter = Cutter(PairStore(find_pairs(tmp_path, MIRROR).pairs), MIRROR)
    batches = [cutter.batch([number], 64) for number in range(12)]
    assert {batch.names for batch in batches} == {
        ("Image000",),
        ("Image000 mirrored",),
    }
    for batch in batches:
        columns = batch.target.mean((0, 1, 2))
        assert columns[48:].mean() > 1.5 * columns[:16].mean()
    plain, other = (
        next(b for b in batches if b.names == (name,))
        for name in ("Image000", "Image000 mirrored")
    )
    assert torch.equal(other.source, plain.source.flip(-1))


def test_an_example_depends_on_its_number_and_the_seed_alone(tmp_path):
    pairs.write_vidit(tmp_path, 3)
    options = PairOptions(mirror=True, exposure=0.5, tint=0.2)
    store = PairStore(find_pairs(tmp_path, options).pairs)
    first = Cutter(store, options, seed=1).batch([7, 8], 48, 32)
    again = Cutter(store, options, seed=1).batch([8, 7], 48, 32)
    other = Cutter(store, options, seed=2).batch([7, 8], 48, 32)
    assert torch.equal(first.source, again.source.flip(0))
    assert not torch.equal(first.source, other.source)


def test_zoom_shows_the_same_part_of_both_pictures(tmp_path):
    """Pictures of coordinates tell which part of them is seen."""
    ramp = torch.linspace(0, 1, 64)
    picture = torch.stack(
        [*torch.meshgrid(ramp, ramp, indexing="ij"), ramp * ramp[:, None]]
    )
    for light in ("6500_N", "4500_E"):
        pairs.save(picture, tmp_path / f"Image000_{light}.png")
    store = PairStore(find_pairs(tmp_path).pairs)
    cutter = Cutter(store, PairOptions(zoom=0.5))
    batch = cutter.batch(range(200), 32)
    assert torch.equal(batch.source, batch.target)
    spans = batch.source[:, :2].amax((2, 3)) - batch.source[:, :2].amin((2, 3))
    assert spans.min() > 0.4, "at least half of each side"
    assert spans.max() > 0.9, "up to all of it"
    assert spans.median() > 0.75, "mostly nearly all"
    torch.testing.assert_close(spans[:, 0], spans[:, 1], rtol=0, atol=0.03)
    assert batch.source[:, 0].mean((1, 2)).std() > 0.01, "from anywhere"


@pytest.mark.parametrize("few", [False, True])
def test_zoomed_pictures_of_several_sizes_in_any_company(tmp_path, monkeypatch, few):
    for number, (height, width) in enumerate([(64, 64), (48, 80), (64, 64), (90, 40)]):
        for light in ("6500_N", "4500_E", "4500_W"):
            picture = torch.rand(3, height, width)
            pairs.save(picture, tmp_path / f"Image00{number}_{light}.png")
    options = PairOptions(mirror=True, zoom=0.6)
    cutter = Cutter(PairStore(find_pairs(tmp_path, options).pairs), options)
    alone = cutter.batch(range(12), 32, 24)
    assert alone.source.shape == alone.target.shape == (12, 3, 24, 24)
    assert {name.endswith("mirrored") for name in alone.names} == {True, False}
    monkeypatch.setattr(cut, "_is_fast", lambda _: False)  # as on a GPU
    monkeypatch.setattr(cut, "_RESAMPLED", 1 if few else 1 << 20)
    together = cutter.batch(range(12), 32, 24)
    assert together.names == alone.names
    for name in ("source", "target"):
        mine, other = getattr(together, name), getattr(alone, name)
        assert mine.is_contiguous()
        torch.testing.assert_close(mine, other, rtol=0, atol=2e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_examples_cut_on_cuda_are_those_cut_on_the_cpu(tmp_path):
    pairs.write_vidit(tmp_path, 3)
    options = PairOptions(mirror=True, zoom=0.6, exposure=0.3, tint=0.1)
    found = find_pairs(tmp_path, options).pairs
    one, other = (
        Cutter(PairStore(found, device=torch.device(name)), options).batch(range(9), 32)
        for name in ("cpu", "cuda")
    )
    for name in ("source", "target"):
        assert getattr(other, name).is_cuda
        torch.testing.assert_close(
            getattr(other, name).cpu(), getattr(one, name), rtol=0, atol=1e-4
        )


@pytest.mark.parametrize("flip", [False, True])
def test_an_example_is_the_part_that_was_drawn(flip):
    """The longer side is cut after it was brought to its length, and then flipped."""
    pictures = torch.randint(256, (2, 3, 64, 96), dtype=torch.uint8)
    rows, columns = Span(5, 40, 32, 3), Span(7, 60, 48, 11)
    pair = Pair("scene", PictureFile(Path("N.png")), PictureFile(Path("E.png")))
    choice = Choice(pair, pair.source, pair.target, flip)
    found = cut.alone(Example(pictures, Draw(choice, rows, columns, 24, None)))
    part = pictures[..., 5:45, 7:67].float() / 255
    whole = F.interpolate(part, (32, 48), mode="bilinear", antialias=True)
    expected = whole[..., 3:27, 11:35]
    expected = expected.flip(-1) if flip else expected
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)


def test_validation_shows_pictures_as_they_are(tmp_path):
    pairs.write_vidit(tmp_path, 2)
    options = PairOptions(mirror=True, exposure=0.5, tint=0.2, zoom=0.5)
    store = PairStore(find_pairs(tmp_path, options).pairs)
    batch = Cutter(store, options, seed=None).batch(range(2), 64)
    assert batch.names == ("Image000", "Image001")
    expected = [pair.target.decode() / 255 for pair in store.pairs]
    assert torch.equal(batch.target, torch.stack(expected))


def test_exposure_and_tint_change_the_light_of_both_pictures(tmp_path):
    pairs.write_vidit(tmp_path, 1)
    store = PairStore(find_pairs(tmp_path).pairs)
    plain = Cutter(store, PairOptions()).batch([0, 1], 64)
    cutter = Cutter(store, PairOptions(exposure=1.0, tint=0.3))
    varied = cutter.batch([0, 1], 64)
    for name, place in itertools.product(("source", "target"), range(2)):
        gains = cutter.sampler.draw(place, (64, 64), 64).gains
        before, after = (
            linear_from_srgb(getattr(batch, name)[place]) for batch in (plain, varied)
        )
        expected = (before * torch.tensor(gains)[:, None, None]).clamp(0, 1)
        torch.testing.assert_close(after, expected, rtol=0, atol=1e-5)
