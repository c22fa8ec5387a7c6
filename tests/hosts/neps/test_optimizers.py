"""What a proxy chooses in NePS's runs."""

from __future__ import annotations

import logging
import math
import random
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import naslib_zc_plugin as zc
from naslib_zc_plugin.strategies import AllFailed, proxy_agreement
from tests.hosts.neps.needs import needs

neps = needs("neps")
host = needs("naslib_zc_plugin.hosts.neps")
made = needs("tests.hosts.neps.made")
pipelines = needs("naslib_zc_plugin.hosts.neps.pipelines")


def values(config: Any) -> dict[str, Any]:
    """The arguments of a configuration of plain values."""
    return dict(pipelines.Pipelines(made.Widths(), made.perceptron).arguments(config))


def weights(config: Any) -> float:
    found = values(config)
    return float(made.weights(found["first"], found["second"]))


def asked(optimizer: Any, count: int, space: Any = None, objective: Any = None) -> list[Any]:
    """The trials that an optimizer asks for outside of a run."""
    random.seed(3)
    search = neps.AskAndTell(optimizer(made.Widths() if space is None else space))
    for _ in range(count):
        trial = search.ask()
        search.tell(trial, made.train(**values(trial.config)) if objective is None else objective(trial.config))
    return list(search.trials.values())


# The warm-up --------------------


def test_the_best_of_the_pool_are_trained_first(tmp_path: Path) -> None:
    trials = made.run(tmp_path / "run", made.guided(pool=40, evaluate=5, seed=2), 8)
    drawn = pipelines.Pipelines(made.Widths(), made.perceptron).draw(40, 2, "pool")
    sizes = sorted({tuple(values(c)[n] for n in ("first", "second")): weights(c) for c in drawn}.values())
    assert [weights(trial.config) for trial in trials[:5]] == sizes[:-6:-1]
    assert [each.by for each in host.read_trials(tmp_path / "run")] == ["warm_up"] * 5 + ["around"] * 3
    assert list(host.read_scores(tmp_path / "run").values())[:5] == sizes[:-6:-1]


def test_each_network_is_scored_and_warmed_up_once(tmp_path: Path) -> None:
    made.run(tmp_path / "run", made.guided(pool=300, evaluate=10, around="random_search"), 10)
    names = [line["network"] for line in made.lines_of(tmp_path / "run") if "scores" in line]
    assert len(names) == len(set(names)) <= 64
    proposed = [each.network for each in host.read_trials(tmp_path / "run")]
    assert len(set(proposed)) == 10


def test_an_aggregate_ranks_in_a_sample_that_stays(tmp_path: Path) -> None:
    options = {"proxy": "log_rank_sum:params,flops", "shape": (3, 2, 2), "sample": 8, "batch_size": 2}
    optimizer = made.guided(pool=12, evaluate=3, **options)
    made.run(tmp_path / "run", optimizer, 2)
    made.run(tmp_path / "run", optimizer, 4)
    alone = made.run(tmp_path / "alone", optimizer, 4)
    assert [trial.config for trial in made.trials_of(tmp_path / "run")] == [trial.config for trial in alone]
    assert host.read_scores(tmp_path / "run") == host.read_scores(tmp_path / "alone")
    assert weights(alone[0].config) == max(weights(trial.config) for trial in alone[:3])


def test_an_architecture_of_operations_is_scored(tmp_path: Path) -> None:
    optimizer = made.guided(proxy="synflow", build=None, shape=(3, 2, 2), batch_size=2, pool=6, evaluate=2)
    trials = made.run(tmp_path / "run", optimizer, 3, made.Cells(), lambda model, lr: lr)
    first, second = list(host.read_scores(tmp_path / "run").values())[:2]
    assert first is not None and second is not None and first >= second
    assert all(trial.report.err is None for trial in trials)


def test_what_is_trained_is_trained_in_full(tmp_path: Path) -> None:
    around = {"name": "proxy_candidates", "candidates": 3}
    optimizer = made.guided(pool=20, evaluate=2, around=around)
    trials = made.run(tmp_path / "run", optimizer, 4, made.Trained())
    assert [trial.config["ENVIRONMENT__epochs"] for trial in trials] == [9] * 4
    assert [trial.report.objective_to_minimize for trial in trials] == [
        made.train(**values({k: v for k, v in trial.config.items() if "epochs" not in k})) for trial in trials
    ]  # no score among the results


def test_several_at_once(tmp_path: Path) -> None:
    trials = made.run(tmp_path / "run", made.guided(pool=40, evaluate=5), 9, sample_batch_size=3)
    assert [trial.id for trial in trials] == [str(number + 1) for number in range(len(trials))]
    proposed = host.read_trials(tmp_path / "run")
    assert [each.by for each in proposed[:6]] == ["warm_up"] * 5 + ["around"]
    assert len({each.network for each in proposed[:5]}) == 5


def test_results_from_elsewhere_are_not_trained_again(tmp_path: Path) -> None:
    optimizer = made.guided(pool=40, evaluate=3)
    best = max(pipelines.Pipelines(made.Widths(), made.perceptron).draw(40, 0, "pool"), key=weights)
    config = {name: value for name, value in best.items() if name.startswith("SAMPLING")}
    neps.import_trials([(config, {"objective_to_minimize": 1.0})], tmp_path / "run", made.Widths(), optimizer=optimizer)
    trials = made.run(tmp_path / "run", optimizer, 4)
    assert [weights(trial.config) == weights(best) for trial in trials] == [True, False, False, False]
    assert weights(trials[1].config) >= weights(trials[2].config)


# Candidates --------------------


def test_the_best_candidate_is_trained(tmp_path: Path) -> None:
    many = made.run(tmp_path / "many", made.guided("ProxyCandidates", candidates=20, around="random_search"), 4)
    assert {each.by for each in host.read_trials(tmp_path / "many")} == {"candidates"}
    one = made.run(tmp_path / "one", made.guided("ProxyCandidates", candidates=1, around="random_search"), 4)
    plain = made.run(tmp_path / "plain", "neps_random_search", 4)
    assert [trial.config for trial in one] == [trial.config for trial in plain]
    assert sum(weights(trial.config) for trial in many) > sum(weights(trial.config) for trial in one)
    assert len({each.network for each in host.read_trials(tmp_path / "many")}) == 4


def test_evolution_changes_what_it_has_evaluated() -> None:
    """One choice of a parent is drawn anew; of NePS 0.17 by itself all are."""
    evolution = {
        "name": "neps_regularized_evolution", "population_size": 4, "tournament_size": 4, "n_mutations": 1,
        "mutation_type": "mutate_best",
    }  # fmt: skip
    trials = asked(made.guided("ProxyCandidates", candidates=1, around=evolution), 24)
    for number, trial in enumerate(trials[4:], 4):
        kept = [sum(trial.config[name] == value for name, value in t.config.items()) for t in trials[:number]]
        assert max(kept) >= 2


def test_bayesian_optimisation_knows_the_arguments_by_their_names() -> None:
    around = {"name": "bayesian_optimization", "initial_design_size": 3}
    trials = asked(made.guided("ProxyCandidates", candidates=2, around=around), 5)
    found = [values(trial.config) for trial in trials]
    assert all(1 <= each["first"] <= 16 and each["second"] in (4, 2, 8, 16) for each in found)
    inner = needs("naslib_zc_plugin.hosts.neps.optimizers")._Bayesian(made.Widths(), around["name"], {})
    for trial, shown in zip(trials, found):
        assert inner._shown(trial.config) == shown
        assert inner._config(shown) == trial.config


def test_bayesian_optimisation_needs_plain_values() -> None:
    with pytest.raises(ValueError, match="bayesian_optimization searches spaces of plain values"):
        made.guided(build=None, around="bayesian_optimization")(made.Cells())


# Trust --------------------


def test_a_random_proxy_is_left(caplog: pytest.LogCaptureFixture) -> None:
    optimizer = made.guided("ProxyCandidates", proxy=made.at_random, candidates=4, trust="auto")(made.Widths())
    random.seed(2)
    search = neps.AskAndTell(optimizer)
    chosen: list[str] = []
    optimizer._guide.record.add = lambda line: chosen.extend([line["by"]] if "trial" in line else [])
    since = []
    for _ in range(30):
        trial = search.ask()
        since.append(optimizer._guide._trust.since)  # results, after the best one
        search.tell(trial, random.Random(str(trial.config)).random())
    at = chosen.index("around")
    controls = [place % 5 == 4 or (since[place] >= 3 and place % 3 > 0) for place in range(at)]
    assert chosen[:at] == ["control" if is_control else "candidates" for is_control in controls]
    assert 0.2 < sum(controls) / at < 0.6
    assert set(chosen[at:]) == {"around"}
    assert "the proxy is no longer followed" in caplog.text


def test_a_proxy_that_agrees_is_kept(tmp_path: Path) -> None:
    optimizer = made.guided(pool=60, evaluate=25, trust="auto", around="random_search")
    made.run(tmp_path / "run", optimizer, 26, pipeline=_smaller_is_worse)
    by = [each.by for each in host.read_trials(tmp_path / "run")]
    assert by == [("control" if place % 5 == 4 else "warm_up") for place in range(26)]
    found = host.agreement(tmp_path / "run")
    scores = host.read_scores(tmp_path / "run")
    trials = [trial for trial in made.trials_of(tmp_path / "run") if scores[trial.id] is not None]
    assert found == proxy_agreement(
        [weights(trial.config) for trial in trials], [-trial.report.objective_to_minimize for trial in trials]
    )
    assert found.n >= 25 and found.low > 0


def _smaller_is_worse(first: int, second: int, lr: float) -> float:
    return -float(made.weights(first, second)) + lr


def test_scores_are_an_artifact_of_the_run() -> None:
    optimizer = made.guided(pool=20, evaluate=2)(made.Widths())
    search = neps.AskAndTell(optimizer)
    trial = search.ask()
    search.tell(trial, 1.0)
    (artifact,) = optimizer.get_trial_artifacts(search.trials)
    assert artifact.content["trials"]["1"]["score"] == weights(trial.config)
    assert artifact.content["agreement"][0] == 1


# What goes wrong --------------------


@pytest.mark.parametrize("name", ["WarmUp", "ProxyCandidates"])
def test_a_proxy_that_fails_on_all_is_no_silent_random_search(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AllFailed, match=r"none of \d+ networks has a score by fails: RuntimeError: no such score"):
        asked(made.guided(name, proxy=made.fails), 3)
    assert "no such score" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert len(asked(made.guided(name, proxy=made.fails, if_all_fail="go_on"), 3)) == 3
    assert "the search goes on without the proxy" in caplog.text


def test_a_network_that_cannot_be_built_has_no_score(tmp_path: Path) -> None:
    made.run(tmp_path / "run", made.guided(build=_small_only, pool=60, evaluate=60), 6)
    scores = list(host.read_scores(tmp_path / "run").values())
    assert all(score is not None for score in scores)
    failed = [
        line for line in made.lines_of(tmp_path / "run") if "scores" in line and not line["scores"]["size"]["value"]
    ]
    assert failed and all("ValueError: too wide" in line["scores"]["size"]["reason"] for line in failed)


def _small_only(first: int, second: int) -> Any:
    if first > 8:
        raise ValueError("too wide")
    return made.perceptron(first, second)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"proxy": "synflow", "batch": torch.zeros(2, 3)}, "batch= must be a function at the top of a module"),
        ({"proxy": lambda net: 1.0}, "proxy= must be a function at the top of a module"),
        (
            {"proxy": "synflow", "batch": "tests.hosts.neps.made:nothing"},
            "batch=tests.hosts.neps.made:nothing names no function",
        ),
        (
            {"proxy": zc.proxy("synflow"), "shape": (3, 2, 2)},
            "proxy= must be a name, or a .* not a ProxyRequest",
        ),
        ({"proxy": "synflow", "dataset": torch.zeros(2)}, "dataset= must be a name, or a mapping .* not a Tensor"),
        ({"proxy": "synflow"}, "give one of dataset= .*batch= .* and shape="),
        ({"shape": (3, 2, 2)}, "a function as proxy gets the network alone"),
        ({"proxy": "sinflow", "shape": (3, 2, 2)}, "synflow"),
        ({"pools": 3}, "the proxy has no option 'pools'"),
        ({"evaluate": 600}, "evaluate=600 of a pool of 500"),
        ({"trust": "never"}, "trust must be 'always' or 'auto'"),
        ({"around": "hyperband"}, "around='hyperband' cannot be guided"),
        ({"around": "random"}, "no optimizer 'random' to stand around; did you mean"),
        ({"around": {"name": "random_search", "populaton": 2}}, "neps_random_search has no option 'populaton'"),
        ({"around": {"name": "proxy_candidates", "candidate": 2}}, "no option 'candidate'; did you mean candidates"),
        ({"around": 3}, "around= must be the name of an optimizer"),
    ],
)
def test_wrong_options_are_said_before_anything_runs(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        made.run(tmp_path / "run", made.guided(**options), 1)
    assert not (tmp_path / "run").exists()


def test_a_batch_goes_by_its_name(tmp_path: Path) -> None:
    optimizer = made.guided(proxy="synflow", batch="tests.hosts.neps.made:noise", pool=10, evaluate=2)
    made.run(tmp_path / "run", optimizer, 1)
    text = (tmp_path / "run" / "optimizer_info.yaml").read_text()
    info = yaml.safe_load(text)
    assert info["name"] == "WarmUp" and info["info"]["batch"] == "tests.hosts.neps.made:noise"
    assert info["info"]["build"] == "tests.hosts.neps.made.perceptron" and len(text) < 500
    with pytest.raises(needs("neps.exceptions").NePSError, match="does not match the one provided"):
        made.run(tmp_path / "run", made.guided(proxy="synflow", batch=made.noise, pool=11, evaluate=2), 2)


def test_ask_and_tell_writes_nothing_also_after_a_run(tmp_path: Path) -> None:
    made.run(tmp_path / "run", made.guided(pool=10, evaluate=2), 1)
    before = (tmp_path / "run" / "proxy_scores.jsonl").read_bytes()
    trials = asked(made.guided(pool=10, evaluate=2, seed=1), 3)
    assert len(trials) == 3 and (tmp_path / "run" / "proxy_scores.jsonl").read_bytes() == before


def test_results_of_several_objectives_are_told(caplog: pytest.LogCaptureFixture) -> None:
    asked(made.guided(pool=10, evaluate=3, trust="auto"), 3, objective=lambda config: [1.0, math.pi])
    assert caplog.text.count("results of several objectives") == 1
