"""SRN paints what its authors' program paints, with a memory and without one."""

import copy
import math
from functools import cache

import pytest
import torch
import torch.nn.functional as F

import baselines
import formula
from msrnet_cli import networks
from msrnet_cli.bench import work
from msrnet_cli.config import ModelConfig
from msrnet_cli.networks import srn

VARIANTS = {"srn": "color", "srn_lstm": "lstm_rgb"}
PICTURES = {"a": (100000, (1, 3, 64, 96)), "batch": (100001, (2, 3, 48, 32))}


@pytest.fixture(scope="module")
def golden():
    return baselines.load("srn")


@pytest.fixture(params=VARIANTS)
def arch(request):
    return request.param


@cache
def drawn(arch):
    network = networks.build(ModelConfig(arch))
    parameters = list(network.parameters())
    formula.fill(parameters[:84], 0.6)
    formula.fill(parameters[84:], 2.0, first=84)
    return network


def filled(arch, dtype=torch.float64):
    return copy.deepcopy(drawn(arch)).to(dtype)


def picture(name, dtype=torch.float64):
    return formula.data(*PICTURES[name]).to(dtype)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(
    ("dtype", "most"), [(torch.float64, 1e-9), (torch.float32, 1e-5)]
)
@torch.no_grad()
def test_it_paints_what_the_published_network_paints(arch, name, dtype, most, golden):
    painted = filled(arch, dtype).pictures(picture(name, dtype))
    painted[2] = baselines.stepped(painted[2])
    known = f"{VARIANTS[arch]}.{name}"
    for scale, one in enumerate(painted):
        expected = golden[f"{known}.output_scale{scale}"]
        assert (one - expected).abs().max() < most
    theirs = golden[f"{known}.output_tf_float32"]
    assert (painted[2] - theirs).abs().max() < 1e-5


@pytest.mark.parametrize("name", ["batch", pytest.param("a", marks=pytest.mark.slow)])
def test_it_learns_what_the_published_network_learns(arch, name, golden):
    network = filled(arch)
    k, shape = PICTURES[name]
    target = formula.data(k + 20, shape).double()
    sketches = networks.architecture(arch).sketches
    loss = sum(
        F.mse_loss(one, sketches.resize(target, one.shape[2:]))
        for one in sketches.paint(network, picture(name))
    )
    known = f"{VARIANTS[arch]}.{name}"
    assert loss.item() == pytest.approx(golden[f"{known}.loss"].item(), rel=1e-9)
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    norms = torch.stack([each.norm() for each in gradients])
    expected = golden[f"{known}.grad_norm_per_param"]
    torch.testing.assert_close(norms, expected, rtol=1e-9, atol=0)


@torch.no_grad()
def test_every_stage_is_that_of_the_published_network(arch, golden):
    network, found = filled(arch), {}
    parts = {"f1": "encoder1", "f2": "encoder2", "f3": "encoder3", "gates": "gates"}
    for name, module in network.named_children():
        known = next((k for k, v in parts.items() if v == name), None)
        keep = found.setdefault(known, [])
        module.register_forward_hook(lambda *f, keep=keep: keep.append(f[-1]))
    recall = network.recall

    def remembered(features, memory):
        output, memory = recall(features, memory)
        for key, value in zip(("lstm_c", "lstm_h"), memory, strict=False):
            found.setdefault(key, []).append(value)
        return output, memory

    network.recall = remembered
    network(picture("a"))
    stages = [k for k in golden if k.startswith(f"{VARIANTS[arch]}.a.stage")]
    assert len(stages) == (36 if arch == "srn_lstm" else 18)
    for stage in stages:
        *_, scale, part, kind = stage.split(".")
        value = found[part][int(scale[1])].transpose(0, 1).flatten(1)
        made = value.mean(1) if kind == "mean" else value.std(1, correction=0)
        torch.testing.assert_close(made, golden[stage], rtol=0, atol=1e-9)


def test_resizing_is_that_of_tensorflow_1(golden):
    x = formula.data(100030, (1, 2, 8, 12)).double()
    made = {
        "4x6": srn.subsampled(x, (4, 6)),
        "2x3": srn.subsampled(x, (2, 3)),
        "8x12": srn.subsampled(x, (8, 12)),
        "16x24": srn.double(x),
    }
    for size, one in made.items():
        expected = golden[f"ops.resize_legacy.{size}"]
        torch.testing.assert_close(one, expected, rtol=0, atol=1e-9)


@torch.no_grad()
def test_strides_are_padded_as_tensorflow_does(golden):
    x = formula.data(100031, (1, 3, 8, 12), -1, 1).double()
    down, up = srn.Halving(3, 4).double(), torch.nn.ConvTranspose2d(3, 4, 4, 2, 1)
    down.weight.copy_(formula.data(100032, (4, 3, 5, 5), -1, 1))
    up.double().weight.copy_(formula.data(100033, (3, 4, 4, 4), -1, 1))
    for name, module in (("conv_s2", down), ("deconv", up)):
        module.bias.zero_()
        expected = golden[f"ops.{name}.output"]
        torch.testing.assert_close(module(x), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("arch", "parameters", "gflop"),
    [("srn", 6_881_251, 2672.095), ("srn_lstm", 8_061_411, 2875.032)],
)
def test_its_size_and_its_work_are_the_known_ones(arch, parameters, gflop):
    model = ModelConfig(arch)
    with torch.device("meta"):
        network = networks.build(model)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert work.flop(model, 1024) / 1e9 == pytest.approx(gflop, abs=1e-3)
    # Sketches give gradients their work, too: backward is twice forward.
    ratio = work.training_flop(model, 64, 1) / work.flop(model, 64)
    assert ratio == pytest.approx(3, abs=0.02)


def test_it_starts_as_its_authors_start_it(arch):
    network = networks.build(ModelConfig(arch, 16))
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        elif name == "gates.weight":
            assert 1.9e-3 < parameter.abs().max() <= 2e-3
            assert 0.85e-3 < parameter.std() < 0.9e-3
        else:
            out, into, *window = parameter.shape
            bound = math.sqrt(6 / ((out + into) * math.prod(window)))
            assert 0.95 * bound < parameter.abs().max() <= bound
