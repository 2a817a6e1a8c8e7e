"""Engines: each computes what the plain network computes."""

import copy
import itertools
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext

import pytest
import torch

from msrnet_cli import engines, hardware, networks
from msrnet_cli.config import ModelConfig
from msrnet_cli.engines import AGREEMENT_DB, Probe, choose, compiled, fused
from msrnet_cli.engines.cuda import graph
from msrnet_cli.engines.eager import Eager
from msrnet_cli.errors import DeviceError
from msrnet_cli.metrics import psnr
from msrnet_cli.networks.dmshn import DMSHN, Chain
from msrnet_cli.networks.spec import Inputs
from msrnet_cli.networks.stacked import StackedDMSHN

CPU = torch.device("cpu")
CUDA = torch.device("cuda", 0)
PICTURE = 1024 * 1024
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
needs_fused = pytest.mark.skipif(
    not fused.is_supported(torch.float32), reason="this torch lacks oneDNN"
)
needs_bf16 = pytest.mark.skipif(
    not fused.is_supported(torch.bfloat16), reason="this processor lacks bfloat16"
)
needs_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")


def network_of(kind=StackedDMSHN, channels=16):
    """Every level paints, and every block and bias has its part in it."""
    generator = torch.Generator().manual_seed(5)
    network = kind(channels).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    return network


def images_of(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(7)) - 0.5


def ready(network, engine, images=None):
    """Tried on a picture, as the plain network sees it in float32."""
    first = next(network.parameters())
    picture = images_of(1, 3, 16, 16) if images is None else images
    probe = Probe(
        lambda: copy.deepcopy(network).float(), Inputs(picture.to(first.device))
    )
    return engines.make(network, engine, probe)


@pytest.fixture(autouse=True)
def no_grad():
    with torch.no_grad():
        yield


# --- fused -----------------------------------------------------------------------


@needs_fused
@pytest.mark.parametrize("kind", [DMSHN, StackedDMSHN])
@pytest.mark.parametrize("shape", [(1, 16, 16), (1, 48, 80), (3, 32, 16), (1, 144, 96)])
def test_fused_computes_what_the_network_computes(kind, shape):
    network = network_of(kind)
    images = images_of(shape[0], 3, *shape[1:])
    expected = network(images)
    assert expected.std() > 0.01
    assert torch.allclose(fused.fuse(network)(images), expected, atol=1e-5)


@needs_fused
def test_fused_leaves_the_network_and_the_picture_alone():
    network, images = network_of(), images_of(1, 3, 32, 32)
    before, image = copy.deepcopy(network.state_dict()), images.clone()
    made = fused.fuse(network)
    first = made(images)
    assert torch.equal(made(images), first)
    assert torch.equal(images, image)
    for name, values in network.state_dict().items():
        assert torch.equal(values, before[name])


@needs_fused
def test_fused_takes_any_memory_layout():
    made, images = fused.fuse(network_of()), images_of(2, 3, 32, 48)
    expected = made(images)
    turned = images.to(memory_format=torch.channels_last)
    assert torch.allclose(made(turned), expected, atol=1e-6)
    wide = torch.cat((images, images), 3)
    assert torch.allclose(made(wide[..., :48]), expected, atol=1e-6)


@needs_fused
def test_fused_may_be_shared_between_threads():
    made = fused.fuse(network_of(channels=8))
    pictures = [images_of(1, 3, 32, 16 * n) for n in range(1, 9)]
    expected = [made(one) for one in pictures]

    def run(image):
        with torch.no_grad():
            return made(image)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, pictures * 4))
    assert all(map(torch.equal, found, expected * 4))


@needs_fused
def test_fused_takes_no_chain_whose_maps_cannot_share_memory():
    first = torch.nn.Conv2d(3, 8, 3, padding=1)
    last = torch.nn.Conv2d(8, 3, 3, padding=1)
    for inner in (
        torch.nn.Conv2d(8, 8, 3, padding=1),
        torch.nn.Conv2d(8, 8, 3, stride=2, padding=1),
        torch.nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1),
    ):
        assert not fused.covers(Chain(first, inner, last))
    assert fused.covers(Chain(first, last))


@needs_fused
def test_fusing_draws_no_random_numbers():
    network = network_of()
    before = torch.get_rng_state()
    fused.fuse(network)
    assert torch.equal(torch.get_rng_state(), before)


@needs_bf16
def test_fused_in_bfloat16_agrees_with_float32():
    network, images = network_of(), images_of(1, 3, 96, 96)
    made = fused.fuse(copy.deepcopy(network).bfloat16())
    found = made(images)
    assert found.dtype == torch.float32
    plain = Eager(copy.deepcopy(network).bfloat16())(images)
    exact = network(images)
    assert psnr(found, exact) >= AGREEMENT_DB
    # Pictures are added in full precision: not a step behind the plain network.
    assert psnr(found, exact) >= psnr(plain, exact) - 1


# --- the choice --------------------------------------------------------------------


@needs_fused
def test_a_cpu_never_waits_for_a_compiler():
    assert choose(CPU, torch.float32, 1e6 * PICTURE) == "fused"
    assert choose(CPU, torch.float16, 1e6 * PICTURE) == "eager"


def test_cuda_compiles_for_much_work_only(monkeypatch):
    monkeypatch.setattr(compiled, "is_supported", lambda _: True)
    assert choose(CUDA, torch.bfloat16) == "graph"
    assert choose(CUDA, torch.bfloat16, 3 * PICTURE) == "graph"
    assert choose(CUDA, torch.bfloat16, 100_000 * PICTURE) == "compiled"
    monkeypatch.setattr(compiled, "is_supported", lambda _: False)
    assert choose(CUDA, torch.bfloat16, 100_000 * PICTURE) == "graph"


def test_other_devices_run_the_plain_network():
    assert choose(torch.device("mps"), torch.float32, 100_000 * PICTURE) == "eager"


def broken(_):
    raise RuntimeError("no such operator")


def wrong(network):
    return Eager(network_of(type(network), 8))


@needs_fused
@pytest.mark.parametrize(
    ("fuse", "reason"), [(broken, "no such operator"), (wrong, r"\d dB only")]
)
def test_an_engine_that_fails_is_replaced_by_the_plain_network_and_said(
    fuse, reason, monkeypatch
):
    monkeypatch.setattr(fused, "fuse", fuse)
    network, probe = network_of(), images_of(1, 3, 64, 64)
    made = ready(network, "auto", probe)
    assert made.engine == "eager"
    assert re.fullmatch(f"eager, for engine fused: .*{reason}", made.note)
    assert torch.allclose(made.network(probe), network(probe), atol=1e-5)


class Off(torch.nn.Module):
    """The network, off by a little everywhere, up and down in turn."""

    def __init__(self, network, decibels):
        super().__init__()
        self.network, self.error = Eager(network), 10 ** (-decibels / 20)

    def forward(self, image):
        found = self.network(image)
        signs = torch.ones(found.shape[-1])
        signs[::2] = -1
        return found + self.error * signs


@needs_fused
@pytest.mark.parametrize(("decibels", "engine"), [(40, "eager"), (50, "fused")])
def test_an_engine_has_to_agree_to_45_decibels(monkeypatch, decibels, engine):
    monkeypatch.setattr(fused, "fuse", lambda network: Off(network, decibels))
    assert ready(network_of(), "auto", images_of(1, 3, 64, 64)).engine == engine


@needs_bf16
def test_an_engine_worse_than_a_coarse_network_is_replaced(monkeypatch):
    network = network_of()
    network[1].decoder1[8].weight.mul_(100)
    images = images_of(1, 3, 64, 64)
    coarse = copy.deepcopy(network).bfloat16()
    usual = psnr(Eager(coarse)(images), network(images))
    assert usual < AGREEMENT_DB
    monkeypatch.setattr(fused, "fuse", lambda network: Off(network, usual - 6))
    assert ready(coarse, "auto", images).engine == "eager"


class Failing(torch.nn.Module):
    """Right at first, then not a number: a recording that cannot be replayed."""

    def __init__(self, network):
        super().__init__()
        self.network, self.calls = network, 0

    def forward(self, image):
        self.calls += 1
        return image * float("nan") if self.calls > 1 else self.network(image)


def test_one_answer_that_is_no_number_is_not_hidden_by_a_good_one():
    network = network_of()
    probe = Probe(lambda: network, Inputs(images_of(1, 3, 16, 16)))
    probe._inputs *= 2
    assert not probe.agreement(Failing(network)) >= AGREEMENT_DB
    assert probe.agreement(Eager(network)) >= AGREEMENT_DB


@needs_bf16
def test_an_engine_no_worse_than_the_plain_network_is_kept():
    """Where a format is too coarse for a network, leaving the engine gains nothing."""
    network = network_of()
    network[1].decoder1[8].weight.mul_(100)
    images = images_of(1, 3, 64, 64)
    coarse = copy.deepcopy(network).bfloat16()
    made = ready(coarse, "auto", images)
    assert psnr(Eager(coarse)(images), network(images)) < AGREEMENT_DB
    assert (made.engine, made.note) == ("fused", "")


@pytest.mark.parametrize(
    ("engine", "dtype"), [("graph", torch.float32), ("fused", torch.float16)]
)
def test_an_engine_that_cannot_run_here_is_refused(engine, dtype):
    with pytest.raises(DeviceError, match=f"engine {engine}.*--engine auto"):
        ready(network_of().to(dtype), engine)


@needs_fused
@pytest.mark.parametrize("side", [32, 64, 96, 160])
def test_weights_lie_as_the_operators_want_them(side, capfd):
    """To rearrange weights at each pass took 30 times as long as the pass itself."""
    network, images = fused.fuse(network_of(DMSHN, 32)), images_of(1, 3, side, side)
    network(images)
    with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
        network(images)
    lines = capfd.readouterr().out.splitlines()
    ran = [line for line in lines if ",exec," in line]
    assert any(",convolution," in line for line in ran)
    assert not [line for line in ran if ",reorder," in line]


@needs_fused
def test_an_engine_asked_for_by_name_fails_in_one_line(monkeypatch):
    monkeypatch.setattr(fused, "fuse", broken)
    with pytest.raises(DeviceError, match=r"engine fused: no such operator.*auto"):
        ready(network_of(), "fused")


@needs_fused
def test_onednn_that_is_switched_off_is_not_used():
    torch._C._set_mkldnn_enabled(False)  # without the warnings of backends.mkldnn
    try:
        assert choose(CPU, torch.float32) == "eager"
    finally:
        torch._C._set_mkldnn_enabled(True)
    assert choose(CPU, torch.float32) == "fused"


def test_compiling_without_a_compiler_is_refused(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(DeviceError, match="compiler"):
        ready(network_of(), "compiled")


# --- compiled ------------------------------------------------------------------------


@needs_compiler
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_compiled_computes_what_the_network_computes():
    network, images = network_of(DMSHN), images_of(1, 3, 48, 32)
    made = ready(network, "compiled", images)
    assert made.engine == "compiled"
    assert torch.allclose(made.network(images), network(images), atol=1e-4)


# --- CUDA ----------------------------------------------------------------------------


def test_fast_convolutions_are_searched_for_shapes_that_come_again(monkeypatch):
    monkeypatch.setattr(graph, "_MOST_PIXELS", 0)  # nothing is recorded
    monkeypatch.setattr(graph, "_MOST_SEEN", 2)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: None)
    monkeypatch.setattr(torch.cuda, "device", nullcontext)
    searched = []

    class Watched(torch.nn.Module):
        def forward(self, image):
            aside = threading.current_thread() is not threading.main_thread()
            assert aside == torch.backends.cudnn.benchmark, "its memory is a thread's"
            searched.append(torch.backends.cudnn.benchmark)
            return image

    entered = []

    @contextmanager
    def searching():
        with hardware.searching():
            entered.append(True)
            yield

    made = graph.Graphs(Watched(), searching)
    for side in (16, 16, 32, 16, 48, 16, 32):
        made(torch.zeros(1, 3, side, side))
    assert len(entered) == 3
    assert searched == [False, True, False, True, False, True, False]
    assert not torch.backends.cudnn.benchmark


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_graph_replays_what_the_network_computes(dtype):
    network = network_of().to(CUDA, dtype)
    made = ready(network, "graph").network
    plain = Eager(network)
    # Shapes come back, more than are kept; each time with another picture.
    for turn, size in enumerate((32, 32, 32, 48, 48, 64, 80, 96, 112, 32, 32, 48)):
        images = images_of(2, 3, size, 32).roll(turn, -1).to(CUDA)
        # Other convolutions round otherwise: two of bfloat16 agree to about 60 dB.
        least = 55 if dtype == torch.bfloat16 else 60
        assert psnr(made(images), plain(images)) >= least


@pytest.mark.gpu
@needs_cuda
def test_more_shapes_than_torch_has_streams_are_recorded_one_after_the_other():
    network = network_of(channels=8).to(CUDA)
    made, plain = ready(network, "graph").network, Eager(network)
    for side in range(16, 16 * 40, 16):
        images = images_of(1, 3, 16, side).to(CUDA)
        found = [made(images) for _ in range(3)]
        assert min(psnr(one, plain(images)) for one in found) >= 60


@pytest.mark.gpu
@needs_cuda
def test_a_graph_recorded_in_inference_mode_serves_outside_of_it():
    made = ready(network_of().to(CUDA), "graph").network
    images = images_of(1, 3, 48, 48).to(CUDA)
    with torch.inference_mode():
        plain, *found = [made(images) for _ in range(3)]
    assert psnr(found[0], plain) >= 60  # the fastest convolutions may be others
    assert all(torch.equal(one, found[0]) for one in (made(images), *found[1:]))
    engines.release(made)
    assert torch.equal(made(images), found[0])


@pytest.mark.gpu
@needs_cuda
def test_a_graph_may_be_shared_between_threads():
    network = network_of(channels=8).to(CUDA)
    made = ready(network, "graph").network
    pictures = [images_of(1, 3, 32, 16 * n).to(CUDA) for n in (1, 2, 3)]
    plain = Eager(network)
    expected = [plain(one) for one in pictures]  # recorded by many threads at once

    def run(image):
        with torch.no_grad():
            return made(image)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, pictures * 4))
    assert min(map(psnr, found, expected * 4)) >= 60


@pytest.mark.gpu
@pytest.mark.slow
@needs_cuda
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_compiled_for_cuda_agrees_with_the_cpu(dtype):
    network, images = network_of(), images_of(1, 3, 96, 96)
    exact = network(images)
    placed = copy.deepcopy(network).to(CUDA, dtype)
    made = ready(placed, "compiled", images).network
    assert psnr(made(images.to(CUDA)).cpu(), exact) >= AGREEMENT_DB


# --- memory --------------------------------------------------------------------------

_FAULTS = """
import resource, sys, torch
from msrnet_cli import hardware
from msrnet_cli.engines.eager import Eager
from msrnet_cli.networks.dmshn import DMSHN
from msrnet_cli.networks.spec import Inputs
if sys.argv[1] == "kept":
    hardware.keep_freed_memory()
network, image = Eager(DMSHN(32)), torch.rand(1, 3, 640, 640)  # maps of 52 MB
def run():
    with torch.no_grad():
        network(image)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
run()
print(-run() + run())
"""


def faults_of(mode):
    """Pages of memory that the system cleared for a pass, after the first."""
    command = [sys.executable, "-c", _FAULTS, mode]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="tunes glibc")
def test_memory_that_is_kept_is_not_cleared_again():
    assert faults_of("kept") < 0.2 * faults_of("default")


def live_peak(made, image):
    """The most bytes that torch's tensors take at once, beyond those there before."""
    with torch.profiler.profile(profile_memory=True) as profiler:
        made(image)
    events = profiler.profiler.kineto_results.events()
    taken = [(e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]"]
    return max(itertools.accumulate(count for _, count in sorted(taken)))


@needs_fused
@pytest.mark.filterwarnings("ignore")  # of the profiler
@pytest.mark.parametrize(
    "kind", [DMSHN, pytest.param(StackedDMSHN, marks=pytest.mark.slow)]
)
def test_a_fused_pass_holds_one_large_map_at_a_time(kind, monkeypatch):
    monkeypatch.setattr(fused, "_STRIP", 2**20)
    network = network_of(kind, channels=32)
    made = fused.fuse(network)
    image = images_of(1, 3, 384, 384)
    large = 32 * 4 * 384**2
    weights = sum(each.nbytes for each in network.parameters())  # are laid out first
    assert large < live_peak(made, image) < 1.8 * large + weights
    assert live_peak(made, image) < 0.8 * large  # the map's memory is kept
    engines.release(made)
    # Beside it features of a quarter of its size, pictures of a tenth, and strips.
    assert large < live_peak(made, image) < 1.8 * large


@pytest.mark.parametrize("arch", networks.NAMES)
def test_an_engine_that_is_not_known_counts_as_the_hungriest(arch):
    facts = networks.architecture(arch)
    with torch.device("meta"):
        is_covered = fused.covers(networks.build(ModelConfig(arch, 16)))
    for dtype in ("fp32", "bf16"):
        plain = facts.bytes_per_pixel_at(dtype, 32)
        fused_takes = facts.bytes_per_pixel_at(dtype, 32, "fused")
        assert (fused_takes < plain) == is_covered
        assert facts.bytes_per_pixel_at(dtype, 32, "eager") == plain
    assert facts.bytes_per_pixel_at("fp16", 32, "fused") == (
        facts.bytes_per_pixel_at("fp16", 32)
    )


@needs_fused
def test_memory_that_a_fused_network_keeps_has_a_limit(monkeypatch):
    monkeypatch.setattr(fused, "_KEPT", 0)
    rooms = fused._Rooms()
    with rooms.take(1000, torch.float32) as room:
        assert len(room) == 1000
    assert not rooms._kept


@needs_fused
@pytest.mark.parametrize("arch", ["dmshn", "stacked", "lightstage"])
def test_strips_of_rows_give_what_whole_maps_give(monkeypatch, arch):
    torch.manual_seed(2)
    network = networks.build(ModelConfig(arch, 16)).requires_grad_(False)
    for parameter in network.parameters():
        parameter += 0.02 * torch.randn(parameter.shape)
    images = torch.rand(2, 3, 192, 128) - 0.5
    whole = fused.fuse(network)(images)
    monkeypatch.setattr(fused, "_STRIP", 2**15)
    monkeypatch.setattr(fused, "_SMALL", 0)
    torch.testing.assert_close(fused.fuse(network)(images), whole, rtol=0, atol=1e-6)
