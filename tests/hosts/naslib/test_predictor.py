"""A proxy in the place of NASLib's predictors: what it may be asked, and what comes back."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import naslib_zc_plugin as package
from naslib_zc_plugin.passes.seeding import derived_seed
from naslib_zc_plugin.proxies import describe
from naslib_zc_plugin.testing import fingerprint, global_state
from tests.hosts.naslib import made, scored
from tests.hosts.naslib.needs import needs
from tests.hosts.naslib.searches import space201

zc = needs("naslib_zc_plugin.hosts.naslib")
module = needs("naslib_zc_plugin.hosts.naslib.predictor")
drawn = needs("naslib_zc_plugin.hosts.naslib.shared_scoring").draw_batch
Predictor = needs("naslib.predictors.predictor").Predictor

SPEC = scored.SPECS["mixed"]


def test_it_is_one_of_naslibs_predictors() -> None:
    predictor = zc.ZeroCostPredictor("naswot", scored.IMAGES)
    assert isinstance(predictor, Predictor)
    predictor.set_ss_type("nasbench201")
    predictor.pre_process()
    predictor.pre_compute([], [])
    assert predictor.fit([], [], []) is None
    assert predictor.get_hpo_wrapper() is predictor.get_hyperparams() is None
    assert not predictor.get_data_reqs()["requires_partial_lc"]
    assert (predictor.method_type, predictor.ss_type) == ("naswot", "nasbench201")


@pytest.mark.parametrize("proxy", ["grasp", "zen", "l2_norm", "flops", "gradsign"])
def test_the_score_is_that_of_the_network_and_leaves_it_as_it_was(proxy: str) -> None:
    net, images = scored.graph(), scored.batch()
    net.eval()
    before, state = fingerprint(net), global_state()
    value = zc.ZeroCostPredictor(proxy, seed=3).query(net, images)
    # networkx makes its views anew whenever somebody looks.
    assert [change for change in before.changes(fingerprint(net)) if "View'" not in change] == []
    assert global_state() == state
    seed = derived_seed(3, zc.key_of(net))
    assert value == package.score(net, images, proxy, seed=seed)[proxy].value


def test_a_list_has_an_entry_each_whatever_stands_in_it() -> None:
    predictor = zc.ZeroCostPredictor("grad_norm", scored.IMAGES, seed=5, search_space=space201())
    parsed, key = zc.build(space201(), zc.key_of(scored.graph()), seed=5), zc.key_of(scored.graph())
    bare = space201().clone()
    bare.instantiate_model = False
    bare.set_spec(list(SPEC))
    unparsed = space201().clone()
    unparsed.set_spec(list(SPEC))
    found = predictor.query([parsed, SPEC, list(SPEC), key, bare, unparsed], [{}] * 6)
    assert set(found[:5]) == {predictor.query(SPEC)} == {predictor.query(parsed)}
    assert not unparsed.is_parsed
    unparsed.parse()
    assert found[5] == predictor.query(unparsed) != found[0]
    assert predictor.query([], []).shape == (0,)


def test_lower_is_better_is_turned_round() -> None:
    predictor = zc.ZeroCostPredictor("ntk", batch=scored.batch())
    net = scored.graph("convolutions")
    value = predictor.score(net).value
    assert not describe(predictor.proxies.requests[0].name).higher_is_better
    assert predictor.query(net) == predictor.fitness(net) == -value
    assert predictor.query([net])[0] == -value


def test_synflow_is_a_logarithm_for_naslib_alone() -> None:
    predictor, net = zc.ZeroCostPredictor("synflow"), scored.graph()
    value = predictor.score(net, scored.batch()).value
    assert predictor.fitness(net, scored.batch()) == value > 1e20
    assert predictor.query(net, scored.batch()) == pytest.approx(69, abs=10)


def test_a_graph_without_a_score_comes_last() -> None:
    images, dead, live = scored.batch(), scored.graph("dead"), scored.graph()
    predictor = zc.ZeroCostPredictor("naswot", batch=images)
    assert "singular" in predictor.score(dead).reason
    assert predictor.fitness(dead) is None
    assert predictor.query(dead) == module.LAST
    assert predictor.query([dead, dead]).tolist() == [module.LAST] * 2
    listed = predictor.query([live, dead, scored.graph("few ReLUs")])
    assert listed[1] < listed[2] < listed[0]
    assert listed[1] > 0, "near the others"
    for undefined in (-7.0, float("nan")):
        told = zc.ZeroCostPredictor("naswot", batch=images, undefined=undefined)
        assert told.query(dead) == pytest.approx(undefined, nan_ok=True)
        assert told.query([live, dead])[1] == pytest.approx(undefined, nan_ok=True)


def test_names_of_naslib_and_options() -> None:
    images = scored.batch()
    for name, asked in (("nwot", "naswot"), ("synflow_bn", {"name": "synflow", "keep_norm": "*"})):
        alias, own = zc.ZeroCostPredictor(name, batch=images), zc.ZeroCostPredictor(asked, batch=images)
        assert alias.method_type == name
        assert alias.query(scored.graph()) == own.query(scored.graph())
    plain = zc.ZeroCostPredictor("flops", batch=images)
    preset = zc.ZeroCostPredictor("flops", batch=images, preset="naslib")
    asked = zc.ZeroCostPredictor(package.proxy("flops", elementwise=True), batch=images)
    assert plain.query(scored.graph()) < preset.query(scored.graph()) == asked.query(scored.graph())


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda: zc.ZeroCostPredictor("naswto"), "naswot"),
        (lambda: zc.ZeroCostPredictor({"name": "flops", "colour": 1}), "colour"),
        (lambda: zc.ZeroCostPredictor("naswot", scored.IMAGES, scored.batch()), "one of dataset= .* and batch="),
        (lambda: zc.ZeroCostPredictor("naswot", scored.IMAGES, preset="naslip"), "naslib"),
        (lambda: zc.ZeroCostPredictor("naswot").query(scored.graph()), "dataloader"),
        (lambda: zc.ZeroCostPredictor("naswot").query(scored.graph(), "xy"), "batch must be a pair"),
        (lambda: zc.ZeroCostPredictor("snip").query(scored.graph(), (scored.batch()[0], None)), "labels are needed"),
        (lambda: zc.ZeroCostPredictor("params").query(SPEC), "search_space="),
        (lambda: zc.ZeroCostPredictor("params", search_space=space201()).query((7,) * 6), "6 numbers from 0 to 4"),
        (lambda: zc.predictors(["naswot", "nothing"]), "nothing"),
    ],
)
def test_faults_say_what_to_do(fault: Callable[[], Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        fault()


def test_every_loader_and_each_of_its_copies_give_the_same_batch() -> None:
    predictor, net = zc.ZeroCostPredictor("jacov", seed=1), scored.graph()
    shuffled = scored.loader(shuffle=True)
    value = predictor.query(net, dataloader=shuffled)
    torch.rand(3)
    state = global_state()
    assert predictor.query(net, dataloader=copy.deepcopy(shuffled)) == predictor.query([net], shuffled)[0] == value
    assert global_state() == state
    assert zc.ZeroCostPredictor("jacov", seed=2).query(net, dataloader=shuffled) != value
    own = scored.loader(shuffle=True, generator=torch.Generator().manual_seed(4))
    assert torch.equal(drawn(own, 1)[0], drawn(own, 1)[0])
    assert torch.equal(next(iter(own))[0], next(iter(scored.loader(shuffle=True, generator=_generator(4))))[0])
    assert not torch.equal(next(iter(shuffled))[0], next(iter(shuffled))[0])


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_loader_at_construction_is_drawn_once_and_host_loaders_are_not_looked_at() -> None:
    net, shuffled = scored.graph(), scored.loader(shuffle=True)
    value = zc.ZeroCostPredictor("jacov", seed=1).query(net, dataloader=shuffled)
    predictor = zc.ZeroCostPredictor("jacov", batch=shuffled, seed=1)
    assert predictor.query(net) == predictor.query(net, dataloader=[None]) == value
    # What NASLib's evaluators set.
    late = zc.ZeroCostPredictor("jacov", seed=1)
    late.train_loader = shuffled
    assert late.query(net) == late.query([net], [{}])[0] == value


def test_a_protocol_draws_its_batch_for_the_architecture(tmp_path: Any) -> None:
    path = _protocol_images(tmp_path)
    predictor = zc.ZeroCostPredictor("l2_norm", path, preset="naslib", search_space=space201())
    assert predictor.query(SPEC) > 0
    values = zc.ZeroCostPredictor("jacov", path, preset="naslib", search_space=space201()).query([SPEC, SPEC])
    assert values[0] == values[1]


def test_copies_share_and_travel_to_other_processes(tmp_path: Any) -> None:
    predictor = zc.ZeroCostPredictor("naswot", batch=scored.batch(), ss_type="nasbench201")
    net, value = scored.graph(), predictor.query(scored.graph())
    for twin, shared in ((copy.deepcopy(predictor), True), (pickle.loads(pickle.dumps(predictor)), False)):
        assert (twin._pool is predictor._pool) is shared
        assert twin.ss_type == "nasbench201"
        assert twin.query(net) == value
    named = pickle.loads(
        pickle.dumps(zc.predictors(["naswot", "jacov"], dataset=_protocol_images(tmp_path), preset="naslib"))
    )
    passes = scored.Passes(net)
    named.features(net)
    again = pickle.loads(pickle.dumps(named))
    assert passes() == 1 and again.features(net) == named.features(net) and passes() == 1


def _protocol_images(folder: Any) -> dict[str, Any]:
    images = np.random.default_rng(0).integers(0, 255, (80, 16, 16, 3), dtype=np.uint8)
    np.savez(folder / "cifar10.npz", images=images, labels=np.arange(80) % 10)
    return {"source": str(folder / "cifar10.npz")}


def test_no_graph_is_kept() -> None:
    predictor, net = zc.ZeroCostPredictor("grad_norm"), scored.graph()
    predictor.query([net], scored.loader())
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


def test_proxies_by_name_are_made_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    every = zc.predictors()
    assert {*package.list_proxies(), "nwot", "synflow_bn"} == set(every)
    assert len(every) == len(set(every))
    assert "jacov" in every
    assert every._made == {}
    assert every["jacov"] is every["jacov"]
    assert every["nwot"].proxies.requests[0].name == "naswot"
    assert set(every._made) == {"jacov", "nwot"}
    with pytest.raises(KeyError):
        every["nothing"]
    named = zc.predictors({"wide": {"name": "epsilon", "weights": (1e-4, 10.0)}}, batch=scored.batch())
    assert named["wide"].proxies.requests[0].options == {"weights": (1e-4, 10.0)}
    assert list(named.features(scored.graph())) == ["wide"] == [named["wide"].method_type]


@pytest.mark.parametrize("name", ["nasbench301", "nasbench301 auxiliary", "transbench101_micro"])
def test_other_spaces(name: str) -> None:
    net = made.space(name)
    net.sample_random_architecture(dataset_api=None)
    net.parse()
    before = dict(net.graph)
    some = zc.predictors(["params", "naswot", "grad_norm", "zen"])
    found = some.features(net, scored.batch(4, 32))
    assert found["params"] == sum(value.numel() for value in net.parameters())
    assert all(value != module.LAST for value in found.values())
    assert net.graph == before, "outputs of an auxiliary head stay"
    assert not [node for _, node in net.nodes(data=True) if node.get("input")]


def test_a_network_of_no_benchmark() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 100), nn.ReLU())
    assert zc.ZeroCostPredictor("params").query(net) == 19_300
    assert zc.ZeroCostPredictor("naswot").score(net, scored.batch()).status == "ok"


@pytest.mark.parametrize("proxy", ["nwot", "synflow", "params"])
def test_a_space_without_networks_is_refused(proxy: str) -> None:
    """Not a number: 0 parameters, or a score that ranks last."""
    predictor = zc.ZeroCostPredictor(proxy, batch=scored.batch())
    spaces = needs("naslib.search_spaces")
    for name in ("NATSBenchSizeSearchSpace", "NasBenchNLPSearchSpace"):
        graph = getattr(spaces, name)()
        drawn = graph.clone()
        drawn.sample_random_architecture(dataset_api=None)
        for asked in (graph, drawn, [drawn]):
            with pytest.raises(ValueError, match=f"NASLib's {name} has no network that could be scored: .* zc_api"):
                predictor.query(asked)
        told = zc.ZeroCostPredictor(proxy, batch=scored.batch(), search_space=graph)
        with pytest.raises(ValueError, match=f"NASLib's {name} has no network"):
            told.query(drawn.get_hash())


def test_a_space_whose_networks_naslib_cannot_build_is_refused() -> None:
    graph = needs("naslib.search_spaces").NasBenchASRSearchSpace()
    graph.sample_random_architecture(dataset_api=None)
    with pytest.raises(ValueError, match="NASLib cannot build a network in its NasBenchASRSearchSpace"):
        zc.ZeroCostPredictor("params", batch=scored.batch()).query(graph)
