"""Our proxies on NASLib's graphs, by both of its ways to ask, and beside NASLib's own."""

from __future__ import annotations

import contextlib
import gc
import io
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

import naslib_zc_plugin as zc
from naslib_zc_plugin.passes.inputs import NormalPair
from naslib_zc_plugin.passes.network import Reinitialized
from naslib_zc_plugin.passes.seeding import derived_seed, seed_everything
from tests.hosts.naslib import scored
from tests.hosts.naslib.needs import needs

naslib = needs("naslib_zc_plugin.hosts.naslib")
ALIASES = needs("naslib_zc_plugin.hosts.naslib.predictor").ALIASES
LAST = needs("naslib_zc_plugin.hosts.naslib.predictor").LAST
ZeroCost = needs("naslib.predictors").ZeroCost
predictive = needs("naslib.predictors.utils.pruners.predictive")

NAMES = ["grad_norm", "snip", "grasp", "fisher", "synflow", "jacov", "nwot", "epe_nas", "l2_norm", "plain"]
CLOSE = {"nwot": 1e-6, "synflow": 1e-9, "jacov": 1e-3, "l2_norm": 1e-6}
"""Relative; others 1e-4."""
SAMPLES = 16  # as many as zen draws here; in NASLib as many as the batch holds


@pytest.fixture(autouse=True, scope="module")
def _little_to_collect() -> Iterator[None]:
    """NASLib collects garbage after each measure, which takes long among all that is imported."""
    gc.freeze()
    yield
    gc.unfreeze()


@cache
def graph(name: str) -> Any:
    return scored.graph(name)


@cache
def ours() -> Any:
    return naslib.predictors([*zc.list_proxies(), *ALIASES], batch=scored.batch(SAMPLES), preset="naslib")


def theirs(name: str, net: Any) -> float:
    """NASLib's number; what it prints and warns of is kept away."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(ZeroCost(name).query(net, dataloader=[scored.batch(SAMPLES)]))


def terms(name: str, net: Any) -> float:
    """The sum of the sizes of what NASLib's measure sums."""
    facts = ("random", 1, 10)
    arrays = predictive.find_measures_arrays(
        net, [scored.batch(SAMPLES)], facts, "cpu", [name], loss_fn=net.get_loss_fn()
    )
    return float(sum(array.detach().abs().sum().item() for array in arrays[name]))


@pytest.mark.parametrize("name", scored.SPECS)
@pytest.mark.parametrize("proxy", NAMES)
def test_agrees_with_naslib(proxy: str, name: str) -> None:
    net = graph(name)
    expected, found = theirs(proxy, net), ours()[proxy].query(net)
    if expected == -1e8:
        assert found == LAST
        assert ours()[proxy].score(net).status == "undefined"
    elif proxy in ("plain", "grasp"):
        assert found == pytest.approx(expected, rel=0, abs=1e-3 * terms(proxy, net))
    else:
        assert found == pytest.approx(expected, rel=CLOSE.get(proxy, 1e-4))


@pytest.mark.parametrize("name", scored.SPECS)
@pytest.mark.parametrize("proxy", ["params", "flops"])
def test_naslib_counts_in_millions(proxy: str, name: str) -> None:
    net = graph(name)
    assert ours()[proxy].query(net) == pytest.approx(1e6 * theirs(proxy, net), rel=1e-12)


@pytest.mark.parametrize("name", scored.SPECS)
def test_synflow_with_batch_norm_is_on_the_log_as_well(name: str) -> None:
    net = graph(name)
    expected = theirs("synflow_bn", net)
    found = ours()["synflow_bn"].query(net)
    assert found == pytest.approx(np.log(expected) if expected else 0.0, rel=1e-6)


@pytest.mark.parametrize("name", scored.SPECS)
def test_zen_agrees_for_the_same_draw(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    zen = needs("naslib.predictors.utils.pruners.measures.zen")
    net, drawn = graph(name), zen.network_weight_gaussian_init
    seed = derived_seed(0, naslib.key_of(net))

    def replayed(copied: Any) -> None:
        seed_everything(seed, Reinitialized("normal"))
        drawn(copied)
        seed_everything(seed, NormalPair(0.01))

    monkeypatch.setattr(zen, "network_weight_gaussian_init", replayed)
    expected, found = theirs("zen", net), ours()["zen"].query(net)
    assert found == (pytest.approx(expected, rel=1e-4) if expected != -1e8 else LAST)


OF_TEXTS = {
    "activation_distance", "dss", "head_confidence", "head_importance", "head_softmax_confidence", "hidden_covariance",
    "hidden_synaptic_saliency", "synaptic_diversity", "wpca",
}  # fmt: skip
"""Proxies of attention, feed-forward layers and hidden states, which none of these networks has."""


@pytest.mark.parametrize("proxy", [*zc.list_proxies(), *ALIASES])
def test_every_proxy_scores_every_graph_alone_and_in_a_list(proxy: str) -> None:
    graphs, predictor = [graph(name) for name in scored.SPECS], ours()[proxy]
    together = predictor.query(graphs, [{}] * 5)
    alone = [predictor.query(net, dataloader=[scored.batch(SAMPLES)], info=None) for net in graphs]
    defined = [predictor.score(net).status == "ok" for net in graphs]
    # The two weights of epsilon tell nothing of four in ten architectures.
    assert proxy == "epsilon" or defined[:4] == [proxy not in OF_TEXTS] * 4
    assert together.shape == (5,)
    assert together.dtype == np.float64
    lowest = min((value for value, known in zip(alone, defined) if known), default=np.inf)
    for value, listed, known in zip(alone, together, defined):
        assert listed == value if known else -np.inf < value < lowest and -np.inf < listed < lowest
