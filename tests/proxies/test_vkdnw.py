"""VKDNW against Jacobians by loops, Cholesky factors by elimination, and entropies by numpy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call, jacrev
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import Forward, Undefined
from naslib_zc_plugin.passes import Batch, Network, isolated, observe
from naslib_zc_plugin.proxies.vkdnw import Jacobian, information, logit_jacobian, vkdnw
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.testing import NETWORKS, Case
from tests.proxies import oracles
from tests.proxies.test_oracles import quiet

HELD = Forward(training=False, norm="new")


class Attentive(nn.Module):
    """A small vision transformer: class token, positions, attention, scales of branches, embeddings of labels."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.patches, self.norm = nn.Conv2d(3, 6, 4, 4), nn.LayerNorm(6)
        self.token, self.positions = nn.Parameter(torch.randn(1, 1, 6)), nn.Parameter(torch.randn(1, 5, 6))
        self.scale, self.table = nn.Parameter(torch.rand(6)), nn.Embedding(7, 6)
        self.qkv, self.out, self.head = nn.Linear(6, 18), nn.Linear(6, 6), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(x), -1, -1), tokens], 1) + self.positions
        tokens = tokens + self.table((x.mean((1, 2, 3)) > 0).long())[:, None]
        query, key, value = self.qkv(self.norm(tokens)).chunk(3, -1)
        mixed = (query @ key.transpose(1, 2)).softmax(-1) @ value
        return self.head((tokens + self.scale * self.out(mixed))[:, 0])


def attentive() -> Case:
    return Case(Attentive(), NETWORKS["conv_bn_relu"]().batch)


def jacobian(case: Case, parameters: int = 128) -> Jacobian:
    """For the held weights and the batch."""
    asked = logit_jacobian(parameters, setting=HELD)
    with isolated(case.net) as module:
        outcome = observe(Network(module, case.logits), Batch(*case.batch), [asked])[asked]
    assert outcome.error is None, outcome.error
    found: Jacobian = outcome.value
    return found


def looped(case: Case) -> np.ndarray[Any, Any]:
    """(N, C, P), each number by itself, of one sample alone; norms in evaluation mode with new statistics."""
    net = oracles.plain_copy(case).eval()
    for module in net.modules():
        if isinstance(module, _BatchNorm):
            module.track_running_stats = True
            module.running_mean, module.running_var = torch.zeros(module.num_features), torch.ones(module.num_features)
            if next(net.parameters()).dtype is torch.float64:
                module.double()
    samples = []
    for index in range(len(case.batch[0])):
        row = oracles.logits(case, net, case.batch[0][index : index + 1])[0]
        found = [oracles.gradients(logit, list(net.parameters()), retain_graph=True) for logit in row]
        samples.append([[float(gradient.flatten()[0]) for gradient in gradients] for gradients in found])
    return np.array(samples)


@pytest.mark.parametrize(
    "net",
    [
        "conv_bn_relu", "functional_relu", "smooth", "kinds_of_convolution", "norm_without_affine", "other_norms",
        "norm_without_statistics", "norm_of_vectors", "residual_in_place", "branches", "shared_module", "tied_weights",
        "two_outputs", "frozen", "double_precision", "conv1d", "dead", "attentive",
    ],
)  # fmt: skip
def test_the_jacobian_equals_a_loop_over_samples_and_logits(net: str) -> None:
    case = attentive() if net == "attentive" else quiet(net)
    found, expected = jacobian(case).values.numpy(), looped(case)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


def test_the_jacobian_equals_jacrev() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    x = torch.randn(7, 5).double()
    parameters = {name: value.detach() for name, value in net.named_parameters()}
    expected = jacrev(lambda given: functional_call(net, given, (x,)))(parameters)
    columns = torch.stack([expected[name].flatten(2)[:, :, 0] for name in parameters], 2)
    made = jacobian(Case(net, (x, None)))
    torch.testing.assert_close(made.values, columns)
    assert (made.layers, made.values.dtype) == (3, torch.float64)


def test_parameters_come_in_the_networks_order() -> None:
    case = quiet("conv_bn_relu")
    for parameters in (1, 4):
        assert torch.equal(jacobian(case, parameters).values, jacobian(case).values[:, :, :parameters])


# From the Jacobian to the number --------------------


def slow(made: Jacobian, factor: str) -> np.ndarray[Any, Any]:
    return oracles.fisher_information(made.values.numpy(), made.logits.numpy(), factor)


def made_up(samples: int, classes: int, parameters: int, seed: int) -> Jacobian:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(samples, classes, parameters, generator=generator, dtype=torch.float64)
    return Jacobian(values, 3 * torch.randn(samples, classes, generator=generator, dtype=torch.float64), 5)


@given(st.integers(1, 5), st.integers(2, 7), st.integers(1, 9), st.integers(0, 99), st.sampled_from(["code", "paper"]))
def test_the_information_equals_that_by_elimination(n: int, classes: int, width: int, seed: int, factor: str) -> None:
    made = made_up(n, classes, width, seed)
    np.testing.assert_allclose(information(made, factor).numpy(), slow(made, factor), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("factor", ["code", "paper"])
def test_the_value_is_the_entropy_of_the_deciles(factor: Any) -> None:
    made = made_up(20, 4, 30, 1)
    expected = oracles.decile_entropy(slow(made, factor))
    assert vkdnw(made, factor=factor) == pytest.approx(expected, rel=1e-9)
    assert vkdnw(made, factor=factor, layers=True) == pytest.approx(expected + 5, rel=1e-9)
    scaled = replace(made, values=made.values * 1e-9)
    assert vkdnw(scaled, factor=factor) == pytest.approx(expected, rel=1e-6)


@given(st.integers(1, 5), st.integers(2, 7), st.integers(1, 40), st.integers(0, 99))
def test_the_entropy_is_at_most_log_9(samples: int, classes: int, parameters: int, seed: int) -> None:
    made = made_up(samples, classes, parameters, seed)
    try:
        value = vkdnw(made)
    except Undefined:
        return
    assert 0 <= value <= math.log(9) + 1e-9


def test_layers_order_first() -> None:
    """Of networks of NAS-Bench-201, a deeper one is above all of fewer layers."""
    nasbench201, x = space("nasbench201"), torch.zeros(2, 3, 16, 16)
    shallow = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|nor_conv_1x1~2|"
    deep = shallow.replace("|+|skip_connect~0|skip_connect~1|+", "|+|nor_conv_3x3~0|nor_conv_3x3~1|+")
    values = []
    for key in (shallow, deep):
        torch.manual_seed(0)
        net = nasbench201.build(key, C=4, N=1)
        scores = zc.score(net, (x, None), ["vkdnw", "vkdnw_single"])
        layers = sum(isinstance(module, (nn.Conv2d, nn.Linear)) for module in net.modules())
        single, entropy = scores["vkdnw_single"].value, scores["vkdnw"].value
        assert single is not None and entropy is not None
        assert single == pytest.approx(layers + entropy)
        values.append(single)
    assert values[0] < values[1]


# No value --------------------


def test_rounding_is_no_spectrum() -> None:
    """What two samples of three classes span has four dimensions: other singular values are zero but for rounding."""
    for parameters, deciles in ((20, 2), (30, 1)):
        made = made_up(2, 3, parameters, 0)
        found = np.sort(np.linalg.svd(slow(made, "code"))[1])[::-1]
        found[4:] = 0
        expected = np.quantile(found, np.arange(0.1, 0.95, 0.1))
        assert (expected > 1e-9).sum() == deciles
        shares = expected[expected > 1e-9] / expected.sum()
        assert vkdnw(made) == pytest.approx(-(shares * np.log(shares)).sum(), abs=1e-9)
    with pytest.raises(Undefined, match="few samples"):
        vkdnw(made_up(2, 3, 60, 0))


def test_positions_are_shared_by_the_samples() -> None:
    """Whatever shape their embedding has, and also where there are as many of them as samples."""

    class Texts(nn.Module):
        def __init__(self, form: str) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.form, self.words, self.places = form, nn.Embedding(20, 6), nn.Embedding(5, 6)
            self.norm, self.hidden, self.head = nn.LayerNorm(6), nn.Linear(6, 6), nn.Linear(6, 4)

        def forward(self, tokens: Tensor) -> Tensor:
            places = torch.arange(tokens.shape[1])
            if self.form == "every":
                places = places.expand(len(tokens), -1)
            found = self.places(places[None] if self.form == "one row" else places)
            return self.head(self.hidden(self.norm(self.words(tokens) + found)).tanh().mean(1))

    for samples in (5, 7):
        tokens = torch.randint(0, 20, (samples, 5), generator=torch.Generator().manual_seed(0))
        expected = looped(Case(Texts("every"), (tokens, None)))
        for form in ("every", "one row", "vector"):
            found = jacobian(Case(Texts(form), (tokens, None))).values.numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


def test_what_cannot_be_told_apart_is_undefined() -> None:
    for name, part in {
        "transformer": "in_proj_weight cannot be told",
        "tokens": "cannot be told",
        "rnn_cell": "not one row of logits",
        "no_parameters": "no parameter",
    }.items():
        score = NETWORKS[name]().score("vkdnw")["vkdnw"]
        assert (score.status, part in score.reason) == ("undefined", True), (name, score)


def test_rows_of_a_weight_are_no_samples() -> None:
    """Not even where there are as many of them, and each adds something of its own."""

    class Changed(nn.Linear):
        def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
            super().__init__(6, 64)
            self.change = change

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(x, self.change(self.weight), self.bias[:])

    def score(change: Callable[[Tensor], Tensor]) -> zc.Score:
        torch.manual_seed(0)
        net = nn.Sequential(Changed(change), nn.ReLU(), nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 4))
        return zc.score(net, torch.zeros(8, 6), "vkdnw")["vkdnw"]

    made = score(lambda weight: weight * 0.5)
    assert (made.status, "0.weight cannot be told" in made.reason) == ("undefined", True)
    assert score(lambda weight: weight).status == "ok"  # a slice that is all of the bias


def test_a_network_whose_logits_are_constant_has_none() -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x) * 0

    score = zc.score(Constant(), (torch.randn(4, 4), None), "vkdnw")["vkdnw"]
    assert (score.status, "are 0" in score.reason) == ("undefined", True)


def test_the_batch_is_not_looked_at() -> None:
    case = NETWORKS["conv_bn_relu"]()
    x = case.batch[0]
    values = {case.score("vkdnw", batch=(shown, None))["vkdnw"].value for shown in (x, x[:1], torch.zeros(3, 3, 8, 8))}
    assert len(values) == 1
    assert case.score(zc.proxy("vkdnw", samples=8))["vkdnw"].value not in values
