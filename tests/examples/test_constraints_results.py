"""The page of searches under limits says what its runs say; limits, shares and optima are those of the tables."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

import numpy as np
import pytest

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
    import pyarrow.parquet

    folder = shared / "data" / "nasbench201"
    table = pyarrow.parquet.read_table(folder / "accuracies.parquet", columns=["unique_str", "cifar10_test_200"])
    classes, test = table["unique_str"].to_pylist(), np.array(table["cifar10_test_200"])
    rows = results.read(RESULTS / "constraints.csv")
    for device in results.DEVICES:
        column = f"cifar10_{device}_latency"
        measured = pyarrow.parquet.read_table(folder / "hardware.parquet", columns=[column])[column].to_pylist()
        of_class: dict[str, list[float]] = {}
        for name, value in zip(classes, measured):
            of_class.setdefault(name, []).append(value)
        medians = {name: median(values) for name, values in of_class.items()}
        for quantile in results.QUANTILES:
            fact = {
                r["way"]: r["value"] for r in rows if (r["device"], r["quantile"], r["seed"]) == (device, quantile, "")
            }
            limit = np.quantile(list(medians.values()), quantile)
            inside = np.array([medians[name] <= limit for name in classes])
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
