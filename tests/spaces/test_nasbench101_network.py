"""NAS-Bench-101's networks: parameters of the benchmark, and the reference's own networks with the same weights."""

from __future__ import annotations

import math
from pathlib import Path
from random import Random
from typing import Any

import pytest

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.spaces.nasbench101 import keys
from tests.spaces.cells101 import EXAMPLE, INCEPTION, relabelled

torch = pytest.importorskip("torch")
nn = torch.nn
SPACE: Any = space("nasbench101")
KERNEL = {"conv1x1-bn-relu": 1, "conv3x3-bn-relu": 9, "maxpool3x3": 0}


def counted(key: str, C: int = 128, N: int = 3, classes: int = 10) -> int:
    """Parameters by hand: convolutions without bias, two numbers per channel of a norm."""
    matrix, operations = keys.unpack(keys.parse(key))
    total, inputs = 29 * C, C
    for stack in range(3):
        for _ in range(N):
            outputs = C * 2**stack
            for vertex, channels in enumerate(_channels(matrix, outputs), start=1):
                total += matrix[0][vertex] * (inputs * channels + 2 * channels)
                kernel = KERNEL.get(operations[vertex], 0)
                total += kernel * channels**2 + 2 * channels if kernel else 0
            inputs = outputs
    return total + (inputs + 1) * classes


def _channels(matrix: Any, outputs: int) -> list[int]:
    """Of the vertices after the input, from the last to the first."""
    last = len(matrix) - 1
    ends = [vertex for vertex in range(1, last) if matrix[vertex][last]]
    found = {last: outputs}
    for vertex in range(last - 1, 0, -1):
        if vertex in ends:
            share, rest = divmod(outputs, len(ends))
            found[vertex] = share + (ends.index(vertex) < rest)
        else:
            found[vertex] = max(found[target] for target in range(vertex + 1, last) if matrix[vertex][target])
    return [found[vertex] for vertex in range(1, last + 1)]


def parameters(network: Any) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_benchmarks_documentation_counts_as_many_parameters() -> None:
    with torch.device("meta"):
        assert parameters(SPACE.build(INCEPTION)) == counted(INCEPTION) == 2_694_282


def test_networks_have_the_parameters_counted_by_hand() -> None:
    rng = Random(0)
    for _ in range(12):
        key, C, N, classes = SPACE.sample(rng), rng.choice([8, 13, 16]), rng.randint(1, 3), rng.randint(1, 120)
        with torch.device("meta"):
            assert parameters(SPACE.build(key, C=C, N=N, num_classes=classes)) == counted(key, C, N, classes)


def test_parameters_are_those_of_the_benchmark(shared: Path) -> None:
    wanted = benchmark("nasbench101", shared / "data").column("params")
    chosen = list(wanted)[::8]
    assert [counted(key) for key in chosen] == [wanted[key] for key in chosen]
    for key in chosen[::150]:
        with torch.device("meta"):
            assert parameters(SPACE.build(key)) == wanted[key]


def norms(network: Any) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


def convolutions(network: Any) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


@pytest.mark.parametrize(
    ("variant", "channels", "momentum", "tracked"),
    [
        ("zerocost", 128, 0.1, True),
        ("naslib", 128, 0.997, True),
        ("naswot", 16, 0.1, True),
        ("epsilon", 128, 0.1, False),
    ],
)
def test_variants(variant: str, channels: int, momentum: float, tracked: bool) -> None:
    network = SPACE.build(EXAMPLE, N=1, variant=variant)
    assert convolutions(network)[0].out_channels == channels
    assert all(norm.track_running_stats is tracked and norm.affine and norm.eps == 1e-5 for norm in norms(network))
    within = {
        name for name, module in network.named_modules() if ".vertex" in name and isinstance(module, nn.BatchNorm2d)
    }
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.momentum == (0.1 if name in within else momentum)
    assert not any(module.inplace for module in network.modules() if isinstance(module, nn.ReLU))
    for convolution in convolutions(network):
        deviation = math.sqrt(2 / (convolution.kernel_size[0] ** 2 * convolution.out_channels))
        bound = 1 / math.sqrt(convolution.kernel_size[0] ** 2 * convolution.in_channels)
        expected = bound / math.sqrt(3) if variant == "epsilon" else deviation
        assert convolution.bias is None
        assert convolution.weight.std().item() == pytest.approx(expected, rel=0.15)
    classifier = network.get_submodule("head.classifier")
    assert (classifier.bias.abs().max().item() == 0) is (variant != "epsilon")
    assert variant == "epsilon" or classifier.weight.std().item() == pytest.approx(0.01, rel=0.1)


def test_what_cannot_be_built_is_named() -> None:
    with pytest.raises(ValueError, match="unknown variant 'nats'; use 'zerocost' or 'naslib' or 'naswot' or 'epsilon'"):
        SPACE.build(EXAMPLE, variant="nats")
    with pytest.raises(ValueError, match="C, N and num_classes must be at least 1, found 0, 3 and 10"):
        SPACE.build(EXAMPLE, C=0)
    with pytest.raises(ValueError, match="1 channels cannot be split among the 2 vertices"):
        SPACE.build(EXAMPLE, C=1)
    with pytest.raises(ValueError, match="expected output"):
        SPACE.build("output")


def test_gradients_reach_everything_and_dead_ends_are_not_built() -> None:
    rng = Random(2)
    for _ in range(4):
        cell = keys.parse(SPACE.sample(rng))
        network = SPACE.build(keys.format(relabelled(cell, rng)), C=16, N=1)
        logits = network(torch.randn(3, 3, 16, 16))
        assert logits.shape == (3, 10)
        logits.square().sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())


def _theirs(key: str) -> tuple[Any, list[Any]]:
    """The reference's network, and its layers in our order: of each vertex its projection, then its operation."""
    model = pytest.importorskip("nasbench_pytorch.model", reason="needs nasbench_pytorch, which NASLib needs")
    numpy = pytest.importorskip("numpy")
    matrix, operations = keys.unpack(keys.parse(key))
    network = model.Network(model.ModelSpec(numpy.array(matrix), list(operations)), stem_out_channels=16)
    parts = []
    for layer in network.layers:
        if hasattr(layer, "vertex_op"):
            for vertex in range(1, layer.num_vertices):
                parts += [layer.input_op[vertex], *layer.vertex_op[vertex : vertex + 1]]
        else:
            parts.append(layer)
    kinds = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
    return network, [
        each for part in [*parts, network.classifier] for each in part.modules() if isinstance(each, kinds)
    ]


def test_with_the_same_weights_it_is_the_network_that_naslib_makes() -> None:
    rng = Random(1)
    for key in ("output(0)", EXAMPLE, INCEPTION, *(SPACE.sample(rng) for _ in range(5))):
        theirs, layers = _theirs(key)
        ours = SPACE.build(key, C=16, variant="naslib")
        own = [module for module in ours.modules() if isinstance(module, (nn.Conv2d, nn.BatchNorm2d, nn.Linear))]
        assert [type(each) for each in own] == [type(each) for each in layers]
        for mine, other in zip(own, layers):
            mine.load_state_dict(other.state_dict())
            if isinstance(mine, nn.BatchNorm2d):
                assert (mine.momentum, mine.eps) == (other.momentum, other.eps)
        images = torch.randn(4, 3, 32, 32)
        torch.testing.assert_close(ours(images), theirs(images))
        # Running statistics are the same afterwards, hence zen-score's.
        for mine, other in zip(own, layers):
            if isinstance(mine, nn.BatchNorm2d):
                torch.testing.assert_close(mine.running_var, other.running_var)


def test_one_cell_in_channels_by_hand() -> None:
    """Three vertices share 128 channels as 43, 43 and 42; the vertex before them has as many as the widest."""
    network = SPACE.build("conv3x3(0)|conv1x1(1)|conv1x1(1)|conv1x1(1)|output(2,3,4)", N=1)
    cell = network.get_submodule("cells.cell1")
    assert cell.channels == [128, 43, 43, 43, 42, 128]
    images = torch.randn(2, 128, 8, 8)
    first = cell.vertex1(cell.projection1(images))
    wanted = torch.cat([cell.vertex2(first), cell.vertex3(first), cell.vertex4(first[:, :42])], 1)
    assert torch.equal(cell(images), wanted) and wanted.shape[1] == 128
