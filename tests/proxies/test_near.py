"""NEAR: effective ranks, by closed form, by hooks, and by the number that the authors' test has."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import naslib_zc_plugin as zc
from naslib_zc_plugin.proxies.near import effective_rank, first_square
from naslib_zc_plugin.testing import NETWORKS
from tests.proxies import oracles
from tests.proxies.test_oracles import quiet


@given(st.floats(-0.99, 0.99), st.floats(1e-3, 1e3))
def test_the_rank_of_a_circulant_matrix_has_a_closed_form(rho: float, scale: float) -> None:
    """Roy and Vetterli (2007): two factors of ± |ρ| each."""
    first = torch.tensor([1, rho, rho**2, rho], dtype=torch.float64)
    shares = np.array([1 + abs(rho), 1 - abs(rho)]) / 2
    expected = np.exp(-2 * (shares * np.log(shares)).sum())
    assert effective_rank(scale * torch.stack([first.roll(k) for k in range(4)])) == pytest.approx(expected)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_the_rank_is_between_one_and_the_smaller_side(rows: int, columns: int, seed: int) -> None:
    matrix = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    assert 1 - 1e-6 <= effective_rank(matrix) <= min(rows, columns) + 1e-6
    assert effective_rank(matrix[:1].expand(5, -1)) == pytest.approx(1, abs=1e-4)


def test_the_sum_is_what_the_authors_test_expects() -> None:
    """Their network, draws and rows: a random offset in the first map, single samples until rows are enough."""
    torch.manual_seed(42)
    rng = np.random.RandomState(42)
    images = TensorDataset(torch.rand(200, 3, 10, 10), torch.rand(200, 5))
    loader = DataLoader(images, batch_size=1, shuffle=True)
    net, sums = nn.Sequential(nn.Conv2d(3, 3, 5), nn.Flatten(), nn.SiLU(), nn.Linear(108, 50)), []
    net.extend([nn.SiLU(), nn.Linear(50, 25), nn.SiLU(), nn.Linear(25, 5)])
    for _ in range(5):
        samples = torch.cat([x for (x, _), _ in zip(loader, range(108))]).detach()
        start = rng.randint(0, 5) * 6
        maps = net[0](samples[:1]).transpose(2, 3)  # their rows go down before they go right
        total, h = effective_rank(maps.flatten(2)[0].T[start : start + 3].detach()), net[:2](samples)
        for module in net[2:]:
            h = module(h).detach()
            total += effective_rank(first_square(h, 1))
        sums.append(total)
        for module in net:
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
    assert np.mean(sums) == pytest.approx(132.1655230906162, rel=1e-6)


@pytest.mark.parametrize(
    "net",
    ["conv_bn_relu", "inplace_relu", "smooth", "kinds_of_convolution", "norm_without_affine", "norm_of_vectors",
     "norm_without_statistics", "tied_weights", "shared_module", "weight_norm", "conv1d", "double_precision"],
)  # fmt: skip
def test_equals_its_oracle(net: str) -> None:
    assert quiet(net).score("near")["near"].value == pytest.approx(oracles.near(quiet(net)), rel=1e-4)


def test_the_first_rows_go_through_positions_before_samples() -> None:
    maps = torch.arange(2 * 6 * 2 * 2.0).reshape(2, 6, 2, 2)
    rows = torch.cat([sample.flatten(1).T for sample in maps])
    assert torch.equal(first_square(maps, 1), rows[:6])
    tokens = torch.arange(2 * 3 * 5.0).reshape(2, 3, 5)
    assert torch.equal(first_square(tokens, -1), tokens.reshape(6, 5)[:5])
    assert torch.equal(first_square(tokens, 1), tokens.transpose(1, 2).reshape(10, 3)[:3])
    assert torch.equal(first_square(torch.eye(2, 7), 1), torch.eye(2, 7))  # too few rows: all


def test_tokens_have_ranks_whatever_writes_the_activation() -> None:
    class Feed(nn.Module):
        def __init__(self, form: str) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.form, self.table = form, nn.Embedding(20, 6)
            self.one, self.two, self.norm = nn.Linear(6, 12), nn.Linear(12, 3), nn.LayerNorm(6)

        def forward(self, tokens: Tensor) -> Tensor:
            h = self.one(self.norm(self.table(tokens)))
            form = {"in place": Tensor.relu_, "function": F.relu, "clamp": lambda x: x.clamp(min=0)}[self.form]
            return self.two(form(h)).mean(1)

    tokens = torch.randint(0, 20, (5, 4), generator=torch.Generator().manual_seed(0))
    values = {zc.score(Feed(form), (tokens, None), "near")["near"].value for form in ("in place", "function", "clamp")}
    assert len(values) == 1
    net = Feed("function")
    states = net.norm(net.table(tokens)).detach()
    hidden = net.one(states).detach()
    last = net.two(hidden.relu()).detach()
    parts = [first_square(part, -1) for part in (states, hidden, hidden.relu(), last)]
    assert values.pop() == pytest.approx(sum(map(effective_rank, parts)), rel=1e-4)


def test_dead_outputs_add_nothing_and_a_dead_network_has_none() -> None:
    class Dead(nn.Module):
        def __init__(self, alive: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layers, self.alive = nn.ModuleList([nn.Linear(4, 4, bias=False) for _ in range(2)]), alive

        def forward(self, x: Tensor) -> Tensor:
            return self.layers[1](self.layers[0](x if self.alive else x * 0) * 0)

    x = torch.randn(6, 4)
    (alive, dead) = (zc.score(Dead(alive), (x, None), "near")["near"] for alive in (True, False))
    assert alive.value == pytest.approx(effective_rank(Dead(True).layers[0](x)[:4].detach()), rel=1e-4)
    assert (dead.status, dead.reason) == ("undefined", "all outputs are zeros")
    assert NETWORKS["nan_weights"]().score("near")["near"].status == "undefined"
    assert "no layer" in zc.score(nn.Flatten(), (x, None), "near")["near"].reason


def test_what_a_layer_makes_of_its_weight_is_no_output() -> None:
    """An activation or a norm of a weight counts for nothing, also where it has as many rows as there are samples."""

    class Quantised(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return F.linear(x, torch.tanh(F.layer_norm(self.weight, (6,))), self.bias)

    torch.manual_seed(0)
    made = Quantised(6, 9)
    plain = nn.Linear(6, 9)
    plain.weight, plain.bias = nn.Parameter(torch.tanh(F.layer_norm(made.weight.detach(), (6,)))), made.bias
    for samples in (9, 12):
        x = torch.randn(samples, 6)
        one, other = (zc.score(nn.Sequential(layer, nn.ReLU()), x, "near")["near"].value for layer in (made, plain))
        assert one == pytest.approx(other)
