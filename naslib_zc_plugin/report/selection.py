"""Measures of the best: agreement among them, the overlap of the tops, the selected network, percentiles.

"The top 10 %" differs between papers, and so do the numbers: the best by accuracy (epsilon's tables) are not the best
by score (Table VI of Lightweight NAS).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from naslib_zc_plugin.report.correlations import (
    CONFIDENCE,
    Agreement,
    Floats,
    UndefinedRank,
    agreement,
    compared_pairs,
)
from naslib_zc_plugin.report.pairs import Scores, as_array, finite_truth
from naslib_zc_plugin.table import Column

SHARE = 0.1
_COUNT, _BEST = 64, 0.05  # of the number in Top-64/top-5%


@dataclass(frozen=True)
class Top:
    """Agreement among the best, and how many of the best by accuracy are among the best by score.

    Attributes:
        by_accuracy: among the architectures whose accuracy is above the percentile, 90 for the top 10 %.
        by_score: among the ⌊share · n⌋ with the best scores, the earlier ones first where scores are equal.
        overlap: "Top-10%/top-10%", in percent; None where no score is above its percentile.
        hits: "Top-64/top-5%"; None for 64 architectures or fewer.
    """

    by_accuracy: Agreement
    by_score: Agreement
    overlap: float | None
    hits: int | None


@dataclass(frozen=True)
class Selected:
    """The network with the best score; more than one where networks share it.

    Attributes:
        positions: its (their) places among the scores.
        accuracy: mean accuracy of the networks that share the best score.
        low: lowest of them.
        high: highest of them.
        rank: that of ``high`` among all accuracies given, 1 the best; equal accuracies share the better rank.
        worst_rank: that of ``low``.
    """

    positions: tuple[int, ...]
    accuracy: float
    low: float
    high: float
    rank: int
    worst_rank: int


def top(
    scores: Scores,
    truth: Sequence[float] | Floats,
    *,
    share: float = SHARE,
    higher_is_better: bool = True,
    undefined: UndefinedRank = "drop",
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> Top:
    r"""Compute the measures of the best, as epsilon's and Lightweight NAS' codes do.

    With scores s, accuracies a and linearly interpolated percentiles :math:`q`, all over the pairs that count:

    * by accuracy: the coefficients over :math:`\{a > q_{90}(a)\}`
    * by score: the coefficients over the first :math:`\lfloor n / 10 \rfloor` in descending order of s
    * overlap: :math:`100\,|\{a > q_{90}(a)\} \cap \{s > q_{90}(s)\}| \,/\, |\{s > q_{90}(s)\}|`
    * hits: :math:`|\{a > q_{95}(a)\} \cap \{s \ge s_{(64)}\}|` with the 64th largest score :math:`s_{(64)}`, so that
      ties with it count and there can be more than 64

    Intervals are over the architectures of a top, which is held fixed.

    Args:
        scores: one per architecture; None, NaN and infinities are undefined.
        truth: the accuracies, finite, higher better.
        share: of the best, between 0 and 1; the 64 and 5 % of ``hits`` stay as they are.
        higher_is_better: the proxy's direction.
        undefined: rank of undefined scores, as for :func:`~naslib_zc_plugin.report.correlations.agreement`.
        resamples: of the intervals; 0 for none.
        seed: of the resamples.
        confidence: of the intervals, between 0 and 1.

    Raises:
        ValueError: as for ``agreement``, and for a share out of range.

    >>> found = top([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 6, 5], share=0.5, resamples=0)
    >>> found.by_accuracy.n, round(found.by_accuracy.spearman.value, 3), found.overlap
    (3, 0.5, 100.0)
    """
    if not 0 < share < 1:
        raise ValueError(f"share={share}: the best are a share between 0 and 1")
    values, accuracies = compared_pairs(scores, truth, higher_is_better, undefined)
    best = accuracies > _quantile(accuracies, 1 - share)
    first = np.argsort(-values, kind="stable")[: math.floor(share * len(values))]
    agree = partial(agreement, undefined=undefined, resamples=resamples, seed=seed, confidence=confidence)
    by_accuracy, by_score = (agree(values[chosen], accuracies[chosen]) for chosen in (best, first))
    high = values > _quantile(values, 1 - share)
    overlap = 100 * int(np.count_nonzero(best & high)) / int(np.count_nonzero(high)) if high.any() else None
    return Top(by_accuracy, by_score, overlap, _hits(values, accuracies))


def selected(scores: Scores, truth: Sequence[float] | Floats, *, higher_is_better: bool = True) -> Selected | None:
    """Find the network that a search by score alone would end with, and every one that shares its score.

    Args:
        scores: one per architecture; None, NaN and infinities are undefined.
        truth: the accuracies, finite, higher better.
        higher_is_better: the proxy's direction.

    Returns:
        The network, or None where no score is defined.

    >>> found = selected([1.0, 3.0, 2.0], [0.7, 0.8, 0.9])
    >>> found.positions, found.accuracy, found.rank
    ((1,), 0.8, 2)
    """
    values, accuracies = as_array(scores), finite_truth(truth, len(scores))
    if np.isnan(values).all():
        return None
    positions = np.flatnonzero(values == (np.nanmax(values) if higher_is_better else np.nanmin(values)))
    shared = accuracies[positions]
    low, high = float(shared.min()), float(shared.max())
    rank, worst = (1 + int(np.count_nonzero(accuracies > accuracy)) for accuracy in (high, low))
    return Selected(tuple(positions.tolist()), float(shared.mean()), low, high, rank, worst)


def selected_within(scores: Floats, truth: Floats, measure: Floats, limits: Floats) -> Floats:
    """Return the accuracy of the network that a score selects among those within each limit.

    Args:
        scores: higher is better, NaN where undefined, (n,).
        truth: the accuracies, (n,).
        measure: what is limited, such as milliseconds, NaN where it is not known, (n,).
        limits: its largest values, (m,).

    Returns:
        The mean accuracy of the networks that share the best score, NaN where none within has a score, (m,).

    >>> scores, truth = np.array([3.0, 1.0, 2.0]), np.array([70.0, 60.0, 90.0])
    >>> selected_within(scores, truth, np.array([9.0, 1.0, 2.0]), np.array([0.5, 1.0, 5.0, 9.0])).tolist()
    [nan, 60.0, 90.0, 70.0]
    """
    found = np.full(len(limits), np.nan)
    for place, limit in enumerate(limits.tolist()):
        within = np.isfinite(scores) & (measure <= limit)
        if within.any():
            found[place] = truth[within & (scores == scores[within].max())].mean()
    return found


@dataclass(frozen=True)
class Percentile:
    """The place of a score among ``n`` defined ones.

    Attributes:
        percentile: percent of them that are worse, with those that are equal counted half; None without any.
        better: number of better ones.
        equal: number of equal ones.
        n: number of defined ones.
        undefined: number of undefined ones, which do not count in the percentile.
        failed: number of failed ones.
        pending: number of architectures that are not scored yet.
    """

    percentile: float | None
    better: int
    equal: int
    n: int
    undefined: int
    failed: int
    pending: int


def percentile(value: float, column: Column) -> Percentile:
    """Find the place of a value among the scores of its proxy's column, for either direction of the proxy.

    The value must come from the same version, options and protocol as the column, which is not checked here.

    Args:
        value: a score, finite.
        column: the proxy's scores of other architectures.

    Raises:
        ValueError: the value is not finite.

    >>> scores = Column("ntk", 1, False, np.array([10.0, 20.0, 30.0]), np.ones(3, np.uint8), np.zeros(3))
    >>> percentile(20.0, scores).percentile
    50.0
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} has no place among scores: an undefined score has no percentile")
    values = column.values[np.isfinite(column.values)]
    above, equal = int(np.count_nonzero(values > value)), int(np.count_nonzero(values == value))
    below = len(values) - above - equal
    worse, better = (below, above) if column.higher_is_better else (above, below)
    percent = 100 * (worse + equal / 2) / len(values) if len(values) else None
    unscored = (column.count(status) for status in ("undefined", "failed", "pending"))
    return Percentile(percent, better, equal, len(values), *unscored)


def _quantile(values: Floats, q: float) -> float:
    """Return a linearly interpolated quantile; minus infinity next to a finite number stays minus infinity."""
    if not len(values):
        return math.nan
    with np.errstate(invalid="ignore"):
        found = float(np.quantile(values, q))
    return -math.inf if math.isnan(found) else found


def _hits(values: Floats, accuracies: Floats) -> int | None:
    """Count the best 5 % by accuracy among the 64 best by score; None where there are no more than 64."""
    if len(values) <= _COUNT:
        return None
    best = accuracies > _quantile(accuracies, 1 - _BEST)
    return int(np.count_nonzero(best & (values >= np.sort(values)[-_COUNT])))
