"""Counts of layers, their width and their outputs, against module hooks and closed forms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.spaces import space

COUNTS = ["layers", "total_width", "activations"]
CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|"


def counted(network: nn.Module, inputs: Tensor) -> list[float]:
    """Count by hooks of modules."""
    names: set[str] = set()
    widths: list[int] = []
    values: list[float] = []

    def hook(name: str, dimension: int) -> Any:
        def see(module: nn.Module, args: Any, output: Tensor) -> None:
            names.add(name)
            widths.append(output.shape[dimension])
            values.append(output[0].numel())

        return see

    handles = [
        module.register_forward_hook(hook(name, 1 if isinstance(module, nn.Conv2d) else -1))
        for name, module in network.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    ]
    with torch.no_grad():
        network(inputs)
    for handle in handles:
        handle.remove()
    return [float(len(names)), float(sum(widths)), float(sum(values))]


def scored(network: nn.Module, inputs: Tensor) -> list[float | None]:
    scores = zc.score(network, (inputs, torch.arange(len(inputs)) % 4), COUNTS)
    assert {score.status for score in scores.values()} == {"ok"}
    return [scores[name].value for name in COUNTS]


@given(widths=st.lists(st.integers(1, 12), min_size=1, max_size=5), size=st.integers(5, 9), samples=st.integers(1, 5))
@settings(max_examples=20, deadline=None)
def test_counts_are_those_of_the_modules(widths: list[int], size: int, samples: int) -> None:
    convolutions = [nn.Conv2d(first, second, 3, padding=1) for first, second in zip([3, *widths], widths)]
    network = nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 4))
    found = scored(network, torch.randn(samples, 3, size, size))
    assert found == [len(widths) + 1.0, sum(widths) + 4.0, sum(widths) * size * size + 4.0]


@pytest.mark.parametrize("name, key", [("nasbench201", CELL), ("nats_sss", "8:16:24:32:40")])
def test_spaces_networks(name: str, key: str) -> None:
    network, inputs = space(name).build(key), torch.randn(4, 3, 32, 32)
    assert scored(network, inputs) == counted(network, inputs)


def test_a_layer_counts_once_and_its_calls_each() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.unused = nn.Linear(6, 6), nn.Linear(6, 9)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(self.layer(x).relu())

    assert scored(Twice(), torch.randn(3, 7, 6)) == [1.0, 12.0, 84.0]


def test_a_network_without_layers_has_no_width() -> None:
    scores = zc.score(nn.Flatten(), (torch.randn(3, 4), torch.arange(3)), COUNTS)
    assert scores["layers"].value == 0.0
    assert [scores[name].status for name in COUNTS[1:]] == ["undefined"] * 2
