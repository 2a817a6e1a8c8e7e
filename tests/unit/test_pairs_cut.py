"""Examples are cut and mirrored rightly, and alike on any device."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

import pairs
from msrnet_cli.config import DataOptions
from msrnet_cli.images.colour import linear_from_srgb
from msrnet_cli.pairs import cut
from msrnet_cli.pairs.cut import Cutter
from msrnet_cli.pairs.files import PictureFile
from msrnet_cli.pairs.find import find_pairs
from msrnet_cli.pairs.store import PairStore

MIRROR = DataOptions(mirror=True)


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
    options = DataOptions(mirror=True, exposure=0.5, tint=0.2)
    store = PairStore(find_pairs(tmp_path, options).pairs)
    first = Cutter(store, options, seed=1).batch([7, 8], 48, 32)
    again = Cutter(store, options, seed=1).batch([8, 7], 48, 32)
    other = Cutter(store, options, seed=2).batch([7, 8], 48, 32)
    assert torch.equal(first.source, again.source.flip(0))
    assert not torch.equal(first.source, other.source)


def test_every_pass_shows_every_pair_once(tmp_path):
    pairs.write_vidit(tmp_path, 5)
    cutter = Cutter(PairStore(find_pairs(tmp_path).pairs), DataOptions())
    names = cutter.batch(range(15), 16).names
    turns = [names[i : i + 5] for i in (0, 5, 10)]
    assert all(len(set(turn)) == 5 for turn in turns)
    assert len(set(turns)) > 1, "each pass has an order of its own"


def test_zoom_shows_the_same_part_of_both_pictures(tmp_path):
    """Pictures of coordinates tell which part of them is seen."""
    ramp = torch.linspace(0, 1, 64)
    picture = torch.stack(
        [*torch.meshgrid(ramp, ramp, indexing="ij"), ramp * ramp[:, None]]
    )
    for light in ("6500_N", "4500_E"):
        pairs.save(picture, tmp_path / f"Image000_{light}.png")
    store = PairStore(find_pairs(tmp_path).pairs)
    cutter = Cutter(store, DataOptions(zoom=0.5))
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
    options = DataOptions(mirror=True, zoom=0.6)
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
    options = DataOptions(mirror=True, zoom=0.6, exposure=0.3, tint=0.1)
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


def test_a_zoomed_part_is_what_is_in_the_picture(tmp_path):
    """The same numbers draw the same parts, mirrored or not."""
    pairs.write_vidit(tmp_path, 1)
    options = replace(MIRROR, zoom=0.5)
    cutter = Cutter(PairStore(find_pairs(tmp_path, options).pairs), options)
    pictures = {
        light: PictureFile(tmp_path / f"Image000_{light}.png").decode() / 255
        for light in ("6500_N", "4500_E", "4500_W")
    }
    for number in range(8):
        batch = cutter.batch([number], 32)
        _, _, _, flip, chance = cutter._chosen(number)
        share = 1 - 0.5 * chance.random() ** 2
        length = round(64 * share)
        top, left = (chance.randint(0, 64 - length) for _ in "yx")
        for found, light in ((batch.source, "6500_N"), (batch.target, None)):
            light = light or ("4500_W" if flip else "4500_E")
            part = pictures[light][:, top : top + length, left : left + length]
            expected = F.interpolate(
                part[None], (32, 32), mode="bilinear", antialias=True
            )
            expected = expected.flip(-1) if flip else expected
            torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)


def test_zoom_is_for_training_alone(tmp_path):
    pairs.write_vidit(tmp_path, 1)
    store = PairStore(find_pairs(tmp_path).pairs)
    shown = [
        Cutter(store, DataOptions(zoom=zoom), training=False).batch([0], 32).source
        for zoom in (0.0, 0.5)
    ]
    assert torch.equal(*shown)


def test_exposure_changes_both_pictures_by_the_same_light(tmp_path):
    pairs.write_vidit(tmp_path, 1)
    store = PairStore(find_pairs(tmp_path).pairs)
    plain = Cutter(store, DataOptions()).batch([0], 64)
    varied = Cutter(store, DataOptions(exposure=1.0)).batch([0], 64)
    gains = []
    for name in ("source", "target"):
        before, after = (linear_from_srgb(getattr(b, name)) for b in (plain, varied))
        seen = (after < 0.9) & (before > 0.05)
        gains.append((after[seen] / before[seen]).median().item())
    assert gains[0] == pytest.approx(gains[1], rel=1e-3)
    assert 0.5 <= gains[0] <= 2
