"""Bytes of activations, against sums by hand and autograd's own hooks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import naslib_zc_plugin as zc
from naslib_zc_plugin import Score
from naslib_zc_plugin.spaces import space

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|"


def scored(network: nn.Module, inputs: Any, phase: str = "inference") -> Score:
    return zc.score(network, inputs, [zc.proxy("peak_activations", label="bytes", phase=phase)])["bytes"]


class Net(nn.Module):
    """A network of a function, and of a weight that it may use."""

    def __init__(self, forward: Any) -> None:
        super().__init__()
        self.function, self.layer = forward, nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.layer, x)


def shortcut(layer: nn.Module, x: Tensor) -> Tensor:
    return layer(layer(layer(x))) + x


def kept_by_python(layer: nn.Module, x: Tensor) -> Tensor:
    first = layer(x)
    second = layer(first)
    third = layer(second)
    assert first.shape == x.shape  # a look at a shape reads no value
    return third


def in_place(layer: nn.Module, x: Tensor) -> Tensor:
    return F.relu(layer(x), inplace=True)


def views(layer: nn.Module, x: Tensor) -> Tensor:
    return layer(x).view(-1, 2, 4).transpose(1, 2).flatten(1)  # flatten copies


def wide(layer: nn.Module, x: Tensor) -> Tensor:
    first, second, third = layer(x), layer(x), layer(x)
    return torch.cat([first, second, third], 1)


WIDE = 32  # bytes of 8 features


@pytest.mark.parametrize(
    ("function", "tensors"),
    [
        (shortcut, 3),  # at the second and third layer: x, its input, its output
        (kept_by_python, 2),
        (in_place, 2),
        (views, 2),
        (wide, 6),  # three outputs and the threefold one
    ],
)  # fmt: skip
def test_inference_is_what_is_alive_at_a_call(function: Any, tensors: int) -> None:
    assert scored(Net(function), torch.randn(5, 8)).value == tensors * WIDE
    assert scored(Net(function).double(), torch.randn(5, 8).double()).value == tensors * WIDE * 2


@given(widths=st.lists(st.integers(1, 12), min_size=1, max_size=5), size=st.integers(5, 9), samples=st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_a_chain_of_layers(widths: list[int], size: int, samples: int) -> None:
    pairs = list(zip([3, *widths], widths))
    net = nn.Sequential(*(nn.Conv2d(first, second, 3, padding=1) for first, second in pairs))
    inputs = torch.randn(samples, 3, size, size)
    assert scored(net, inputs).value == 4 * size**2 * max(first + second for first, second in pairs)


def test_training_is_what_autograd_saves() -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    # The first layer saves its input, the ReLU its output, which is also the last layer's input.
    assert scored(net, torch.randn(3, 4), "training").value == 4 * (4 + 8)
    sigmoids = nn.Sequential(nn.Linear(4, 8), nn.Sigmoid(), nn.Tanh(), nn.Linear(8, 2))
    assert scored(sigmoids, torch.randn(3, 4), "training").value == 4 * (4 + 8 + 8)


def saved_by_hooks(network: nn.Module, inputs: Tensor) -> float:
    held = {tensor.untyped_storage()._cdata for tensor in (*network.parameters(), *network.buffers())}
    kept: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network.train()(inputs)
    sizes = {tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() for tensor in kept}
    return sum(size for storage, size in sizes.items() if storage not in held) / len(inputs)


@pytest.mark.parametrize("name, key", [("nasbench201", CELL), ("nats_sss", "8:16:24:32:40")])
def test_training_of_spaces_networks(name: str, key: str) -> None:
    network, inputs = space(name).build(key), torch.randn(2, 3, 32, 32)
    assert scored(network, inputs, "training").value == saved_by_hooks(network, inputs)


class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.rest = nn.Linear(8, 8), nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = checkpoint(self.rest, self.first(x), use_reentrant=False)
        return found


class Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros(len(x), 4)


@pytest.mark.parametrize(
    ("network", "reason"),
    [(Checkpointed(), "does not keep what its backward run needs"), (Constant(), "the outputs have no gradient")],
)
def test_what_is_not_kept_is_undefined(network: nn.Module, reason: str) -> None:
    found = scored(network, torch.randn(2, 8), "training")
    assert (found.status, found.value) == ("undefined", None)
    assert reason in found.reason
    assert scored(network, torch.randn(2, 8)).status == "ok"
