"""GridDehazeNet against the published module, and what is said of it."""

import pytest
import torch
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

import formula
import griddehazenet_golden as golden
from msrnet_cli.networks.griddehazenet import GridDehazeNet, start_as_identity

KEPT = load_file(golden.FILE)
COUNT = 958_051
SIZES = tuple(golden.INPUTS)


@torch.no_grad()
def by_formula():
    """The network with weights by formula, in float64."""
    with torch.device("meta"):
        network = GridDehazeNet()
    network.to_empty(device="cpu")
    first, *others = (network.get_parameter(n) for n in golden.in_order(network))
    first.copy_(formula.coefficient(0, first.shape))
    formula.fill(others, 0.6, first=1)
    return network.double()


@pytest.fixture(scope="module")
def network():
    return by_formula().requires_grad_(False)


def given(name):
    return formula.data(*golden.INPUTS[name], -1, 1).double()


def painted(network, image):
    """What the network paints, and the same before its last ReLU."""
    before = []
    hook = network.conv_out.register_forward_hook(
        lambda *found: before.append(found[-1])
    )
    with hook, torch.no_grad():
        return network(image), before[0]


@pytest.mark.parametrize("name", SIZES)
def test_it_paints_what_the_published_module_paints(network, name):
    relit, before = painted(network, given(name))
    expected = KEPT[f"{name}.painted"]
    torch.testing.assert_close(
        golden.thinned(name, before), expected, rtol=0, atol=1e-9
    )
    assert torch.equal(relit, before.relu())


@pytest.mark.parametrize("name", SIZES)
def test_float32_agrees_with_float64(name):
    _, before = painted(by_formula().float(), given(name).float())
    found = golden.thinned(name, before).double()
    torch.testing.assert_close(found, KEPT[f"{name}.painted"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["a", "odd"])
def test_every_node_holds_what_it_holds_in_the_published_module(network, name):
    nodes = {}

    def note(node):
        return lambda _, inputs: nodes.update({node: inputs[0]})

    readers = {"conv_in": network.block_in, "X05": network.block_out}
    readers |= {
        f"X{row}{c - 1}": network.right[f"{row}{c}"]
        for row in range(3)
        for c in range(1, 6)
    }
    readers |= {"X15": network.up["05"], "X25": network.up["15"]}
    hooks = [
        part.register_forward_pre_hook(note(node)) for node, part in readers.items()
    ]
    network(given(name))
    for hook in hooks:
        hook.remove()
    assert len(nodes) == 19
    for node, found in nodes.items():
        deviation, mean = torch.std_mean(found, (0, 2, 3), correction=0)
        for kind, value in (("mean", mean), ("std", deviation)):
            expected = KEPT[f"{name}.stage.{node}.{kind}"]
            torch.testing.assert_close(value, expected, rtol=0, atol=1e-9)


def test_its_gradients_are_those_of_the_published_module():
    network = by_formula()
    factors = formula.data(golden.GRADIENT_KEY, given("odd").shape, -1, 1).double()
    (network(given("odd")) * factors).sum().backward()
    names = golden.in_order(network)
    norms = torch.stack([network.get_parameter(name).grad.norm() for name in names])
    torch.testing.assert_close(
        norms, KEPT["odd.grad_norm_per_param"], rtol=1e-9, atol=1e-9
    )
    found = network.coefficient.grad
    torch.testing.assert_close(
        found, KEPT["odd.grad_coefficient"], rtol=1e-9, atol=1e-9
    )
    assert found.count_nonzero() == 670  # of 672 that have a part, 2 are cut by a ReLU


def test_its_first_weights_are_drawn_as_those_of_the_published_module():
    torch.manual_seed(0)
    network = GridDehazeNet()
    found = golden.drawn(network.get_parameter(n) for n in golden.in_order(network))
    torch.testing.assert_close(found, KEPT["drawn"], rtol=0, atol=1e-6)


def test_parameters_and_arithmetic_are_the_published_ones():
    with torch.device("meta"):
        network = GridDehazeNet()
        image = torch.empty(1, 3, 1024, 1024)
    with FlopCounterMode(display=False) as counter:
        assert network(image).shape == image.shape
    assert sum(p.numel() for p in network.parameters()) == COUNT
    assert len(network.state_dict()) == 223
    assert counter.get_total_flops() / 1e9 == pytest.approx(598.745, abs=0.001)


def test_parameter_names_are_frozen():
    # Weights files are addressed by these names: changing one breaks them all.
    with torch.device("meta"):
        names = list(GridDehazeNet(4).state_dict())
    assert names[:3] == ["coefficient", "conv_in.weight", "conv_in.bias"]
    assert "block_in.layers.0.weight" in names
    assert "right.01.last.bias" in names
    assert "down.10.reduce.weight" in names
    assert names[-4:] == [
        "up.05.enlarge.weight",
        "up.05.enlarge.bias",
        "up.05.narrow.weight",
        "up.05.narrow.bias",
    ]


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("sides", [(1, 1), (7, 2), (13, 22)])
def test_any_size_and_width_goes_through(channels, sides):
    with torch.no_grad():
        assert GridDehazeNet(channels)(torch.rand(2, 3, *sides)).shape == (2, 3, *sides)


def test_it_can_start_as_the_identity_and_still_learn():
    network = GridDehazeNet(8)
    start_as_identity(network)
    picture = 0.1 + 0.9 * torch.rand(1, 3, 24, 32)
    target = 1 - picture
    optimizer = torch.optim.SGD(network.parameters(), 0.01)
    for step in range(2):
        relit = network(2 * picture - 1)
        if step == 0:
            torch.testing.assert_close(relit, picture, rtol=0, atol=1e-6)
        optimizer.zero_grad()
        (relit - target).square().mean().backward()
        optimizer.step()
    still = {n for n, p in network.named_parameters() if not p.grad.count_nonzero()}
    assert not still


def test_too_few_channels_cannot_be_the_identity():
    with pytest.raises(ValueError, match="4 channels"):
        start_as_identity(GridDehazeNet(4))
