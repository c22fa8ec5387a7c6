"""Aggregates as NASLib's predictors and in its searches, by name: one number per graph, in a sample of its space."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

import naslib_zc_plugin as package
from naslib_zc_plugin.aggregates import places
from naslib_zc_plugin.passes.seeding import derived_seed
from tests.hosts.naslib import scored
from tests.hosts.naslib.needs import needs
from tests.hosts.naslib.searches import space201

zc = needs("naslib_zc_plugin.hosts.naslib")
AGGREGATE, MEMBERS = "log_rank_sum:synflow,naswot,params", ["synflow", "naswot", "params"]
OPTIONS: dict[str, Any] = {"batch": scored.batch(), "seed": 5, "sample": 6}


def predictor(**options: Any) -> Any:
    return zc.ZeroCostPredictor(AGGREGATE, **{**OPTIONS, "search_space": space201(), **options})


def by_hand(specs: list[str]) -> list[float]:
    """The ranks of fresh weights in six random graphs of the space."""
    rng, space = Random("5 sample"), package_space()
    keys = [space.sample(rng) for _ in range(6)] + [zc.key_of(scored.graph(name)) for name in specs]
    rows = []
    for key in keys:
        net = zc.build(space201(), key, seed=5)
        found = package.score(net, scored.batch(), MEMBERS, seed=derived_seed(5, key), weights="fresh")
        rows.append([-np.inf if found[name].value is None else found[name].value for name in MEMBERS])
    scores = np.array(rows).T
    return np.log(places(scores, scores[:, :6]) / 6).sum(axis=0)[6:].tolist()


def package_space() -> Any:
    from naslib_zc_plugin.spaces import space

    return space("nasbench201")


def test_a_graph_has_its_number_in_a_sample_of_the_space() -> None:
    asked, names = predictor(), ["mixed", "convolutions", "dead"]
    graphs = [scored.graph(name) for name in names]
    found = asked.query(graphs)
    assert found.tolist() == pytest.approx(by_hand(names))
    assert [asked.query(graph) for graph in graphs[::-1]] == found.tolist()[::-1]
    for graph in graphs:  # whatever weights it holds
        with torch.no_grad():
            for value in graph.parameters():
                value.mul_(3)
    assert predictor().query(graphs).tolist() == found.tolist()
    assert copy.deepcopy(asked).query(graphs[0]) == found[0]


def test_without_a_search_space_it_says_what_to_give() -> None:
    with pytest.raises(ValueError, match="give the predictor search_space="):
        predictor(search_space=None).query(scored.graph())


def test_predictors_by_name_and_as_features() -> None:
    options = {**OPTIONS, "search_space": space201()}
    both = zc.predictors([AGGREGATE, "params"], **options)
    features = both.features(scored.SPECS["mixed"])
    assert features[AGGREGATE] == predictor().query(scored.graph()) and features["params"] > 0


def test_a_search_keeps_the_sample_and_goes_on_with_it() -> None:
    def search() -> Any:
        made = zc.Area(
            {"dataset": "cifar10", "search": {"seed": 5, "population_size": 3, "sample_size": 2}},
            proxy=AGGREGATE, pool=5, data={"batch": scored.batch(), "sample": 6}, objective=lambda graph: 1.0,
        )  # fmt: skip
        made.adapt_search_space(space201())
        return made

    whole, cut = search(), search()
    for epoch in range(5):
        whole.new_epoch(epoch)
    for epoch in range(2):
        cut.new_epoch(epoch)
    state = json.loads(json.dumps(cut.state_dict()))
    assert len(state["sample"]["scores"]["synflow"]) == 6
    again = search()
    again.load_state_dict(state)
    assert again._predictor.proxies.reference.plain() == state["sample"]
    for epoch in range(2, 5):
        again.new_epoch(epoch)
    assert again.history == whole.history
    other = zc.Area({"dataset": "cifar10", "search": {}}, proxy="params", pool=10, objective=lambda graph: 1.0)
    other.adapt_search_space(space201())
    with pytest.raises(ValueError, match="not of params"):
        other.load_state_dict({**state, "search": other.state_dict()["search"]})
