"""prune compares with a fixed random sample; constrain with limits; a proxy as a further objective."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from tests.hosts.optuna import made
from tests.hosts.optuna.needs import needs

optuna = needs("optuna")
from optuna.samplers import RandomSampler, TPESampler  # noqa: E402
from optuna.trial import TrialState  # noqa: E402

from naslib_zc_plugin.hosts.optuna import ProxySampler, constrain, proxy_score, prune, warm_up  # noqa: E402
from naslib_zc_plugin.hosts.optuna.candidates import CandidateTrial, at_random  # noqa: E402
from naslib_zc_plugin.passes.seeding import derived_seed  # noqa: E402
from naslib_zc_plugin.strategies import AllFailed, NoScore  # noqa: E402


def pruning(**options: Any) -> Any:
    def objective(trial: Any) -> float:
        prune(trial, made.build(trial), **{"proxy": made.size, "build": made.build, "sample": 20, **options})
        return made.objective(trial)

    return objective


def sizes_of_the_sample() -> list[int]:
    """What a random sample of 20 has, counted without the host's scoring."""
    places = range(20)
    trials = [CandidateTrial(at_random(derived_seed(0, "sample", str(place)) % 2**32)) for place in places]
    return sorted((made.parameters(made.build(trial)) for trial in trials), reverse=True)


def test_a_network_passes_that_is_among_the_best_of_the_sample() -> None:
    study = made.study(RandomSampler(seed=0))
    study.optimize(pruning(keep=0.3), n_trials=30)
    bound = sizes_of_the_sample()[5]  # the sixth of 20
    for trial in study.trials:
        passes = trial.user_attrs["zc_size"] >= bound
        assert trial.state == (TrialState.COMPLETE if passes else TrialState.PRUNED)
        assert ("zc_pruned" in trial.user_attrs) != passes and ("lr" in trial.params) == passes
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED}


def test_the_sample_is_drawn_once_and_does_not_depend_on_what_is_scored() -> None:
    study = made.study(RandomSampler(seed=0))
    made.CALLS.clear()
    study.optimize(pruning(keep=0.5), n_trials=2)
    study.optimize(pruning(keep=0.5, build=None), n_trials=2)
    assert len(made.CALLS) == 20 + 4
    names = optuna.get_all_study_names(study._storage)
    assert names == [study.study_name, f"{study.study_name} (zero-cost sample size)"]


def test_what_was_enqueued_or_chosen_by_a_proxy_is_never_ended() -> None:
    study = made.study(ProxySampler(made.build, proxy=made.smallness, candidates=6, around=RandomSampler(seed=0)))
    warm_up(study, made.build, proxy=made.smallness, pool=6, evaluate=3)
    study.enqueue_trial({"width": 2, "depth": 1, "kernel0": 1})
    study.optimize(pruning(keep=0.1), n_trials=10)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    assert [trial.user_attrs.get("zc_by") for trial in study.trials] == ["warm_up"] * 3 + [None] + ["sampler"] * 6


def test_ended_trials_are_kept_from_a_sampler_in_a_proxy_sampler() -> None:
    seen: list[set[TrialState]] = []

    class Watching(TPESampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            seen.append({each.state for each in study.get_trials()} - {TrialState.RUNNING})
            return super().infer_relative_search_space(study, trial)

    study = made.study(ProxySampler(made.build, proxy=made.size, candidates=1, around=Watching(seed=0)))
    study.optimize(pruning(build=None), n_trials=10)
    assert TrialState.PRUNED in {trial.state for trial in study.trials}
    assert seen and set.union(*seen) <= {TrialState.COMPLETE}


def test_the_first_batch_of_a_loader_is_taken_once() -> None:
    class Loader:
        def __init__(self) -> None:
            self.begun = 0

        def __iter__(self) -> Any:
            self.begun += 1
            return iter([made.BATCH])

    loader, study = Loader(), made.study(RandomSampler(seed=0))
    study.optimize(pruning(batch=loader, proxy="params", sample=3, keep=1.0), n_trials=3)
    assert loader.begun == 1 and {trial.state for trial in study.trials} <= {TrialState.COMPLETE, TrialState.PRUNED}


def test_a_network_whose_scoring_fails_is_trained_and_an_undefined_one_is_not() -> None:
    def proxy(net: nn.Module) -> float:
        if len(net) == 6:  # one block
            raise RuntimeError("out of memory")
        return float("nan") if len(net) == 8 else made.size(net)

    study = made.study()
    for depth in (1, 2, 3):
        net = made.build(optuna.trial.FixedTrial({**dict.fromkeys(KERNELS, 3), "width": 8, "depth": depth}))
        fresh = study.ask()
        if depth == 2:
            with pytest.raises(optuna.TrialPruned, match="proxy -inf is below"):
                prune(fresh, net, proxy=proxy, build=made.build, sample=20)
        else:
            prune(fresh, net, proxy=proxy, build=made.build, sample=20)
        reason = study._storage.get_trial(fresh._trial_id).user_attrs.get("zc_reason")
        assert reason == {1: "RuntimeError: out of memory", 2: "the score is nan", 3: None}[depth]


def test_an_aggregate() -> None:
    study = made.study(RandomSampler(seed=0))
    options: Any = {"batch": made.BATCH, "proxy": "log_rank_sum:params,flops", "sample": 8, "keep": 0.4}
    study.optimize(pruning(**options), n_trials=8)
    label = "zc_log_rank_sum(params, flops)"
    by_state = {state: [t.user_attrs[label] for t in study.trials if t.state == state] for state in TrialState}
    assert min(by_state[TrialState.COMPLETE]) > max(by_state[TrialState.PRUNED])


def test_trust_is_lost() -> None:
    study = made.study(RandomSampler(seed=0))
    study.optimize(pruning(proxy=made.smallness, keep=0.9, trust="auto"), n_trials=40)
    assert "zc_smallness_lost" in study.user_attrs
    made.CALLS.clear()
    study.optimize(pruning(proxy=made.smallness, keep=0.01, trust="auto"), n_trials=3)
    assert not made.CALLS and all(trial.state == TrialState.COMPLETE for trial in study.trials[-3:])


def test_mistakes_are_told() -> None:
    study = made.study(RandomSampler(seed=0))
    for keep in (0, 1.5, True):
        with pytest.raises(ValueError, match="keep is the share"):
            study.optimize(pruning(keep=keep), n_trials=1)
    with pytest.raises(ValueError, match="there is none yet: give build="):
        study.optimize(pruning(build=None), n_trials=1)
    with pytest.raises(AllFailed, match="nothing scores none of 20 random networks: the score is nan"):
        study.optimize(pruning(proxy=made.nothing), n_trials=1)
    assert optuna.get_all_study_names(study._storage) == [study.study_name]  # free for another attempt


def test_a_trial_without_a_study_is_left_alone() -> None:
    trial = optuna.trial.FixedTrial({"width": 2, "depth": 1, "kernel0": 1, "lr": 0.01})
    assert pruning(keep=0.01)(trial) == made.objective(trial)


# Constraints --------------------

KERNELS = ["kernel0", "kernel1", "kernel2"]
LIMITS = {"params": "<= 300", "blocks": (lambda net: (len(net) - 4) / 2, 2)}


def constrained(trial: Any) -> float:
    constrain(trial, made.build(trial), LIMITS, batch=made.BATCH)
    return made.objective(trial)


def feasible(trial: Any) -> bool:
    return made.parameters(made.build(optuna.trial.FixedTrial(trial.params))) <= 300 and trial.params["depth"] <= 2


def test_constraints_are_optunas_own_and_end_a_trial_before_training() -> None:
    study = made.study(TPESampler(seed=0))
    study.optimize(constrained, n_trials=15)
    for trial in study.trials:
        size = made.parameters(made.build(optuna.trial.FixedTrial(trial.params)))
        assert trial.constraints == {"params": size - 300, "blocks": trial.params["depth"] - 2}
        assert trial.user_attrs["zc_params"] == size and trial.user_attrs["zc_blocks"] == trial.params["depth"]
        assert trial.state == (TrialState.COMPLETE if feasible(trial) else TrialState.PRUNED)
    assert {feasible(trial) for trial in study.trials} == {True, False} and feasible(study.best_trial)


def test_the_sampler_draws_again_what_is_beyond_and_scores_only_what_is_not() -> None:
    sampler = ProxySampler(
        made.build, batch=made.BATCH, proxy=made.size, candidates=3, around=RandomSampler(seed=0), constraints=LIMITS
    )
    study = made.study(sampler)
    study.optimize(constrained, n_trials=8)
    assert all(feasible(trial) for trial in study.trials)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}


def test_draws_are_bounded_and_the_nearest_is_taken() -> None:
    sampler = ProxySampler(
        made.build, batch=made.BATCH, proxy=made.size, candidates=2, around=RandomSampler(seed=0),
        constraints={"params": "<= 1"}, redraws=2,
    )  # fmt: skip
    study = made.study(sampler)
    with made.logged() as told:
        study.optimize(made.objective, n_trials=1)
    assert told[0].startswith("none of 2 candidates, each drawn 3 times, keeps the limits: params")
    assert study.trials[0].user_attrs == {}


def test_a_warm_up_keeps_the_limits() -> None:
    study = made.study(RandomSampler(seed=0))
    options: Any = {"batch": made.BATCH, "constraints": {"params": ">= 200"}, "redraws": 50}
    assert warm_up(study, made.build, proxy=made.smallness, pool=12, evaluate=4, **options) == 4
    study.optimize(made.objective, n_trials=4)
    assert all(-trial.user_attrs["zc_smallness"] >= 200 for trial in study.trials)


def test_measures_without_a_value_are_told() -> None:
    trial = optuna.trial.FixedTrial({"width": 2, "depth": 1, "kernel0": 1})
    net = made.build(trial)
    with pytest.raises(ValueError, match="latency of the network is nan"):
        constrain(trial, net, {"latency": (made.nothing, 3)})
    with pytest.raises(ValueError, match="recommended is a rank among networks"):
        constrain(trial, net, {"recommended": 3}, batch=made.BATCH)
    with pytest.raises(ValueError, match="params needs batch="):
        constrain(trial, net, {"params": 3})


def test_constraints_can_be_set_without_ending_a_trial() -> None:
    study = made.study(RandomSampler(seed=0))
    trial = study.ask()
    measured = constrain(trial, made.build(trial), {"params": 1.0}, batch=made.BATCH, end=False)
    assert trial.constraints == {"params": measured["params"] - 1}


# A proxy as a further objective --------------------


def test_a_score_is_an_objective() -> None:
    study = made.study(RandomSampler(seed=0), direction=None, directions=["maximize", "maximize"])

    def objective(trial: Any) -> tuple[float, float]:
        net = made.build(trial)
        options: Any = {"batch": made.BATCH, "proxy": "log_rank_sum:params", "sample": 5, "build": made.build}
        return made.objective(trial), proxy_score(trial, net, **options)

    study.optimize(objective, n_trials=3)
    assert all(trial.values[1] == trial.user_attrs["zc_log_rank_sum(params)"] for trial in study.trials)
    fixed = optuna.trial.FixedTrial({"width": 2, "depth": 1, "kernel0": 1})
    assert proxy_score(fixed, made.build(fixed), proxy=made.size) == made.parameters(made.build(fixed))
    with pytest.raises(NoScore, match="the trial is of none"):
        proxy_score(fixed, made.build(fixed), batch=made.BATCH)
