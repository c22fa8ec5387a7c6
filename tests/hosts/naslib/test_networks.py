"""NASLib's networks of NAS-Bench-201 are ours of the flavour ``nats``: same weights, same logits, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from naslib_zc_plugin.spaces.nasbench201 import EDGES, SPACE
from tests.hosts.naslib import made
from tests.hosts.naslib.needs import needs

zc = needs("naslib_zc_plugin.hosts.naslib")


def paired(graph: Any, network: Any) -> Iterator[tuple[nn.Module, nn.Module]]:
    """NASLib's module and ours, in the order of the images' way through the network.

    NASLib's stem lies on its first edge, cells and reductions on one edge each, the head on the last; a cell's edge
    from node a to b (counted from 0) is NASLib's (a + 1, b + 1). Within such a pair tensors have the same order.
    """
    yield graph.edges[1, 2].op, network.stem
    for place, ours in enumerate(network.cells, start=2):
        theirs = graph.edges[place, place + 1].op
        if hasattr(ours, "residual"):
            yield theirs, ours
        else:
            yield from ((theirs.edges[a + 1, b + 1].op, ours.get_submodule(f"edge{a}{b}")) for a, b in EDGES)
    yield graph.edges[place + 1, place + 2].op, network.head


def copy_weights(graph: Any, network: nn.Module) -> int:
    """Give ``network`` the graph's parameters and buffers; how many tensors these were."""
    count = 0
    for theirs, ours in paired(graph, network):
        source, target = list(theirs.state_dict().values()), list(ours.state_dict().values())
        assert [each.shape for each in source] == [each.shape for each in target]
        for here, there in zip(source, target):
            there.copy_(here)
        count += len(source)
    return count


def count(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


def test_as_many_parameters() -> None:
    search_space, rng = made.space(), Random(0)
    for key in [SPACE.sample(rng) for _ in range(10)]:
        assert count(zc.build(search_space, key)) == count(SPACE.build(key, C=16, N=5))


@pytest.mark.parametrize("seed", range(5))
def test_same_logits_and_gradients_with_copied_weights(seed: int) -> None:
    key = SPACE.sample(Random(seed))
    graph, network = zc.build(made.space(), key, seed=seed), SPACE.build(key, C=16, N=5)
    assert copy_weights(graph, network) == len(graph.state_dict()) == len(network.state_dict())
    x = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    gradients: list[list[Tensor]] = []
    for net in (graph, network):
        logits = net.train()(x)
        gradients.append(list(torch.autograd.grad(logits.square().sum(), list(net.parameters()))))
    assert torch.equal(graph.train()(x), network.train()(x))
    assert torch.equal(graph.eval()(x), network.eval()(x))
    sizes = [sorted(float(each.norm()) for each in part) for part in gradients]
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-4, abs=1e-9)
