"""The page of searches under limits says what its runs say; limits, shares and optima are those of the tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.benchmarks.nasbench201.convert import class_text
from tests.examples import EXAMPLES, example

pytest.importorskip("pyarrow")
results = example("constraints_results")
RESULTS = EXAMPLES.parent / "docs" / "results"


def test_the_page_says_what_the_runs_say() -> None:
    rows = results.read(RESULTS / "constraints.csv")
    assert (RESULTS / "constraints.md").read_text(encoding="utf-8") == results.page(rows)
    runs = [row for row in rows if row["part"] == "search" and row["seed"] != ""]
    assert len(runs) == 2 * 2 * len(results.WAYS) * 30 * len(results.BUDGETS)
    optimum = {(r["device"], r["quantile"]): r["value"] for r in rows if r["way"] == "optimum"}
    assert all(not row["value"] > optimum[row["device"], row["quantile"]] for row in runs)


def test_limits_shares_and_optima_are_those_of_the_tables(shared: Path) -> None:
    table = benchmark("nasbench201", shared / "data")
    test = np.array(list(table.column("cifar10_test_200").values()))
    rows = results.read(RESULTS / "constraints.csv")
    for device in results.DEVICES:
        latency = table.column(f"cifar10_{device}_latency_ms")
        medians = {class_text(key): value for key, value in latency.items()}
        for quantile in results.QUANTILES:
            fact = {
                r["way"]: r["value"] for r in rows if (r["device"], r["quantile"], r["seed"]) == (device, quantile, "")
            }
            limit = np.quantile(list(medians.values()), quantile)
            inside = np.array([latency[key] <= limit for key in table.keys])
            assert fact["limit"] == pytest.approx(limit, rel=1e-5)
            assert (fact["within"], fact["optimum"]) == (inside.sum(), pytest.approx(test[inside].max(), rel=1e-5))


def test_what_a_search_returns() -> None:
    validation, test = {"a": 1.0, "b": 3.0, "c": 2.0, "d": 9.0}, {"a": 10.0, "b": 30.0, "c": 25.0, "d": 90.0}
    data = results.Data(validation, test, {}, lambda label, key: None)

    class Part:
        def beyond(self, key: str) -> str:
            return "too slow" if key in "da" else ""

    trained = ["d", "c", "b", "a"]
    found = [results.found(data, Part(), trained, budget) for budget in (0, 1, 2, 3)]
    assert json.dumps(found) == "[NaN, NaN, 25.0, 30.0]"
    assert results.interval([1.0, 1.0]) == "1.00 [1.00, 1.00]"
    assert results.interval([1.0, float("nan")]) == "nothing within the limit in 1 of 2"
