"""GridDehazeNet against the published module, and what is said of it."""

from itertools import product

import pytest
import torch

import baselines
import formula
from msrnet_cli.networks.griddehazenet import GridDehazeNet, start_as_identity

PICTURES = {
    "a": (100000, (1, 3, 96, 64)),
    "odd": (100001, (1, 3, 45, 37)),
    "batch": (100002, (2, 3, 32, 48)),
}


GOLDEN = baselines.load("griddehazenet")


def in_order(network):
    """Names of all parameters, as the golden data counts them."""
    parts = "coefficient right up down conv_in conv_out block_in block_out".split()
    names = [name for name, _ in network.named_parameters()]
    return [name for part in parts for name in names if name.split(".")[0] == part]


@torch.no_grad()
def by_formula():
    """The network with weights by formula, in float64."""
    with torch.device("meta"):
        network = GridDehazeNet()
    network.to_empty(device="cpu")
    first, *others = (network.get_parameter(n) for n in in_order(network))
    first.copy_(formula.coefficient(0, first.shape))
    formula.fill(others, 0.6, first=1)
    return network.double()


def given(name):
    return formula.data(*PICTURES[name], -1, 1).double()


def painted(network, image):
    """What the network paints, and the same before its last ReLU."""
    before = []
    hook = network.conv_out.register_forward_hook(
        lambda *found: before.append(found[-1])
    )
    with hook, torch.no_grad():
        return network(image), before[0]


def kept(name, picture):
    """The part of what is painted of a picture that the golden data holds."""
    return picture if name == "odd" else baselines.stepped(picture)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(
    ("dtype", "most"), [(torch.float64, 1e-9), (torch.float32, 1e-5)]
)
def test_it_paints_what_the_published_module_paints(name, dtype, most):
    relit, before = painted(by_formula().to(dtype), given(name).to(dtype))
    expected = GOLDEN[f"{name}.output_before_final_relu"]
    assert (kept(name, before) - expected).abs().max() < most
    assert torch.equal(relit, before.relu())


@pytest.mark.parametrize("name", ["a", "odd"])
def test_every_node_holds_what_it_holds_in_the_published_module(name):
    network, nodes = by_formula(), {}

    def note(node):
        return lambda _, inputs: nodes.update({node: inputs[0]})

    # What each node leads to; the last column leads up, or out.
    readers = {
        f"X{i}{j}": network.right[f"{i}{j + 1}"] for i, j in product(range(3), range(5))
    }
    readers |= {
        "X05": network.block_out,
        "X15": network.up["05"],
        "X25": network.up["15"],
    }
    readers |= {"conv_in": network.block_in}
    for node, part in readers.items():
        part.register_forward_pre_hook(note(node))
    with torch.no_grad():
        network(given(name))
    assert len(nodes) == 19
    for node, found in nodes.items():
        deviation, mean = torch.std_mean(found, (0, 2, 3), correction=0)
        for kind, value in (("mean", mean), ("std", deviation)):
            expected = GOLDEN[f"{name}.stage.{node}.{kind}"]
            torch.testing.assert_close(value, expected, rtol=0, atol=1e-9)


def test_its_gradients_are_those_of_the_published_module():
    network = by_formula()
    factors = formula.data(100010, given("odd").shape, -1, 1).double()
    (network(given("odd")) * factors).sum().backward()
    names = in_order(network)
    norms = torch.stack([network.get_parameter(name).grad.norm() for name in names])
    torch.testing.assert_close(
        norms, GOLDEN["odd.grad_norm_per_param"], rtol=1e-9, atol=1e-9
    )
    found = network.coefficient.grad
    torch.testing.assert_close(
        found, GOLDEN["odd.grad_coefficient"], rtol=1e-9, atol=1e-9
    )
    assert found.count_nonzero() == 670  # of 672 that have a part, 2 are cut by a ReLU


def test_its_first_weights_are_drawn_as_those_of_the_published_module():
    # A weight that has a part could not differ without another picture.
    golden = baselines.load("griddehazenet_default_init")
    torch.manual_seed(0)
    _, before = painted(GridDehazeNet().double(), given("odd"))
    expected = golden["odd.output_before_final_relu"]
    assert (baselines.stepped(before) - expected).abs().max() < 1e-9


def test_parameters_and_arithmetic_are_the_published_ones():
    parameters, tensors, gflop = baselines.size_and_work(GridDehazeNet)
    assert parameters == 958_051
    assert tensors == 223
    assert gflop == pytest.approx(598.745, abs=0.001)


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
