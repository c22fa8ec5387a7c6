"""Every proxy of the package, present and future, keeps the laws of the conformance suite."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.testing.conformance import ProxyConformance

for _name in zc.list_proxies():
    globals()[f"Test_{_name}"] = type(f"Test_{_name}", (ProxyConformance,), {"proxy": _name})


class TestSynflowWithNorm(ProxyConformance):
    proxy = zc.proxy("synflow", label="synflow_bn", keep_norm="*")


class TestGradalignOverAllSamples(ProxyConformance):
    proxy = zc.proxy("gradalign2", label="gradalign2_all", by_class=False, gram="cosine")


class TestZicoOfThreeParts(ProxyConformance):
    proxy = zc.proxy("zico", label="zico3", batches=3)


class TestLogsynflowOfAutoProx(ProxyConformance):
    proxy = zc.proxy("logsynflow", label="logsynflow_autoprox", variant="autoprox")


class TestSwapOfAllActivations(ProxyConformance):
    proxy = zc.proxy("swap", label="swap_all", kinds=("relu", "gelu", "sigmoid", "tanh"), maps_only=False)


class TestSwapOfHeldWeights(ProxyConformance):
    proxy = zc.proxy("swap", label="swap_given", init="given", mu=1.0, sigma=10.0)


class TestNtkTraceOfAllLogits(ProxyConformance):
    proxy = zc.proxy("ntk_trace", label="ntk_trace_logits", of="logits")


class TestVkdnwOfThePaper(ProxyConformance):
    proxy = zc.proxy("vkdnw", label="vkdnw_paper", factor="paper", layers=True, samples=4)


class TestDssOfTheCode(ProxyConformance):
    proxy = zc.proxy("dss", label="dss_code", variant="code")


class TestWrcorOfAllAlike(ProxyConformance):
    proxy = zc.proxy("wrcor", label="wrcor_alike", weighted=False)


class TestPeakActivationsInTraining(ProxyConformance):
    proxy = zc.proxy("peak_activations", label="saved_bytes", phase="training")


class _FiniteForwardAlone(nn.Module):
    """A network whose outputs are finite, and whose gradients by its first layers are not."""

    def __init__(self) -> None:
        super().__init__()
        self.early = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(10, 10), nn.Conv2d(4, 4, 3), nn.ReLU())
        self.late = nn.Sequential(nn.Conv2d(4, 4, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.attention = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        made = self.early(x)
        found: Tensor = self.attention(self.late(made + torch.sqrt((made - made.detach()) ** 2)))  # 0, of slope 0/0
        return found


def test_gradients_that_are_not_finite_are_undefined_and_no_failure() -> None:
    batch = torch.randn(6, 3, 12, 12), torch.arange(6) % 3
    wide = zc.proxy("synaptic_diversity", label="diversity of all", layers="*")
    found = zc.score(_FiniteForwardAlone(), batch, proxies=[*zc.list_proxies(), wide])
    assert [label for label, score in found.items() if score.status == "failed"] == []
    for label in ("az_trainability", "grad_norm", "grasp", "jacov", "ntk", "zico", "diversity of all"):
        assert found[label].status == "undefined", label
