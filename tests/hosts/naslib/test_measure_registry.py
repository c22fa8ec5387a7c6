"""Our proxies by NASLib's unmodified ``ZeroCost``, once they are in its registry."""

from __future__ import annotations

from typing import Any

import pytest

import naslib_zc_plugin as package
from tests.hosts.naslib import scored
from tests.hosts.naslib.needs import needs

zc = needs("naslib_zc_plugin.hosts.naslib")
LAST = needs("naslib_zc_plugin.hosts.naslib.predictor").LAST
measures = needs("naslib.predictors.utils.pruners.measures")
ZeroCost = needs("naslib.predictors").ZeroCost


def asked(name: str, net: Any) -> float:
    return float(ZeroCost(name).query(net, dataloader=[scored.batch()]))


@pytest.mark.parametrize("name", ["gradalign1", "ntk", "epsilon", "linear_regions"])
def test_naslib_knows_ours(name: str) -> None:
    net = scored.graph()
    with pytest.raises(KeyError):
        asked(name, net)
    with zc.registered([name], seed=4) as new:
        assert new == [name]
        assert asked(name, net) == zc.ZeroCostPredictor(name, seed=4).query(net, scored.batch())
    with pytest.raises(KeyError):
        asked(name, net)


def test_names_of_naslib_stay_naslibs() -> None:
    before = dict(measures._measure_impls)
    order = list(measures.available_measures)
    new = zc.register()
    try:
        assert set(new) == set(package.list_proxies()) - set(before) - {"flops", "params"}
        assert {name: measures._measure_impls[name] for name in before} == before
        assert zc.register() == []
        assert set(measures.available_measures) == {*before, *new}
    finally:
        zc.unregister()
    assert (measures._measure_impls, measures.available_measures) == (before, order)


def test_no_score_ranks_last_and_is_no_number_of_naslibs() -> None:
    with zc.registered(["naswot"]):
        assert asked("naswot", scored.graph("dead")) == LAST
        assert asked("naswot", scored.graph()) == pytest.approx(asked("nwot", scored.graph()), rel=1e-6)


def test_images_of_ones_own() -> None:
    net = scored.graph()
    with zc.registered(["gradsign"], dataset=scored.IMAGES):
        assert asked("gradsign", net) == zc.ZeroCostPredictor("gradsign", scored.IMAGES).query(net)
