"""Predictors asked about the same graph and batch share what they see of it."""

from __future__ import annotations

import gc
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
memory = needs("naslib_zc_plugin.hosts.naslib.memory")
panels = needs("naslib_zc_plugin.hosts.naslib.panel")._panels

SET = ["naswot", "grad_norm", "snip", "fisher", "jacov"]
"""One pass for all."""


def made(names: list[str], **options: Any) -> list[Any]:
    return [zc.ZeroCostPredictor(name, **options) for name in names]


def test_predictors_on_one_graph_and_batch_run_it_once() -> None:
    net, images = scored.graph(), scored.batch()
    predictors, passes = made(SET, seed=11), scored.Passes(net)
    found = {each.method_type: each.query(net, images) for each in predictors}
    assert passes() == 1
    expected = package.score(net, images, SET, seed=derived_seed(11, zc.key_of(net)))
    assert found == {name: score.value for name, score in expected.items()}
    assert passes() == 1, "by the line before"
    assert [each.query(net, scored.batch()) for each in predictors] == list(found.values())
    assert passes() == 0, "equal images are the same images"


def test_what_was_asked_on_the_graph_before_is_expected_on_the_next() -> None:
    nets, images = [scored.graph(seed=seed) for seed in range(4)], scored.batch()
    counts = [scored.Passes(net) for net in nets]
    naswot, synflow, zen = made(["naswot", "synflow", "zen"], seed=12)
    naswot.query(nets[0], images)
    assert counts[0]() == 4, "all three were made for something, and zen runs twice"
    synflow.query(nets[0], images)
    naswot.query(nets[1], images)
    assert counts[1]() == 2, "zen was not asked for"
    naswot.query(nets[2], images)
    assert counts[2]() == 1
    synflow.query(nets[2], images)
    assert counts[2]() == 1
    zen.query(nets[3], images)
    assert counts[3]() == 4
    assert [count() for count in counts[:3]] == [0, 0, 0]


def test_a_list_counts_as_one_graph() -> None:
    nets = [scored.graph(seed=seed) for seed in range(3)]
    counts = [scored.Passes(net) for net in nets]
    naswot, synflow = made(["naswot", "synflow"], batch=scored.batch(), seed=13)
    naswot.query(nets, [{}] * 3)
    synflow.query(nets, [{}] * 3)
    assert [count() for count in counts] == [2, 2, 2]
    naswot.query(scored.graph(seed=3))
    synflow.query(nets[::-1])
    assert [count() for count in counts] == [0, 0, 0]


def test_declared_names_are_shared_from_the_first_graph_on() -> None:
    nets = [scored.graph(seed=seed) for seed in range(3)]
    named = zc.predictors(SET, batch=scored.batch(), seed=14)
    for net in nets:
        passes = scored.Passes(net)
        named["naswot"].query(net)
        named.features(net)
        assert passes() == 1
    other = zc.predictors(batch=scored.batch(), seed=15)
    passes = scored.Passes(nets[0])
    other["naswot"].query(nets[0])
    other["synflow"].query(nets[0])
    assert passes() == 2, "of all that there are nothing is expected"


def test_a_script_that_makes_them_all_pays_for_those_that_it_asks() -> None:
    nets, images = [scored.graph(seed=seed) for seed in range(2)], scored.batch()
    counts = [scored.Passes(net) for net in nets]
    supported = {**zc.predictors(seed=15)}
    supported["naswot"].query(nets[0], images)
    assert counts[0]() == 1
    supported["grad_norm"].query(nets[0], images)
    assert counts[0]() == 1
    supported["naswot"].query(nets[1], images)
    supported["grad_norm"].query(nets[1], images)
    assert counts[1]() == 1, "both are expected by now"


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


def test_other_settings_make_another_panel() -> None:
    images = scored.batch()
    first = zc.ZeroCostPredictor("naswot", batch=images)
    assert zc.ZeroCostPredictor("jacov", batch=scored.batch())._panel is first._panel
    others: list[dict[str, Any]] = [
        {"seed": 1}, {"preset": "naslib"}, {"batch": scored.batch(seed=1)}, {"device": "cpu"}, {"batch": None},
    ]  # fmt: skip
    for other in others:
        assert zc.ZeroCostPredictor("jacov", **{"batch": images, **other})._panel is not first._panel


def test_panels_go_with_their_predictors() -> None:
    predictor = zc.ZeroCostPredictor("naswot", scored.IMAGES, seed=19)
    gc.collect()
    count = len(panels)
    assert predictor._panel in panels.values()
    del predictor
    gc.collect()
    assert len(panels) == count - 1


def test_company_that_cannot_be_scored_does_not_matter() -> None:
    naswot, grad_norm = made(["naswot", "grad_norm"], seed=20)
    net, images = scored.graph(), (scored.batch()[0], None)
    assert naswot.query(net, images) > 0
    with pytest.raises(ValueError, match="labels are needed"):
        grad_norm.query(net, images)


def test_specs_are_remembered_by_their_key() -> None:
    predictor = zc.ZeroCostPredictor("naswot", batch=scored.batch(), seed=21, search_space=space201())
    spec = scored.SPECS["mixed"]
    first = predictor.score(spec)
    assert predictor.score(zc.key_of(scored.graph())) is first
    assert zc.ZeroCostPredictor("naswot", batch=scored.batch(), seed=21, search_space=space201()).score(spec) is first


def test_memory_is_bounded_and_knows_graphs_by_themselves() -> None:
    net, twin = space201().clone(), space201().clone()
    assert net == twin, "to NASLib"
    found = memory.Memory(limit=2)
    found.of(net, "", b"")["a"] = "score"
    assert found.of(twin, "", b"") == {}
    assert found.of(net, "", b"") == {"a": "score"}
    found.of(net, "other", b"")
    assert found.of(net, "", b"") == {"a": "score"}
    assert found.of(net, "", b"changed") == {} == found.of(net, "", b"")
    assert len(found._entries) == 2
