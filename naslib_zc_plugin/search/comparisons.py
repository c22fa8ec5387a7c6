"""Searches compared with one of them: what they found, run by run, and how long they took to come among the best.

Run r of every search begins with the same random draws, so that differences are taken within runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.search.config import CompareConfig, CurveConfig, SearchConfig
from naslib_zc_plugin.search.evaluators.benchmark import read_column
from naslib_zc_plugin.search.results import Repeat, Result, best_so_far
from naslib_zc_plugin.text_table import TextTable

Floats = NDArray[np.float64]
RESAMPLES = 10_000


@dataclass(frozen=True)
class PairedDifference:
    """How much a search found more than another, over the runs that both have.

    Attributes:
        mean: of the differences.
        low, high: of its 95 % interval.
        better: share of the runs in which it found more, ties counted by half.
        runs: their number.
    """

    mean: float
    low: float
    high: float
    better: float
    runs: int

    @property
    def told(self) -> int:
        """1 where the interval lies above zero, −1 where it lies below, 0 where the two cannot be told apart."""
        return int(self.low > 0) - int(self.high < 0)

    def __str__(self) -> str:
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


@dataclass(frozen=True)
class SearchComparison:
    """A search beside the one that it is compared with.

    Attributes:
        result: the search and its runs.
        against: label of the other; empty if it is the other, or there is none.
        difference: to the other; None if there is none.
        level: the number that puts an architecture among the best; NaN where the space's are not known.
        reached: number of runs whose incumbent came to the level.
        median: Kaplan-Meier median of the evaluations until then; infinite where fewer than half of the runs came.
    """

    result: Result
    against: str
    difference: PairedDifference | None
    level: float
    reached: int
    median: float


def run_difference(first: Sequence[float], second: Sequence[float], seed: int = 0) -> PairedDifference:
    """Return how much higher the first numbers are than the second, of the same runs.

    The interval is that of a bootstrap over runs: the 2.5 and 97.5 % quantiles of the mean of as many differences,
    drawn with replacement 10,000 times.

    Raises:
        ValueError: not as many of the one as of the other, or none.

    >>> run_difference([3.0, 5.0, 4.0, 2.0], [1.0, 2.0, 2.0, 2.0])
    PairedDifference(mean=1.75, low=0.5, high=2.75, better=0.875, runs=4)
    """
    if len(first) != len(second) or not len(first):
        raise ValueError(f"{len(first)} and {len(second)} numbers: give as many of both, at least one")
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(len(difference), size=(RESAMPLES, len(difference)))
    low, high = np.quantile(difference[drawn].mean(axis=1), [0.025, 0.975]).tolist()
    better = float(((difference > 0) + (difference == 0) / 2).mean())
    return PairedDifference(float(difference.mean()), low, high, better, len(difference))


def kaplan_meier_median(times: Sequence[float], reached: Sequence[bool]) -> float:
    r"""Return the first time at which the share of runs that are not there yet is at most one half; infinity if never.

    The share is Kaplan and Meier's (1958), :math:`S(t) = \prod_{t_i \le t} (1 - d_i / n_i)`, where of :math:`n_i` runs
    that still go on :math:`d_i` get there at :math:`t_i`. A run that ended before it got there counts until its end.

    Args:
        times: when each run got there, or else ended.
        reached: whether it got there.

    >>> kaplan_meier_median([3, 8, 5, 8], [True, False, True, False])
    5.0
    >>> kaplan_meier_median([3, 8, 8], [True, False, False])
    inf
    """
    at, there = np.asarray(times, dtype=np.float64), np.asarray(reached, dtype=bool)
    share = 1.0
    for time in np.unique(at[there]):
        share *= 1 - np.count_nonzero(there & (at == time)) / np.count_nonzero(at >= time)
        if share <= 0.5 + 1e-12:
            return float(time)
    return math.inf


def compare_searches(
    results: Sequence[Result], compare: CompareConfig, data: str | Path | None = None
) -> list[SearchComparison]:
    """Return each search that has runs and reports the number, beside the one that it is compared with.

    That is the search whose label is, or begins with, ``compare.against``, of the same space, evaluator and report.
    Those that are compared with the same one follow each other.
    """
    found: list[SearchComparison] = []
    for result in results:
        if not result.repeats or compare.of not in result.config.report:
            continue
        other = next((each for each in results if _is_other(each.config, result.config, compare.against)), None)
        own = other is None or other is result
        difference = None if other is None or own else _difference(result.repeats, other.repeats, compare.of)
        level = _level(result.config, compare, data)
        times = [_evaluations_to(repeat, compare.of, level) for repeat in result.repeats]
        reached = [time is not None for time in times]
        ends = [len(repeat.entries) if time is None else time for repeat, time in zip(result.repeats, times)]
        found.append(
            SearchComparison(
                result, "" if other is None or own else other.config.label, difference, level, sum(reached),
                kaplan_meier_median(ends, reached),
            )
        )  # fmt: skip
    return [each for group in _groups(found).values() for each in group]


def comparison_table(compared: Sequence[SearchComparison], compare: CompareConfig) -> TextTable:
    """Return a row for each search."""
    best = f"{compare.top:g} %"
    header = [
        "search", "runs", compare.of, f"top {best} from", "came there", "evaluations until then",
        f"more than {compare.against}", "found more in",
    ]  # fmt: skip
    body = []
    for each in compared:
        mean, deviation = each.result.mean_and_deviation(compare.of)
        runs, known = len(each.result.repeats), not math.isnan(each.level)
        late = f"> {max(len(repeat.entries) for repeat in each.result.repeats):,}"
        body.append([
            each.result.config.label, f"{runs:,}", f"{mean:.2f} ± {deviation:.2f}",
            f"{each.level:.2f}" if known else "–",
            f"{100 * each.reached / runs:.0f} %" if known else "–",
            (f"{each.median:,.0f}" if math.isfinite(each.median) else late) if known else "–",
            str(each.difference) if each.difference else "–",
            f"{100 * each.difference.better:.0f} %" if each.difference else "–",
        ])  # fmt: skip
    notes = [
        f"{compare.of}: of the architecture that a run holds for the fittest, mean ± population standard deviation.",
        f"Came there: runs in which that architecture was at some time among the best {best} of the space by "
        f"{compare.of}; evaluations until then: their Kaplan-Meier median, runs that did not count to their end.",
        f"More than {compare.against}: mean difference within runs, which begin with the same draws, with its 95 % "
        "interval of a bootstrap over runs, each by itself; found more in: that share of runs, ties by half.",
    ]
    return TextTable(f"Compared with {compare.against}", header, body, notes=notes)


def verdicts(compared: Sequence[SearchComparison], compare: CompareConfig) -> list[str]:
    """Return a sentence for each group of searches that are compared with the same one: which found most, how surely.

    The one that found most on average is set beside the next, by the difference of :func:`run_difference`.
    """
    found = []
    for against, group in _groups(compared).items():
        ranked = sorted(group, key=lambda each: -each.result.mean_and_deviation(compare.of)[0])
        lead = _difference(ranked[0].result.repeats, ranked[1].result.repeats, compare.of) if ranked[1:] else None
        if lead is None:
            continue
        where = against[len(compare.against) :].strip()
        best, second = (each.result.config.label.removesuffix(where).strip() for each in ranked[:2])
        sure = f"surely more than {second}" if lead.told else f"but not surely more than {second}"
        share = f"{100 * lead.better:.0f} % of {lead.runs} runs"
        found.append(f"{f'{where}: ' if where else ''}{best} found most, {sure}: {lead}, more in {share}.")
    return found


def _groups(compared: Sequence[SearchComparison]) -> dict[str, list[SearchComparison]]:
    """Return the comparisons by the label of the search that they are with."""
    found: dict[str, list[SearchComparison]] = {}
    for each in compared:
        found.setdefault(each.against or each.result.config.label, []).append(each)
    return found


def _is_other(config: SearchConfig, of: SearchConfig, against: str) -> bool:
    """Return whether a search is the one that another is compared with."""
    named = config.label == against or config.label.startswith(f"{against} ")
    same = all(getattr(config, part) == getattr(of, part) for part in ("space", "evaluator", "report"))
    return named and same


def _difference(first: Sequence[Repeat], second: Sequence[Repeat], title: str) -> PairedDifference | None:
    """Return the difference over the runs that both have, and in which both found something."""
    others = {repeat.number: repeat.reported(title) for repeat in second}
    pairs = [(repeat.reported(title), others[repeat.number]) for repeat in first if repeat.number in others]
    pairs = [pair for pair in pairs if all(map(math.isfinite, pair))]
    return run_difference([one for one, _ in pairs], [other for _, other in pairs]) if pairs else None


def _level(config: SearchConfig, compare: CompareConfig, data: str | Path | None) -> float:
    """Return the number above which the best of the space lie; NaN where it is no column of a benchmark."""
    try:
        column = read_column(config.report[compare.of], config.space, data)
    except ValueError:  # a number that the evaluator gives, of what it trained alone
        return math.nan
    return float(np.quantile(list(column.values()), 1 - compare.top / 100))


def _evaluations_to(repeat: Repeat, title: str, level: float) -> int | None:
    """Return the number of evaluations after which the fittest is at the level; None if it never is."""
    there = best_so_far(repeat, CurveConfig(of=title)) >= level
    return int(np.argmax(there)) + 1 if there.any() else None
