"""Weights that are drawn anew: the same for a trained and a new network, and gone afterwards."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

import naslib_zc_plugin as zc
from naslib_zc_plugin.passes import Network, isolated, with_fresh_weights
from naslib_zc_plugin.testing import NETWORKS, fingerprint

PROXIES = ["synflow", "jacov", "l2_norm", "params", "zen"]


def trained(net: nn.Module) -> nn.Module:
    """A network of other parameters and statistics."""
    other = copy.deepcopy(net)
    with torch.no_grad():
        for value in [*other.parameters(), *other.buffers()]:
            if value.is_floating_point():
                value.mul_(1.5).add_(0.25)
    return other


class Tokens(nn.Module):
    """Layers of several kinds, and parameters that no module draws by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.rnn = nn.Embedding(10, 8), nn.LSTM(8, 8, batch_first=True)
        self.attention, self.norm = nn.MultiheadAttention(8, 2, batch_first=True), nn.LayerNorm(8)
        self.positions, self.token = nn.Parameter(torch.randn(1, 5, 8)), nn.Parameter(torch.randn(1, 1, 8))
        self.scale, self.frozen = nn.Parameter(torch.ones(8)), nn.Parameter(torch.randn(5, 8), requires_grad=False)
        self.head = parametrizations.weight_norm(nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.rnn(self.embedding(x) + self.positions + self.token)[0] * self.scale + self.frozen
        return self.head(self.norm(self.attention(x, x, x)[0]).mean(1))


def drawn(net: nn.Module, seed: int) -> dict[str, Tensor]:
    with isolated(net) as module:
        found = with_fresh_weights(Network(module), seed)
        return {name: value.clone() for name, value in (*found.parameters.items(), *found.buffers.items())}


@pytest.mark.parametrize("name", ["conv_bn_relu", "functional_relu", "tokens", "bert_attention", "tied_weights"])
def test_a_trained_and_a_new_network_have_the_same_scores(name: str) -> None:
    case = NETWORKS[name]()
    one, two = (zc.score(net, case.batch, PROXIES, seed=3, weights="fresh") for net in (case.net, trained(case.net)))
    assert {label: found.value for label, found in one.items()} == {label: found.value for label, found in two.items()}
    assert any(found.value is not None for found in one.values())


def test_every_layer_draws_as_when_it_is_made() -> None:
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(24, 4))
    found = drawn(trained(net), 5)
    torch.manual_seed(0)
    assert found["1.weight"].tolist() == [1.0] * 6 and found["1.running_var"].tolist() == [1.0] * 6
    bound = 1 / (3 * 9) ** 0.5  # of torch's uniform distribution
    assert 0.8 * bound < found["0.weight"].abs().max() <= bound
    assert drawn(net, 5)["4.weight"].equal(found["4.weight"])
    assert not drawn(net, 6)["4.weight"].equal(found["4.weight"])


def test_what_no_module_draws() -> None:
    net = trained(Tokens())
    found, held = drawn(net, 1), dict(net.named_parameters())
    assert 0.01 < found["positions"].std() < 0.03
    for name in ("token", "scale", "frozen"):
        assert found[name].equal(held[name])
    assert found["embedding.weight"].std() > 0.5
    assert found["norm.weight"].tolist() == [1.0] * 8
    with isolated(net) as module:
        assert with_fresh_weights(Network(module), 1).kept == ["token", "frozen"]  # a scale of equal values is as made
    batch = torch.randint(10, (6, 5))
    assert zc.score(net, batch, "jacov", weights="fresh")["jacov"].status == "ok"


def test_tied_weights_stay_tied() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    net[2].weight = net[0].weight
    with isolated(net) as module:
        found = with_fresh_weights(Network(module), 0)
        assert list(found.parameters) == ["0.weight", "0.bias", "2.bias"]
        assert module[2].weight is module[0].weight
    assert net[2].weight is net[0].weight


@pytest.mark.parametrize("make", [Tokens, lambda: NETWORKS["conv_bn_relu"]().net])
def test_the_network_is_left_as_it_was(make: Any) -> None:
    net = trained(make())
    inputs = torch.randint(10, (6, 5)) if isinstance(net, Tokens) else torch.randn(6, 3, 8, 8)
    before, objects = fingerprint(net), list(map(id, net.parameters()))
    zc.score(net, inputs, PROXIES, weights="fresh", repeats=2)
    assert fingerprint(net) == before
    assert list(map(id, net.parameters())) == objects


def test_repeats_draw_each_time() -> None:
    net, (x, _) = NETWORKS["conv_bn_relu"]().net, NETWORKS["conv_bn_relu"]().batch
    given, fresh = (zc.score(net, x, "synflow", repeats=3, weights=kind)["synflow"] for kind in ("given", "fresh"))
    assert given.spread == 0
    assert fresh.spread


def test_a_module_that_cannot_be_drawn_fails_with_its_name() -> None:
    class Odd(nn.Linear):
        def reset_parameters(self) -> None:
            if hasattr(self, "made"):
                raise ValueError("only once")
            super().reset_parameters()

    net = nn.Sequential(nn.Flatten(), Odd(12, 2))
    net[1].made = True
    with pytest.warns(UserWarning, match="nothing could be scored"):
        found = zc.score(net, torch.randn(4, 3, 2, 2), ["jacov", "params"], weights="fresh")
    assert found["jacov"].status == "failed"
    assert "fresh weights cannot be drawn, reset_parameters of 1 raised: only once" in found["jacov"].reason
    assert net[1].made is True


def test_other_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="weights must be 'given' or 'fresh', not 'new'"):
        zc.score(nn.Linear(2, 2), torch.randn(3, 2), "params", weights="new")
