"""Predictors that are declared together share their passes, and no graph is seen twice unchanged."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import naslib_zc_plugin as package
from naslib_zc_plugin.passes.seeding import derived_seed
from tests.hosts.naslib import scored
from tests.hosts.naslib.needs import needs
from tests.hosts.naslib.searches import space201

zc = needs("naslib_zc_plugin.hosts.naslib")
shared_scoring = needs("naslib_zc_plugin.hosts.naslib.shared_scoring")

SET = ["naswot", "grad_norm", "snip", "fisher", "jacov"]
"""One pass for all."""


def test_declared_predictors_run_a_graph_once() -> None:
    net, images = scored.graph(), scored.batch()
    named, passes = zc.predictors(SET, seed=11), scored.Passes(net)
    found = {name: predictor.query(net, images) for name, predictor in named.items()}
    assert passes() == 1
    expected = package.score(net, images, SET, seed=derived_seed(11, zc.key_of(net)))
    assert found == {name: score.value for name, score in expected.items()}
    assert passes() == 1, "by the line before"
    assert [each.query(net, scored.batch()) for each in named.values()] == list(found.values())
    assert passes() == 0, "equal images are the same images"


def test_declared_names_are_shared_from_the_first_graph_on() -> None:
    nets = [scored.graph(seed=seed) for seed in range(3)]
    counts = [scored.Passes(net) for net in nets]
    named = zc.predictors(SET, batch=scored.batch(), seed=14)
    for net, passes in zip(nets, counts):
        named["naswot"].query(net)
        named.features(net)
        assert passes() == 1
    named["jacov"].query(nets[::-1])
    assert [passes() for passes in counts] == [0, 0, 0]


def test_what_is_not_declared_is_scored_alone() -> None:
    nets, images = [scored.graph(seed=seed) for seed in range(2)], scored.batch()
    passes = scored.Passes(nets[0])
    alone = [zc.ZeroCostPredictor(name, seed=12) for name in ("naswot", "synflow")]
    for predictor, runs in zip(alone, (1, 1)):
        predictor.query(nets[0], images)
        assert passes() == runs
        predictor.query(nets[0], images)
        assert passes() == 0
    every = {**zc.predictors(seed=15)}
    passes = scored.Passes(nets[1])
    every["naswot"].query(nets[1], images)
    every["grad_norm"].query(nets[1], images)
    assert passes() == 2


@pytest.mark.parametrize("change", ["data", "in place", "buffer", "module", "batch", "labels", "seed"])
def test_what_has_changed_is_seen_again(change: str) -> None:
    net, (x, y) = scored.graph(), scored.batch()
    predictor = zc.ZeroCostPredictor("grad_norm", seed=16)
    norm = next(module for module in net.modules() if isinstance(module, nn.BatchNorm2d))
    predictor.query(net, (x, y))
    passes = scored.Passes(net)
    with torch.no_grad():
        if change == "data":
            norm.weight.data[0] = -1.0
        elif change == "in place":
            norm.weight.neg_()
        elif change == "buffer":
            norm.get_buffer("running_mean").add_(1)
        elif change == "module":
            net.add_module("more", nn.Tanh())
    images = {"batch": (x + 1, y), "labels": (x, 3 - y)}.get(change, (x, y))
    predictor = zc.ZeroCostPredictor("grad_norm", seed=17) if change == "seed" else predictor
    value = predictor.query(net, images)
    assert passes() == 1
    assert value == package.score(net, images, "grad_norm")["grad_norm"].value


def test_scores_do_not_depend_on_the_company() -> None:
    names = ["zen", "jacov", "gradsign", "linear_regions"]
    alone = {name: zc.ZeroCostPredictor(name, seed=18).query(scored.graph(), scored.batch()) for name in names}
    for name in names:
        named = zc.predictors(sorted(names, key=lambda each: each != name), seed=18, batch=scored.batch())
        assert named[name].query(scored.graph()) == alone[name]


def test_company_that_cannot_be_scored_does_not_matter() -> None:
    named = zc.predictors(["naswot", "grad_norm"], seed=20)
    net, images = scored.graph(), (scored.batch()[0], None)
    assert named["naswot"].query(net, images) > 0
    with pytest.raises(ValueError, match="labels are needed"):
        named["grad_norm"].query(net, images)


def test_specs_are_remembered_by_their_key() -> None:
    predictor = zc.ZeroCostPredictor("naswot", batch=scored.batch(), seed=21, search_space=space201())
    first = predictor.score(scored.SPECS["mixed"])
    assert predictor.score(zc.key_of(scored.graph())) is first


def test_two_names_of_one_proxy_are_scored_once() -> None:
    net = scored.graph()
    named, passes = zc.predictors(["nwot", "naswot"], batch=scored.batch()), scored.Passes(net)
    assert len(set(named.features(net).values())) == 1 == passes()


def test_the_cache_is_bounded_and_knows_graphs_by_themselves() -> None:
    net, twin = space201().clone(), space201().clone()
    assert net == twin, "to NASLib"
    found: Any = shared_scoring.ScoreCache(limit=2)
    found.of(net, "", b"")["a"] = "score"
    assert found.of(twin, "", b"") == {}
    assert found.of(net, "", b"") == {"a": "score"}
    found.of(net, "other", b"")
    assert found.of(net, "", b"") == {"a": "score"}
    assert found.of(net, "", b"changed") == {} == found.of(net, "", b"")
    assert len(found._entries) == 2
