"""ProxySampler: what it chooses, where that stands, and what it leaves to the sampler inside."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import naslib_zc_plugin as zc
from tests.hosts.optuna import made
from tests.hosts.optuna.needs import needs

optuna = needs("optuna")
from optuna.samplers import (  # noqa: E402
    BruteForceSampler,
    CmaEsSampler,
    GPSampler,
    GridSampler,
    NSGAIIISampler,
    NSGAIISampler,
    PartialFixedSampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)

from naslib_zc_plugin.candidates import built  # noqa: E402
from naslib_zc_plugin.hosts.optuna import ProxySampler, agreement  # noqa: E402
from naslib_zc_plugin.strategies import AllFailed  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.fixture(autouse=True)
def quiet() -> Any:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


@pytest.mark.parametrize(
    "around",
    [RandomSampler(seed=1), TPESampler(seed=1, n_startup_trials=3), TPESampler(seed=1, n_startup_trials=3, group=True),
     NSGAIISampler(population_size=3, seed=1)],
)  # fmt: skip
def test_every_choice_is_the_best_of_what_the_sampler_inside_suggests(around: Any) -> None:
    drawn: list[tuple[float, dict[str, Any]]] = []

    def build(trial: Any) -> nn.Module:
        net = made.build(trial)
        drawn.append((made.parameters(net), dict(trial.params)))
        return net

    study = made.study(ProxySampler(build, proxy=made.size, candidates=5, around=around))
    for _ in range(10):
        drawn.clear()
        study.optimize(made.objective, n_trials=1)
        trial, before = study.trials[-1], study.trials[:-1]
        assert len(drawn) == 5
        new = [each for each in drawn if not any(each[1] == made.key(old.params) for old in before)]
        best, params = max(new or drawn, key=lambda each: each[0])
        assert made.key(trial.params) == params
        assert 1e-4 <= trial.params["lr"] <= 1e-1
        assert trial.user_attrs == {"zc_size": best, "zc_by": "sampler"}


def test_a_real_proxy_gives_the_score_that_it_gives_alone() -> None:
    study = made.study(
        ProxySampler(made.build, batch=made.BATCH, proxy="synflow", candidates=3, around=TPESampler(seed=0))
    )
    study.optimize(made.objective, n_trials=2)
    for trial in study.trials:
        net = built(lambda trial=trial: made.build(optuna.trial.FixedTrial(trial.params)), 0)
        assert trial.user_attrs["zc_synflow"] == zc.score(net, made.BATCH, ["synflow"], seed=0)["synflow"].value
    assert "user_attrs_zc_synflow" in study.trials_dataframe()


def test_a_lower_score_can_be_the_better() -> None:
    scores: list[float] = []

    def build(trial: Any) -> nn.Module:
        net = made.build(trial)
        scores.append(-zc.score(net, made.BATCH, ["ntk"])["ntk"].value)  # type: ignore[operator]
        return net

    sampler = ProxySampler(build, batch=made.BATCH, proxy="ntk", candidates=3, around=RandomSampler(seed=3))
    study = made.study(sampler)
    study.optimize(made.objective, n_trials=1)
    assert study.trials[0].user_attrs["zc_ntk"] == pytest.approx(max(scores[:3]))


def test_an_aggregate_ranks_in_a_sample_that_is_kept_with_the_study() -> None:
    storage = optuna.storages.InMemoryStorage()
    options: Any = {"batch": made.BATCH, "proxy": "log_rank_sum:synflow,params", "candidates": 2, "sample": 6}
    study = made.study(ProxySampler(made.build, around=RandomSampler(seed=0), **options), storage=storage)
    study.optimize(made.objective, n_trials=1)
    (name,) = set(optuna.get_all_study_names(storage)) - {study.study_name}
    assert name == f"{study.study_name} (zero-cost sample log_rank_sum(synflow, params))"
    kept = optuna.load_study(study_name=name, storage=storage).user_attrs["sample"]
    assert len(kept["values"]) == 6 and len(kept["reference"]["scores"]["params"]) == 6
    assert "zc_log_rank_sum(synflow, params)" in study.trials[0].user_attrs
    study.sampler = ProxySampler(made.build, around=RandomSampler(seed=0), **{**options, "sample": 7})
    with pytest.raises(ValueError, match="was made with .*'sample': 6.* asked for with .*'sample': 7"):
        study.optimize(made.objective, n_trials=1)


def test_enqueued_trials_are_left_alone_and_cost_no_score() -> None:
    study = made.study(ProxySampler(made.build, proxy=made.size, candidates=4, around=RandomSampler(seed=0)))
    params = {"width": 2, "depth": 1, "kernel0": 1}
    study.enqueue_trial(params)
    study.enqueue_trial({"lr": 0.01})
    made.CALLS.clear()
    study.optimize(made.objective, n_trials=2)
    assert not made.CALLS
    assert made.key(study.trials[0].params) == params and study.trials[1].params["lr"] == 0.01
    assert not study.trials[0].user_attrs and not study.trials[1].user_attrs


def test_what_is_evaluated_is_passed_over_while_there_is_another() -> None:
    def two(trial: Any) -> nn.Module:
        return nn.Linear(trial.suggest_categorical("width", [1, 2]), 1)

    study = made.study(ProxySampler(two, proxy=made.size, candidates=20, around=RandomSampler(seed=0)))
    study.optimize(lambda trial: float(two(trial).in_features), n_trials=3)
    assert [trial.params["width"] for trial in study.trials] == [2, 1, 2]


def test_threads_share_a_study() -> None:
    study = made.study(ProxySampler(made.build, proxy=made.size, candidates=4, around=TPESampler(n_startup_trials=4)))

    def objective(trial: Any) -> float:
        assert made.parameters(made.build(trial)) == study._storage.get_trial(trial._trial_id).user_attrs["zc_size"]
        return made.objective(trial)

    study.optimize(objective, n_trials=16, n_jobs=2)
    assert {trial.state for trial in study.trials} == {optuna.trial.TrialState.COMPLETE}
    assert all(trial.user_attrs["zc_by"] == "sampler" for trial in study.trials)


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_a_storage_keeps_the_choices(kind: str, tmp_path: Path) -> None:
    def chosen(storage: Any) -> list[dict[str, Any]]:
        study = made.study(
            ProxySampler(made.build, proxy=made.size, candidates=3, around=TPESampler(seed=5, n_startup_trials=2)),
            storage=storage,
        )
        study.optimize(made.objective, n_trials=4)
        return [trial.params for trial in study.trials]

    with made.storage(kind, tmp_path) as kept:
        assert chosen(kept) == chosen(None)


def test_one_candidate_is_the_sampler_inside() -> None:
    def params(sampler: Any) -> list[dict[str, Any]]:
        study = made.study(sampler)
        study.optimize(made.objective, n_trials=14)
        return [trial.params for trial in study.trials]

    made.CALLS.clear()
    alone = params(TPESampler(seed=2))
    assert params(ProxySampler(made.build, proxy=made.size, candidates=1, around=TPESampler(seed=2))) == alone
    assert not made.CALLS


def test_an_objective_that_asks_otherwise_is_told() -> None:
    study = made.study(ProxySampler(made.build, proxy=made.size, candidates=2, around=RandomSampler(seed=0)))
    with made.logged() as told:
        study.optimize(lambda trial: trial.suggest_categorical("width", [2, 4, 8, 16]), n_trials=1)
    assert told[0].startswith(
        "the objective asks for width of CategoricalDistribution(choices=(2, 4, 8, 16)), and build"
    )
    assert study.trials[0].user_attrs == {"zc_size": None, "zc_by": None}


# Inner samplers --------------------


@pytest.mark.parametrize(
    "around",
    [GridSampler({"width": [1]}), BruteForceSampler(), QMCSampler(), GPSampler,
     CmaEsSampler, ProxySampler(made.build, proxy=made.size),
     PartialFixedSampler({"width": 2}, BruteForceSampler())],
)  # fmt: skip
def test_other_samplers_are_refused_in_words(around: Any) -> None:
    if isinstance(around, type):
        around = object.__new__(around)  # their packages are not installed
    with pytest.raises(ValueError, match="several candidates of a trial, and .* does not give them.*NSGAIISampler"):
        ProxySampler(made.build, proxy=made.size, around=around)


@pytest.mark.parametrize("around", [NSGAIIISampler(), PartialFixedSampler({"width": 2}, TPESampler(seed=0)), None])
def test_these_are_taken(around: Any) -> None:
    study = made.study(ProxySampler(made.build, proxy=made.size, candidates=3, around=around))
    study.optimize(made.objective, n_trials=2)
    if isinstance(around, PartialFixedSampler):
        assert {trial.params["width"] for trial in study.trials} == {2}


def test_several_objectives() -> None:
    study = made.study(
        ProxySampler(made.build, proxy=made.size, candidates=3, around=NSGAIISampler(population_size=3, seed=0)),
        direction=None, directions=["maximize", "minimize"],
    )  # fmt: skip
    study.optimize(lambda trial: (made.objective(trial), float(made.parameters(made.build(trial)))), n_trials=8)
    assert len(study.trials) == 8 and study.best_trials
    assert agreement(study, "size").n == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": 0}, "candidates must be a whole number"),
        ({"trust": "never"}, "trust must be 'always' or 'auto'"),
        ({"if_all_fail": "x"}, "if_all_fail must be"),
        ({"proxy": "naswot"}, "naswot needs batch="),
        ({"proxy": "naswott", "batch": made.BATCH}, "did you mean naswot"),
        ({"constraints": {"params": "few"}, "batch": made.BATCH}, "the limit of params must be a number"),
    ],
)
def test_mistakes_are_told_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ProxySampler(made.build, **{"proxy": made.size, **options})


# What goes wrong --------------------


def broken(trial: Any) -> nn.Module:
    made.build(trial)
    raise RuntimeError("no such layer")


def no_module(trial: Any) -> Any:
    made.build(trial)
    return "a network"


@pytest.mark.parametrize(
    ("build", "proxy", "reason"),
    [
        (broken, made.size, r"build raised RuntimeError: no such layer \(for width=\d+, depth="),
        (no_module, made.size, "build must return a torch.nn.Module: the function returned a str"),
        (made.build, made.nothing, "the score is nan"),
        (made.build, "head_importance", "head_importance is undefined: "),
    ],
)
def test_a_proxy_that_fails_on_all_is_no_silent_random_search(build: Any, proxy: Any, reason: str) -> None:
    sampler = ProxySampler(build, batch=made.BATCH, proxy=proxy, candidates=3, around=RandomSampler(seed=0))
    with pytest.raises(AllFailed, match=f"scores none of 3 candidates: .*{reason}.*if_all_fail='go_on'"):
        made.study(sampler).optimize(made.objective, n_trials=1)


def test_it_goes_on_where_that_is_wished() -> None:
    sampler = ProxySampler(
        made.build, proxy=made.nothing, candidates=3, around=RandomSampler(seed=0), if_all_fail="go_on"
    )
    study = made.study(sampler)
    with made.logged() as told:
        study.optimize(made.objective, n_trials=2)
    assert len(told) == 2 and all("scores none of 3 candidates" in line for line in told)
    assert not study.trials[0].user_attrs


def test_candidates_that_cannot_be_built_are_passed_over() -> None:
    def build(trial: Any) -> nn.Module:
        net = made.build(trial)
        if trial.params["width"] == 8:
            raise ValueError("too wide")
        return net

    study = made.study(ProxySampler(build, proxy=made.size, candidates=8, around=RandomSampler(seed=0)))
    study.optimize(made.objective, n_trials=4)
    assert all(trial.params["width"] < 8 for trial in study.trials)


def test_random_states_stay_as_they_were() -> None:
    study = made.study(ProxySampler(made.build, proxy=made.size, candidates=3, around=RandomSampler(seed=0)))
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    study.ask().suggest_categorical("width", made.CHANNELS)
    assert torch.equal(torch.rand(3), wanted)


# Trust --------------------


@pytest.mark.parametrize(("proxy", "kept"), [(made.size, True), (made.smallness, False)])
def test_trust_is_lost_where_the_results_do_not_agree(proxy: Any, kept: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    sampler = ProxySampler(made.build, proxy=proxy, candidates=3, around=RandomSampler(seed=0), trust="auto")
    study = made.study(sampler)
    study.optimize(made.objective, n_trials=20)
    made.CALLS.clear()
    study.optimize(made.objective, n_trials=4)
    assert bool(made.CALLS) == kept
    lost = f"zc_{proxy.__name__}_lost"
    assert (lost in study.user_attrs) != kept and ("no longer followed" in caplog.text) != kept
    assert ((agreement(study, proxy.__name__).tau or 0) > 0) == kept
    again = made.study(sampler, storage=study._storage, study_name=study.study_name, load_if_exists=True)
    again.optimize(made.objective, n_trials=1)
    assert (again.trials[-1].user_attrs != {}) == kept


def test_lower_values_are_better_where_a_study_minimizes() -> None:
    study = made.study(
        ProxySampler(made.build, proxy=made.size, candidates=2, around=RandomSampler(seed=0)), direction="minimize"
    )
    study.optimize(lambda trial: -made.objective(trial), n_trials=8)
    assert (agreement(study, "size").tau or 0) > 0.5
