"""NAS-Bench-BERT: the facts that are known of it, architectures trained twice, and the training that failed."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import kendalltau

from naslib_zc_plugin.benchmarks import Benchmark, benchmark, convert_benchmark
from naslib_zc_plugin.benchmarks.flexibert import TABLE, TASKS
from naslib_zc_plugin.files import DataError
from tests.benchmarks import bert


@pytest.fixture(scope="module")
def real(shared: Path) -> Benchmark:
    return benchmark("flexibert", shared / "data")


def test_the_baselines_have_their_published_correlations(real: Benchmark) -> None:
    glue = real.column("glue")
    for name, tau in (("hidden_times_depth", 0.745), ("depth", 0.68), ("hidden_size", 0.34)):
        column = real.column(name)
        found = kendalltau([column[key] for key in glue], list(glue.values())).statistic
        assert found == pytest.approx(tau, abs=0.005)


def test_an_architecture_trained_twice_has_the_mean_of_both(real: Benchmark) -> None:
    trainings, glue = real.column("trainings"), real.column("glue")
    assert len(real) == 491 and sorted(trainings.values())[-10:] == [1] + [2] * 9
    every = TABLE.trainings(real.path)
    assert len(every) == 500
    for key in (key for key, count in trainings.items() if count == 2):
        first, second = (row.scores["glue"] for row in every if row.key == key)
        assert glue[key] == pytest.approx((first + second) / 2) and 0.1 < abs(first - second) < 2.1


def test_the_failed_training_has_no_mean(real: Benchmark) -> None:
    failed = TABLE.trainings(real.path)[47]
    assert failed.scores["rte"] == 0 and failed.key not in real.column("glue")
    assert failed.key not in real.column("rte") and failed.key in real.column("mnli")
    assert len(real.column("glue")) == 490


def changed(rows: list[dict[str, Any]], **scores: float) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(json.dumps(rows))
    made[3]["scores"].update(scores)
    return made


@pytest.mark.parametrize("wrong", [{"glue": 12.0}, {"sst": -1.0}, {"cola": -101.0}, {"mnli": float("nan")}])
def test_numbers_that_cannot_be_are_refused(tmp_path: Path, wrong: dict[str, float]) -> None:
    source = bert.write(tmp_path, changed(bert.content(), **wrong))
    with pytest.raises(DataError, match="row 3 with percents of which glue is the mean"):
        convert_benchmark("flexibert", source, tmp_path)
    assert not (tmp_path / "flexibert").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": math.inf}, "a whole number is inf"),
        ({"id": 3.7}, "a whole number is 3.7"),
        ({"time_to_train": math.inf}, "row 3 with seconds of training; found inf"),
        ({"time_to_train": True}, "a number is True"),
        ({"time_to_train": 10**400}, "more than 300 digits"),
        ({"time_to_train": 0}, "row 3 with seconds of training; found 0.0"),
    ],
)
def test_rows_that_are_none_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    content = bert.content()
    content[3].update(change)
    with pytest.raises(DataError, match=message):
        convert_benchmark("flexibert", bert.write(tmp_path, content), tmp_path)


def test_the_table_needs_no_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    convert_benchmark("flexibert", bert.write(tmp_path, bert.content()), tmp_path)
    assert len(benchmark("flexibert", tmp_path)) == 491
    with pytest.raises(ImportError, match="benchmark tables need pyarrow"):
        convert_benchmark("nds_enas", tmp_path, tmp_path)


def test_a_negative_matthews_correlation_is_one(tmp_path: Path) -> None:
    content = bert.content()
    tasks = {**content[3]["scores"], "cola": -1.5}
    glue = sum(tasks[task] for task in TASKS) / len(TASKS)
    convert_benchmark("flexibert", bert.write(tmp_path, changed(content, cola=-1.5, glue=glue)), tmp_path)
    assert min(benchmark("flexibert", tmp_path).column("cola").values()) == -1.5
