"""Our strategies in NNI's experiments: the histories are theirs, whatever NNI does around them."""

from __future__ import annotations

import json
import math
import shutil
from collections import deque
from pathlib import Path
from typing import Any

import pytest
import torch

from naslib_zc_plugin import strategies
from naslib_zc_plugin.spaces.nasbench201 import SPACE
from tests.hosts.nni import made
from tests.hosts.nni.needs import needs

zc = needs("naslib_zc_plugin.hosts.nni")
nni = needs("nni")
evaluator_module = needs("nni.nas.evaluator")
execution = needs("nni.nas.execution")
spaces = needs("nni.nas.space")
nni_strategies = needs("nni.nas.strategy")

STATES = Path(__file__).resolve().parents[1] / "states"
SMALL = {"population": 4, "sample": 2}
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "RandomSearch": ("random_search", {"distinct": True}),
    "AgingEvolution": ("aging_evolution", {**SMALL, "mutation": "node"}),
    "Area": ("area", {**SMALL, "pool": 12}),
    "WarmUp": ("warm_up", {"pool": 12, "evaluate": 6, "around": {"name": "aging_evolution", **SMALL}}),
    "Move": ("move", {**SMALL, "kind": "children", "children": 2}),
}


class Pretended(evaluator_module.Evaluator):  # type: ignore[misc]
    """A number per key; counts what it was asked."""

    def __init__(self, interrupt: int | None = None) -> None:
        self.asked: list[str] = []
        self.interrupt = interrupt

    def _execute(self, model: Any) -> None:
        key = zc.key_of(model.sample)
        self.asked.append(key)
        if len(self.asked) == self.interrupt:
            raise KeyboardInterrupt
        number = worth(key)
        if number is None:
            raise RuntimeError("no luck")
        nni.report_final_result(number)


def worth(key: str) -> float | None:
    number = sum(map(ord, key)) * 7919 % 1000 - 500
    return None if number % 5 == 0 else math.nan if number % 7 == 0 else float(number)


def score(model_space: Any, **data: Any) -> Any:
    """The score of a key in a model space, without any strategy of NNI's."""
    scorer = zc.Scorer(**data)
    return lambda key: scorer(made.frozen(model_space, key)).value


def hosted(name: str, **more: Any) -> tuple[Any, str, dict[str, Any]]:
    kind, options = WAYS[name]
    data = {} if name in ("RandomSearch", "AgingEvolution") else {"proxy": "naswot", "dataset": made.IMAGES}
    return getattr(zc, name)(seed=3, **data, **options, **more), kind, options


@pytest.mark.parametrize("name", WAYS)
def test_the_history_is_that_of_the_strategy_without_nni(name: str, tmp_path: Path) -> None:
    strategy, kind, options = hosted(name)
    evaluator = zc.ZeroCostEvaluator("naswot", made.IMAGES, seed=3)
    made.run(tmp_path, made.space(), evaluator, strategy, 12)
    naswot = score(made.space(), proxy="naswot", dataset=made.IMAGES, seed=3)
    alone = strategies.strategy(kind, SPACE, score=naswot, seed=3, **options)
    history = []
    for _ in range(12):
        key = alone.ask()
        history.append((key, naswot(key)))
        alone.tell(*history[-1])
    assert strategy.history == history
    assert strategy.state_dict()["search"] == alone.state_dict()


@pytest.mark.parametrize(
    ("name", "space"),
    [("Area", "NasBench101"), ("AgingEvolution", "DARTS"), ("AgingEvolution", "MobileNetV3Space")],
)
def test_other_model_spaces(name: str, space: str, tmp_path: Path) -> None:
    options = {**SMALL, **({"pool": 8, "proxy": "params", "dataset": made.IMAGES} if name == "Area" else {})}
    strategy, model_space = getattr(zc, name)(seed=1, **options), made.space(space)
    done = made.run(tmp_path, model_space, zc.ZeroCostEvaluator("synflow", made.IMAGES), strategy, 12)
    assert len(strategy.history) == 12
    domain = zc.domain(model_space)
    best = done.export_top_models(1, formatter="dict")
    assert [zc.key_of(sample) for sample in best] == [max(scored(strategy.history), key=lambda each: each[1])[0]]
    for key, _ in strategy.history:
        domain.to_sample(key)


def scored(history: list[tuple[str, Any]]) -> list[tuple[str, float]]:
    return [(key, value) for key, value in history if value is not None]


@pytest.mark.parametrize("go_on", [False, True])
def test_failures_and_nan_neither_end_the_search_nor_win(go_on: bool, tmp_path: Path) -> None:
    evaluator, strategy = Pretended(), zc.AgingEvolution(seed=2, population=8, sample=8, replacement=False)
    done = made.run(tmp_path, made.space(), evaluator, strategy, 60, continue_on_failure=go_on)
    told = dict(strategy.history)
    assert len(strategy.history) == len(evaluator.asked) == 60
    assert None in told.values()
    assert all(value is None or value == worth(key) for key, value in told.items())
    # With tournaments of the whole population, every parent is its best, and what failed never is.
    population: deque[tuple[str, Any]] = deque(maxlen=8)
    for key, value in strategy.history:
        if len(population) == 8:
            parents = {parent for parent, each in population if each == max(v for _, v in population if v is not None)}
            assert any(key in SPACE.neighbours(parent) for parent in parents)
        population.append((key, value))
    if not any(isinstance(worth(key), float) and math.isnan(worth(key) or 0) for key in told):
        pytest.fail("no NaN was met")
    assert all(math.isfinite(model.metric) for model in done.export_top_models(60))
    statuses = [model.status for model in strategy.list_models(sort=False)]
    assert spaces.ModelStatus.Failed in statuses


def test_scoring_takes_no_trial(tmp_path: Path) -> None:
    seen: list[int] = []

    def proxy(net: Any) -> float:
        seen.append(1)
        return sum(each.numel() for each in net.parameters())

    evaluator = Pretended()
    strategy = zc.WarmUp(proxy=proxy, pool=30, evaluate=5, distinct=True)
    made.run(tmp_path, made.space(), evaluator, strategy, 12)
    assert len(seen) == 30
    assert len(evaluator.asked) == 12
    best = sorted(((key, score) for key, score in strategy.state_dict()["scores"].items()), key=lambda each: -each[1])
    assert [score for _, score in best[:5]] == [strategy.state_dict()["scores"][key] for key in evaluator.asked[:5]]


@pytest.mark.parametrize(
    "proxy",
    [
        {"name": "naswot"},
        zc.ZeroCostEvaluator("naswot", made.IMAGES, seed=3),
        zc.ProxyProfiler(made.space(), "naswot", dataset=made.IMAGES, seed=3),
    ],
    ids=["mapping", "evaluator", "profiler"],
)
def test_a_proxy_is_a_proxy_in_every_form(proxy: Any, tmp_path: Path) -> None:
    histories = []
    for form in ("naswot", proxy):
        data = {"dataset": made.IMAGES} if isinstance(form, (str, dict)) else {}
        strategy = zc.Area(proxy=form, seed=3, pool=8, **SMALL, **data)
        made.run(tmp_path, made.space(), Pretended(), strategy, 6)
        histories.append(strategy.history)
    assert histories[0] == histories[1]


def test_a_proxy_that_fails_or_is_undefined_ranks_last(tmp_path: Path) -> None:
    def proxy(net: Any) -> float:
        count = sum(each.numel() for each in net.parameters())
        if count % 3 == 0:
            raise RuntimeError("no luck")
        return math.nan if count % 3 == 1 else float(count)

    evaluator = Pretended()
    strategy = zc.WarmUp(proxy=proxy, pool=20, evaluate=20, distinct=True)
    made.run(tmp_path, made.space(), evaluator, strategy, 20)
    scores = [strategy.state_dict()["scores"][key] for key in evaluator.asked]
    ranked = [each for each in scores if each is not None]
    assert ranked == sorted(ranked, reverse=True)
    assert scores[: len(ranked)] == ranked


def test_strategies_go_into_a_warm_up(tmp_path: Path) -> None:
    strategies_ = [
        zc.WarmUp(proxy="params", dataset=made.IMAGES, pool=6, evaluate=4, around=around)
        for around in (zc.AgingEvolution(**SMALL), {"name": "aging_evolution", **SMALL})
    ]
    for each in strategies_:
        made.run(tmp_path, made.space(), Pretended(), each, 10)
    assert strategies_[0].history == strategies_[1].history


def test_faults_are_found_at_once() -> None:
    with pytest.raises(ValueError, match="unknown strategy 'aging'"):
        zc.Search("aging")
    with pytest.raises(ValueError, match="one of dataset="):
        zc.Area(proxy="naswot")
    with pytest.raises(TypeError, match="proxy"):
        zc.Area()
    images = {"proxy": "naswot", "dataset": made.IMAGES}
    for build, message in (
        (lambda: zc.AgingEvolution(populaton=3), "has no option 'populaton'; did you mean population"),
        (lambda: zc.AgingEvolution(population=0), "population must be a whole number"),
        (lambda: zc.AgingEvolution(preset="real2019"), "did you mean real2018"),
        (lambda: zc.Area(datset="digits", **images), "has no option 'datset'; did you mean dataset"),
        (lambda: zc.WarmUp(around="aging_evoluton", **images), "did you mean aging_evolution"),
        (lambda: zc.WarmUp(around="aging_evolution", tise="last", **images), "'tise'; did you mean ties"),
        (lambda: zc.WarmUp(pool=5, evaluate=9, **images), "evaluate=9 of a pool of 5"),
        (lambda: zc.Move(kind="child", **images), "kind must be"),
        (lambda: zc.Search("area"), "area needs proxy="),
    ):
        with pytest.raises(ValueError, match=message):
            build()


# A search that nothing guides --------------------


def wrong_batch() -> Any:
    return torch.randn(4, 1, 8, 8), torch.randint(10, (4,))


@pytest.mark.parametrize("name", ["Area", "WarmUp", "Move"])
def test_a_proxy_that_fails_on_every_network_ends_the_search(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, options = WAYS[name]
    strategy, evaluator = getattr(zc, name)(proxy="synflow", batch=wrong_batch(), **options), Pretended()
    experiment = made.experiment(tmp_path, made.space(), evaluator, strategy, 40)
    with pytest.raises(
        strategies.AllFailed, match="none of 1. architectures has a score: synflow is failed: .*channels"
    ):
        experiment.run()
    experiment.stop()
    assert len(evaluator.asked) < 20
    assert sum("has no score: synflow is failed" in line for line in caplog.messages) == 3
    strategy = getattr(zc, name)(proxy="synflow", batch=wrong_batch(), if_all_fail="go_on", **options)
    made.run(tmp_path, made.space(), Pretended(), strategy, 20)
    assert len(strategy.history) == 20


def test_an_evaluator_that_always_fails_ends_the_search(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken(model: Any) -> None:
        raise RuntimeError("the disk is full")

    def experiment(strategy: Any, count: int = 40) -> Any:
        return made.experiment(tmp_path, made.space(), evaluator_module.FunctionalEvaluator(broken), strategy, count)

    stopped = experiment(strategy := zc.RandomSearch())
    with pytest.raises(
        strategies.AllFailed, match="none of 10 evaluations has a fitness; the first: RuntimeError: the"
    ):
        stopped.run()
    stopped.stop()
    assert len(strategy.history) == 10
    for number, options in ((15, {"if_all_fail": "go_on"}), (4, {})):
        caplog.clear()
        made_by = zc.RandomSearch(**options)
        (done := experiment(made_by, number)).run()
        done.stop()
        assert len(made_by.history) == number
        assert (
            f"none of {number} evaluations has a fitness; the first: RuntimeError: the disk is full" in caplog.messages
        )


# What the proxy was worth --------------------


def test_the_agreement_is_said_at_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def size(net: Any) -> float:
        return float(sum(each.numel() for each in net.parameters()))

    def judged(model: Any) -> None:
        nni.report_final_result(size(model))

    with caplog.at_level("INFO", "nni"):
        strategy = zc.WarmUp(proxy=size, pool=20, evaluate=8, distinct=True, around="aging_evolution")
        made.run(tmp_path, made.space(), evaluator_module.FunctionalEvaluator(judged), strategy, 12)
    found = strategy.agreement()
    assert (found.n, found.tau) == (
        len({key for key, _ in strategy.history} & set(strategy.state_dict()["scores"])),
        1.0,
    )
    assert found.sentence() in caplog.messages
    assert sum(line.startswith("[Individual ") for line in caplog.messages) == 12
    assert sum(line.startswith("[Metric] ") for line in caplog.messages) == 12
    made.run(tmp_path, made.space(), Pretended(), alone := zc.RandomSearch(), 2)
    assert alone.agreement() is None


# NNI's own around a warm-up --------------------


def evolution(**more: Any) -> Any:
    return nni_strategies.RegularizedEvolution(population_size=6, sample_size=3, mutation_prob=0.3, seed=1, **more)


def parameters(net: Any) -> float:
    return float(sum(each.numel() for each in net.parameters()))


@pytest.mark.parametrize("chained", [False, True])
def test_nnis_own_evolution_goes_on_from_a_warm_up(chained: bool, tmp_path: Path) -> None:
    around, middleware = evolution(), needs("nni.nas.strategy.middleware")
    whole = middleware.Chain(around, middleware.Filter(lambda model: True)) if chained else around
    strategy = zc.WarmUp(proxy=parameters, pool=30, evaluate=6, around=whole)
    made.run(tmp_path, made.space(), Pretended(), strategy, 14, continue_on_failure=True)
    scores = strategy.state_dict()["scores"]
    first = [key for key, _ in strategy.history][:6]
    assert len(set(first)) == 6 and sorted((scores[key] for key in first), reverse=True) == [
        scores[key] for key in first
    ]
    assert all(scores[key] <= scores[first[-1]] for key in scores if key not in first)
    assert len(strategy.history) == 14
    # It knows them: of those with a metric its population is made.
    assert len(around._population) == 6 and "RegularizedEvolution" in repr(strategy)
    assert strategy.agreement().n == sum(fitness is not None for key, fitness in strategy.history if key in scores)


def test_what_nni_draws_at_random_fills_the_population_up(tmp_path: Path) -> None:
    strategy = zc.WarmUp(proxy=parameters, pool=9, evaluate=3, around=nni_strategies.Random(seed=0))
    made.run(tmp_path, made.space(), Pretended(), strategy, 10, continue_on_failure=True)
    assert len({key for key, _ in strategy.history}) == 10
    assert sum(key in strategy.state_dict()["scores"] for key, _ in strategy.history) >= 3


def test_a_strategy_that_draws_nothing_begins_after_the_warm_up(tmp_path: Path) -> None:
    strategy = zc.WarmUp(proxy=parameters, pool=9, evaluate=3, around=nni_strategies.GridSearch(seed=0))
    made.run(tmp_path, made.space(), Pretended(), strategy, 8, continue_on_failure=True)
    assert len(strategy.history) == 8


def test_a_warm_up_around_nnis_own_is_resumed(tmp_path: Path) -> None:
    for cut in (4, 10):

        def warm_up() -> Any:
            return zc.WarmUp(proxy=parameters, pool=30, evaluate=6, seed=2, around=evolution(dedup=False))

        first, evaluator = warm_up(), Pretended(interrupt=cut)
        begun = made.experiment(tmp_path / str(cut), made.space(), evaluator, first, 14, continue_on_failure=True)
        assert not begun.run()
        again = warm_up()
        resumed = made.experiment(tmp_path / str(cut), made.space(), Pretended(), again, 14, continue_on_failure=True)
        assert resumed.resume()
        resumed.stop()
        assert again.history[: cut - 1] == first.history[: cut - 1] and len(again.history) == 13
        if cut == 4:  # what was under way is of the pool, and evaluated
            assert evaluator.asked[-1] in dict(again.history)


def test_what_submits_no_models_cannot_follow() -> None:
    with pytest.raises(ValueError, match="DARTS trains one network with all choices in it"):
        zc.WarmUp(proxy=parameters, around=nni_strategies.DARTS())


def test_a_state_may_come_before_the_model_space(tmp_path: Path) -> None:
    engine = execution.SequentialExecutionEngine(max_model_count=12)
    space = spaces.SimplifiedModelSpace.from_model(made.space(), Pretended())
    whole, first, again = (zc.AgingEvolution(seed=1, **SMALL) for _ in range(3))
    with pytest.raises(RuntimeError, match="has not been run"):
        first.list_models()
    assert first.state_dict() == {}
    first(space, engine)
    again.load_state_dict(first.state_dict())
    assert again.state_dict() == first.state_dict()
    engine.max_model_count += 5
    again(space, engine)
    whole(space, execution.SequentialExecutionEngine(max_model_count=17))
    assert again.history == whole.history
    with pytest.raises(ValueError, match="cannot be continued"):
        other = zc.RandomSearch()
        other.load_state_dict(first.state_dict())
        other(space, execution.SequentialExecutionEngine(max_model_count=1))


@pytest.mark.parametrize("name", ["AgingEvolution", "Area", "WarmUp"])
def test_an_interrupted_experiment_is_resumed(name: str, tmp_path: Path) -> None:
    whole, *_ = hosted(name)
    made.run(tmp_path / "whole", made.space(), Pretended(), whole, 20)
    first = made.experiment(tmp_path / "cut", made.space(), Pretended(interrupt=9), hosted(name)[0], 20)
    assert not first.run()
    again, evaluator = hosted(name)[0], Pretended()
    resumed = made.experiment(tmp_path / "cut", made.space(), evaluator, again, 20)
    assert resumed.resume()
    resumed.stop()
    # The interrupted evaluation took one of the engine's twenty.
    assert again.history == whole.history[:19]
    assert evaluator.asked == [key for key, _ in whole.history[8:19]]
    best = max(scored(again.history), key=lambda each: each[1])
    (top,) = resumed.export_top_models(1)
    assert (zc.key_of(top.sample), top.metric) == best
    json.dumps(again.state_dict(), allow_nan=False)


@pytest.mark.parametrize("name", ["AgingEvolution", "Area", "WarmUp"])
def test_checkpoints_of_earlier_releases_are_continued(name: str, tmp_path: Path) -> None:
    """Written in the midst of the ninth evaluation, before both hosts had one session."""
    histories = json.loads((STATES / "nni_histories.json").read_text(encoding="utf-8"))
    # NNI resumes experiments alone that it has on its list.
    begun = made.experiment(tmp_path, made.space(), Pretended(interrupt=1), zc.RandomSearch(), 20)
    assert not begun.run()
    shutil.copy(STATES / f"nni_{name}.ckpt.torch", tmp_path / "made" / "checkpoint" / "state.ckpt.torch")
    again, evaluator = hosted(name)[0], Pretended()
    resumed = made.experiment(tmp_path, made.space(), evaluator, again, 20)
    assert resumed.resume()
    resumed.stop()
    assert [list(trial) for trial in again.history] == histories[name]
    assert evaluator.asked == [key for key, _ in histories[name][8:]]


def test_states_of_another_strategy_are_refused(tmp_path: Path) -> None:
    made.run(tmp_path, made.space(), Pretended(), one := zc.RandomSearch(), 3)
    made.run(tmp_path, made.space(), Pretended(), other := zc.AgingEvolution(**SMALL), 3)
    with pytest.raises(ValueError, match="cannot be continued"):
        other.load_state_dict(one.state_dict())


def test_several_may_be_under_way() -> None:
    """An engine that begins four before the first ends, and ends the last one first."""
    engine = Crowded()
    strategy = zc.AgingEvolution(seed=1, **SMALL)
    strategy(spaces.SimplifiedModelSpace.from_model(made.space()), engine)
    assert len(strategy.history) == 20
    assert strategy.state_dict()["waiting"] == []
    assert [key for key, _ in strategy.history] == engine.ended


class Crowded(execution.ExecutionEngine):  # type: ignore[misc]
    """Runs models in crowds of four."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Any] = []
        self.models: list[Any] = []
        self.ended: list[str] = []

    def submit_models(self, *models: Any) -> None:
        self.open += models
        self.models += models
        if len(self.open) == 4:
            for model in reversed(self.open):
                self.ended.append(zc.key_of(model.sample))
                self.dispatch_model_event("final_metric", model=model, metric=1.0)
                self.dispatch_model_event("training_end", model=model, status=spaces.ModelStatus.Trained)
            self.open = []

    def list_models(self, status: Any = None) -> Any:
        return self.models

    def idle_worker_available(self) -> bool:
        return True

    def budget_available(self) -> bool:
        return len(self.models) < 20


def test_a_script_of_ones_own_changes_two_lines(tmp_path: Path) -> None:
    from tests.hosts.nni.test_samples import own_space

    def judged(model: Any) -> None:
        nni.report_final_result(float(sum(each.numel() for each in model.parameters())))

    loader = torch.utils.data.DataLoader([(torch.randn(3, 8, 8), 0) for _ in range(8)], batch_size=4)
    strategy = zc.WarmUp(proxy="synflow", batch=loader, pool=9, evaluate=3, distinct=True, around="aging_evolution")
    made.run(tmp_path, own_space(), evaluator_module.FunctionalEvaluator(judged), strategy, 12)
    assert len(strategy.history) == 12
    best = list(strategy.state_dict()["scores"].values())
    assert {key for key, _ in strategy.history[:3]} <= set(strategy.state_dict()["scores"])
    assert strategy.state_dict()["scores"][strategy.history[0][0]] == max(best)
