"""Every proxy equals its slow, obviously correct twin, on the zoo and on random networks."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import Forward
from naslib_zc_plugin.passes import Batch, Network, isolated, observe
from naslib_zc_plugin.proxies import PROXIES
from naslib_zc_plugin.testing import NETWORKS, Case
from tests.proxies import oracles

# Networks whose outputs the oracles can repeat: no noise, numbers throughout.
PLAIN = [
    "conv_bn_relu", "functional_relu", "inplace_relu", "smooth", "kinds_of_convolution", "norm_without_affine",
    "norm_without_statistics", "other_norms", "residual_in_place", "branches", "shared_module", "tied_weights",
    "weight_norm", "weight_norm_by_hook", "spectral_norm", "frozen", "double_precision", "two_outputs", "transformer",
    "conv1d", "stateful", "hooked", "eval_mode",
]  # fmt: skip
# ReLUs as modules, which hooks can see.
HOOKED = [
    "conv_bn_relu", "inplace_relu", "kinds_of_convolution", "norm_without_affine", "norm_without_statistics",
    "other_norms", "shared_module", "tied_weights", "weight_norm", "conv1d", "two_outputs", "norm_of_vectors",
]  # fmt: skip


# Judged in double precision.
EXACT = {"gradsign", "gradalign1", "gradalign2", "epsilon", "zico"}


def quiet(name: str) -> Case:
    """The network without dropout."""
    case = NETWORKS[name]()
    for module in case.net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        elif isinstance(module, nn.MultiheadAttention):
            module.dropout = 0.0
    return case


def double(case: Case) -> Case:
    """The same in double precision, in which few signs hang on rounding and little underflows."""
    x, y = case.batch
    return Case(case.net.double(), (x.double() if x.is_floating_point() else x, y), case.logits)


def unsure(case: Case) -> int:
    """How many signs of samples' gradients, in double precision, hang on rounding."""
    found = np.abs(oracles.sample_gradients(case))
    return int(((found > 0) & (found < 1e-13 * found.max())).sum())


def tolerances(name: str, case: Case) -> dict[str, float]:
    """Rounding is relative to the value, except where terms cancel or signs are counted."""
    if name == "plain":
        return {"rel": 0, "abs": 1e-5 * oracles.snip(case) + 1e-12}
    if name == "grasp":
        return {"rel": 0, "abs": 1e-3 * sum(float(term.abs().sum()) for term in oracles.curvature_terms(case)) + 1e-12}
    if name == "gradsign":
        return {"rel": 1e-9, "abs": 2.0 * unsure(case)}
    if name.startswith("gradalign"):
        return {"rel": 1e-9 if not unsure(case) else 2e-2}
    return {
        "epsilon": {"rel": 1e-3, "abs": 1e-4},
        "jacov": {"rel": 1e-3},
        "epe_nas": {"rel": 1e-3},
        "synflow": {"rel": 1e-9},
        "logsynflow": {"rel": 1e-9},
        "naswot": {"rel": 1e-9},
        "flops": {"rel": 0, "abs": 0},
        "params": {"rel": 0, "abs": 0},
    }.get(name, {"rel": 1e-4, "abs": 1e-12})


def assert_equal(name: str, case: Case) -> None:
    case = double(case) if name in EXACT else case
    score, expected = case.score([name])[name], getattr(oracles, name)(case)
    if math.isfinite(expected):
        assert score.value == pytest.approx(expected, **tolerances(name, case)), score
    else:
        assert score.status == "undefined"


ON_ALL = [
    "grad_norm", "snip", "plain", "grasp", "fisher", "jacov", "epe_nas", "synflow", "l2_norm", "params", "epsilon",
    "gradsign", "gradalign1", "gradalign2", "zico", "logsynflow", "ntk_trace",
]  # fmt: skip


@pytest.mark.parametrize("net", PLAIN)
@pytest.mark.parametrize("name", ON_ALL)
def test_equals_its_oracle(name: str, net: str) -> None:
    if (name, net) == ("epsilon", "transformer"):
        pytest.skip("under constant weights a layer norm's output sums to 0: nothing but rounding reaches the logits")
    assert_equal(name, quiet(net))


@pytest.mark.parametrize("net", HOOKED)
def test_naswot_equals_hamming_distances_by_hooks(net: str) -> None:
    assert_equal("naswot", quiet(net))


@pytest.mark.parametrize("net", PLAIN)
def test_flops_equal_half_of_the_flop_counter(net: str) -> None:
    assert_equal("flops", quiet(net))


def test_flops_of_an_lstm() -> None:
    # Each of 5 steps: 4 gates of 7 units from 6 inputs and 7 states; then two linear layers on the last state.
    case = NETWORKS["tokens"]()
    assert case.score(["flops"])["flops"].value == 5 * 4 * 7 * (6 + 7) + 7 * 7 + 7 * 3


def test_synflow_of_tokens_equals_its_oracle() -> None:
    assert_equal("synflow", NETWORKS["tokens"]())


@pytest.mark.parametrize("net", ["conv_bn_relu", "kinds_of_convolution", "other_norms", "branches", "smooth"])
def test_the_other_logsynflow_equals_its_oracle(net: str) -> None:
    score = quiet(net).score(zc.proxy("logsynflow", variant="autoprox"))["logsynflow"]
    assert score.value == pytest.approx(oracles.logsynflow(quiet(net), "autoprox"), rel=1e-9), score.reason


@pytest.mark.parametrize("net", ["conv_bn_relu", "norm_without_affine", "two_outputs", "transformer"])
def test_ntk_trace_of_all_logits_equals_its_oracle(net: str) -> None:
    score = quiet(net).score(zc.proxy("ntk_trace", of="logits"), loss=None)["ntk_trace"]
    assert score.value == pytest.approx(oracles.ntk_trace(quiet(net), every=True), rel=1e-4), score.reason


def test_grasp_equals_the_full_hessian() -> None:
    torch.manual_seed(0)
    one, two = nn.Linear(3, 4, bias=False), nn.Linear(4, 3, bias=False)
    x, y = torch.randn(6, 3), torch.arange(6) % 3

    def loss(flat: Tensor) -> Tensor:
        return F.cross_entropy(torch.tanh(x @ flat[:12].view(4, 3).T) @ flat[12:].view(3, 4).T, y)

    flat = torch.cat([one.weight.detach().flatten(), two.weight.detach().flatten()])
    hessian = torch.autograd.functional.hessian(loss, flat)
    gradient = torch.autograd.functional.jacobian(loss, flat)
    score = zc.score(nn.Sequential(one, nn.Tanh(), two), (x, y), ["grasp"])["grasp"]
    assert score.value == pytest.approx(float(-flat @ hessian @ gradient), rel=1e-4)


# Under held weights --------------------


def under_held_weights(name: str, case: Case) -> float:
    """The value of a proxy that draws its weights, for the held ones instead."""
    (needed,) = PROXIES.load(name).observations({})
    observation = replace(needed, setting=Forward())
    with isolated(case.net) as module:
        outcome = observe(Network(module, case.logits), Batch(*case.batch), [observation])[observation]
    assert outcome.error is None
    return PROXIES.load(name)(outcome.value)


@pytest.mark.parametrize("net", ["conv_bn_relu", "norm_without_affine", "residual_in_place", "smooth", "transformer"])
def test_ntk_equals_the_condition_number_of_looped_gradients(net: str) -> None:
    case = quiet(net)
    assert under_held_weights("ntk", case) == pytest.approx(oracles.tangent_condition(case), rel=1e-2)


@given(st.integers(1, 3), st.integers(0, 100))
def test_linear_regions_equal_the_number_of_codes(width: int, seed: int) -> None:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(1, width, 1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * width, 5), nn.ReLU())
    case = Case(net, (torch.randn(8, 1, 2, 2).round(), torch.arange(8) % 5))
    assert under_held_weights("linear_regions", case) == pytest.approx(oracles.linear_regions(case), rel=1e-12)


# Random networks --------------------


class Block(nn.Module):
    """Convolution, perhaps norm, ReLU, perhaps a skip."""

    def __init__(self, width: int, kernel: int, groups: int, norm: bool, skip: bool, inplace: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=groups, bias=not norm)
        self.norm = nn.BatchNorm2d(width) if norm else nn.Identity()
        self.relu, self.skip = nn.ReLU(inplace), skip

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv(x)
        if self.skip:
            h += x
        return self.relu(self.norm(h))


@st.composite
def cases(draw: Any) -> Case:
    """Small convolutional classifiers and batches."""
    torch.manual_seed(draw(st.integers(0, 1000)))
    width = draw(st.sampled_from([2, 4, 6]))
    blocks = [
        Block(
            width,
            draw(st.sampled_from([1, 3])),
            draw(st.sampled_from([1, 2, width])),
            *(draw(st.booleans()) for _ in range(3)),
        )
        for _ in range(draw(st.integers(1, 3)))
    ]
    net = nn.Sequential(nn.Conv2d(3, width, 3), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 3))
    return Case(net, (torch.randn(6, 3, 6, 6), torch.arange(6) % 3))


@settings(max_examples=25)
@given(cases())
def test_random_networks_equal_all_oracles(case: Case) -> None:
    for name in sorted([*ON_ALL, "naswot", "flops"], key=EXACT.__contains__):
        assert_equal(name, case)
