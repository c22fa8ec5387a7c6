"""Fitness from a benchmark's table: what training gave others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from naslib_zc_plugin.benchmarks import Benchmark
from naslib_zc_plugin.search.columns import table
from naslib_zc_plugin.search.config import Search
from naslib_zc_plugin.search.evaluators.base import Evaluation
from naslib_zc_plugin.search.scores import Scores


class BenchmarkEvaluator:
    """Looks an accuracy up, and charges the training that it took (nothing where the table does not tell).

    Args:
        numbers: the benchmark.
        metric: the column that is the fitness.

    Raises:
        ValueError: no such column, or one of which neither more nor less is better.
    """

    costly = False
    tells = ()

    def __init__(self, numbers: Benchmark, metric: str) -> None:
        self._values = numbers.column(metric)
        measure = numbers.columns[metric]
        if measure.higher_is_better is None:
            raise ValueError(f"metric {metric!r}: neither more nor less of it is better; choose what training gave")
        self._sign = 1 if measure.higher_is_better else -1
        self._seconds = numbers.training_seconds(metric) if measure.cost else {}
        self._name, self._metric, self._measure = numbers.name, metric, measure

    def __call__(self, key: str) -> Evaluation:
        """The number in the table."""
        if key not in self._values:
            return Evaluation(None, 0.0, f"{self._name} has no {self._metric} of it")
        return Evaluation(self._sign * self._values[key], self._seconds.get(key, 0.0))

    def facts(self) -> dict[str, Any]:
        """The benchmark, the column, and a few of its numbers in a sum."""
        return {"benchmark": self._name, "metric": self._metric, "sum": round(sum(self._values.values()), 6)}

    def notes(self) -> list[str]:
        """What the column is, and what its training costs."""
        told = [f"fitness: {self._metric} of {self._name}, {self._measure.description}"]
        if not self._measure.cost:
            return [*told, "the table does not tell what that training took: the clock is not charged for it"]
        column, share = self._measure.cost
        part = f"{share:.3g} of " if share != 1 else ""
        return [*told, f"an evaluation is charged {part}{column}, without validation"]


def evaluator(
    search: Search, data: str | Path | None, scores: Scores | None, *, metric: str, benchmark: str = ""
) -> BenchmarkEvaluator:
    """Look ``metric`` up in a benchmark's table; that of the search's space unless another is named."""
    return BenchmarkEvaluator(table(benchmark or search.space, data), metric)
