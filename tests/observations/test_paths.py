"""The graph of a run: what every path passes, how deep it is, where channels stand and positions are mixed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.observations.paths import Graph, Paths, kept_dimension, layer_paths
from naslib_zc_plugin.passes import Batch, Network, isolated, observe
from naslib_zc_plugin.testing import NETWORKS
from naslib_zc_plugin.testing.case import Wired

IMAGES = torch.randn(4, 3, 8, 8)


def paths_of(net: nn.Module, inputs: Any = IMAGES, logits: Any = None, mixing: bool = True) -> Paths:
    """The paths of a network."""
    with isolated(net) as module:
        (outcome,) = observe(Network(module, logits), Batch(inputs), [layer_paths(mixing)]).values()
    if outcome.error is not None:
        raise outcome.error
    found: Paths = outcome.value
    return found


def shapes(net: nn.Module, inputs: Any = IMAGES) -> list[tuple[int, ...]]:
    """Shapes of the values that every path passes."""
    return [value.shape for value in paths_of(net, inputs).cuts]


def conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


# What every path passes --------------------


def test_what_goes_round_is_not_passed() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.stem(x)
        x = x + net.two(net.one(x).relu())
        return torch.cat([x, net.three(x)], 1)

    net = Wired(forward, stem=conv(3, 4), one=conv(4, 5), two=conv(5, 4), three=conv(4, 6))
    assert shapes(net) == [(2, 4, 8, 8), (2, 4, 8, 8), (2, 10, 8, 8)]


def test_a_function_with_several_outputs_is_passed_where_one_is_used() -> None:
    both = Wired(lambda net, x: torch.cat(net.conv(x).chunk(2, 1)[::-1], 1), conv=conv(3, 4))
    assert shapes(both) == [(2, 4, 8, 8), (2, 4, 8, 8)]
    one = Wired(lambda net, x: net.conv(x).chunk(2, 1)[1].relu(), conv=conv(3, 4))
    assert shapes(one) == [(2, 4, 8, 8), (2, 2, 8, 8), (2, 2, 8, 8)]
    values = paths_of(one).cuts
    assert [value.place for value in values] == [0, 1, 0]


def test_two_inputs_meet() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other, self.last = nn.Linear(3, 4), nn.Linear(5, 4), nn.Linear(4, 2)

        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return self.last(self.one(a) + self.other(b))

    found = paths_of(Two(), [torch.randn(4, 3), torch.randn(4, 5)])
    assert [value.shape for value in found.cuts] == [(2, 4), (2, 2)]
    assert (found.depth, len(found.layers), found.head) == (2, 3, found.cuts[-1].number)


@st.composite
def graphs(draw: Any) -> list[tuple[int, ...]]:
    """Sources of each node after the first: at least one earlier one."""
    sizes = range(1, draw(st.integers(2, 8)))
    return [tuple(sorted(draw(st.sets(st.integers(0, n - 1), min_size=1, max_size=3)))) for n in sizes]


@given(graphs())
def test_cuts_are_the_nodes_without_which_no_path_is_left(sources: list[tuple[int, ...]]) -> None:
    x = torch.ones(1, requires_grad=True)
    nodes = [x.clone()]
    for froms in sources:
        nodes.append(torch.stack([nodes[source] for source in froms]).sum(0).exp())

    def reaches(start: int, without: int) -> bool:
        return start != without and (start == 0 or any(reaches(source, without) for source in sources[start - 1]))

    last = len(sources)
    expected = {node for node in range(1, last + 1) if node == last or not reaches(last, node)}
    graph = Graph(nodes[-1], {nodes[0].grad_fn})
    passed = {node for node, _ in graph.cuts()}
    assert {number for number, node in enumerate(nodes) if node.grad_fn in passed} == expected

    def longest(start: int) -> int:
        return 0 if start == 0 else 1 + max(map(longest, sources[start - 1]))

    assert graph.longest({node.grad_fn for node in nodes[1:]}) == longest(last)


def test_a_graph_of_many_paths_is_counted_exactly() -> None:
    x = torch.ones(1, requires_grad=True)
    y = first = x.clone()
    for _ in range(2000):
        y = y + y
    assert len(Graph(y, {first.grad_fn}).cuts()) == 2000


# Channels --------------------


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        (lambda net, x: net.conv(x).flatten(2), 1),
        (lambda net, x: net.conv(x).flatten(2).transpose(1, 2), 2),
        (lambda net, x: net.conv(x).permute(0, 2, 3, 1), 3),
        (lambda net, x: net.conv(x).permute((0, 2, 3, 1)), 3),
        (lambda net, x: torch.permute(input=net.conv(x), dims=(2, 3, 0, 1)), 3),
        (lambda net, x: net.conv(x).movedim(1, -1).flatten(1, 2), 2),
        (lambda net, x: net.conv(x).flatten(2).mT, 2),
        (lambda net, x: net.linear(net.conv(x).permute(0, 2, 3, 1)), 3),
        (lambda net, x: net.linear(net.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2) * x[:, :1], 1),
        (lambda net, x: net.conv(x).relu_(), 1),
        (lambda net, x: net.conv(x).mean((2, 3)), 1),
        (lambda net, x: F.avg_pool2d(net.conv(x), 2), 1),
        (lambda net, x: net.conv(x).amax((2, 3), keepdim=True) * net.conv(x), 1),
        (lambda net, x: net.conv(x).flatten(1), None),
        (lambda net, x: x.exp(), None),
    ],
)
def test_channels_are_followed(forward: Any, expected: int | None) -> None:
    net = Wired(forward, conv=conv(3, 7), linear=nn.Linear(7, 5))
    assert paths_of(net).cuts[-1].channel == expected


@pytest.mark.parametrize(
    ("before", "dim", "after", "expected"),
    [
        ((2, 7, 4, 4), 1, (2, 14, 4, 4), 1),  # more channels
        ((2, 5, 7), 2, (10, 7), 1),
        ((10, 7), 1, (2, 5, 7), 2),
        ((2, 5, 8), 2, (2, 5, 2, 4), None),  # heads
        ((2, 7, 6), 1, (2, 7), 1),
    ],
)
def test_dimensions_are_found_by_shapes(before: Any, dim: int, after: Any, expected: int | None) -> None:
    assert kept_dimension(before, dim, after) == expected


# Positions --------------------


@pytest.mark.parametrize(
    ("mix", "expected"),
    [
        (lambda net, x: net.norm(net.linear(x)).relu(), False),
        (lambda net, x: net.drop(net.linear(x)), False),
        (lambda net, x: net.linear(x) + x.roll(1, 1), True),
        (lambda net, x: net.conv(x.transpose(1, 2)).transpose(1, 2), True),
        (lambda net, x: x + F.scaled_dot_product_attention(x, x, x), True),
        (lambda net, x: torch.fft.fft(x, dim=1).real, True),
        (lambda net, x: x.cumsum(1), True),
        (lambda net, x: x.flip(1).cumsum(1), True),
        (lambda net, x: net.batch(net.linear(x).transpose(1, 2)).transpose(1, 2), False),
        (lambda net, x: torch.cat([x[:, :1], x[:, 1:]], 1), False),
        (lambda net, x: F.avg_pool1d(net.linear(x).mT, 3, 1, 1).mT, False),
        (lambda net, x: F.interpolate(net.linear(x).mT, size=9, mode="linear").mT, False),
        (lambda net, x: x + F.avg_pool1d(x.mT, 3, 1, 1).mT, True),
    ],
)
def test_mixing_of_positions_is_found(mix: Any, expected: bool) -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        return net.last(mix(net, net.first(x)))

    net = Wired(
        forward,
        first=nn.Linear(3, 6),
        last=nn.Linear(6, 6),
        linear=nn.Linear(6, 6),
        norm=nn.LayerNorm(6),
        batch=nn.BatchNorm1d(6),
        drop=nn.Dropout(0.9),
        conv=nn.Conv1d(6, 6, 3, padding=1),
    )
    for parameter in net.parameters():
        nn.init.zeros_(parameter)  # what the network holds does not matter
    assert bool(paths_of(net, torch.randn(4, 5, 3)).mixed) is expected


def test_mixing_is_found_where_it_is_asked_for() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.LSTM(4, 5))
    assert paths_of(net, torch.randn(4, 6, 3), logits=0).mixed
    assert not paths_of(net, torch.randn(4, 6, 3), logits=0, mixing=False).mixed


# Baselines --------------------


def scores(net: nn.Module, inputs: Any = IMAGES) -> list[float | None]:
    found = zc.score(net, (inputs, None), ["layers", "depth", "width_depth"])
    return [score.value for score in found.values()]


def test_layers_and_depth_of_a_residual_network() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = net.stem(x).relu()
        x = net.two(net.one(x).relu()) + net.round(x)
        return net.head(x.mean((2, 3)))

    layers = {"stem": conv(3, 4), "one": conv(4, 9), "two": conv(9, 5), "round": nn.Conv2d(4, 5, 1)}
    net = Wired(forward, **layers, head=nn.Linear(5, 10), unused=nn.Linear(3, 3))
    # The one block after the stem has 5 channels; the classifier is none.
    assert scores(net) == [5, 4, 5]


def test_a_layer_that_is_called_again_is_one_layer_and_deeper() -> None:
    assert scores(NETWORKS["shared_module"]().net)[:2] == [3, 5]
    case = NETWORKS["tied_weights"]()
    assert scores(case.net, case.batch[0])[:2] == [3, 4]


def test_a_layer_whose_output_is_written_over_is_passed() -> None:
    """A linear layer's output of three dimensions is a view, which gets another node; so it is with positions added."""

    class Embeds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.project, self.head = nn.Linear(3, 6), nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.project(x).add_(torch.ones(6)).mean(1))

    assert scores(Embeds(), torch.randn(2, 5, 3))[:2] == [2, 2]


def test_width_times_depth_of_encoders_is_hidden_size_times_layers() -> None:
    from naslib_zc_plugin.spaces import space

    for key, expected in (("128|SA-WMA-2-512x1|LT-DFT-2-512x3", 256), ("256|" + "|".join(4 * ["DSC-5-4-512x1"]), 1024)):
        net = space("flexibert").build(key, num_classes=20, positions=8)
        assert scores(net, torch.randint(0, 20, (4, 8)))[2] == expected


def test_vectors_have_a_block_for_each_layer() -> None:
    net = nn.Sequential(nn.Linear(6, 7), nn.ReLU(), nn.Linear(7, 8), nn.ReLU(), nn.Linear(8, 9), nn.Linear(9, 5))
    assert scores(net, torch.randn(4, 6)) == [4, 4, 8 + 9]


def test_baselines_without_paths_say_so() -> None:
    found = zc.score(nn.Sequential(nn.Flatten()), (IMAGES, None), ["layers", "depth", "width_depth"])
    assert (found["layers"].value, found["depth"].value) == (0, 0)
    assert "no value with channels" in found["width_depth"].reason
    one = zc.score(nn.Conv2d(3, 4, 3), (IMAGES, None), ["layers", "depth", "width_depth"])
    assert (one["layers"].value, one["depth"].value, one["width_depth"].status) == (1, 1, "undefined")
