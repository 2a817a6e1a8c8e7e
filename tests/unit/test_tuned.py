"""Kernels of our own compute what torch computes; of several ways the fastest is kept.

Without a GPU, Triton's interpreter runs the kernels, and its compiler compiles them,
where Triton is installed: torch's CUDA builds bring it. The interpreter knows no
products of bfloat16.
"""

import copy
import importlib
import sys

import pytest
import torch
import torch.nn.functional as F

triton = pytest.importorskip("triton", reason="needs Triton")

from msrnet_cli import engines, hardware  # noqa: E402
from msrnet_cli.engines.cuda import tuned  # noqa: E402
from msrnet_cli.engines.eager import Eager  # noqa: E402
from msrnet_cli.metrics import psnr  # noqa: E402
from msrnet_cli.networks.dmshn import DMSHN, ResidualBlock  # noqa: E402
from test_engines import CUDA, images_of, needs_cuda, network_of, ready  # noqa: E402

NAME = "msrnet_cli.engines.cuda.kernels"
VERSION = tuple(map(int, triton.__version__.split(".")[:2]))
for_other_machines = pytest.mark.skipif(
    VERSION < (3, 3), reason="this Triton compiles for no other machine"
)
interpreted = pytest.mark.skipif(
    torch.cuda.is_available(), reason="kernels are compiled for the GPU here"
)


@pytest.fixture(scope="module")
def as_source():
    """The kernels, not yet compiled."""
    sys.modules.pop(NAME, None)
    return importlib.import_module(NAME)


@pytest.fixture(scope="module", autouse=True)
def kernels(as_source):
    """The kernels: interpreted where there is no GPU to compile them for."""
    sys.modules.pop(NAME)
    with pytest.MonkeyPatch.context() as patch:
        if not torch.cuda.is_available():
            patch.setenv("TRITON_INTERPRET", "1")
        found = importlib.import_module(NAME)
    yield found
    sys.modules.pop(NAME)


@pytest.fixture(autouse=True)
def no_grad():
    with torch.no_grad():
        yield


on_cuda = [pytest.mark.gpu, needs_cuda]
on_each_device = pytest.mark.parametrize(
    "device",
    [
        pytest.param("cpu", marks=interpreted),
        pytest.param("cuda", marks=on_cuda),
    ],
)
SHAPES = [(1, 16, 5, 7), (2, 32, 6, 20), (1, 64, 4, 8), (3, 16, 1, 1), (1, 16, 1, 40)]


def layer(shape, dtype, device, adds):
    """A convolution's picture, weights, bias, what a block was given, and the truth."""
    generator = torch.Generator().manual_seed(3)

    def drawn(*size):
        return torch.randn(size, generator=generator).to(device, dtype)

    x, given = (
        drawn(*shape).contiguous(memory_format=torch.channels_last) for _ in "xy"
    )
    weight, bias = 0.1 * drawn(shape[1], shape[1], 3, 3), drawn(shape[1])
    exact = F.conv2d(x.double(), weight.double(), bias.double(), padding=1)
    truth = given.double() + exact if adds else exact.relu()
    return x, weight, bias, given if adds else None, truth


def error(found, truth):
    return ((found.double() - truth).norm() / truth.norm()).item()


@on_each_device
@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_end_of_a_convolution_in_one_pass(kernels, shape, dtype, device, adds):
    maps, _, bias, given, _ = layer(shape, dtype, device, adds)
    ended = maps.double() + bias.double()[:, None, None]
    truth = given.double() + ended if adds else ended.relu()
    before = None if given is None else given.clone()
    found = kernels.finish_(maps, bias, given)
    assert found is maps
    assert found.dtype == dtype
    assert error(found, truth) < torch.finfo(dtype).eps
    assert given is None or torch.equal(given, before)


@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize(
    ("device", "tile"),
    [
        # Slow to interpret; warps and stages are nothing there.
        pytest.param("cpu", (4, 8, 4, 1), marks=interpreted),
        pytest.param("cpu", tuned._TILES[0], marks=interpreted),
        *(pytest.param("cuda", tile, marks=on_cuda) for tile in tuned._TILES),
    ],
)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_convolution_in_tiles(kernels, shape, tile, device, adds):
    if device == "cuda":  # and the widest of the network, too slow to interpret
        shape = (shape[0], 2 * shape[1], *shape[2:])
    dtypes = [torch.float16] if device == "cpu" else [torch.float16, torch.bfloat16]
    for dtype in dtypes:
        assert kernels.can_convolve(shape[1], dtype)
        x, weight, bias, given, truth = layer(shape, dtype, device, adds)
        untouched = x.clone()
        found = kernels.convolve(
            x, kernels.taps(weight), bias, given, kernels.Tile(*tile)
        )
        assert found.dtype == dtype
        assert found.is_contiguous(memory_format=torch.channels_last)
        assert error(found, truth) < torch.finfo(dtype).eps
        assert torch.equal(x, untouched)


@on_each_device
def test_what_is_no_number_is_not_hidden(kernels, device):
    maps = torch.zeros(1, 16, 4, 8, device=device, dtype=torch.float16)
    maps = maps.contiguous(memory_format=torch.channels_last)
    bias = torch.zeros(16, device=device, dtype=torch.float16)
    maps[0, 3, 2, 5] = torch.nan
    taps = kernels.taps(torch.ones(16, 16, 3, 3, device=device, dtype=torch.float16))
    spread = kernels.convolve(maps, taps, bias, None, kernels.Tile(4, 8, 4, 1))
    assert spread[..., 1:4, 4:7].isnan().all()
    assert spread.isnan().sum() == 9 * 16
    assert kernels.finish_(maps, bias)[0, 3, 2, 5].isnan()


@pytest.fixture
def no_cache(monkeypatch, tmp_path):
    """Have everything compiled anew."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


@for_other_machines
@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize("tile", tuned._TILES)
@pytest.mark.parametrize(("channels", "card"), [(128, 90), (32, 80)])
def test_convolutions_compile_for_matrix_units(as_source, tile, channels, card):
    rows, columns, warps, stages = tile
    constants = {"CHANNELS": channels, "ADDS": True, "ROWS": rows, "COLUMNS": columns}
    options = {"num_warps": warps, "num_stages": stages}
    code = compiled_for(card, as_source._convolve, constants, options)
    assert ("wgmma.mma_async" if card == 90 else "mma.sync") in code
    assert "ld.global.v4" in code or "cp.async.cg" in code  # 16 bytes at a time


@for_other_machines
@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize("adds", [False, True])
def test_the_end_of_a_convolution_compiles(as_source, adds):
    constants = {"CHANNELS": 32, "ADDS": adds, "BLOCK": 2048}
    code = compiled_for(80, as_source._finish, constants, {})
    assert "ld.global.v4" in code
    assert "st.global.v4" in code


def compiled_for(card, kernel, constants, options):
    """What a kernel becomes on a generation of GPUs, for whole sixteens of numbers."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = kernel.arg_names
    given = [name for name in names if name not in constants]
    numbers = ("count", "height", "width")
    kinds = {name: "i32" if name in numbers else "*bf16" for name in given}
    known = [name for name in given if name not in ("height", "width")]
    source = ASTSource(
        fn=kernel,
        signature=kinds | dict.fromkeys(constants, "constexpr"),
        constexprs={(names.index(name),): value for name, value in constants.items()},
        attrs={(names.index(name),): [["tt.divisibility", 16]] for name in known},
    )
    made = triton.compile(
        source,
        target=GPUTarget("cuda", card, 32),
        options=options | {"enable_fp_fusion": True},
    )
    return made.asm["ptx"]


def test_matrix_units_are_not_asked_for_what_they_cannot(kernels):
    assert kernels.can_convolve(32, torch.bfloat16)
    assert not kernels.can_convolve(32, torch.float32)  # they would round it
    assert not kernels.can_convolve(24, torch.float16)


def tuned_by(network, clock=None):
    """A network, and the contest that all its convolutions share."""
    contest = tuned.Contest(clock)
    return tuned.tune(network, contest), contest


class Unasked:
    """A probe that finds all well."""

    def agreement(self, _made):
        return 100.0


class Favourite:
    """A clock by which one way, by its place among those tried, is the fastest."""

    def __init__(self, place, ways):
        self.place, self.ways, self.asked = place, ways, 0

    def __call__(self, compute):
        compute()
        self.asked += 1
        return 1.0 if (self.asked - 1) % self.ways == self.place else 2.0


@interpreted
def test_whichever_way_wins_blocks_compute_the_same():
    torch.manual_seed(2)
    blocks = torch.nn.Sequential(ResidualBlock(16), ResidualBlock(16)).half()
    x = images_of(1, 16, 5, 12)
    expected = blocks(x.half()).float()
    won = set()
    for place in range(5):  # cuDNN's own is none on a CPU
        made, contest = tuned_by(blocks, Favourite(place, ways=5))
        with contest.searching():
            assert psnr(made(x), expected) >= 60
        assert psnr(made(x), expected) >= 60
        (name,) = set(contest.winners.values())
        won.add(name)
    assert len(won) == 5


def test_no_way_is_tried_before_a_shape_comes_again():
    def clock(compute):
        raise AssertionError

    network = network_of(DMSHN, channels=4)
    made, _ = tuned_by(network, clock)
    images = images_of(1, 3, 16, 16)
    with hardware.searching():  # cuDNN's search alone opens no contest
        assert torch.equal(made(images), Eager(network)(images))


@interpreted
def test_each_kind_is_tried_once():
    clock = Favourite(0, ways=2)
    made, contest = tuned_by(network_of(DMSHN, channels=4), clock)
    with contest.searching():
        made(images_of(1, 3, 32, 32))
        # Three levels of three widths each, with a ReLU and with a sum; two ways.
        assert clock.asked == 9 * 2 * 2
        made(images_of(1, 3, 32, 32))
        assert clock.asked == 9 * 2 * 2
        made(images_of(2, 3, 32, 32))
        assert clock.asked == 2 * 9 * 2 * 2


def test_a_way_that_fails_or_is_wrong_never_wins(kernels, monkeypatch):
    network, images = network_of(DMSHN, channels=4), images_of(1, 3, 16, 16)
    expected = Eager(network)(images)

    def fails(maps, bias, given=None):
        raise RuntimeError("out of resources")

    def wrong(maps, bias, given=None):
        return maps

    for way, told in ((fails, "RuntimeError: out of resources"), (wrong, "disagrees")):
        monkeypatch.setattr(kernels, "finish_", way)
        made, contest = tuned_by(network, lambda _: 1.0)
        with contest.searching():
            assert torch.equal(made(images), expected)
        reasons = {
            reason for (_, name), reason in contest.refused.items() if "end" in name
        }
        assert reasons == {told}


@interpreted
def test_what_is_not_finite_settles_nothing():
    made, contest = tuned_by(network_of(DMSHN, channels=4), lambda _: 1.0)
    images = images_of(1, 3, 16, 16)
    with contest.searching():
        assert made(images * torch.nan).isnan().all()
        assert not contest.winners
        made(images)
    assert len(contest.winners) == 9 * 2


def test_the_network_is_left_alone():
    network, images = network_of(DMSHN, channels=4), images_of(1, 3, 16, 16)
    before = copy.deepcopy(network.state_dict())
    made, contest = tuned_by(network, Favourite(1, ways=2))
    with contest.searching():
        made(images)
    assert contest.winners
    for name, values in network.state_dict().items():
        assert torch.equal(values, before[name])
    assert not any(isinstance(m, tuned.Convolution) for m in network.modules())


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_tuned_is_as_exact_as_the_network(dtype):
    network = network_of(channels=32).to(CUDA)
    made = ready(copy.deepcopy(network).to(dtype), "tuned").network
    plain = Eager(copy.deepcopy(network).to(dtype))
    for turn, size in enumerate((32, 32, 32, 48, 48, 1120, 1120, 32)):
        images = images_of(2, 3, size, size).roll(turn, -1).to(CUDA)
        exact = network(images)
        assert psnr(made(images), exact) >= psnr(plain(images), exact) - 1


@pytest.mark.gpu
@needs_cuda
def test_every_way_takes_part():
    made, contest = tuned_by(network_of(DMSHN, channels=32).to(CUDA, torch.bfloat16))
    with contest.searching():
        made(images_of(1, 3, 256, 256).to(CUDA))
    for kind, times in contest.times.items():
        print(kind, {name: f"{1e6 * time:.1f} us" for name, time in times.items()})
    print(contest.refused)
    small = torch.cuda.get_device_capability() < (9, 0)  # tiles may be too large
    assert all(small and "tiles" in name for _, name in contest.refused)
    assert all(
        time < 0.1 for times in contest.times.values() for time in times.values()
    )


@pytest.mark.gpu
@needs_cuda
def test_a_picture_of_nothing_does_not_spoil_a_recording():
    network = network_of(DMSHN).to(CUDA)
    made = engines.make(network, "tuned", Unasked()).network
    nothing = torch.full((1, 3, 64, 64), torch.nan, device=CUDA)
    for _ in range(3):  # plain, recorded, replayed
        assert made(nothing).isnan().all()
    images = images_of(1, 3, 64, 64).to(CUDA)
    assert psnr(made(images), network(images)) >= 60


@pytest.mark.gpu
@needs_cuda
def test_ways_are_timed_on_the_gpu():
    x = torch.randn(1, 32, 256, 256, device=CUDA)
    brief = tuned.seconds(lambda: x.relu())
    longer = tuned.seconds(lambda: x.relu().relu().relu().relu().relu().relu())
    assert 0 < brief < longer < 1
