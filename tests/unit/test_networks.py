"""Every network says of itself what is true, and goes through all that others do."""

import copy
import itertools
import subprocess
import sys

import pytest
import torch

import tiny_network
from msrnet_cli import engines, hardware, networks
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.engines import AGREEMENT_DB, compiled, fused
from msrnet_cli.engines.eager import Eager
from msrnet_cli.errors import DeviceError, UsageError
from msrnet_cli.metrics import psnr
from msrnet_cli.networks import ranges
from msrnet_cli.networks.spec import Inputs
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.train.initial import start_network
from msrnet_cli.train.learner import training_dtype
from msrnet_cli.train.options import NetworkOptions
from msrnet_cli.weights.file import load_weights, save_weights

EVERY = (*networks.NAMES, "tiny")
COARSE = [name for name in networks.NAMES if networks.architecture(name).needs_fp32]


@pytest.fixture(autouse=True)
def with_tiny(monkeypatch):
    """A network beyond those of the package: its file, and its name."""
    monkeypatch.setitem(sys.modules, "msrnet_cli.networks.tiny", tiny_network)
    monkeypatch.setattr(networks, "NAMES", EVERY)


@pytest.fixture(params=EVERY)
def arch(request):
    return request.param


def drawn(arch, channels=None, seed=3):
    """A network all of whose parameters have their part in what it paints."""
    found = networks.architecture(arch)
    generator = torch.Generator().manual_seed(seed)
    network = networks.build(ModelConfig(arch, channels or found.identity_channels))
    network.eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    return network


def inputs(arch, *sides, count=1, seed=7, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    channels = [3, networks.architecture(arch).guide]
    return Inputs(
        *(
            torch.rand(count, n, *sides, generator=generator, dtype=dtype)
            for n in channels
            if n
        )
    )


def test_it_paints_all_its_outputs_at_the_smallest_size(arch):
    found = networks.architecture(arch)
    side = found.smallest
    painted = drawn(arch)(*inputs(arch, side, 2 * side, count=2).tensors)
    assert painted.shape == (2, 3 * len(found.outputs), side, 2 * side)


def test_it_refuses_sides_that_it_cannot_take(arch):
    found = networks.architecture(arch)
    found.require_side("--size", found.smallest)
    found.require_side("--size", 3 * found.multiple)
    for side in {0, found.multiple - 1, found.smallest - found.multiple}:
        with pytest.raises(
            UsageError, match=f"^--size {side} .*; give {found.smallest}"
        ):
            found.require_side("--size", side)
    near = 3 * found.multiple + 1
    with pytest.raises(
        UsageError, match=f"a multiple of {found.multiple}; give {near - 1}"
    ):
        found.require_side("--size", near)


def test_it_starts_as_the_identity_or_says_that_it_cannot(arch):
    found = networks.architecture(arch)
    if found.start_as_identity is None:
        asked = NetworkOptions(ModelConfig(arch, 2), init="identity")
        with pytest.raises(UsageError, match=f"^{arch} cannot .* --init small"):
            start_network(asked)
        return
    network = networks.build(ModelConfig(arch, found.identity_channels))
    found.start_as_identity(network)
    given = inputs(arch, 3 * found.multiple, 4 * found.multiple)
    scale = ranges.of(ModelConfig(arch))
    seen = Inputs(scale.seen(given.image), given.guide)
    with torch.no_grad():
        painted = scale.painted(network(*seen.tensors)).unflatten(1, (-1, 3))
    assert painted.shape[1] == len(found.outputs)
    for output in painted.unbind(1):
        assert (output - given.image).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("name", "value_range"),
    [("dmshn", "signed_in"), ("griddehazenet", "zero_one")],
)
def test_no_start_is_called_the_identity_in_a_range_in_which_it_is_not(
    name, value_range
):
    asked = NetworkOptions(ModelConfig(name, 12, value_range), init="identity")
    with pytest.raises(UsageError, match=f"cannot .* {value_range}.*--init small"):
        start_network(asked)


@pytest.mark.parametrize("side", ["left", "right"])
def test_its_reach_covers_what_a_pixel_sees(arch, side):
    """A change just beyond the reach must not come to the middle."""
    found = networks.architecture(arch)
    if found.reach is None:
        pytest.skip("sees the whole picture")
    step, reach = found.multiple, found.reach
    assert reach % step == 0
    network = drawn(arch, 2).double()
    given = inputs(arch, step, 2 * (reach + step), dtype=torch.float64)
    changed = Inputs(given.image.clone(), given.guide)
    edge = slice(step) if side == "left" else slice(-step, None)
    changed.image[..., edge] = 1 - changed.image[..., edge]
    before, after = network(*given.tensors), network(*changed.tensors)
    difference = (after - before).abs()[0].amax((0, 1))
    difference = difference if side == "left" else difference.flip(0)
    assert difference[step + reach :].max() == 0
    assert difference[: step + reach // 2].max() > 0


def test_its_painter_paints_the_finest_output(arch):
    network = drawn(arch)
    side = 2 * networks.architecture(arch).multiple
    given = inputs(arch, side, side)
    painter = network.get_submodule(networks.architecture(arch).painter)
    calls = []  # where levels share their weights, the last call is of the finest
    with painter.register_forward_hook(lambda *found: calls.append(found[-1])):
        before = network(*given.tensors)
        left = len(calls)
        brighter = itertools.chain([0.0] * (left - 1), [0.25])
        with painter.register_forward_hook(lambda *f: f[-1] + next(brighter)):
            moved = network(*given.tensors) - before
    assert moved.mean() > 0.05
    assert moved.min() > -1e-5  # what follows may hold it back, not turn it round
    assert moved.max() < 0.25 + 1e-5


def test_its_last_sketch_is_what_it_paints(arch):
    sketches = networks.architecture(arch).sketches
    if sketches is None:
        pytest.skip("learns from what it paints alone")
    side = 2 * networks.architecture(arch).multiple
    given = inputs(arch, side, 2 * side)
    network = drawn(arch)
    painted = sketches.paint(network, *given.tensors)
    assert torch.equal(painted[-1], network(*given.tensors))
    assert len(painted) > 1
    heights = [picture.shape[2] for picture in painted]
    assert min(heights) * sketches.smallest == side
    for picture in painted:
        height, width = picture.shape[2:]
        assert sketches.resize(given.image, (height, width)).shape == picture.shape


def test_it_knows_the_memory_of_every_format(arch):
    found = networks.architecture(arch)
    for dtype in hardware.DTYPES:
        assert (
            found.bytes_per_pixel_at(dtype, 64)
            > found.bytes_per_pixel_at(dtype, 32)
            > 3 * 4
        )
    assert found.bytes_per_pixel_at("fp32", 32) > found.bytes_per_pixel_at("bf16", 32)


PEAK = """
import resource, sys, torch
from msrnet_cli import networks
from msrnet_cli.config import ModelConfig
network = networks.build(ModelConfig(sys.argv[1], 32)).eval()
guide = networks.architecture(sys.argv[1]).guide
given = lambda side: [torch.rand(1, n, side, side) for n in (3, guide) if n]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
with torch.inference_mode():
    network(*given(64))
    inputs = given(768)
    before = peak()
    network(*inputs)
print((peak() - before) / 768**2)
"""


@pytest.mark.slow
@pytest.mark.parametrize("arch", networks.NAMES)
def test_a_pass_takes_about_the_memory_that_is_told(arch):
    command = [sys.executable, "-c", PEAK, arch]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = networks.architecture(arch).bytes_per_pixel_at("fp32", 32)
    assert 0.5 * told < float(done.stdout) < 1.15 * told


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param("fused", marks=pytest.mark.skipif(
            not fused.is_supported(torch.float32), reason="this torch lacks oneDNN"
        )),
        pytest.param("compiled", marks=[pytest.mark.slow, pytest.mark.skipif(
            not compiled.is_supported(torch.device("cpu")), reason="needs a compiler"
        )]),
        pytest.param("graph", marks=[pytest.mark.gpu, pytest.mark.skipif(
            not torch.cuda.is_available(), reason="needs CUDA"
        )]),
        pytest.param("tuned", marks=[pytest.mark.gpu, pytest.mark.skipif(
            not torch.cuda.is_available(), reason="needs CUDA"
        )]),
    ],
)  # fmt: skip
def test_every_engine_paints_what_eager_paints(arch, engine):
    device = torch.device("cuda" if engine in ("graph", "tuned") else "cpu")
    side = 3 * networks.architecture(arch).multiple
    given = inputs(arch, side, side, count=2).map(lambda x: x.to(device))
    network = drawn(arch).to(device)
    probe = engines.Probe(lambda: copy.deepcopy(network), given)
    if engine == "fused" and not fused.covers(network):
        with pytest.raises(DeviceError, match="no fused operators"):
            engines.make(network, engine, probe)
        assert engines.make(network, "auto", probe).engine == "eager"
        return
    ready = engines.make(copy.deepcopy(network), engine, probe)
    assert ready.engine == engine
    assert ready.agreement >= AGREEMENT_DB
    with torch.no_grad():
        expected = network(*given.tensors)
        for _ in range(3):  # on CUDA recorded at the second, replayed at the third
            painted = ready.network(*given.tensors)
        assert expected.std() > 0.01
        assert psnr(painted, expected) >= 60


@pytest.mark.parametrize("arch", [name for name in EVERY if name not in COARSE])
@pytest.mark.skipif(
    not fused.is_supported(torch.bfloat16), reason="this processor lacks bfloat16"
)
def test_bfloat16_agrees_with_float32(arch):
    side = 4 * networks.architecture(arch).multiple
    given = inputs(arch, side, side)
    network = drawn(arch)
    reduced = copy.deepcopy(network).bfloat16()
    make = fused.fuse if fused.covers(network) else Eager
    painted = make(reduced)(*given.tensors)
    assert painted.dtype == torch.float32
    assert psnr(painted, network(*given.tensors)) >= AGREEMENT_DB


@pytest.mark.parametrize("arch", COARSE)
def test_a_network_for_which_bfloat16_is_too_coarse_runs_in_float32(arch, monkeypatch):
    monkeypatch.setattr(hardware, "preferred_dtype", lambda _: torch.bfloat16)
    card = WeightsCard(model=ModelConfig(arch, 4))
    subject = Relighter(drawn(arch, 4), card, device="cpu")
    assert any("fp32 instead of bf16" in note for note in subject.notes)
    assert subject.run([torch.rand(3, 48, 64)]).pictures()
    monkeypatch.setattr(hardware, "bfloat16_trains_faster", lambda: True)
    device = torch.device("cpu")
    assert training_dtype("auto", device, arch) == torch.float32
    assert training_dtype("bf16", device, arch) == torch.bfloat16
    assert training_dtype("auto", device, "dmshn") == torch.bfloat16


def test_weights_rebuild_it(arch, tmp_path):
    network = drawn(arch)
    channels = networks.architecture(arch).identity_channels
    card = WeightsCard(model=ModelConfig(arch, channels))
    save_weights(tmp_path / "w.safetensors", network.state_dict(), card)
    found = load_weights(tmp_path / "w.safetensors")
    side = networks.architecture(arch).smallest
    given = inputs(arch, side, side)
    painted = found.network()(*given.tensors)
    # Equal weights; at another place in memory a convolution may sum in another order.
    torch.testing.assert_close(painted, network(*given.tensors), rtol=0, atol=1e-6)


def test_tiles_give_the_pixels_of_the_whole(arch, monkeypatch):
    found = networks.architecture(arch)
    if found.reach is None:
        pytest.skip("sees the whole picture: its tiles are not exact")
    card = WeightsCard(model=ModelConfig(arch, 2))
    subject = Relighter(drawn(arch, 2), card, dtype="fp32", work_size="full")
    # Just too long for the memory that is free below: few tiles are the soonest made.
    side, length = 3 * found.multiple, 5 * found.reach // 2 + 700
    given = inputs(arch, side - 1, length)
    guides = [] if given.guide is None else [given.guide[0]]
    whole = subject.run([given.image[0]], guides)
    assert whole.notes == ()
    pixels = side * (512 + 2 * found.reach)
    free = int(pixels * subject._session.forwards.chosen.bytes_per_pixel / 0.8) + 1
    monkeypatch.setattr(hardware, "free_bytes", lambda _: free)
    monkeypatch.setattr("msrnet_cli.relight.carry._BYTES", 0)
    tiled = subject.run([given.image[0]], guides)
    assert any("tiles" in note for note in tiled.notes)
    # Other sums round otherwise, and a network that is drawn paints large values.
    loudest = drawn(arch, 2)(*inputs(arch, side, side).tensors).abs().max().item()
    atol = max(1e-5, 4e-6 * loudest)
    torch.testing.assert_close(tiled.outputs[0], whole.outputs[0], rtol=0, atol=atol)


def test_a_guide_is_seen_and_reduced_with_its_picture():
    card = WeightsCard(model=ModelConfig("tiny", 8), work_size=64)
    subject = Relighter(drawn("tiny", 8), card, dtype="fp32")
    picture, guide = (x[0] for x in inputs("tiny", 120, 160))
    lit, other = (subject.run([picture], [g]).outputs[0] for g in (guide, 1 - guide))
    assert lit.shape == picture.shape
    assert (lit - other).abs().mean() > 1e-3
