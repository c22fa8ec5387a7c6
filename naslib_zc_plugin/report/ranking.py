"""Methods ranked over several benchmarks: GradAlign's Table 8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from .bootstrap import Floats


@dataclass(frozen=True)
class MeanRank:
    """A method's rank, 1 the best: by benchmark the mean over its data sets, and the mean over benchmarks."""

    name: str
    ranks: Mapping[str, float]
    mean: float


@dataclass(frozen=True)
class Ranking:
    """Methods, the best mean rank first, and those that lack a coefficient somewhere and were not ranked."""

    rows: Sequence[MeanRank]
    unranked: Sequence[str]


def mean_ranks(coefficients: Mapping[str, Sequence[Mapping[str, float | None]]]) -> Ranking:
    """Rank methods on each data set, and average over the data sets of a benchmark, then over benchmarks.

    Equal coefficients share a rank, and the next one has the next: 1, 2, 2, 3. With that, GradAlign's Tables 2, 4 and
    6 give its Table 8 exactly.

    Args:
        coefficients: by benchmark a mapping for each data set, from methods to what higher is better of (there
            Kendall's tau); None where a method has none.

    Raises:
        ValueError: no benchmark, one without data sets, or no method that has a coefficient on all of them.
    """
    columns = [column for benchmark in coefficients.values() for column in benchmark]
    if not columns or not all(coefficients.values()):
        raise ValueError("mean ranks need one benchmark or more, each with a data set or more")
    names = list(dict.fromkeys(name for column in columns for name in column))
    ranked = [name for name in names if all(column.get(name) is not None for column in columns)]
    if not ranked:
        raise ValueError("no method has a coefficient on every data set: there is nothing to rank")
    by_benchmark = {
        benchmark: np.mean([_ranks([column[name] for name in ranked]) for column in group], axis=0)
        for benchmark, group in coefficients.items()
    }
    rows = []
    for place, name in enumerate(ranked):
        ranks = {benchmark: float(found[place]) for benchmark, found in by_benchmark.items()}
        rows.append(MeanRank(name, ranks, float(np.mean(list(ranks.values())))))
    rows.sort(key=lambda row: row.mean)
    return Ranking(rows, [name for name in names if name not in ranked])


def _ranks(values: Sequence[float | None]) -> Floats:
    found: Floats = rankdata(-np.array(values, dtype=np.float64), method="dense").astype(np.float64)
    return found
