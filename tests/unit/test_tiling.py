"""Tiles: every pixel once, and the pixels of the whole."""

import pytest
import torch

from msrnet_cli import engines, hardware
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.networks import architecture, build
from msrnet_cli.relight import tiling
from msrnet_cli.relight.relighter import Relighter

TINY = {arch: ModelConfig(arch, 2) for arch in ("dmshn", "stacked")}


@pytest.mark.parametrize("size", [(16, 16), (160, 640), (48, 1008)])
@pytest.mark.parametrize("core", [16, 64, 256])
def test_every_pixel_is_answered_for_once(size, core):
    seen = torch.zeros(size)
    picture = torch.rand(size)
    for tile in tiling.cut(*size, core, 32):
        seen[tile.target] += 1
        assert torch.equal(picture[tile.window][tile.inner], picture[tile.target])
        assert all(part.start % 16 == 0 for part in tile.window)
    assert (seen == 1).all()


def test_the_largest_core_that_fits():
    assert tiling.largest_core(4000, 4000, 464, 4000 * 4000, 16) >= 4000 - 2 * 464
    core = tiling.largest_core(4000, 6000, 464, 3_000_000, 16)
    assert core % 16 == 0
    assert (core + 928) ** 2 <= 3_000_000 < (core + 16 + 928) ** 2
    assert tiling.largest_core(4000, 4000, 464, 1_000_000, 16) is None


def test_the_size_that_is_advised_is_not_run_whole(monkeypatch):
    card = WeightsCard(model=ModelConfig("dmshn", 4))
    picture = torch.rand(3, 600, 600)
    short_of_memory(monkeypatch, 0.8 * 350_000)
    network = build(card.model)
    (failure,) = Relighter(network, card, dtype="fp32").run([picture]).outputs
    size = int(failure.remedy.split("--work-size ")[1].split()[0])
    smaller = Relighter(network, card, dtype="fp32", work_size=size)
    assert smaller.run([picture]).pictures()


@pytest.mark.parametrize("arch", ["dmshn", "stacked"])
def test_halos_cover_what_the_network_sees(arch):
    """A change just beyond the halo must not reach the middle."""
    halo = architecture(arch).reach
    network = build(TINY[arch]).double().eval()
    length = 2 * halo + 32
    picture = torch.rand(1, 3, 16, length, dtype=torch.float64)
    changed = picture.clone()
    changed[..., :16] = 1 - changed[..., :16]
    with torch.no_grad():
        difference = (network(changed) - network(picture)).abs()[0].amax((0, 1))
    # Tiles begin at multiples of 16; the tile behind the halo begins here:
    assert difference[16 + halo :].max() == 0
    assert difference[: halo // 2].max() > 0


def short_of_memory(monkeypatch, pixels):
    """Memory for so many pixels of a network in fp32."""
    engine = engines.choose(torch.device("cpu"), torch.float32)
    each = architecture("dmshn").bytes_per_pixel_at("fp32", 32, engine)
    free = int(pixels * each / 0.8) + 1
    monkeypatch.setattr(hardware, "free_bytes", lambda _: free)


@pytest.mark.parametrize("size", [(64, 1700), (2000, 50)])
def test_tiles_give_the_pixels_of_the_whole(size, monkeypatch):
    card = WeightsCard(model=ModelConfig("dmshn", 4))
    network = build(card.model)
    with torch.no_grad():
        network.decoder1[8].bias.fill_(0.4)
    subject = Relighter(network, card, device="cpu", dtype="fp32", work_size="full")
    picture = torch.rand(3, *size)
    whole = subject.run([picture])
    assert whole.notes == ()
    short_of_memory(monkeypatch, 64 * (256 + 2 * 464))  # one core and its halo
    tiled = subject.run([picture])
    assert any("tiles" in note for note in tiled.notes)
    torch.testing.assert_close(tiled.outputs[0], whole.outputs[0], rtol=0, atol=1e-5)


def test_what_does_not_fit_in_tiles_is_refused_with_the_size_that_does(monkeypatch):
    card = WeightsCard(model=ModelConfig("dmshn", 4))
    network = build(card.model)
    picture = torch.rand(3, 1600, 1700)
    short_of_memory(monkeypatch, 500_000)
    full = Relighter(network, card, device="cpu", dtype="fp32", work_size="full")
    (failure,) = full.run([picture]).outputs
    assert "1700x1600 needs about" in failure.reason
    size = int(failure.remedy.split("--work-size ")[1].split()[0])
    monkeypatch.setattr("msrnet_cli.relight.carry._BYTES", 1)
    smaller = Relighter(network, card, device="cpu", dtype="fp32", work_size=size)
    assert smaller.run([picture]).pictures()
    assert 500 <= size <= 750
