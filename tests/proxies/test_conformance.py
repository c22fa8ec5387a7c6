"""Every proxy of the package, present and future, keeps the laws of the conformance suite."""

from __future__ import annotations

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
