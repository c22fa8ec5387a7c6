"""Our strategies in NASLib's Trainer: the histories are theirs, whatever NASLib does around them."""

from __future__ import annotations

import gc
import json
import logging
import math
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from naslib_zc_plugin import strategies
from naslib_zc_plugin.spaces.nasbench201 import SPACE
from tests.hosts.naslib import searches
from tests.hosts.naslib.needs import needs
from tests.hosts.naslib.searches import IMAGES, SMALL, WAYS, Table, adapted, config, hosted, trainer, worth

zc = needs("naslib_zc_plugin.hosts.naslib")
spaces = needs("naslib.search_spaces")
Graph = needs("naslib.search_spaces.core.graph").Graph
Metric = needs("naslib.search_spaces.core.query_metrics").Metric


@cache
def naswot(key: str) -> float | None:
    """The score of a key, without any optimizer."""
    predictor = zc.ZeroCostPredictor("naswot", dataset=IMAGES, seed=3)
    found: float | None = predictor.fitness(zc.build(searches.space201(), key, seed=3))
    return found


@pytest.mark.parametrize("name", WAYS)
def test_the_history_is_that_of_the_strategy_without_naslib(name: str, tmp_path: Path) -> None:
    optimizer = hosted(name, config(tmp_path, 9))
    trainer(optimizer).search()
    kind, options = WAYS[name]
    alone = strategies.strategy(kind, SPACE, score=naswot, seed=3, **options)
    history = []
    for _ in range(9):
        key = alone.ask()
        number = worth(key)
        history.append((key, None if number is None or math.isnan(number) else number))
        alone.tell(*history[-1])
    assert optimizer.history == history
    assert optimizer.state_dict()["search"] == alone.state_dict()


def test_other_spaces_and_worths(tmp_path: Path) -> None:
    def parameters(graph: Any) -> float:
        return float(sum(each.numel() for each in graph.parameters()))

    for space in (spaces.NasBench101SearchSpace(), spaces.TransBench101SearchSpaceMicro("svhn", create_graph=True)):
        optimizer = zc.AgingEvolution(config(tmp_path, 8), objective=parameters, **SMALL)
        optimizer.adapt_search_space(space)
        trainer(optimizer).search()
        best = max(optimizer.history, key=lambda entry: entry[1])
        final = optimizer.get_final_architecture()
        assert (zc.key_of(final), parameters(final)) == best
        trajectory = json.loads((tmp_path / "errors.json").read_text(encoding="utf-8"))
        assert trajectory["valid_acc"][-1] == best[1]
        assert all(map(math.isnan, trajectory["test_acc"]))


def test_failures_and_nan_neither_end_the_search_nor_win(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    optimizer = hosted("AgingEvolution", config(tmp_path, 120), population=8, sample=8, replacement=False)
    trainer(optimizer).search()
    told = [value for _, value in optimizer.history]
    numbers = [worth(key) for key, _ in optimizer.history]
    assert any(number is not None and math.isnan(number) for number in numbers)
    assert any(number is None for number in numbers)
    assert told == [None if number is None or math.isnan(number) else number for number in numbers]
    assert worth(zc.key_of(optimizer.get_final_architecture())) == max(value for value in told if value is not None)
    assert any("failed; the search goes on" in line for line in caplog.messages)


def test_while_nothing_has_a_fitness(tmp_path: Path) -> None:
    def broken(graph: Any) -> float:
        raise RuntimeError("no luck")

    optimizer = adapted(zc.RandomSearch(config(tmp_path, 3), objective=broken))
    trainer(optimizer).search()
    assert [value for _, value in optimizer.history] == [None] * 3
    assert all(map(math.isnan, optimizer.train_statistics()))
    assert optimizer.test_statistics() is None
    with pytest.raises(ValueError, match="none of 3 evaluated architectures has a fitness"):
        optimizer.get_final_architecture()


def test_statistics_are_those_of_the_best_or_of_the_last(tmp_path: Path) -> None:
    trajectories = {}
    for incumbent in (True, False):
        optimizer = hosted("RandomSearch", config(tmp_path, 20))
        trainer(optimizer).search(report_incumbent=incumbent)
        trajectories[incumbent] = json.loads((tmp_path / "errors.json").read_text(encoding="utf-8"))
    best: tuple[str, float] | None = None
    for epoch, (key, value) in enumerate(optimizer.history):
        if value is not None and (best is None or value > best[1]):
            best = (key, value)
        for shown, incumbent in (((key, value), False), (best, True)):
            found = [trajectories[incumbent][each][epoch] for each in ("train_acc", "valid_acc", "test_acc")]
            if shown is None or worth(shown[0]) is None:
                assert all(map(math.isnan, found))
            else:
                place, number = float(SPACE.index(shown[0])), worth(shown[0])
                assert found == pytest.approx([place, number, number], nan_ok=True)
                assert trajectories[incumbent]["train_time"][epoch] == 2 * place
    assert optimizer.test_statistics() == optimizer.dataset_api["nb201_data"][best[0] if best else ""]


def test_what_the_benchmark_lacks_is_not_reported(tmp_path: Path) -> None:
    given = config(tmp_path, 6)
    optimizer = adapted(zc.RandomSearch(given, objective=lambda graph: 1.0), {"nb201_data": {"no": "architecture"}})
    trainer(optimizer).search()
    assert [value for _, value in optimizer.history] == [1.0] * 6
    assert all(map(math.isnan, optimizer.train_statistics()))
    assert optimizer.test_statistics() is None


def test_what_naslib_calls_fidelity_is_the_epoch(tmp_path: Path) -> None:
    early, late = (hosted("RandomSearch", config(tmp_path, 10, fidelity=epoch)) for epoch in (0, -1))
    for optimizer in (early, late):
        trainer(optimizer).search()
    assert [(key, value and 2 * value) for key, value in early.history] == late.history


def test_an_exhausted_search_repeats_what_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Three:
        size = 3

        def sample(self, rng: Any) -> str:
            return SPACE.key(1000 + rng.randrange(3))

    monkeypatch.setattr(needs("naslib_zc_plugin.hosts.naslib.optimizers"), "domain", lambda *given: Three())
    optimizer = hosted("RandomSearch", given := config(tmp_path, 6, checkpoint_freq=2))
    trainer(optimizer).search()
    assert len({key for key, _ in optimizer.history}) == len(optimizer.history) == 3
    accuracies = json.loads((tmp_path / "errors.json").read_text(encoding="utf-8"))["valid_acc"]
    assert len(accuracies) == 6
    assert accuracies[2:] == [max(value for _, value in optimizer.history if value is not None)] * 4
    (line,) = [line for line in caplog.messages if "evaluates nothing" in line]
    assert line == "epoch 3 evaluates nothing, and repeats what is known: all 3 architectures were asked for"
    again = hosted("RandomSearch", given)
    given.search.epochs = 8
    trainer(again).search(resume_from=str(tmp_path / "search" / "model_final.pth"))
    assert again.history == optimizer.history


def live() -> int:
    """Graphs that are there."""
    gc.collect()
    return sum(isinstance(each, Graph) for each in gc.get_objects())


@pytest.mark.parametrize(("name", "epochs"), [("AgingEvolution", 200), ("Move", 9)])
def test_no_graph_is_kept(name: str, epochs: int, tmp_path: Path) -> None:
    counts = []
    optimizer = hosted(name, config(tmp_path, epochs))
    trainer(optimizer).search(after_epoch=lambda epoch: counts.append(live()) if epoch in (5, epochs - 1) else None)
    assert counts[0] == counts[1]
    assert len(optimizer.history) == epochs


def test_the_space_is_left_alone(tmp_path: Path) -> None:
    space = spaces.NasBench201SearchSpace()
    weights = {name: each.clone() for name, each in space.state_dict().items()}
    optimizer = zc.RandomSearch(config(tmp_path, 3))
    optimizer.adapt_search_space(space, dataset_api={"nb201_data": Table()})
    trainer(optimizer).search()
    assert space.op_indices is None
    assert space.instantiate_model
    assert all((space.state_dict()[name] == each).all() for name, each in weights.items())


def test_a_search_that_begins_again_begins_from_its_seed(tmp_path: Path) -> None:
    optimizer = hosted("AgingEvolution", config(tmp_path, 15))
    trainer(optimizer).search()
    first = optimizer.history
    trainer(optimizer).search()
    assert optimizer.history == first
    assert optimizer.history is not first


@pytest.mark.parametrize("form", [dict, SimpleNamespace])
def test_a_configuration_in_any_form(form: Any) -> None:
    given = form(dataset="cifar10", search=form(seed=5, population_size=6, sample_size=2, k=7, mutation="node"))
    optimizer = adapted(zc.AgingEvolution(given, sample=3))
    alone = strategies.strategy("aging_evolution", SPACE, seed=5, population=6, sample=3, mutation="node")
    for epoch in range(20):
        optimizer.new_epoch(epoch)
        key = alone.ask()
        alone.tell(key, optimizer.history[-1][1])
        assert optimizer.history[-1][0] == key


def test_options_in_a_configuration_reach_the_strategy_inside(tmp_path: Path) -> None:
    given = config(tmp_path, 4, around="aging_evolution", population_size=3, sample_size=1, pool=5, evaluate=2)
    optimizer = adapted(zc.WarmUp(given, proxy=lambda graph: 1.0))
    assert needs("naslib_zc_plugin.hosts.naslib.optimizers").strategy_options("warm_up", given) == {
        "pool": 5, "evaluate": 2, "around": {"name": "aging_evolution", "population": 3, "sample": 1},
    }  # fmt: skip
    for epoch in range(8):
        optimizer.new_epoch(epoch)
    assert len(optimizer.state_dict()["search"]["inside"]["members"]) == 3


def test_a_preset_in_a_configuration(tmp_path: Path) -> None:
    optimizer = adapted(zc.AgingEvolution(config(tmp_path, 4, preset="nats_bench")))
    for epoch in range(15):
        optimizer.new_epoch(epoch)
    assert len(optimizer.state_dict()["search"]["members"]) == 10


def test_a_proxy_is_a_proxy_in_every_form(tmp_path: Path) -> None:
    predictor = zc.ZeroCostPredictor("naswot", dataset=IMAGES, seed=3)
    histories = []
    for proxy in ({"name": "naswot"}, predictor, lambda graph: predictor.score(graph).value):
        optimizer = hosted("Area", config(tmp_path, 2), proxy=proxy, pool=3, population=2)
        trainer(optimizer).search()
        histories.append([optimizer.history, optimizer.state_dict()["scores"]])
    assert histories[1:] == histories[:1] * 2


def test_a_proxy_that_fails_or_is_undefined_ranks_last(tmp_path: Path) -> None:
    def proxy(graph: Any) -> float:
        number = worth(zc.key_of(graph))
        if number is None:
            raise RuntimeError("no luck")
        return number

    optimizer = hosted("WarmUp", config(tmp_path, 8), proxy=proxy, pool=8, evaluate=8, around="random_search")
    trainer(optimizer).search()
    scores = [optimizer.state_dict()["scores"][key] for key, _ in optimizer.history]
    ranked = [each for each in scores if each is not None]
    assert 0 < len(ranked) < len(scores)
    assert scores[: len(ranked)] == sorted(ranked, reverse=True)


def test_faults_are_found_at_once(tmp_path: Path) -> None:
    given = config(tmp_path, 1)
    with pytest.raises(ValueError, match="unknown strategy 'aging'"):
        zc.Search("aging", given)
    with pytest.raises(TypeError, match="proxy"):
        zc.Area(given)
    with pytest.raises(ValueError, match="unknown proxy 'naswott'; did you mean naswot"):
        zc.Area(given, proxy="naswott")
    with pytest.raises(ValueError, match="has no option 'populaton'; did you mean population"):
        zc.AgingEvolution(given, populaton=3)
    with pytest.raises(ValueError, match="has no option 'objectiv'; did you mean objective"):
        zc.AgingEvolution(given, objectiv=len)
    with pytest.raises(ValueError, match="evaluate=9 of a pool of 5"):
        zc.WarmUp(given, proxy=len, pool=5, evaluate=9)
    with pytest.raises(ValueError, match="area needs proxy="):
        zc.Search("area", given)
    with pytest.raises(ValueError, match="what is an architecture worth\\? Give dataset_api="):
        zc.RandomSearch(given).adapt_search_space(searches.space201())
    with pytest.raises(ValueError, match="population and population_size, which are the same"):
        zc.AgingEvolution(config(tmp_path, 1, population=3, population_size=3))
    assert logging.getLogger("naslib").handlers == []
    assert searches.trainer(hosted("RandomSearch", given)).optimizer.get_model_size() == 0


# A search that nothing guides --------------------


@pytest.mark.parametrize("name", ["Area", "WarmUp", "Move"])
def test_a_proxy_that_fails_on_every_graph_ends_the_search(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = {"proxy": "synflow", "data": {"batch": (torch.randn(4, 1, 8, 8), torch.randint(10, (4,)))}}
    optimizer = hosted(name, config(tmp_path, 12), **wrong)
    with pytest.raises(
        strategies.AllFailed, match=r"none of \d+ architectures has a score: synflow is failed: .*channels"
    ):
        trainer(optimizer).search()
    assert sum("has no score: synflow is failed" in line for line in caplog.messages) == 3
    optimizer = hosted(name, config(tmp_path, 8), if_all_fail="go_on", **wrong)
    trainer(optimizer).search()
    assert len(optimizer.history) == 8


def test_an_objective_that_always_fails_ends_the_search(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken(graph: Any) -> float:
        raise RuntimeError("the disk is full")

    optimizer = adapted(zc.RandomSearch(config(tmp_path, 12), objective=broken))
    with pytest.raises(
        strategies.AllFailed, match="none of 10 evaluations has a fitness; the first: RuntimeError: the di"
    ):
        trainer(optimizer).search()
    for epochs, options in ((12, {"if_all_fail": "go_on"}), (3, {})):
        caplog.clear()
        trainer(adapted(zc.RandomSearch(config(tmp_path, epochs), objective=broken, **options))).search()
        said = f"none of {epochs} evaluations has a fitness; the first: RuntimeError: the disk is full"
        assert said in caplog.messages


def test_the_agreement_is_said_at_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def proxy(graph: Any) -> float:
        return worth(zc.key_of(graph)) or 0.0

    optimizer = hosted("WarmUp", config(tmp_path, 9), proxy=proxy, pool=8, evaluate=8)
    with caplog.at_level(logging.INFO, "naslib"):
        trainer(optimizer).search()
    found = optimizer.agreement()
    both = {key for key, fitness in optimizer.history if fitness is not None} & set(optimizer.state_dict()["scores"])
    assert (found.n, found.tau) == (len(both), 1.0) and found.sentence() in caplog.messages
    assert hosted("RandomSearch", config(tmp_path, 1)).agreement() is None


def test_move_is_refused_at_once_where_neighbours_cannot_be_listed(tmp_path: Path) -> None:
    macro = spaces.TransBench101SearchSpaceMacro("class_scene")
    refused = zc.Move(config(tmp_path, 6), objective=lambda graph: 1.0, proxy=lambda graph: 1.0, **SMALL)
    with pytest.raises(ValueError, match="choose 'children' or 'parent': the neighbours of TransNAS-Bench-101's macro"):
        refused.adapt_search_space(macro)
    moved = zc.Move(config(tmp_path, 6), objective=lambda graph: 1.0, proxy=lambda graph: 1.0, kind="parent", **SMALL)
    moved.adapt_search_space(macro)
    for epoch in range(6):
        moved.new_epoch(epoch)
    assert len(moved.history) == 6


@pytest.mark.parametrize("space", ["NATSBenchSizeSearchSpace", "NasBenchNLPSearchSpace"])
def test_a_proxy_needs_networks(space: str, tmp_path: Path) -> None:
    optimizer = zc.Area(config(tmp_path, 3), objective=lambda graph: 1.0, proxy="params", pool=5, **SMALL)
    with pytest.raises(ValueError, match=f"NASLib's {space} has no network that could be scored"):
        optimizer.adapt_search_space(getattr(spaces, space)())
