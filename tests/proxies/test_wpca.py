"""W-PCA: which layers are feed-forward networks, and how many components their states have."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.proxies.wpca import components
from naslib_zc_plugin.testing import NETWORKS
from tests.proxies.test_oracles import quiet
from tests.proxies.test_transformers import BATCH, encoder, seen


def slow(states: Tensor, energy: float) -> int:
    """The eigenvalues of numpy's covariance, added one after another until they exceed the share."""
    values = np.linalg.eigvalsh(np.cov(states.double().reshape(-1, states.shape[-1]).numpy(), rowvar=False))
    accumulated, number = 0.0, 0
    while accumulated <= energy:
        number += 1
        accumulated += values[-number] / values.sum()
    return number


@given(st.integers(2, 12), st.integers(2, 8), st.sampled_from([0.3, 0.9, 0.99]), st.integers(0, 99))
def test_components_are_those_of_the_covariance(rows: int, width: int, energy: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(rows, width, generator=generator) * torch.rand(width, generator=generator) + 5
    assert components(states, energy) == slow(states, energy) <= min(rows - 1, width)


def test_equal_directions_count_once() -> None:
    states = torch.randn(30, 2, generator=torch.Generator().manual_seed(0)) @ torch.eye(2, 9)
    assert components(states, 0.999) == 2
    assert components(states[:, [0, 0, 0]], 0.99) == 1


def test_equals_its_oracle_on_a_transformer() -> None:
    case, ratios = quiet("transformer"), []
    for layer in case.net.encoder.layers:
        layer.linear1.register_forward_hook(lambda m, i, states: ratios.append(slow(states.detach(), 0.99) / 16))
    case.net(case.batch[0])
    expected = sum(parameter.numel() for parameter in case.net.parameters()) * np.mean(ratios)
    assert len(ratios) == 2
    assert quiet("transformer").score("wpca")["wpca"].value == pytest.approx(expected)


def test_of_several_layers_the_first_one_holds_the_states() -> None:
    """FlexiBERT's second feed-forward network has three hidden layers, others one."""
    net = encoder()
    assert len(seen(net, ("feed_forward.block.linear3",))) == 1
    hidden = seen(net, ("feed_forward.block.linear1",))
    expected = np.mean([slow(states, 0.99) / 512 for states in hidden])
    size = sum(parameter.numel() for parameter in net.parameters())
    (score,) = zc.score(net, BATCH, ["wpca"]).values()
    assert len(hidden) == 4
    assert score.value == pytest.approx(expected * size)


class Block(nn.Module):
    """A feed-forward network of some form, between attention-like layers."""

    def __init__(self, form: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.form, gated = form, form in ("gated", "glu")
        self.before, self.mixed, self.after = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.one, self.gate = nn.Linear(6, 20 if form == "glu" else 10), nn.Linear(6, 10) if gated else nn.Identity()
        self.two = nn.Linear(10, 6)

    def feed_forward(self, x: Tensor) -> Tensor:
        if self.form == "gated":
            return F.silu(self.one(x)) * self.gate(x)
        h = self.one(x)
        if self.form == "glu":
            part, gate = h.chunk(2, -1)
            return part * F.gelu(gate)
        if self.form == "written out":
            return 0.5 * h * (1 + torch.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))
        return h.relu_() if self.form == "in place" else F.relu(h)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mixed((self.before(x) @ x.transpose(1, 2)).softmax(-1) @ x)
        return self.after(x + self.two(self.feed_forward(x))).mean(1)


@pytest.mark.parametrize("form", ["function", "in place", "written out", "gated", "glu"])
def test_forms_of_feed_forward_networks_are_found(form: str) -> None:
    net, x = Block(form), torch.randn(7, 5, 6, generator=torch.Generator().manual_seed(0))
    states: list[Tensor] = []
    hook = net.one.register_forward_hook(lambda m, i, output: states.append(output.detach().clone()))
    net(x)
    hook.remove()
    expected = slow(states[0], 0.9) / states[0].shape[-1] * sum(parameter.numel() for parameter in net.parameters())
    assert zc.score(net, (x, None), zc.proxy("wpca", energy=0.9))["wpca"].value == pytest.approx(expected)


def test_a_product_with_a_layers_weight_is_that_layers() -> None:
    class Products(Block):
        def feed_forward(self, x: Tensor) -> Tensor:
            return F.relu(x @ self.one.weight.T + self.one.bias)

        def forward(self, x: Tensor) -> Tensor:
            return self.after(x + self.feed_forward(x) @ self.two.weight.T).mean(1)

    class Layers(Products):
        def feed_forward(self, x: Tensor) -> Tensor:
            return F.relu(self.one(x))

    x = torch.randn(7, 5, 6, generator=torch.Generator().manual_seed(0))
    first, other = (zc.score(kind("function"), x, "wpca")["wpca"].value for kind in (Products, Layers))
    assert first == other is not None


@pytest.mark.parametrize("name", ["conv_bn_relu", "functional_relu", "tokens", "conv1d", "no_parameters"])
def test_networks_without_any_have_no_value(name: str) -> None:
    score = NETWORKS[name]().score("wpca")["wpca"]
    assert (score.status, "no feed-forward network was seen" in score.reason) == ("undefined", True)


def test_states_that_do_not_vary_have_no_components() -> None:
    class Dead(Block):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x * 0)

    score = zc.score(Dead("function"), (torch.randn(3, 5, 6), None), "wpca")["wpca"]
    assert (score.status, "do not vary" in score.reason) == ("undefined", True)
    broken: Any = Block("function")
    with torch.no_grad():
        broken.one.weight[0, 0] = math.inf
    assert zc.score(broken, (torch.randn(3, 5, 6), None), "wpca")["wpca"].status == "undefined"


def test_an_energy_of_all_is_refused() -> None:
    with pytest.raises(ValueError, match="energy must be a number above 0 to 1 other than 1"):
        zc.proxy("wpca", energy=1.0)
