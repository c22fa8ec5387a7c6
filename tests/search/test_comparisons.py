"""Searches compared with one of them: differences within runs, evaluations to the best, and what can be told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from scipy.stats import CensoredData, bootstrap, ecdf

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.configuration import check
from naslib_zc_plugin.search.comparisons import (
    compare_searches,
    comparison_table,
    kaplan_meier_median,
    run_difference,
    verdicts,
)
from naslib_zc_plugin.search.config import CompareConfig, SearchConfig, load_experiment
from naslib_zc_plugin.search.journal import Entry
from naslib_zc_plugin.search.results import Result, collect_results

COMPARE = CompareConfig(of="test", against="random", top=10)
TEST = benchmark("nasbench201").column("cifar10_test_200")
RANKED = sorted(TEST, key=lambda key: TEST[key])
LEVEL = float(np.quantile(list(TEST.values()), 0.9))


def test_the_interval_is_scipys_bootstrap() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.normal(0.2, 1.0, 60), rng.normal(0.0, 1.0, 60)
    found = run_difference(first.tolist(), second.tolist())
    expected = bootstrap((first - second,), np.mean, n_resamples=9999, method="percentile", rng=rng).confidence_interval
    assert found.mean == pytest.approx((first - second).mean()) and found.runs == 60
    assert (found.low, found.high) == (pytest.approx(expected.low, abs=0.02), pytest.approx(expected.high, abs=0.02))
    assert found.better == (first > second).mean()
    assert run_difference([1.0, 2.0], [1.0, 1.0]).better == 0.75
    with pytest.raises(ValueError, match="2 and 1 numbers"):
        run_difference([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("first", "told"), [([2.0, 3.0, 4.0], 1), ([1.0, 1.0, 1.0], 0), ([0.0, 0.5, 0.9], -1)])
def test_what_the_interval_tells(first: Sequence[float], told: int) -> None:
    assert run_difference(first, [1.0, 1.0, 1.0]).told == told


def test_the_median_is_that_of_scipys_survival_function() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        times, ends = rng.integers(1, 30, 21), rng.integers(10, 40, 21)
        reached, at = times <= ends, np.minimum(times, ends)
        survival = ecdf(CensoredData(uncensored=at[reached], right=at[~reached])).sf
        there = survival.quantiles[survival.probabilities <= 0.5 + 1e-9]
        assert kaplan_meier_median(at.tolist(), reached.tolist()) == (there[0] if len(there) else math.inf)


def _config(label: str, **changes: Any) -> SearchConfig:
    plain = {
        "space": "nasbench201", "strategy": {"name": "random_search"}, "budget": {"evaluations": 3}, "label": label,
        "evaluator": {"name": "benchmark", "metric": "cifar10_val_200"}, "report": {"test": "cifar10_test_200"},
        "repeats": 4, **changes,
    }  # fmt: skip
    return check(SearchConfig, plain, label)


def _result(config: SearchConfig, *runs: Sequence[int]) -> Result:
    """A search whose runs evaluate the networks of these ranks by test accuracy, each fitter than the one before."""
    histories = {
        number: [Entry(RANKED[rank], float(step), 1.0, 1.0 + step, 0) for step, rank in enumerate(ranks)]
        for number, ranks in enumerate(runs)
    }
    (found,) = collect_results([config], {config.label: histories}, None)
    return found


def test_searches_are_compared_run_by_run() -> None:
    random = _result(_config("random"), [0, 1, 2], [0, 1, 3], [0, -1, 5], [0, 1, 2])
    better = _result(_config("better"), [0, 1, -1], [-2, 5, -3], [0, -1, 4000], [5, -1, -2])
    first, second = compare_searches([random, better], COMPARE)
    assert (first.against, first.difference, second.against) == ("", None, "random")
    assert first.level == second.level == pytest.approx(LEVEL)
    ends = [[RANKED[each] for each in run] for run in ([2, 3, 5, 2], [-1, -3, 4000, -2])]
    expected = np.mean([TEST[b] - TEST[a] for a, b in zip(*ends)])
    assert second.difference is not None and second.difference.mean == pytest.approx(expected)
    assert second.difference.better == 1.0
    # An incumbent that is left again for a worse one has been there.
    assert (first.reached, second.reached) == (1, 4)
    assert first.median == math.inf and second.median == 2
    table = comparison_table([first, second], COMPARE)
    assert table.body[0][4:] == ["25 %", "> 3", "–", "–"] and table.body[1][4:6] == ["100 %", "2"]
    assert verdicts([first, second], COMPARE)[0].startswith("better found most, surely more than random: +")


def test_each_is_compared_within_its_own_group() -> None:
    other = {"metric": "cifar10_val_12", "name": "benchmark"}
    results = [
        _result(_config("random A"), [1]), _result(_config("random B", evaluator=other), [1]),
        _result(_config("mine A"), [1]), _result(_config("mine B", evaluator=other), [1]),
    ]  # fmt: skip
    found = compare_searches(results, COMPARE)
    assert [(each.result.config.label, each.against) for each in found] == [
        ("random A", ""), ("mine A", "random A"), ("random B", ""), ("mine B", "random B"),
    ]  # fmt: skip
    assert verdicts(found, COMPARE) == [
        f"{name}: random found most, but not surely more than mine: +0.00 [+0.00, +0.00], more in 50 % of 1 runs."
        for name in "AB"
    ]


def test_numbers_of_the_evaluator_have_no_level_and_a_lone_search_no_difference() -> None:
    config = _config("alone", report={"test": "t"})
    entries = {0: [Entry(RANKED[0], 1.0, 1.0, 1.0, 0, metrics={"t": 5.0})]}
    (result,) = collect_results([config], {"alone": entries}, None)
    (found,) = compare_searches([result], COMPARE)
    assert math.isnan(found.level) and found.reached == 0 and found.difference is None
    assert comparison_table([found], COMPARE).body == [["alone", "1", "5.00 ± 0.00", *["–"] * 5]]
    assert verdicts([found], COMPARE) == []


def test_a_file_may_ask_for_it(written: Callable[..., Path]) -> None:
    compare = {"of": "test", "against": "random"}
    path = written(strategy=None, searches={"random": {"strategy": {"name": "random_search"}}}, compare=compare)
    assert load_experiment(path).compare == CompareConfig(of="test", against="random")
    for change, said in (({"of": "tset"}, "compare.of"), ({"against": "rand"}, "no search is called 'rand'")):
        with pytest.raises(ValueError, match=said):
            load_experiment(written(strategy={"name": "random_search"}, compare={**compare, **change}))
