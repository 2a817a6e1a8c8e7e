"""DRN against numbers that the published module gave: `golden/baselines/README.md`."""

import copy

import pytest
import torch
from safetensors.torch import load_file

import baselines
import drn_golden
import formula
from msrnet_cli.networks.drn import DRN
from msrnet_cli.train import losses

PICTURES = {"a": (100000, (1, 3, 64, 96)), "batch": (100001, (2, 3, 48, 32))}
EXACT = {"rtol": 0, "atol": 1e-9}
ROUNDED = {"rtol": 0, "atol": 1e-3}
UNSEEN = 1e-6  # norm of a gradient that is 0 but for rounding


@pytest.fixture(scope="module")
def golden():
    return load_file(drn_golden.FILE)


@pytest.fixture(scope="module")
def published():
    """The network with the weights that the published module was given."""
    with torch.device("meta"):
        network = DRN().requires_grad_(False)
    network.to_empty(device="cpu")
    formula.fill(network.parameters(), gain=0.5)
    return network


@pytest.fixture(scope="module")
def exact(published):
    return copy.deepcopy(published).double()


def drawn(number, shape, low=-1.0):
    return formula.data(number, shape, low, 1.0)


def given(name, dtype=torch.float32):
    return drawn(*PICTURES[name]).to(dtype)


def test_parameters_and_arithmetic_are_the_published_ones():
    parameters, tensors, gflop = baselines.size_and_work(DRN)
    assert parameters == 117_389_481
    assert tensors == 270
    assert gflop == pytest.approx(2315.793, abs=1e-3)


@pytest.mark.parametrize("name", PICTURES)
def test_it_paints_what_the_published_module_paints(published, golden, name):
    painted = published(given(name))
    torch.testing.assert_close(
        drn_golden.pixels(painted).double(), golden[f"{name}.output"], **ROUNDED
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_in_double_precision_it_is_the_published_module(exact, golden, name):
    image = given(name, torch.float64)
    found = stages(exact, image)
    for branch in ("scene", "shadow"):
        part = exact.get_submodule(branch)
        found[f"{branch}_head"] = drn_golden.pixels(part.head(part(image)))
    expected = {
        key.removeprefix(f"{name}."): value
        for key, value in golden.items()
        if key.startswith(f"{name}.") and "grad" not in key
    }
    assert len(expected) == (104 if name == "a" else 3)
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, **EXACT, msg=key)


def stages(network, image):
    """What it paints, and mean and deviation of what each of its parts gives."""
    found = {}

    def note(name, output):
        if isinstance(output, torch.Tensor) and output.ndim == 4:
            deviation, mean = torch.std_mean(output, (0, 2, 3), correction=0)
            found[f"stage.{name}.mean"] = drn_golden.channels(mean)
            found[f"stage.{name}.std"] = drn_golden.channels(deviation)

    hooks = [
        part.register_forward_hook(lambda *seen, name=name: note(name, seen[-1]))
        for name, part in network.named_modules()
    ]
    found["output"] = drn_golden.pixels(network(image))
    for hook in hooks:
        hook.remove()
    found["stage.renderer.gate"] = found.pop("stage.renderer.gate.mean")
    return found


@pytest.mark.slow
def test_gradients_are_those_of_the_published_module(exact, golden):
    seed = drawn(100010, PICTURES["a"][1]).double()
    exact.requires_grad_(True)
    (exact(given("a", torch.float64)) * seed).sum().backward()
    exact.requires_grad_(False)
    gradients = {n: p.grad for n, p in exact.named_parameters()}
    norms = [0.0 if g is None else g.norm().item() for g in gradients.values()]
    expected = golden["a.grad_norm_per_param"]
    for norm, wanted in zip(norms, expected.tolist(), strict=True):
        assert norm == pytest.approx(wanted, rel=1e-9, abs=UNSEEN)
    assert sum(norm > UNSEEN for norm in norms) == 138
    for name in ("scene.body.stem.0", "shadow.body.stem.0", "head.0"):
        found = drn_golden.gradient(gradients[f"{name}.weight"])
        torch.testing.assert_close(found, golden[f"a.grad.{name}.weight"], **EXACT)
    exact.zero_grad(set_to_none=True)


def test_a_pixel_depends_on_the_whole_picture():
    """Else tiles could be exact, and the architecture says that they are not."""
    network = DRN(2).requires_grad_(False).double()
    image = torch.rand(1, 3, 32, 320, dtype=torch.float64)
    changed = image.clone()
    changed[..., :32] = 0
    difference = (network(image) - network(changed)).abs()
    assert difference[..., -32:].min() > 0


@pytest.mark.parametrize("channels", [1, 3, 8])
def test_it_can_be_built_narrow(channels):
    painted = DRN(channels)(torch.rand(2, 3, 32, 48))
    assert painted.shape == (2, 3, 32, 48)
    assert painted.abs().max() < 1


# --- its loss ----------------------------------------------------------------------


def painted_and_target(low):
    """What the published losses were given, from `low` to 1."""
    x, z = (drawn(k, (2, 3, 64, 96), low) for k in (100040, 100041))
    return x.double(), (0.7 * x + 0.3 * z).double()


@pytest.mark.parametrize(("case", "low"), [("tanh", -1.0), ("unit", 0.0)])
def test_the_parts_of_the_loss_are_the_published_ones(golden, case, low):
    x, y = painted_and_target(low)
    bands = torch.stack(losses.laplacian(x, y))
    torch.testing.assert_close(
        bands, golden[f"loss.{case}.lap_levels"], rtol=0, atol=1e-8
    )
    span = 1 - low
    likeness = losses.ssim(x / span, y / span, inside=True)
    assert likeness.item() == pytest.approx(
        golden[f"loss.{case}.ssim"].item(), abs=1e-7
    )


def test_the_loss_is_the_published_one_of_pictures_around_zero(golden):
    x, y = (unit(picture) for picture in painted_and_target(-1.0))
    found = losses.drn(x, y).item()
    assert found == pytest.approx(golden["loss.tanh.rec_total"].item(), abs=1e-8)


def unit(picture):
    """A picture in [-1, 1] as one in [0, 1]."""
    return (picture + 1) / 2
