"""The memory ladder: smaller batches, tiles, or advice; never a crash."""

import re

import pytest
import torch

from msrnet_cli import hardware
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.networks import architecture
from msrnet_cli.networks.dmshn import DMSHN
from msrnet_cli.networks.drn import DRN
from msrnet_cli.relight import device_copy, tiling
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.relight.session import Session
from networks import tinted_identity
from relighters import SMALL, relighter

PASS = architecture("dmshn").bytes_per_pixel_at("fp32", 32)  # bytes for each pixel


def full(*_, **__):
    raise torch.OutOfMemoryError("CUDA out of memory")


def test_no_memory_for_the_result_is_said(identity_file, monkeypatch):
    subject = Relighter.load(identity_file, device="cpu", dtype="fp32", work_size=32)
    monkeypatch.setattr(hardware, "free_bytes", lambda _: 32 * 32 * PASS)
    (failure,) = subject.run([torch.rand(3, 400, 400)]).outputs
    assert "400x400" in failure.reason


class Hungry(torch.nn.Module):
    """Runs out of memory for more than a given number of pictures."""

    def __init__(self, limit):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.limit = limit

    def forward(self, x):
        if len(x) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return x


def test_a_batch_too_large_is_split_and_that_is_said():
    pictures = [torch.rand(3, 16, 16) for _ in range(7)]
    result = relighter(Hungry(2)).run(pictures)
    assert all(torch.equal(a, b) for a, b in zip(pictures, result.outputs, strict=True))
    assert any("split" in note for note in result.notes)


def test_one_picture_too_large_fails_with_its_size():
    result = relighter(Hungry(0)).run([torch.rand(3, 16, 32)])
    assert "32x16" in result.outputs[0].reason


def test_memory_is_looked_at_before_it_is_taken(monkeypatch):
    subject = relighter(DMSHN(4))
    monkeypatch.setattr(hardware, "free_bytes", lambda _: 1000)
    (failure,) = subject.run([torch.rand(3, 64, 64)]).outputs
    assert "memory" in failure.reason


def test_tiles_take_four_fifths_of_the_memory_that_is_free(monkeypatch):
    subject = relighter(Hungry(0))
    asked = []
    monkeypatch.setattr(hardware, "free_bytes", lambda _: 10**9)
    monkeypatch.setattr(tiling, "largest_core", lambda *sizes: asked.append(sizes))
    subject.run([torch.rand(3, 64, 96)])
    ((height, width, _, pixels, _),) = asked
    assert (height, width) == (64, 96)
    assert pixels * PASS == pytest.approx(0.8e9, rel=1e-3)


def test_memory_that_runs_out_in_tiles_too_halves_what_is_advised(monkeypatch):
    monkeypatch.setattr(hardware, "free_bytes", lambda _: int(512 * 512 * PASS * 1.26))
    (failure,) = relighter(Hungry(0)).run([torch.rand(3, 512, 512)]).outputs
    advised = int(re.search(r"--work-size (\d+) fits", failure.remedy)[1])
    assert 320 < advised <= 512 * 0.5**0.5 * 1.01


class Narrow(Hungry):
    """Runs out of memory for more than a given number of pixels."""

    def forward(self, x):
        if x[:, 0].numel() > self.limit:
            raise RuntimeError("MPS backend out of memory")
        return x


def test_where_free_memory_is_unknown_tiles_are_halved_until_they_fit(monkeypatch):
    monkeypatch.setattr(hardware, "free_bytes", lambda _: None)
    smallest = tiling.SMALLEST_CORE + 2 * architecture("dmshn").reach
    network = Narrow(smallest**2)
    subject = Relighter(network, SMALL, device="cpu", dtype="fp32", work_size="full")
    picture = torch.rand(3, smallest + 400, smallest + 800)
    result = subject.run([picture])
    assert torch.equal(*result.pictures(), picture)
    (note,) = result.notes
    assert int(re.search(r"run in (\d+) tiles", note)[1]) > 1


def test_where_free_memory_is_unknown_and_no_tile_fits_a_size_is_advised(monkeypatch):
    monkeypatch.setattr(hardware, "free_bytes", lambda _: None)
    (failure,) = relighter(Narrow(1000)).run([torch.rand(3, 600, 800)]).outputs
    assert re.fullmatch(r"800x600 needs about [\d.]+ GB of memory", failure.reason)
    advised = int(re.search(r"^try --work-size (\d+),", failure.remedy)[1])
    assert 300 < advised <= 800 * 0.5**0.5


def test_a_network_that_sees_the_whole_picture_is_never_run_in_tiles(monkeypatch):
    card = WeightsCard(model=ModelConfig("drn", 2))
    subject = Relighter(
        DRN(2), card, device="cpu", dtype="fp32", engine="eager", work_size="full"
    )
    needed = architecture("drn").bytes_per_pixel_at("fp32", 2) * 320 * 256
    monkeypatch.setattr(hardware, "free_bytes", lambda _: int(needed / 2))
    (failure,) = subject.run([torch.rand(3, 250, 310)]).outputs
    assert re.fullmatch(
        r"310x250 needs about [\d.]+ GB of memory, in one piece, [\d.]+ GB are free",
        failure.reason,
    )
    advised = int(re.search(r"^--work-size (\d+) fits", failure.remedy)[1])
    smaller = Relighter(DRN(2), card, device="cpu", dtype="fp32", work_size=advised)
    assert smaller.run([torch.rand(3, 250, 310)]).pictures()


def test_memory_that_runs_out_elsewhere_fails_the_pictures_with_their_size(
    monkeypatch,
):
    subject = relighter(DMSHN(4), dtype="bf16")
    for owner, place in ((Session, "suited"), (device_copy, "stacked")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, place, full)
            result = subject.run([torch.rand(3, 16, 32)] * 2)
        assert len(result.outputs) == 2
        assert all("32x16" in failure.reason for failure in result.outputs)


def test_other_errors_are_not_swallowed():
    class Broken(Hungry):
        def forward(self, x):
            raise RuntimeError(f"illegal memory access {x.shape}")

    with pytest.raises(RuntimeError, match="illegal"):
        relighter(Broken(1)).run([torch.rand(3, 16, 16)])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_pictures_that_the_gpu_cannot_hold_are_carried_in_strips(monkeypatch):
    network = tinted_identity((1, 0.8, 0.5))
    card = WeightsCard(model=ModelConfig("dmshn", 12))
    subject = Relighter(network, card, device="cuda", dtype="fp32", work_size=64)
    picture = quantise(torch.rand(3, 200, 300), 8)
    expected = subject.run([picture]).outputs[0]
    monkeypatch.setattr(device_copy, "upload", full)
    found = subject.run([picture]).outputs[0]
    assert (unit(found) - unit(expected)).abs().max() <= 1.01 / 255


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_runs_out_of_memory_gracefully():
    subject = Relighter(DMSHN(32), SMALL, device="cuda", dtype="fp32", work_size="full")
    free, _ = torch.cuda.mem_get_info()
    taken = torch.empty(free - (1 << 30), dtype=torch.uint8, device="cuda")
    # Neither whole nor in a tile with all that it needs around it.
    (failure,) = subject.run([torch.rand(3, 2048, 2048)]).outputs
    assert "memory" in failure.reason
    del taken
    torch.cuda.empty_cache()
    assert subject.run([torch.rand(3, 256, 256)]).pictures()


def test_memory_that_is_kept_counts_as_free(identity, monkeypatch):
    returned = []
    free = {False: 1000, True: 10**9}
    monkeypatch.setattr(hardware, "free_bytes", lambda _: free[bool(returned)])
    monkeypatch.setattr(hardware, "return_freed_memory", lambda: returned.append(1))
    relit = identity.run([torch.rand(3, 64, 64)])
    assert relit.pictures()
    assert relit.notes == ()
    assert returned
