"""Fitness from the trained accuracies in a benchmark's table. Tables and columns are read once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin import benchmarks
from naslib_zc_plugin.files import VARIABLE, data_folder
from naslib_zc_plugin.registry import closest
from naslib_zc_plugin.search.loop import Evaluation
from naslib_zc_plugin.spaces import space

if TYPE_CHECKING:
    from naslib_zc_plugin.search.config import SearchConfig


class BenchmarkEvaluator:
    """An evaluator that looks an accuracy up, and charges its training, if the table has that cost.

    Args:
        config: the search.
        data: the data directory; not needed where the table is in the package.
        scores: not used.
        metric: the column that is the fitness.
        benchmark: the benchmark; that of the search's space unless given.

    Raises:
        ValueError: there is no such column, it is no quality, or the benchmark has the architectures of another space.
        DataError: the table cannot be read.
    """

    costly = False
    metric_names = ()

    def __init__(
        self, config: SearchConfig, data: str | Path | None, scores: Any, *, metric: str, benchmark: str = ""
    ) -> None:
        table = _table(benchmark or config.space, _folder(data))
        check_space(table, config.space)
        self._values, self._sign = quality(table, metric)
        measure = table.columns[metric]
        self._seconds = table.training_seconds(metric) if measure.cost else {}
        self._name, self._metric, self._measure, self._source = table.name, metric, measure, table.source

    def __call__(self, key: str) -> Evaluation:
        """Return the accuracy of a key, and the cost of its training."""
        if key not in self._values:
            return Evaluation(None, 0.0, f"{self._name} has no {self._metric} of it")
        return Evaluation(self._sign * self._values[key], self._seconds.get(key, 0.0))

    def provenance(self) -> dict[str, Any]:
        """Return the benchmark, the column, and the sum of its numbers."""
        return {"benchmark": self._name, "metric": self._metric, "sum": round(sum(self._values.values()), 6)}

    def notes(self) -> list[str]:
        """Return lines about the column and the cost of its training."""
        fitness = f"fitness: {self._metric} of {self._name}, {self._measure.description}"
        if self._source:
            fitness += f"; from the table in the package: {self._source}"
        if not self._measure.cost:
            return [fitness, "the table does not tell what that training took: the clock is not charged for it"]
        column, share = self._measure.cost
        part = f"{share:.3g} of " if share != 1 else ""
        return [fitness, f"an evaluation is charged {part}{column}, without validation"]


EVALUATOR = BenchmarkEvaluator


def quality(table: benchmarks.Benchmark, metric: str) -> tuple[Mapping[str, float], int]:
    """Return a column by which architectures can be chosen, and 1 where higher is better, else −1.

    Raises:
        ValueError: there is no such column, it has no direction, or it is what training took.
    """
    values, info = table.column(metric), table.columns[metric]
    if info.higher_is_better is None or info.unit == "s":
        known = [name for name, each in table.columns.items() if each.higher_is_better is not None and each.unit != "s"]
        wrong = "it is a cost" if info.unit == "s" else "neither more nor less of it is better"
        raise ValueError(f"metric {metric!r} of {table.name} is no quality: {wrong}. {closest(metric, known)}")
    return values, 1 if info.higher_is_better else -1


def check_space(table: benchmarks.Benchmark, name: str) -> None:
    """Check that a table has architectures of a search space.

    Raises:
        ValueError: its keys are none of that space.
    """
    canonical = getattr(space(name), "canonical", None)
    if canonical is None or not table.keys:
        return
    try:
        canonical(table.keys[0])
    except ValueError as error:
        raise ValueError(
            f"benchmark {table.name!r} has the architectures of another space than {name}: {error}"
        ) from error


def read_column(name: str, benchmark: str, data: str | Path | None) -> Mapping[str, float]:
    """Return a column of a benchmark's table: key → number.

    Raises:
        ValueError: no such column, no such benchmark, or no data directory where one is needed.
        DataError: the table cannot be read.
    """
    return _column(name, benchmark, _folder(data))


def _folder(data: str | Path | None) -> str:
    """Return the data directory; empty where there is none, which a table in memory or in the package does not need."""
    named = data or os.environ.get(VARIABLE)
    return str(data_folder(data).resolve()) if named else ""


@lru_cache(maxsize=4)
def _table(benchmark: str, folder: str) -> benchmarks.Benchmark:
    return benchmarks.benchmark(benchmark, folder or None)


@lru_cache(maxsize=64)
def _column(name: str, benchmark: str, folder: str) -> Mapping[str, float]:
    return _table(benchmark, folder).column(name)
