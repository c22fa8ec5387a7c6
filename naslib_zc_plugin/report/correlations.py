r"""Agreement of a proxy's scores with trained accuracies: correlations with intervals, also at equal size.

Intervals are over architectures, or over clusters of them (families, classes of identical networks), one of two ways:

* ``"bootstrap"``: percentiles of resamples, drawn with replacement. Nothing is assumed, at 1,000 times the cost.
* ``"influence"``: by the influence of each architecture on the coefficient (:mod:`.pairs`), in a single pass. With
  :math:`s_c` the sum of the influences in cluster c of C, the variance is
  :math:`\frac{C}{C - 1} \sum_c s_c^2 / n^2`. A coefficient r is taken to be normal on Fisher's scale artanh r, a
  difference of two as it is. On 1,000 architectures the ends differ from the bootstrap's by about its own noise.

``"auto"`` draws up to 20,000 clusters, and takes the influences of more.

One convention holds throughout the report: a score that is ``None``, NaN or infinite is *undefined*. It is counted and
shown, and never replaced by a number.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from naslib_zc_plugin.report.pairs import Pairs, Scores, as_array, finite_truth, resampled

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
UndefinedRank = Literal["drop", "worst"]
"""Where undefined scores rank: they are left out, or rank below every defined one, tied among themselves."""
Intervals = Literal["auto", "bootstrap", "influence"]
"""How intervals are made; see the head of this module."""

CONFIDENCE = 0.95
MOST_DRAWN = 20_000
"""With more clusters (of one architecture each, where none are given), ``"auto"`` is by influence."""
_SAME = 1e-12  # 1 − r² below which two orders are the same


@dataclass(frozen=True)
class IntervalEstimate:
    """A coefficient and its interval.

    ``value`` is None for fewer than three pairs, constant scores or constant accuracies; ``low`` and ``high`` are then
    None, too, as they are where no resample defines the coefficient, in particular without resamples.
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Agreement:
    """Agreement of scores with accuracies; + always means that the proxy prefers the better architectures.

    ``n`` counts the pairs used and ``undefined`` the scores that are None or not finite.
    """

    n: int
    undefined: int
    spearman: IntervalEstimate
    kendall: IntervalEstimate
    pearson: IntervalEstimate


def agreement(
    scores: Scores,
    truth: Sequence[float] | Floats,
    *,
    higher_is_better: bool = True,
    undefined: UndefinedRank = "drop",
    clusters: Sequence[Hashable] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = CONFIDENCE,
    intervals: Intervals = "auto",
) -> Agreement:
    r"""Correlate scores with accuracies: Spearman's :math:`\rho`, Kendall's :math:`\tau_b` and Pearson's r.

    Intervals are over clusters, and are joint for all coefficients where they are drawn. A resample that does not
    define a coefficient is left out of its interval. Results do not depend on the order of the pairs. 1,000 resamples
    of 1,000 pairs take about a fifth of a second and of 15,625 about three; influences of 423,624 about a second.

    Args:
        scores: one per architecture; None, NaN and infinities are undefined.
        truth: the accuracies, finite, higher better (negate a perplexity).
        higher_is_better: the proxy's direction; if False the scores are negated.
        undefined: "drop" leaves architectures with undefined scores out. "worst" ranks them below every defined score,
            tied among themselves, and counts them in ``n``; Pearson's r still drops them.
        clusters: one label per architecture; None: each is a cluster of its own.
        resamples: number of bootstrap resamples; 0 for no intervals, by influence neither.
        seed: of the resamples.
        confidence: of the intervals, between 0 and 1.
        intervals: how they are made.

    Returns:
        The coefficients, and the counts of pairs and of undefined scores.

    Raises:
        ValueError: lengths differ, accuracies are not finite, or options are out of range.

    >>> found = agreement([1.0, 3.0, 2.0, None], [0.7, 0.9, 0.8, 0.6], resamples=0)
    >>> found.n, found.undefined, found.spearman.value
    (3, 1, 1.0)
    """
    method = _Method.of(resamples, seed, confidence, intervals)
    values, accuracies = compared_pairs(scores, truth, higher_is_better, undefined)
    missing = len(scores) - int(np.count_nonzero(np.isfinite(values)))
    labels = _labels(clusters, len(scores))
    if len(values) < 3:
        return Agreement(len(values), missing, *[IntervalEstimate(None, None, None)] * 3)
    if len(values) < len(scores) and clusters is not None:
        labels = [labels[i] for i in np.flatnonzero(np.isfinite(as_array(scores))).tolist()]
    pairs = Pairs.of(values, accuracies)
    member = _members(labels, pairs.order)
    if method.is_linear(member):
        tau, influences = pairs.tau_influences()
        once = np.ones((len(values), 1))
        rows = [
            _linear(pairs.rho(once)[0], pairs.rho_influences()[pairs.order], member),
            _linear(tau, influences[pairs.order], member),
            _linear(pairs.pearson(once)[0], pairs.pearson_influences()[pairs.order], member),
        ]
    else:
        rows = list(coefficients(pairs, member, resamples, method.rng()))
    spearman, kendall, pearson = (method.estimate(row, member) for row in rows)
    return Agreement(len(values), missing, spearman, kendall, pearson)


@dataclass(frozen=True)
class RankAgreement:
    """Rank correlations at equal controls, or their difference between two scores.

    ``n`` counts the architectures used, ``left_out`` those for which a score or a control is undefined.
    """

    n: int
    left_out: int
    spearman: IntervalEstimate
    kendall: IntervalEstimate


def partial_agreement(
    scores: Scores,
    truth: Sequence[float] | Floats,
    controls: Sequence[Scores] = (),
    *,
    higher_is_better: bool = True,
    clusters: Sequence[Hashable] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = CONFIDENCE,
    intervals: Intervals = "auto",
) -> RankAgreement:
    r"""Correlate the ranks of scores and accuracies at equal controls, such as the number of parameters.

    Spearman's :math:`\rho` and Kendall's :math:`\tau_b` between all variables are reduced by one control z after the
    other,

    .. math:: r_{ab \cdot z} = \frac{r_{ab} - r_{az} r_{bz}}{\sqrt{(1 - r_{az}^2)(1 - r_{bz}^2)}},

    which for :math:`\rho` is the correlation of what is left of the ranks after a linear regression on the controls'.
    A score that orders as a control does has none.

    Whole clusters are drawn with replacement, or add up their influences: networks of one family are alike, and count
    as one observation rather than as many.

    Args:
        scores: one per architecture; None, NaN and infinities are undefined, and left out.
        truth: the accuracies, finite, higher better.
        controls: one value per architecture each; architectures without are left out.
        higher_is_better: the proxy's direction; if False the scores are negated.
        clusters: one label per architecture; None: each is a cluster of its own.
        resamples: as for :func:`agreement`.
        seed: of the resamples.
        confidence: of the intervals, between 0 and 1.
        intervals: how they are made.

    Returns:
        The coefficients, None where fewer than three more architectures than controls are left.

    Raises:
        ValueError: lengths differ, accuracies are not finite, or options are out of range.

    >>> size, truth = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 3.0, 2.0, 5.0, 4.0, 6.0]
    >>> found = partial_agreement([2.0, 6.0, 1.0, 5.0, 3.0, 4.0], truth, [size], resamples=0)
    >>> round(found.spearman.value, 3), round(found.kendall.value, 3)
    (0.906, 0.419)
    """
    method = _Method.of(resamples, seed, confidence, intervals)
    found, member, counts = _related([scores], truth, controls, clusters, method)
    sign = 1 if higher_is_better else -1
    return RankAgreement(*counts, *(method.estimate(sign * each[0], member) for each in found))


def paired_difference(
    scores: Scores,
    others: Scores,
    truth: Sequence[float] | Floats,
    controls: Sequence[Scores] = (),
    *,
    clusters: Sequence[Hashable] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = CONFIDENCE,
    intervals: Intervals = "auto",
) -> RankAgreement:
    """Return by how much scores agree better with accuracies than other scores do, on the networks that both define.

    Both are compared in the same resamples, so the interval is of the difference: much narrower than the two intervals
    suggest where both scores err on the same networks. "Better" is an interval above zero.

    Args:
        scores: one per architecture, higher better (negate those of a proxy whose lower values are).
        others: the same of the other proxy.
        truth: as for :func:`partial_agreement`, as are the arguments that follow.
        controls: see there.
        clusters: see there.
        resamples: see there.
        seed: see there.
        confidence: see there.
        intervals: see there.

    Returns:
        The differences of the coefficients, of ``scores`` less those of ``others``.

    Raises:
        ValueError: as for :func:`partial_agreement`.

    >>> found = paired_difference([1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], resamples=0)
    >>> found.n, round(found.kendall.value, 3)
    (4, 0.333)
    """
    method = _Method.of(resamples, seed, confidence, intervals)
    found, member, counts = _related([scores, others], truth, controls, clusters, method)
    return RankAgreement(*counts, *(method.estimate(each[0] - each[1], member, is_difference=True) for each in found))


def _related(
    scores: Sequence[Scores],
    truth: Sequence[float] | Floats,
    controls: Sequence[Scores],
    clusters: Sequence[Hashable] | None,
    method: _Method,
) -> tuple[list[list[Floats]], Indices, tuple[int, int]]:
    """Return rho and tau of each score with the truth at equal controls, of the sample and of its resamples.

    In the place of resamples, the sum of the influences of each cluster where the method is linear. The second value
    is the cluster of each architecture used; the third counts these, and those that are left out.
    """
    accuracies = finite_truth(truth, len(scores[0]))
    given = [as_array(each) for each in (*scores, *controls)]
    if any(len(each) != len(accuracies) for each in given):
        raise ValueError("give one score, one accuracy and one value of each control per architecture")
    labels = _labels(clusters, len(accuracies))
    rows = np.stack([*given[: len(scores)], accuracies, *given[len(scores) :]])
    kept = np.flatnonzero(np.isfinite(rows).all(axis=0))
    rows, n, left_out = rows[:, kept], len(kept), len(accuracies) - len(kept)
    order = np.lexsort(rows)
    member = _members(labels, kept[order])
    if n < 3 + len(controls):
        return [[np.full(1, np.nan)] * len(scores)] * 2, member, (n, left_out)
    is_linear = method.is_linear(member)
    tables = _matrices(rows[:, order], member, method)
    for _ in controls:
        tables = _without_last_linear(tables) if is_linear else _without_last(tables)
    return [[table[place, len(scores)] for place in range(len(scores))] for table in tables], member, (n, left_out)


def _labels(clusters: Sequence[Hashable] | None, architectures: int) -> Sequence[Hashable]:
    """Return the cluster of each architecture; its number where none are given."""
    labels = range(architectures) if clusters is None else clusters
    if len(labels) != architectures:
        raise ValueError(f"{len(labels)} clusters and {architectures} accuracies: give one label per architecture")
    return labels


def _members(labels: Sequence[Hashable], order: Indices) -> Indices:
    """Return the number of each architecture's cluster in an order, counted from 0 as they come in it."""
    if isinstance(labels, range):  # none are given
        return np.arange(len(order))
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(labels[i], len(numbers)) for i in order.tolist()], dtype=np.intp)


def _matrices(rows: Floats, member: Indices, method: _Method) -> Floats:
    """Return rho and tau between all rows, shape (2, rows, rows, 1 + resamples or clusters)."""
    size = len(rows)
    pairs = [(a, b, Pairs.of(rows[a], rows[b])) for b in range(size) for a in range(b)]
    blocks = []
    if method.is_linear(member):
        block = np.zeros((2, size, size, 2 + int(member.max())))
        block[..., 0] = 1  # of each with itself, always
        once = np.ones((len(member), 1))
        for a, b, pair in pairs:
            tau, influences = pair.tau_influences()
            block[0, a, b] = block[0, b, a] = _linear(pair.rho(once)[0], pair.rho_influences(), member)
            block[1, a, b] = block[1, b, a] = _linear(tau, influences, member)
        return block
    for drawn in resampled(1 + int(member.max()), method.resamples, method.rng()):
        counts = drawn[member]
        block = np.ones((2, size, size, counts.shape[1]))
        for a, b, pair in pairs:
            block[:, a, b] = block[:, b, a] = pair.rho(counts[pair.order]), pair.tau(counts[pair.order])
        blocks.append(block)
    return np.concatenate(blocks, axis=-1)


def _linear(value: float, influences: Floats, member: Indices) -> Floats:
    """Return a coefficient, and the sum of the influences of each cluster: shape (1 + clusters,)."""
    return np.append(value, np.bincount(member, weights=influences))


def _without_last(tables: Floats) -> Floats:
    """Return the coefficients between all variables but the last, at an equal last one."""
    rest, last = tables[:, :-1, :-1], tables[:, :-1, -1]
    free = 1 - last**2
    free = np.where(free < _SAME, np.nan, free)  # orders as the control does
    found = (rest - last[:, :, None] * last[:, None]) / np.sqrt(free[:, :, None] * free[:, None])
    return np.clip(found, -1, 1)


def _without_last_linear(tables: Floats) -> Floats:
    """Return the same of coefficients and their influences, by the derivative of the formula."""
    values = _without_last(tables[..., :1])
    last, moved = tables[:, :-1, -1, :1], tables[:, :-1, -1, 1:]
    free = 1 - last**2
    free = np.where(free < _SAME, np.nan, free)
    product = last[:, :, None] * moved[:, None] + moved[:, :, None] * last[:, None]
    scale = last * moved / free
    found = (tables[:, :-1, :-1, 1:] - product) / np.sqrt(free[:, :, None] * free[:, None])
    found += values * (scale[:, :, None] + scale[:, None])
    return np.concatenate([values, found], axis=-1)


def compared_pairs(
    scores: Scores, truth: Sequence[float] | Floats, higher_is_better: bool, undefined: UndefinedRank
) -> tuple[Floats, Floats]:
    r"""Return the pairs that count, with scores that are higher where better.

    Args:
        scores: one per architecture.
        truth: the accuracies, finite.
        higher_is_better: the proxy's direction.
        undefined: as for :func:`agreement`.

    Returns:
        Scores (undefined ones are left out, or :math:`-\infty` if they rank worst) and their accuracies.

    Raises:
        ValueError: lengths differ, accuracies are not finite, or ``undefined`` is unknown.
    """
    if undefined not in get_args(UndefinedRank):
        raise ValueError(f"undefined={undefined!r}: choose 'drop' or 'worst'")
    values, accuracies = as_array(scores), finite_truth(truth, len(scores))
    missing = np.isnan(values)
    values = np.where(missing, -np.inf, values if higher_is_better else -values)
    return (values[~missing], accuracies[~missing]) if undefined == "drop" else (values, accuracies)


# How intervals are made --------------------


@dataclass(frozen=True)
class _Method:
    """How intervals are made; see the head of the module."""

    resamples: int
    seed: int
    confidence: float
    intervals: Intervals

    @classmethod
    def of(cls, resamples: int, seed: int, confidence: float, intervals: Intervals) -> _Method:
        """Return the method of these arguments; raise ``ValueError`` for one that is out of range."""
        if resamples < 0 or not 0 < confidence < 1:
            raise ValueError("resamples must be 0 or more, and confidence between 0 and 1")
        if intervals not in get_args(Intervals):
            raise ValueError(f"intervals={intervals!r}: choose one of {', '.join(get_args(Intervals))}")
        return cls(resamples, seed, confidence, intervals)

    def rng(self) -> np.random.Generator:
        """Return what draws the resamples."""
        return np.random.default_rng(self.seed)

    def is_linear(self, member: Indices) -> bool:
        """Return whether the intervals for these clusters are by influence."""
        clusters = 1 + int(member.max()) if len(member) else 0
        return self.resamples > 0 and intervals_are(clusters, self.intervals) == "influence"

    def estimate(self, row: Floats, member: Indices, *, is_difference: bool = False) -> IntervalEstimate:
        """Return a coefficient with its interval.

        Args:
            row: the coefficient, then those of the resamples, or the sum of the influences of each cluster.
            member: the cluster of each architecture.
            is_difference: of two coefficients, so that the scale stays as it is.
        """
        value = float(row[0])
        if math.isnan(value):
            return IntervalEstimate(None, None, None)
        if not self.is_linear(member):
            drawn = row[1:][~np.isnan(row[1:])]
            if not len(drawn):
                return IntervalEstimate(value, None, None)
            ends = [(1 - self.confidence) / 2, (1 + self.confidence) / 2]
            return IntervalEstimate(value, *np.quantile(drawn, ends).tolist())
        clusters = len(row) - 1
        variance = (
            float(row[1:] @ row[1:]) / len(member) ** 2 * (clusters / (clusters - 1) if clusters > 1 else math.nan)
        )
        reach = NormalDist().inv_cdf((1 + self.confidence) / 2) * math.sqrt(variance)
        if math.isnan(reach):  # a single cluster says nothing of others
            return IntervalEstimate(value, None, None)
        if is_difference:
            return IntervalEstimate(value, max(-2.0, value - reach), min(2.0, value + reach))
        if (free := 1 - value**2) < _SAME:
            return IntervalEstimate(value, value, value)
        low, high = (math.tanh(math.atanh(value) + side * reach / free) for side in (-1, 1))
        return IntervalEstimate(value, low, high)


def intervals_are(clusters: int, intervals: Intervals = "auto") -> Intervals:
    """Return how intervals over so many clusters are made: ``"bootstrap"`` or ``"influence"``.

    >>> intervals_are(15_625), intervals_are(423_624)
    ('bootstrap', 'influence')
    """
    if intervals == "auto":
        return "bootstrap" if clusters <= MOST_DRAWN else "influence"
    return intervals


def coefficients(pairs: Pairs, member: Indices, resamples: int, rng: np.random.Generator) -> Floats:
    """Compute rho, tau-b and r of a sample and of its resamples; NaN where x or y is constant.

    Args:
        pairs: three or more; an x of minus infinity ranks below all others and has no part in Pearson's r.
        member: the cluster of each pair, in the order of x, then y.
        resamples: number of times that as many clusters as there are, are drawn with replacement.
        rng: draws them.

    Returns:
        Shape (3, 1 + resamples).
    """
    found = []
    for drawn in resampled(1 + int(member.max()), resamples, rng):
        counts = drawn[member]
        found.append([pairs.rho(counts), pairs.tau(counts), pairs.pearson(counts)])
    return np.concatenate(found, axis=1)
