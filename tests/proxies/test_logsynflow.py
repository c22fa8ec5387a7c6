"""Both formulas of the name logsynflow."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.testing import NETWORKS

BOTH = [zc.proxy("logsynflow", label=variant, variant=variant) for variant in ("freerea", "autoprox")]


def test_the_variants_disagree_where_gradients_are_below_one() -> None:
    """Of one weight w to one output, R = |w| · 1 and ∂R/∂w = 1; a layer before it has the gradient of that weight."""
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    with torch.no_grad():
        net[0].weight.fill_(-2.0)
        net[1].weight.fill_(0.5)
    scores = zc.score(net, (torch.zeros(2, 1), None), BOTH)
    # Gradients: 0.5 for the first, 2 for the second.
    assert scores["freerea"].value == pytest.approx(2 * math.log(1.5) + 0.5 * math.log(3))
    assert scores["autoprox"].value == pytest.approx(2 * math.log(2) + 0.5 * math.log(2))


@pytest.mark.parametrize("name", ["conv_bn_relu", "kinds_of_convolution", "transformer", "tokens"])
def test_logarithms_are_below_the_flow(name: str) -> None:
    scores = NETWORKS[name]().score(["synflow", "logsynflow"])
    assert 0 < (scores["logsynflow"].value or 0) < (scores["synflow"].value or 0)


def test_a_gradient_of_zero_has_no_logarithm() -> None:
    """The border of a kernel that only ever meets padding."""
    net = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), nn.Flatten(), nn.Linear(2, 2))
    scores = zc.score(net, (torch.randn(2, 3, 1, 1), None), BOTH)
    assert (scores["autoprox"].status, "infinite" in scores["autoprox"].reason) == ("undefined", True)
    assert scores["freerea"].status == "ok"


def test_a_layer_that_is_not_used_adds_nothing() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.used, self.spare = nn.Linear(4, 3), nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.used(x)
            return x + 0 * self.spare(x)

    net, x = Net(), torch.randn(2, 4)
    without = {name: score.value for name, score in zc.score(nn.Sequential(net.used), (x, None), BOTH).items()}
    assert {name: score.value for name, score in zc.score(net, (x, None), BOTH).items()} == without


def test_a_dead_network_has_no_sum_of_logarithms() -> None:
    scores = NETWORKS["dead"]().score(BOTH)
    assert (scores["autoprox"].status, "no layer" in scores["autoprox"].reason) == ("undefined", True)
    assert scores["freerea"].value == 0  # as synflow
